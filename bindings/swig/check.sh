#!/usr/bin/env bash
# Generates the layer of every language and compiles its native half; says which exported function is not in it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
out=$root/build/bindings/swig
jdk=${JAVA_HOME:-$(dirname "$(dirname "$(readlink -f "$(command -v javac || echo /usr/bin/javac)")")")}
status=0
for language in java csharp go; do
  rm -rf "${out:?}/$language"
  mkdir -p "$out/$language"
  case $language in
    java) options=(-Wall -java -package org.libpeft.swig) ;;
    csharp) options=(-csharp -namespace Libpeft.Native -dllimport peft_csharp -DSWIG_CSHARP_NO_EXCEPTION_HELPER
      -DSWIG_CSHARP_NO_STRING_HELPER) ;;
    go) options=(-Wall -go -cgo -intgosize 64 -package native) ;;
  esac
  swig -Werror -c++ "${options[@]}" -I"$root/include" -I"$here" -outdir "$out/$language" -o "$out/$language/wrap.cxx" \
    "$here/$language.i"
  "${CXX:-c++}" -std=c++17 -fPIC -fsyntax-only -Wall -I"$root/include" -I"$jdk/include" -I"$jdk/include/linux" \
    "$out/$language/wrap.cxx"
  missing=0
  while read -r function; do
    grep -qi "[^a-z_]${function}(" "$out/$language"/*.java "$out/$language"/*.cs "$out/$language"/*.go 2> /dev/null ||
      { echo "$language: $function is not reachable" && missing=$((missing + 1)) && status=1; }
  done < "$root/tests/capi/symbols.txt"
  echo "$language: generated and compiled, $missing of $(wc -l < "$root/tests/capi/symbols.txt") functions missing"
done
exit $status
