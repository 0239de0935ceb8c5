#!/usr/bin/env bash
# Builds static/dist, which the binary embeds, when its sources are newer; with «check» also checks its types.
set -euo pipefail
cd "$(dirname "$0")/.."
source .ci/env.sh
cd static

installed=node_modules/.luna-installed
if [ ! -e "$installed" ] || [ package-lock.json -nt "$installed" ]; then
  npm ci --no-audit --no-fund </dev/null
  touch "$installed"
fi
if [ "${1:-}" = check ]; then
  npm run --silent check </dev/null
fi
# The style sheet holds the classes that templates use.
built=node_modules/.luna-built
if [ ! -d dist ] || [ ! -e "$built" ] ||
  [ -n "$(find . ../templates \( -path ./node_modules -o -path ./dist \) -prune -o -type f -newer "$built" -print -quit)" ]; then
  npm run --silent build </dev/null
  touch "$built"
fi
