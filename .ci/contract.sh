#!/usr/bin/env bash
# Asks a running Luna what its document says it answers, and much that it should refuse: schemathesis against
# a debug server with a throw-away data folder. Every deviation is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."
source .ci/env.sh

readonly PORT="${LUNA_CONTRACT_PORT:-18990}"
readonly URL="http://127.0.0.1:$PORT"

cargo build --quiet
home="$(mktemp -d /tmp/luna-contract-XXXXXX)"
# The private database runs as another user when this runs as root, and must get in.
chmod 755 "$home"
server=
finish() {
  if [ -n "$server" ] && kill -TERM "$server" 2>/dev/null; then
    wait "$server" || true
  fi
  rm -rf "$home"
}
trap finish EXIT

# Settings of whoever runs this must not reach the server; limits would answer in its stead.
luna=(env -i -C "$home" PATH="$PATH" OMP_WAIT_POLICY=passive LUNA_DATA_DIR="$home/data" API_PORT="$PORT"
  LUNA_SERVER__HOST=127.0.0.1 LUNA_SERVER__REQUESTS_PER_MINUTE=0 LUNA_SERVER__LOGINS_PER_MINUTE=0
  LUNA_SERVER__ADMIN_ADDRESSES='["127.0.0.0/8"]' LUNA_SERVER__TRUSTED_PROXIES='[]'
  LUNA_SIMULATION__HISTORY_DAYS=30 "$PWD/target/debug/luna")
"${luna[@]}" serve </dev/null >"$home/serve.log" 2>&1 &
server=$!
for _ in $(seq 300); do
  curl -sf -o /dev/null "$URL/health/ready" && break
  kill -0 "$server" 2>/dev/null || break
  sleep 0.2
done
curl -sf -o /dev/null "$URL/health/ready" || {
  echo "the server is not ready:"
  tail -n 20 "$home/serve.log"
  exit 1
}
LUNA_CONTRACT_PASSWORD="$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"
export LUNA_CONTRACT_PASSWORD
printf '%s' "$LUNA_CONTRACT_PASSWORD" |
  "${luna[@]}" admin create-user --email contract@example.ch --role admin --password-stdin >/dev/null

status=0
# It keeps what it has seen in the folder that goes away.
export HYPOTHESIS_STORAGE_DIRECTORY="$home/hypothesis"
schemathesis --config-file .ci/contract.toml run "$URL/openapi.json" --no-color || status=$?

# What the server logged as an error is a bug, however it answered.
if grep -aE '"level":"ERROR"|ERROR' "$home/serve.log" >target/contract.log; then
  echo "the server logged errors:"
  head -n 20 target/contract.log
  status=1
fi
exit "$status"
