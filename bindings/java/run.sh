#!/usr/bin/env bash
# Builds the jar and runs its tests.   run.sh [package]: without tests
# LIBPEFT_DIR: folder of libpeft.so. Works offline once Maven's repository is filled.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
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
