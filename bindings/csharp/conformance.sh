#!/usr/bin/env bash
# conformance.sh SCENARIO.json SCENARIO.tsv WORK: the scenario in C#, see bindings/conformance/README.md.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
out=$root/build/bindings/csharp
bash "$here/build.sh" >&2
mcs -langversion:7 -warnaserror -debug -out:"$out/lib/conformance.exe" -r:"$out/lib/Libpeft.dll" "$here"/conformance/*.cs >&2
mono --debug "$out/lib/conformance.exe" "$2" "$root" "$3"
