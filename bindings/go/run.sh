#!/usr/bin/env bash
# Builds and tests the Go module against a built libpeft; exit 0 only if all of it holds.
#   run.sh            vet, tests, tests with the race detector, tests of the library opened at run time
#   run.sh generate   makes internal/native anew from the headers and bindings/swig (needs swig 4.1)
# LIBPEFT_DIR: folder of libpeft.so; default: the newest of build and build/test. Needs no network.
set -uo pipefail
[[ -n ${PEFT_BOUND:-} ]] || PEFT_BOUND=1 exec timeout -k 10 1000 bash "$0" "$@" # never hangs
. "$(dirname "$0")/environment.sh"
cd "$go_here" || exit 2
if [[ ${1:-} == generate ]]; then
  exec go run ./internal/generate "$go_root" internal/native
fi

names=() results=()
step() { # name, command...
  local name=$1 log status=0
  shift
  log=$(mktemp)
  echo "go: $name" >&2
  names+=("$name")
  "$@" > "$log" 2>&1 || status=$?
  if ((status == 77)); then
    results+=(SKIPPED)
  elif ((status == 0)); then
    results+=("ok$(grep -c '^ *--- PASS' "$log" | sed '/^0$/d;s/.*/, & passed/')")
  else
    results+=(FAILED)
    grep -v '^ *=== ' "$log" | tail -n 60 >&2
  fi
  grep -hE 'SKIPPED|from C|from Go|functions are reached|KiB more|goes on after' "$log" | sed 's/^ *[a-z_]*\.go:[0-9]*: //; /^SKIPPED: /!s/^/go:   /' >&2
  rm -f "$log"
}
unformatted() { [[ -z $(gofmt -l . | tee /dev/stderr) ]]; }
# The generated code has a conversion that vet warns of.
vet() { go vet $(go list ./... | grep -v 'internal/native$'); }

step format unformatted
step vet vet
step tests go test -count=1 -timeout 20m -v .
step "tests, race detector" go test -count=1 -timeout 20m -race -v .
step "tests, opened at run time" go test -count=1 -timeout 20m -tags peft_open -v \
  -run 'Errors|Texts|Pieces|Events|Adapters|Library' .

echo
failed=0
for i in "${!names[@]}"; do
  printf 'go: %-28s %s\n' "${names[i]}" "${results[i]}"
  [[ ${results[i]} == FAILED ]] && failed=1
done
exit $failed
