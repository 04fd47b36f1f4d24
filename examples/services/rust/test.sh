#!/usr/bin/env bash
# Drives the service from outside, with curl on loopback; exit 0 only if all holds. LIBPEFT_DIR as for run.sh.
# With SmolLM2 (PEFT_SMOLLM2_GGUF, or ~/.cache/libpeft) also slow answers: given up, and finished at the stop.
set -uo pipefail
[[ -n ${PEFT_BOUND:-} ]] || PEFT_BOUND=1 exec timeout -k 10 600 bash "$0" "$@" # never hangs
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
if ! command -v cargo > /dev/null && [[ ! -x ${HOME:-/root}/.cargo/bin/cargo ]] || ! command -v curl > /dev/null; then
  echo "SKIPPED: service rust: there is no cargo or no curl" >&2
  exit 77
fi
work=$(mktemp -d)
server=
clean() {
  [[ -n $server ]] && kill "$server" 2> /dev/null
  rm -rf "$work"
}
trap clean EXIT
failed=0
check() { # what, condition...
  local what=$1
  shift
  if "$@"; then echo "ok      $what"; else echo "FAILED  $what" && failed=1; fi
}
same() { [[ $1 == "$2" ]] || { echo "        found: $1" && echo "        expected: $2" && false; }; }
has() { [[ $1 == *"$2"* ]] || { echo "        found: $1" && echo "        expected in it: $2" && false; }; }

start() { # model, adapters
  : > "$work/out"
  bash "$here/run.sh" "$@" > "$work/out" 2>> "$work/err" &
  server=$!
  for _ in $(seq 3000); do
    url=$(sed -n 's/^listening on //p' "$work/out")
    [[ -n $url ]] && return
    kill -0 "$server" 2> /dev/null || break
    sleep 0.1
  done
  echo "FAILED  the service does not start" && cat "$work/err" && exit 1
}
json() { curl -s --max-time 120 "$@" -H 'content-type: application/json'; }
status() { json -o /dev/null -w '%{http_code}' "$@"; }
ask() { # request
  json -N "$url/chat" -d "$1"
}
text_of() { sed -n 's/^data: {"text":"\(.*\)"}$/\1/p' | tr -d '\n'; }
speak='{"messages": [{"role": "user", "content": "Speak"}], "max_new_tokens": 40'
health() { curl -s "$url/health" | sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p"; }

PEFT_SERVICE_PROGRAM=make-demo bash "$here/run.sh" "$root/tests/data/families/llama" "$work/demo" 2> "$work/err" ||
  { cat "$work/err" && exit 1; }
start "$work/demo/model" "$work/demo/adapters"

check "it tells what runs" has "$(curl -s "$url/health")" '"family":"llama"'
base=$(ask "$speak}")
check "the base model streams pieces and an end" has "$base" 'event: end'
check "an adapter is loaded" has "$(json -X PUT "$url/adapters/voice" -d '{"folder": "v1"}')" '"version":1'
check "it speaks" same "$(ask "$speak, \"adapter\": \"voice\"}" | text_of)" "hello hello"
check "it ends by itself" has "$(ask "$speak, \"adapter\": \"voice\"}")" '"finish_reason":"eos"'
check "another takes its name" has "$(json -X PUT "$url/adapters/voice" -d '{"folder": "v2"}')" '"version":2'
check "that one speaks" same "$(ask "$speak, \"adapter\": \"voice\"}" | text_of)" "goodbye goodbye"
check "the base model is as before" same "$(ask "$speak}" | text_of)" "$(text_of <<< "$base")"
check "adapters are listed" has "$(curl -s "$url/adapters")" '"folder":"v2"'

# Eight clients at once while the adapter changes: every answer is one voice's, whole.
for i in $(seq 8); do
  (for _ in $(seq 25); do ask "$speak, \"adapter\": \"voice\"}" | text_of && echo; done) > "$work/answers.$i" &
  clients[i]=$!
done
swaps=0
while kill -0 "${clients[@]}" 2> /dev/null; do
  json -o /dev/null -X PUT "$url/adapters/voice" -d "{\"folder\": \"v$((swaps++ % 2 + 1))\"}"
done
wait "${clients[@]}"
mixed=$(cat "$work"/answers.* | grep -cvxE 'hello hello|goodbye goodbye')
check "200 answers during $swaps swaps: none mixed or lost" same "$(cat "$work"/answers.* | wc -l) $mixed" "200 0"
check "both voices were heard" same "$(cat "$work"/answers.* | sort -u | wc -l)" 2
check "one adapter is attached after all" same "$(health attached)" 1

check "an unknown adapter is 404" same "$(status "$url/chat" -d "$speak, \"adapter\": \"nobody\"}")" 404
check "a folder that is not there is 404" same "$(status -X PUT "$url/adapters/x" -d '{"folder": "none"}')" 404
check "a folder outside is 400" same "$(status -X PUT "$url/adapters/x" -d '{"folder": "../model"}')" 400
check "no new tokens are 400" same "$(status "$url/chat" -d '{"messages": [], "max_new_tokens": 0}')" 400
check "an unknown field is 422" same "$(status "$url/chat" -d '{"messages": [], "tempo": 1}')" 422
# Killed in the middle of an answer; the next one serves what this one served.
ask "$speak, \"adapter\": \"voice\"}" > "$work/cut" &
kill -9 "$server"
wait
voice=$(curl -s --max-time 1 "$url/health")
check "it is gone" same "$voice" ""
start "$work/demo/model" "$work/demo/adapters"
check "after a kill its adapters are back" has "$(curl -s "$url/adapters")" '"folder":"v'
check "they speak" has "hello hello goodbye goodbye" "$(ask "$speak, \"adapter\": \"voice\"}" | text_of)"
check "an adapter is unloaded" has "$(curl -s -X DELETE "$url/adapters/voice")" '"name":"voice"'
check "then it is unknown" same "$(curl -s -o /dev/null -w '%{http_code}' -X DELETE "$url/adapters/voice")" 404
check "nothing is attached" same "$(health attached)" 0
kill -TERM "$server"
wait "$server"
check "it stops when it is asked to" same $? 0
server=

gguf=${PEFT_SMOLLM2_GGUF:-${XDG_CACHE_HOME:-$HOME/.cache}/libpeft/SmolLM2-135M-Instruct.Q4_1.gguf}
if [[ ! -e $gguf ]]; then
  echo "SKIPPED: service rust: slow answers: no model in $gguf (PEFT_SMOLLM2_GGUF)"
else
  start "$gguf" "$work/demo/adapters"
  story='{"messages": [{"role": "user", "content": "Tell me a long story about the moon."}], "temperature": 0.8'
  json -N -m 3 "$url/chat" -d "$story, \"max_new_tokens\": 1024}" > "$work/story"
  check "the answer comes while it is made" has "$(cat "$work/story")" 'event: piece'
  for _ in $(seq 50); do
    (($(health free_places) == 8)) && break
    sleep 0.1
  done
  check "a client that goes away frees its place" same "$(health free_places)" 8
  json -N "$url/chat" -d "$story, \"max_new_tokens\": 60}" > "$work/story" &
  client=$!
  for _ in $(seq 600); do
    grep -q 'event: piece' "$work/story" && break
    sleep 0.05
  done
  kill -TERM "$server"
  wait "$client"
  check "an answer is finished before the stop" has "$(cat "$work/story")" 'event: end'
  wait "$server"
  check "then the service stops" same $? 0
  server=
fi
exit $failed
