#!/usr/bin/env bash
# Installs a build into an empty folder, moves it, and builds and runs a C program against it: by pkg-config, by
# find_package. Usage: install_test.sh BUILD_FOLDER
set -euo pipefail
build=$(realpath "${1:?BUILD_FOLDER}")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
model=$here/../data/families/llama
cmake=${CMAKE:-cmake}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
  echo "package: $*" >&2
  exit 1
}
missing() {
  echo "package: SKIPPED: $1 is missing" >&2
  exit 77
}
command -v pkg-config > /dev/null || missing pkg-config

"$cmake" --install "$build" --prefix "$work/first" > "$work/log" 2>&1 || { cat "$work/log" >&2; fail "not installed"; }
mv "$work/first" "$work/moved here"  # nothing in the package may name the place it was installed to
prefix="$work/moved here"

# What a package holds and nothing else.
libdir=$(dirname "$(find "$prefix" -name libpeft.so)")
[[ -n $libdir ]] || fail "libpeft.so is not installed"
for file in "$libdir/libpeft.so.1" "$libdir/cmake/libpeft/libpeftConfig.cmake" "$libdir/pkgconfig/libpeft.pc" \
  "$libdir/cmake/libpeft/libpeftConfigVersion.cmake"; do
  [[ -e $file ]] || fail "missing: ${file#"$prefix/"}"
done
diff <(cd "$here/../../include" && find . -name '*.h' | sort) <(cd "$prefix/include" && find . -type f | sort) ||
  fail "the installed headers are not those of include/"
surplus=$(cd "$prefix" && find . -type f ! -path './include/peft/*' ! -name 'libpeft*' ! -path ./bin/peft)
[[ -z $surplus ]] || fail "surplus files: $surplus"
for file in "$libdir"/cmake/libpeft/* "$libdir/pkgconfig/libpeft.pc"; do
  ! grep -qF -e "$work" -e "$build" "$file" || fail "${file#"$prefix/"} names a path of the build"
done
! readelf -d "$libdir/libpeft.so.1" | grep -E 'RPATH|RUNPATH' || fail "libpeft.so.1 has a search path"
readelf -d "$libdir/libpeft.so.1" | grep -q 'soname: \[libpeft.so.1\]' || fail "libpeft.so.1 has another soname"
if [[ -x $prefix/bin/peft ]]; then
  "$prefix/bin/peft" --version > "$work/version" || fail "bin/peft does not run where it is installed"
fi

# pkg-config. The folder's name has a space, which pkg-config escapes for a shell.
export PKG_CONFIG_PATH=$libdir/pkgconfig
eval "flags=($(pkg-config --cflags --libs libpeft))"
"${CC:-cc}" -std=c99 -Wall -Wextra -Werror -pedantic "$here/consumer/main.c" "${flags[@]}" -o "$work/by_pkg_config"
LD_LIBRARY_PATH=$libdir "$work/by_pkg_config" "$model" "$(pkg-config --modversion libpeft)"

# find_package
"$cmake" -S "$here/consumer" -B "$work/build" "-DCMAKE_PREFIX_PATH=$prefix" > "$work/log" 2>&1 &&
  "$cmake" --build "$work/build" > "$work/log" 2>&1 || { cat "$work/log" >&2; fail "find_package(libpeft) failed"; }
"$work/build/consumer" "$model" "$(pkg-config --modversion libpeft)"
! "$cmake" -S "$here/consumer" -B "$work/newer" "-DCMAKE_PREFIX_PATH=$prefix" -DWANTED=99.0 > "$work/log" 2>&1 ||
  fail "find_package(libpeft 99.0) must fail"
echo "package: installed, found and used"
