#!/usr/bin/env bash
# Installs what is missing, builds with warnings as errors, and runs every test.
#   bash tests/run.sh                     everything
#   bash tests/run.sh base formats        the tests of these folders only, building no more than they need
#   bash tests/run.sh --preset asan       with another preset of CMakePresets.json (dev, test, asan, tsan)
#   bash tests/run.sh --bindings "java;go"   of java;csharp;go;rust these bindings only; "": none
#   bash tests/run.sh --no-setup          without looking for missing packages
#   PEFT_SMOLLM2_GGUF=FILE bash tests/run.sh   with that SmolLM2-135M-Instruct instead of the fetched one
#   bash tests/run.sh --list              names of the tests
# The last line is the summary. Exit status: 0 all passed, 1 a test or the build failed, 2 usage.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

preset=test
setup=yes
list=no
bindings=
jobs=${PEFT_JOBS:-$(nproc)}
folders=()
while (($# > 0)); do
  case $1 in
    --preset)
      preset=${2:?--preset needs a name}
      shift
      ;;
    --jobs)
      jobs=${2:?--jobs needs a number}
      shift
      ;;
    --bindings)
      bindings=-DPEFT_BINDINGS=${2?--bindings needs a list of languages}
      shift
      ;;
    --no-setup) setup=no ;;
    --list) list=yes ;;
    -h | --help)
      sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
      exit 0
      ;;
    -*)
      echo "unknown option $1; see --help" >&2
      exit 2
      ;;
    *) folders+=("$1") ;;
  esac
  shift
done

say() { echo "== $*"; }
fail() {
  echo "tests: $*"
  exit 1
}

[[ -d ${HOME:-/root}/.cargo/bin ]] && PATH=$PATH:${HOME:-/root}/.cargo/bin
build=build/$preset
# Only whole runs of the preset "test" test the bindings, whose tool chains are large.
packages=tests
[[ $preset != test || ${#folders[@]} -gt 0 || $bindings == -DPEFT_BINDINGS= ]] || packages=bindings
[[ $setup == no ]] || bash tests/setup.sh "$packages"

log=$(mktemp)
trap 'rm -f "$log"' EXIT
if [[ ! -f $build/build.ninja || -n $bindings ]]; then
  say "configuring $build"
  if ! cmake --preset "$preset" ${bindings:+"$bindings"} > "$log" 2>&1; then
    rm -f "$build/build.ninja"
    cat "$log"
    fail "the build could not be configured"
  fi
fi

targets=()
pattern=.
if ((${#folders[@]} > 0)); then
  targets=("${folders[@]/%/_tests}")
  pattern="^($(IFS='|' && echo "${folders[*]}"))(_cuda|_kernels(_sanitized)?)?$"  # on the emulated GPU too
fi
if [[ $list == no ]]; then
  say "building $build${targets[*]:+: ${targets[*]}}"
  # Ninja prints one line a step when nobody watches; the log keeps those and shows them only when a step fails.
  if [[ -t 1 ]]; then
    ninja -C "$build" -j "$jobs" "${targets[@]}" || fail "the build failed"
  elif ! ninja -C "$build" -j "$jobs" "${targets[@]}" > "$log" 2>&1; then
    grep -n -A 40 '^FAILED' "$log" | head -n 200 || tail -n 60 "$log"
    fail "the build failed"
  fi
fi
if [[ $list == yes ]]; then
  ctest --test-dir "$build" -N
  exit 0
fi

# Some tests hold a real model against what Transformers made of it.
if [[ -z ${PEFT_SMOLLM2_GGUF:-} ]] && model=$(bash examples/get_model.sh); then
  export PEFT_SMOLLM2_GGUF=$model
fi

say "testing"
export GTEST_BRIEF=1
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=1:strict_string_checks=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
export TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1:second_deadlock_stack=1}
status=0
ctest --test-dir "$build" -R "$pattern" -j "$jobs" --output-on-failure --no-tests=error 2>&1 | tee "$log" || status=1
echo
# What did not run must be seen: skipped tests count as passed elsewhere.
skipped=$(sed -nE 's/^(([a-z]+: )?(SKIPPED|NO GPU): )/\1/p' "$build/Testing/Temporary/LastTest.log" 2> /dev/null | sort | uniq -c || true)
if [[ -n $skipped ]]; then
  echo "NOT RUN HERE (how many tests, and why):"
  echo "$skipped"
fi
summary=$(grep -E 'tests passed' "$log" || echo "no test was run")
echo "tests: $summary"
exit "$status"
