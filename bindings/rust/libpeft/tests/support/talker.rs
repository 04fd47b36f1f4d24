// A folder with a tiny model that has a tokenizer of single characters and a chat template, and rows to train on.
// Its model files are those of tests/data/families/llama.

#[allow(dead_code)]
pub fn make_talker(folder: &std::path::Path, family: &std::path::Path) {
    std::fs::create_dir_all(folder).unwrap();
    for name in ["config.json", "generation_config.json", "model.safetensors"] {
        std::fs::copy(family.join(name), folder.join(name)).unwrap();
    }
    let mut words = vec!["\u{120}".to_string(), "<s>".to_string(), "</s>".to_string(), "\u{10a}".to_string()];
    words.extend(('!'..='~').filter(|c| !"`^".contains(*c)).map(String::from));
    let quoted = |word: &str| format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""));
    let list: Vec<String> = words.iter().enumerate().map(|(i, w)| format!("{}: {i}", quoted(w))).collect();
    let special = |id: i32, word: &str| {
        format!(
            r#"{{"id": {id}, "content": "{word}", "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": true}}"#
        )
    };
    let bytes = r#"{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}"#;
    let tokenizer = format!(
        r#"{{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [{}, {}],
            "normalizer": null, "pre_tokenizer": {bytes}, "post_processor": null, "decoder": {bytes},
            "model": {{"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "vocab": {{{}}}, "merges": []}}}}"#,
        special(1, "<s>"),
        special(2, "</s>"),
        list.join(", ")
    );
    std::fs::write(folder.join("tokenizer.json"), tokenizer).unwrap();
    let config = r#"{"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>",
        "chat_template": "{% for m in messages %}{{ m.role }}: {{ m.content }}{% if m.role == 'assistant' %}</s>{% endif %}{{ '\\n' }}{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"}"#;
    std::fs::write(folder.join("tokenizer_config.json"), config).unwrap();
}

#[allow(dead_code)]
pub const ROWS: &str = r#"{"messages": [{"role": "user", "content": "Open the door"}, {"role": "assistant", "content": "open(door)"}]}
{"messages": [{"role": "user", "content": "Go north"}, {"role": "assistant", "content": "go(north)"}]}
{"messages": [{"role": "user", "content": "Take the lamp"}, {"role": "assistant", "content": "take(lamp)"}]}
"#;
