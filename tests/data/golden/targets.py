"""Which modules PEFT adapts, for lists, regular expressions, all-linear and defaults, on every family."""
import os
import warnings

from peft import IA3Config, LoraConfig, get_peft_model

from .adapters import base_model
from .common import VERSIONS, folder, save_json

warnings.filterwarnings("ignore")
FAMILIES = ["llama", "qwen2", "qwen3", "mistral", "gpt2"]
LLAMA_LIKE = [
    {"target_modules": ["q_proj"]},
    {"target_modules": ["proj"]},
    {"target_modules": ["self_attn.q_proj", "layers.1.mlp.up_proj"]},
    {"target_modules": ["model.layers.0.self_attn.q_proj", "o_proj"], "layers_to_transform": [1]},
    {"target_modules": ["embed_tokens", "q_proj"]},
    {"target_modules": ["lm_head", "down_proj"]},
    {"target_modules": "q_proj"},
    {"target_modules": r".*(q|v)_proj"},
    {"target_modules": r"model\.layers\.[1-9]\.mlp\.(up|gate)_proj"},
    {"target_modules": r".*\.self_attn\.[^.]+_proj$"},
    {"target_modules": "all-linear", "exclude_modules": ["down_proj", "layers.0.mlp.up_proj"]},
    {"target_modules": "all-linear", "exclude_modules": r".*\.layers\.0\..*"},
    {"target_modules": ["q_proj", "v_proj"], "exclude_modules": ["q_proj"]},
    {"target_modules": ["q_proj", "v_proj", "lm_head"], "modules_to_save": ["lm_head"]},
    {"target_modules": ["q_proj", "up_proj"], "modules_to_save": ["mlp"]},
    {"target_modules": ["q_proj", "v_proj"], "layers_to_transform": [1]},
    {"target_modules": ["q_proj", "v_proj"], "layers_to_transform": 0},
    {"target_modules": ["q_proj", "v_proj"], "layers_to_transform": [0, 1], "layers_pattern": "layers"},
    {"target_modules": ["q_proj", "v_proj"], "layers_to_transform": [1], "layers_pattern": ["h", "layers"]},
    {"target_modules": ["q_proj", "v_proj"], "layers_to_transform": [1], "layers_pattern": "blocks"},
    {"target_modules": "all-linear", "layers_to_transform": [1]},
    {"target_modules": ["nothing_has_this_name"]},
    {"target_modules": ["q_proj", "nothing_has_this_name"]},
    {"target_modules": r".*q_proj", "layers_to_transform": [0]},
]
GPT2 = [
    {"target_modules": ["c_attn"]},
    {"target_modules": ["c_proj"]},
    {"target_modules": ["attn.c_proj", "mlp.c_fc"]},
    {"target_modules": r".*\.mlp\.c_.*"},
    {"target_modules": ["c_attn", "c_fc"], "layers_to_transform": [1], "layers_pattern": "h"},
    {"target_modules": "all-linear", "exclude_modules": ["c_proj"]},
    {"target_modules": ["wte", "wpe", "c_attn"]},
    {"target_modules": ["lm_head"]},
]


def resolve(family, kind, options):
    case = {"family": family, "method": kind, **options}
    config_type = LoraConfig if kind == "LORA" else IA3Config
    try:
        model = get_peft_model(base_model(family), config_type(task_type="CAUSAL_LM", **options))
    except ValueError:
        return {**case, "refused": True}
    marker = "lora_A" if kind == "LORA" else "ia3_l"
    names = [name for name, module in model.base_model.model.named_modules()
             if hasattr(module, marker) and len(getattr(module, marker)) + len(getattr(module, "lora_embedding_A", ()))]
    case["resolved"] = names
    if kind == "IA3":
        case["feedforward"] = [name for name, module in model.base_model.model.named_modules()
                               if getattr(module, "is_feedforward", False)]
    return case


def make():
    cases = []
    for family in FAMILIES:
        for kind in ("LORA", "IA3"):
            cases.append(resolve(family, kind, {}))
        cases.append(resolve(family, "LORA", {"target_modules": "all-linear"}))
        if family in ("llama", "gpt2"):
            cases += [resolve(family, "LORA", options) for options in (LLAMA_LIKE if family == "llama" else GPT2)]
    cases.append(resolve("llama", "IA3", {"target_modules": ["k_proj", "up_proj"], "feedforward_modules": ["up_proj"]}))
    cases.append(resolve("llama", "IA3", {"target_modules": r".*\.(v_proj|down_proj)",
                                          "feedforward_modules": r".*down_proj"}))
    save_json(os.path.join(folder("targets"), "targets.json"), {"versions": VERSIONS, "cases": cases})
    for case in cases:
        print(" ", {key: value for key, value in case.items() if key != "resolved"}, len(case.get("resolved", [])))
