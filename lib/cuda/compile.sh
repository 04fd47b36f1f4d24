#!/bin/sh
# compile.sh LOG NVCC ARGUMENTS...: runs nvcc with its output in LOG, and shows what is not a resource report of ptxas.
log=$1
shift
"$@" >"$log" 2>&1
status=$?
grep -v -e '^ptxas info' -e '^    [0-9]* bytes stack frame' "$log" >&2
exit $status
