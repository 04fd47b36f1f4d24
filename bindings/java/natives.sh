#!/usr/bin/env bash
# Makes what Maven cannot: the generated classes, their native half, and both libraries as resources of the jar.
# LIBPEFT_DIR: folder of libpeft.so; default: the newest of build and build/test. Output: build/bindings/java.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
out=$root/build/bindings/java
. "$root/bindings/library.sh"
jdk=${JAVA_HOME:-$(dirname "$(dirname "$(readlink -f "$(command -v javac)")")")}

newer() { [[ ! -e $1 || -n $(find "${@:2}" -newer "$1" -print -quit) ]]; }

if newer "$out/wrap.cpp" "$root/include" "$root/bindings/swig"; then
  rm -rf "$out/generated"
  mkdir -p "$out/generated/org/libpeft/swig"
  swig -Wall -Werror -c++ -java -package org.libpeft.swig -I"$root/include" -I"$root/bindings/swig" \
    -outdir "$out/generated/org/libpeft/swig" -o "$out/wrap.cpp" "$root/bindings/swig/java.i"
fi
system=linux-$(uname -m | sed 's/x86_64/amd64/')
natives=$out/resources/org/libpeft/natives/$system
mkdir -p "$natives"
if newer "$natives/libpeft_java.so" "$out/wrap.cpp" "$LIBPEFT_DIR/libpeft.so.1" ||
  ! cmp -s "$LIBPEFT_DIR/libpeft.so.1" "$natives/libpeft.so.1"; then
  "${CXX:-c++}" -std=c++17 -O1 -fPIC -shared -fno-strict-aliasing -fvisibility=hidden -Wall -Wextra -Wno-unused-parameter \
    -I"$root/include" -I"$jdk/include" -I"$jdk/include/linux" -o "$natives/libpeft_java.so" "$out/wrap.cpp" \
    -L"$LIBPEFT_DIR" -l:libpeft.so.1 -Wl,-rpath,'$ORIGIN' -Wl,--no-undefined
  cp "$LIBPEFT_DIR/libpeft.so.1" "$natives/"
  {
    echo "version=$(sed -n 's/.*<version>\(.*\)<\/version>.*/\1/p' "$here/pom.xml" | head -1)"
    echo "sum=$(cat "$natives"/*.so* | sha256sum | cut -c1-12)"
    for file in libpeft.so.1 libpeft_java.so; do echo "size.$file=$(stat -c %s "$natives/$file")"; done
  } > "$natives/natives.properties"
fi
