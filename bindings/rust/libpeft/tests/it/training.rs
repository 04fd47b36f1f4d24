use libpeft::*;

use crate::support::*;

#[test]
fn events_come_in_the_order_of_the_plan() {
    let (context, model) = model();
    let folder = Folder::new();
    let (train, held_out) = (rows(&context), rows(&context));
    let adapter = lora(&model, "planned");
    let mut trainer = TrainerOptions::new()
        .max_steps(4)
        .batch_size(1)
        .gradient_accumulation_steps(2)
        .schedule(Schedule::Linear)
        .learning_rate(1e-2)
        .warmup_ratio(0)
        .eval_dataset(&held_out)
        .eval_steps(2)
        .save_steps(2)
        .save_total_limit(1)
        .output_dir(folder.path("run"))
        .create(&model, &adapter, Some(&train))
        .unwrap();
    let kinds: Vec<EventKind> = trainer.events(None).map(|event| event.unwrap().kind).collect();
    use EventKind::*;
    let steps = kinds.iter().filter(|kind| **kind == Step).count();
    let evaluations = kinds.iter().filter(|kind| **kind == Evaluation).count();
    assert_eq!((steps, evaluations), (4, 3), "{kinds:?}");
    assert_eq!(kinds.last(), Some(&End));
    let info = trainer.info().unwrap();
    assert!(info.finished && info.checkpoint_step == Some(4) && info.best_step.is_some());
    assert_eq!(trainer.next_event(None).unwrap().kind, End);
    assert!(trainer.step().unwrap().is_none());
    assert_eq!(trainer.evaluate(None, None).unwrap().rows, 4);
    assert!(folder.path("run/checkpoint-4").exists());
}

#[test]
fn resumed_training_ends_with_the_same_bits() {
    let (context, model) = model();
    let folder = Folder::new();
    let data = rows(&context);
    let options = TrainerOptions::new().max_steps(6).output_dir(folder.path("run"));
    let (first, second) = (lora(&model, "first"), lora(&model, "second"));
    let mut trainer = options.create(&model, &first, Some(&data)).unwrap();
    for _ in 0..3 {
        trainer.step().unwrap();
    }
    trainer.checkpoint(None, None).unwrap();
    trainer.checkpoint(Some(&folder.path("elsewhere")), None).unwrap();
    trainer.run(None, |_: &Event| ()).unwrap();
    drop(trainer);

    let mut resumed = options.create(&model, &second, Some(&data)).unwrap();
    assert_eq!(resumed.resume(None).unwrap(), None);
    assert_eq!(resumed.info().unwrap().step, 3);
    resumed.run(None, |_: &Event| ()).unwrap();
    assert_eq!(numbers(&first), numbers(&second));
}

#[test]
fn a_damaged_checkpoint_is_passed_over_with_a_remark() {
    let (context, model) = model();
    let folder = Folder::new();
    let data = rows(&context);
    let options = TrainerOptions::new().max_steps(4).save_steps(2).output_dir(folder.path("run"));
    let mut trainer = options.create(&model, &lora(&model, "a"), Some(&data)).unwrap();
    trainer.run(None, |_: &Event| ()).unwrap();
    let file = folder.path("run/checkpoint-4/adapter_model.safetensors");
    std::fs::write(&file, &std::fs::read(&file).unwrap()[..100]).unwrap();
    let mut again = options.create(&model, &lora(&model, "b"), Some(&data)).unwrap();
    let note = again.resume(None).unwrap().unwrap();
    assert!(note.contains("checkpoint-4"), "{note}");
    assert_eq!(again.info().unwrap().step, 2);
}

#[test]
fn steps_of_given_rows() {
    let (_context, model) = model();
    let adapter = lora(&model, "given");
    let mut trainer =
        TrainerOptions::new().schedule(Schedule::Constant).create(&model, &adapter, None).unwrap();
    let labels = [LABEL_IGNORED, LABEL_IGNORED, 15, 9, 26, 5, 35, 8];
    let rows = [Row::labelled(&IDS, &labels), Row::tokens(&IDS[2..])];
    let step = trainer.step_with(&StepOptions::new().rows(rows)).unwrap().unwrap();
    assert_eq!((step.tokens, step.loss_tokens), (14, 6 + 5));
    trainer.set_learning_rate(1e-3).unwrap();
    let none = trainer.step_with(&StepOptions::new().rows([])).unwrap_err();
    assert_eq!(none.code(), ErrorCode::InvalidArgument);
    let types = Row { type_ids: Some(&[1, 2]), ..Row::tokens(&IDS) };
    let uneven = trainer.step_with(&StepOptions::new().rows([types])).unwrap_err();
    assert_eq!(uneven.code(), ErrorCode::InvalidArgument);
    assert_eq!(trainer.step().unwrap_err().code(), ErrorCode::State);
}

