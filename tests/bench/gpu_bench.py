#!/usr/bin/env python3
"""The part of tests/gpu.sh that times: one claim after the other, in the order of importance, each written at once.

    gpu_bench.py --peft PATH --kernel-bench PATH --results FILE.json --work FOLDER [--device cuda:0] [--shape llama3-8b]
                 [--small SHAPE] [--large SHAPE] [--deadline EPOCH_SECONDS] [--only PART ...] [--no-peer] [--emulated]

Rows of FILE.json: {"claim", "figure", "floor", "wanted", "passed"}; passed is null where nothing was wanted or run.
Every row is there in the end, after those that the file had: one without a figure says why.
"""
import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import threading
import time

from gpu_model import SHAPES

HERE = os.path.dirname(os.path.abspath(__file__))
WARM_UP = 3  # steps in which algorithms are chosen and graphs recorded, or a peer compiles


class Late(Exception):
    pass


class Missing(Exception):
    """What cannot be measured here, and why."""


class Bench:
    def __init__(self, given):
        self.given = given
        self.rows, self.earlier = {}, []
        self.ours = None  # the training that a peer's is compared with
        if os.path.exists(given.results):
            with open(given.results, encoding="utf-8") as file:
                self.earlier = json.load(file)
        os.makedirs(given.work, exist_ok=True)

    def left(self):
        return self.given.deadline - time.time() if self.given.deadline else 1e9

    def put(self, claim, figure, passed=None):
        """claim: of CLAIMS."""
        title, wanted, floor = CLAIMS[claim]
        title = title.format(**vars(self.given))
        self.rows[claim] = {"claim": title, "figure": figure, "wanted": wanted, "floor": floor, "passed": passed}
        print(f"{title}: {figure}" + (f", wanted {wanted}" if wanted else "")
              + ("" if passed is None else ": " + ("pass" if passed else "FAIL")), flush=True)
        with open(self.given.results, "w", encoding="utf-8") as file:
            json.dump(self.earlier + list(self.rows.values()), file, indent=1)

    def run(self, command, limit=240, watched=False):
        """(stdout, largest device memory in bytes that the driver showed meanwhile, None unless watched).

        Only runs whose memory is asked for are watched: asking the driver ten times a second disturbs what is timed.
        """
        # The driver and CUDA number GPUs alike then.
        environment = {**os.environ, "HF_HUB_OFFLINE": "1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
        if self.given.libraries and command[0] != sys.executable:
            others = os.environ.get("LD_LIBRARY_PATH")
            environment["LD_LIBRARY_PATH"] = self.given.libraries + (f":{others}" if others else "")
        limit = min(limit, self.left())
        if limit < 5:
            raise Late
        peak, done = [0], threading.Event()
        first_gpu = (os.environ.get("CUDA_VISIBLE_DEVICES") or "0").split(",")[0]

        def watch():
            while not done.wait(0.1):
                answer = subprocess.run(["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits",
                                         "-i", first_gpu], capture_output=True, text=True, check=False)
                if answer.returncode == 0 and answer.stdout.split()[0].isdigit():
                    peak[0] = max(peak[0], int(answer.stdout.split()[0]) * 2**20)

        watcher = threading.Thread(target=watch) if watched and self.on_gpu() else None
        if watcher:
            watcher.start()
        try:
            answer = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False,
                                    env=environment)
        except subprocess.TimeoutExpired:
            if self.left() < 5:
                raise Late from None
            raise
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

    def model(self, shape, storage="bfloat16", adapter=0):
        """A folder with weights, or with an adapter of that rank, made when it is first asked for."""
        folder = os.path.join(self.given.work, f"{shape}_adapter" if adapter else f"{shape}_{storage}")
        if not os.path.exists(os.path.join(folder, "adapter_config.json" if adapter else "config.json")):
            self.run([sys.executable, os.path.join(HERE, "gpu_model.py"), shape, folder, "--storage", storage,
                      "--adapter", str(adapter)])
        return folder

    def token_rows(self, shape, length, count):
        path = os.path.join(self.given.work, f"rows_{shape}_{length}.jsonl")
        vocabulary = SHAPES[shape]["vocab_size"]
        numbers = random.Random(7)
        with open(path, "w", encoding="utf-8") as file:
            for _ in range(count):
                file.write(json.dumps({"token_ids": [numbers.randrange(2, vocabulary) for _ in range(length)]}) + "\n")
        return path

    def train(self, shape, storage, length, steps, device, extra=(), watched=False):
        """Ours, from the adapter that peers start from too; "peak" is the driver's figure where there is one."""
        out = os.path.join(self.given.work, "out")
        text, driver_peak = self.run([
            self.given.peft, "train", "--model", self.model(shape, storage),
            "--data", self.token_rows(shape, length, steps), "--init-adapter", self.model(shape, adapter=16),
            "--output-dir", out, "--overwrite", "--device", device,
            "--batch-size", "1", "--grad-accum", "1", "--max-steps", str(steps), "--max-seq-length", str(length),
            "--compute-dtype", "bfloat16", "--learning-rate", "1e-4", "--lr-scheduler", "constant", "--weight-decay",
            "0", "--max-grad-norm", "0", "--no-shuffle", "--no-append-eos", "--json", *extra],
            watched=watched)
        result = json.loads(text.strip().splitlines()[-1])
        with open(os.path.join(out, "metrics.jsonl"), encoding="utf-8") as file:
            lines = [line for line in map(json.loads, file) if "loss" in line]
        speeds = [line["tokens_per_second"] for line in lines[WARM_UP:] or lines[-1:]]
        return {"losses": [line["loss"] for line in lines], "speed": statistics.median(speeds),
                "peak": driver_peak or result["peak_memory_bytes"],
                "peak_of": "the driver" if driver_peak else "our own count", "estimate": result["estimated_peak_bytes"]}

    def decode(self, shape, storage):
        text, _ = self.run([self.given.peft, "generate", "--model", self.model(shape, storage),
                            "--token-ids", "5,6,7,8", "--temperature", "0", "--ignore-eos",
                            "--compute-dtype", "bfloat16", "--device", self.given.device,
                            "--max-new-tokens", str(self.given.tokens), "--json"])
        return json.loads(text.strip().splitlines()[-1])["tokens_per_second"]

    # -- claims

    def kernels(self):
        text, _ = self.run([self.given.kernel_bench, self.given.device, str(self.given.megabytes)])
        result = json.loads(text)
        self.put("copy", f"{result['copy_gb_per_second']:.0f} GB/s")
        for name in ("dequantize_nf4", "rms_norm", "adamw"):
            self.put(name, f"{100 * result[name]:.0f} % of copy bandwidth", result[name] >= 0.85)
        ratio, one, many = (result["adapters_64"][name] for name in ("ratio", "bytes_of_one", "bytes_of_64"))
        self.put("adapters_64", f"{ratio:.2f} of one adapter; by the weights that are read, {many / 1e6:.1f} MB beside "
                 f"{one / 1e6:.1f} MB, it would be {one / many:.2f}", ratio >= 0.9)

    def train_bf16(self):
        self.ours = self.train(self.given.shape, "bfloat16", self.given.length, self.given.steps, self.given.device)
        self.put("train_bf16", f"{self.ours['speed']:.0f} tok/s", self.ours["speed"] >= 16000)

    def beside_peer(self):
        shape, length, steps = self.given.shape, self.given.length, self.given.steps
        if not self.given.peer:
            raise Missing("not asked for" if self.on_gpu() else "Transformers + PEFT need a GPU")
        ours = self.ours or self.train(shape, "bfloat16", length, steps, self.given.device)
        text, _ = self.run([sys.executable, os.path.join(HERE, "gpu_peer.py"), self.model(shape),
                            self.token_rows(shape, length, steps), self.model(shape, adapter=16),
                            "--steps", str(steps)])
        peer = json.loads(text.strip().splitlines()[-1])
        speed = peer["tokens"] / statistics.median(peer["seconds"][WARM_UP:])
        # Speeds of unequal work say nothing.
        apart = max(abs(a - b) / abs(b) for a, b in zip(ours["losses"], peer["losses"]))
        self.put("beside_peer_losses", f"{apart:.1e}", apart < 2e-2)
        self.put("beside_peer", f"{ours['speed'] / speed:.2f}x of {speed:.0f} tok/s", ours["speed"] >= 1.3 * speed)

    def decode_bf16(self):
        speed = self.decode(self.given.shape, "bfloat16")
        self.put("decode_bf16", f"{speed:.0f} tok/s", speed >= 250)

    def decode_nf4(self):
        speed = self.decode(self.given.shape, "nf4")
        self.put("decode_nf4", f"{speed:.0f} tok/s", speed >= 600)

    def train_nf4(self):
        ours = self.train(self.given.shape, "nf4", self.given.length, self.given.steps, self.given.device)
        self.put("train_nf4", f"{ours['speed']:.0f} tok/s", ours["speed"] >= 15000)

    def small_beside_cpu(self):
        steps, length = self.given.steps, min(self.given.length, 512)
        gpu = self.train(self.given.small, "bfloat16", length, steps, self.given.device)
        cpu = self.train(self.given.small, "bfloat16", length, steps, "cpu", ["--threads", "2"])
        apart = max(abs(a - b) / abs(b) for a, b in zip(gpu["losses"], cpu["losses"]))
        ratio = gpu["speed"] / cpu["speed"]
        self.put("small_beside_cpu", f"{ratio:.1f}x of {cpu['speed']:.0f} tok/s", ratio >= 20)
        self.put("small_losses", f"{apart:.1e}", apart < 2e-2)

    def memory_large(self):
        if self.given.shape != self.given.large:  # makes room
            for storage in ("bfloat16", "nf4"):
                shutil.rmtree(os.path.join(self.given.work, f"{self.given.shape}_{storage}"), ignore_errors=True)
        length = min(self.given.length, 2048)
        ours = self.train(self.given.large, "nf4", length, 2, self.given.device,
                          ["--activation-memory", "offload", "--optimizer-memory", "host",
                           "--embedding-memory", "host"], watched=True)
        peak, estimate = ours["peak"], ours["estimate"]
        self.put("memory_large", f"{peak / 1e9:.2f} GB by {ours['peak_of']}", peak < 41e9)
        self.put("memory_estimate", f"{100 * (estimate / peak - 1):+.1f} %", abs(estimate / peak - 1) <= 0.03)



