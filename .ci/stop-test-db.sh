#!/usr/bin/env bash
# Stops the PostgreSQL that tests started, if one runs.
set -euo pipefail
cd "$(dirname "$0")/.."
