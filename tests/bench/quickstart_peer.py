#!/usr/bin/env python3
"""The quick start's job done by Transformers and PEFT: is the data set learnable, and by what recipe?

    python quickstart_peer.py MODEL.gguf [--epochs 1] [--learning-rate 1e-3] [--batch 4]
"""
import argparse
import json
import math
import os
import random
import time

import torch
from peft import LoraConfig, get_peft_model

from peer_model import load_gguf, smollm_tokenizer

parser = argparse.ArgumentParser()
parser.add_argument("gguf")
parser.add_argument("--epochs", type=int, default=1)
parser.add_argument("--learning-rate", type=float, default=1e-3)
parser.add_argument("--batch", type=int, default=4)
parser.add_argument("--skip-before", action="store_true")
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--rows", type=int, default=480)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--scheduler", default="cosine")
arguments = parser.parse_args()
torch.set_num_threads(arguments.threads)
torch.manual_seed(arguments.seed)
data = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../examples/data")


def rows(name):
    with open(os.path.join(data, name), encoding="utf-8") as file:
        return [[message["content"] for message in json.loads(line)["messages"]] for line in file]


tokenizer, template = smollm_tokenizer(arguments.gguf)


def prompt_ids(text):
    return tokenizer.encode(template([{"role": "user", "content": text}], add_generation_prompt=True)).ids


model = load_gguf(arguments.gguf)
model = get_peft_model(model, LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM"))


@torch.no_grad()
def exact_match(label, at_once=20):
    model.eval()
    right, held_out = 0, rows("test.jsonl")
    for start in range(0, len(held_out), at_once):
        part = held_out[start:start + at_once]
        prompts = [prompt_ids(text) for text, _ in part]
        width = max(map(len, prompts))
        ids = torch.tensor([[2] * (width - len(p)) + p for p in prompts])
        mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts])
        output = model.generate(input_ids=ids, attention_mask=mask, max_new_tokens=40, do_sample=False,
                                eos_token_id=2, pad_token_id=2)[:, width:].tolist()
        for (text, answer), new in zip(part, output):
            got = tokenizer.decode(new, skip_special_tokens=True).strip()
            right += got == answer
            if label == "after" and got != answer:
                print(f"  {text!r}: {got!r} instead of {answer!r}")
    print(f"{label}: exact match {100 * right / len(held_out):.1f} %", flush=True)


examples = []
for text, answer in rows("train.jsonl")[:arguments.rows]:
    head, tail = prompt_ids(text), tokenizer.encode(answer + "<|im_end|>\n").ids
    examples.append((head + tail, [-100] * len(head) + tail))
print("tokens in one epoch:", sum(len(ids) for ids, _ in examples),
      "loss-bearing:", sum(sum(label != -100 for label in labels) for _, labels in examples))
if not arguments.skip_before:
    exact_match("before")
optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=arguments.learning_rate,
                              weight_decay=0.0)
steps = arguments.epochs * math.ceil(len(examples) / arguments.batch)
warm_up = max(1, steps // 20)
step, started, tokens = 0, time.time(), 0
model.train()
for epoch in range(arguments.epochs):
    random.Random(epoch).shuffle(examples)
    for start in range(0, len(examples), arguments.batch):
        batch = examples[start:start + arguments.batch]
        width = max(len(ids) for ids, _ in batch)
        ids = torch.tensor([i + [2] * (width - len(i)) for i, _ in batch])
        mask = torch.tensor([[1] * len(i) + [0] * (width - len(i)) for i, _ in batch])
        labels = torch.tensor([l + [-100] * (width - len(l)) for _, l in batch])
        decay = 0.5 * (1 + math.cos(math.pi * max(0, step - warm_up) / max(1, steps - warm_up)))
        if arguments.scheduler == "linear":
            decay = 1 - max(0, step - warm_up) / max(1, steps - warm_up)
        elif arguments.scheduler == "constant":
            decay = 1
        for group in optimizer.param_groups:
            group["lr"] = arguments.learning_rate * min(1.0, (step + 1) / warm_up) * decay
        loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step, tokens = step + 1, tokens + int(mask.sum())
        if step % 10 == 0:
            speed = tokens / (time.time() - started)
            print(f"step {step}/{steps} loss {loss.item():.4f} {speed:.0f} tokens/s", flush=True)
print(f"trained on {tokens} tokens in {time.time() - started:.0f} s")
exact_match("after")
