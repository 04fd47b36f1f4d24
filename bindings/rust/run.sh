#!/usr/bin/env bash
# Builds and tests the Rust bindings against a built libpeft; exit 0 only if all of it holds.
#   LIBPEFT_DIR        folder of libpeft.so; default: the newest of build and build/test of the project
#   CARGO_TARGET_DIR   default: build/bindings/rust of the project
#   PEFT_RUST_CYCLES   create/free cycles of each kind of handle; default 10000
# Works offline once the crates of Cargo.lock are cached.
set -uo pipefail
[[ -n ${PEFT_BOUND:-} ]] || PEFT_BOUND=1 exec timeout -k 10 1000 bash "$0" "$@" # never hangs
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cd "$here" || exit 2

[[ -d ${HOME:-/root}/.cargo/bin ]] && PATH=$PATH:${HOME:-/root}/.cargo/bin
if ! command -v cargo > /dev/null; then
  echo "SKIPPED: rust: there is no cargo" >&2
  exit 77
fi
. "$root/bindings/library.sh"
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/build/bindings/rust}
export LD_LIBRARY_PATH=$LIBPEFT_DIR${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}

jobs=(-j "${PEFT_RUST_JOBS:-2}" --locked)
service=$root/examples/services/rust
for manifest in "$here/Cargo.toml" "$service/Cargo.toml"; do
  [[ -e $manifest ]] || continue
  cargo fetch --locked --offline --manifest-path "$manifest" > /dev/null 2>&1 ||
    cargo fetch --locked --manifest-path "$manifest" > /dev/null 2>&1 ||
    { echo "SKIPPED: rust: the crates of $manifest are not cached and could not be fetched" >&2 && exit 77; }
done
export CARGO_NET_OFFLINE=true

names=() results=()
step() { # name, command...
  local name=$1 log status
  shift
  log=$(mktemp)
  echo "rust: $name" >&2
  "$@" > "$log" 2>&1
  status=$?
  grep -hE '^SKIPPED: |^trivial call|^that is|cycles, ' "$log" >&2
  names+=("$name")
  if ((status == 0)); then
    results+=("ok$(awk '/^test result:/ { n += $4 } /^ok   / { ++n } END { if (n) print ", " n " tests" }' "$log")")
  else
    results+=("FAILED")
    tail -n 60 "$log" >&2
  fi
  rm -f "$log"
}
skip() {
  echo "SKIPPED: rust: $1: $2" >&2
  names+=("$1")
  results+=("skipped: $2")
}

if cargo fmt --version > /dev/null 2>&1; then step format cargo fmt --all --check; else skip format "no rustfmt"; fi
if cargo clippy --version > /dev/null 2>&1; then
  step lint cargo clippy "${jobs[@]}" --workspace --all-targets -- -D warnings
  step "lint, load-dynamic" cargo clippy "${jobs[@]}" -p libpeft --all-targets --features load-dynamic -- -D warnings
else
  skip lint "no clippy"
fi
# With what tests print: figures, and what was skipped.
step "tests, linked" cargo test "${jobs[@]}" --workspace -- --show-output
step "tests, opened at run time" env -u LD_LIBRARY_PATH cargo test "${jobs[@]}" -p libpeft --features load-dynamic \
  --test it --test load -- --show-output
step "documentation without the library" env -u LIBPEFT_DIR -u LD_LIBRARY_PATH DOCS_RS=1 RUSTDOCFLAGS="-D warnings" \
  cargo doc "${jobs[@]}" --no-deps -p libpeft-sys -p libpeft
if [[ -e $service/test.sh ]]; then
  cargo clippy --version > /dev/null 2>&1 &&
    step "lint, the chat service" cargo clippy "${jobs[@]}" --manifest-path "$service/Cargo.toml" -- -D warnings
fi
if command -v pkg-config > /dev/null; then
  step "a project outside, by pkg-config" bash "$here/package_test.sh"
else
  skip "a project outside, by pkg-config" "no pkg-config"
fi
if ls /usr/lib/llvm-*/lib/libclang*.so* > /dev/null 2>&1 || [[ -n ${LIBCLANG_PATH:-} ]]; then
  step "bindings are those of the headers" cargo test "${jobs[@]}" -p libpeft-sys --features bindgen
else
  skip "bindings are those of the headers" "no libclang"
fi

echo
failed=0
for i in "${!names[@]}"; do
  printf 'rust: %-36s %s\n' "${names[i]}" "${results[i]}"
  [[ ${results[i]} == FAILED ]] && failed=1
done
exit $failed
