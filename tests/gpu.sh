#!/usr/bin/env bash
# The one command for a machine with an NVIDIA GPU: tests of kernels, ops and training, the benchmark's main rows, all
# other tests and rows, compute-sanitizer. Writes docs/gpu_results.md after each, so that a cut run is worth something.
#   bash tests/gpu.sh                    builds first, or takes the bundle that it was unpacked with
#   bash tests/gpu.sh --pack [FILE]      a bundle of at most 40 MB that needs CUDA's own libraries only
#                                        (build/gpu_bundle.tar.xz)
#   bash tests/gpu.sh --emulated         the same on the emulation, with tiny shapes: that it works, not how fast it is
#   bash tests/gpu.sh --minutes N        ends within N minutes (9; --emulated: 40)
#   bash tests/gpu.sh --only "ops nn kernels"   these suites and parts of the benchmark (tests/bench/gpu_bench.py) only
#   bash tests/gpu.sh --build FOLDER     takes what is built there as it is
# Exit status: 0 all tests ran and passed and no part failed (a missed speed is no failure), 1 not, 2 usage.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
root=$PWD
started=$(date +%s)
minutes= pack=no emulated=no bundle=$root/build/gpu_bundle.tar.xz
only=
tree=$root/build/test
built=no
while (($# > 0)); do
  case $1 in
    --pack)
      pack=yes
      if [[ ${2:-} && ${2:0:1} != - ]]; then
        bundle=$(realpath -m "$2")
        shift
      fi
      ;;
    --emulated) emulated=yes ;;
    --minutes)
      minutes=${2:?--minutes needs a number}
      shift
      ;;
    --only)
      only=" ${2:?--only needs names} "
      shift
      ;;
    --build)
      tree=$(realpath "${2:?--build needs a folder}") built=yes
      shift
      ;;
    -h | --help)
      sed -n '2,12s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
      exit 0
      ;;
    *)
      echo "unknown option $1; see --help" >&2
      exit 2
      ;;
  esac
  shift
done
[[ $minutes ]] || minutes=$([[ $emulated == yes ]] && echo 40 || echo 9)
deadline=$((started + minutes * 60))
say() { echo "gpu: $*" >&2; }
# What all else rests on, and the figures that are asked for first; then the others.
main_suites=(cuda ops train) other_suites=(tensor autograd nn models adapters generate)
main_parts=(kernels train_bf16 decode_bf16 decode_nf4 train_nf4 beside_peer) other_parts=(small_beside_cpu memory_large)
if [[ $only ]]; then
  for list in main_suites other_suites main_parts other_parts; do
    declare -n names=$list
    chosen=()
    for name in "${names[@]}"; do [[ $only == *" $name "* ]] && chosen+=("$name"); done
    names=("${chosen[@]}")
  done
fi
suites=("${main_suites[@]}" "${other_suites[@]}")

build() {
  [[ $built == no ]] || return 0
  say "building $tree"
  [[ -f $tree/build.ninja ]] || cmake --preset test > /dev/null || return 1
  local targets=(peft_cli cuda_kernel_bench peft_cuda_emulated "${suites[@]/%/_tests}")
  ninja -C "$tree" -t query peft_cuda > /dev/null 2>&1 && targets+=(peft_cuda)  # where there is a compiler for it
  ninja -C "$tree" "${targets[@]}" > "$tree/gpu_build.log" 2>&1 || {
    grep -A 20 '^FAILED' "$tree/gpu_build.log" | head -60 >&2
    return 1
  }
}

# Libraries that files of ours load and that a machine with CUDA need not have: all but glibc's and those beside them.
own_libraries() {
  local file
  for file in "$@"; do ldd "$file"; done | sed -nE 's/.* => (\/[^ ]+) .*/\1/p' | sort -u |
    grep -Ev '/(lib(c|m|mvec|pthread|dl|rt|util|resolv)\.so|ld-linux|lib(peft|cuda_emulator|cublas))[^/]*$' || true
}

