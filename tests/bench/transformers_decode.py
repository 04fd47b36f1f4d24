#!/usr/bin/env python3
"""Greedy decode of Transformers in float32 with its key/value cache: transformers_decode.py MODEL.gguf JOB.json

JOB as for llama_cpp_decode.mjs. Prints one JSON object.
"""
import json
import sys
import time

import torch

from peer_model import load_gguf

path = sys.argv[1]
with open(sys.argv[2], encoding="utf-8") as file:
    job = json.load(file)
torch.set_num_threads(job["threads"])
model = load_gguf(path).eval()
tokens, past, step, started = [], None, torch.tensor([job["prompt"]]), 0.0
with torch.inference_mode():
    for index in range(job["warm_up"] + job["new_tokens"]):
        if index == job["warm_up"]:
            started = time.perf_counter()
        output = model(input_ids=step, past_key_values=past, use_cache=True, logits_to_keep=1)
        past, step = output.past_key_values, output.logits[:, -1:].argmax(-1)
        tokens.append(int(step))
print(json.dumps({"token_ids": tokens, "tokens_per_second": job["new_tokens"] / (time.perf_counter() - started)}))
