#!/usr/bin/env bash
# Every check, seconds first: format, front end, lints, the API's contract, tests. Ends with the counts; fails when anything failed.
# An argument names the tests to run; then the other checks are left out.
set -euo pipefail
cd "$(dirname "$0")/.."
source .ci/env.sh

filter="${1:-}"
mkdir -p target
# What only speeds up the next build is worth nothing where there is none, and takes gigabytes.
[ -z "${CI:-}" ] || export CARGO_INCREMENTAL=0
log=target/test.log
: >"$log"
failed_steps=()

step() {
  local name="$1"
  shift
  printf '\n== %s\n' "$name"
  "$@" </dev/null || failed_steps+=("$name")
}

# --show-output keeps the «skipped:» lines of tests that pass; they reach the log, not the screen.
tests() {
  cargo test --no-fail-fast -- --show-output ${filter:+"$filter"} 2>&1 |
    tee -a "$log" | awk -f .ci/brief.awk
}

trap '.ci/stop-test-db.sh || true' EXIT
if [ -z "$filter" ]; then
  step format cargo fmt --check
  step "front end" .ci/frontend.sh check
  step lints cargo clippy --all-targets -- -D warnings
  step contract .ci/contract.sh
else
  step "front end" .ci/frontend.sh
fi
step tests tests

status=0
awk -v steps="$(IFS=,; echo "${failed_steps[*]:-}")" -f .ci/counts.awk "$log" || status=1
exit "$status"
