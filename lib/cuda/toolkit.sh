#!/usr/bin/env bash
# The CUDA toolkit that libpeft_cuda.so is built with: the machine's own where it is CUDA 13, else NVIDIA's packages of
# toolkit.txt (0.5 GB to fetch, 0.9 GB on disk), put into $XDG_CACHE_HOME/libpeft. Beside it cuDNN's headers, where the
# machine has none: 0.35 GB to fetch, 0.4 MB of which are kept, since the library is opened at run time where there is
# one. Without them the module is built, and never uses cuDNN. No driver and no GPU are needed.
#   bash lib/cuda/toolkit.sh          sets it up where it is missing, and says what to do with it
#   bash lib/cuda/toolkit.sh --print  prints the folder of the one there is; exit status 1 when there is none
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/libpeft
folder=$cache/cuda-13.0 cudnn_headers=$cache/cudnn-9.19

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

# The lines of toolkit.txt that match, or with -v do not, as a file.
requirements() { grep -E '^[a-z]' "$here/toolkit.txt" | grep "$@" > "$work/requirements.txt"; }

has_cudnn_headers() {
  local candidate
  for candidate in "$1/include" "$1/targets/x86_64-linux/include" /usr/local/include /usr/include "$cudnn_headers"; do
    [[ -f $candidate/cudnn_graph.h ]] && return
  done
  return 1
}

fetch_cudnn_headers() {
  local work
  mkdir -p "$cache" && work=$(mktemp -d "$cache/cudnn.XXXXXX") || return 1
  trap 'rm -rf "$work"' RETURN
  echo "toolkit: fetching cuDNN's headers into $cudnn_headers" >&2
  requirements nvidia-cudnn
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
    --dest "$work" --requirement "$work/requirements.txt" >&2 || return 1
  python3 - "$work" << 'PYTHON' || return 1
import glob, os, sys, zipfile
work = sys.argv[1]
with zipfile.ZipFile(glob.glob(work + "/*.whl")[0]) as package:
    for name in package.namelist():
        if name.startswith("nvidia/cudnn/include/") and name.endswith(".h"):
            os.makedirs(work + "/include", exist_ok=True)
            with open(os.path.join(work, "include", os.path.basename(name)), "wb") as file:
                file.write(package.read(name))
PYTHON
  rm -rf "$cudnn_headers"
  mv "$work/include" "$cudnn_headers"
}

install() {
  python3 -m pip --version > /dev/null 2>&1 || fail "needs pip to fetch NVIDIA's packages (Debian: python3-pip)"
  mkdir -p "$cache"
  local work
  work=$(mktemp -d "$cache/toolkit.XXXXXX")
  trap 'rm -rf "$work"' RETURN
  echo "toolkit: fetching CUDA 13.0 into $folder" >&2
  requirements -v nvidia-cudnn
  # --require-hashes: exactly the files that were seen to work.
  python3 -m pip install --quiet --disable-pip-version-check --no-deps --no-compile --only-binary :all: \
    --require-hashes --target "$work/packages" --requirement "$work/requirements.txt" >&2 ||
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
has_cudnn_headers "$root" || fetch_cudnn_headers ||
  echo "toolkit: cuDNN's headers could not be fetched; the module is built without cuDNN" >&2
cat << END
CUDA toolkit: $root
  cmake -B build -DPEFT_CUDA=ON    finds it by CUDACXX, PATH, /usr/local/cuda and in $folder
  export CUDACXX=$root/bin/nvcc    where another nvcc comes first
To run on a machine whose loader does not find cuBLASLt (LIBPEFT_CUDNN likewise, for libcudnn_graph.so.9):
  export LIBPEFT_CUBLASLT=$(ls "$root"/lib64/libcublasLt.so.13 2> /dev/null || echo FOLDER/libcublasLt.so.13)
END
