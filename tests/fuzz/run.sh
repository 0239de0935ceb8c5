#!/usr/bin/env bash
# Fuzzes each parser for FUZZ_S seconds (600 unless said) and prints how often it ran; arguments name parsers.
# Coverage-guided by libFuzzer on the stable compiler: the flags are those of its documentation.
set -euo pipefail
cd "$(dirname "$0")/../.."
source .ci/env.sh

readonly SECONDS_EACH="${FUZZ_S:-600}"
readonly WORK=target/fuzz
parsers=("$@")
[ "${#parsers[@]}" -gt 0 ] || parsers=(energy_charts entsoe_prices entsoe_grid entsoe_reservoirs open_meteo ecb
  vse awattar bfe_wide bfe_long meteoswiss meteoswiss_forecast swissgrid swissgrid_cells elcom)

cp Cargo.lock tests/fuzz/Cargo.lock
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares"
target="$(rustc -vV | sed -n 's/^host: //p')"
# With a target of its own, build scripts and macros stay without instruments.
cargo build --release --quiet --target "$target" --manifest-path tests/fuzz/Cargo.toml --target-dir "$WORK"
binary="$WORK/$target/release/luna-fuzz"

status=0
for parser in "${parsers[@]}"; do
  corpus="$WORK/corpus/$parser"
  mkdir -p "$corpus" "$WORK/crashes/$parser"
  if LUNA_FUZZ_PARSER="$parser" "$binary" "$corpus" tests/fuzz/seeds -max_total_time="$SECONDS_EACH" \
    -max_len=65536 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -dict=tests/fuzz/words.dict \
    -artifact_prefix="$WORK/crashes/$parser/" >"$WORK/$parser.log" 2>&1; then
    outcome="no crash"
  else
    outcome="CRASH, see $WORK/$parser.log"
    status=1
  fi
  runs="$(sed -n 's/^stat::number_of_executed_units: *//p' "$WORK/$parser.log")"
  edges="$(grep -o 'cov: [0-9]*' "$WORK/$parser.log" | tail -n 1)"
  printf '%-14s %12s runs in %s s, %s, %s\n' "$parser" "${runs:-0}" "$SECONDS_EACH" "${edges:-no coverage}" "$outcome"
done
exit "$status"
