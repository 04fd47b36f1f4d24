#!/usr/bin/env python3
"""Makes model folders of true shapes with weights from a seed: where there is a GPU there need be no network.

    gpu_model.py SHAPE FOLDER [--storage bfloat16|nf4]

SHAPE: llama3-8b llama3-70b smollm2-135m tiny. nf4 is bitsandbytes' layout of linear layers with double quantization, made
of random codes, so that a 70B folder needs no 140 GB of bf16 first. Shards of at most 4 GB.
"""
import argparse
import json
import os

import torch
from safetensors.torch import save_file

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


def config_of(shape):
    values = SHAPES[shape]
    return {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
            "attention_bias": False, "mlp_bias": False, "bos_token_id": 0, "eos_token_id": 1, "rope_scaling": None,
            "torch_dtype": "bfloat16", "initializer_range": 0.02, **values}


def tensors_of(config):
    """(name, shape, kind) of every tensor: kind is linear, embedding or norm."""
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    head = hidden // config["num_attention_heads"]
    keys = head * config["num_key_value_heads"]
    yield "model.embed_tokens.weight", (config["vocab_size"], hidden), "embedding"
    for layer in range(config["num_hidden_layers"]):
        prefix = f"model.layers.{layer}."
        yield prefix + "input_layernorm.weight", (hidden,), "norm"
        yield prefix + "post_attention_layernorm.weight", (hidden,), "norm"
        for name, shape in (("self_attn.q_proj", (hidden, hidden)), ("self_attn.k_proj", (keys, hidden)),
                            ("self_attn.v_proj", (keys, hidden)), ("self_attn.o_proj", (hidden, hidden)),
                            ("mlp.gate_proj", (inner, hidden)), ("mlp.up_proj", (inner, hidden)),
                            ("mlp.down_proj", (hidden, inner))):
            yield f"{prefix}{name}.weight", shape, "linear"
    yield "model.norm.weight", (hidden,), "norm"
    if not config["tie_word_embeddings"]:
        yield "lm_head.weight", (config["vocab_size"], hidden), "embedding"


def nf4_parts(name, shape, generator, device):
    """What bitsandbytes saves of a 4-bit linear weight; the blocks' maxima come out near 0.06."""
    from bitsandbytes.functional import create_dynamic_map, get_4bit_type
    elements = shape[0] * shape[1]
    blocks = elements // 64
    state = {"quant_type": "nf4", "blocksize": 64, "dtype": "bfloat16", "shape": list(shape),
             "nested_blocksize": 256, "nested_dtype": "float32", "nested_offset": 0.06}
    text = torch.tensor(list(json.dumps(state).encode()), dtype=torch.uint8)
    return {
        name: torch.randint(0, 256, (elements // 2, 1), dtype=torch.uint8, generator=generator, device=device),
        name + ".absmax": torch.randint(100, 156, (blocks,), dtype=torch.uint8, generator=generator, device=device),
        name + ".quant_map": get_4bit_type("nf4", device="cpu").float(),
        name + ".nested_absmax": torch.full(((blocks + 255) // 256,), 0.02),
        name + ".nested_quant_map": create_dynamic_map().float(),
        name + ".quant_state.bitsandbytes__nf4": text,
    }


def make(shape, folder, storage, seed=1):
    device = "cuda" if torch.cuda.is_available() else "cpu"
    generator = torch.Generator(device=device).manual_seed(seed)
    config = config_of(shape)
    if storage == "nf4":
        config["quantization_config"] = {
            "quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4",
            "bnb_4bit_use_double_quant": True, "bnb_4bit_compute_dtype": "bfloat16", "bnb_4bit_quant_storage": "uint8"}
    os.makedirs(folder, exist_ok=True)
    weights, total, shard, held, names = {}, 0, {}, 0, []

    def flush():
        nonlocal shard, held
        name = f"model-{len(names) + 1:05d}.safetensors"
        save_file(shard, os.path.join(folder, name), metadata={"format": "pt"})
        weights.update({key: name for key in shard})
        names.append(name)
        shard, held = {}, 0

    for name, size, kind in tensors_of(config):
        if kind == "norm":
            parts = {name: torch.ones(size, dtype=torch.bfloat16)}
        elif kind == "linear" and storage == "nf4":
            parts = nf4_parts(name, size, generator, device)
        else:
            parts = {name: (0.02 * torch.randn(size, generator=generator, device=device)).to(torch.bfloat16)}
        parts = {key: value.cpu() for key, value in parts.items()}
        count = sum(value.numel() * value.element_size() for value in parts.values())
        if shard and held + count > SHARD_BYTES:
            flush()
        shard.update(parts)
        held += count
        total += count
    flush()
    with open(os.path.join(folder, "model.safetensors.index.json"), "w", encoding="utf-8") as file:
        json.dump({"metadata": {"total_size": total}, "weight_map": weights}, file)
    with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as file:
        json.dump(config, file, indent=1)
    return total


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("shape", choices=SHAPES)
    parser.add_argument("folder")
    parser.add_argument("--storage", default="bfloat16", choices=["bfloat16", "nf4"])
    given = parser.parse_args()
    print(make(given.shape, given.folder, given.storage), "bytes")
