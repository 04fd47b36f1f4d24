//! The log belongs to the whole process, so this is one of its own.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use libpeft::*;
use support::*;

/// A trainer whose every step but the first is skipped, which the log tells.
fn overflowing(context: &Context, model: &Model, name: &str) -> Trainer {
    let mut huge = LoraConfig::new().r(1).lora_alpha(1e9).attach(model, name).unwrap();
    huge.set_scale(1e6).unwrap();
    let options = TrainerOptions::new().max_steps(9).learning_rate(1e6).warmup_ratio(0).max_grad_norm(0);
    let mut trainer = options.create(model, &huge, Some(&rows(context))).unwrap();
    assert!(!trainer.step().unwrap().unwrap().skipped);
    trainer
}

/// Keeps the events of `tracing`.
struct Notes(Arc<Mutex<Vec<(tracing::Level, String)>>>);

impl tracing::Subscriber for Notes {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "libpeft"
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        struct Text(String);
        impl tracing::field::Visit for Text {
            fn record_debug(&mut self, _: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                self.0 += &format!("{value:?}");
            }
        }
        let mut text = Text(String::new());
        event.record(&mut text);
        self.0.lock().unwrap().push((*event.metadata().level(), text.0));
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn queue_closure_tracing_and_panics() {
    let (context, model) = model();
    let mut trainer = overflowing(&context, &model, "a");
    assert!(trainer.step().unwrap().unwrap().skipped);
    assert_eq!(log::poll().unwrap(), None, "silent until asked");

    log::set_level(log::Level::Warning).unwrap();
    trainer.step().unwrap();
    let record = log::poll().unwrap().unwrap();
    assert_eq!(record.level, log::Level::Warning);
    assert!(record.text.contains("step 3 skipped"), "{record:?}");
    assert_eq!(log::poll().unwrap(), None);

    let dropped = Arc::new(());
    let theirs = dropped.clone();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = heard.clone();
    log::set_callback(move |level, text| {
        let _ = &theirs;
        hears.lock().unwrap().push((level, text.to_string()));
    })
    .unwrap();
    trainer.step().unwrap();
    assert_eq!(heard.lock().unwrap().len(), 1);
    assert_eq!(Arc::strong_count(&dropped), 2);

    let events = Arc::new(Mutex::new(Vec::new()));
    log::to_tracing(log::Level::Warning).unwrap();
    assert_eq!(Arc::strong_count(&dropped), 1, "the closure before is gone");
    tracing::subscriber::with_default(Notes(events.clone()), || trainer.step().unwrap());
    let events = events.lock().unwrap();
    assert_eq!(events[0].0, tracing::Level::WARN);
    assert!(events[0].1.contains("step 5 skipped"), "{events:?}");

    let mut trainer = overflowing(&context, &model, "b");
    log::set_callback(|_, _| panic!("in the log")).unwrap();
    let panic = catch_unwind(AssertUnwindSafe(|| trainer.step()));
    assert_eq!(*panic.unwrap_err().downcast_ref::<&str>().unwrap(), "in the log");
    log::to_queue().unwrap();
    log::set_level(log::Level::Off).unwrap();
    assert_eq!(trainer.info().unwrap().step, 2, "the step was counted all the same");
    assert!(trainer.step().unwrap().unwrap().skipped);
}
