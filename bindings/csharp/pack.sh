#!/usr/bin/env bash
# Packages what build.sh made: nuget/ as a NuGet package would unfold (lib/, runtimes/RID/native) and unity/ as a package
# for Unity's package manager, sources and native plugins inside. A program outside the tree is built on the first.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
out=$root/build/bindings/csharp
system=linux-$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')
rm -rf "$out/nuget" "$out/unity" "$out/outside"
mkdir -p "$out/nuget/lib/netstandard2.0" "$out/nuget/runtimes/$system/native" "$out/unity/Runtime/Plugins/$system" "$out/outside"
cp "$out/lib/Libpeft.dll" "$out/lib/Libpeft.xml" "$out/nuget/lib/netstandard2.0/"
cp "$out/lib/libpeft.so.1" "$out/lib/libpeft_csharp.so" "$out/nuget/runtimes/$system/native/"
cp -r "$here/package.json" "$here/README.md" "$here/Samples~" "$out/unity/"
cp -r "$here/Runtime" "$out/unity/"
mkdir -p "$out/unity/Runtime/Generated"
cp "$out/generated"/*.cs "$out/unity/Runtime/Generated/"
cp "$out/lib/libpeft.so.1" "$out/lib/libpeft_csharp.so" "$out/unity/Runtime/Plugins/$system/"
# Unity's sources without Unity: what an editor would compile, with the preprocessor symbols it sets.
mapfile -t sources < <(find "$out/unity/Runtime" -name '*.cs')
for symbols in "UNITY_5_3_OR_NEWER" "UNITY_5_3_OR_NEWER;UNITY_IOS"; do
  mcs -unsafe -langversion:7 -warnaserror -nowarn:1591 -define:"$symbols" -target:library -out:"$out/outside/Unity.dll" "${sources[@]}"
done
# A program that has nothing but the package: its library lies where NuGet's restore would put it.
cat > "$out/outside/Program.cs" <<'C'
using System;
static class Program {
  static void Main() {
    using (var context = new Libpeft.Context()) Console.WriteLine("outside the tree: libpeft " + Libpeft.Library.Version);
  }
}
C
cp "$out/nuget/lib/netstandard2.0/Libpeft.dll" "$out/outside/"
cp -r "$out/nuget/runtimes" "$out/outside/"
mcs -langversion:7 -warnaserror -out:"$out/outside/program.exe" -r:"$out/outside/Libpeft.dll" "$out/outside/Program.cs"
(cd / && env -u LIBPEFT_DIR -u LD_LIBRARY_PATH mono "$out/outside/program.exe")
