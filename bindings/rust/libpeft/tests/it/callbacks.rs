use std::panic::{AssertUnwindSafe, catch_unwind};

use libpeft::*;

use crate::support::*;

#[test]
fn progress_is_told_and_can_stop_the_loading() {
    let context = Context::new().unwrap();
    let mut told = Vec::new();
    ModelOptions::new().load_with_progress(&context, llama(), |fraction| told.push(fraction)).unwrap();
    assert!(!told.is_empty() && told.iter().all(|fraction| (0.0..=1.0).contains(fraction)), "{told:?}");
    assert!(told.is_sorted());
    for (flow, code) in [(Flow::Cancel, ErrorCode::Cancelled), (Flow::Fail, ErrorCode::Callback)] {
        let error = ModelOptions::new().load_with_progress(&context, llama(), |_| flow).unwrap_err();
        assert_eq!(error.code(), code);
    }
    assert!(ModelOptions::new().load_with_progress(&context, llama(), |_| Flow::Continue).is_ok());
}

#[test]
fn a_panic_in_a_listener_goes_on_after_the_call() {
    let (context, model) = model();
    let adapter = lora(&model, "panics");
    let data = rows(&context);
    let mut trainer = TrainerOptions::new().max_steps(5).create(&model, &adapter, Some(&data)).unwrap();
    let panic = catch_unwind(AssertUnwindSafe(|| {
        trainer.run(None, |event: &Event| {
            if event.step == 2 {
                panic!("at step {}", event.step);
            }
        })
    }));
    let payload = panic.unwrap_err();
    assert_eq!(payload.downcast_ref::<String>().unwrap(), "at step 2");
    assert_eq!(trainer.info().unwrap().step, 2);
    trainer.run(None, |_: &Event| ()).unwrap();
    assert_eq!(trainer.info().unwrap().step, 5);
}

#[test]
fn a_panic_while_loading_leaves_nothing_behind() {
    let context = Context::new().unwrap();
    let before = context.info().unwrap().memory_bytes;
    let panic = catch_unwind(AssertUnwindSafe(|| {
        let _ = ModelOptions::new().load_with_progress(&context, llama(), |_| -> Flow { panic!("no") });
    }));
    assert_eq!(*panic.unwrap_err().downcast_ref::<&str>().unwrap(), "no");
    assert_eq!(context.info().unwrap().memory_bytes, before);
}

#[test]
fn callbacks_may_use_other_objects_and_panic_inside_each_other() {
    let (context, model) = model();
    let adapter = lora(&model, "nested");
    let data = rows(&context);
    let mut trainer = TrainerOptions::new().max_steps(2).create(&model, &adapter, Some(&data)).unwrap();
    let panic = catch_unwind(AssertUnwindSafe(|| {
        trainer.run(None, |_: &Event| {
            model.score(&IDS, &ScoreOptions::new()).unwrap();
            ModelOptions::new()
                .load_with_progress(&context, llama(), |_| -> Flow { panic!("inner") })
                .unwrap();
        })
    }));
    assert_eq!(*panic.unwrap_err().downcast_ref::<&str>().unwrap(), "inner");
}
