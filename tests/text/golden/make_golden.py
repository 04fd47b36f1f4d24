"""Makes the golden files of this folder with the reference stack; never run by the build or by the tests.

    python make_golden.py SHARED_DATA SMOLLM2.gguf

Versions: tokenizers 0.23.3, transformers 5.23.0, sentencepiece 0.2.3, gguf 0.19.0, Jinja2 3.1.6 (Python 3.11).
"""

import json
import random
import sys
from pathlib import Path

import sentencepiece
from gguf import GGUFReader
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers.integrations.gguf.gguf_tokenizer_mapping import GGUF_PRE_TOKENIZER_SPLITS
from transformers.utils.chat_template_utils import render_jinja_template

HERE = Path(__file__).parent

TEXTS = {
    "empty": "",
    "english": "Hello, world! It's 10 o'clock; we'll see what they've done, won't we? I'D say \"no\"...",
    "code": 'def f(x):\n\tif x >= 0x1F and not x % 3:\n        return {"a": [1, 2.5e-3], "b": None}  # why?\n',
    "korean": "안녕하세요, 세계! 오늘은 날씨가 좋네요. 2024년 3월 1일 ㅋㅋㅋ",
    "japanese": "これはテストです。東京は日本の首都です、ｶﾀｶﾅもある。１２３",
    "chinese": "你好，世界！我们去吃饭吧。𠮷野家",
    "cyrillic": "Привет, мир! Ёлка — «дерево».",
    "arabic": "مرحبا بالعالم، كيف الحال؟ ١٢٣",
    "emoji": "👩‍👩‍👧‍👦 family, 🏳️‍🌈 flag, 👍🏽 skin, 🇰🇷 country, e\u0301 combining",
    "spaces": "  two   three\t\ttabs \n\n  lines\r\n \u00a0nbsp\u2003em\u3000wide\u200bzero \u2028line\x85next  ",
    "digits": "0 00 007 1234567890 3.14159 1,000,000 ½ ² Ⅷ ٣",
    "nul": "a\x00b\x00\x00c",
    "controls": "\x01\x02\x1f\x7f\x80\x9f\ufeff\ufffd\uffff\U0010ffff",
    "composed": "\u00e9 e\u0301 \uac00 \u1100\u1161 \u212b \u0041\u030a",
    "specials": "<|endoftext|>a<|im_start|>user\nhi<|im_end|>\n </s><s> <unk><|padding|>",
    "apostrophes": "I'm you're he's we'll they'd I've don't 'S 'LL 'ſ",
    "long word": "a" * 300 + "b" * 77 + "é" * 50,
    "signs": "!!! ??? --- === ### $$$ %^&*()_+{}|:\"<>?~`[]\\;',./ \n\n\n!!!\n///\n",
}
LONG = {"run of spaces": (" ", 20000), "run of spaces and a word": (" ", 1000001), "run of one letter": ("a", 5000)}


def random_texts(count):
    rng = random.Random(20240607)
    pool = list("abcdefgXYZ 0123456789 .,;!?'\n\t-_()[]{}/\\\"  ") + [
        "the", " and", "ing", "tion", " of", "  ", "\n\n", "'s", "'ll", "é", "ß", "ñ", "한", "국", "日", "本", "の",
        "д", "ю", "ع", "ا", "😀", "👍🏽", "\u0301", "\u200d", "\u00a0", "½", "１", "Ａ", "\r\n", "<s>", "▁", " ▁",
    ]  # fmt: skip
    return ["".join(rng.choice(pool) for _ in range(rng.randrange(1, 40))) for _ in range(count)]


def runs(ids):
    """Ids as [id, count] pairs: long runs stay small."""
    result = []
    for id in ids:
        if result and result[-1][0] == id:
            result[-1][1] += 1
        else:
            result.append([id, 1])
    return result


def cases(encode, decode, with_runs=True):
    texts = [*TEXTS.values(), *random_texts(150)]
    result = {"texts": [{"text": text, "ids": encode(text), "decoded": decode(encode(text))} for text in texts]}
    result["runs"] = []
    if with_runs:
        for piece, count in LONG.values():
            tail = "x" if count % 2 else ""
            result["runs"].append(
                {"piece": piece, "count": count, "tail": tail, "ids": runs(encode(piece * count + tail))}
            )
    return result


