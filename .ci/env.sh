# Sourced by every recipe: where the tools are that the set-up brought, and what a build needs to know.

export PATH="$PWD/.tools/venv/bin:$PWD/.tools/bin:$PATH:${CARGO_HOME:-$HOME/.cargo}/bin"

# LightGBM is built with the newer CMake where the system's is too old.
if [ -x "$PWD/.tools/venv/bin/cmake" ]; then
  export CMAKE="$PWD/.tools/venv/bin/cmake"
fi

# libgomp reads this when it loads; busy waiting makes parallel tests fifty times slower.
export OMP_WAIT_POLICY="${OMP_WAIT_POLICY:-passive}"

# Real data that some tests read; they say so when it is absent.
if [ -z "${LUNA_SHARED_DIR:-}" ] && [ -d "$PWD/../shared" ]; then
  LUNA_SHARED_DIR="$(cd "$PWD/../shared" && pwd)"
  export LUNA_SHARED_DIR
fi

# Whether dotted version $1 is at least $2.
at_least() {
  [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}
