#!/usr/bin/env python3
"""Makes model folders of true shapes with weights from a seed, and LoRA adapters for them: where there is a GPU there
need be no network. Python alone is needed.

    gpu_model.py SHAPE FOLDER [--storage bfloat16|nf4] [--adapter RANK]

SHAPE: llama3-8b llama3-70b smollm2-135m tiny. nf4 is bitsandbytes' layout of linear layers with double quantization,
made of random codes, so that a 70B folder needs no 140 GB of bf16 first. --adapter: FOLDER becomes an adapter of all
linear layers instead. Files are written by several processes at the speed of the memory they go to: 16 GB (8B) and
41 GB (70B, nf4) should take some 5 and 10 s on 16 cores into /dev/shm.
"""
import argparse
import json
import math
import multiprocessing
import os
import random
import struct

# Published config.json values of meta-llama/Meta-Llama-3-8B, -70B and HuggingFaceTB/SmolLM2-135M.
SHAPES = {
    "llama3-8b": dict(hidden_size=4096, intermediate_size=14336, num_hidden_layers=32, num_attention_heads=32,
                      num_key_value_heads=8, vocab_size=128256, rope_theta=500000.0, max_position_embeddings=8192,
                      rms_norm_eps=1e-5, tie_word_embeddings=False),
    "llama3-70b": dict(hidden_size=8192, intermediate_size=28672, num_hidden_layers=80, num_attention_heads=64,
                       num_key_value_heads=8, vocab_size=128256, rope_theta=500000.0, max_position_embeddings=8192,
                       rms_norm_eps=1e-5, tie_word_embeddings=False),
    "smollm2-135m": dict(hidden_size=576, intermediate_size=1536, num_hidden_layers=30, num_attention_heads=9,
                         num_key_value_heads=3, vocab_size=49152, rope_theta=100000.0, max_position_embeddings=8192,
                         rms_norm_eps=1e-5, tie_word_embeddings=True),
    "tiny": dict(hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
                 num_key_value_heads=2, vocab_size=256, rope_theta=10000.0, max_position_embeddings=512,
                 rms_norm_eps=1e-5, tie_word_embeddings=False),
}
SHARD_BYTES = 4 * 10**9
# Random values that all weights are cut from, one after another; prime, so that rows of a matrix do not repeat.
MOST_VALUES = 33554393
# The code of Dettmers et al. 2023, appendix E.
NF4 = (-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
       -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
       0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0)
SIZES = {"F32": 4, "BF16": 2, "U8": 1}


def config_of(shape):
    values = SHAPES[shape]
    return {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
            "attention_bias": False, "mlp_bias": False, "bos_token_id": 0, "eos_token_id": 1, "rope_scaling": None,
            "torch_dtype": "bfloat16", "initializer_range": 0.02, **values}


def linear_layers(config):
    """(name in its layer, outputs, inputs)"""
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    keys = hidden // config["num_attention_heads"] * config["num_key_value_heads"]
    return (("self_attn.q_proj", hidden, hidden), ("self_attn.k_proj", keys, hidden),
            ("self_attn.v_proj", keys, hidden), ("self_attn.o_proj", hidden, hidden),
            ("mlp.gate_proj", inner, hidden), ("mlp.up_proj", inner, hidden), ("mlp.down_proj", hidden, inner))


def tensors_of(config):
    """(name, shape, kind) of every tensor: kind is linear, embedding or norm."""
    hidden = config["hidden_size"]
    yield "model.embed_tokens.weight", (config["vocab_size"], hidden), "embedding"
    for layer in range(config["num_hidden_layers"]):
        prefix = f"model.layers.{layer}."
        yield prefix + "input_layernorm.weight", (hidden,), "norm"
        yield prefix + "post_attention_layernorm.weight", (hidden,), "norm"
        for name, outputs, inputs in linear_layers(config):
            yield f"{prefix}{name}.weight", (outputs, inputs), "linear"
    yield "model.norm.weight", (hidden,), "norm"
    if not config["tie_word_embeddings"]:
        yield "lm_head.weight", (config["vocab_size"], hidden), "embedding"


def high_bytes(deviation):
    """256 first bytes of bf16 values (sign, upper bits of the exponent) as often as a normal distribution has them."""
    below = [math.erf(2.0**(2 * k - 127) / deviation / math.sqrt(2)) if k else 0.0 for k in range(128)] + [1.0]
    places = [round(128 * share) for share in below]
    halves = b"".join(bytes([k]) * (places[k + 1] - places[k]) for k in range(128))
    return halves + bytes(byte | 0x80 for byte in halves)


def dynamic_map():
    """bitsandbytes' signed map: means of neighbours among 2^i + 1 even points of [0.1, 1], times 10^(i - 6)."""
    values = [0.0, 1.0]
    for i in range(7):
        step = 0.9 / 2**i
        for k in range(2**i):
            mean = 10.0**(i - 6) * (0.1 + step * (k + 0.5))
            values += [mean, -mean]
    return sorted(values)


