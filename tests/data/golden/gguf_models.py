"""The tiny models of `families` as GGUF files, with the layout that llama.cpp's converter gives them."""
import os

import gguf
import numpy
import torch

from .adapters import base_model
from .common import ROOT, folder, load_causal, logits_of, score_golden, token_rows
from .families import VOCABULARY

LLAMA_NAMES = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
               "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
               "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
               "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"}
GPT2_NAMES = {"ln_1": "attn_norm", "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output", "ln_2": "ffn_norm",
              "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down"}
OUTER = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output",
         "transformer.wte": "token_embd", "transformer.wpe": "position_embd", "transformer.ln_f": "output_norm"}


def rope_order(weight, heads):
    """Hugging Face keeps the two halves of a head's rotation apart; llama.cpp's `llama` wants pairs side by side."""
    return weight.reshape(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


def tensor_name(name):
    stem, kind = name.rsplit(".", 1)
    if stem in OUTER:
        return f"{OUTER[stem]}.{kind}"
    parts = stem.split(".")
    names = GPT2_NAMES if parts[0] == "transformer" else LLAMA_NAMES
    return f"blk.{parts[2]}.{names['.'.join(parts[3:])]}.{kind}"


def add_tokenizer(writer, kind):
    """A minimal vocabulary: special tokens, then bytes or letters."""
    letters = [chr(ord("!") + index) for index in range(VOCABULARY - 5)]
    if kind == "gpt2":
        tokens = ["<unk>", "<s>", "</s>", "\u0120", "\u0120a"] + letters
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre("gpt-2")
        writer.add_token_merges(["\u0120 a"])
    else:
        tokens = ["<unk>", "<s>", "</s>", "\u2581", "\u2581a"] + letters
        writer.add_tokenizer_model("llama")
        writer.add_token_scores([0.0, 0.0, 0.0] + [-float(index) for index in range(VOCABULARY - 3)])
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL]
                           + [gguf.TokenType.NORMAL] * (VOCABULARY - 3))
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)


def stored(array, kind):
    """Bytes and type of one tensor: vectors stay float32, rows that no block fits go as float16."""
    array = numpy.ascontiguousarray(array)
    chosen = gguf.GGMLQuantizationType["F32" if array.ndim == 1 else kind]
    if array.shape[-1] % gguf.GGML_QUANT_SIZES[chosen][0]:
        chosen = gguf.GGMLQuantizationType.F16
    return gguf.quants.quantize(array, chosen), chosen


def write(family, name, kind):
    model = base_model(family)
    config = model.config
    architecture = {"mistral": "llama"}.get(config.model_type, config.model_type)
    writer = gguf.GGUFWriter(os.path.join(ROOT, "gguf_models", name + ".gguf"), architecture)
    writer.add_name(name)
    gpt2 = architecture == "gpt2"
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(4 * config.hidden_size if gpt2 else config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    if gpt2:
        writer.add_layer_norm_eps(config.layer_norm_epsilon)
    else:
        head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        writer.add_head_count_kv(config.num_key_value_heads)
        writer.add_layer_norm_rms_eps(config.rms_norm_eps)
        writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
        if architecture == "qwen3":
            writer.add_key_length(head)
            writer.add_value_length(head)
        if architecture == "llama":
            writer.add_rope_dimension_count(head)
        writer.add_vocab_size(config.vocab_size)
        if config.rope_parameters["rope_type"] == "linear":
            writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
            writer.add_rope_scaling_factor(config.rope_parameters["factor"])
    add_tokenizer(writer, "gpt2" if architecture != "llama" else "llama")
    if not gpt2 and config.rope_parameters["rope_type"] == "llama3":
        inverse = model.model.rotary_emb.inv_freq
        plain = config.rope_parameters["rope_theta"] ** (-torch.arange(0, head, 2) / head)
        writer.add_tensor("rope_freqs.weight", (plain / inverse).float().numpy())
    for name, value in model.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        array = value.float().numpy()
        if gpt2 and array.ndim == 2 and ".h." in name:
            array = array.T  # Conv1D stores [in, out]
        if architecture == "llama" and ".q_proj." in name:
            array = rope_order(array, config.num_attention_heads)
        if architecture == "llama" and ".k_proj." in name:
            array = rope_order(array, config.num_key_value_heads)
        data, data_kind = stored(array, kind)
        writer.add_tensor(tensor_name(name), data, raw_dtype=data_kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return model


@torch.no_grad()
def stored_reference(model, kind):
    """The folder's model with the values that the GGUF file holds."""
    for name, parameter in model.named_parameters():
        transposed = model.config.model_type == "gpt2" and ".h." in name and parameter.dim() == 2
        array = parameter.T if transposed else parameter
        data, data_kind = stored(array.numpy(), kind)
        back = torch.from_numpy(gguf.quants.dequantize(data, data_kind).astype(numpy.float32).reshape(array.shape))
        parameter.copy_(back.T if transposed else back)
    return model


FILES = [("llama", "F32"), ("llama", "F16"), ("llama", "Q8_0"), ("llama_rope_llama3", "F32"),
         ("llama_rope_linear", "F32"), ("mistral", "F32"), ("qwen2", "F32"), ("qwen2", "BF16"), ("qwen3", "F32"),
         ("gpt2", "F32"), ("gpt2", "F16")]


def make():
    place = folder("gguf_models")
    rows = token_rows(VOCABULARY, (24, 40), seed=11)
    for family, kind in FILES:
        name = f"{family}-{kind}"
        model = write(family, name, kind)
        if family == "mistral":  # llama.cpp's `llama` has no sliding window: plain attention
            model.config.sliding_window = None
            for layer in model.model.layers:
                layer.self_attn.sliding_window = None
        reference = stored_reference(model, kind)
        score_golden(os.path.join(place, name + ".golden.safetensors"), reference, rows)
        # Transformers' import takes neither rope scaling nor head size nor GPT-2's positions from the file.
        options = {} if family == "mistral" else {"config": base_model(family).config}
        loaded = load_causal(place, gguf_file=name + ".gguf", **options)
        difference = max(float((logits_of(loaded, row) - logits_of(reference, row)).abs().max()) for row in rows)
        print(f"  {name}: Transformers' import differs by {difference:.2e}")
