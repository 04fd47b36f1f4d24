#!/usr/bin/env bash
# Builds the jar and runs its tests.   run.sh [package]: without tests
# LIBPEFT_DIR: folder of libpeft.so. Works offline once Maven's repository is filled. Exit status 77: a tool is missing.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
for tool in javac mvn swig c++; do
  command -v "$tool" > /dev/null || { echo "java: SKIPPED, there is no $tool" >&2 && exit 77; }
done
bash "$here/natives.sh"
goal=(verify)
[[ ${1:-} == package ]] && goal=(package -DskipTests)
cd "$here"
# A build that ran through once has filled the repository: no question to the network then.
filled=$root/build/bindings/java/${goal[0]}.filled
offline=()
[[ -e $filled ]] && offline=(-o)
mvn -B -q -Dstyle.color=never "${offline[@]}" "${goal[@]}"
touch "$filled"
[[ ${1:-} == package ]] && exit 0

# A program outside the tree that has the jar and nothing else: the README's.
jar=$root/build/bindings/java/target/libpeft-0.1.0.jar
outside=$(mktemp -d)
trap 'rm -rf "$outside"' EXIT
sed -n '/^```java$/,/^```$/p' README.md | sed '1d;$d' > "$outside/QuickStart.java"
cp "$jar" "$outside/libpeft.jar"
cp -r "$root/tests/data/families/llama" "$outside/model"
cd "$outside"
env -u LIBPEFT_DIR -u LD_LIBRARY_PATH javac -cp libpeft.jar QuickStart.java
env -u LIBPEFT_DIR -u LD_LIBRARY_PATH XDG_CACHE_HOME="$outside/cache" java -cp libpeft.jar:. QuickStart model adapter
[[ -e adapter/adapter_model.safetensors ]]
