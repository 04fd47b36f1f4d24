#!/usr/bin/env bash
# Drives the service from outside with curl: jobs in a queue, eight requests at once while it trains, a graceful end and
# a kill in the middle of a training. What was cut must end with the bytes of what was not.
set -euo pipefail
[[ -n ${PEFT_BOUND:-} ]] || PEFT_BOUND=1 exec timeout -k 10 600 bash "$0" "$@" # never hangs
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
command -v curl > /dev/null || { echo "SKIPPED: service go: there is no curl" >&2 && exit 77; }
. "$root/bindings/go/environment.sh" # ends with 77 where there is no Go
work=$(mktemp -d)
pid=
cleanup() {
  [[ -z $pid ]] || kill -9 "$pid" 2> /dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT
fail() {
  echo "service go: $*" >&2
  cat "$work/log" >&2
  exit 1
}
start() {
  : > "$work/log"
  bash "$here/run.sh" -listen 127.0.0.1:0 -checkpoint-steps 100 "$root/tests/data/families/llama" "$work/data" \
    > "$work/log" 2>&1 &
  pid=$!
  for _ in $(seq 1500); do
    url=$(sed -n 's/.*listening on //p' "$work/log")
    [[ -n $url ]] && return
    kill -0 "$pid" 2> /dev/null || fail "did not start"
    sleep 0.2
  done
  fail "did not start"
}
get() { curl -sS --max-time 60 "$url/$1"; }
post() { curl -sS --max-time 60 --data-binary "$2" "$url/customers/$1/jobs?steps=$3"; }
field() { sed -n "s/.*\"$1\": *\"\{0,1\}\([^\",}]*\).*/\1/p" | head -1; }
# The ids that a customer's adapter says after 5 8 13 21.
ask() {
  curl -sS --max-time 60 --data '{"token_ids": [5, 8, 13, 21], "max_new_tokens": 8}' "$url/customers/$1/generate" |
    sed -n 's/.*"token_id":\([0-9]*\).*/\1/p' | tr '\n' ' '
}
wait_for() { # job, what is waited for: a state, or a number of steps
  for _ in $(seq 1200); do
    found=$(get "jobs/$1")
    state=$(field state <<< "$found")
    [[ -n $state ]] || fail "job '$1': $found"
    [[ $state == failed ]] && fail "$found"
    [[ $state == "$2" ]] && return
    [[ $2 =~ ^[0-9]+$ && $state == running ]] && (($(field step <<< "$found") >= $2)) && return
    sleep 0.1
  done
  fail "job $1 never came to $2: $found"
}

fibonacci='{"token_ids": [5, 8, 13, 21, 34, 55, 89, 3, 5, 8, 13, 21, 34, 55]}
{"token_ids": [1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 3, 5, 8, 13]}'
countdown='{"token_ids": [5, 8, 13, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11]}
{"token_ids": [13, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9]}'

start
base=$(ask nobody)
echo "base   $base"
post alice "$fibonacci" 150 > "$work/posted"
wait_for "$(field id < "$work/posted")" done
alice=$(ask alice)
echo "alice  $alice"
[[ $alice == "34 55 89 "* ]] || fail "alice's adapter has not learned its rows"
[[ $(ask nobody) == "$base" ]] || fail "the base changed"

[[ $(post alice 'no json' 10) == *PEFT_E_* ]] || fail "bad rows were taken"
[[ $(post no.body "$fibonacci" 10) == *error* ]] || fail "a strange name was taken"
[[ $(get jobs/nothing) == *error* ]] || fail "a job that is not there"

# Two in the queue; eight requests at once are answered meanwhile.
bob=$(post bob "$countdown" 1500 | field id)
carol=$(post carol "$countdown" 1500 | field id)
[[ $(get "jobs/$carol" | field state) == queued ]] || fail "carol's job does not wait"
wait_for "$bob" 5
pids=()
for i in $(seq 8); do
  ask "$([[ $((i % 2)) == 0 ]] && echo alice || echo nobody)" > "$work/answer.$i" &
  pids+=($!)
done
wait "${pids[@]}"
for i in $(seq 8); do
  expected=$base
  [[ $((i % 2)) == 0 ]] && expected=$alice
  [[ $(cat "$work/answer.$i") == "$expected" ]] || fail "request $i: $(cat "$work/answer.$i") instead of $expected"
done

# A graceful end leaves a checkpoint at the very step.
kill -TERM "$pid"
wait "$pid" || fail "the end was not graceful"
left=$(sed -n 's/.*left at a checkpoint after step //p' "$work/log")
[[ -n $left ]] || fail "no checkpoint was left"
start
wait_for "$bob" 1
graceful=$(get "jobs/$bob" | field resumed_from)
echo "bob    goes on after step $graceful"
((graceful == left)) || fail "bob's training was left after step $left"

# A kill loses what came after the last checkpoint and nothing else.
wait_for "$bob" $((graceful + 150))
kill -9 "$pid"
wait "$pid" 2> /dev/null || true
start
wait_for "$bob" done
killed=$(get "jobs/$bob" | field resumed_from)
echo "bob    goes on after step $killed"
((killed > graceful)) || fail "bob's training began anew"
wait_for "$carol" done
cmp "$work/data/adapters/bob/adapter_model.safetensors" "$work/data/adapters/carol/adapter_model.safetensors" ||
  fail "the cut training ended otherwise than the one that was not cut"
[[ $(ask bob) == "20 19 18 "* && $(ask bob) == "$(ask carol)" ]] || fail "bob's adapter has not learned its rows"
[[ $(ask alice) == "$alice" ]] || fail "alice's adapter did not come back"
[[ $(get customers) == '["alice","bob","carol"]' ]] || fail "customers: $(get customers)"
kill -TERM "$pid"
wait "$pid" || fail "the end was not graceful"
pid=
echo "service go: ok"
