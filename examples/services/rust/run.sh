#!/usr/bin/env bash
# Starts the service: run.sh MODEL ADAPTERS_FOLDER [ADDRESS]. Without an address the system gives a port, and the first
# line says which. LIBPEFT_DIR names the folder of libpeft.so; default: build, then build/test of the project.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
[[ -d ${HOME:-/root}/.cargo/bin ]] && PATH=$PATH:${HOME:-/root}/.cargo/bin
if [[ -z ${LIBPEFT_DIR:-} ]]; then
  for folder in "$root/build" "$root/build/test"; do
    [[ -e $folder/libpeft.so ]] && LIBPEFT_DIR=$folder && break
  done
fi
LIBPEFT_DIR=$(cd "${LIBPEFT_DIR:?there is no libpeft.so in build: set LIBPEFT_DIR}" && pwd)
export LIBPEFT_DIR LD_LIBRARY_PATH=$LIBPEFT_DIR${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/build/bindings/rust-service}
cargo build -q --locked -j "${PEFT_RUST_JOBS:-2}" --manifest-path "$here/Cargo.toml" 1>&2
exec "$CARGO_TARGET_DIR/debug/${PEFT_SERVICE_PROGRAM:-chat-service}" "$@"
