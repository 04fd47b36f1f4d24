#!/usr/bin/env bash
# Drives the service from outside, over HTTP: two customers, many requests at once, a kill in the middle of a training.
set -euo pipefail
[[ -n ${PEFT_BOUND:-} ]] || PEFT_BOUND=1 exec timeout -k 10 600 bash "$0" "$@" # never hangs
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
command -v curl > /dev/null || { echo "SKIPPED: service java: there is no curl" >&2 && exit 77; }
bash "$root/bindings/java/run.sh" package # ends with 77 where a tool is missing
model=$root/tests/data/families/llama
work=$(mktemp -d)
pid=
cleanup() {
  [[ -z $pid ]] || kill -9 "$pid" 2> /dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT
fail() {
  echo "service java: $*" >&2
  cat "$work/log" >&2
  exit 1
}

start() {
  : > "$work/log"
  bash "$here/run.sh" "$model" "$work/data" 0 > "$work/log" 2>&1 &
  pid=$!
  for _ in $(seq 1500); do
    url=$(sed -n 's/.*listening on //p' "$work/log")
    [[ -n $url ]] && return
    kill -0 "$pid" 2> /dev/null || fail "did not start"
    sleep 0.2
  done
  fail "did not start"
}
post() { curl -sS --max-time 120 -X POST --data-binary "$2" "$url/customers/$1"; }
ask() { curl -sS --max-time 60 -X POST -H 'Content-Type: application/x-token-ids' --data '5 8 13 21' "$url/customers/$1/generate?tokens=12"; }
follow() { curl -sS -N --max-time 300 "$url/customers/$1/events"; }

fibonacci='{"token_ids": [5, 8, 13, 21, 34, 55, 89, 3, 5, 8, 13, 21, 34, 55]}
{"token_ids": [1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 3, 5, 8, 13]}'
countdown='{"token_ids": [5, 8, 13, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11]}
{"token_ids": [13, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9]}'

start
base=$(ask nobody)
echo "base       $base"

# One customer: rows in, progress out, an adapter that has learned them.
[[ $(post 'alice/rows?steps=80' "$fibonacci") == *'"state": "queued"'* ]] || fail "rows were not taken"
follow alice > "$work/alice.events"
grep -q '^event: done' "$work/alice.events" || fail "alice's training did not end: $(tail -3 "$work/alice.events")"
(($(grep -c '^event: step' "$work/alice.events") > 5)) || fail "hardly any progress was reported"
alice=$(ask alice)
echo "alice      $alice"
[[ $alice == "34 55 89 "* ]] || fail "alice's adapter has not learned its rows"
[[ $(ask nobody) == "$base" ]] || fail "the base changed"

# Errors come back as such.
[[ $(post 'alice/rows' 'no json') == *PEFT_E_* ]] || fail "bad rows were taken"
[[ $(curl -sS "$url/customers/no.body/events") == *error* ]] || fail "a strange name was taken"

# Another one trains while eight requests at once are answered for alice and the base.
post 'bob/rows?steps=400' "$countdown" > "$work/posted"
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
follow bob > "$work/bob.events"
grep -q '^event: done' "$work/bob.events" || fail "bob's training did not end: $(tail -3 "$work/bob.events")"
bob=$(ask bob)
echo "bob        $bob"
[[ $bob == "20 19 18 "* ]] || fail "bob's adapter has not learned its rows"

# A run to its end, and the same run killed in the middle: the same adapter to the last bit.
steps=3000
post "dave/rows?steps=$steps" "$countdown" > "$work/posted"
follow dave > "$work/dave.events"
grep -q '^event: done' "$work/dave.events" || fail "dave's training did not end"
post "carol/rows?steps=$steps" "$countdown" > "$work/posted"
for _ in $(seq 3000); do
  [[ -n $(find "$work/data/carol/run" -maxdepth 1 -name 'checkpoint-[0-9]*' -print -quit 2> /dev/null) ]] && break
  sleep 0.02
done
kill -9 "$pid"
wait "$pid" 2> /dev/null || true
[[ -e $work/data/carol/rows.jsonl ]] || fail "carol's training had ended before the kill"
echo "killed     $(ls "$work/data/carol/run" | tr '\n' ' ')"
start
follow carol > "$work/carol.events" || true
for _ in $(seq 900); do
  [[ $(curl -sS "$url/customers") == *'"carol": "ready"'* ]] && break
  sleep 0.2
done
echo "restarted  $(curl -sS "$url/customers")"
grep -q 'carol: on from step' "$work/log" || fail "carol's training began anew"
cmp "$work/data/carol/adapter/adapter_model.safetensors" "$work/data/dave/adapter/adapter_model.safetensors" ||
  fail "the resumed run differs from the whole one"
[[ $(ask alice) == "$alice" && $(ask bob) == "$bob" ]] || fail "adapters answer otherwise after the restart"

# A polite stop in the middle of a training, and on from there.
post "erin/rows?steps=$steps" "$fibonacci" > "$work/posted"
curl -sS -N --max-time 60 "$url/customers/erin/events" 2> /dev/null | grep -m1 -q '^event: step' || true
kill "$pid"
wait "$pid" 2> /dev/null || true
start
for _ in $(seq 900); do
  [[ $(curl -sS "$url/customers") == *'"erin": "ready"'* ]] && break
  sleep 0.2
done
grep -q 'erin: on from step' "$work/log" || fail "erin's training began anew"
[[ $(ask erin) == "34 55 89 "* ]] || fail "erin's training did not go on after a stop"
echo "service java: all as expected"
