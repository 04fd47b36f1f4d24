"""Writes the C program that misuses every function of the public headers, one argument at a time.

Two fixtures: all functions with a model that a trainer and sessions use, then those that need a model alone with one
that nothing else uses, made anew for every call.

generate.py OUTPUT.c
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "docs"))
from read_headers import Enumeration, Function, Structure, all_of, read_headers  # noqa: E402

HEADERS = read_headers(ROOT / "include" / "peft")
STRUCTURES = {item.name: item for item in all_of(HEADERS, Structure)}
HANDLES = [name for name, item in STRUCTURES.items() if not item.fields]
ENUMERATIONS = {item.name for item in all_of(HEADERS, Enumeration)}
READS_MODEL = {"peft_model_load", "peft_inspect", "peft_estimate"}
OPTIONAL = {("tokenizer", "peft_dataset_from"), ("dataset", "peft_trainer_"), ("cancel", "")}
WRONG_INT32 = ["INT32_MIN", "-1", "2", "INT32_MAX"]
WRONG_INT64 = ["INT64_MIN", "-1", "INT32_MAX", "INT64_MAX"]
WRONG_DOUBLE = ["NAN", "INFINITY", "-INFINITY", "-1", "1e308"]
WRONG_TEXT = ["NULL", '""', '"\\xff\\xfe" "                                        "', "long_text", '"nowhere/\\n/{[("']
# Negative numbers are refused everywhere but here.
SIGNED = {("peft_lora_config", "lora_alpha"), ("peft_merge_options", "minimum_retained")}
# Fields that a function does not read, as the headers say; and -1 for the end of a stream.
UNREAD = {
    "peft_adapter_save": {"without_tokenizer", "max_file_bytes"},
    "peft_session_prefill": {"add_special", "add_generation_prompt"},
    "peft_score": {"first_position", "position_count"},
    "peft_stream_decoder_push": {"token_id"},
}
BAD_SIZES = ["0", "1", "7", "4097", "UINT32_MAX"]


def base_of(text):
    return re.sub(r"\bconst\b|\*|\s", "", text)


def live(handle):
    return "live_" + handle.removeprefix("peft_")


def good(function, parameter):
    """An argument that nothing is wrong with."""
    text, name, base = parameter.type, parameter.name, base_of(parameter.type)
    names = [other.name for other in function.parameters]
    if text.endswith("**"):
        return "fresh_out()"
    if base in HANDLES:
        return live(base)
    if base == "peft_row":
        return "good_rows"
    if base in STRUCTURES:
        return "NULL" if text.startswith("const") else f"record(sizeof({base}), 0xab)"
    fixed = {"text": '"hello"', "text_len": "5", "buf": "big_text", "cap": "ROOM", "len": "&length", "n": "1",
             "function": "NULL", "user_data": "NULL", "drop": "NULL", "fraction": "&number", "count": "&integer",
             "values": "big_floats", "size": f"sizeof({base_of(function.parameters[0].type) or 'int'})" if names else "0"}
    if name == "json":
        return '"{\\"peft_type\\":\\"LORA\\"}"' if function.name == "peft_attach" else '"[]"'
    if name == "json_len":
        return "20" if function.name == "peft_attach" else "2"
    if name == "path":
        return "model_path" if function.name in READS_MODEL else f'"{function.name}"'
    if name == "name":
        return {"peft_has_feature": '"cpu"', "peft_model_adapter_find": '"tiny"'}.get(function.name, '"fresh"')
    if name == "data":
        return {"const int32_t *": "good_ids", "int32_t *": "big_ints", "float *": "big_floats"}[text]
    if name in fixed:
        return fixed[name]
    if text.endswith("*"):
        return "&level" if base == "peft_log_level" else "&integer"
    return f"({text})0"


def is_out_of_range(value, is_choice):
    return value in ("NAN", "INFINITY") or value.startswith("-") or "MIN" in value or is_choice and value == "INT32_MAX"


def field_cases(function, structure, base):
    """(statements on the structure `s`, expected)."""
    for field in structure.fields[1:]:
        place, plain = f"s->{field.name}", base_of(field.type)
        if field.array:
            continue
        if field.type in ("int32_t", "uint32_t") or plain in ENUMERATIONS:
            wrong = [f"{place} = ({field.type}){value};" for value in WRONG_INT32]
        elif field.type == "int64_t":
            wrong = [f"{place} = {value};" for value in WRONG_INT64]
        elif field.type == "double":
            wrong = [f"{place} = {value};" for value in WRONG_DOUBLE]
        elif field.type == "const char *":
            wrong = [f"{place} = {value};" for value in WRONG_TEXT]
        elif field.name == "adapters":
            wrong = [f"{place} = {value}; s->adapter_count = 1;" for value in ("NULL", "dead_adapters")]
        elif plain in HANDLES and field.type.count("*") == 1:
            wrong = [f"{place} = {value};" for value in bad_handles(plain)]
        elif plain in STRUCTURES:
            wrong = [f"static unsigned char zeros[4096]; {place} = (const void *)zeros;"]
        elif plain in ("int32_t", "float"):
            wrong = [f"{place} = NULL;"]
        else:  # callbacks: anything but a function is the caller's crash
            continue
        for statement in wrong:
            value = re.sub(r"^\(.*?\)", "", statement.split(" = ")[1].split(";")[0])
            is_number = field.type in ("int32_t", "uint32_t", "int64_t", "double") or plain in ENUMERATIONS
            unread = field.name in UNREAD.get(function.name, ()) or (base, field.name) in SIGNED and "N" not in value
            if plain in HANDLES and "NULL" not in statement:
                yield statement, "PEFT_E_BAD_HANDLE"
            elif is_number and not unread and is_out_of_range(value, plain in ENUMERATIONS):
                yield statement, "MUST_FAIL"
            else:
                yield statement, "ANY"


def bad_handles(handle):
    other = "peft_context" if handle != "peft_context" else "peft_model"
    values = ["dead_" + handle.removeprefix("peft_"), live(other), "&integer", "(uintptr_t)1", "(uintptr_t)UINT64_MAX"]
    values.append(f"((uintptr_t){live(handle)} ^ ((uintptr_t)1 << 40))")
    values.append(f"((uintptr_t){live(handle)} + 100000)")
    return [f"(void *){value}" for value in values]


def struct_cases(function, base, is_input):
    """(preparation, argument, expected) of a structure's pointer."""
    begin = f"{base} *s = ({base} *)record("
    for size in BAD_SIZES:
        yield f"{begin}{size}, 0); (void)s;", "s", "PEFT_E_INVALID_ARGUMENT"
    if not is_input:
        yield f"{begin}8, 0xab);", "s", "ANY"
        yield f"{begin}sizeof({base}) - 1, 0xab);", "s", "ANY"
        yield f"{begin}4096, 0xab); memset(record_bytes + 4, 0xcd, 4092);", "s", "ANY"
        return
    init = f"{base}_init(s, sizeof *s)" if base != "peft_row" else "*s = good_rows[0]"
    yield f"{begin}sizeof *s, 0); {init}; s->struct_size = 8;", "s", "ANY"
    yield f"{begin}sizeof *s, 0); {init}; s->struct_size = 4096;", "s", "ANY"
    yield f"{begin}sizeof *s, 0xab); {init}; s->struct_size = 4096;", "s", "PEFT_E_UNSUPPORTED"
    for statement, expected in field_cases(function, STRUCTURES[base], base):
        yield f"{begin}sizeof *s, 0); {init}; {statement}", "s", expected


