"""What the peers' scripts share: SmolLM2 from its GGUF file, its own tokenizer rules, its chat template."""
import os

import gguf
import jinja2
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers


def load_gguf(path, dtype="float32"):
    import torch  # here, because the driver must stay small: a child's peak memory starts at its parent's size
    import transformers
    folder, name = os.path.split(os.path.abspath(path))
    return transformers.AutoModelForCausalLM.from_pretrained(folder, gguf_file=name,
                                                             dtype=getattr(torch, dtype))


def smollm_tokenizer(path):
    """(tokenizers.Tokenizer, template function). Built from the file's own fields, because Transformers' GGUF
    import ignores `tokenizer.ggml.pre`: smollm splits every digit, then byte level."""
    fields = gguf.GGUFReader(path).fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    merges = [tuple(merge.split(" ")) for merge in fields["tokenizer.ggml.merges"].contents()]
    kinds = fields["tokenizer.ggml.token_type"].contents()
    tokenizer = Tokenizer(models.BPE(vocab={token: index for index, token in enumerate(tokens)}, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False)
                                  for token, kind in zip(tokens, kinds) if kind == 3])
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(fields["tokenizer.chat_template"].contents())

    def render(messages, add_generation_prompt=False):
        return template.render(messages=messages, add_generation_prompt=add_generation_prompt)

    return tokenizer, render
