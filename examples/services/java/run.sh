#!/usr/bin/env bash
# run.sh MODEL DATA_FOLDER [PORT]: builds the service and starts it. LIBPEFT_DIR: folder of libpeft.so. PORT 0: any.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
out=$root/build/examples/services/java
jar=$root/build/bindings/java/target/libpeft-0.1.0.jar
bash "$root/bindings/java/run.sh" package >&2
mkdir -p "$out"
javac -Xlint:all -d "$out" -cp "$jar" "$here"/*.java
exec java -cp "$jar:$out" AdapterService "$1" "$2" "${3:-8080}"
