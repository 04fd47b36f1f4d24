"""Tiny random models of every family as Transformers saves them, with golden logits."""
import json
import os
import shutil

from transformers import (AutoModelForCausalLM, GPT2Config, LlamaConfig, MistralConfig, Qwen2Config,
                          Qwen3Config)

from .common import folder, load_causal, randomize, score_golden, token_rows

VOCABULARY = 96
SHAPE = dict(vocab_size=VOCABULARY, hidden_size=32, intermediate_size=80, num_hidden_layers=2,
             num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=256, bos_token_id=1,
             eos_token_id=2, pad_token_id=None)


def rope(kind="default", theta=10000.0, **fields):
    return dict(rope_type=kind, rope_theta=theta, **fields)


# The llama3 numbers put one wavelength on each side of both borders and one between (head size 8: 6, 63, 628, ...).
LLAMA3 = rope("llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=64)
CONFIGS = {
    "llama": LlamaConfig(**SHAPE, tie_word_embeddings=True, rms_norm_eps=1e-5, rope_parameters=rope(theta=100000.0)),
    "llama_rope_llama3": LlamaConfig(**SHAPE, tie_word_embeddings=False, rms_norm_eps=1e-5, rope_parameters=LLAMA3),
    "llama_rope_linear": LlamaConfig(**SHAPE, tie_word_embeddings=False, rms_norm_eps=1e-6,
                                     rope_parameters=rope("linear", factor=4.0), attention_bias=True, mlp_bias=True),
    "qwen2": Qwen2Config(**SHAPE, tie_word_embeddings=False, rms_norm_eps=1e-6, use_sliding_window=False,
                         rope_parameters=rope(theta=1000000.0)),
    "qwen3": Qwen3Config(**SHAPE, head_dim=16, tie_word_embeddings=True, rms_norm_eps=1e-6,
                         rope_parameters=rope(theta=1000000.0)),
    "mistral": MistralConfig(**SHAPE, head_dim=8, sliding_window=16, tie_word_embeddings=False, rms_norm_eps=1e-5,
                             rope_parameters=rope()),
    "gpt2": GPT2Config(vocab_size=VOCABULARY, n_embd=32, n_layer=2, n_head=4, n_positions=64, bos_token_id=1,
                       eos_token_id=2, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0),
}
OLD_SPELLING = {"llama_rope_llama3": "llama_old_spelling", "llama_rope_linear": "llama_linear_old_spelling"}


def old_spelling(config):
    """The same settings as Transformers 4 wrote them."""
    config = dict(config)
    parameters = dict(config.pop("rope_parameters"))
    config["rope_theta"] = parameters.pop("rope_theta")
    if parameters["rope_type"] == "linear":  # the oldest spelling says `type`
        parameters["type"] = parameters.pop("rope_type")
    config["rope_scaling"] = parameters
    config["torch_dtype"] = config.pop("dtype")
    config["transformers_version"] = "4.43.1"
    return config


def make():
    rows = token_rows(VOCABULARY, (24, 40), seed=11)
    place = folder("families", fresh=False)
    for index, (name, config) in enumerate(CONFIGS.items()):
        path = folder("families", name, fresh=True)
        model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").float()
        randomize(model, seed=100 + index)
        model.save_pretrained(path)
        loaded = load_causal(path)
        score_golden(os.path.join(place, name + ".golden.safetensors"), loaded, rows)
        if name in OLD_SPELLING:
            old = folder("families", OLD_SPELLING[name], fresh=True)
            shutil.copy(os.path.join(path, "model.safetensors"), old)
            with open(os.path.join(path, "config.json"), encoding="utf-8") as file:
                config_fields = old_spelling(json.load(file))
            with open(os.path.join(old, "config.json"), "w", encoding="utf-8", newline="\n") as file:
                json.dump(config_fields, file, indent=2, sort_keys=True)
                file.write("\n")
            score_golden(os.path.join(place, OLD_SPELLING[name] + ".golden.safetensors"), load_causal(old), rows)
        if name == "llama":
            sharded = folder("families", "llama_sharded", fresh=True)
            loaded.save_pretrained(sharded, max_shard_size="40KB")
            score_golden(os.path.join(place, "llama_sharded.golden.safetensors"), load_causal(sharded), rows)
        if name == "qwen2":  # 16-bit weights: the golden values are of float32 arithmetic on them
            half = folder("families", "qwen2_bfloat16", fresh=True)
            load_causal(path).bfloat16().save_pretrained(half)
            score_golden(os.path.join(place, "qwen2_bfloat16.golden.safetensors"), load_causal(half), rows)
