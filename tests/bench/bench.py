#!/usr/bin/env python3
"""The benchmark's driver; tests/bench.sh sets its peers up and calls it. Results: stdout and CACHE/result.json."""
import argparse
import json
import os
import random
import subprocess
import sys
import tempfile

from peer_model import smollm_tokenizer
from runs import Bench, RunError, summary

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PARTS = "train bfloat16 memory decode loss start size".split()
WARM_UP_STEPS = 3
PROMPT = "The history of the lighthouse on the northern coast begins"


def processor():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        fields = dict(line.split(":", 1) for line in file.read().split("\n\n")[0].splitlines() if ":" in line)
    fields = {key.strip(): value.strip() for key, value in fields.items()}
    flags = fields.get("flags", "").split()
    found = [name for name in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if name in flags]
    return fields.get("model name", "unknown"), found


def write_rows(path, tokenizer, count, length=512):
    """Rows of exactly `length` tokens from the quick start's sentences, in a different order each."""
    with open(os.path.join(ROOT, "examples/data/train.jsonl"), encoding="utf-8") as file:
        lines = [" ".join(m["content"] for m in json.loads(line)["messages"]) for line in file]
    with open(path, "w", encoding="utf-8") as file:
        for index in range(count):
            random.Random(index).shuffle(lines)
            ids = tokenizer.encode("\n".join(lines[:60])).ids[:length]
            assert len(ids) == length
            file.write(json.dumps({"token_ids": ids}) + "\n")


def say(text=""):
    print(text, flush=True)


def spread(values):
    s = summary(values)
    return f"{s['median']:.1f} ({s['low']:.1f} to {s['high']:.1f})"


class Report:
    def __init__(self):
        self.values, self.failed = {}, []

    def ratio(self, name, ours, theirs, wanted, less_is_better=False):
        ratio = ours / theirs
        if wanted is None:
            self.values[name] = {"ours": ours, "peer": theirs, "ratio": ratio}
            say(f"  {name}: {ratio:.2f}x")
            return
        reached = ratio <= wanted if less_is_better else ratio >= wanted
        self.values[name] = {"ours": ours, "peer": theirs, "ratio": ratio, "wanted": wanted, "reached": reached}
        sign = "<=" if less_is_better else ">="
        say(f"  {name}: {ratio:.2f}x, wanted {sign} {wanted}x: {'reached' if reached else 'NOT REACHED'}")

    def limit(self, name, value, wanted, unit):
        reached = value < wanted
        self.values[name] = {"ours": value, "wanted": wanted, "reached": reached}
        say(f"  {name}: {value:.3g} {unit}, wanted < {wanted:g} {unit}: {'reached' if reached else 'NOT REACHED'}")

    def gate(self, name, passed, detail):
        say(f"  identical work, {name}: {'yes' if passed else 'NO'} ({detail})")
        if not passed:
            self.failed.append(name)
        return passed


def train(bench, report, dtype, repeats, has_amx):
    say(f"training, {dtype}: batch 2 x 512, LoRA r 16 on all linear layers, {bench.steps} steps, {repeats} turns; "
        f"our weights {bench.dtype}")
    ours, peer, peaks = [], [], []
    for turn in range(repeats):
        theirs, mine = bench.train_peer(dtype), bench.train_ours(dtype)
        if turn == 0:
            apart = max(abs(a - b) / abs(b) for a, b in zip(mine["losses"], theirs["losses"], strict=True))
            detail = f"relative difference {apart:.1e}; {theirs['losses'][0]:.4f} to {theirs['losses'][-1]:.4f}"
            limit = 1e-4 if dtype == "float32" else 2e-2
            if not report.gate(f"losses of {bench.steps} steps", apart < limit, detail):
                say(f"    ours {mine['losses']}\n    PEFT {theirs['losses']}")
                return None
        ours += mine["speeds"][WARM_UP_STEPS:]
        peer += theirs["speeds"][WARM_UP_STEPS:]
        peaks.append((mine["peak"], theirs["peak"]))
    say(f"  tokens/s, median and spread: ours {spread(ours)}, PEFT {spread(peer)}")
    wanted = 1.6 if dtype == "float32" else 2.0 if has_amx else None
    report.ratio(f"training {dtype} / PEFT {dtype}", summary(ours)["median"], summary(peer)["median"], wanted)
    if dtype == "float32":
        mine, theirs = (max(column) for column in zip(*peaks))
        say(f"  peak resident memory: ours {mine / 1e9:.3f} GB, PEFT {theirs / 1e9:.3f} GB")
        report.ratio("peak memory", mine, theirs, 0.35, less_is_better=True)
    return summary(ours)["median"], summary(peer)["median"]


def memory(bench, report):
    say("memory: the estimate and the real peak of a training run")
    estimate, result = bench.estimate("float32"), bench.train_ours("float32")
    real = result["peak"]
    say(f"  estimate {estimate / 1e9:.3f} GB, real {real / 1e9:.3f} GB, "
        f"metrics say {result['reported_peak'] / 1e9:.3f} GB")
    report.limit("estimate's error", 100 * abs(estimate - real) / real, 5, "%")


