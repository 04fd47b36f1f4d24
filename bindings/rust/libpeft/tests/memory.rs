//! 10,000 cycles of every kind of handle; resident memory stays flat. Alone in its process.
#![cfg(target_os = "linux")]

mod support;

use libpeft::*;
use support::*;

const ALLOWED_GROWTH: i64 = 4 << 20;

fn resident_bytes() -> i64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<i64>().unwrap() * 4096
}

fn cycles() -> usize {
    std::env::var("PEFT_RUST_CYCLES").ok().and_then(|text| text.parse().ok()).unwrap_or(10_000)
}

fn flat(what: &str, mut cycle: impl FnMut(usize)) {
    let (warm_up, count) = (cycles() / 10, cycles());
    (0..warm_up).for_each(&mut cycle);
    let before = resident_bytes();
    let begin = std::time::Instant::now();
    (warm_up..warm_up + count).for_each(&mut cycle);
    let growth = resident_bytes() - before;
    println!("{what:10} {count} cycles, {:.1} s, {} KiB more", begin.elapsed().as_secs_f64(), growth / 1024);
    assert!(growth < ALLOWED_GROWTH, "{what}: {growth} bytes more after {count} cycles");
}

#[test]
fn resident_memory_stays_flat() {
    let (context, model) = model();
    let tokenizer = Tokenizer::load(&context, data("capi/tokenizer.json")).unwrap();
    let adapter = lora(&model, "kept");
    let data = rows(&context);
    flat("context", |_| drop(Context::new().unwrap()));
    flat("cancel", |_| drop(CancelToken::new().unwrap()));
    flat("dataset", |_| drop(rows(&context)));
    flat("decoder", |_| drop(tokenizer.stream_decoder(true).unwrap().push(65).unwrap()));
    flat("clone", |_| drop((model.try_clone().unwrap(), adapter.try_clone().unwrap())));
    flat("found", |_| drop(model.adapter("kept").unwrap()));
    flat("error", |_| drop(model.adapter("nobody").unwrap_err()));
    flat("adapter", |i| {
        let mut adapter = LoraConfig::new().r(1).attach(&model, &format!("a{i}")).unwrap();
        adapter.detach().unwrap();
    });
    flat("trainer", |_| drop(Trainer::new(&model, &adapter, Some(&data)).unwrap()));
    flat("session", |_| {
        let mut session = Session::new(&model).unwrap();
        session.prefill(&IDS[..2], &PrefillOptions::new()).unwrap();
        drop(session.fork().unwrap());
    });
    flat("model", |_| drop(Model::load(&context, llama()).unwrap()));
    flat("tokenizer", |_| {
        drop(Tokenizer::load(&context, support::data("capi/tokenizer.json")).unwrap());
    });
}
