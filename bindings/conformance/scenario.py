"""The scenario that every language runs: made from the golden files of the tests, and flattened for its runners.

scenario.py make > scenario.json     expected values come from tests/data, never from libpeft itself
scenario.py flat < scenario.json     one "path<TAB>value" a line, for languages without a JSON reader
"""

import json
import pathlib
import struct
import sys

TESTS = pathlib.Path(__file__).resolve().parents[2] / "tests"

STEPS = ["load", "text", "load_smollm2", "text_smollm2", "adapter", "train", "evaluate", "save", "load_beside",
         "stream", "chat", "sessions", "quantize", "merge", "cancel", "resume", "errors", "close"]

HARD_TEXTS = [
    ("empty", ""),
    ("plain", "Hello, world"),
    ("emoji with joiners and skin tone", "\U0001F469\U0001F3FD\u200d\U0001F4BB \U0001F468\u200d\U0001F467"),
    ("flags", "\U0001F1F0\U0001F1F7\U0001F1EB\U0001F1F7"),
    ("Korean, composed and decomposed", "\uc548\ub155\ud558\uc138\uc694 \u1112\u1161\u11ab\u1100\u1173\u11af"),
    ("NUL inside", "a\0b\0\0c"),
    ("right to left with marks", "\u05e9\u05b8\u05c1\u05dc\u05d5\u05b9\u05dd \u200f\u0627\u0644\u0639\u0631"),
    ("line ends of all kinds", "a\r\nb\rc\nd\u0085e\u2028f\tg"),
    ("combining marks", "e\u0301\u0327\u0323 Z\u0351\u036b\u0343"),
    ("last code points of 1 to 4 bytes", "\x7f\u07ff\uffff\U0010ffff"),
    ("byte order mark and no-break spaces", "\ufeffx\u00a0y\u202fz"),
]

INVALID_UTF8 = [("lone continuation", "80"), ("cut off", "61e29c"), ("overlong", "c0af"),
                ("surrogate", "eda080"), ("beyond the last", "f4908080")]

# Status code and what provokes it; README.md says how. Three more cannot be provoked from outside.
ERRORS = [("invalid_argument", -1), ("bad_handle", -2), ("busy", -3), ("out_of_memory", -4), ("io", -5),
          ("format", -6), ("unsupported", -7), ("not_found", -8), ("mismatch", -9), ("limit", -10),
          ("cancelled", -11), ("callback", -12), ("numeric", -13), ("device", -14), ("refused", -16),
          ("reentrant", -17), ("state", -19)]
NAMES = [("PEFT_OK", 0), ("PEFT_END", 1), ("PEFT_PENDING", 2), ("PEFT_STEP_SKIPPED", 3), ("PEFT_NOTE", 4),
         ("PEFT_E_DEVICE_LOST", -15), ("PEFT_E_FORKED", -18), ("PEFT_E_INTERNAL", -20), ("PEFT_UNKNOWN", -999)]
NAMES += [("PEFT_E_" + name.upper(), code) for name, code in ERRORS]


def tensors(path):
    """Name -> numbers of a safetensors file, I64, F32 and F64 only."""
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    found = {}
    for name, entry in json.loads(data[8:8 + size]).items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        letter = {"I64": "q", "F32": "f", "F64": "d"}[entry["dtype"]]
        found[name] = struct.unpack(f"<{(end - begin) // struct.calcsize(letter)}{letter}",
                                    data[8 + size + begin:8 + size + end])
    return found


