#!/usr/bin/env bash
# Generates, compiles the native half and Libpeft.dll. Output: build/bindings/csharp, with Libpeft.dll and both native
# libraries beside each other in lib/.   LIBPEFT_DIR: folder of libpeft.so; default: the newest of build and build/test.
# Ends with 77 where mono, SWIG or a compiler is missing.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
out=$root/build/bindings/csharp
. "$root/bindings/swig/version.sh" csharp
for tool in mcs mono "${CXX:-c++}"; do
  command -v "$tool" > /dev/null || { echo "SKIPPED: csharp: there is no $tool" >&2 && exit 77; }
done
. "$root/bindings/library.sh"

# True if the first is missing or older than anything in the others.
newer() { [[ ! -e $1 || -n $(find "${@:2}" -newer "$1" -print -quit) ]]; }

mkdir -p "$out/lib"
if newer "$out/wrap.cpp" "$root/include" "$root/bindings/swig" "$here/build.sh"; then
  rm -rf "$out/generated" "$out/wrap.cpp"
  mkdir -p "$out/generated"
  # IL2CPP: none of the delegates that SWIG registers by default; names of what iOS links into the program itself.
  swig -Werror -c++ -csharp -namespace Libpeft.Native -dllimport peft_csharp -DSWIG_CSHARP_NO_EXCEPTION_HELPER \
    -DSWIG_CSHARP_NO_STRING_HELPER -I"$root/include" -I"$root/bindings/swig" -outdir "$out/generated" \
    -o "$out/wrap.new" "$root/bindings/swig/csharp.i"
  sed -i -e 's/DllImport("peft_csharp"/DllImport(LibraryName.Value/' "$out/generated/PeftNativePINVOKE.cs"
  sed -i -e 's/^public class /internal class /' "$out/generated"/*.cs
  mv "$out/wrap.new" "$out/wrap.cpp"
fi
if newer "$out/lib/libpeft_csharp.so" "$out/wrap.cpp" "$LIBPEFT_DIR/libpeft.so.1" "$here/build.sh"; then
  "${CXX:-c++}" -std=c++17 -O1 -fPIC -shared -fno-strict-aliasing -fvisibility=hidden -Wall -Wextra \
    -I"$root/include" -o "$out/lib/libpeft_csharp.so" "$out/wrap.cpp" -L"$LIBPEFT_DIR" -l:libpeft.so.1 \
    -Wl,-soname,libpeft_csharp.so -Wl,-rpath,'$ORIGIN' -Wl,--no-undefined
fi
cmp -s "$LIBPEFT_DIR/libpeft.so.1" "$out/lib/libpeft.so.1" || cp "$LIBPEFT_DIR/libpeft.so.1" "$out/lib/"
if newer "$out/lib/Libpeft.dll" "$here/Runtime" "$out/generated" "$here/build.sh"; then
  mapfile -t sources < <(find "$here/Runtime" "$out/generated" -name '*.cs' | sort)
  mcs -unsafe -langversion:7 -warnaserror -optimize -debug -target:library -doc:"$out/lib/Libpeft.xml" \
    -nowarn:1591 -out:"$out/lib/Libpeft.dll" "${sources[@]}"
fi
