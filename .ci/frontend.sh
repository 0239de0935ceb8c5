#!/usr/bin/env bash
# Builds static/dist, which the binary embeds, when its sources are newer; with «check» also checks its types.
set -euo pipefail
cd "$(dirname "$0")/.."
source .ci/env.sh
cd static

installed=node_modules/.package-lock.json
if [ ! -e "$installed" ] || [ package-lock.json -nt "$installed" ]; then
  npm ci --no-audit --no-fund </dev/null
  touch "$installed"
fi
if [ "${1:-}" = check ]; then
  npm run check </dev/null
fi
built=dist/.built
changed="$(find . \( -path ./node_modules -o -path ./dist \) -prune -o -type f -newer "$built" -print -quit 2>/dev/null || true)"
if [ ! -e "$built" ] || [ -n "$changed" ]; then
  npm run build </dev/null
  touch "$built"
fi
