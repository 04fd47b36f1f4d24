"""Registers and shared memory that kernels use, by ptxas' report: none may spill, none may use more than resources.txt
says, and none may declare more shared memory than the code that starts kernels takes for granted.

resources.py NVCC FOLDER            compares the logs in FOLDER (build/.../lib/cuda) with the table; fewer is fine
resources.py NVCC FOLDER --write    writes the table anew

A row is a kernel of a file on an architecture, and the most registers and bytes that one of its instances uses. Another
compiler counts otherwise: then spills and what is taken for granted are looked at alone.
"""

import pathlib
import re
import subprocess
import sys

TABLE = pathlib.Path(__file__).with_name("resources.txt")
ENTRY = re.compile(r"Compiling entry function '(\w+)' for '(\w+)'")
SPILL = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
USED = re.compile(r"Used (\d+) registers(?:.*?(\d+) bytes smem)?")
# Bytes of declared shared memory that the code counts on: most_own of launch_queue.cpp, and most_declared_bytes of
# attention_memory.cuh for kernels whose tiles are sized by what a block may have.
MOST_DECLARED, MOST_BESIDE_TILES = 34 * 1024, 4096
TILES = re.compile(r"attention_tile_kernel|backward_(keys|queries)(_mma)?_kernel|attention_mma_kernel")


def release_of(nvcc):
    text = subprocess.run([nvcc, "--version"], check=True, capture_output=True, text=True).stdout
    return re.search(r"V(\d+\.\d+\.\d+)", text).group(1)


def short_names(mangled):
    """peft::cuda::(anonymous namespace)::norm_kernel<...>(...) as norm_kernel."""
    text = subprocess.run(["c++filt"], input="\n".join(mangled), check=True, capture_output=True, text=True).stdout
    names = {}
    for symbol, name in zip(mangled, text.splitlines()):
        name = name.removeprefix("void ").replace("(anonymous namespace)::", "")
        names[symbol] = re.split(r"[<(]", name)[0].rsplit("::", 1)[-1]
    return names


def read_log(path):
    """[(mangled name, architecture, registers, declared shared bytes, bytes of stack and spills)]"""
    rows, symbol, architecture, local = [], None, None, 0
    for line in path.read_text(encoding="utf-8").splitlines():
        if match := ENTRY.search(line):
            symbol, architecture = match.groups()
        elif match := SPILL.search(line):
            local = sum(int(number) for number in match.groups())
        elif (match := USED.search(line)) and symbol:
            rows.append((symbol, architecture, int(match.group(1)), int(match.group(2) or 0), local))
            symbol, local = None, 0
    return rows


def main():
    nvcc, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    logs = sorted(folder.glob("*.log"))
    found, wrong = {}, []
    for log in logs:
        rows = read_log(log)
        names = short_names(sorted({row[0] for row in rows})) if rows else {}
        for symbol, architecture, registers, shared, local in rows:
            key = f"{log.stem} {names[symbol]} {architecture}"
            found[key] = tuple(map(max, found.get(key, (0, 0)), (registers, shared)))
            most = MOST_BESIDE_TILES if TILES.search(names[symbol]) else MOST_DECLARED
            if shared > most:
                wrong.append(f"{key}: declares {shared} bytes of shared memory, the code counts on at most {most}")
            if local:
                wrong.append(f"{key}: {local} bytes of stack frame and spills")
    release = release_of(nvcc)
    if "--write" in sys.argv:
        head = "# Made by resources.py. file, kernel, architecture, most registers, most declared bytes of shared memory.\n"
        lines = "".join(f"{key} {registers} {shared}\n" for key, (registers, shared) in sorted(found.items()))
        TABLE.write_text(f"{head}nvcc {release}\n{lines}", encoding="utf-8")
        print(f"{TABLE}: {len(found)} rows")
    else:
        lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
        of_release = lines.pop(0).split()[1]
        table = {line.rsplit(" ", 2)[0]: tuple(map(int, line.rsplit(" ", 2)[1:])) for line in lines}
        if of_release == release:
            for key in sorted(table.keys() | found.keys()):
                if key not in found:
                    wrong.append(f"{key}: in the table, not in the build")
                elif key not in table:
                    wrong.append(f"{key}: in the build, not in the table")
                elif any(map(int.__gt__, found[key], table[key])):
                    wrong.append(f"{key}: expected at most {table[key]} registers and bytes, found {found[key]}")
        else:
            print(f"the table is of another compiler than {release}: spills alone are looked at")
    if not found:
        wrong.append(f"{folder}: no report of a kernel")
    print("\n".join(wrong) or f"{len(found)} kernels, as the table says")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