def make():
    base = tensors(TESTS / "data/families/llama.golden.safetensors")
    adapted = tensors(TESTS / "data/adapters/llama_lora.golden.safetensors")
    weights = tensors(TESTS / "data/families/llama/model.safetensors")
    smollm2 = json.loads((TESTS / "data/smollm2/smollm2.json").read_text())
    ids = list(base["token_ids_0"])
    longer = list(base["token_ids_1"])
    elements = sum(len(values) for values in weights.values())
    # A byte-level vocabulary in the order of the bytes: the id of a byte is its value.
    texts = [{"what": what, "utf8_hex": text.encode().hex(), "ids": list(text.encode())} for what, text in HARD_TEXTS]
    texts.append({"what": "a special token inside", "utf8_hex": "a<end>b".encode().hex(), "ids": [97, 256, 98]})
    rows = [{"ids": longer[i:i + 10 + i], "labels": []} for i in range(6)]
    rows[1]["labels"] = [-100] * 4 + rows[1]["ids"][4:]
    rows[4]["labels"] = [-100] * 6 + rows[4]["ids"][6:]
    # Texts whose ids only the right splitting gives; the chat's answer is greedy and its logits lie well apart.
    hard = [case for case in smollm2["tokenized"] if any(ord(c) > 127 for c in case["text"]) or "  " in case["text"]]
    chat = max(smollm2["chats"], key=lambda c: (len(c["token_ids"]) <= 24) * len(c["token_ids"]))
    scenario = {
        "format": 1,
        "steps": STEPS,
        "model": {"path": "tests/data/families/llama", "family": "llama", "layers": 2, "hidden_size": 32,
                  "attention_heads": 4, "key_value_heads": 2, "vocabulary_size": 96, "tied_head": 1,
                  "parameter_elements": elements, "weight_bytes": 4 * elements},
        "row": {"ids": ids, "nll": base["nll_0"][0], "tolerance": 1e-3},
        "text": {"tokenizer": "tests/capi/tokenizer.json", "vocabulary_size": 257, "end_token": "<end>",
                 "end_token_id": 256, "cases": texts,
                 "invalid": [{"what": what, "hex": data} for what, data in INVALID_UTF8]},
        "smollm2": {"family": "llama", "vocabulary_size": 49152, "layers": 30,
                    "cases": [{"utf8_hex": c["text"].encode().hex(), "ids": c["token_ids"]} for c in hard],
                    "messages_json": json.dumps(chat["messages"]),
                    "rendered_hex": chat["rendered"].encode().hex(), "prompt_ids": chat["prompt_token_ids"],
                    "answer_ids": chat["token_ids"], "answer_hex": chat["text"].encode().hex(),
                    "max_new_tokens": 24},
        "adapter": {"path": "tests/data/adapters/llama_lora", "name": "given", "method": "LORA", "r": 4,
                    "lora_alpha": 8, "parameter_count": 28,
                    "row_ids": list(adapted["token_ids_0"]), "nll": adapted["nll_0"][0], "tolerance": 1e-3},
        "train": {"rows": rows, "batch_size": 2, "gradient_accumulation_steps": 2, "learning_rate": 5e-3,
                  "max_steps": 20, "seed": 7},
        "stream": {"prompt": ids[:6], "max_new_tokens": 16},
        "sessions": {"count": 8, "prompt_length": 5, "max_new_tokens": 16, "learner_r": 4, "learner_seed": 5},
        "quantize": {"dtype": 8},
        "cancel": {"after_seconds": 0.2, "within_seconds": 5, "max_steps": 100000000},
        "resume": {"r": 4, "seed": 11, "max_steps": 6, "checkpoint_after": 3},
        "errors": {"cases": [{"name": name, "code": code} for name, code in ERRORS],
                   "names": [{"name": name, "code": code} for name, code in NAMES]},
    }
    json.dump(scenario, sys.stdout, indent=1)
    print()


def flat(value, path=""):
    if isinstance(value, dict):
        for key, inner in value.items():
            flat(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        print(f"{path}.count\t{len(value)}")
        for i, inner in enumerate(value):
            flat(inner, f"{path}.{i}")
    elif isinstance(value, list):
        print(f"{path}\t{' '.join(str(item) for item in value)}")
    else:
        assert not isinstance(value, str) or not set(value) & set("\t\r\n")
        print(f"{path}\t{value!r}" if isinstance(value, float) else f"{path}\t{value}")


if __name__ == "__main__":
    if sys.argv[1:] == ["make"]:
        make()
    else:
        flat(json.load(sys.stdin))
