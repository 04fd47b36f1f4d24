#!/usr/bin/env bash
# Installs what is missing on Debian 12. Quiet, fast and offline when everything is there. Never asks.
#   bash tests/setup.sh          what building and testing need
#   bash tests/setup.sh build    what building the library and the command line needs
#   bash tests/setup.sh bindings what the tests of the bindings to other languages need too
# On other systems, and where packages cannot be installed, it names what is missing and goes on.
set -uo pipefail

what=${1:-tests}
build_packages=(
  g++ gcc libc6-dev make cmake ninja-build ccache pkg-config ca-certificates curl unzip
  libdnnl-dev ocl-icd-opencl-dev opencl-c-headers libhwy-dev libfmt-dev libxxhash-dev nlohmann-json3-dev
  libcli11-dev libyaml-cpp-dev)
test_packages=(
  libgtest-dev libgmock-dev libbenchmark-dev valgrind clang libclang-rt-14-dev python3)
# Of the bindings: what is missing leaves out that language alone. rustfmt and clippy come with Rust or not at all.
binding_packages=(
  swig openjdk-17-jdk-headless maven mono-mcs mono-runtime libmono-system4.0-cil libmono-system-core4.0-cil
  libmono-system-xml4.0-cil libmono-system-runtime4.0-cil nunit-console libnunit-cil-dev)
oldest_rust=1.85 oldest_go=1.24

case $what in
  build) packages=("${build_packages[@]}") ;;
  tests) packages=("${build_packages[@]}" "${test_packages[@]}") ;;
  bindings) packages=("${build_packages[@]}" "${test_packages[@]}" "${binding_packages[@]}") ;;
  *)
    echo "usage: bash tests/setup.sh [build|tests|bindings]" >&2
    exit 2
    ;;
esac

say() { echo "setup: $*"; }
is_at_least() { [[ -n $2 && $(printf '%s\n' "$1" "$2" | sort -V | head -n 1) == "$1" ]]; }

# Rust has no place among the packages above: rustup's is as good as Debian's.
rust_is_new_enough() {
  local version
  command -v cargo > /dev/null && version=$(rustc --version 2> /dev/null | cut -d ' ' -f 2) || return 1
  is_at_least "$oldest_rust" "$version"
}
[[ -d ${HOME:-/root}/.cargo/bin ]] && PATH=$PATH:${HOME:-/root}/.cargo/bin
rust_is_new_enough || packages+=(rustc-web cargo-web)

if [[ $what == bindings ]]; then
  command -v go > /dev/null || PATH=$PATH:/usr/local/go/bin
  found=$(GOTOOLCHAIN=local go env GOVERSION 2> /dev/null | sed 's/^go//')
  offered=$(apt-cache policy golang-go 2> /dev/null | sed -n 's/.*Candidate: [0-9]*:\{0,1\}\([0-9.]*\).*/\1/p')
  if ! is_at_least "$oldest_go" "$found"; then
    if is_at_least "$oldest_go" "$offered"; then
      packages+=(golang-go)
    else
      say "Go $oldest_go is needed, found ${found:-none}, and the system offers ${offered:-none}: Go's binding is not tested"
    fi
  fi
fi

if ! command -v dpkg-query > /dev/null || ! command -v apt-get > /dev/null; then
  missing=()
  for tool in g++ cmake ninja pkg-config; do
    command -v "$tool" > /dev/null || missing+=("$tool")
  done
  rust_is_new_enough || missing+=("rustc and cargo $oldest_rust or newer")
  say "this is not Debian, so nothing is installed. Needed are what Debian calls: ${packages[*]}"
  ((${#missing[@]} == 0)) || say "not found: ${missing[*]}"
  exit 0
fi

missing_packages() {
  local installed
  installed=" $(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2> /dev/null |
    sed -n 's/ installed$//p' | tr '\n' ' ') "
  for package in "$@"; do
    [[ $installed == *" $package "* ]] || echo "$package"
  done
}

mapfile -t missing < <(missing_packages "${packages[@]}")
((${#missing[@]} == 0)) && exit 0

as_root=()
if ((EUID != 0)); then
  if ! sudo -n true 2> /dev/null; then
    say "missing, and neither root nor sudo without a password is at hand: ${missing[*]}"
    say "install them with: apt-get install --no-install-recommends ${missing[*]}"
    exit 0
  fi
  as_root=(sudo -n env)
else
  as_root=(env)
fi

say "installing ${#missing[@]} packages: ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() {
  "${as_root[@]}" DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@" \
    < /dev/null >> "$log" 2>&1
}
apt update || say "the package lists could not be brought up to date; trying with the old ones"
if ! apt install -y --no-install-recommends "${missing[@]}"; then
  tail -n 15 "$log" >&2
  # One package that cannot be had must not keep the others away.
  for package in "${missing[@]}"; do
    apt install -y --no-install-recommends "$package" || true
  done
fi

mapfile -t missing < <(missing_packages "${missing[@]}")
if ((${#missing[@]} > 0)); then
  say "still missing, going on without: ${missing[*]}"
else
  say "done"
fi
exit 0
