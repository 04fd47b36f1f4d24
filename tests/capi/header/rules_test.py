"""The public headers keep to the subset of C that every binding can take, and say what they promise to say.

The rules, each with the reason that it exists for:
- a function returns peft_status, a plain number, a static string or nothing: nothing to free
- no uint64_t (Java has none), bool (marshalled differently everywhere), union, bit field, variable arguments
- structures begin with struct_size, except for handles; option structures have an init: both sides may grow
- enumerations are forced to 32 bits
- parameter names are the same everywhere, so that one typemap serves them all
- at most one callback a function; objects leave through a last `out`
- each comment names every parameter in order, the thread class that constness means, and @since
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "docs"))
from read_headers import Enumeration, Function, Structure, all_of, read_headers  # noqa: E402

HEADERS = read_headers(ROOT / "include" / "peft")
FUNCTIONS = all_of(HEADERS, Function)
STRUCTURES = all_of(HEADERS, Structure)
HANDLES = {item.name for item in STRUCTURES if not item.fields}
RECORDS = {item.name for item in STRUCTURES if item.fields}
RESULTS = {"peft_status", "int32_t", "const char *", "void"}
GROUPS = [
    ["text", "text_len"],
    ["json", "json_len"],
    ["buf", "cap", "len"],
    ["data", "cap", "len"],
    ["data", "n"],
    ["rows", "n"],
    ["values", "cap", "len"],
    ["function", "user_data", "drop"],
]
TYPES = {
    "text": "const char *",
    "json": "const char *",
    "buf": "char *",
    "cap": "size_t",
    "len": "size_t *",
    "n": "size_t",
    "text_len": "size_t",
    "json_len": "size_t",
    "path": "const char *",
    "name": "const char *",
    "index": {"int64_t", "int32_t"},
    "user_data": "void *",
    "drop": "peft_drop_fn",
    "size": "size_t",
    "data": {"const int32_t *", "int32_t *", "float *"},
    "values": "float *",
    "cancel": None,
}
FIXED = ["peft_model_load", "peft_attach_lora", "peft_train_step", "peft_quantize_nf4", "peft_merge"]
failures = []


def expect(condition, message):
    if not condition:
        failures.append(message)


def base_type(text):
    return re.sub(r"\bconst\b|\*|\s", "", text)


def check_signature(item):
    expect(item.result in RESULTS, f"{item.name}: returns {item.result}")
    names = [parameter.name for parameter in item.parameters]
    for parameter in item.parameters:
        where = f"{item.name}, {parameter.name}"
        expect(
            "*" in parameter.type or base_type(parameter.type) not in RECORDS | HANDLES, f"{where}: by value"
        )
        wanted = TYPES.get(parameter.name)
        if wanted:
            expect(
                parameter.type in (wanted if isinstance(wanted, set) else {wanted}),
                f"{where}: {parameter.type}",
            )
        for name, length in (("text", "text_len"), ("json", "json_len"), ("buf", "cap"), ("values", "cap")):
            if parameter.name == name:
                expect(length in names, f"{where}: without {length}")
    for name in names:
        if name in {"text_len", "json_len", "cap", "len", "n", "user_data", "drop"}:
            expect(
                any(
                    name in group and any(names[i : i + len(group)] == group for i in range(len(names)))
                    for group in GROUPS
                ),
                f"{item.name}: {name} does not stand in its usual group",
            )
    expect(names.count("user_data") <= 1, f"{item.name}: two callbacks")
    for position, parameter in enumerate(item.parameters):
        if parameter.type.endswith("**"):
            expect(
                parameter.name == "out" and position == len(names) - 1,
                f"{item.name}: the object is not a last out",
            )
            expect(base_type(parameter.type) in HANDLES, f"{item.name}: out is not a handle")


def check_comment(item):
    documented = re.findall(r"^@param\[(?:in|out)\] (\w+)", item.doc, re.M)
    expect(
        documented == [parameter.name for parameter in item.parameters],
        f"{item.name}: @param rows {documented}",
    )
    expect(("@return" in item.doc) == (item.result != "void"), f"{item.name}: @return")
    expect("@since 0.1" in item.doc, f"{item.name}: @since")
    threads = re.search(r"Threads: (any|shared|exclusive)", item.doc)
    expect(threads, f"{item.name}: no thread class")
    first = item.parameters[0].type if item.parameters else ""
    is_handle = base_type(first) in HANDLES and first.count("*") == 1 and not item.name.endswith("_free")
    wanted = ("shared" if first.startswith("const") else "exclusive") if is_handle else "any"
    expect(threads and threads[1] == wanted, f"{item.name}: thread class should be {wanted}")


def check_structure(item):
    if not item.fields:
        expect(
            any(f.name == item.name + "_free" and f.result == "void" for f in FUNCTIONS),
            f"{item.name}: no free",
        )
        return
    expect(
        (item.fields[0].type, item.fields[0].name) == ("uint32_t", "struct_size"),
        f"{item.name}: no struct_size",
    )
    for field in item.fields:
        plain = base_type(field.type)
        expect("*" in field.type or plain not in RECORDS | HANDLES, f"{item.name}.{field.name}: by value")
        expect(
            plain in RECORDS | HANDLES | {"int32_t", "uint32_t", "int64_t", "double", "float", "char", "void"}
            or plain.startswith("peft_"),
            f"{item.name}.{field.name}: {field.type}",
        )
    if re.search(r"_(options|config)$", item.name):
        init = [f for f in FUNCTIONS if f.name == item.name + "_init"]
        expect(
            init and [p.type for p in init[0].parameters] == [f"{item.name} *", "size_t"],
            f"{item.name}: no init",
        )


def check_text():
    for path in sorted((ROOT / "include" / "peft").glob("*.h")):
        text = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.S)
        for word in (
            r"uint64_t",
            r"\bbool\b",
            r"\bunion\b",
            r"\.\.\.",
            r"\b\w+ : \d",
            r"\binline\b",
            r"\blong\b",
            r"//",
            r"_Static_assert",
        ):
            expect(not re.search(word, text), f"{path.name}: '{word}' may not be used")
        includes = set(re.findall(r"#include (\S+)", text))
        allowed = {f'"peft/{name.name}"' for name in (ROOT / "include" / "peft").glob("*.h")}
        expect(
            includes <= allowed | {"<stddef.h>", "<stdint.h>"}, f"{path.name}: includes {includes - allowed}"
        )
        expect(
            max(map(len, path.read_text(encoding="utf-8").splitlines())) <= 110,
            f"{path.name}: a line is too long",
        )


def check_symbols():
    names = sorted(item.name for item in FUNCTIONS)
    listed = (ROOT / "tests" / "capi" / "symbols.txt").read_text(encoding="utf-8").split()
    expect(listed == sorted(listed), "symbols.txt: not sorted")
    expect(len(names) == len(set(names)), "a function is declared twice")
    for name in sorted(set(names) ^ set(listed)):
        expect(False, f"{name}: only in {'the headers' if name in names else 'symbols.txt'}")


def check_codes():
    """The numbers that lib/base/error.h gives its codes."""
    text = (ROOT / "lib" / "base" / "error.h").read_text(encoding="utf-8")
    body = re.search(r"enum class Code : int32_t \{(.*?)\};", text, re.S)[1]
    ours = {name: int(number) for name, number in re.findall(r"(\w+) = (-?\d+),", body)}
    values = next(item for item in all_of(HEADERS, Enumeration) if item.name == "peft_status_code").values
    public = {value.name: value.number for value in values if value.number <= 0}
    expect(
        public
        == {"PEFT_OK" if not number else f"PEFT_E_{name.upper()}": number for name, number in ours.items()},
        "status codes differ from lib/base/error.h",
    )


def main():
    for item in FUNCTIONS:
        check_signature(item)
        check_comment(item)
    for item in STRUCTURES:
        check_structure(item)
    for item in all_of(HEADERS, Enumeration):
        expect(
            item.name == "peft_status_code" or item.values[0].number == 0, f"{item.name}: zero has no meaning"
        )
        expect(
            item.values[-1].name.endswith("_FORCE32") and item.values[-1].number == 0x7FFFFFFF,
            f"{item.name}: no _FORCE32",
        )
    for name in FIXED:
        expect(any(item.name == name for item in FUNCTIONS), f"{name}: missing")
    check_text()
    check_symbols()
    check_codes()
    print("\n".join(failures) or f"{len(FUNCTIONS)} functions and {len(RECORDS)} structures keep the rules")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
