#!/usr/bin/env bash
# Runs the scenario in C and through every binding that is there; prints a table and exits 0 only if all cells hold.
#   run.sh [LANGUAGE...]     default: c java csharp go rust
# LIBPEFT_DIR: folder of libpeft.so; default: the newest of build and build/test, built where neither has one.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
if [[ -z ${LIBPEFT_DIR:-} && ! -e $root/build/libpeft.so && ! -e $root/build/test/libpeft.so ]]; then
  echo "conformance: there is no libpeft.so yet: building it" >&2
  bash "$root/tests/setup.sh" bindings >&2
  [[ -d ${HOME:-/root}/.cargo/bin ]] && PATH=$PATH:${HOME:-/root}/.cargo/bin
  (cd "$root" && cmake --preset release > /dev/null && ninja -C build peft > /dev/null) || exit 2
fi
. "$root/bindings/library.sh"
languages=("$@")
((${#languages[@]})) || languages=(c java csharp go rust)
out=$root/build/bindings/conformance
mkdir -p "$out"
python3 "$here/scenario.py" flat < "$here/scenario.json" > "$out/scenario.tsv" || exit 2
ran=()
for language in "${languages[@]}"; do
  script=$root/bindings/$language/conformance.sh
  [[ $language == c ]] && script=$here/c/conformance.sh
  if [[ ! -e $script ]]; then
    echo "conformance: $language: there is no $script" >&2
    exit 2
  fi
  work=$out/scratch/$language
  rm -rf "$work"
  mkdir -p "$work"
  echo "conformance: $language" >&2
  timeout -k 10 400 bash "$script" "$here/scenario.json" "$out/scenario.tsv" "$work" > "$out/$language.out" 2> "$out/$language.err"
  code=$?
  if ((code == 77)); then
    echo "SKIPPED: conformance: $language: $(tail -n 1 "$out/$language.err" | sed 's/^SKIPPED: //')" >&2
    continue
  fi
  ((code == 0)) || echo "conformance: $language: exit status $code, see $out/$language.err" >&2
  ran+=("$language")
done
python3 "$here/table.py" "$here/scenario.json" "$out" "${ran[@]}"
