#!/usr/bin/env bash
# The bundle of tests/gpu.sh needs nothing but Python: made from a build, unpacked in an empty folder, run there on the
# emulated GPU with an environment that knows no more than /usr/bin.
#   pack_test.sh SOURCE_FOLDER BUILD_FOLDER
set -euo pipefail
source=$1 build=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bash "$source/tests/gpu.sh" --build "$build" --pack "$work/bundle.tar.xz"
mkdir "$work/empty"
tar -C "$work/empty" -xf "$work/bundle.tar.xz"

status=0 some="tensor nn kernels train_bf16 decode_nf4 memory_large"
(cd "$work/empty" && env -i PATH=/usr/bin:/bin TMPDIR="$work" \
  bash tests/gpu.sh --emulated --only "$some" > "$work/log" 2>&1) || status=$?
cat "$work/log"
fail() {
  echo "pack test: $*"
  exit 1
}
((status == 0)) || fail "tests/gpu.sh --emulated ended with $status in the unpacked bundle"
for line in '^\| tensor \| [1-9][0-9]* passed \|' '^\| nn \| [1-9][0-9]* passed \|' '^\| NF4 dequantize \| [0-9]+ %' \
  '^\| a 4096 x 4096 layer .* \| [0-9.]+ of one adapter; ' '^\| tiny LoRA r16, 32 tokens, bf16 \| [0-9]+ tok/s' \
  '^\| tiny decode, batch 1, NF4 \| [0-9]+ tok/s' '^\| tiny QLoRA, .* peak memory \| [0-9.]+ GB'; do
  grep -qE "$line" "$work/log" || fail "the results have no line like $line"
done

# On a machine that has a GPU and lacks the compiler's libraries, as these two say, the module is found: what it then
# lacks is a driver, or nothing. A suite whose program is missing is no success.
[[ -f $work/empty/prepared/lib/libpeft_cuda.so ]] || exit 0
mkdir "$work/machine"
printf '#!/bin/sh\necho "libstdc++.so.6 => not found"\n' > "$work/machine/ldd"
printf '#!/bin/sh\necho "a GPU, 1.0"\n' > "$work/machine/nvidia-smi"
chmod +x "$work/machine/"*
rm "$work/empty/prepared/bin/tensor_tests"
status=0
(cd "$work/empty" && env -i PATH="$work/machine:/usr/bin:/bin" TMPDIR="$work" \
  bash tests/gpu.sh --only "tensor nn" > "$work/log" 2>&1) || status=$?
cat "$work/log"
((status == 1)) || fail "tests/gpu.sh ended with $status without tensor_tests"
for line in '^\| tensor \| FAIL: its program is missing' '^\| nn \| ([0-9]+ passed|FAIL: [0-9]+ failed)'; do
  grep -qE "$line" "$work/log" || fail "the results have no line like $line"
done
if grep -E 'NO MODULE|no GPU support' "$work/log"; then
  fail "tests/gpu.sh does not find the bundle's module"
fi
