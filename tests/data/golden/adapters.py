"""PEFT adapters with random weights on the tiny models: folders as PEFT saves them, logits of the adapted models."""
import json
import os
import warnings

import torch
from peft import IA3Config, LoraConfig, PeftModel, PromptTuningConfig, get_peft_model
from safetensors.torch import load_file

from .common import ROOT, folder, generator, load_causal, score_golden, token_rows
from .families import VOCABULARY

warnings.filterwarnings("ignore")


def lora(**fields):
    return LoraConfig(**{"r": 4, "lora_alpha": 8, "task_type": "CAUSAL_LM", **fields})


# case -> (family, config)
CASES = {
    "llama_lora": ("llama", lora(target_modules="all-linear")),
    "llama_lora_defaults": ("llama", LoraConfig(task_type="CAUSAL_LM")),
    "llama_lora_rslora": ("llama", lora(target_modules="all-linear", use_rslora=True)),
    "llama_lora_patterns": ("llama", lora(target_modules="all-linear",
                                          rank_pattern={"q_proj": 2, "layers.1.mlp.down_proj": 8},
                                          alpha_pattern={"v_proj": 16, r"layers\.\d\.mlp\.up_proj": 3})),
    "llama_lora_regex": ("llama", lora(target_modules=r".*\.(q_proj|down_proj)")),
    "llama_lora_exclude": ("llama", lora(target_modules=["q_proj", "v_proj", "up_proj"],
                                         exclude_modules=["layers.0.self_attn.q_proj", "up_proj"])),
    "llama_lora_layers": ("llama", lora(target_modules=["q_proj", "o_proj"], layers_to_transform=[1])),
    "llama_lora_layers_pattern": ("llama", lora(target_modules=["q_proj", "o_proj"], layers_to_transform=0,
                                                layers_pattern="layers")),
    "llama_lora_head": ("llama", lora(target_modules=["q_proj", "v_proj"], modules_to_save=["lm_head"])),
    "llama_lora_embed": ("llama", lora(target_modules=["q_proj", "v_proj"], modules_to_save=["embed_tokens"])),
    "llama_lora_norm": ("llama", lora(target_modules=["q_proj", "v_proj"], modules_to_save=["input_layernorm"])),
    "llama_lora_bfloat16": ("llama", lora(target_modules=["q_proj", "v_proj"])),
    "linear_lora_head": ("llama_rope_linear", lora(target_modules="all-linear", modules_to_save=["lm_head"])),
    "qwen2_lora": ("qwen2", lora(target_modules="all-linear")),
    "qwen2_lora_bias": ("qwen2", lora(target_modules=["q_proj", "v_proj", "down_proj"], bias="lora_only")),
    "qwen2_lora_bias_all": ("qwen2", lora(target_modules=["q_proj", "down_proj"], bias="all")),
    "qwen3_lora": ("qwen3", lora(target_modules="all-linear")),
    "gpt2_lora": ("gpt2", lora(target_modules="all-linear", fan_in_fan_out=True)),
    "gpt2_lora_bias": ("gpt2", lora(target_modules=["c_attn"], fan_in_fan_out=True, bias="lora_only")),
    "llama_ia3": ("llama", IA3Config(task_type="CAUSAL_LM")),
    "linear_ia3": ("llama_rope_linear", IA3Config(task_type="CAUSAL_LM", target_modules=["q_proj", "down_proj"],
                                                  feedforward_modules=["down_proj"])),
    "gpt2_ia3": ("gpt2", IA3Config(task_type="CAUSAL_LM", fan_in_fan_out=True)),
    "llama_prompt": ("llama", PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=4)),
    "gpt2_prompt": ("gpt2", PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=4)),
    "llama_lora_embedding": ("llama", lora(target_modules=["embed_tokens", "q_proj"])),
    "linear_lora_embedding": ("llama_rope_linear", lora(target_modules=["embed_tokens", "lm_head", "q_proj"],
                                                        rank_pattern={"embed_tokens": 3}, use_rslora=True)),
    "gpt2_lora_embedding": ("gpt2", lora(target_modules=["wte", "wpe", "c_attn"], fan_in_fan_out=True)),
    "llama_lora_adapted_head": ("llama", lora(target_modules=["lm_head", "v_proj"])),
    "llama_lora_mlp": ("llama", lora(target_modules=["q_proj", "up_proj"], modules_to_save=["mlp"])),
    "gpt2_lora_mlp": ("gpt2", lora(target_modules=["c_attn"], modules_to_save=["mlp", "wpe"], fan_in_fan_out=True)),
    "llama_lora_norms": ("llama", lora(target_modules=["q_proj"], modules_to_save=["norm"])),
}


def base_model(family):
    return load_causal(os.path.join(ROOT, "families", family))


def random_adapter(family, config, seed):
    """A PEFT model all of whose trainable numbers differ from their start, so that each of them matters."""
    torch.manual_seed(seed)
    model = get_peft_model(base_model(family), config)
    draw = generator(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                scale = 0.3 if "lora_B" in name or "ia3" in name else 0.1
                parameter.add_(scale * torch.randn(parameter.shape, generator=draw))
    return model


def save_adapter(model, path):
    """As PEFT saves it, without the model card, and with no path of this machine in the config."""
    model.save_pretrained(path)
    os.remove(os.path.join(path, "README.md"))
    name = os.path.join(path, "adapter_config.json")
    with open(name, encoding="utf-8") as file:
        config = json.load(file)
    config["base_model_name_or_path"] = "tiny-" + os.path.basename(config["base_model_name_or_path"])
    for key, value in config.items():  # sets have no order
        if key in ("target_modules", "feedforward_modules", "exclude_modules") and isinstance(value, list):
            config[key] = sorted(value)
    with open(name, "w", encoding="utf-8", newline="\n") as file:
        json.dump(config, file, indent=2, sort_keys=True)


def make():
    rows = token_rows(VOCABULARY, (24, 36), seed=12)
    for index, (case, (family, config)) in enumerate(CASES.items()):
        path = folder("adapters", case, fresh=True)
        model = random_adapter(family, config, seed=200 + index)
        if case.endswith("bfloat16"):
            model = model.to(torch.bfloat16)
        save_adapter(model, path)
        loaded = PeftModel.from_pretrained(base_model(family), path)
        score_golden(os.path.join(ROOT, "adapters", case + ".golden.safetensors"), loaded, rows, base=family)
        tensors = load_file(os.path.join(path, "adapter_model.safetensors"))
        print("   ", len(tensors), "tensors, e.g.", sorted(tensors)[0], sorted(tensors)[-1])