def of_tokenizer(tokenizer, **options):
    encode = lambda text: tokenizer.encode(text, add_special_tokens=True).ids
    return cases(encode, lambda ids: tokenizer.decode(ids, skip_special_tokens=False), **options)


def write(name, value):
    path = HERE / f"{name}.json"
    path.write_text(json.dumps(value, ensure_ascii=True, separators=(",", ":")) + "\n")
    print(path, path.stat().st_size)


def gguf_fields(path):
    fields = GGUFReader(path).fields
    return {key: field.contents() for key, field in fields.items() if key.startswith("tokenizer.")}


def smollm2(path):
    """Built from the vocabulary alone, not through any converter."""
    fields = gguf_fields(path)
    tokens = fields["tokenizer.ggml.tokens"]
    merges = [tuple(merge.split(" ")) for merge in fields["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE({token: id for id, token in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    types = fields["tokenizer.ggml.token_type"]
    tokenizer.add_special_tokens([AddedToken(t, normalized=False) for t, kind in zip(tokens, types) if kind == 3])
    return of_tokenizer(tokenizer)


def with_pre_tokenizer(gpt2_json, name):
    """GPT-2's vocabulary behind another family's pre-tokenizer."""
    source = json.loads(Path(gpt2_json).read_text())["model"]
    merges = [tuple(merge.split(" ")) for merge in source["merges"]]
    tokenizer = Tokenizer(models.BPE(source["vocab"], merges, ignore_merges=name in ("llama-bpe", "tekken")))
    split = GGUF_PRE_TOKENIZER_SPLITS[name]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(split), "isolated"), pre_tokenizers.ByteLevel(False, use_regex=False)]
    )
    if name == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
    tokenizer.decoder = decoders.ByteLevel()
    return of_tokenizer(tokenizer)


def llama2(model):
    processor = sentencepiece.SentencePieceProcessor(model_file=str(model))
    # Texts of control tokens are plain text to SentencePiece and tokens to everybody else.
    result = cases(processor.encode, processor.decode)
    result["texts"] = [case for case in result["texts"] if "<s>" not in case["text"] and "<unk>" not in case["text"]]
    return result


USER = {"role": "user", "content": "What is 2+2?"}
SYSTEM = {"role": "system", "content": " You are  helpful.\n"}
ANSWER = {"role": "assistant", "content": "4, of course."}
MORE = {"role": "user", "content": "Träume 'n \"quotes\" <b>&amp;</b> 한국 👍"}
CALL = {"role": "assistant", "content": None, "tool_calls": [{"type": "function", "function": {
    "name": "weather", "arguments": {"city": "Zürich", "days": 3, "exact": True, "limit": None, "ratio": 1e-07}}}]}
