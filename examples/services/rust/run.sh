#!/usr/bin/env bash
# Starts the service: run.sh MODEL ADAPTERS_FOLDER [ADDRESS]. Without an address the system gives a port, and the first
# line says which. LIBPEFT_DIR names the folder of libpeft.so; default: the newest of build and build/test.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
[[ -d ${HOME:-/root}/.cargo/bin ]] && PATH=$PATH:${HOME:-/root}/.cargo/bin
. "$root/bindings/library.sh"
export LD_LIBRARY_PATH=$LIBPEFT_DIR${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/build/bindings/rust-service}
cargo build -q --locked -j "${PEFT_RUST_JOBS:-2}" --manifest-path "$here/Cargo.toml" 1>&2
exec "$CARGO_TARGET_DIR/debug/${PEFT_SERVICE_PROGRAM:-chat-service}" "$@"
