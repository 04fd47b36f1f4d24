#!/usr/bin/env python3
"""Trains with Transformers and PEFT on the GPU: LoRA r 16 on all linear layers, bf16 weights, sdpa, torch.compile.

    gpu_peer.py MODEL_FOLDER ROWS.jsonl ADAPTER_FOLDER --steps 8 [--eager] [--float32-adapter]

Both sides start from the adapter. Prints one JSON object: losses and seconds of the steps, tokens a step.
Adapters are bf16, as the base: PEFT's default makes them f32, brings the input of every linear layer to f32 for them
and multiplies without tensor cores.
"""
import argparse
import json
import time

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM


def load(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16, attn_implementation="sdpa",
                                                device_map={"": "cuda:0"})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("rows")
    parser.add_argument("adapter")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    parser.add_argument("--eager", action="store_true", help="without torch.compile")
    parser.add_argument("--float32-adapter", action="store_true", help="PEFT's default, slower")
    given = parser.parse_args()
    torch.manual_seed(1)
    model = PeftModel.from_pretrained(load(given.model), given.adapter, is_trainable=True,
                                      autocast_adapter_dtype=given.float32_adapter)
    with open(given.rows, encoding="utf-8") as file:
        rows = [json.loads(line)["token_ids"] for line in file]
    parameters = [p for p in model.parameters() if p.requires_grad]
    # A version of PEFT that does otherwise would be timed at less than its best.
    assert given.float32_adapter or all(p.dtype == torch.bfloat16 for p in parameters)
    optimizer = torch.optim.AdamW(parameters, lr=given.learning_rate, weight_decay=0.0, fused=True)
    model.train()
    step_model = model if given.eager else torch.compile(model)
    losses, seconds = [], []
    for step in range(given.steps):
        ids = torch.tensor([rows[step]], device="cuda")
        torch.cuda.synchronize()
        started = time.perf_counter()
        loss = step_model(input_ids=ids, labels=ids, use_cache=False).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        torch.cuda.synchronize()
        seconds.append(time.perf_counter() - started)
        losses.append(loss.item())
    print(json.dumps({"losses": losses, "seconds": seconds, "tokens": len(rows[0]),
                      "peak_memory_bytes": torch.cuda.max_memory_allocated()}))


if __name__ == "__main__":
    main()
