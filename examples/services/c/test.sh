#!/usr/bin/env bash
# Drives the character from outside with curl: it learns two words while everyone is answered, is killed in the middle of
# one lesson and stopped in the middle of the next, and must end with the bytes of one that was left in peace.
# Ends with 77 without curl or a model.
set -euo pipefail
[[ -n ${PEFT_BOUND:-} ]] || PEFT_BOUND=1 exec timeout -k 10 600 bash "$0" "$@" # never hangs
here=$(cd "$(dirname "$0")" && pwd)
model=${PEFT_SMOLLM2_GGUF:-${XDG_CACHE_HOME:-$HOME/.cache}/libpeft/SmolLM2-135M-Instruct.Q4_1.gguf}
command -v curl > /dev/null || { echo "SKIPPED: service c: there is no curl" >&2 && exit 77; }
[[ -e $model ]] || { echo "SKIPPED: service c: no model in $model (PEFT_SMOLLM2_GGUF)" >&2 && exit 77; }
work=$(mktemp -d)
pid=
cleanup() {
  [[ -z $pid ]] || kill -9 "$pid" 2> /dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT
fail() {
  echo "service c: $*" >&2
  cat "$work/log" >&2
  exit 1
}
start() { # folder
  : > "$work/log"
  CFLAGS=-Werror bash "$here/run.sh" "$model" "$work/$1" 0 > "$work/log" 2>&1 &
  pid=$!
  for _ in $(seq 1200); do
    url=$(sed -n 's/.*listening on //p' "$work/log")
    [[ -n $url ]] && return
    kill -0 "$pid" 2> /dev/null || fail "did not start"
    sleep 0.1
  done
  fail "did not start"
}
stop() {
  kill -TERM "$pid"
  wait "$pid" || fail "the end was not graceful"
  grep '^turns' "$work/log" || true
}
say() { curl -sS --max-time 60 --data "$1" "$url/say" | sed 's/^ *//; s/ *$//'; }
teach() { [[ $(curl -sS --max-time 60 --data "$1" "$url/teach") == "it will be learned" ]] || fail "teach $1"; }
field() { curl -sS --max-time 60 "$url/status" | sed -n "s/^$1 \([-0-9]*\).*/\1/p" | grep . || fail "no $1 in the status"; }
code() { curl -sS --max-time 60 -o /dev/null -w '%{http_code}' "$@"; }
wait_for() { # field, least value
  for _ in $(seq 2400); do
    found=$(field "$1") || exit 1
    ((found >= $2)) && return
    sleep 0.1
  done
  fail "$1 never came to $2"
}

start peace
before=$(say zorble)
echo "before     $before"
[[ $before != open_gate ]] || fail "it knew the word before"
[[ $(code "$url/nothing") == 404 ]] || fail "a place that is not there"
[[ $(code --data 'no lesson' "$url/teach") == 400 ]] || fail "a lesson that is none was taken"
[[ $(code --data "$(printf 'x%.0s' {1..5000})" "$url/say" 2> /dev/null) == 413 ]] || fail "a long request was taken"
printf 'nonsense\r\n\r\n' | timeout 10 bash -c "exec 3<> /dev/tcp/127.0.0.1/${url##*:}; cat >&3; cat <&3" > "$work/answer"
grep -q '400 Bad Request' "$work/answer" || fail "what is not HTTP was taken"

teach 'zorble = open_gate'
wait_for step 2
[[ $(find "/proc/$pid/task" -mindepth 1 -maxdepth 1 | wc -l) == 1 ]] || fail "there is more than one thread"
pids=()
for i in $(seq 8); do
  say xyzzy > "$work/answer.$i" &
  pids+=($!)
done
wait "${pids[@]}"
for i in $(seq 8); do
  [[ -s $work/answer.$i ]] || fail "no answer to request $i"
done
[[ $(field learned) == 0 ]] || fail "the lesson was over before all were answered"
wait_for learned 1
teach 'fnord = light_torch'
wait_for learned 2
for lesson in 'zorble open_gate' 'fnord light_torch'; do
  answer=$(say "${lesson% *}")
  echo "after      on ${lesson% *} does $answer"
  [[ $answer == "${lesson#* }" ]] || fail "expected ${lesson#* }"
done
stop
grep -q '^turns without training: .* 99th percentile' "$work/log" || fail "no times without training"
grep -q '^turns with training: .* 99th percentile' "$work/log" || fail "no times with training"

# Killed in the first lesson, stopped in the second.
start trouble
teach 'zorble = open_gate'
wait_for step 10
kill -9 "$pid"
wait "$pid" 2> /dev/null || true
start trouble
wait_for resumed_from 1
killed=$(field resumed_from)
wait_for learned 1
teach 'fnord = light_torch'
wait_for step 30
stop > /dev/null
left=$(sed -n 's/.*in the middle of a lesson, after step //p' "$work/log")
[[ -n $left ]] || fail "it was not in the middle of a lesson"
start trouble
wait_for resumed_from 1
stopped=$(field resumed_from)
echo "killed     goes on after step $killed"
echo "stopped    goes on after step $stopped"
((killed == 8 || killed == 12)) || fail "expected the newest checkpoint, of step 8 or 12"
((stopped == left)) || fail "expected step $left"
wait_for learned 2
cmp "$work/peace/adapter-2/adapter_model.safetensors" "$work/trouble/adapter-2/adapter_model.safetensors" ||
  fail "the cut training ended otherwise than the one that was not cut"
[[ $(say zorble) == open_gate ]] || fail "it has forgotten"
stop > /dev/null
pid=
echo "service c: ok"