def cases(function, parameter):
    text, name, base = parameter.type, parameter.name, base_of(parameter.type)
    if text.endswith("**"):
        yield "out_object = nobody;", "NULL", "PEFT_E_INVALID_ARGUMENT"
    elif base in HANDLES:
        optional = any(name == own and function.name.startswith(start) for own, start in OPTIONAL)
        optional = optional and (name != "cancel" or not function.name.startswith("peft_cancel"))
        yield "", "NULL", "ANY" if optional else "PEFT_E_BAD_HANDLE"
        for value in bad_handles(base):
            yield "", value, "PEFT_E_BAD_HANDLE"
    elif base in STRUCTURES:
        yield "", "NULL", "ANY"
        if not function.name.endswith("_init"):
            yield from struct_cases(function, base, text.startswith("const"))
    elif name == "size":
        record_type = base_of(function.parameters[0].type)
        for value in ("0", "1", "3", "4097", "SIZE_MAX"):
            yield "", value, "PEFT_E_INVALID_ARGUMENT"
        for value in ("4", "8", f"sizeof({record_type}) - 1", f"sizeof({record_type}) + 8", "4096"):
            yield f"{record_type} *s = ({record_type} *)record({value}, 0xab);", value, "PEFT_OK"
    elif text == "const char *":
        for value in WRONG_TEXT:
            if name in ("text", "json") and value in ('""', '"nowhere/\\n/{[("'):
                continue  # the length of the good one goes with it
            yield "", value, "ANY"
    elif name in ("text_len", "json_len", "n"):
        yield "", "0", "ANY"
        yield "", "SIZE_MAX", "MUST_FAIL"
        yield "", "(size_t)INT64_MAX", "MUST_FAIL"
    elif name == "cap":
        for value in ("0", "1", "SIZE_MAX"):
            yield "", value, "ANY"
    elif text.endswith("*") and name not in ("user_data",):
        yield "", "NULL", "ANY"
    elif text == "double":
        for value in WRONG_DOUBLE[:3]:
            yield "", value, "PEFT_E_INVALID_ARGUMENT"
    elif text in ("int32_t", "int64_t", "peft_status") or base in ENUMERATIONS:
        for value in WRONG_INT64 if text == "int64_t" else WRONG_INT32:
            refused = is_out_of_range(value, base in ENUMERATIONS) and name not in UNREAD.get(function.name, ())
            yield "", f"({text}){value}", "MUST_FAIL" if refused else "ANY"


