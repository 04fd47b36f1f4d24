"""Runs of one side each: every run is its own process, measured from outside."""
import json
import os
import resource
import statistics
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
THREADS = 2


class RunError(Exception):
    pass


def run(command, environment=None):
    """(stdout, wall seconds, peak resident bytes as the kernel counted them or None)."""
    pinned = ["taskset", "-c", f"0-{THREADS - 1}"] + command if os.cpu_count() > THREADS else command
    variables = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": str(THREADS), **(environment or {})}
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        process = subprocess.Popen(pinned, stdout=output, stderr=errors, env=variables)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if process.returncode != 0:
            tail = errors.read().decode(errors="replace")[-1500:]
            raise RunError(f"{' '.join(command)}\nended with {process.returncode}:\n{tail}")
        # The kernel starts a child's figure at what its parent had at the fork: it says nothing below that.
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return output.read().decode(), seconds, usage.ru_maxrss * 1024 if usage.ru_maxrss > own else None


def last_object(text):
    return json.loads(text.strip().splitlines()[-1]) if not text.strip().startswith("{\n") else json.loads(text)


class Bench:
    """The files of one benchmark: model, rows, start adapter; and who runs on them."""

    def __init__(self, peft, python, model, cache, steps, dtype="as-stored"):
        self.peft, self.python, self.model, self.cache, self.steps = peft, python, model, cache, steps
        self.dtype = dtype  # of our weights while training; the values are the same
        self.rows = os.path.join(cache, "rows.jsonl")
        self.adapter = os.path.join(cache, "start_adapter")
        self.job = os.path.join(cache, "decode.json")
        self.npm = os.path.join(cache, "npm")

    def has_llama_cpp(self):
        return os.path.exists(os.path.join(self.npm, "package.done"))

    def prepare_adapter(self):
        if not os.path.exists(os.path.join(self.adapter, "adapter_model.safetensors")):
            run([self.python, os.path.join(HERE, "peft_train.py"), "start", self.model, self.adapter])

    def train_peer(self, dtype):
        out, _, peak = run([self.python, os.path.join(HERE, "peft_train.py"), self.model, self.rows, self.adapter,
                            "--dtype", dtype, "--steps", str(self.steps), "--threads", str(THREADS)])
        result = last_object(out)
        return {"losses": result["losses"], "peak": peak,
                "speeds": [result["tokens"] / seconds for seconds in result["seconds"]]}

    def train_flags(self, dtype):
        return ["--model", self.model, "--dtype", self.dtype, "--threads", str(THREADS),
                "--data", self.rows, "--batch-size", "2", "--grad-accum", "1",
                "--max-steps", str(self.steps), "--max-seq-length", "512", "--compute-dtype", dtype,
                "--learning-rate", "1e-3", "--lr-scheduler", "constant", "--weight-decay", "0",
                "--max-grad-norm", "0", "--no-shuffle", "--no-append-eos", "--init-adapter", self.adapter]

    def train_ours(self, dtype):
        with tempfile.TemporaryDirectory(dir=self.cache) as folder:
            _, _, peak = run([self.peft, "train", *self.train_flags(dtype), "--output-dir", folder, "--json"])
            with open(os.path.join(folder, "metrics.jsonl"), encoding="utf-8") as file:
                lines = [line for line in map(json.loads, file) if "loss" in line]
        reported = max(line["peak_memory_bytes"] for line in lines)
        return {"losses": [line["loss"] for line in lines], "peak": peak or reported, "reported_peak": reported,
                "speeds": [line["tokens_per_second"] for line in lines]}

    def estimate(self, dtype):
        out, _, _ = run([self.peft, "estimate", *self.train_flags(dtype), "--json"])
        return last_object(out)["peak_bytes"]

    def score_ours(self, flags, count=4):
        """Mean negative log-likelihood of a token over the first rows."""
        with open(self.rows, encoding="utf-8") as file, tempfile.NamedTemporaryFile("w", dir=self.cache) as some:
            some.writelines(line for _, line in zip(range(count), file))
            some.flush()
            out, _, _ = run([self.peft, "score", "--model", self.model, "--data", some.name, "--json", *flags])
        rows = [json.loads(line) for line in out.splitlines()]
        return sum(row["nll"] for row in rows) / sum(row["count"] - 1 for row in rows)

    def generate_ours(self, prompt, count, activations=None):
        flags = ["--activations", activations] if activations else []
        out, seconds, peak = run([self.peft, "generate", "--model", self.model, "--prompt", prompt,
                                  "--temperature", "0", "--max-new-tokens", str(count), "--json", *flags])
        return last_object(out)["token_ids"], seconds, peak

    def decode_ours(self, prompt, job, activations=None):
        """Tokens a second between a short and a long run, so that loading and prefill are left out."""
        total = job["warm_up"] + job["new_tokens"]
        _, short, _ = self.generate_ours(prompt, job["warm_up"], activations)
        tokens, long, _ = self.generate_ours(prompt, total, activations)
        if len(tokens) < total:
            raise RunError(f"our answer ended after {len(tokens)} of {total} tokens: choose another prompt")
        return {"token_ids": tokens, "tokens_per_second": job["new_tokens"] / (long - short)}

    def decode_transformers(self):
        out, _, _ = run([self.python, os.path.join(HERE, "transformers_decode.py"), self.model, self.job])
        return last_object(out)

    def decode_llama_cpp(self):
        out, _, _ = run(["node", os.path.join(HERE, "llama_cpp_decode.mjs"), self.model, self.job],
                        {"LLAMA_CPP_FOLDER": self.npm})
        return last_object(out)


def summary(values):
    return {"median": statistics.median(values), "low": min(values), "high": max(values)}
