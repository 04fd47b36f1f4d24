#!/usr/bin/env bash
# conformance.sh SCENARIO.json SCENARIO.tsv WORK: the scenario in C, see ../README.md.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
out=$root/build/bindings/conformance/c
mkdir -p "$out"
"${CC:-cc}" -std=c99 -O1 -Wall -Wextra -Wno-missing-field-initializers -I"$root/include" -o "$out/runner" "$here"/*.c \
  -L"$LIBPEFT_DIR" -Wl,-rpath,"$LIBPEFT_DIR" -lpeft -lpthread
"$out/runner" "$2" "$root" "$3"