TOOLS = [{"type": "function", "function": {"name": "weather", "description": "A \"forecast\"", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer", "default": 1.0}}}}}]

CHATML = """{% for message in messages %}
{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}
{% endfor %}
{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"""

TEMPLATES = {
    "chatml": CHATML,
    "marked": CHATML.replace("{{ '<|im_start|>' + message", "{%- generation -%}{{ '<|im_start|>' + message").replace(
        "{% endfor", "{%- endgeneration -%}{% endfor"),
    "headers": """{{- bos_token }}
{%- if messages[0].role == 'system' %}
    {%- set system = messages[0]['content'] | trim %}
    {%- set rest = messages[1:] %}
{%- else %}
    {%- set system = '' %}
    {%- set rest = messages %}
{%- endif %}
{{- '<|start|>system<|end|>\n\n' + system + '<|eot|>' }}
{%- for message in rest %}
    {%- if loop.index0 % 2 == 0 and message.role not in ['user', 'tool'] %}
        {{- raise_exception('roles must alternate, turn ' ~ loop.index) }}
    {%- endif %}
    {{- '<|start|>' ~ message.role ~ '<|end|>\n\n' ~ (message.content or '') | trim ~ '<|eot|>' }}
    {%- if loop.last and add_generation_prompt %}
        {{- '<|start|>assistant<|end|>\n\n' }}
    {%- endif %}
{%- endfor %}""",
    "tools": """{%- if tools %}
    {{- '# Tools\n' }}
    {%- for tool in tools %}
        {{- tool | tojson }}
        {{- '\n' }}
        {{- tool.function | tojson(indent=4) }}
        {{- '\n' }}
        {%- for key, value in tool.function.parameters.properties.items() %}
            {{- key + ': ' + value.type + (' =' + value.default | string if value.default is defined else '') + '; ' }}
        {%- endfor %}
    {%- endfor %}
{%- endif %}
{%- for message in messages %}
    {%- if message.tool_calls %}
        {%- for call in message.tool_calls %}
            {%- if call.function is defined %}{%- set call = call.function %}{%- endif %}
            {{- '<call>' ~ call.name ~ ' ' ~ call.arguments | tojson ~ '</call>' }}
            {{- call.arguments }}
        {%- endfor %}
    {%- elif message.content is string %}
        {{- message.content | tojson }}
    {%- endif %}
{%- endfor %}""",
    "methods": """{%- macro show(name, value='-') %}[{{ name }}={{ value }}]{% endmacro %}
{%- set ns = namespace(found=false, count=0) %}
{%- for message in messages %}
    {%- if message.content and not ns.found and message.content.startswith('What') %}
        {%- set ns.found = true %}
    {%- endif %}
    {%- set ns.count = ns.count + 1 %}
{%- endfor %}
{{- show('found', ns.found) + show('count', ns.count) + show('none', none) + show('half', 1 / 2) }}
{{- show('split', 'a,b,,c'.split(',')) + show('strip', '  x '.strip()) + show('r', 'xxaxx'.rstrip('x')) }}
{{- show('upper', 'straße'.upper()) + show('title', 'hello world'.title()) + show('get', {'a': 1}.get('b', 7)) }}
{{- show('replace', 'aXbX'.replace('X', '--')) + show('find', 'abc'.find('c')) + show('ends', 'abc'.endswith('bc')) }}
{{- show('slice', 'abcdef'[1:4]) + show('back', [1, 2, 3][::-1]) + show('last', messages[-1].role) + show('join', ['a', 'b']|join('+')) }}
{{- show('list', messages | map(attribute='role') | list) + show('length', messages | length) + show('dict', {'k': [true, 'it\\'s', 2.0]}) }}
{{- show('select', messages | selectattr('role', 'equalto', 'user') | list | length) + show('default', missing | default('d')) }}
{{- show('range', range(2, 9, 3) | list) + show('in', 'b' in 'abc') + show('test', messages is iterable) + show() if false }}
{%- for n in range(5) %}{% if n == 1 %}{% continue %}{% endif %}{% if n == 3 %}{% break %}{% endif %}{{ n }},{% endfor %}
[{{ missing }}{{ missing or 'none' }}]{{ show('date', strftime_now('%%')) }}{{ show('floor', 7 // 2) }}{{ show('power', 2 ** 5) }}""",
    "trimming": "  {% if true %}\nkept\n   {% endif %}   \n{# note #}\nend {{- ' x' -}}   \n y\n\n",
}  # fmt: skip
CHATS = {
    "one": [USER],
    "system": [SYSTEM, USER],
    "turns": [SYSTEM, USER, ANSWER, MORE],
    "answered": [USER, ANSWER, MORE, ANSWER],
    "call": [USER, CALL],
}


def chats():
    result = []
    for template_name, template in TEMPLATES.items():
        for chat_name, messages in CHATS.items():
            if chat_name == "call" and template_name != "tools":
                continue
            for prompt in (False, True):
                case = {"name": f"{template_name}/{chat_name}", "template": template, "messages": messages,
                        "add_generation_prompt": prompt}
                if template_name == "tools":
                    case["tools"] = TOOLS
                rendered, _ = render_jinja_template(
                    conversations=[messages], chat_template=template, add_generation_prompt=prompt,
                    tools=case.get("tools"), bos_token="<s>", eos_token="</s>")
                case["expected"] = rendered[0]
                result.append(case)
    return result


def main(shared, smollm2_gguf):
    shared = Path(shared)
    for name in ("gpt2", "gpt-neox-20b", "olmo"):
        write(name, of_tokenizer(Tokenizer.from_file(str(shared / "tokenizers" / f"{name}.json"))))
    write("smollm2", smollm2(smollm2_gguf))
    for name in ("llama-bpe", "qwen2", "tekken"):
        write(f"pre-{name}", with_pre_tokenizer(shared / "tokenizers" / "gpt2.json", name))
    write("llama2", llama2(shared / "tokenizers" / "llama2.model"))
    write("chats", chats())


if __name__ == "__main__":
    main(*sys.argv[1:])
