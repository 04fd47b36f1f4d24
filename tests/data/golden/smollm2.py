"""The real SmolLM2-135M-Instruct (GGUF, Q4_1): token ids, likelihoods, greedy chat answers."""
import os
import sys

import torch

from .common import ROOT, VERSIONS, folder, logits_of, nll_of, save_json

sys.path.insert(0, os.path.join(ROOT, "..", "bench"))
from peer_model import load_gguf, smollm_tokenizer  # noqa: E402

SCORED = {
    "english": "The lighthouse keeper counted 12 ships in 1987, but only three of them ever came back to the harbor.",
    "code": "def mean(values):\n    total = 0.0\n    for v in values:\n        total += v  # sum\n    return total / len(values)\n",
    "c": "#include <stdio.h>\nint main(void) {\n\tprintf(\"%d\\n\", 0x1F << 2);\n\treturn 0;\n}\n",
    "korean": "\uc548\ub155\ud558\uc138\uc694. \uc624\ub298 \ub0a0\uc528\uac00 \uc815\ub9d0 \uc88b\ub124\uc694! 2024\ub144 3\uc6d4 5\uc77c\uc785\ub2c8\ub2e4.",
    "japanese": "\u543e\u8f29\u306f\u732b\u3067\u3042\u308b\u3002\u540d\u524d\u306f\u307e\u3060\u7121\u3044\u3002\u30c6\u30b9\u30c8\uff11\uff12\uff13\u3068456\u3002",
    "emoji": "Great job \U0001f44d\U0001f3fd! \U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 went to \U0001f1f0\U0001f1f7 \u2764\ufe0f\u200d\U0001f525 100%",
    "white_space": "  two  spaces\t\ttabs\n\n\nthree lines \r\n windows\u00a0hard\u2003wide\u3000ideographic  \n",
    "numbers": "3.14159, 1,000,000 and 2^64 = 18446744073709551616; 0xDEADBEEF, 1e-10, 50% \u00bd \u00b2 \u0664\u0662",
    "mixed": "Na\u00efve caf\u00e9 \u2014 \u00fcber\u00adlong e\u0301 \ufb01ne, \u0440\u0443\u0441\u0441\u043a\u0438\u0439 \u0442\u0435\u043a\u0441\u0442, \u05e9\u05dc\u05d5\u05dd, \u0645\u0631\u062d\u0628\u0627, I'm you're THEY'LL don't",
    "chat": "<|im_start|>user\nName a color.<|im_end|>\n<|im_start|>assistant\nBlue.<|im_end|>\n",
}
TOKENIZED = ["", " ", "  ", "a", " a", "\n", "\n\n \n", "1", "12345", "a1b2c3", " 7 8 9", "it's 5 o'clock", "'s't're've'm'll'd",
             "\u0000\u0001\u007f", "\ufeffBOM", "\ufffd", "\U0001f600" * 5, "x" * 60, " " * 40 + "end", "\t" * 9,
             "https://example.org/a?b=c&d=1#e", "<|im_end|>", "text <|endoftext|> text", "<|im_start|><|im_end|>",
             "<|im_start |>", "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35", "\u0928\u092e\u0938\u094d\u0924\u0947", "\u4f60\u597d\uff0c\u4e16\u754c",
             "\u1112\u1161\u11ab", "\u212b \u00c5 A\u030a", "{\"a\":[1,2,{\"b\":null}]}", "SELECT * FROM t WHERE id=42;",
             "CamelCaseWord snake_case_word kebab-case-word", "\u2460\u2461\u2462 \u2163 \u00bc", "$100.00 \u20ac50 \u00a330",
             "end with space ", "a\u200bb\u200dc", "\u202eright to left\u202c"]
CHATS = [
    [{"role": "user", "content": "What is the capital of France?"}],
    [{"role": "user", "content": "Tell me about the moon."}],
    [{"role": "system", "content": "You answer in one word."}, {"role": "user", "content": "Is ice cold?"},
     {"role": "assistant", "content": "Yes."}, {"role": "user", "content": "Is fire cold?"}],
]
NEW_TOKENS = 24


@torch.no_grad()
def greedy(model, prompt):
    """Greedy continuation, and the smallest gap between the best two logits on the way."""
    new, gap, past, step = [], float("inf"), None, list(prompt)
    while len(new) < NEW_TOKENS and new[-1:] != [2]:
        output = model(input_ids=torch.tensor([step]), past_key_values=past, use_cache=True)
        best = torch.topk(output.logits[0, -1], 2)
        gap = min(gap, float(best.values[0] - best.values[1]))
        new.append(int(best.indices[0]))
        past, step = output.past_key_values, new[-1:]
    return new, gap


def make(path):
    tokenizer, template = smollm_tokenizer(path)
    model = load_gguf(path)
    scored, chats = [], []
    for name, text in SCORED.items():
        ids = tokenizer.encode(text).ids
        assert tokenizer.decode(ids, skip_special_tokens=False) == text, name
        logits = logits_of(model, ids)
        scored.append({"name": name, "text": text, "token_ids": ids, "count": len(ids), "nll": nll_of(logits, ids)})
        print(f"  {name}: {len(ids)} tokens, nll {scored[-1]['nll']:.5f}")
    for messages in CHATS:
        rendered = template(messages, add_generation_prompt=True)
        prompt = tokenizer.encode(rendered).ids
        new, gap = greedy(model, prompt)
        text = tokenizer.decode(new, skip_special_tokens=True)
        chats.append({"messages": messages, "rendered": rendered, "prompt_token_ids": prompt, "token_ids": new,
                      "text": text, "smallest_gap": gap})
        print(f"  {messages[-1]['content']!r} -> {text!r} ({len(new)} tokens, smallest gap {gap:.3f})")
    save_json(os.path.join(folder("smollm2"), "smollm2.json"), {
        "versions": VERSIONS, "model": os.path.basename(path), "scored": scored, "chats": chats,
        "tokenized": [{"text": text, "token_ids": tokenizer.encode(text).ids} for text in TOKENIZED]})