# Title, wanted, floor: the table that the GPU's module has to fill.
CLAIMS = {
    "copy": ("copy bandwidth", "", "4300 GB/s"),
    "dequantize_nf4": ("NF4 dequantize", ">= 85 %", "100 %"),
    "rms_norm": ("RMS norm", ">= 85 %", "100 %"),
    "adamw": ("AdamW", ">= 85 %", "100 %"),
    "adapters_64": ("a 4096 x 4096 layer over 64 rows in bf16, 64 adapters of rank 16 (f32) beside one", ">= 0.9", ""),
    "train_bf16": ("{shape} LoRA r16, {length} tokens, bf16", ">= 16000 tok/s", "21800 tok/s"),
    "beside_peer_losses": ("{shape}, losses apart from those of Transformers + PEFT", "< 2e-2", ""),
    "beside_peer": ("{shape} beside Transformers + PEFT (sdpa, compiled, adapters in bf16)", ">= 1.3x", ""),
    "decode_bf16": ("{shape} decode, batch 1, bf16", ">= 250 tok/s", "286 tok/s"),
    "decode_nf4": ("{shape} decode, batch 1, NF4", ">= 600 tok/s", "925 tok/s"),
    "train_nf4": ("{shape} LoRA r16 over NF4 with double quantization", ">= 15000 tok/s", "20900 tok/s"),
    "small_beside_cpu": ("{small} beside our two-thread CPU run", ">= 20x", ""),
    "small_losses": ("{small}, losses apart from the CPU's", "< 2e-2", ""),
    "memory_large": ("{large} QLoRA, batch 1 x 2048, layer inputs, moments and embedding on the host: peak memory",
                     "< 41 GB", "39.5 GB"),
    "memory_estimate": ("{large} QLoRA: the estimate beside that peak", "within 3 %", ""),
}
# In the order of importance, what is quick before what is slow; each with the rows that it fills.
PARTS = {
    "kernels": ["copy", "dequantize_nf4", "rms_norm", "adamw", "adapters_64"],
    "train_bf16": ["train_bf16"],
    "decode_bf16": ["decode_bf16"],
    "decode_nf4": ["decode_nf4"],
    "train_nf4": ["train_nf4"],
    "beside_peer": ["beside_peer_losses", "beside_peer"],
    "small_beside_cpu": ["small_beside_cpu", "small_losses"],
    "memory_large": ["memory_large", "memory_estimate"],
}


