#!/usr/bin/env bash
# Stops the PostgreSQL that tests started and left running, if there is one.
set -euo pipefail
cd "$(dirname "$0")/.."

folder="$PWD/target/test-postgres"
# Where tests go when the database's user cannot reach the project's folder.
elsewhere="/tmp/luna-test-postgres-$(printf '%s' "$folder" | sha256sum | cut -c1-12)"

for lock in "$folder/postgres/postmaster.pid" "$elsewhere/postgres/postmaster.pid"; do
  [ -r "$lock" ] || continue
  process="$(head -n 1 "$lock")"
  # A lock file may outlive its server, and its number may belong to another program by now.
  [ "$(cat "/proc/$process/comm" 2>/dev/null)" = postgres ] || continue
  kill -INT "$process"
  for _ in $(seq 100); do
    kill -0 "$process" 2>/dev/null || break
    sleep 0.1
  done
done
