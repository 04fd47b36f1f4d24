"""What all topics share: versions, places, seeds, scoring."""
import json
import os
import platform
import shutil
from importlib import metadata

import numpy
import torch
from safetensors.numpy import save_file

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VERSIONS = " ".join([f"{name} {metadata.version(name)}" for name in
                     "torch transformers peft bitsandbytes safetensors tokenizers gguf numpy".split()]
                    + [f"python {platform.python_version()}"])
MAX_FILE, MAX_TOTAL = 1 << 20, 8 << 20

torch.manual_seed(0)
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)


def folder(*parts, fresh=False):
    path = os.path.join(ROOT, *parts)
    if fresh:
        shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path, exist_ok=True)
    return path


def generator(seed):
    return torch.Generator().manual_seed(seed)


def token_rows(vocabulary, lengths, seed):
    draw = generator(seed)
    return [torch.randint(0, vocabulary, (length,), generator=draw).tolist() for length in lengths]


def randomize(model, seed):
    """Random weights of a trained model's scale, so that every term of the forward pass shows in the logits."""
    draw = generator(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            noise = torch.randn(parameter.shape, generator=draw)
            if name.endswith("bias"):
                parameter.copy_(0.2 * noise)
            elif parameter.dim() == 1:
                parameter.copy_(1 + 0.2 * noise)
            elif any(part in name for part in ("embed_tokens", "wte", "wpe", "lm_head")):
                parameter.copy_(0.5 * noise)
            else:
                parameter.copy_(noise / parameter.shape[-1] ** 0.5)
    model.tie_weights()


@torch.no_grad()
def logits_of(model, row):
    """Logits of one row of token ids, float32 [tokens, vocabulary]; a soft prompt's own positions are cut off."""
    model.eval()
    return model(input_ids=torch.tensor([row])).logits[0, -len(row):].float()


def nll_of(logits, row):
    """Summed negative log-likelihood of all tokens after the first, from float32 logits in double precision."""
    log_probability = torch.log_softmax(logits.double(), -1)
    return float(-sum(log_probability[i, row[i + 1]] for i in range(len(row) - 1)))


def save_golden(path, tensors, **metadata_fields):
    arrays = {name: numpy.ascontiguousarray(value) for name, value in tensors.items()}
    save_file(arrays, path, metadata={"versions": VERSIONS, **metadata_fields})
    with open(path, "rb") as file:
        content = file.read()
    size = int.from_bytes(content[:8], "little")  # the library writes its metadata in no fixed order
    header = json.loads(content[8:8 + size])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    with open(path, "wb") as file:
        file.write(content[:8] + json.dumps(header, separators=(",", ":")).encode().ljust(size) + content[8 + size:])


def score_golden(path, model, rows, **metadata_fields):
    """token_ids_N I64 [tokens], logits_N F32 [tokens, vocabulary], nll_N F64 [1] for each row N."""
    tensors = {}
    for index, row in enumerate(rows):
        logits = logits_of(model, row)
        tensors[f"token_ids_{index}"] = numpy.array(row, numpy.int64)
        tensors[f"logits_{index}"] = logits.numpy()
        tensors[f"nll_{index}"] = numpy.array([nll_of(logits, row)], numpy.float64)
        print(f"  {os.path.basename(path)} row {index}: {len(row)} tokens, nll {nll_of(logits, row):.4f}, "
              f"logit std {float(logits.std()):.3f}")
    save_golden(path, tensors, **metadata_fields)
    return tensors


def save_json(path, value):
    """Indented, with every innermost list on one line."""
    import re
    text = json.dumps(value, indent=1, ensure_ascii=False)
    text = re.sub(r"\[[^\[\]{}\"]*\]", lambda match: " ".join(match.group().split()), text)
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write(text + "\n")


def load_causal(path, **options):
    from transformers import AutoModelForCausalLM
    return AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, attn_implementation="eager", **options)


def check_sizes():
    total = 0
    for here, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for name in names:
            size = os.path.getsize(os.path.join(here, name))
            total += size
            assert size <= MAX_FILE, f"{name} has {size} bytes"
    print(f"total {total / 1e6:.2f} MB")
    assert total <= MAX_TOTAL
