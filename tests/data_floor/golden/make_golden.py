#!/usr/bin/env python3
"""Makes rows.json and tokenizer.json: what ids and labels rows of data must get, by Transformers and tokenizers
(versions in tests/data/requirements.txt).

    VENV/bin/python make_golden.py [--model SmolLM2-135M-Instruct.Q4_1.gguf]

The tokenizer is a small byte-level BPE with SmolLM2's pre-tokenizer and special tokens. Masks of chats come from
apply_chat_template(return_assistant_tokens_mask=True) with generation marks in the template, masks of the other rows
from the offsets of the tokens. With --model the template is compared with the model's own. Tests never run this.
"""
import argparse
import json
import os

os.environ["HF_HUB_OFFLINE"] = "1"

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

HERE = os.path.dirname(os.path.abspath(__file__))
SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"
TURN = "'<|im_start|>' + m['role'] + '\\n'"
TEMPLATE = (
    "{% for m in messages %}{% if loop.first and m['role'] != 'system' %}"
    "{{ '<|im_start|>system\\n" + SYSTEM + "<|im_end|>\\n' }}{% endif %}"
    "{{ " + TURN + " + m['content'] + '<|im_end|>' + '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}")
MARKED = TEMPLATE.replace(
    "{{ " + TURN + " + m['content'] + '<|im_end|>' + '\\n' }}",
    "{{ " + TURN + " }}{% if m['role'] == 'assistant' %}{% generation %}{{ m['content'] + '<|im_end|>' + '\\n' }}"
    "{% endgeneration %}{% else %}{{ m['content'] + '<|im_end|>' + '\\n' }}{% endif %}")
CORPUS = [
    "turn on the light in the kitchen please and set it to 55 percent", "move three steps to the north now",
    "system user assistant You are a helpful AI assistant", '{"command":"move","direction":"north","steps":20}',
    '{"command":"set_light","room":"kitchen","level":55}', "def f(x):\n    return x + 1\n", "안녕하세요 세계 こんにちは 世界",
    "Below is an instruction that describes a task. Write a response that appropriately completes the request.",
]
CHATS = [
    [("user", "make the kitchen 55 percent bright now."), ("assistant", '{"command":"set_light","level":55}')],
    [("system", "Answer in JSON."), ("user", "go north"), ("assistant", '{"steps":1}'), ("user", "again 12 times"),
     ("assistant", '{"steps":12}')],
    [("user", "안녕 🎉"), ("assistant", "こんにちは 世界! 👩‍🚀\n\n  done ")],
    [("user", "hi"), ("assistant", "")],
    [("assistant", "I speak first"), ("user", "so be it")],
    [("user", "a"), ("assistant", "b"), ("assistant", "c"), ("user", "left open")],
]
PAIRS = [("go north: ", '{"steps":1}'), ("go ", "north"), ("the word is kit", "chen"), ("", "all of it"),
         ("한", "국어 🎉"), ("ends in space ", " begins with space"), ("no answer", "")]
INSTRUCTIONS = [("move three steps", "", "north"), ("Add the numbers.", "1 2 3", "6")]
ALPACA = ("Below is an instruction that describes a task. Write a response that appropriately completes the request."
          "\n\n### Instruction:\n{}\n\n### Response:\n")
ALPACA_INPUT = ("Below is an instruction that describes a task, paired with an input that provides further context. "
                "Write a response that appropriately completes the request.\n\n### Instruction:\n{}\n\n### Input:\n{}"
                "\n\n### Response:\n")
TEXTS = ["turn on the light", "def f(x):\n    return 12345\n", "🎉", "ends with its end<|im_end|>"]


def make_tokenizer():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    tokenizer.train_from_iterator(CORPUS * 4, trainers.BpeTrainer(
        vocab_size=420, special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    return tokenizer


def masked(tokenizer, prompt, answer, eos):
    """Ids of the joined text; a token that holds a byte of the answer bears a loss, and so does the end."""
    encoding = tokenizer.encode(prompt + answer)
    ids, labels = list(encoding.ids), []
    for number, (begin, end) in zip(encoding.ids, encoding.offsets):
        labels.append(number if begin < end and end > len(prompt) else -100)
    if ids[-1:] != [eos]:
        ids, labels = ids + [eos], labels + [eos]
    return ids, labels


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model")
    model = parser.parse_args().model
    tokenizer = make_tokenizer()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<|im_start|>", eos_token="<|im_end|>")
    eos = fast.eos_token_id
    cases = []

    def add(format_name, row, ids, labels, **options):
        cases.append({"format": format_name, "row": row, "options": options, "ids": ids, "labels": labels})

    for chat in CHATS:
        messages = [{"role": role, "content": content} for role, content in chat]
        marked = fast.apply_chat_template(messages, chat_template=MARKED, tokenize=True, return_dict=True,
                                          return_assistant_tokens_mask=True)
        ids, mask = marked["input_ids"], marked["assistant_masks"]
        text = fast.apply_chat_template(messages, chat_template=TEMPLATE, tokenize=False)
        assert ids == fast.encode(text, add_special_tokens=False)
        add("chat", {"messages": messages}, ids, [i if m else -100 for i, m in zip(ids, mask)])
        add("chat", {"messages": messages}, ids, ids, completion_only=False)
        if model:
            import gguf
            field = gguf.GGUFReader(model).fields["tokenizer.chat_template"]
            own = bytes(field.parts[field.data[0]]).decode()
            for prompt in (False, True):
                assert fast.apply_chat_template(messages, chat_template=own, tokenize=False, add_generation_prompt=prompt) \
                    == fast.apply_chat_template(messages, chat_template=TEMPLATE, tokenize=False,
                                                add_generation_prompt=prompt)
    for prompt, answer in PAIRS:
        ids, labels = masked(tokenizer, prompt, answer, eos)
        add("prompt/completion", {"prompt": prompt, "completion": answer}, ids, labels)
        add("prompt/completion", {"prompt": prompt, "completion": answer}, ids, ids, completion_only=False)
    for instruction, given, output in INSTRUCTIONS:
        prompt = ALPACA_INPUT.format(instruction, given) if given else ALPACA.format(instruction)
        ids, labels = masked(tokenizer, prompt, output, eos)
        add("instruction", {"instruction": instruction, "input": given, "output": output}, ids, labels)
    for text in TEXTS:
        ids = tokenizer.encode(text).ids
        add("text", {"text": text}, ids, ids, append_eos=False)
        ids = ids if ids[-1:] == [eos] else ids + [eos]
        add("text", {"text": text}, ids, ids)

    tokenizer.save(os.path.join(HERE, "tokenizer.json"), pretty=False)
    config = {"bos_token": "<|im_start|>", "eos_token": "<|im_end|>", "chat_template": TEMPLATE}
    lines = ",\n".join("  " + json.dumps(case, ensure_ascii=True, separators=(",", ":")) for case in cases)
    with open(os.path.join(HERE, "rows.json"), "w") as file:
        file.write('{"tokenizer_config": %s,\n"rows": [\n%s\n]}\n' % (json.dumps(config), lines))
    print(len(cases), "rows,", tokenizer.get_vocab_size(), "tokens")


if __name__ == "__main__":
    main()