if [[ $pack == yes ]]; then
  build || exit 1
  stage=$(mktemp -d)
  trap 'rm -rf "$stage"' EXIT
  mkdir -p "$stage"/prepared/{bin,lib,compiler,emulated} "$stage/tests/data" "$stage/docs"
  cp "$tree/peft" "$stage/prepared/bin/"
  for suite in "${suites[@]}"; do
    program=$tree/tests/$suite/${suite}_tests
    cp "$program" "$stage/prepared/bin/" || exit 1
  done
  cp "$tree/tests/cuda/cuda_kernel_bench" "$stage/prepared/bin/" || exit 1
  cp -L "$tree/libpeft.so.1" "$stage/prepared/lib/" || exit 1
  if [[ -f $tree/libpeft_cuda.so ]]; then
    cp "$tree/libpeft_cuda.so" "$stage/prepared/lib/"
  else
    say "there is no libpeft_cuda.so in $tree: the bundle has the emulation only"
  fi
  cp "$tree"/tests/cuda/emulated/*.so "$stage/prepared/emulated/" || exit 1
  own_libraries "$stage"/prepared/bin/* "$tree/libpeft.so.1" "$tree"/tests/cuda/emulated/*.so | while read -r file; do
    # The compiler's own may ask for a newer C library than the machine's, which has its own as a rule.
    case $file in
      */libstdc++.so* | */libgcc_s.so*) cp -L "$file" "$stage/prepared/compiler/" ;;
      *) cp -L "$file" "$stage/prepared/lib/" ;;
    esac
  done
  strip --strip-unneeded "$stage"/prepared/{bin,lib,compiler,emulated}/* 2> /dev/null
  cp -r tests/data/. "$stage/tests/data/"
  mkdir "$stage/tests/bench"
  cp tests/gpu.sh "$stage/tests/"
  cp tests/bench/gpu_*.py "$stage/tests/bench/"
  git describe --always --dirty > "$stage/prepared/commit" 2> /dev/null || echo unknown > "$stage/prepared/commit"
  mkdir -p "$(dirname "$bundle")"
  tar -C "$stage" -cf - . | xz --lzma2=preset=6,dict=64MiB > "$bundle"  # programs share most of their code
  bytes=$(stat -c %s "$bundle")
  say "$bundle: $((bytes / 1000)) kB"
  if ((bytes > 40000000)); then
    say "that is over 40 MB"
    exit 1
  fi
  exit 0
fi

export CUDA_DEVICE_ORDER=PCI_BUS_ID  # CUDA numbers GPUs as nvidia-smi does
first_gpu=${CUDA_VISIBLE_DEVICES:-0}
first_gpu=${first_gpu%%,*}
if [[ $emulated == yes ]]; then
  gpu="an emulation" driver=none
elif facts=$(nvidia-smi --query-gpu=name,driver_version --format=csv,noheader -i "$first_gpu" 2> /dev/null); then
  gpu=${facts%%,*} driver=${facts##*, }
  # PyTorch's cuDNN, where cuBLASLt is the toolkit's and so does not lie beside it.
  cudnn_of_torch='import glob, nvidia.cudnn as c; print(glob.glob(list(c.__path__)[0] + "/lib/libcudnn_graph.so.9")[0])'
  if [[ -z ${LIBPEFT_CUDNN+set} ]] && cudnn=$(python3 -c "$cudnn_of_torch" 2> /dev/null); then
    export LIBPEFT_CUDNN=$cudnn
  fi
else
  say "NO GPU: nvidia-smi finds none; --emulated runs without one"
  exit 1
fi

own=(env) libraries=
if [[ -d prepared ]]; then
  binaries=$root/prepared/bin libraries=$root/prepared/lib emulation=$root/prepared/emulated
  module=$root/prepared/lib/libpeft_cuda.so
  commit=$(cat prepared/commit)
  program() { echo "$binaries/$1_tests"; }
  peft=$binaries/peft kernel_bench=$binaries/cuda_kernel_bench
  missing=$(LD_LIBRARY_PATH=$libraries ldd "$binaries"/* 2>&1 | grep -c 'not found')
  ((missing == 0)) || libraries=$libraries:$root/prepared/compiler
  # For our programs alone: those of the machine have their own.
  own=(env "LD_LIBRARY_PATH=$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}")
else
  build || exit 1
  commit=$(git describe --always --dirty 2> /dev/null || echo unknown)
  program() { echo "$tree/tests/$1/$1_tests"; }
  emulation=$tree/tests/cuda/emulated module=$tree/libpeft_cuda.so
  peft=$tree/peft kernel_bench=$tree/tests/cuda/cuda_kernel_bench
fi
[[ $emulated == no ]] || module=$emulation/libpeft_cuda.so
if [[ ! -f $module ]]; then
  say "NO MODULE: there is no $module"
  exit 1
fi
export LIBPEFT_CUDA=$module PEFT_TEST_DATA=$root/tests/data
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
results=$root/docs/gpu_results.md
[[ $emulated == no ]] || results=$work/gpu_results.md

touch "$work/suites" "$work/sanitizer"
write_results() {
  mkdir -p "$(dirname "$results")"
  {
    echo "# Seen on a GPU"
    echo
    echo "Written by \`bash tests/gpu.sh\`; nothing in it is written by hand."
    echo
    echo "| date | commit | GPU | driver |"
    echo "|---|---|---|---|"
    echo "| $(date -u +%F) | $commit | $gpu | $driver |"
    echo
    echo "| device tests | result |"
    echo "|---|---|"
    cat "$work/suites"
    echo
    echo "| compute-sanitizer | result |"
    echo "|---|---|"
    cat "$work/sanitizer"
    echo
    echo "| claim | figure | wanted | floor | |"
    echo "|---|---|---|---|---|"
    if [[ -s $work/bench.json ]]; then
      python3 - "$work/bench.json" << 'PYTHON'
import json, sys
for row in json.load(open(sys.argv[1])):
    verdict = {True: "pass", False: "FAIL", None: ""}[row["passed"]]
    figure = row["figure"].replace("\n", " ").replace("|", "/")
    print("| " + " | ".join([row["claim"], figure, row["wanted"], row["floor"], verdict]) + " |")
PYTHON
    fi
  } > "$results"
}

failed=no
# run_suites SECONDS SUITE...: each has at most so many, for on a GPU a suite takes seconds.
run_suites() {
  local most=$1 suite file log left status passed skipped result
  shift
  [[ $emulated == no ]] || most=900
  for suite; do
    file=$(program "$suite") log=$work/$suite.log
    left=$((deadline - $(date +%s)))
    ((left < most)) || left=$most
    if [[ ! -x $file ]]; then
      result="FAIL: its program is missing"
    elif ((left <= 10)); then
      result="FAIL: not run, no time was left"
    else
      # SmolLM2 itself is not in a bundle.
      "${own[@]}" PEFT_TEST_DEVICE=cuda:0 timeout -k 5 "$left" "$file" --gtest_filter='-SmolLm2.*' > "$log" 2>&1
      status=$?
      passed=$(tests_of OK "$log") skipped=$(tests_of SKIPPED "$log")
      if ((status == 124 || status == 137)); then
        result="FAIL: cut after $left s, $passed passed until then"
      elif ((status != 0)); then
        result="FAIL: $(tests_of FAILED "$log") failed, $passed passed, status $status"
      elif ((passed == 0)); then
        result="FAIL: none ran"
      else
        result="$passed passed"
      fi
      ((skipped == 0)) || result="$result, $skipped skipped"
      ((status == 0)) || grep -E -A 8 'Failure|FAILED|rror' "$log" | head -60
    fi
    [[ $result != FAIL* ]] || failed=yes
    echo "| $suite | $result |" | tee -a "$work/suites"
    write_results
  done
}

# tests_of OK|SKIPPED|FAILED LOG: how many ended so.
tests_of() { grep -cE "^\[ +$1 +\] .* ms\)$" "$2"; }

# Weights of true shapes need 48 GB: memory is faster than disks, where there is enough.
models=$work/models
room=$(df -B 1000000000 --output=avail /dev/shm 2> /dev/null | tail -n 1)
if [[ $emulated == no && -w /dev/shm ]] && ((${room:-0} >= 48)); then
  models=$(mktemp -d -p /dev/shm)
  trap 'rm -rf "$work" "$models"' EXIT
fi
# bench SECONDS PART...: what comes after it keeps so many. A part that has no time left says so in its rows.
bench() {
  local left=$((deadline - $(date +%s))) keep=$1 flags=()
  shift
  (($# > 0)) || return 0
  [[ $emulated == no ]] || flags=(--emulated)
  timeout -k 5 "$((left > 10 ? left : 10))" python3 tests/bench/gpu_bench.py --peft "$peft" \
    --kernel-bench "$kernel_bench" --results "$work/bench.json" --work "$models" --deadline "$((deadline - keep))" \
    --libraries "$libraries" --only "$@" "${flags[@]}" || failed=yes
  write_results
}

sanitizer_seconds=25
run_suites 40 "${main_suites[@]}"
bench $((4 * sanitizer_seconds + 5 * ${#other_suites[@]} + 50 * ${#other_parts[@]})) "${main_parts[@]}"
run_suites 20 "${other_suites[@]}"
bench $((4 * sanitizer_seconds)) "${other_parts[@]}"

# Kernels on small shapes: without what cuBLASLt and cuDNN take long for, and without what is large to fill a GPU.
large='PlanFileTest.*:*Cudnn*:*Tuning.*:*InChunks*:*ALargeTensor*:*SumsOfColumns*:*FewQueriesAgainst*:*.LayerNorm/*'
sharing='*Attention*:*CrossEntropy*:*Decode*:*Gather*:*Matvec*:*Norm*:*Quantize*:*Reduce*'  # those with shared memory
sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2> /dev/null || true)
if [[ $emulated == no && -n $sanitizer ]]; then
  for tool in memcheck racecheck initcheck synccheck; do
    left=$((deadline - $(date +%s)))
    ((left < sanitizer_seconds)) || left=$sanitizer_seconds
    ((left > 10)) || {
      echo "| $tool | not run, no time was left |" >> "$work/sanitizer"
      continue
    }
    filter="*-$large"
    [[ $tool != racecheck && $tool != synccheck ]] || filter="$sharing-$large"
    log=$work/$tool.log
    # Without the pool every tensor is an allocation of its own, whose borders and first values the tool knows.
    "${own[@]}" PEFT_TEST_DEVICE=cuda:0 LIBPEFT_NO_POOL=1 timeout -k 5 "$left" "$sanitizer" --tool "$tool" \
      --error-exitcode 9 "$(program cuda)" --gtest_filter="$filter" > "$log" 2>&1
    status=$?
    ran=$(tests_of OK "$log")
    if ((status == 0 && ran > 0)); then
      result="no error in $ran tests of single kernels"
    elif ((status == 124 && ran > 0)) && ! grep -qE '^=+ +(Invalid|Error|Race|Uninit|Barrier|Program hit)' "$log"; then
      result="cut after $left s, no error in $ran tests until then"
    else
      failed=yes
      result="FAIL, status $status after $ran tests"
      grep -E '=========' "$log" | head -30
    fi
    echo "| $tool | $result |" >> "$work/sanitizer"
    write_results
  done
else
  why=$([[ $emulated == yes ]] && echo "there is no GPU" || echo "no compute-sanitizer here")
  echo "| none | not run: $why |" >> "$work/sanitizer"
fi
write_results
cat "$results"
[[ $failed == no ]]
