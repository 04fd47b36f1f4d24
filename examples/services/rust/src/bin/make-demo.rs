//! `make-demo FAMILY_FOLDER OUT`: a tiny model that can chat (OUT/model) and two adapters for it (OUT/adapters/v1, v2),
//! trained on the spot to say different things.

use std::path::Path;

use libpeft::{Context, Dataset, LoraConfig, Model, Result, TrainerOptions};

include!("../../../../../bindings/rust/libpeft/tests/support/talker.rs");

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, family, out] = arguments.as_slice() else {
        panic!("usage: make-demo FAMILY_FOLDER OUT");
    };
    let out = Path::new(out);
    make_talker(&out.join("model"), Path::new(family));
    let context = Context::new()?;
    let model = Model::load(&context, out.join("model"))?;
    for (name, answer) in [("v1", "hello hello"), ("v2", "goodbye goodbye")] {
        let row = serde_json::json!({ "messages": [
            { "role": "user", "content": "Speak" }, { "role": "assistant", "content": answer }] });
        let rows = Dataset::from_text(&context, Some(&model.tokenizer()?), &row.to_string())?;
        let adapter = LoraConfig::new().r(16).attach(&model, name)?;
        let mut trainer = TrainerOptions::new()
            .max_steps(300)
            .learning_rate(2e-2)
            .gradient_accumulation_steps(1)
            .create(&model, &adapter, Some(&rows))?;
        let losses = trainer.steps().map(|step| step.map(|step| step.loss)).collect::<Result<Vec<_>>>()?;
        eprintln!("{name}: loss {:.3} to {:.3}", losses[0], losses[losses.len() - 1]);
        adapter.save(out.join("adapters").join(name))?;
    }
    Ok(())
}