def main():
    parser = argparse.ArgumentParser()
    for name in ("peft", "kernel-bench", "results", "work"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--libraries", default="", help="folder of what --peft and --kernel-bench load")
    parser.add_argument("--shape", default="llama3-8b", choices=SHAPES)
    parser.add_argument("--large", default="llama3-70b", choices=SHAPES)
    parser.add_argument("--small", default="smollm2-135m", choices=SHAPES)
    parser.add_argument("--length", type=int, default=4096)
    parser.add_argument("--deadline", type=float, default=0)
    parser.add_argument("--only", nargs="+", default=list(PARTS), choices=PARTS)
    parser.add_argument("--emulated", action="store_true", help="on the emulation: tiny shapes, speeds mean nothing")
    parser.add_argument("--no-peer", dest="peer", action="store_false")
    given = parser.parse_args()
    given.steps, given.tokens, given.megabytes = 8, 256, 512
    if given.emulated:
        given.shape = given.small = given.large = "tiny"
        given.length, given.peer, given.steps, given.tokens, given.megabytes = 32, False, 4, 6, 1
    bench = Bench(given)
    failed = False
    for part in given.only:
        reason, passed = "", None
        try:
            getattr(bench, part)()
        except Late:
            reason = "not run: no time was left"
        except Missing as missing:
            reason = f"not measured: {missing}"
        except (RuntimeError, subprocess.TimeoutExpired, OSError, ValueError, KeyError) as error:
            reason, passed, failed = f"failed: {error}", False, True
        for claim in PARTS[part]:
            if claim not in bench.rows:
                bench.put(claim, reason, passed)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