#[test]
fn a_cancelled_training_goes_on() {
    let (context, model) = model();
    let adapter = lora(&model, "stopped");
    let data = rows(&context);
    let mut trainer = TrainerOptions::new().max_steps(6).create(&model, &adapter, Some(&data)).unwrap();
    let token = CancelToken::new().unwrap();
    let result = trainer.run(Some(&token), |event: &Event| {
        if event.step == 2 {
            token.cancel().unwrap();
        }
    });
    assert_eq!(result.unwrap_err().code(), ErrorCode::Cancelled);
    assert_eq!(trainer.info().unwrap().step, 2);
    let mut events = trainer.events(Some(&token));
    assert_eq!(events.next().unwrap().unwrap_err().code(), ErrorCode::Cancelled);
    assert!(events.next().is_none());
    let cancelled = trainer.step_with(&StepOptions::new().cancel(&token)).unwrap_err();
    assert_eq!(cancelled.code(), ErrorCode::Cancelled);
    let fresh = CancelToken::new().unwrap();
    assert_eq!(trainer.events(Some(&fresh)).filter(|event| event.is_ok()).count(), 5);
    assert_eq!(fresh.progress().unwrap(), 1.0);
}

#[test]
fn evaluation_with_and_without_the_adapter() {
    let (context, model) = model();
    let adapter = lora(&model, "evaluated");
    let data = rows(&context);
    let plain = model.evaluate(&data, &EvaluateOptions::new()).unwrap();
    let options = EvaluateOptions::new().adapters([&adapter]).batch_size(4);
    let mut trainer = TrainerOptions::new()
        .max_steps(8)
        .learning_rate(2e-2)
        .beta1(0.8)
        .beta2(0.99)
        .epsilon(1e-7)
        .weight_decay(0.01)
        .max_grad_norm(10)
        .seed(1)
        .shuffle(false)
        .packing(true)
        .packing_length(16)
        .activation_checkpointing(ActivationPolicy::Checkpoint)
        .keep_best(false)
        .max_skipped_in_row(2)
        .early_stopping_patience(0)
        .warmup_steps(1)
        .epochs(2)
        .compute_dtype(Dtype::Float32)
        .create(&model, &adapter, Some(&data))
        .unwrap();
    for step in trainer.steps() {
        step.unwrap();
    }
    let trained = model.evaluate(&data, &options).unwrap();
    assert!(trained.loss < plain.loss, "{trained:?} {plain:?}");
    assert_eq!((plain.rows, plain.tokens, plain.loss_tokens), (4, 20, 16));
    assert!((plain.perplexity - plain.loss.exp()).abs() < 1e-9);
}

#[test]
fn data_sets_from_everywhere() {
    let context = Context::new().unwrap();
    let folder = Folder::new();
    let tokenizer = Tokenizer::load(&context, talker(&folder)).unwrap();
    let text = Dataset::from_text(&context, Some(&tokenizer), ROWS).unwrap();
    let info = text.info().unwrap();
    assert_eq!((info.rows, info.format), (3, DataFormat::Chat));
    assert!(info.completion_only && !info.summary.is_empty());
    let labels = text.row(0, RowPart::Labels).unwrap();
    let ids = text.row(0, RowPart::Ids).unwrap();
    assert_eq!(labels.len(), ids.len());
    let answer: Vec<i32> = labels.into_iter().filter(|label| *label != LABEL_IGNORED).collect();
    assert!(tokenizer.decode(&answer, true).unwrap().starts_with("open(door)"));
    assert!(text.row(0, RowPart::TypeIds).unwrap().is_empty());
    std::fs::write(folder.path("rows.jsonl"), ROWS).unwrap();
    let options = DatasetOptions::new()
        .format(DataFormat::Chat)
        .max_seq_len(64)
        .completion_only(false)
        .append_eos(true)
        .add_special(Choice::Auto)
        .chat_template("{% for m in messages %}{{ m.content }} {% endfor %}")
        .first_row(1)
        .row_count(2);
    let file = options.from_file(&context, Some(&tokenizer), folder.path("rows.jsonl")).unwrap();
    assert_eq!(file.info().unwrap().rows, 2);
    let ids = file.row(0, RowPart::Ids).unwrap();
    assert!(tokenizer.decode(&ids, true).unwrap().starts_with("Go north go(north)"));
    let tokens = Dataset::from_text(&context, None, r#"{"token_ids": [3, 4, 5]}"#).unwrap();
    assert_eq!(tokens.info().unwrap().format, DataFormat::Tokens);
    assert!(Dataset::from_file(&context, None, folder.path("rows.jsonl")).is_err());
}
