"""Every public header compiles alone, twice, in each dialect, without a warning.

Structures lie the same in C and C++, and enumerations have four bytes.

compile_test.py gcc|clang
"""

import pathlib
import subprocess
import shutil
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "docs"))
from read_headers import Enumeration, Structure, all_of, read_headers  # noqa: E402

INCLUDE = ROOT / "include"
DIALECTS = {"c": ["c99", "c11"], "c++": ["c++11", "c++20"]}
DRIVERS = {"gcc": {"c": "gcc", "c++": "g++"}, "clang": {"c": "clang", "c++": "clang++"}}
WARNINGS = ["-Wall", "-Wextra", "-pedantic", "-Werror", "-Wshadow", "-Wundef", "-Wdocumentation"]
SKIPPED = 77


def run(command, source):
    return subprocess.run(command, input=source, capture_output=True, text=True, timeout=60)


def compile_all(family):
    failures, count = [], 0
    warnings = WARNINGS if family == "clang" else WARNINGS[:-1]
    warnings = warnings + (["-Wstrict-prototypes"] if family == "gcc" else [])
    for header in sorted(INCLUDE.glob("peft/*.h")):
        source = f'#include "peft/{header.name}"\n#include "peft/{header.name}"\nint peft_header_test;\n'
        for language, dialects in DIALECTS.items():
            for dialect in dialects:
                flags = [flag for flag in warnings if language == "c" or flag != "-Wstrict-prototypes"]
                command = [
                    DRIVERS[family][language],
                    "-x",
                    language,
                    f"-std={dialect}",
                    *flags,
                    f"-I{INCLUDE}",
                    "-fsyntax-only",
                    "-",
                ]
                result = run(command, source)
                count += 1
                if result.returncode:
                    failures.append(f"{header.name} as {dialect}:\n{result.stderr}")
    return failures, count


def layout(family, language):
    """One line a structure and field: size and offset."""
    headers = read_headers(INCLUDE / "peft")
    lines = []
    for structure in all_of(headers, Structure):
        if structure.fields:
            lines.append(f'  printf("{structure.name} %zu\\n", sizeof({structure.name}));')
        for field in structure.fields:
            lines.append(
                f'  printf("{structure.name}.{field.name} %zu %zu\\n",'
                f" offsetof({structure.name}, {field.name}),"
                f" sizeof((({structure.name} *)0)->{field.name}));"
            )
    for enumeration in all_of(headers, Enumeration):
        lines.append(f'  printf("{enumeration.name} %zu\\n", sizeof({enumeration.name}));')
        for value in enumeration.values:
            lines.append(f'  printf("{value.name} %d\\n", (int){value.name});')
    source = (
        '#include "peft/peft.h"\n#include <stdio.h>\nint main(void) {\n'
        + "\n".join(lines)
        + "\n  return 0;\n}\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        program = str(pathlib.Path(folder) / "layout")
        command = [
            DRIVERS[family][language],
            "-x",
            language,
            f"-std={DIALECTS[language][-1]}",
            f"-I{INCLUDE}",
            "-",
            "-o",
            program,
        ]
        result = run(command, source)
        if result.returncode:
            sys.exit(result.stderr)
        return run([program], "").stdout.splitlines()


def main():
    family = sys.argv[1]
    missing = [name for name in DRIVERS[family].values() if not shutil.which(name)]
    if missing:
        print(f"SKIPPED: {', '.join(missing)} not installed, the headers were not compiled with {family}")
        sys.exit(SKIPPED)
    failures, count = compile_all(family)
    in_c, in_cxx = layout(family, "c"), layout(family, "c++")
    failures += [f"layout differs: C has '{a}', C++ has '{b}'" for a, b in zip(in_c, in_cxx) if a != b]
    failures += [
        f"{row}: an enumeration must have 4 bytes"
        for row in in_c
        if row
        in [
            f"{item.name} {size}"
            for item in all_of(read_headers(INCLUDE / "peft"), Enumeration)
            for size in (1, 2, 8)
        ]
    ]
    print("\n".join(failures) or f"{count} compilations with {family} and {len(in_c)} layout rows agree")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
