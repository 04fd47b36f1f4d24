#!/usr/bin/env bash
# The one command for a machine with an NVIDIA GPU: device tests, then the benchmark, then compute-sanitizer; writes
# docs/gpu_results.md after each part, so that a cut run is worth something.
#   bash tests/gpu.sh                    builds first, or takes the bundle that it was unpacked with
#   bash tests/gpu.sh --pack [FILE]      a bundle of at most 40 MB that needs CUDA's own libraries only
#                                        (build/gpu_bundle.tar.xz)
#   bash tests/gpu.sh --emulated         the same on the emulation, with tiny shapes: that it works, not how fast it is
#   bash tests/gpu.sh --minutes N        ends within N minutes (9; --emulated: 40)
#   bash tests/gpu.sh --only "ops nn kernels"   these suites and parts of the benchmark (tests/bench/gpu_bench.py) only
#   bash tests/gpu.sh --build FOLDER     takes what is built there as it is
# Exit status: 0 all tests passed and no part failed (a missed speed is no failure), 1 not, 2 usage.
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
suites=(cuda ops tensor autograd nn models adapters train generate)
parts=(kernels train_bf16 decode_bf16 decode_nf4 train_nf4 small_beside_cpu memory_large)
if [[ $only ]]; then
  chosen=()
  for suite in "${suites[@]}"; do [[ $only == *" $suite "* ]] && chosen+=("$suite"); done
  suites=("${chosen[@]}") chosen=()
  for part in "${parts[@]}"; do [[ $only == *" $part "* ]] && chosen+=("$part"); done
  parts=("${chosen[@]}")
fi

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
    [[ -x $program ]] && cp "$program" "$stage/prepared/bin/"
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

own=(env) libraries=
if [[ -d prepared ]]; then
  binaries=$root/prepared/bin libraries=$root/prepared/lib emulation=$root/prepared/emulated
  commit=$(cat prepared/commit)
  program() { echo "$binaries/$1_tests"; }
  peft=$binaries/peft kernel_bench=$binaries/cuda_kernel_bench
  if LD_LIBRARY_PATH=$libraries ldd "$binaries"/* 2>&1 | grep -q 'not found'; then
    libraries=$libraries:$root/prepared/compiler
  fi
  # For our programs alone: those of the machine have their own.
  own=(env "LD_LIBRARY_PATH=$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}")
  export LIBPEFT_CUDA=$libraries/libpeft_cuda.so
else
  build || exit 1
  commit=$(git describe --always --dirty 2> /dev/null || echo unknown)
  program() { echo "$tree/tests/$1/$1_tests"; }
  emulation=$tree/tests/cuda/emulated
  peft=$tree/peft kernel_bench=$tree/tests/cuda/cuda_kernel_bench
  export LIBPEFT_CUDA=$tree/libpeft_cuda.so
fi
export PEFT_TEST_DATA=$root/tests/data
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
results=$root/docs/gpu_results.md
if [[ $emulated == yes ]]; then
  export LIBPEFT_CUDA=$emulation/libpeft_cuda.so
  results=$work/gpu_results.md
  gpu="an emulation" driver=none
elif facts=$(nvidia-smi --query-gpu=name,driver_version --format=csv,noheader -i 0 2> /dev/null); then
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
for suite in "${suites[@]}"; do
  file=$(program "$suite")
  [[ -x $file ]] || continue
  left=$((deadline - $(date +%s)))
  ((left > 10)) || break
  # On a GPU a suite takes seconds; one that hangs must not take the benchmark's time.
  most=$([[ $emulated == yes ]] && echo 900 || echo 60)
  log=$work/$suite.log
  # SmolLM2 itself is not in a bundle.
  "${own[@]}" PEFT_TEST_DEVICE=cuda:0 timeout "$((left < most ? left : most))" "$file" --gtest_filter='-SmolLm2.*' \
    --gtest_brief=1 > "$log" 2>&1
  status=$?
  passed=$(sed -nE 's/.*\[  PASSED  \] ([0-9]+) tests?.*/\1/p' "$log")
  if ((status == 0)) && ((${passed:-0} > 0)); then
    echo "| $suite | ${passed} passed |" >> "$work/suites"
  elif ((status == 0)); then
    echo "| $suite | none ran |" >> "$work/suites"
  else
    failed=yes
    count=$(grep -c '^\[  FAILED  \] .*(' "$log" || true)
    echo "| $suite | FAIL: ${count} failed, status $status |" >> "$work/suites"
    grep -E -A 8 'Failure|FAILED|rror' "$log" | head -60
  fi
  tail -n 1 "$work/suites"
  write_results
done

# Weights of true shapes need 48 GB: memory is faster than disks, where there is enough.
models=$work/models
room=$(df -B 1000000000 --output=avail /dev/shm 2> /dev/null | tail -n 1)
if [[ $emulated == no && -w /dev/shm ]] && ((${room:-0} >= 48)); then
  models=$(mktemp -d -p /dev/shm)
  trap 'rm -rf "$work" "$models"' EXIT
fi
sanitizer_seconds=100
flags=()
[[ $emulated == yes ]] && flags=(--emulated)
left=$((deadline - $(date +%s)))
if ((${#parts[@]} > 0 && left > 0)); then
  timeout "$left" python3 tests/bench/gpu_bench.py --peft "$peft" --kernel-bench "$kernel_bench" \
    --results "$work/bench.json" --work "$models" --deadline "$((deadline - sanitizer_seconds))" \
    --libraries "$libraries" --only "${parts[@]}" "${flags[@]}" || failed=yes
  write_results
fi

sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2> /dev/null || true)
if [[ $emulated == no && -n $sanitizer ]]; then
  sanitizers_left=4
  for tool in memcheck racecheck initcheck synccheck; do
    left=$((deadline - $(date +%s)))
    ((left > 15)) || {
      echo "| $tool | not run: no time was left |" >> "$work/sanitizer"
      continue
    }
    # Each gets its share of what is left; the first tests of many small shapes are worth most.
    share=$((left / sanitizers_left--))
    "${own[@]}" PEFT_TEST_DEVICE=cuda:0 timeout "$share" "$sanitizer" --tool "$tool" --error-exitcode 9 \
      "$(program cuda)" --gtest_brief=1 > "$work/$tool.log" 2>&1
    status=$?
    if ((status == 0)); then
      echo "| $tool | no error in the suite of single kernels |" >> "$work/sanitizer"
    elif ((status == 124)) && ! grep -qE '^=+ +(Invalid|Error|Race|Uninit|Barrier|Program hit)' "$work/$tool.log"; then
      echo "| $tool | cut after $share s, no error until then |" >> "$work/sanitizer"
    else
      failed=yes
      echo "| $tool | FAIL, status $status |" >> "$work/sanitizer"
      grep -E '=========' "$work/$tool.log" | head -30
    fi
    write_results
  done
else
  why=$([[ $emulated == yes ]] && echo "there is no GPU" || echo "no compute-sanitizer here")
  echo "| none | not run: $why |" >> "$work/sanitizer"
fi
write_results
cat "$results"
[[ $failed == no ]]
