#!/usr/bin/env bash
# A project outside the tree that has nothing but the packaged crates, and finds the library by pkg-config.
# LIBPEFT_DIR and CARGO_TARGET_DIR are set by run.sh.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$here"
# Both at once, which Cargo can since 1.90: libpeft-sys is on no registry yet.
if ! cargo package --offline --locked --allow-dirty --no-verify -q -p libpeft-sys -p libpeft; then
  echo "SKIPPED: rust: this Cargo cannot package two crates that need each other"
  exit 0
fi
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
for name in libpeft-sys libpeft; do
  tar -xzf "$CARGO_TARGET_DIR/package/$name-$version.crate" -C "$work"
done
mkdir -p "$work/project/src" "$work/pc"
printf 'Name: libpeft\nDescription: test\nVersion: 0.1.0\nLibs: -L%s -lpeft\n' "$LIBPEFT_DIR" > "$work/pc/libpeft.pc"
cat > "$work/project/Cargo.toml" << END
[package]
name = "outside"
version = "0.1.0"
edition = "2024"

[dependencies]
libpeft = "$version"

[patch.crates-io]
libpeft = { path = "../libpeft-$version" }
libpeft-sys = { path = "../libpeft-sys-$version" }

[workspace]
END
cat > "$work/project/src/main.rs" << 'END'
fn main() -> libpeft::Result<()> {
    let context = libpeft::Context::new()?;
    let model = libpeft::Model::load(&context, std::env::args().nth(1).unwrap_or_default())?;
    let mut session = libpeft::Session::new(&model)?;
    session.prefill(&[3, 14, 15], &libpeft::PrefillOptions::new())?;
    println!("{} says {:?}", libpeft::version()?, session.next_token()?);
    Ok(())
}
END
cd "$work/project"
env -u LIBPEFT_DIR PKG_CONFIG_PATH="$work/pc" CARGO_TARGET_DIR="$work/target" \
  cargo run --offline -q -- "$root/tests/data/families/llama"
