#!/usr/bin/env python3
"""Makes the golden files of this folder with the reference stack pinned in requirements.txt.

    python -m venv VENV && VENV/bin/pip install -r requirements.txt
    VENV/bin/python make_golden.py [--model SmolLM2-135M-Instruct.Q4_1.gguf] [TOPIC ...]

Topics: families adapters training targets nf4 optimizer gguf_blocks gguf_models smollm2 (which needs --model).
Seeds are fixed. Tests never run this: the files are committed.
"""
import argparse
import importlib
import os

os.environ["HF_HUB_OFFLINE"] = "1"
TOPICS = "families adapters training targets nf4 optimizer gguf_blocks gguf_models smollm2".split()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("topics", nargs="*", help=" ".join(TOPICS))
    parser.add_argument("--model", help="SmolLM2-135M-Instruct.Q4_1.gguf, for the topic smollm2")
    arguments = parser.parse_args()
    from golden import common
    print("versions:", common.VERSIONS)
    for topic in arguments.topics or TOPICS:
        if topic == "smollm2" and not arguments.model:
            print("smollm2: skipped, no --model")
            continue
        print("==", topic, flush=True)
        module = importlib.import_module("golden." + topic)
        module.make(arguments.model) if topic == "smollm2" else module.make()
    common.check_sizes()


if __name__ == "__main__":
    main()
