#!/usr/bin/env bash
# Builds and tests the Go module against a built libpeft; exit 0 only if all of it holds.
#   run.sh            vet, tests, tests with the race detector, tests of the library opened at run time, the service
#   run.sh generate   makes internal/native anew from the headers and bindings/swig (needs swig 4.1)
# LIBPEFT_DIR: folder of libpeft.so; default: build, then build/test. Needs no network.
set -uo pipefail
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
  grep -hE 'SKIPPED|from Go|functions are reached|KiB more|goes on after' "$log" | sed 's/^ *[a-z_]*\.go:[0-9]*: /go:   /' >&2
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
[[ -e $go_root/examples/services/go/test.sh ]] && step service bash "$go_root/examples/services/go/test.sh"

echo
failed=0
for i in "${!names[@]}"; do
  printf 'go: %-28s %s\n' "${names[i]}" "${results[i]}"
  [[ ${results[i]} == FAILED ]] && failed=1
done
exit $failed
