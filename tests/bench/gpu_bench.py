#!/usr/bin/env python3
"""The part of tests/gpu.sh that times: one claim after the other, in the order of importance, each written down at once.

    gpu_bench.py --peft PATH --kernel-bench PATH --results FILE.json --work FOLDER [--device cuda:0] [--shape llama3-8b]
                 [--small SHAPE] [--deadline EPOCH_SECONDS] [--no-peer]

Rows of FILE.json: {"claim", "figure", "floor", "wanted", "passed"}; passed is null where nothing was wanted or run.
"""
import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))


class Late(Exception):
    pass


class Bench:
    def __init__(self, given):
        self.given = given
        self.rows = []
        os.makedirs(given.work, exist_ok=True)

    def left(self):
        return self.given.deadline - time.time() if self.given.deadline else 1e9

    def add(self, claim, figure, wanted=None, floor="", passed=None):
        self.rows.append({"claim": claim, "figure": figure, "wanted": wanted or "", "floor": floor, "passed": passed})
        print(f"{claim}: {figure}" + (f", wanted {wanted}" if wanted else "")
              + ("" if passed is None else ": " + ("pass" if passed else "FAIL")), flush=True)
        with open(self.given.results, "w", encoding="utf-8") as file:
            json.dump(self.rows, file, indent=1)

    def run(self, command, limit=240):
        """(stdout, largest device memory in bytes that the driver showed meanwhile or None)."""
        limit = min(limit, self.left())
        if limit < 5:
            raise Late
        peak, done = [0], threading.Event()

        def watch():
            while not done.wait(0.1):
                answer = subprocess.run(["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits", "-i", "0"],
                                        capture_output=True, text=True, check=False)
                if answer.returncode == 0:
                    peak[0] = max(peak[0], int(answer.stdout.split()[0]) * 2**20)

        watcher = threading.Thread(target=watch) if self.on_gpu() else None
        if watcher:
            watcher.start()
        try:
            answer = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False,
                                    env={**os.environ, "HF_HUB_OFFLINE": "1"})
        finally:
            done.set()
            if watcher:
                watcher.join()
        if answer.returncode != 0:
            raise RuntimeError(f"{os.path.basename(command[0])} ended with {answer.returncode}: "
                               + answer.stderr.strip()[-600:])
        return answer.stdout, peak[0] or None

    def on_gpu(self):
        return not self.given.emulated

    def model(self, shape, storage="bfloat16"):
        folder = os.path.join(self.given.work, f"{shape}_{storage}")
        if not os.path.exists(os.path.join(folder, "config.json")):
            self.run([sys.executable, os.path.join(HERE, "gpu_model.py"), shape, folder, "--storage", storage])
        return folder

    def token_rows(self, shape, length, count):
        path = os.path.join(self.given.work, f"rows_{shape}_{length}.jsonl")
        with open(os.path.join(self.model(shape), "config.json"), encoding="utf-8") as file:
            vocabulary = json.load(file)["vocab_size"]
        numbers = random.Random(7)
        with open(path, "w", encoding="utf-8") as file:
            for _ in range(count):
                file.write(json.dumps({"token_ids": [numbers.randrange(2, vocabulary) for _ in range(length)]}) + "\n")
        return path

    def train(self, folder, rows, length, steps, device, extra=()):
        out = os.path.join(self.given.work, "out")
        adapter = os.path.join(self.given.work, "adapter_" + os.path.basename(folder).split("_")[0])
        start = ["--init-adapter", adapter] if os.path.exists(adapter) else ["--lora-rank", "16", "--lora-alpha", "32"]
        _, peak = self.run([self.given.peft, "train", "--model", folder, "--data", rows, "--output-dir", out, "--overwrite",
                            "--device", device, "--batch-size", "1", "--grad-accum", "1", "--max-steps", str(steps),
                            "--max-seq-length", str(length), "--compute-dtype", "bfloat16", "--learning-rate", "1e-4",
                            "--lr-scheduler", "constant", "--weight-decay", "0", "--max-grad-norm", "0", "--no-shuffle",
                            "--no-append-eos", *start, *extra])
        with open(os.path.join(out, "metrics.jsonl"), encoding="utf-8") as file:
            lines = [line for line in map(json.loads, file) if "loss" in line]
        speeds = [line["tokens_per_second"] for line in lines[2:]] or [lines[-1]["tokens_per_second"]]
        return {"losses": [line["loss"] for line in lines], "speed": statistics.median(speeds), "peak": peak}

    def decode(self, folder, device, count=96):
        speeds = []
        for _ in range(3):
            out, _ = self.run([self.given.peft, "generate", "--model", folder, "--token-ids", "5,6,7,8", "--temperature", "0",
                               "--compute-dtype", "bfloat16", "--device", device, "--max-new-tokens", str(count), "--json"])
            speeds.append(json.loads(out.strip().splitlines()[-1])["tokens_per_second"])
        return statistics.median(speeds)

    # -- claims

    def kernels(self):
        out, _ = self.run([self.given.kernel_bench, self.given.device, "1" if self.given.emulated else "512"])
        result = json.loads(out)
        self.add("copy bandwidth", f"{result['copy_gb_per_second']:.0f} GB/s", floor="4300 GB/s")
        for name, words in (("dequantize_nf4", "NF4 dequantize"), ("rms_norm", "RMS norm"), ("adamw", "AdamW")):
            self.add(words, f"{100 * result[name]:.0f} % of copy bandwidth", ">= 85 %", "100 %", result[name] >= 0.85)

    def train_large(self):
        shape, length = self.given.shape, self.given.length
        folder, rows = self.model(shape), self.token_rows(shape, self.given.length, 8)
        peer = None
        if self.given.peer:
            adapter = os.path.join(self.given.work, f"adapter_{shape}")
            out, _ = self.run([sys.executable, os.path.join(HERE, "gpu_peer.py"), folder, rows, adapter, "--steps", "6"])
            peer = json.loads(out.strip().splitlines()[-1])
        ours = self.train(folder, rows, length, 6, self.given.device)
        self.add(f"{shape} LoRA r16, {length} tokens, bf16", f"{ours['speed']:.0f} tok/s", ">= 16000", "21800",
                 ours["speed"] >= 16000)
        if peer:
            speed = peer["tokens"] / statistics.median(peer["seconds"][2:])
            self.add("beside Transformers + PEFT (sdpa, compiled)", f"{ours['speed'] / speed:.2f}x of {speed:.0f} tok/s",
                     ">= 1.3x", passed=ours["speed"] >= 1.3 * speed)
            apart = max(abs(a - b) / abs(b) for a, b in zip(ours["losses"], peer["losses"]))
            self.add("identical work: losses of 6 steps apart", f"{apart:.1e}", "< 2e-2", passed=apart < 2e-2)

    def decode_large(self):
        for storage, wanted, floor in (("bfloat16", 250, "286"), ("nf4", 600, "925")):
            speed = self.decode(self.model(self.given.shape, storage), self.given.device)
            self.add(f"{self.given.shape} decode, batch 1, {storage}", f"{speed:.0f} tok/s", f">= {wanted}", floor,
                     speed >= wanted)

    def train_quantized(self):
        shape, length = self.given.shape, self.given.length
        ours = self.train(self.model(shape, "nf4"), self.token_rows(shape, length, 8), length, 6, self.given.device)
        self.add(f"{shape} over NF4 with double quantization", f"{ours['speed']:.0f} tok/s", ">= 15000", "20900",
                 ours["speed"] >= 15000)

    def small_beside_cpu(self):
        folder, rows = self.model(self.given.small), self.token_rows(self.given.small, 512, 8)
        gpu = self.train(folder, rows, 512, 6, self.given.device)
        cpu = self.train(folder, rows, 512, 4, "cpu", ["--threads", "2"])
        apart = max(abs(a - b) / abs(b) for a, b in zip(gpu["losses"], cpu["losses"]))
        ratio = gpu["speed"] / cpu["speed"]
        self.add(f"{self.given.small} beside our two-thread CPU run", f"{ratio:.1f}x", ">= 20x", passed=ratio >= 20)
        self.add("losses apart", f"{apart:.1e}", "< 2e-2", passed=apart < 2e-2)

    def memory_large(self):
        folder = self.model(self.given.large, "nf4")
        ours = self.train(folder, self.token_rows(self.given.shape, 2048, 8), 2048, 2, self.given.device,
                          ["--activation-checkpointing"])
        peak = ours["peak"]
        self.add(f"{self.given.large} QLoRA, batch 1 x 2048: peak memory",
                 f"{peak / 1e9:.1f} GB" if peak else "not measured", "< 41 GB", "39.5 GB",
                 peak < 41e9 if peak else None)


def main():
    parser = argparse.ArgumentParser()
    for name in ("peft", "kernel-bench", "results", "work"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--shape", default="llama3-8b")
    parser.add_argument("--large", default="llama3-70b")
    parser.add_argument("--small", default="smollm2-135m")
    parser.add_argument("--length", type=int, default=4096)
    parser.add_argument("--deadline", type=float, default=0)
    parser.add_argument("--emulated", action="store_true", help="on the emulation: tiny shapes, figures mean nothing")
    parser.add_argument("--no-peer", dest="peer", action="store_false")
    given = parser.parse_args()
    if given.emulated:
        given.shape = given.small = given.large = "tiny"
        given.length, given.peer = 32, False
    bench = Bench(given)
    claims = [bench.train_large, bench.decode_large, bench.kernels, bench.small_beside_cpu, bench.train_quantized,
              bench.memory_large]
    failed = False
    for claim in claims:
        try:
            claim()
        except Late:
            bench.add(claim.__name__, "not run: no time was left")
        except (RuntimeError, subprocess.TimeoutExpired, OSError, ValueError, KeyError) as error:
            failed = True
            bench.add(claim.__name__, f"failed: {error}", passed=False)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
