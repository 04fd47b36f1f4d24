"""Writes tokenizer.json: every byte of a byte-level BPE as a token of its own, and one special token.

make_tokenizer.py > tokenizer.json
"""

import json
import sys


def byte_symbols():
    """GPT-2's printable stand-ins for bytes: those that print stand for themselves, the others follow from 256 on."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    spare = iter(range(256, 512))
    return [chr(byte if byte in plain else next(spare)) for byte in range(256)]


def main():
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    special = {"id": 256, "content": "<end>", "single_word": False, "lstrip": False, "rstrip": False}
    special |= {"normalized": False, "special": True}
    model = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None}
    model |= {"end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False}
    model |= {"vocab": {symbol: i for i, symbol in enumerate(byte_symbols())}, "merges": []}
    tokenizer = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [special]}
    tokenizer |= {"normalizer": None, "pre_tokenizer": byte_level, "post_processor": None}
    json.dump(tokenizer | {"decoder": byte_level, "model": model}, sys.stdout, indent=0)
    print()


if __name__ == "__main__":
    main()
