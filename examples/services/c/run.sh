#!/usr/bin/env bash
# run.sh MODEL FOLDER [PORT]: builds the character and starts it; FOLDER keeps what it was taught. PORT 0: any.
# LIBPEFT_DIR: folder of libpeft.so; default: the newest of build and build/test.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
out=$root/build/examples/services/c
. "$root/bindings/library.sh"
mkdir -p "$out"
"${CC:-cc}" -std=c99 -O1 -Wall -Wextra -Wpedantic ${CFLAGS:-} -Wno-missing-field-initializers -I"$root/include" \
  -o "$out/character" "$here"/*.c -L"$LIBPEFT_DIR" -Wl,-rpath,"$LIBPEFT_DIR" -lpeft >&2
exec "$out/character" "$@"
