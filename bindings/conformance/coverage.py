"""coverage.py ROOT: says for every function that a header of include/peft exports, and for each language, whether the
facade reaches it; exit status 0 only if all do. Reads sources, so it needs no tool chain.

A cell is "ok" where the facade names the function, "in layer" where the layer under it calls it on the facade's behalf
(SWIG's interface files: the message of a failed call, constructors of structures).
"""

import pathlib
import re
import sys

COMMENTS = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)


def text_of(folder, pattern, left_out=()):
    files = [path for path in sorted(folder.rglob(pattern)) if not any(part in path.parts for part in left_out)]
    return COMMENTS.sub("", "\n".join(path.read_text() for path in files))


def exported(root):
    headers = COMMENTS.sub("", "\n".join(path.read_text() for path in sorted((root / "include/peft").glob("*.h"))))
    return sorted(set(re.findall(r"PEFT_API\s[^;(]*?\b(peft_\w+)\s*\(", headers)))


def names(pattern, text, shape="peft_{}"):
    return {shape.format(found) for found in re.findall(pattern, text)}


def java(root):
    text = text_of(root / "bindings/java/src/main/java", "*.java")
    made = names(r"\bnew peft_(\w+)\(", text, "peft_{}_init")
    return names(r"\bPeft(?:\.|::)peft_(\w+)", text), made


def csharp(root):
    text = text_of(root / "bindings/csharp/Runtime", "*.cs")
    return names(r"\bPeftNative\.peft_(\w+)", text), names(r"\bnew (?:Native\.)?peft_(\w+) *[({]", text, "peft_{}_init")


def go(root):
    text = text_of(root / "bindings/go", "*.go", ("internal",))
    return names(r"\bnative\.Peft_(\w+)", text), names(r"\bnative\.NewPeft_(\w+)", text, "peft_{}_init")


def rust(root):
    text = text_of(root / "bindings/rust/libpeft/src", "*.rs")
    return names(r"\bpeft_(\w+)", text), set()


def swig(root):
    """What the interface files themselves call."""
    return names(r"\bpeft_(\w+)\s*\(", text_of(root / "bindings/swig", "*.i"))


def main():
    root = pathlib.Path(sys.argv[1])
    functions = exported(root)
    listed = (root / "tests/capi/symbols.txt").read_text().split()
    missing = 0
    if functions != sorted(listed):
        print("tests/capi/symbols.txt and the headers differ:", *sorted(set(functions) ^ set(listed)))
        missing = 1
    layer = swig(root)
    languages = {"java": java(root), "csharp": csharp(root), "go": go(root), "rust": rust(root)}
    width = max(map(len, functions)) + 2
    print("function".ljust(width) + "".join(name.ljust(10) for name in languages).rstrip())
    reached = dict.fromkeys(languages, 0)
    for function in functions:
        cells = []
        for language, (called, made) in languages.items():
            below = language != "rust" and function in layer
            cell = "ok" if function in called | made else "in layer" if below else "MISSING"
            reached[language] += cell != "MISSING"
            cells.append(cell)
        print(function.ljust(width) + "".join(cell.ljust(10) for cell in cells).rstrip())
    for language, count in reached.items():
        print(f"{language}: {count} of {len(functions)} functions of the header are reached")
        missing += len(functions) - count
    return 1 if missing or len(functions) < 100 else 0


if __name__ == "__main__":
    sys.exit(main())
