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
mvn -B -q "${offline[@]}" "${goal[@]}"
touch "$filled"
