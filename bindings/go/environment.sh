# Sourced: finds libpeft.so of the tree and makes pkg-config name it. LIBPEFT_DIR: its folder; default build, build/test.
go_here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
go_root=$(cd "$go_here/../.." && pwd)
command -v go > /dev/null || PATH=$PATH:/usr/local/go/bin
if ! command -v go > /dev/null; then
  echo "go: SKIPPED: there is no go" >&2
  exit 77
fi
if [[ -z ${LIBPEFT_DIR:-} ]]; then
  for folder in "$go_root/build" "$go_root/build/test"; do
    [[ -e $folder/libpeft.so ]] && LIBPEFT_DIR=$folder && break
  done
fi
if [[ ! -e ${LIBPEFT_DIR:-}/libpeft.so ]]; then
  echo "go: no libpeft.so in ${LIBPEFT_DIR:-$go_root/build or $go_root/build/test}: set LIBPEFT_DIR" >&2
  exit 2
fi
LIBPEFT_DIR=$(cd "$LIBPEFT_DIR" && pwd)
go_out=$go_root/build/bindings/go
mkdir -p "$go_out"
cat > "$go_out/libpeft.pc" << END
Name: libpeft
Description: the library in this tree
Version: 0.1.0
Cflags: -I$go_root/include
Libs: -L$LIBPEFT_DIR -Wl,-rpath,$LIBPEFT_DIR -lpeft
END
export LIBPEFT_DIR PKG_CONFIG_PATH=$go_out${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
# The standard library is all that is used: nothing is downloaded.
export GOPROXY=off GOFLAGS=${GOFLAGS:--p=2} GOTOOLCHAIN=local
