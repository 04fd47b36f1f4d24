use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use libpeft::*;

use crate::support::*;

fn send<T: Send>() {}
fn share<T: Sync>() {}

/// Const handles of the header are shared, the others go from thread to thread.
#[test]
fn thread_classes_are_those_of_the_header() {
    send::<Context>();
    share::<Context>();
    send::<Model>();
    share::<Model>();
    send::<Adapter>();
    share::<Adapter>();
    send::<Tokenizer>();
    share::<Tokenizer>();
    send::<Dataset>();
    share::<Dataset>();
    send::<Trainer>();
    share::<Trainer>();
    send::<Session>();
    share::<Session>();
    send::<CancelToken>();
    share::<CancelToken>();
    send::<StreamDecoder>();
    send::<Error>();
    share::<Error>();
}

#[test]
fn eight_sessions_while_a_trainer_runs() {
    let (context, model) = model();
    let adapter = lora(&model, "learns");
    let voices: Vec<Adapter> = (0..8)
        .map(|i| {
            let config = LoraConfig::new().r(2).init_lora_weights(LoraInit::None).seed(i);
            config.attach(&model, &format!("voice{i}")).unwrap()
        })
        .collect();
    let generate = |voice: &Adapter| {
        let mut session = SessionOptions::new().adapters([voice]).create(&model).unwrap();
        session.set_sampling(&SamplingOptions::new().max_new_tokens(12).ignore_eos(true)).unwrap();
        session.prefill(&IDS, &PrefillOptions::new()).unwrap();
        session.pieces().map(|piece| piece.unwrap().token_id.unwrap()).collect::<Vec<i32>>()
    };
    let expected: Vec<Vec<i32>> = voices.iter().map(generate).collect();
    let data = rows(&context);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let options = TrainerOptions::new().max_steps(200);
            let mut trainer = options.create(&model, &adapter, Some(&data)).unwrap();
            while trainer.step().unwrap().is_some() && !done.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
        });
        let sessions: Vec<_> = voices.iter().map(|voice| scope.spawn(|| generate(voice))).collect();
        for (session, expected) in sessions.into_iter().zip(&expected) {
            assert_eq!(&session.join().unwrap(), expected);
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(adapter.info().unwrap().trained_steps > 0);
}

#[test]
fn a_token_stops_another_thread() {
    let (context, model) = model();
    let adapter = lora(&model, "long");
    let data = rows(&context);
    let options = TrainerOptions::new().max_steps(1_000_000);
    let mut trainer = options.create(&model, &adapter, Some(&data)).unwrap();
    let token = CancelToken::new().unwrap();
    let theirs = token.clone();
    let worker = std::thread::spawn(move || (trainer.run(Some(&theirs), |_: &Event| ()), trainer));
    while token.progress().unwrap() == 0.0 {
        std::thread::yield_now();
    }
    let begin = std::time::Instant::now();
    token.cancel().unwrap();
    let (result, trainer) = worker.join().unwrap();
    assert_eq!(result.unwrap_err().code(), ErrorCode::Cancelled);
    assert!(begin.elapsed().as_secs() < 5);
    assert!(trainer.info().unwrap().step > 0);
}

#[test]
fn any_order_of_drops_from_any_thread() {
    for order in 0..24 {
        let (context, model) = model();
        let adapter = lora(&model, "a");
        let session = SessionOptions::new().adapters([&adapter]).create(&model).unwrap();
        let trainer =
            TrainerOptions::new().schedule(Schedule::Constant).create(&model, &adapter, None).unwrap();
        let mut parts: Vec<Box<dyn Send>> =
            vec![Box::new(context), Box::new(model), Box::new(adapter), Box::new(session), Box::new(trainer)];
        parts.rotate_left(order % 5);
        parts.swap(1, 1 + order % 4);
        std::thread::spawn(move || drop(parts)).join().unwrap();
    }
}

#[test]
fn a_shared_trainer_tells_where_it_stands() {
    let (context, model) = model();
    let adapter = lora(&model, "watched");
    let data = rows(&context);
    let trainer = TrainerOptions::new().max_steps(3).create(&model, &adapter, Some(&data)).unwrap();
    let trainer = Arc::new(trainer);
    let theirs = trainer.clone();
    assert_eq!(std::thread::spawn(move || theirs.info().unwrap().step).join().unwrap(), 0);
}
