"""bitsandbytes NF4: codes, block maxima, nested statistics of matrices with awkward values; a 4-bit model."""
import os

import numpy
import torch
from bitsandbytes.nn import Linear4bit
from bitsandbytes.functional import dequantize_4bit, get_4bit_type, quantize_4bit
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, LlamaConfig

from .common import ROOT, folder, generator, load_causal, logits_of, randomize, save_golden, score_golden, token_rows


def ties(draw):
    """Every midpoint of neighbouring code values and its two nearest floats, scaled by a block maximum of 1."""
    codes = get_4bit_type("nf4", device="cpu").float()
    middle = ((codes[:-1].double() + codes[1:].double()) / 2).float()
    below, above = (torch.nextafter(middle, torch.tensor(side)) for side in (-2.0, 2.0))
    values = torch.cat([torch.stack([below, middle, above], 1).flatten(), torch.tensor([1.0]), codes])
    values = torch.cat([values, torch.zeros(64 - values.numel() % 64)])
    scales = 2.0 ** torch.arange(-4, 4).repeat_interleave(values.numel())  # powers of two keep the ties exact
    return (values.repeat(8) * scales).reshape(-1, 64)


def matrices():
    draw = generator(31)
    normal = lambda *shape: torch.randn(*shape, generator=draw)
    zeros = normal(32, 64)
    zeros[3:7] = 0
    magnitudes = normal(32, 64) * 10.0 ** torch.linspace(-30, 30, 32)[:, None]
    negative = -normal(16, 64).abs()
    return {
        "plain_64x64": normal(64, 64) * 0.05,
        "blocks_cross_rows_96x160": normal(96, 160) * 0.02,
        "odd_rows_33x64": normal(33, 64),
        "last_block_short_7x50": normal(7, 50),
        "odd_count_3x33": normal(3, 33),
        "ties": ties(draw),
        "zero_blocks": zeros,
        "magnitudes": magnitudes,
        "negative": negative,
        "one_value_64x64": torch.full((64, 64), 0.3),
        "many_blocks_128x200": normal(128, 200) * torch.rand(128, 1, generator=draw),
    }


def quantized(prefix, values):
    tensors = {f"{prefix}.values": values.numpy()}
    packed, state = quantize_4bit(values, blocksize=64, compress_statistics=False, quant_type="nf4")
    tensors[f"{prefix}.codes"] = packed.flatten().numpy()
    tensors[f"{prefix}.absmax"] = state.absmax.numpy()
    tensors[f"{prefix}.dequantized"] = dequantize_4bit(packed, state).numpy()
    tensors["quant_map"] = state.code.numpy()
    packed, state = quantize_4bit(values, blocksize=64, compress_statistics=True, quant_type="nf4")
    assert (packed.flatten().numpy() == tensors[f"{prefix}.codes"]).all()
    tensors[f"{prefix}.nested_codes"] = state.absmax.numpy()
    tensors[f"{prefix}.nested_absmax"] = state.state2.absmax.numpy()
    tensors[f"{prefix}.nested_offset"] = numpy.array([state.offset.item()], numpy.float32)
    tensors[f"{prefix}.nested_dequantized"] = dequantize_4bit(packed, state).numpy()
    tensors["nested_quant_map"] = state.state2.code.numpy()
    assert state.state2.blocksize == 256
    return tensors


def make():
    place = folder("nf4")
    tensors = {}
    for name, values in matrices().items():
        tensors.update(quantized(name, values.contiguous()))
    for half, short in ((torch.bfloat16, "bfloat16"), (torch.float16, "float16")):  # statistics stay float32
        values = (torch.randn(32, 64, generator=generator(32)) * 0.05).to(half)
        packed, state = quantize_4bit(values, blocksize=64, compress_statistics=False, quant_type="nf4")
        tensors[f"{short}.values_as_float32"] = values.float().numpy()
        tensors[f"{short}.codes"] = packed.flatten().numpy()
        tensors[f"{short}.absmax"] = state.absmax.numpy()
        tensors[f"{short}.dequantized_as_float32"] = dequantize_4bit(packed, state).float().numpy()
    save_golden(os.path.join(place, "nf4.golden.safetensors"), tensors)
    for name in matrices():
        value, back = tensors[name + ".values"], tensors[name + ".dequantized"]
        error = numpy.abs(value - back).max() / max(numpy.abs(value).max(), 1e-38)
        print(f"  {name}: {tensors[name + '.absmax'].size} blocks, relative error {error:.3f}")
    make_model()


def make_model():
    """A tiny Llama whose linear layers Transformers stored as NF4 with double quantization."""
    config = LlamaConfig(vocab_size=96, hidden_size=64, intermediate_size=192, num_hidden_layers=2,
                         num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=256, bos_token_id=1,
                         eos_token_id=2, rms_norm_eps=1e-5, tie_word_embeddings=False,
                         rope_parameters=dict(rope_type="default", rope_theta=10000.0))
    model = AutoModelForCausalLM.from_config(config).float()
    randomize(model, seed=33)
    plain = folder("nf4", "llama_float32", fresh=True)
    model.save_pretrained(plain)
    rows = token_rows(96, (24, 40), seed=34)
    score_golden(os.path.join(ROOT, "nf4", "llama_float32.golden.safetensors"), load_causal(plain), rows)
    for name, nested in (("llama_nf4_double", True), ("llama_nf4", False)):
        path = folder("nf4", name, fresh=True)
        quantization = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4",
                                          bnb_4bit_use_double_quant=nested, bnb_4bit_compute_dtype=torch.float32)
        load_causal(plain, quantization_config=quantization, device_map="cpu").save_pretrained(path)
        loaded = load_causal(path, device_map="cpu")
        reference = dequantized(loaded, load_causal(plain))
        score_golden(os.path.join(ROOT, "nf4", name + ".golden.safetensors"), reference, rows)
        difference = (logits_of(loaded, rows[0]) - logits_of(reference, rows[0])).abs().max()
        print(f"  {name}: bitsandbytes' own CPU product differs by {float(difference):.2e}")


def dequantized(quantized_model, plain_model):
    """The plain model with bitsandbytes' dequantized weights: float32 arithmetic on the stored codes.
    (bitsandbytes' own product on a CPU may round to bfloat16.)"""
    for name, module in quantized_model.named_modules():
        if isinstance(module, Linear4bit):
            state = module.weight.quant_state
            plain_model.get_submodule(name).weight.data = dequantize_4bit(module.weight.data, state).float()
    return plain_model