def decode(bench, report, tokenizer, repeats):
    prompt = tokenizer.encode(PROMPT).ids
    job = {"prompt": prompt, "warm_up": 8, "new_tokens": 128, "threads": 2}
    with open(bench.job, "w", encoding="utf-8") as file:
        json.dump(job, file)
    say(f"decode, batch 1, {len(prompt)} tokens of prompt, {job['new_tokens']} new, {repeats} turns")
    runs = {"ours exact": lambda: bench.decode_ours(PROMPT, job),
            "Transformers f32": bench.decode_transformers,
            "ours int8": lambda: bench.decode_ours(PROMPT, job, "int8")}
    if bench.has_llama_cpp():
        runs["llama.cpp"] = bench.decode_llama_cpp
    speeds, tokens = {name: [] for name in runs}, {}
    for _ in range(repeats):
        for name, one in runs.items():
            result = one()
            speeds[name].append(result["tokens_per_second"])
            tokens[name] = result["token_ids"]
    equal = {name: same_start(ids, tokens["Transformers f32"]) for name, ids in tokens.items()}
    report.gate("greedy tokens", equal["ours exact"] >= 16, "leading tokens that equal Transformers': "
                + ", ".join(f"{name} {count}" for name, count in equal.items() if name != "Transformers f32"))
    for name, values in speeds.items():
        say(f"  {name}: {spread(values)} tokens/s")
    middle = {name: summary(values)["median"] for name, values in speeds.items()}
    report.ratio("decode exact / Transformers f32", middle["ours exact"], middle["Transformers f32"], 4.0)
    if "llama.cpp" in middle:
        report.ratio("decode int8 / llama.cpp", middle["ours int8"], middle["llama.cpp"], 1.5)
        report.ratio("decode exact / llama.cpp", middle["ours exact"], middle["llama.cpp"], None)


def same_start(a, b):
    return next((index for index, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))


def loss(bench, report):
    """What the two named options lose: the likelihood of the same rows, exact and rounded."""
    say("loss of the named options: negative log-likelihood per token of the benchmark's first rows")
    exact = bench.score_ours([])
    say(f"  exact: {exact:.5f}")
    for name, flags in (("--compute-dtype bfloat16", ["--compute-dtype", "bfloat16"]),
                        ("--activations int8", ["--activations", "int8"])):
        rounded = bench.score_ours(flags)
        say(f"  {name}: {rounded:.5f} ({100 * (rounded / exact - 1):+.3f} %)")
        report.values[f"loss with {name}"] = {"ours": rounded, "exact": exact, "ratio": rounded / exact}


def start(bench, report, repeats):
    say("GGUF to first token: the whole process of `peft generate --max-new-tokens 1`")
    seconds = [bench.generate_ours(PROMPT, 1)[1] for _ in range(repeats + 1)][1:]
    report.limit("GGUF to first token", summary(seconds)["median"], 1.0, "s")


def size(report):
    library = os.path.realpath(os.path.join(ROOT, "build/libpeft.so"))
    with tempfile.NamedTemporaryFile() as file:
        subprocess.run(["strip", "-o", file.name, library], check=True)
        report.limit("stripped libpeft.so", os.path.getsize(file.name) / 1e6, 12, "MB")


def main():
    parser = argparse.ArgumentParser(prog="tests/bench.sh")
    parser.add_argument("--model", required=True)
    parser.add_argument("--cache", required=True)
    parser.add_argument("--peft", default=os.path.join(ROOT, "build/peft"))
    parser.add_argument("--only", nargs="+", choices=PARTS, help="bfloat16 is left out where the CPU has no bf16 products")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--dtype", default="as-stored", help="of our weights while training (peft train --dtype)")
    arguments = parser.parse_args()
    name, flags = processor()
    say(f"processor: {name}, {os.cpu_count()} threads, {' '.join(flags)}")
    if arguments.only is None:
        arguments.only = [part for part in PARTS if part != "bfloat16" or "avx512_bf16" in flags]
    load = os.getloadavg()[0]
    if load > 0.7:
        say(f"warning: others are at work here (load {load:.1f}): spinning threads suffer most; repeat when quiet")
    bench = Bench(arguments.peft, sys.executable, arguments.model, arguments.cache, arguments.steps,
                  arguments.dtype)
    tokenizer, _ = smollm_tokenizer(arguments.model)
    write_rows(bench.rows, tokenizer, 2 * arguments.steps)
    bench.prepare_adapter()
    report, has_amx = Report(), "amx_bf16" in flags
    try:
        speeds = {}
        for dtype, part in (("float32", "train"), ("bfloat16", "bfloat16")):
            if part in arguments.only:
                speeds[dtype] = train(bench, report, dtype, arguments.repeats, has_amx)
        if has_amx and all(speeds.get(dtype) for dtype in ("float32", "bfloat16")):
            report.ratio("training bfloat16 / PEFT f32", speeds["bfloat16"][0], speeds["float32"][1], 5.0)
        if "memory" in arguments.only:
            memory(bench, report)
        if "decode" in arguments.only:
            decode(bench, report, tokenizer, arguments.repeats)
        if "loss" in arguments.only:
            loss(bench, report)
        if "start" in arguments.only:
            start(bench, report, arguments.repeats)
        if "size" in arguments.only:
            size(report)
    except RunError as error:
        sys.exit(f"bench: {error}")
    with open(os.path.join(arguments.cache, "result.json"), "w", encoding="utf-8") as file:
        json.dump({"processor": name, "flags": flags, "load": load, "results": report.values}, file, indent=1)
    targets = [entry["reached"] for entry in report.values.values() if "reached" in entry]
    say(f"{sum(targets)} of {len(targets)} targets reached on {name}")
    if report.failed:
        sys.exit("bench: not identical work: " + ", ".join(report.failed))


if __name__ == "__main__":
    main()
