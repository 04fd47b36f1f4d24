#!/usr/bin/env bash
# run.sh [FLAGS] MODEL DATA: builds the service against the libpeft of this tree and starts it.
# LIBPEFT_DIR: folder of libpeft.so; default: the newest of build and build/test.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../../../bindings/go/environment.sh"
(cd "$here" && go build -o "$go_out/adapterqueue" .) >&2
exec "$go_out/adapterqueue" "$@"
