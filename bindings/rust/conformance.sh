#!/usr/bin/env bash
# conformance.sh SCENARIO.json SCENARIO.tsv WORK: the scenario in Rust, see ../conformance/README.md.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
[[ -d ${HOME:-/root}/.cargo/bin ]] && PATH=$PATH:${HOME:-/root}/.cargo/bin
command -v cargo > /dev/null || { echo "SKIPPED: rust: there is no cargo" >&2 && exit 77; }
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/build/bindings/rust}
export LD_LIBRARY_PATH=$LIBPEFT_DIR${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
cargo build -q --locked -j "${PEFT_RUST_JOBS:-2}" --manifest-path "$here/Cargo.toml" -p libpeft-conformance 1>&2
"$CARGO_TARGET_DIR/debug/libpeft-conformance" "$1" "$root" "$3"
