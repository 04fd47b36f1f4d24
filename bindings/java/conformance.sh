#!/usr/bin/env bash
# conformance.sh SCENARIO.json SCENARIO.tsv WORK: the scenario in Java, see bindings/conformance/README.md.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
out=$root/build/bindings/java
bash "$here/run.sh" package >&2
java -Dorg.libpeft.cache="$out/cache" -cp "$out/target/libpeft-0.1.0.jar:$out/target/test-classes" \
  org.libpeft.conformance.Runner "$2" "$root" "$3"
