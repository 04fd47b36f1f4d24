//! Loading, text and adapters.

use libpeft::*;

use crate::World;
use crate::scenario::{Outcome, Stop, bytes, ids, print_bits, print_integer};
use crate::that;

pub fn score_of(model: &Model, adapter: Option<&Adapter>, row: &[i32]) -> Outcome<f64> {
    let score = model.score(row, &ScoreOptions::new().adapters(adapter.into_iter().collect::<Vec<_>>()))?;
    that!(score.count == row.len() as i64);
    Ok(score.nll)
}

pub fn load_tiny(world: &World) -> Outcome<Model> {
    Ok(Model::load(world.context()?, world.root.join(world.scenario.text("model.path")))?)
}

pub fn attach_small(model: &Model, name: &str, r: i32, seed: i64) -> Outcome<Adapter> {
    Ok(LoraConfig::new().r(r).seed(seed).attach(model, name)?)
}

pub fn load(world: &mut World) -> Outcome<()> {
    world.context = Some(Context::new()?);
    let model = load_tiny(world)?;
    let info = model.info()?;
    let expected = &world.scenario;
    that!(info.family == expected.text("model.family"));
    that!(info.layers == expected.integer("model.layers"));
    that!(info.hidden_size == expected.integer("model.hidden_size"));
    that!(info.attention_heads == expected.integer("model.attention_heads"));
    that!(info.key_value_heads == expected.integer("model.key_value_heads"));
    that!(info.vocabulary_size == expected.integer("model.vocabulary_size"));
    that!(i64::from(info.tied_head) == expected.integer("model.tied_head"));
    that!(info.parameter_elements == expected.integer("model.parameter_elements"));
    that!(info.weight_bytes == expected.integer("model.weight_bytes"));
    let nll = score_of(&model, None, &expected.ids("row.ids"))?;
    that!((nll - expected.number("row.nll")).abs() <= expected.number("row.tolerance"));
    print_bits("nll", nll);
    world.model = Some(model);
    Ok(())
}

/// Encoding, decoding, and every token alone through a stream decoder.
fn there_and_back(tokenizer: &Tokenizer, text: &[u8], expected: &[i32]) -> Outcome<()> {
    let text = std::str::from_utf8(text).map_err(|error| Stop::failure(error.to_string()))?;
    let found = tokenizer.encode(text, false)?;
    if found != expected {
        return Err(Stop::failure(format!("other ids for {text}")));
    }
    let again = tokenizer.decode(&found, false)?;
    if again != text {
        return Err(Stop::failure(format!("decoded to {again} instead of {text}")));
    }
    let mut decoder = tokenizer.stream_decoder(false)?;
    let mut streamed = String::new();
    for id in found {
        streamed += &decoder.push(id)?;
    }
    streamed += &decoder.finish()?;
    that!(streamed == text);
    Ok(())
}

/// What a `&str` cannot hold goes through the raw interface.
fn status_of_invalid(tokenizer: &Tokenizer, text: &[u8]) -> i32 {
    let mut count = 0;
    unsafe {
        sys::peft_tokenizer_encode(
            tokenizer.as_raw(),
            text.as_ptr().cast(),
            text.len(),
            0,
            std::ptr::null_mut(),
            0,
            &mut count,
        )
    }
}

pub fn text(world: &mut World) -> Outcome<()> {
    let expected = &world.scenario;
    let tokenizer = Tokenizer::load(world.context()?, world.root.join(expected.text("text.tokenizer")))?;
    that!(tokenizer.info()?.vocabulary_size == expected.small("text.vocabulary_size"));
    that!(tokenizer.token_id(expected.text("text.end_token"))? == expected.small("text.end_token_id"));
    for case in expected.list("text.cases") {
        there_and_back(&tokenizer, &bytes(&case["utf8_hex"]), &ids(&case["ids"]))?;
    }
    for case in expected.list("text.invalid") {
        let code = ErrorCode::from_status(status_of_invalid(&tokenizer, &bytes(&case["hex"])));
        that!(code == ErrorCode::InvalidArgument);
    }
    let template = "{% for m in messages %}{{ m.role }}={{ m.content }};{% endfor %}";
    let chat = Conversation::from_json(r#"[{"role": "user", "content": "caf\u00e9 \ud83d\ude00"}]"#);
    let rendered = tokenizer.apply_chat_template(&chat, &ChatOptions::new().chat_template(template))?;
    that!(rendered == "user=café 😀;");
    Ok(())
}

pub fn load_smollm2(world: &mut World) -> Outcome<()> {
    let named = std::env::var_os("PEFT_SMOLLM2_GGUF").filter(|path| !path.is_empty());
    let home = std::env::var_os("HOME").unwrap_or_default();
    let usual = std::path::Path::new(&home).join(".cache/libpeft/SmolLM2-135M-Instruct.Q4_1.gguf");
    let path = named.map_or(usual, Into::into);
    if !path.exists() {
        return Err(Stop::Skipped("no model".to_string()));
    }
    let model = Model::load(world.context()?, path)?;
    let info = model.info()?;
    let expected = &world.scenario;
    that!(info.family == expected.text("smollm2.family"));
    that!(info.vocabulary_size == expected.integer("smollm2.vocabulary_size"));
    that!(info.layers == expected.integer("smollm2.layers"));
    that!(info.has_tokenizer && info.has_chat_template);
    print_integer("parameter_elements", info.parameter_elements);
    world.smollm2 = Some(model);
    Ok(())
}

pub fn text_smollm2(world: &mut World) -> Outcome<()> {
    let tokenizer = world.smollm2()?.tokenizer()?;
    let expected = &world.scenario;
    for case in expected.list("smollm2.cases") {
        there_and_back(&tokenizer, &bytes(&case["utf8_hex"]), &ids(&case["ids"]))?;
    }
    let chat = Conversation::from_json(expected.text("smollm2.messages_json"));
    let rendered = tokenizer.apply_chat_template(&chat, &ChatOptions::new())?;
    that!(rendered.as_bytes() == expected.bytes("smollm2.rendered_hex"));
    that!(tokenizer.encode(&rendered, false)? == expected.ids("smollm2.prompt_ids"));
    Ok(())
}

pub fn adapter(world: &mut World) -> Outcome<()> {
    let expected = &world.scenario;
    let path = world.root.join(expected.text("adapter.path"));
    let given = Adapter::load(world.model()?, expected.text("adapter.name"), path)?;
    let info = given.info()?;
    that!(info.method == expected.text("adapter.method"));
    that!(info.r == expected.small("adapter.r"));
    that!(info.lora_alpha == expected.number("adapter.lora_alpha"));
    that!(info.parameter_count == expected.integer("adapter.parameter_count"));
    that!(info.trainable && info.attached && info.scale == 1.0);
    let nll = score_of(world.model()?, Some(&given), &expected.ids("adapter.row_ids"))?;
    that!((nll - expected.number("adapter.nll")).abs() <= expected.number("adapter.tolerance"));
    print_bits("nll", nll);
    world.given = Some(given);
    Ok(())
}
