#!/usr/bin/env bash
# Builds and runs the C program in README.md as it stands there. Usage: readme_test.sh BUILD_FOLDER
set -euo pipefail
build=$(realpath "${1:?BUILD_FOLDER}")
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

awk '/^```c$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$root/README.md" > "$work/main.c"
[[ -s $work/main.c ]] || { echo "readme: README.md has no C program" >&2; exit 1; }
"${CC:-cc}" -std=c99 -Wall -Wextra -Werror -pedantic "$work/main.c" "-I$root/include" "-L$build" -lpeft \
  "-Wl,-rpath,$build" -o "$work/main"
"$work/main" "$root/tests/data/families/llama" "$work/adapter" | tee "$work/output"
[[ -s $work/adapter/adapter_model.safetensors && -s $work/adapter/adapter_config.json ]] ||
  { echo "readme: no adapter was saved" >&2; exit 1; }
# It says what the training did: a loss that was learned.
awk '/^loss/ { ok = $5 + 0 < 0.1 } END { exit !ok }' "$work/output" || { echo "readme: nothing was learned" >&2; exit 1; }
# A mistake gives a message and a status.
! "$work/main" "$work/nothing" "$work/adapter" > "$work/output" || { echo "readme: no error" >&2; exit 1; }
grep -q nothing "$work/output" || { echo "readme: the error does not name the file" >&2; exit 1; }
