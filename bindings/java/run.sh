#!/usr/bin/env bash
# Builds the jar and runs its tests.   run.sh [package]: without tests
# LIBPEFT_DIR: folder of libpeft.so. Works offline once Maven's repository is filled. Exit status 77: a tool is missing.
set -euo pipefail
[[ -n ${PEFT_BOUND:-} ]] || PEFT_BOUND=1 exec timeout -k 10 1000 bash "$0" "$@" # never hangs
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
. "$root/bindings/swig/version.sh" java
for tool in javac mvn "${CXX:-c++}"; do
  command -v "$tool" > /dev/null || { echo "SKIPPED: java: there is no $tool" >&2 && exit 77; }
done
java_version=$(javac -version 2>&1 | sed 's/^javac \([0-9]*\).*/\1/')
((java_version >= 17)) || { echo "SKIPPED: java: Java 17 is needed, found $java_version" >&2 && exit 77; }
bash "$here/natives.sh"
goal=(verify)
[[ ${1:-} == package ]] && goal=(package -DskipTests)
cd "$here"
# A build that ran through once has filled the repository: no question to the network then.
filled=$root/build/bindings/java/${goal[0]}.filled
log=$(mktemp) outside=
trap 'rm -rf "$log" "$outside"' EXIT
maven() { mvn -B -q -Dstyle.color=never "$@" "${goal[@]}" 2>&1 | tee "$log"; }
unreachable='^\[ERROR\].*(could not be resolved|Could not (transfer|find) artifact|Could not resolve dependencies)'
if [[ ! -e $filled ]] || ! maven -o; then
  # A repository that was filled once and emptied since is filled again; what failed for another reason has failed.
  [[ ! -e $filled ]] || grep -qE "$unreachable" "$log" || exit 1
  if ! maven; then
    grep -qE "$unreachable" "$log" || exit 1
    echo "SKIPPED: java: Maven cannot fetch the plug-ins and libraries that it needs" >&2
    exit 77
  fi
fi
touch "$filled"
[[ ${1:-} == package ]] && exit 0

# A program outside the tree that has the jar and nothing else: the README's.
jar=$root/build/bindings/java/target/libpeft-0.1.0.jar
outside=$(mktemp -d)
sed -n '/^```java$/,/^```$/p' README.md | sed '1d;$d' > "$outside/QuickStart.java"
cp "$jar" "$outside/libpeft.jar"
cp -r "$root/tests/data/families/llama" "$outside/model"
cd "$outside"
env -u LIBPEFT_DIR -u LD_LIBRARY_PATH javac -cp libpeft.jar QuickStart.java
env -u LIBPEFT_DIR -u LD_LIBRARY_PATH XDG_CACHE_HOME="$outside/cache" java -cp libpeft.jar:. QuickStart model adapter
[[ -e adapter/adapter_model.safetensors ]]
