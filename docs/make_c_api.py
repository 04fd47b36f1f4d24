"""Writes docs/c_api.md, the reference of the C API, from include/peft/*.h.

python3 docs/make_c_api.py          writes it
python3 docs/make_c_api.py --check  fails if the committed one is not what the headers give
"""

import pathlib
import re
import sys

from read_headers import Alias, Enumeration, Function, Macro, Structure, all_of, read_headers

ROOT = pathlib.Path(__file__).resolve().parent.parent
ORDER = [
    "base.h",
    "context.h",
    "model.h",
    "text.h",
    "adapter.h",
    "data.h",
    "train.h",
    "generate.h",
    "estimate.h",
]


def one_line(text):
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def code(text):
    return f"`{text}`"


def signature(function):
    parameters = ", ".join(join(item.type, item.name) for item in function.parameters) or "void"
    head = join(function.result, function.name)
    line = f"{head}({parameters});"
    if len(line) <= 100:
        return line
    return (
        head + "(\n    " + ",\n    ".join(join(item.type, item.name) for item in function.parameters) + ");"
    )


def join(type_text, name):
    return type_text + name if type_text.endswith("*") else f"{type_text} {name}"


def tags(doc):
    """Splits a comment into its text, @param rows, @return, thread class and @since."""
    parts = re.split(r"\n(?=@param|@return|Threads:)", "\n" + doc)
    text, params, result, threads, since = one_line(parts[0]), [], "", "", ""
    for part in parts[1:]:
        match = re.match(r"@param\[(in|out)\] (\w+) (.*)", part, re.S)
        if match:
            params.append((match[2], match[1], one_line(match[3])))
        elif part.startswith("@return"):
            result = one_line(part[len("@return") :])
        elif part.startswith("Threads:"):
            threads, since = (one_line(piece) for piece in part[len("Threads:") :].split("@since"))
    return text, params, result, threads.rstrip("."), since


def write_function(item):
    text, params, result, threads, since = tags(item.doc)
    lines = [f"#### {item.name}", "", "```c", signature(item), "```", "", text, ""]
    if params:
        lines += ["| parameter | | |", "|---|---|---|"]
        lines += [f"| {code(name)} | {direction} | {meaning} |" for name, direction, meaning in params] + [""]
    if result:
        lines += [f"Returns {result}.", ""]
    return lines + [f"Threads: {threads}. Since {since}.", ""]


def write_structure(item):
    lines = [f"#### {item.name}", "", one_line(item.doc), ""]
    if not item.fields:
        return lines
    lines += ["| field | type | |", "|---|---|---|"]
    for field in item.fields:
        array = f"[{field.array}]" if field.array else ""
        lines.append(f"| {code(field.name)} | {code(field.type + array)} | {one_line(field.doc)} |")
    return lines + [""]


def write_enumeration(item):
    lines = [f"#### {item.name}", "", one_line(item.doc), "", "| value | | |", "|---|---|---|"]
    lines += [
        f"| {code(value.name)} | {value.number} | {one_line(value.doc)} |"
        for value in item.values
        if not value.name.endswith("_FORCE32")
    ]
    return lines + [""]


def write_alias(item):
    text = item.text if item.parameters is not None else f"{item.text} {item.name}"
    return [f"#### {item.name}", "", "```c", f"typedef {text};", "```", "", one_line(item.doc), ""]


def write_macro(item):
    return [f"#### {item.name}", "", f"{code(item.value.strip('()'))}: {one_line(item.doc)}", ""]


WRITERS = {
    Function: write_function,
    Structure: write_structure,
    Enumeration: write_enumeration,
    Alias: write_alias,
    Macro: write_macro,
}


def conventions(doc):
    """The numbered conventions of peft.h as a Markdown list."""
    lines = []
    for paragraph in re.split(r"\n(?= *\d+\. |\s*\n)", doc):
        text = one_line(paragraph)
        if text:
            lines += [text] if re.match(r"\d+\. ", text) else ["", text, ""]
    return lines


def make_reference():
    headers = {header.name: header for header in read_headers(ROOT / "include" / "peft")}
    extra = set(headers) - set(ORDER) - {"peft.h"}
    if extra:
        raise ValueError(f"ORDER lacks {', '.join(sorted(extra))}")
    functions = all_of(headers.values(), Function)
    lines = ["# The C API", "", "Made from `include/peft/*.h` by `docs/make_c_api.py`; do not edit.", ""]
    lines += conventions(headers["peft.h"].doc)
    lines += ["", f"## All {len(functions)} functions", ""]
    for name in ORDER:
        names = [item.name for item in headers[name].items if isinstance(item, Function)]
        lines += [f"**{name}**: " + ", ".join(f"[{item}](#{item})" for item in names), ""]
    for name in ORDER:
        header = headers[name]
        lines += [f"## {name}", "", one_line(header.doc), ""]
        types = [item for item in header.items if not isinstance(item, Function)]
        for title, items in (
            ("Types", types),
            ("Functions", [item for item in header.items if item not in types]),
        ):
            if items:
                lines += [f"### {title} of {name}", ""]
            for item in items:
                lines += WRITERS[type(item)](item)
    text = "\n".join(lines).rstrip() + "\n"
    return re.sub(r"\n{3,}", "\n\n", text)


def main():
    target = ROOT / "docs" / "c_api.md"
    text = make_reference()
    if sys.argv[1:] == ["--check"]:
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            sys.exit("docs/c_api.md is not what the headers give: run python3 docs/make_c_api.py")
    elif sys.argv[1:]:
        sys.exit(__doc__)
    else:
        target.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
