"""24 AdamW steps of PEFT adapters on the tiny models: the loss of every step and the adapter at the end."""
import json
import os

import torch
from peft import IA3Config, PeftModel, PromptTuningConfig

from .adapters import base_model, lora, random_adapter, save_adapter
from .common import ROOT, VERSIONS, folder, generator, save_json, token_rows
from .families import VOCABULARY

STEPS, BATCH = 24, 2
# case -> (family, config, learning rate, accumulation)
CASES = {
    "llama_lora": ("llama", lora(target_modules="all-linear"), 1e-3, 1),
    "llama_lora_accumulate": ("llama", lora(target_modules="all-linear"), 1e-3, 2),
    "llama_lora_head": ("llama", lora(target_modules=["q_proj", "v_proj"], modules_to_save=["lm_head"]), 1e-3, 1),
    "qwen2_lora_bias": ("qwen2", lora(target_modules=["q_proj", "down_proj"], bias="lora_only"), 1e-3, 1),
    "gpt2_lora": ("gpt2", lora(target_modules=["c_attn", "c_fc", "c_proj"], fan_in_fan_out=True), 1e-2, 1),
    "llama_ia3": ("llama", IA3Config(task_type="CAUSAL_LM"), 1e-2, 1),
    "gpt2_ia3": ("gpt2", IA3Config(task_type="CAUSAL_LM", fan_in_fan_out=True), 1e-2, 2),
    "llama_prompt": ("llama", PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=4), 1e-2, 1),
    "gpt2_prompt": ("gpt2", PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=4), 1e-2, 1),
    "llama_lora_embedding": ("llama", lora(target_modules=["embed_tokens", "lm_head", "q_proj"]), 1e-3, 2),
    "gpt2_lora_embedding": ("gpt2", lora(target_modules=["wte", "wpe", "c_attn"], fan_in_fan_out=True), 1e-3, 1),
    "gpt2_lora_mlp": ("gpt2", lora(target_modules=["c_attn"], modules_to_save=["mlp", "wte", "ln_f"],
                                   fan_in_fan_out=True), 1e-3, 1),
    "llama_lora_mlp": ("llama", lora(target_modules=["q_proj"], modules_to_save=["mlp", "norm"]), 1e-3, 1),
}


def training_rows():
    """Rows of 20 to 40 tokens whose labels are masked unevenly: none, a prompt, most of it, holes."""
    rows = []
    draw = generator(21)
    lengths = torch.randint(20, 41, (12,), generator=draw).tolist()
    for index, ids in enumerate(token_rows(VOCABULARY, lengths, seed=22)):
        labels = list(ids)
        masked = {0: 0, 1: len(ids) // 3, 2: len(ids) - 5, 3: 2}[index % 4]
        labels[:masked] = [-100] * masked
        if index % 4 == 3:
            labels[5::3] = [-100] * len(labels[5::3])
        rows.append({"token_ids": ids, "labels": labels})
    return rows


def trainable_adapter(family, path):
    if not os.path.basename(os.path.dirname(path)).endswith("prompt"):
        return PeftModel.from_pretrained(base_model(family), path, is_trainable=True)
    model = PeftModel.from_pretrained(base_model(family), path)  # PEFT refuses to load a prompt for training
    model.active_peft_config.inference_mode = False
    model.prompt_encoder.requires_grad_(True)
    return model


def loss_sum(model, row):
    """Summed loss of one row and the number of its loss-bearing tokens; labels are shifted by one inside."""
    ids, labels = torch.tensor([row["token_ids"]]), torch.tensor(row["labels"])
    logits = model(input_ids=ids).logits[0, -len(row["token_ids"]):]
    total = torch.nn.functional.cross_entropy(logits[:-1], labels[1:], ignore_index=-100, reduction="sum")
    return total, int((labels[1:] != -100).sum())


def train(model, rows, learning_rate, accumulation):
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=0.0)
    model.train()
    losses, next_row = [], 0
    for _ in range(STEPS):
        parts = [loss_sum(model, rows[(next_row + i) % len(rows)]) for i in range(BATCH * accumulation)]
        next_row += BATCH * accumulation
        loss = sum(part for part, _ in parts) / sum(count for _, count in parts)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def make():
    rows = training_rows()
    place = folder("training")
    with open(os.path.join(place, "rows.jsonl"), "w", encoding="utf-8", newline="\n") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    for index, (case, (family, config, learning_rate, accumulation)) in enumerate(CASES.items()):
        path = folder("training", case, fresh=True)
        save_adapter(random_adapter(family, config, seed=300 + index), os.path.join(path, "start"))
        model = trainable_adapter(family, os.path.join(path, "start"))
        losses = train(model, rows, learning_rate, accumulation)
        save_adapter(model, os.path.join(path, "final"))
        save_json(os.path.join(path, "expected.json"), {
            "versions": VERSIONS, "base": family, "learning_rate": learning_rate, "weight_decay": 0.0,
            "max_grad_norm": 0.0, "batch": BATCH, "accumulation": accumulation, "losses": losses})
        print(f"  {case}: loss {losses[0]:.4f} -> {losses[-1]:.4f}")
