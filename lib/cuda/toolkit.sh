#!/usr/bin/env bash
# The CUDA toolkit that libpeft_cuda.so is built with: the machine's own where it is CUDA 13, else NVIDIA's packages of
# toolkit.txt (0.5 GB to fetch, 0.9 GB on disk), put into $XDG_CACHE_HOME/libpeft. No driver and no GPU are needed.
#   bash lib/cuda/toolkit.sh          sets it up where it is missing, and says what to do with it
#   bash lib/cuda/toolkit.sh --print  prints the folder of the one there is; exit status 1 when there is none
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/libpeft
folder=$cache/cuda-13.0

fail() {
  echo "toolkit: $*" >&2
  exit 1
}

# The folder above an nvcc of CUDA 13 that has cuBLASLt's header beside it.
usable() {
  local nvcc root
  nvcc=$(command -v "$1" 2> /dev/null) && nvcc=$(readlink -f "$nvcc") || return 1
  root=$(dirname "$(dirname "$nvcc")")
  "$nvcc" --version 2> /dev/null | grep -q 'release 13\.' || return 1
  [[ -f $root/include/cublasLt.h ]] && echo "$root"
}

found() {
  local candidate
  for candidate in "${CUDACXX:-}" nvcc /usr/local/cuda/bin/nvcc "$folder/bin/nvcc"; do
    [[ -n $candidate ]] && usable "$candidate" && return
  done
  return 1
}

install() {
  python3 -m pip --version > /dev/null 2>&1 || fail "needs pip to fetch NVIDIA's packages (Debian: python3-pip)"
  mkdir -p "$cache"
  local work
  work=$(mktemp -d "$cache/toolkit.XXXXXX")
  trap 'rm -rf "$work"' RETURN
  echo "toolkit: fetching CUDA 13.0 into $folder" >&2
  # --require-hashes: exactly the files that were seen to work.
  python3 -m pip install --quiet --disable-pip-version-check --no-deps --no-compile --only-binary :all: \
    --require-hashes --target "$work/packages" --requirement "$here/toolkit.txt" >&2 ||
    fail "the packages of lib/cuda/toolkit.txt could not be installed"
  local root=$work/packages/nvidia/cu13 library
  # What an installed toolkit has and the packages leave out.
  for library in "$root"/lib/*.so.*; do
    ln -sf "$(basename "$library")" "${library%%.so.*}.so"
  done
  ln -sfn lib "$root/lib64"
  rm -rf "$folder"
  mv "$root" "$folder"
}

if [[ ${1:-} == --print ]]; then
  found
  exit
fi
[[ $# == 0 ]] || fail "unknown option $1"
if ! root=$(found); then
  install
  root=$(found) || fail "$folder was made, but its nvcc does not run"
fi
cat << END
CUDA toolkit: $root
  cmake -B build -DPEFT_CUDA=ON    finds it by CUDACXX, PATH, /usr/local/cuda and in $folder
  export CUDACXX=$root/bin/nvcc    where another nvcc comes first
To run on a machine whose loader does not find cuBLASLt:
  export LIBPEFT_CUBLASLT=$(ls "$root"/lib64/libcublasLt.so.13 2> /dev/null || echo FOLDER/libcublasLt.so.13)
END
