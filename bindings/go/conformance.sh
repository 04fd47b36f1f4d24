#!/usr/bin/env bash
# conformance.sh SCENARIO.json SCENARIO.tsv WORK: the scenario in Go, see bindings/conformance/README.md.
set -euo pipefail
. "$(dirname "$0")/environment.sh"
cd "$go_here"
go build -o "$go_out/conformance" ./internal/conformance >&2
"$go_out/conformance" "$2" "$go_root" "$3"
