#!/usr/bin/env bash
# run.sh [MODEL]: builds the game and starts it; its console takes "say WORD", "teach WORD = ACTION", "wait", "frames",
# "quit". MODEL: a folder or GGUF file with a tokenizer. LIBPEFT_DIR: folder of libpeft.so.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
out=$root/build/examples/services/csharp
model=${1:-${PEFT_SMOLLM2_GGUF:-$HOME/.cache/libpeft/SmolLM2-135M-Instruct.Q4_1.gguf}}
if [[ ! -e $model ]]; then
  echo "game: there is no model in $model; examples/get_model.sh fetches one" >&2
  exit 2
fi
bash "$root/bindings/csharp/build.sh" >&2
mkdir -p "$out"
cp "$root/build/bindings/csharp/lib"/{Libpeft.dll,libpeft_csharp.so,libpeft.so.1} "$out/"
mcs -langversion:7 -warnaserror -optimize -out:"$out/game.exe" -r:"$out/Libpeft.dll" "$here"/*.cs >&2
export LIBPEFT_DIR=$out MONO_THREADS_SUSPEND=coop # see bindings/csharp/README.md
exec mono "$out/game.exe" "$model"