def needs_alone(function):
    return any(parameter.type.replace(" ", "") == "peft_model*" for parameter in function.parameters) and \
        function.result == "peft_status"


def block(function, position, preparation, value, expected):
    arguments = [good(function, parameter) for parameter in function.parameters]
    arguments[position] = value
    if preparation and value != "s" and function.name.endswith("_init"):
        arguments[0] = "s"
    what = f"{function.name}({function.parameters[position].name} = {preparation} {value})"
    what = what.replace("\\", "\\\\").replace('"', '\\"')
    call = f"{function.name}({', '.join(arguments)})"
    lines = ["  {"] + (["    if (alone) renew();"] if needs_alone(function) else [])
    lines += [f"    {preparation}", "    out_object = nobody;"]
    if function.result != "peft_status":
        return lines + [f"    (void){call};" if function.result != "void" else f"    {call};", "    ++calls;", "  }"]
    if "s" == value:  # a structure of our making must not be made anew by another argument
        arguments = [a if i == position or not a.startswith("record(") else a.replace("record(", "second_record(")
                     for i, a in enumerate(arguments)]
        call = f"{function.name}({', '.join(arguments)})"
    lines += [f"    status = {call};", f'    judge("{what}", status, {expected});']
    if arguments[0] == "s" or value == "s" and not function.parameters[position].type.startswith("const"):
        lines.append(f'    judge_record("{what}");')
    if "**" in function.parameters[-1].type and value != "NULL" or function.parameters[-1].name == "out":
        kind = base_of(function.parameters[-1].type)
        lines.append(f"    if (status >= 0 && out_object != nobody) {kind}_free(({kind} *)out_object);")
    return lines + ["  }"]


def main():
    lines = ['#include "fixture.h"', "", "static void *second_record(size_t size, int fill) {",
             "  static unsigned char bytes[4096];", "  const uint32_t own = (uint32_t)size;",
             "  memset(bytes, fill, sizeof bytes);", "  memset(bytes, 0, size);", "  memcpy(bytes, &own, sizeof own);",
             "  return bytes;", "}", ""]
    names, alone = [], []
    for function in all_of(HEADERS, Function):
        body = []
        for position, parameter in enumerate(function.parameters):
            for preparation, value, expected in cases(function, parameter):
                if function.name == "peft_last_error" and parameter.name == "buf":
                    expected = "ANY"
                body += block(function, position, preparation, value, expected)
        if not body:
            continue
        names.append(function.name)
        if needs_alone(function):
            alone.append(function.name)
        lines += [f"static void misuse_{function.name}(void) {{", "  peft_status status = PEFT_OK;", "  (void)status;"]
        lines += body + ["}", ""]
    lines += ["int main(int count, char **arguments) {", "  if (count < 2) return 2;", "  set_up(arguments[1]);"]
    for name in names:
        lines += [f'  if (count < 3 || strcmp(arguments[2], "{name}") == 0) misuse_{name}();']
    lines += ["  alone = 1;"]
    for name in alone:
        lines += [f'  if (count < 3 || strcmp(arguments[2], "{name}") == 0) misuse_{name}();']
    lines += ["  back_together();", "  tear_down();", f'  printf("%ld calls of {len(names)} functions, {len(alone)} of them with a model alone too, %ld wrong\\n", calls, failures);',
              "  return failures != 0;", "}"]
    pathlib.Path(sys.argv[1]).write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
