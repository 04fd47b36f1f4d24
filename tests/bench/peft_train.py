#!/usr/bin/env python3
"""Trains with Transformers and PEFT, or makes the adapter from which everybody starts.

    peft_train.py start MODEL.gguf ADAPTER_FOLDER                          r 16, alpha 32, all linear layers
    peft_train.py MODEL.gguf ROWS.jsonl ADAPTER_FOLDER --dtype float32 --steps 10 --batch 2

Prints one JSON object: the loss of every step, seconds of every step, tokens a step, peak resident bytes.
"""
import argparse
import json
import sys
import time

import torch
from peft import LoraConfig, PeftModel, get_peft_model

from peer_model import load_gguf


def start_adapter(gguf, folder):
    torch.manual_seed(1)
    model = get_peft_model(load_gguf(gguf), LoraConfig(r=16, lora_alpha=32, lora_dropout=0.0, task_type="CAUSAL_LM",
                                                       target_modules="all-linear"))
    with torch.no_grad():  # not zero, or the first gradients of A would be
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0, 0.005)
    model.save_pretrained(folder)


def peak_resident_bytes():
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))


def train(arguments):
    torch.set_num_threads(arguments.threads)
    base = load_gguf(arguments.gguf, arguments.dtype)
    model = PeftModel.from_pretrained(base, arguments.adapter, is_trainable=True)  # the adapter stays float32
    with open(arguments.rows, encoding="utf-8") as file:
        rows = [json.loads(line)["token_ids"] for line in file]
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=arguments.learning_rate, weight_decay=0.0)
    model.train()
    losses, seconds = [], []
    for step in range(arguments.steps):
        ids = torch.tensor(rows[step * arguments.batch:(step + 1) * arguments.batch])
        started = time.perf_counter()
        loss = model(input_ids=ids, labels=ids, use_cache=False).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        seconds.append(time.perf_counter() - started)
        losses.append(loss.item())
        speed = ids.numel() / seconds[-1]
        print(f"step {step + 1} loss {losses[-1]:.6f} {speed:.1f} tokens/s", file=sys.stderr, flush=True)
    print(json.dumps({"losses": losses, "seconds": seconds, "tokens": ids.numel(),
                      "peak_memory_bytes": peak_resident_bytes()}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["start"]:
        start_adapter(*sys.argv[2:4])
        sys.exit()
    parser = argparse.ArgumentParser()
    parser.add_argument("gguf")
    parser.add_argument("rows")
    parser.add_argument("adapter")
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"])
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    train(parser.parse_args())
