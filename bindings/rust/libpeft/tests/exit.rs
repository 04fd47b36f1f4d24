//! Programs that end without giving anything up.

mod support;

use std::process::Command;

use libpeft::*;
use support::*;

const ROLE: &str = "PEFT_RUST_EXIT_ROLE";

#[test]
fn child() {
    if std::env::var_os(ROLE).is_none() {
        return;
    }
    let (context, model) = model();
    let adapter = lora(&model, "runs");
    let data = rows(&context);
    let options = TrainerOptions::new().max_steps(100_000_000);
    let mut trainer = options.create(&model, &adapter, Some(&data)).unwrap();
    let token = CancelToken::new().unwrap();
    let theirs = token.clone();
    std::thread::spawn(move || trainer.run(Some(&theirs), |_: &Event| ()));
    while token.progress().unwrap() == 0.0 {
        std::thread::yield_now();
    }
    let session = Session::new(&model).unwrap();
    std::mem::forget((context, model, adapter, data, session, token));
    std::process::exit(42);
}

#[test]
fn a_process_ends_with_live_handles_and_a_thread_that_trains() {
    for _ in 0..10 {
        let mut child = Command::new(std::env::current_exe().unwrap());
        let status = child.args(["child", "--exact"]).env(ROLE, "1").status().unwrap();
        assert_eq!(status.code(), Some(42), "{status}");
    }
}