class Values:
    """Endless random values, as bytes of one kind."""

    def __init__(self, most, seed):
        count = min(MOST_VALUES, most)
        numbers = random.Random(seed)
        low, high = numbers.randbytes(count), numbers.randbytes(count)
        normal = bytearray(2 * count)
        normal[0::2], normal[1::2] = low, high.translate(high_bytes(0.0136))  # about 0.02 with even lower bits
        maxima = high.translate(bytes(100 + i * 56 // 256 for i in range(256)))
        self.blocks = {"normal": bytes(normal), "codes": low, "maxima": maxima}

    def add_small_floats(self, count):
        """f32 values of bf16's precision, for adapters."""
        normal = self.blocks["normal"][:2 * count]
        floats = bytearray(2 * len(normal))
        floats[2::4], floats[3::4] = normal[0::2], normal[1::2]
        self.blocks["floats"] = bytes(floats)

    def write(self, file, kind, position, count):
        block = memoryview(self.blocks[kind])
        position %= len(block)
        while count > 0:
            piece = block[position:position + count]
            file.write(piece)
            count -= len(piece)
            position = 0


def nf4_parts(name, shape):
    """(name, type, shape, values) of what bitsandbytes saves of a 4-bit linear weight; maxima come out near 0.06."""
    elements = shape[0] * shape[1]
    blocks = elements // 64
    state = {"quant_type": "nf4", "blocksize": 64, "dtype": "bfloat16", "shape": list(shape),
             "nested_blocksize": 256, "nested_dtype": "float32", "nested_offset": 0.06}
    text = json.dumps(state).encode()
    nested = (blocks + 255) // 256
    return [(name, "U8", (elements // 2, 1), "codes"), (name + ".absmax", "U8", (blocks,), "maxima"),
            (name + ".quant_map", "F32", (16,), struct.pack("<16f", *NF4)),
            (name + ".nested_absmax", "F32", (nested,), struct.pack("<f", 0.02) * nested),
            (name + ".nested_quant_map", "F32", (256,), struct.pack("<256f", *dynamic_map())),
            (name + ".quant_state.bitsandbytes__nf4", "U8", (len(text),), text)]


def byte_count(part):
    return SIZES[part[1]] * math.prod(part[2])


def write_file(path, parts, values, position):
    """parts: (name, type, shape, bytes or a kind of Values); wider types first, so that all are aligned."""
    parts = sorted(parts, key=lambda part: -SIZES[part[1]])
    header, end = {"__metadata__": {"format": "pt"}}, 0
    for part in parts:
        header[part[0]] = {"dtype": part[1], "shape": list(part[2]), "data_offsets": [end, end + byte_count(part)]}
        end += byte_count(part)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for part in parts:
            if isinstance(part[3], bytes):
                file.write(part[3])
            else:
                values.write(file, part[3], position, byte_count(part))
                position += byte_count(part)


def write_json(path, value):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=1)


def write_shard(job):
    write_file(*job[:2], write_shard.values, job[2])


def make(shape, folder, storage, seed=1):
    config = config_of(shape)
    if storage == "nf4":
        config["quantization_config"] = {
            "quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4",
            "bnb_4bit_use_double_quant": True, "bnb_4bit_compute_dtype": "bfloat16", "bnb_4bit_quant_storage": "uint8"}
    os.makedirs(folder, exist_ok=True)
    shards, held, total = [[]], 0, 0
    for name, size, kind in tensors_of(config):
        if kind == "norm":
            parts = [(name, "BF16", size, b"\x80\x3f" * size[0])]
        elif kind == "linear" and storage == "nf4":
            parts = nf4_parts(name, size)
        else:
            parts = [(name, "BF16", size, "normal")]
        count = sum(map(byte_count, parts))
        if shards[-1] and held + count > SHARD_BYTES:
            shards.append([])
            held = 0
        shards[-1] += parts
        held += count
        total += count
    names = [f"model-{i + 1:05d}.safetensors" for i in range(len(shards))]
    write_shard.values = Values(total, seed)
    jobs = [(os.path.join(folder, name), parts, i * 2 * 7919) for i, (name, parts) in enumerate(zip(names, shards))]
    processes = min(len(jobs), os.cpu_count() or 1, 12)
    if processes > 1:  # that share the values
        with multiprocessing.get_context("fork").Pool(processes) as pool:
            pool.map(write_shard, jobs, chunksize=1)
    else:
        for job in jobs:
            write_shard(job)
    write_json(os.path.join(folder, "model.safetensors.index.json"),
               {"metadata": {"total_size": total},
                "weight_map": {part[0]: name for name, parts in zip(names, shards) for part in parts}})
    write_json(os.path.join(folder, "config.json"), config)  # last: its presence says that the folder is whole
    return total


def make_adapter(shape, folder, rank, seed=2):
    """PEFT's files of a LoRA adapter whose B is not zero, so that a first step trains both halves."""
    config, parts = config_of(shape), []
    for layer in range(config["num_hidden_layers"]):
        for name, outputs, inputs in linear_layers(config):
            prefix = f"base_model.model.model.layers.{layer}.{name}.lora_"
            parts += [(prefix + "A.weight", "F32", (rank, inputs), "floats"),
                      (prefix + "B.weight", "F32", (outputs, rank), "floats")]
    values = Values(1 << 22, seed)
    values.add_small_floats((1 << 22) - 3)
    os.makedirs(folder, exist_ok=True)
    write_file(os.path.join(folder, "adapter_model.safetensors"), parts, values, 0)
    write_json(os.path.join(folder, "adapter_config.json"), {
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": "", "r": rank, "lora_alpha": 2 * rank,
        "lora_dropout": 0.0, "bias": "none", "fan_in_fan_out": False, "use_rslora": False, "init_lora_weights": True,
        "inference_mode": False, "modules_to_save": None,
        "target_modules": [name.split(".")[1] for name, _, _ in linear_layers(config)]})
    return sum(map(byte_count, parts))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("shape", choices=SHAPES)
    parser.add_argument("folder")
    parser.add_argument("--storage", default="bfloat16", choices=["bfloat16", "nf4"])
    parser.add_argument("--adapter", type=int, default=0)
    given = parser.parse_args()
    made = (make_adapter(given.shape, given.folder, given.adapter) if given.adapter
            else make(given.shape, given.folder, given.storage))
    print(made, "bytes")
