#!/usr/bin/env bash
# Puts ten faults into a copy of lib/cuda, one at a time, and runs device tests on the emulated GPU: each must turn one
# of them red. Says how many were caught; exit status 0 only when all were.
#   bash tests/cuda_mutations.sh              with the test programs of build/test, which it builds
#   bash tests/cuda_mutations.sh --preset dev
#   bash tests/cuda_mutations.sh --places     looks only whether each fault has its place in the code
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

preset=test places_only=no
case ${1:-} in
  --preset) preset=${2:?--preset needs a name} ;;
  '') ;;
  --places) places_only=yes ;;
  *)
    sed -n '2,6s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit 2
    ;;
esac
jobs=${PEFT_JOBS:-$(nproc)}
build=build/$preset
scratch=build/cuda_mutations  # always the same, so that a compiler's cache knows the objects of the copy
mkdir -p "$scratch"
log=$scratch/log
: > "$log"

fail() {
  [[ ! -s $log ]] || tail -n 40 "$log"
  echo "cuda mutations: $*"
  exit 1
}

# Name, file of lib/cuda, sed, and the tests (of tests/cuda) that must see it.
mutations=(
  'no barrier before sums of warps are read' reduce.cuh
  '/partial\[warp\] = value;/{n;s/__syncthreads();//}' NormKernel.LayerNorm/0

  'no barrier before sums of warps are overwritten' reduce.cuh
  's|__syncthreads();  // the next.*||' NormKernel.LayerNorm/0

  'no barrier in a tree of sums' column_sums.cuh
  '/if (group < half)/{n;s/__syncthreads();//}' 'ReduceKernel.*'

  'no barrier after a list was written' gather.cu
  '/to\[place\] = row;/{n;n;s/__syncthreads();//}' 'GatherKernel.*'

  'no barrier before a chunk of keys is used' attention_tile.cuh
  '/^    copies_arrive();/{n;s/__syncthreads();//}' AttentionKernel.HeadSizesAndGroups/0

  'no barrier after a table was loaded' dequantize.cu
  's/^  __syncthreads();//' DecodeKernel.EveryTypeAndPlace/0

  'no bound on rows' spans.cuh
  's/row >= layout.rows || //' 'ElementwiseKernel.*'

  'no bound on the rows of a product' multiply_plain.cuh
  's/r >= m || //' 'MatmulKernel.*'

  'columns taken for the stride' matrix.h
  's/return data + index \* stride;/return data + index * columns;/' NormKernel.RmsNorm/0

  'a launch forgotten' norm.cu
  's/if (dbias) add_column_sums.*$//' NormKernel.LayerNorm/0
)

# All of them before anything is built: kernels change, and a fault that is put nowhere would be caught nowhere.
for ((i = 0; i < ${#mutations[@]}; i += 4)); do
  name=${mutations[i]} file=${mutations[i + 1]} change=${mutations[i + 2]}
  [[ -f lib/cuda/$file ]] || fail "'$name': there is no lib/cuda/$file any more; name the file that has the place now"
  lines=$(sed "$change" "lib/cuda/$file" | diff "lib/cuda/$file" - | grep -c '^<' || true)
  ((lines == 1)) || fail "'$name' changes $lines lines of lib/cuda/$file, 1 expected; adapt its sed, which is: $change"
done

if [[ $places_only == yes ]]; then
  echo "cuda mutations: $((${#mutations[@]} / 4)) places"
  exit 0
fi

run_tests() {  # filter
  LIBPEFT_CUDA=$PWD/$scratch/build/tests/cuda/emulated/libpeft_cuda.so PEFT_TEST_DEVICE=cuda:0 GTEST_BRIEF=1 \
    timeout 300 "$build/tests/cuda/cuda_tests" "--gtest_filter=Devices/$1" > "$log" 2>&1
}
build_module() {
  ninja -C "$scratch/build" -j "$jobs" peft_cuda_emulated > "$log" 2>&1
}
[[ -f $build/build.ninja ]] || cmake --preset "$preset" > "$log" 2>&1 || fail "the build could not be configured"
ninja -C "$build" -j "$jobs" cuda_tests > "$log" 2>&1 || fail "the tests could not be built"
rm -rf "$scratch/lib"
mkdir "$scratch/lib"
cp -r lib/cuda "$scratch/lib/cuda"
cmake -G Ninja -S . -B "$scratch/build" -DCMAKE_BUILD_TYPE=RelWithDebInfo \
  -DPEFT_EMULATED_CUDA_FOLDER="$PWD/$scratch/lib/cuda" > "$log" 2>&1 || fail "the copy could not be configured"
build_module || fail "the copy does not compile"

# What is red without a fault catches nothing.
for ((i = 0; i < ${#mutations[@]}; i += 4)); do
  filter=${mutations[i + 3]}
  run_tests "$filter" || fail "$filter is red without a fault"
  grep -qE '^\[==========\] [1-9]' "$log" || fail "there is no test $filter"
done

caught=0 total=$((${#mutations[@]} / 4))
for ((i = 0; i < ${#mutations[@]}; i += 4)); do
  name=${mutations[i]} file=${mutations[i + 1]} change=${mutations[i + 2]} filter=${mutations[i + 3]}
  sed "$change" "lib/cuda/$file" > "$scratch/lib/cuda/$file"
  build_module || fail "'$name' does not compile"
  if run_tests "$filter"; then
    echo "MISSED  $name ($file): $filter is green"
  else
    echo "caught  $name ($file)"
    caught=$((caught + 1))
  fi
  cp "lib/cuda/$file" "$scratch/lib/cuda/$file"
done
echo "cuda mutations: $caught of $total caught"
((caught == total))
