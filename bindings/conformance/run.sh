#!/usr/bin/env bash
# Runs the scenario in C and through every binding that is there; prints a table and exits 0 only if all cells hold.
#   run.sh [LANGUAGE...]     default: c java csharp go rust, those with a conformance.sh
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
if [[ -z ${LIBPEFT_DIR:-} ]]; then
  for folder in "$root/build" "$root/build/test"; do
    [[ -e $folder/libpeft.so ]] && LIBPEFT_DIR=$folder && break
  done
fi
if [[ ! -e ${LIBPEFT_DIR:-}/libpeft.so ]]; then
  echo "conformance: no libpeft.so in ${LIBPEFT_DIR:-$root/build or $root/build/test}: set LIBPEFT_DIR" >&2
  exit 2
fi
LIBPEFT_DIR=$(cd "$LIBPEFT_DIR" && pwd)
export LIBPEFT_DIR
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
    continue
  fi
  work=$out/scratch/$language
  rm -rf "$work"
  mkdir -p "$work"
  echo "conformance: $language" >&2
  bash "$script" "$here/scenario.json" "$out/scenario.tsv" "$work" > "$out/$language.out" 2> "$out/$language.err"
  code=$?
  if ((code == 77)); then
    echo "conformance: $language: SKIPPED, its tool chain is missing: $(tail -1 "$out/$language.err")" >&2
    continue
  fi
  ((code == 0)) || echo "conformance: $language: exit status $code, see $out/$language.err" >&2
  ran+=("$language")
done
python3 "$here/table.py" "$here/scenario.json" "$out" "${ran[@]}"
