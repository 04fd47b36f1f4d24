#!/usr/bin/env bash
# From nothing to a trained adapter: sentences become JSON commands.
#   bash examples/quickstart.sh                     with SmolLM2-135M-Instruct, fetched once (93 MB)
#   bash examples/quickstart.sh --model DIR_OR_GGUF with a model of your own that has a chat template
#   bash examples/quickstart.sh --output DIR        where the adapter goes (build/quickstart)
# Installs what is missing, builds, trains for one to four minutes, lets the model answer before and after.
# Works offline once all is there. Never asks. The last line says how many held-out rows came out exact.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

output=build/quickstart
model=
while (($# > 0)); do
  case $1 in
    --model)
      model=$(realpath "${2:?--model needs a folder or a GGUF file}")
      shift
      ;;
    --output)
      output=${2:?--output needs a folder}
      shift
      ;;
    -h | --help)
      sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
      exit 0
      ;;
    *)
      echo "unknown option $1; see --help" >&2
      exit 2
      ;;
  esac
  shift
done

say() { echo "== $*"; }
fail() {
  echo "quickstart: $*" >&2
  exit 1
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# 1. What building needs.
bash tests/setup.sh build
[[ -d ${HOME:-/root}/.cargo/bin ]] && PATH=$PATH:${HOME:-/root}/.cargo/bin

# 2. The command line, in build/peft; for the CPU, so without the module for GPUs, which docs/cuda.md's command adds.
jobs=${PEFT_JOBS:-$(nproc)}
say "building build/peft (the first time takes some minutes on $jobs cores)"
if [[ ! -f build/build.ninja ]]; then
  if ! cmake --preset release -DPEFT_CUDA=OFF > "$log" 2>&1; then
    rm -f build/build.ninja
    cat "$log"
    fail "the build could not be configured"
  fi
fi
if [[ -t 1 ]]; then
  ninja -C build -j "$jobs" || fail "the build failed"
elif ! ninja -C build -j "$jobs" > "$log" 2>&1; then
  grep -A 40 '^FAILED' "$log" | head -n 200 || tail -n 60 "$log"
  fail "the build failed"
fi

# 3. The model.
[[ -n $model ]] || model=$(bash examples/get_model.sh) || fail "no model: give --model"
say "model: $model"
[[ -e $model ]] || fail "$model: no such model"

# 4. One pass over 480 rows, an update every four: PEFT learns these rows by the same recipe.
say "memory that training would take, before anything is loaded"
recipe=(--model "$model" --data examples/data --lora-rank 16 --target-modules all-linear --learning-rate 1e-3
  --epochs 1 --batch-size 4 --grad-accum 1)
build/peft estimate "${recipe[@]}"
say "training"
build/peft train "${recipe[@]}" --output-dir "$output" --overwrite --log-steps 10

# 5. Rows that it never trained on, without and with the adapter.
say "answering the held-out rows of examples/data/test.jsonl: before is without the adapter, after with it"
build/peft eval --model "$model" --adapter "$output" --data examples/data/test.jsonl --exact-match --show 5 |
  tee "$log"

say "the adapter lies in $output (adapter_model.safetensors and adapter_config.json, as PEFT reads them)"
say "next:"
cat << END
  build/peft chat --model $model --adapter $output
  build/peft generate --model $model --adapter $output --message "please craft three iron swords"
  build/peft merge --model $model --adapter $output --dtype float32 --output $output-merged
END
tail -n 1 "$log"
