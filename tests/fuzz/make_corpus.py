"""Seeds of the fuzzers of file formats, from small files of the tests and hand-made ones.

Usage: python make_corpus.py (in this folder; standard library only)
"""
import json
import os
import shutil
import struct

TESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
CORPUS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")


def save(target, name, data):
    folder = os.path.join(CORPUS, target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as file:
        file.write(data if isinstance(data, bytes) else data.encode())


def load(*path):
    with open(os.path.join(TESTS, *path), "rb") as file:
        return file.read()


def safetensors(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def bitsandbytes_group():
    values = [-1.0, -.6961928009986877, -.5250730514526367, -.39491748809814453, -.28444138169288635, -.18477343022823334,
              -.09105003625154495, 0.0, .07958029955625534, .16093020141124725, .24611230194568634, .33791524171829224,
              .44070982933044434, .5626170039176941, .7229568362236023, 1.0]
    state = b'{"quant_type": "nf4", "blocksize": 64, "dtype": "float32", "shape": [2, 64]}'
    return safetensors({"w.absmax": entry("F32", [2], 0, 8), "w.quant_map": entry("F32", [16], 8, 72),
                        "w": entry("U8", [64, 1], 72, 136),
                        "w.quant_state.bitsandbytes__nf4": entry("U8", [len(state)], 136, 136 + len(state))},
                       struct.pack("<18f", 1, 2, *values) + bytes(64) + state)


def make_safetensors():
    save("safetensors", "all_types", load("formats", "data", "all_types.safetensors"))
    save("safetensors", "adapter", load("data", "adapters", "llama_prompt", "adapter_model.safetensors"))
    save("safetensors", "bitsandbytes", bitsandbytes_group())
    save("safetensors", "empty", safetensors(b"{}      "))
    save("safetensors", "hole", safetensors({"a": entry("U8", [4], 4, 8)}, bytes(8)))
    save("safetensors", "overlap", safetensors({"a": entry("U8", [4], 0, 4), "b": entry("U8", [4], 3, 7)}, bytes(7)))
    save("safetensors", "product_wraps", safetensors({"a": entry("F32", [2**32, 2**32], 0, 0)}))
    save("safetensors", "nested", safetensors(b'{"a":' + b"[" * 300))
    save("safetensors", "long_header", struct.pack("<Q", 2**64 - 8) + b"{}")
    save("safetensors", "twice", safetensors(b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{}}', b"x"))


def gguf(pairs=(), tensors=(), data=b"", version=3, more_pairs=0, more_tensors=0):
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors) + more_tensors, len(pairs) + more_pairs)
    head += b"".join(pairs) + b"".join(tensors)
    return head + bytes(-len(head) % 32) + data


def text(value):
    return struct.pack("<Q", len(value)) + value.encode()


def tensor(name, sizes, kind, offset):
    return text(name) + struct.pack("<I", len(sizes)) + struct.pack(f"<{len(sizes)}Q", *sizes) + struct.pack("<IQ", kind, offset)


def make_gguf():
    save("gguf", "all_values", load("formats", "data", "all_values.gguf"))
    save("gguf", "empty", gguf())
    save("gguf", "version_2", gguf(version=2))
    save("gguf", "one_tensor", gguf([text("k") + struct.pack("<II", 4, 7)], [tensor("a", [8], 0, 0)], bytes(32)))
    save("gguf", "quantized", gguf([], [tensor("a", [32], 2, 0), tensor("b", [256], 12, 32)], bytes(32 + 144)))
    save("gguf", "many_pairs", gguf(more_pairs=2**64 - 1))
    save("gguf", "many_tensors", gguf(more_tensors=2**63))
    save("gguf", "long_string", gguf([text("k") + struct.pack("<IQ", 8, 2**64 - 1)], data=bytes(64)))
    save("gguf", "long_array", gguf([text("k") + struct.pack("<IIQ", 9, 10, 2**61 + 1)], data=bytes(64)))
    save("gguf", "nested_array", gguf([text("k") + struct.pack("<IIQIQ", 9, 9, 1, 0, 1)], data=bytes(64)))
    save("gguf", "alignment_zero", gguf([text("general.alignment") + struct.pack("<II", 4, 0)]))
    save("gguf", "product_wraps", gguf([], [tensor("a", [2**32, 2**32], 0, 0)], bytes(32)))
    save("gguf", "beyond_file", gguf([], [tensor("a", [2**40], 0, 0)], bytes(32)))


def make_json():
    save("json", "config", load("data", "families", "llama_rope_llama3", "config.json"))
    save("json", "adapter_config", load("data", "adapters", "llama_lora", "adapter_config.json"))
    save("json", "values", '[null, true, false, 0, -1, 1.5e300, 1e-320, 18446744073709551615, "\\u00e9\\ud83d\\ude00", {}]')
    save("json", "deep", "[" * 100 + "]" * 100)
    save("json", "duplicate", '{"a": 1, "a": 2}')
    save("json", "overflow", "[1e400]")
    save("json", "nul", b'{"a": 1}\0garbage')
    save("json", "bad_utf8", b'["\xff\xfe"]')
    save("json", "surrogate", '["\\ud800"]')


def make_adapters():
    def adapter(config, tensors):
        return struct.pack("<H", len(config)) + config + tensors

    for name in ("llama_prompt", "gpt2_ia3"):
        folder = ("data", "adapters", name)
        save("adapter", name, adapter(load(*folder, "adapter_config.json"), load(*folder, "adapter_model.safetensors")))
    one = safetensors({"a": entry("BF16", [2], 0, 4)}, bytes(4))
    save("adapter", "small", adapter(b'{"peft_type":"LORA","r":2}', one))
    save("adapter", "no_type", adapter(b"{}", one))
    save("adapter", "no_tensor", adapter(b'{"peft_type":"LORA"}', safetensors(b"{}")))
    save("adapter", "empty_tensor", adapter(b'{"peft_type":"LORA"}', safetensors({"a": entry("F32", [0, 2], 0, 0)})))


def make_indexes():
    both = {"metadata": {"total_size": 2}, "weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    save("index", "both", json.dumps(both, indent=2))
    save("index", "one", '{"weight_map":{"a":"model-1.safetensors"}}')
    save("index", "upwards", '{"weight_map":{"a":"../model-1.safetensors"}}')
    save("index", "device", '{"weight_map":{"a":"/dev/zero"}}')
    save("index", "surplus", '{"weight_map":{"a":"model-1.safetensors","c":"model-1.safetensors"}}')


def make_manifests():
    save("manifest", "empty", '{"version": 1, "files": {}, "state": null}')
    save("manifest", "one", '{"version": 1, "files": {"state": {"bytes": 8, "hash": "0"}}, "state": {"step": 3}}')
    save("manifest", "upwards", '{"version": 1, "files": {"../state": {"bytes": 8, "hash": "0"}}, "state": 1}')


if __name__ == "__main__":
    for target in ("safetensors", "gguf", "json", "adapter", "index", "manifest"):
        shutil.rmtree(os.path.join(CORPUS, target), ignore_errors=True)
    make_safetensors()
    make_gguf()
    make_json()
    make_adapters()
    make_indexes()
    make_manifests()
