"""Seeds of the fuzzer of data rows. Usage: python make_data_rows_corpus.py (in this folder)"""
import json

from make_corpus import save

CHAT = {"messages": [{"role": "user", "content": "ab"}, {"role": "assistant", "content": "ba"}]}
SHARE = {"system": "s", "conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"},
                                          {"from": "human", "value": "a"}, {"from": "gpt", "value": " b "}], "tools": "[]"}
ROWS = {
    "chat": [CHAT, SHARE], "parts": [{"messages": [{"role": "assistant", "content": [{"type": "text", "text": "a"}]}]}],
    "instruction": [{"instruction": "a", "input": "b", "output": "c"}, {"instruction": "a", "output": ""}],
    "pairs": [{"prompt": "a", "completion": " b\u00e9\U0001f389"}, {"prompt": "", "completion": ""}],
    "text": [{"text": "ab ab \ud55c"}, {"text": "a" * 40}],
    "tokens": [{"token_ids": [1, 2, 3], "labels": [-100, 2, 3]}, {"input_ids": [4, 5]}],
    "mixed": [{"text": "a b"}, CHAT],
    "other_tasks": [{"text": "a", "label": 1}],
}

if __name__ == "__main__":
    for name, rows in ROWS.items():
        lines = "\n".join(json.dumps(row) for row in rows)
        save("data_rows", name, bytes([0x46]) + lines.encode())  # found formats, EOS
        save("data_rows", name + "_array", bytes([0x0E]) + json.dumps(rows, indent=1, ensure_ascii=False).encode())
    save("data_rows", "plain", b"\x05Two lines\nof text \xed\x95\x9c\n")
    save("data_rows", "deep", b"\x00" + b'{"text":' * 500)
    save("data_rows", "number", b'\x00{"text": 1e400}')
    save("data_rows", "surrogate", b'\x00{"text": "\\ud800"}')
    save("data_rows", "bytes", b'\x00{"text": "\xff"}')
