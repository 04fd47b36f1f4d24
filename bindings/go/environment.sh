# Sourced: finds libpeft.so of the tree and makes pkg-config name it. LIBPEFT_DIR: its folder; default: the newest of build and build/test.
go_here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
go_root=$(cd "$go_here/../.." && pwd)
command -v go > /dev/null || PATH=$PATH:/usr/local/go/bin
go_version=$(GOTOOLCHAIN=local go env GOVERSION 2> /dev/null | sed 's/^go//' || true)
if [[ $(printf '%s\n' 1.24 "$go_version" | sort -V | head -n 1) != 1.24 ]]; then
  echo "SKIPPED: go: Go 1.24 or newer is needed, found ${go_version:-none}" >&2
  exit 77
fi
for tool in pkg-config "${CXX:-c++}"; do
  command -v "$tool" > /dev/null || { echo "SKIPPED: go: there is no $tool" >&2 && exit 77; }
done
. "$go_root/bindings/library.sh"
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
