"""Reads include/peft/*.h into plain records: what the reference, the header tests and generators work from.

The headers keep to a small subset of C (the rules: tests/capi/header/rules_test.py), so a few patterns
suffice; anything they do not understand is an error, never skipped.
"""

import dataclasses
import pathlib
import re


@dataclasses.dataclass
class Parameter:
    type: str  # "const peft_model *"
    name: str


@dataclasses.dataclass
class Function:
    header: str
    result: str
    name: str
    parameters: list
    doc: str


@dataclasses.dataclass
class Field:
    type: str
    name: str
    array: int  # elements of a fixed array, 0 for a single value
    doc: str


@dataclasses.dataclass
class Structure:
    header: str
    name: str
    fields: list  # empty for an opaque handle
    doc: str


@dataclasses.dataclass
class Value:
    name: str
    number: int
    doc: str


@dataclasses.dataclass
class Enumeration:
    header: str
    name: str
    values: list
    doc: str


@dataclasses.dataclass
class Alias:
    """A typedef of a number or of a function pointer."""

    header: str
    name: str
    text: str
    parameters: list  # of a function pointer; None for a number
    doc: str


@dataclasses.dataclass
class Macro:
    header: str
    name: str
    value: str
    doc: str


@dataclasses.dataclass
class Header:
    name: str
    doc: str
    items: list = dataclasses.field(default_factory=list)


def clean(comment):
    """Text of a comment: no stars, one line a line."""
    body = re.sub(r"^/\*+<?|\*/$", "", comment.strip())
    return "\n".join(re.sub(r"^\s*\* ?", "", line).rstrip() for line in body.split("\n")).strip()


def split_parameters(text):
    text = " ".join(text.split())
    if text == "void":
        return []
    parameters = []
    for part in text.split(", "):
        match = re.fullmatch(r"(.*?[ *])(\w+)", part)
        if not match:
            raise ValueError(f"parameter '{part}' is not understood")
        parameters.append(Parameter(match.group(1).strip(), match.group(2)))
    return parameters


DOC = r"(?P<doc>/\*\*(?!<)(?:(?!\*/).)*\*/)\s*"
PATTERNS = [
    (
        "function",
        re.compile(DOC + r"PEFT_API (?P<result>[\w ]+?[ *]+)(?P<name>\w+)\((?P<parameters>[^;]*)\);", re.S),
    ),
    ("structure", re.compile(DOC + r"typedef struct (?P<name>\w+) \{(?P<body>.*?)\n\} (?P=name);", re.S)),
    ("handle", re.compile(DOC + r"typedef struct (?P<name>\w+) (?P=name);", re.S)),
    (
        "enumeration",
        re.compile(DOC + r"typedef enum (?P<name>\w+) PEFT_ENUM \{(?P<body>.*?)\n\} (?P=name);", re.S),
    ),
    (
        "callback",
        re.compile(DOC + r"typedef (?P<text>\w+ \(\*(?P<name>\w+)\)\((?P<parameters>[^;]*)\));", re.S),
    ),
    ("number", re.compile(DOC + r"typedef (?P<text>\w+) (?P<name>\w+);", re.S)),
    ("macro", re.compile(DOC + r"#define (?P<name>\w+) (?P<value>[^\n]+)", re.S)),
]
FIELD = re.compile(
    r"\s*(?P<type>[\w ]+?[ *]+(?:const \*)?)(?P<name>\w+)(?:\[(?P<array>\d+)\])?;"
    r"(?:\s*(?P<doc>/\*\*<.*?\*/))?",
    re.S,
)
VALUE = re.compile(r"\s*(?P<name>\w+) = (?P<number>-?\w+),?(?:\s*(?P<doc>/\*\*<.*?\*/))?", re.S)


def read_rows(pattern, body, owner):
    """All rows of a structure or an enumeration; `body` must consist of nothing else."""
    position = 0
    while body[position:].strip():
        match = pattern.match(body, position)
        if not match:
            raise ValueError(f"{owner}: '{body[position:].strip().splitlines()[0]}' is not understood")
        yield match
        position = match.end()


def make_item(kind, header, match):
    doc, name = clean(match["doc"]), match["name"]
    if kind == "function":
        return Function(header, match["result"].strip(), name, split_parameters(match["parameters"]), doc)
    if kind == "handle":
        return Structure(header, name, [], doc)
    if kind == "structure":
        fields = [
            Field(row["type"].strip(), row["name"], int(row["array"] or 0), clean(row["doc"] or ""))
            for row in read_rows(FIELD, match["body"], name)
        ]
        return Structure(header, name, fields, doc)
    if kind == "enumeration":
        values = [
            Value(row["name"], int(row["number"], 0), clean(row["doc"] or ""))
            for row in read_rows(VALUE, match["body"], name)
        ]
        return Enumeration(header, name, values, doc)
    if kind == "callback":
        return Alias(
            header, name, " ".join(match["text"].split()), split_parameters(match["parameters"]), doc
        )
    if kind == "number":
        return Alias(header, name, match["text"], None, doc)
    return Macro(header, name, match["value"], doc)


def read_header(path):
    text = path.read_text(encoding="utf-8")
    opening = re.match(r"/\*.*?\*/", text, re.S)
    header = Header(path.name, clean(opening.group(0)))
    found, position = [], opening.end()
    while True:
        start = text.find("/**", position)
        while text.startswith("/**<", start):
            start = text.find("/**", start + 1)
        if start < 0:
            break
        for kind, pattern in PATTERNS:
            match = pattern.match(text, start)
            if match:
                header.items.append(make_item(kind, path.name, match))
                found.append(match["name"])
                position = match.end()
                break
        else:
            raise ValueError(f"{path.name}: '{text[start:].splitlines()[1]}' is not understood")
    for name in re.findall(r"^PEFT_API [^(]*?(\w+)\(", text, re.M) + re.findall(r"^\} (\w+);", text, re.M):
        if name not in found:
            raise ValueError(f"{path.name}: {name} has no comment of its own")
    return header


def read_headers(folder):
    """Every header of include/peft, the umbrella first."""
    paths = sorted(pathlib.Path(folder).glob("*.h"), key=lambda path: (path.name != "peft.h", path.name))
    if not paths:
        raise ValueError(f"{folder}: no headers")
    return [read_header(path) for path in paths]


def all_of(headers, kind):
    return [item for header in headers for item in header.items if isinstance(item, kind)]
