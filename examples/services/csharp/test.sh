#!/usr/bin/env bash
# Plays the game through its console: two new words are learned while the loop goes on, and both are known at the end.
# Ends with 77 without mono or a model.
set -euo pipefail
[[ -n ${PEFT_BOUND:-} ]] || PEFT_BOUND=1 exec timeout -k 10 600 bash "$0" "$@" # never hangs
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
model=${PEFT_SMOLLM2_GGUF:-$HOME/.cache/libpeft/SmolLM2-135M-Instruct.Q4_1.gguf}
command -v mono > /dev/null || { echo "SKIPPED: service csharp: there is no mono" >&2 && exit 77; }
[[ -e $model ]] || { echo "SKIPPED: service csharp: no model in $model (PEFT_SMOLLM2_GGUF)" >&2 && exit 77; }
log=$root/build/examples/services/csharp/test.log
mkdir -p "$(dirname "$log")"
{
  printf '%s\n' wait 'say zorble' 'say fnord' nonsense wait
  sleep 6
  printf '%s\n' 'teach zorble = open_gate' 'teach fnord = light_torch' wait 'say zorble' 'say fnord' wait quit
} | timeout 400 bash "$here/run.sh" "$model" > "$log"
cat "$log"
has() { grep -q -- "$1" "$log" || { echo "service csharp: expected: $1" >&2 && exit 1; }; }
lacks() { ! sed -n '1,/has learned/p' "$log" | grep -q -- "$1" || { echo "service csharp: knew before: $1" >&2 && exit 1; }; }
has 'what does "nonsense" mean'
lacks 'does open_gate'
has 'on "zorble" does open_gate$'
has 'on "fnord" does light_torch$'
has 'frames without training: .* 99th percentile'
has 'frames with training: .* 99th percentile'
# Leaving in the middle of a lesson takes no time.
: > "$log.left"
{
  for _ in $(seq 1200); do
    grep -q 'is awake' "$log.left" && break
    sleep 0.1
  done
  echo 'teach zorble = open_gate'
  sleep 1
  echo quit
  date +%s > "$log.asked"
} | timeout 200 bash "$here/run.sh" "$model" > "$log.left"
has_left() { grep -q 'in the middle of a lesson' "$log.left" && (($(date +%s) - $(cat "$log.asked") < 15)); }
has_left || { echo "service csharp: it did not leave" >&2 && exit 1; }
echo "service csharp: ok"
