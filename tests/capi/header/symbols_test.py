"""The library exports exactly the functions of tests/capi/symbols.txt, all under the version node LIBPEFT_1.

symbols_test.py libpeft.so
"""

import pathlib
import subprocess
import sys


def main():
    library = sys.argv[1]
    listed = (pathlib.Path(__file__).resolve().parents[1] / "symbols.txt").read_text(encoding="utf-8").split()
    table = subprocess.run(
        ["nm", "-D", "--defined-only", "--with-symbol-versions", library],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    rows = [line.split()[1:] for line in table.splitlines()]
    exported = sorted(name for kind, name in rows if kind != "A")  # A: the version node itself
    expected = sorted(f"{name}@@LIBPEFT_1" for name in listed)
    wrong = [f"{name}: exported but not listed" for name in sorted(set(exported) - set(expected))]
    wrong += [f"{name}: listed but not exported" for name in sorted(set(expected) - set(exported))]
    print("\n".join(wrong) or f"{len(exported)} symbols, as listed")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
