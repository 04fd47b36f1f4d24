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

status=0
(cd "$work/empty" && env -i PATH=/usr/bin:/bin TMPDIR="$work" \
  bash tests/gpu.sh --emulated --only "tensor nn kernels train_bf16 decode_nf4" > "$work/log" 2>&1) || status=$?
cat "$work/log"
fail() {
  echo "pack test: $*"
  exit 1
}
((status == 0)) || fail "tests/gpu.sh --emulated ended with $status in the unpacked bundle"
for line in '^\| tensor \| [1-9][0-9]* passed \|' '^\| nn \| [1-9][0-9]* passed \|' '^\| NF4 dequantize \| [0-9]+ %' \
  '^\| tiny LoRA r16, 32 tokens, bf16 \| [0-9]+ tok/s' '^\| tiny decode, batch 1, NF4 \| [0-9]+ tok/s'; do
  grep -qE "$line" "$work/log" || fail "the results have no line like $line"
done
