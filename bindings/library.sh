# Sourced: LIBPEFT_DIR becomes the folder of libpeft.so, absolute and exported. Without it the newest of build and
# build/test of the project is taken; ends with 2 where there is none.
libpeft_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
if [[ -z ${LIBPEFT_DIR:-} ]]; then
  libpeft_found=$(ls -t "$libpeft_root"/build/{,test/}libpeft.so.1 2> /dev/null | head -n 1 || true)
  LIBPEFT_DIR=${libpeft_found%/*}
fi
if [[ ! -e ${LIBPEFT_DIR:-}/libpeft.so.1 ]]; then
  echo "no libpeft.so.1 in ${LIBPEFT_DIR:-$libpeft_root/build or $libpeft_root/build/test}: set LIBPEFT_DIR" >&2
  exit 2
fi
LIBPEFT_DIR=$(cd "$LIBPEFT_DIR" && pwd)
export LIBPEFT_DIR
