#!/usr/bin/env bash
# The one command for a machine with an NVIDIA GPU: device tests, then the benchmark, then compute-sanitizer; writes
# docs/gpu_results.md after each part, so that a cut run is worth something.
#   bash tests/gpu.sh                    builds first, or takes the bundle that it was unpacked with
#   bash tests/gpu.sh --pack [FILE]      a bundle of at most 40 MB that needs CUDA's own libraries only (build/gpu_bundle.tar.xz)
#   bash tests/gpu.sh --emulated         the same on the emulation, with tiny shapes: that it works, not how fast it is
#   bash tests/gpu.sh --minutes N        ends within N minutes (9)
# Exit status: 0 all tests passed and no part failed (a missed speed is no failure), 1 not, 2 usage.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
root=$PWD
started=$(date +%s)
minutes=9 pack=no emulated=no bundle=$root/build/gpu_bundle.tar.xz
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
    -h | --help)
      sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
      exit 0
      ;;
    *)
      echo "unknown option $1; see --help" >&2
      exit 2
      ;;
  esac
  shift
done
deadline=$((started + minutes * 60))
say() { echo "gpu: $*" >&2; }
suites=(cuda ops tensor autograd nn models adapters train generate)

tree=$root/build/test
build() {
  say "building $tree"
  [[ -f $tree/build.ninja ]] || cmake --preset test > /dev/null || return 1
  ninja -C "$tree" > "$tree/gpu_build.log" 2>&1 || {
    grep -A 20 '^FAILED' "$tree/gpu_build.log" | head -60 >&2
    return 1
  }
}

# Libraries that a program of ours loads and that a machine with CUDA need not have.
own_libraries() {
  local file
  for file in "$@"; do ldd "$file"; done | sed -nE 's/.* => (\/[^ ]+) .*/\1/p' | sort -u |
    grep -Ev '/(libc|libm|ld-linux|libpthread|libdl|librt|libpeft|libcuda|libcublas)[^/]*$' || true
}

if [[ $pack == yes ]]; then
  build || exit 1
  stage=$(mktemp -d)
  trap 'rm -rf "$stage"' EXIT
  mkdir -p "$stage/prepared/lib" "$stage/prepared/emulated" "$stage/prepared/bin" "$stage/tests/data" "$stage/docs"
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
  own_libraries "$stage"/prepared/bin/* "$stage/prepared/lib/libpeft.so.1" | while read -r file; do
    cp -L "$file" "$stage/prepared/lib/"
  done
  strip --strip-unneeded "$stage"/prepared/bin/* "$stage"/prepared/lib/* "$stage"/prepared/emulated/* 2> /dev/null
  cp -r tests/data/. "$stage/tests/data/"
  cp -r tests/gpu.sh tests/bench "$stage/tests/"
  git describe --always --dirty > "$stage/prepared/commit" 2> /dev/null || echo unknown > "$stage/prepared/commit"
  mkdir -p "$(dirname "$bundle")"
  tar -C "$stage" -cf - . | xz -T 0 -6 > "$bundle"
  bytes=$(stat -c %s "$bundle")
  say "$bundle: $((bytes / 1000)) kB"
  if ((bytes > 40000000)); then
    say "that is over 40 MB"
    exit 1
  fi
  exit 0
fi

if [[ -d prepared ]]; then
  binaries=$root/prepared/bin libraries=$root/prepared/lib emulation=$root/prepared/emulated
  commit=$(cat prepared/commit)
  program() { echo "$binaries/$1_tests"; }
  peft=$binaries/peft kernel_bench=$binaries/cuda_kernel_bench
  export LD_LIBRARY_PATH=$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
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
    print("| " + " | ".join([row["claim"], row["figure"].replace("\n", " "), row["wanted"], row["floor"], verdict]) + " |")
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
  filter='*cuda*:*Cuda*'
  [[ $suite == cuda ]] && filter='*'
  log=$work/$suite.log
  timeout "$((left < 150 ? left : 150))" "$file" --gtest_filter="$filter" --gtest_brief=1 > "$log" 2>&1
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

# Weights of true shapes need room: memory is faster than disks, where there is enough.
models=$work/models
[[ $emulated == no && -w /dev/shm ]] && models=$(mktemp -d -p /dev/shm) && trap 'rm -rf "$work" "$models"' EXIT
sanitizer_seconds=100
flags=()
[[ $emulated == yes ]] && flags=(--emulated)
timeout "$((deadline - $(date +%s)))" python3 tests/bench/gpu_bench.py --peft "$peft" --kernel-bench "$kernel_bench" \
  --results "$work/bench.json" --work "$models" --deadline "$((deadline - sanitizer_seconds))" "${flags[@]}" || failed=yes
write_results

sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2> /dev/null || true)
if [[ $emulated == no && -n $sanitizer ]]; then
  for tool in memcheck racecheck initcheck synccheck; do
    left=$((deadline - $(date +%s)))
    ((left > 15)) || {
      echo "| $tool | not run: no time was left |" >> "$work/sanitizer"
      continue
    }
    timeout "$((left < 60 ? left : 60))" "$sanitizer" --tool "$tool" --error-exitcode 9 "$(program ops)" \
      --gtest_filter='*cuda*' --gtest_brief=1 > "$work/$tool.log" 2>&1
    status=$?
    if ((status == 0)); then
      echo "| $tool | no error in the ops suite |" >> "$work/sanitizer"
    elif ((status == 124)); then
      echo "| $tool | cut after 60 s, no error until then |" >> "$work/sanitizer"
    else
      failed=yes
      echo "| $tool | FAIL, status $status |" >> "$work/sanitizer"
      grep -E '=========' "$work/$tool.log" | head -30
    fi
    write_results
  done
else
  echo "| none | not run: $([[ $emulated == yes ]] && echo "there is no GPU" || echo "no compute-sanitizer here") |" >> "$work/sanitizer"
fi
write_results
cat "$results"
[[ $failed == no ]]
