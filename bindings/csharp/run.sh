#!/usr/bin/env bash
# Builds the binding, its tests, its package and the README's lines, and tests all of it; offline.   run.sh [TEST...]: NUnit
# classes or methods alone, such as Libpeft.Tests.TextTest.   LIBPEFT_DIR: folder of libpeft.so; default as for build.sh.
# Ends with 77 where the tool chain is missing.
set -euo pipefail
[[ -n ${PEFT_BOUND:-} ]] || PEFT_BOUND=1 exec timeout -k 10 1000 bash "$0" "$@" # never hangs
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
out=$root/build/bindings/csharp
lib=$out/lib
bash "$here/build.sh"
nunit=$(find /usr/lib/cli /usr/lib/mono -name nunit.framework.dll -print -quit 2> /dev/null || true)
command -v nunit-console > /dev/null && [[ -n $nunit ]] ||
  { echo "SKIPPED: csharp: nunit-console is not installed" >&2 && exit 77; }

compile=(mcs -langversion:7 -warnaserror -debug "-r:$lib/Libpeft.dll")
"${compile[@]}" -target:library -out:"$lib/Libpeft.Tests.dll" "-r:$nunit" "$here"/tests/*.cs
"${compile[@]}" -out:"$lib/smoke.exe" "$here"/tests/smoke/*.cs

# A library of another binary interface, for the loader's test.
mkdir -p "$lib/other"
{
  grep -v peft_abi_version "$root/tests/capi/symbols.txt" | sed 's/.*/void *&(void) { return "other"; }/'
  echo 'int peft_abi_version(void) { return 99; }'
} > "$out/other.c"
echo 'LIBPEFT_1 { global: peft_*; local: *; };' > "$out/other.map"
"${CC:-cc}" -shared -fPIC -Wl,-soname,libpeft.so.1 -Wl,--version-script="$out/other.map" -o "$lib/other/libpeft.so.1" "$out/other.c"

"${CC:-cc}" -std=c99 -O1 -Wno-missing-field-initializers -I"$root/include" -o "$lib/step_cost" "$here/tests/step_cost.c" \
  -L"$lib" -l:libpeft.so.1 -Wl,-rpath,'$ORIGIN'

export LIBPEFT_ROOT=$root LIBPEFT_DIR=$lib
# Mono's default way to stop threads for a collection is a signal; one that arrives in the middle of a training step has
# been seen to damage the heap, in C too. The cooperative way needs none.
export MONO_THREADS_SUSPEND=coop

if ((!$#)); then
  # The README's lines, as they stand there, between the marks of a code block.
  {
    echo 'using System; using Libpeft; static class Quickstart { static void Main() {'
    sed -n '/^```csharp$/,/^```$/p' "$here/README.md" | sed '/^```/d' | sed "1,10s#\"SmolLM2-135M-Instruct.gguf\"#Environment.GetEnvironmentVariable(\"PEFT_MODEL\")#"
    echo '} }'
  } > "$out/Quickstart.cs"
  "${compile[@]}" -out:"$lib/quickstart.exe" "$out/Quickstart.cs"
  model=${PEFT_SMOLLM2_GGUF:-$HOME/.cache/libpeft/SmolLM2-135M-Instruct.Q4_1.gguf}
  if [[ -e $model ]]; then
    mkdir -p "$out/quickstart"
    printf '{"prompt": "zorble", "completion": " open_gate"}\n' > "$out/quickstart/train.jsonl"
    (cd "$out/quickstart" && PEFT_MODEL=$model timeout 300 mono "$lib/quickstart.exe") | tail -4
    [[ -e $out/quickstart/my-adapter/adapter_model.safetensors ]]
  else
    echo "SKIPPED: csharp: the quick start compiles, but there is no model in $model to run it on" >&2
  fi
  bash "$here/pack.sh"
fi
options=(-nologo -noshadow -nothread -domain:None -labels "-result:$out/nunit.xml")
(($#)) && options+=("-run:$1")
cd "$out"
MONO_OPTIONS=--debug timeout 900 nunit-console "${options[@]}" "$lib/Libpeft.Tests.dll"
