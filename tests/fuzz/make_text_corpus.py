"""Writes the seeds of the tokenizer and the chat template fuzzer: two parts with a NUL between.

make_text_corpus.py
"""

import json
import pathlib

ROOT = pathlib.Path(__file__).resolve().parent / "corpus"
TEXT = "it's 123 <s>Hello,\n\n  w\u00f6rld</s> \ud55c \U0001f600"


def byte_symbols():
    """GPT-2's printable stand-ins for bytes: those that print stand for themselves, the others follow from 256 on."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    spare = iter(range(256, 512))
    return [chr(byte if byte in plain else next(spare)) for byte in range(256)]


def added(number, content, special=True):
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    return {"id": number, "content": content, **flags, "special": special}


def template(before):
    token = {"SpecialToken": {"id": "<s>", "type_id": 0}}
    sequence = {"Sequence": {"id": "A", "type_id": 0}}
    single = [token, sequence] if before else [sequence, token]
    special = {"<s>": {"id": "<s>", "ids": [256], "tokens": ["<s>"]}}
    return {"type": "TemplateProcessing", "single": single, "pair": single, "special_tokens": special}


def byte_level(pre_tokenizer, normalizer=None, post_processor=None):
    vocabulary = {symbol: number for number, symbol in enumerate(byte_symbols())}
    vocabulary |= {"He": 258, "ll": 259}
    model = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None}
    model |= {"end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "vocab": vocabulary}
    model |= {"merges": [["H", "e"], ["l", "l"]]}
    step = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {"version": "1.0", "added_tokens": [added(256, "<s>"), added(257, "</s>", False)], "normalizer": normalizer,
            "pre_tokenizer": pre_tokenizer or step, "post_processor": post_processor, "decoder": step, "model": model}


def sentence_piece():
    pieces = ["<unk>", "<s>", "</s>", *[f"<0x{byte:02X}>" for byte in range(256)]]
    pieces += ["\u2581", "l", "o", "H", "e", "ll", "lo", "He", "\u2581H", "\u2581He"]
    merges = [["l", "l"], ["l", "o"], ["H", "e"], ["\u2581", "H"], ["\u2581", "He"], ["\u2581H", "e"]]
    model = {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None}
    model |= {"end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True}
    model |= {"vocab": {piece: number for number, piece in enumerate(pieces)}, "merges": merges}
    replace = {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}
    back = {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}
    decoders = [back, {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]
    normalizers = [{"type": "Prepend", "prepend": "\u2581"}, replace]
    return {"version": "1.0", "added_tokens": [added(0, "<unk>"), added(1, "<s>"), added(2, "</s>")],
            "normalizer": {"type": "Sequence", "normalizers": normalizers}, "pre_tokenizer": None, "post_processor": None,
            "decoder": {"type": "Sequence", "decoders": decoders}, "model": model}


def split(pattern):
    first = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    last = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    return {"type": "Sequence", "pretokenizers": [first, last]}


def write(folder, name, first, second):
    (ROOT / folder).mkdir(parents=True, exist_ok=True)
    (ROOT / folder / name).write_bytes(first.encode() + b"\0" + second.encode())


CHATML = """{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}
{%- endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"""
STRICT = """{{ bos_token }}{% for message in messages %}
{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}
{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'].strip() + ' [/INST]' }}
{% elif message['role'] == 'assistant' %}{{ ' ' + message['content'] + eos_token }}{% endif %}{% endfor %}"""
RICH = """{%- macro head(role, content) -%}[{{ role|upper }}] {{ content|trim }}{%- endmacro -%}
{%- set ns = namespace(seen=0, system='') -%}
{%- if messages and messages[0].role == 'system' -%}{%- set ns.system = messages[0].content -%}{%- endif -%}
{{ strftime_now('%Y-%m-%d') }} {{ tools|tojson }} {{ {'a': [1, 2.5, none, true]}|tojson(indent=2) }}
{%- for message in messages[::-1] if message.role != 'system' -%}
{%- set ns.seen = ns.seen + 1 -%}{{ head(message.role, message.content.split('a')|join('-')) }}
{%- if not loop.last %}, {% endif -%}{%- if loop.index > 20 -%}{%- break -%}{%- endif -%}{%- endfor -%}{{ ns.seen }}"""
DEEP = "{% macro f(n) %}{% if n > 0 %}({{ f(n - 1) }}){% endif %}{% endmacro %}{{ f(messages|length * 5) }}"
HUNGRY = "{% for a in range(1000) %}{% for b in range(1000) %}{{ 'x' * 1000 }}{% endfor %}{% endfor %}"
MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is \u201cNUL\u201d?"},
            {"role": "assistant", "content": " A byte. "}, {"role": "user", "content": "Thanks"}]


def main():
    for name, tokenizer in {
        "byte_level": byte_level(None),
        "bos": byte_level(None, post_processor=template(before=True)),
        "eos": byte_level(None, {"type": "NFC"}, template(before=False)),
        "split": byte_level(split(r"\p{N}{1,3}| ?\p{L}+|\s+(?!\S)|\s+|.")),
        "sentence_piece": sentence_piece(),
    }.items():
        write("tokenizer", f"{name}.bin", json.dumps(tokenizer, ensure_ascii=False, separators=(",", ":")), TEXT)
    for name, source in {"chatml": CHATML, "strict": STRICT, "rich": RICH, "deep": DEEP, "hungry": HUNGRY}.items():
        write("chat_template", f"{name}.bin", source, json.dumps(MESSAGES[1:] if name == "strict" else MESSAGES))


if __name__ == "__main__":
    main()
