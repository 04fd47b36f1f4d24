"""libpeft_cuda.so exports one function, is of bearable size, and needs no library of CUDA's to be loaded.

file_test.py libpeft_cuda.so
"""

import os
import subprocess
import sys

LARGEST = 60_000_000
# The C and C++ run time; everything of CUDA's is linked in or opened when it is needed.
ALLOWED = {"libstdc++.so.6", "libgcc_s.so.1", "libm.so.6", "libc.so.6", "ld-linux-x86-64.so.2"}
ALLOWED |= {"libdl.so.2", "librt.so.1", "libpthread.so.0"}  # parts of libc before glibc 2.34


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main():
    module = sys.argv[1]
    wrong = []
    symbols = [line.split()[-1] for line in output_of("nm", "-D", "--defined-only", module).splitlines()]
    if symbols != ["peft_module_open"]:
        wrong.append(f"expected to export peft_module_open alone, found {symbols}")
    size = os.path.getsize(module)
    if size > LARGEST:
        wrong.append(f"expected at most {LARGEST} bytes, found {size}")
    dynamic = output_of("readelf", "-d", module)
    needed = {line.split("[")[1].rstrip("]") for line in dynamic.splitlines() if "(NEEDED)" in line}
    if needed - ALLOWED:
        wrong.append(f"needs {sorted(needed - ALLOWED)}")
    if "RPATH" in dynamic or "RUNPATH" in dynamic:
        wrong.append("has a search path")
    print("\n".join(f"{module}: {line}" for line in wrong) or f"{size} bytes, needs {sorted(needed)}")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
