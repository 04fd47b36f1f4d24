//! Streaming, chat, many sessions at once, quantizing and merging.

use libpeft::*;

use crate::World;
use crate::model::{attach_small, load_tiny, score_of};
use crate::scenario::{Outcome, Stop, code_of, print_bits, print_ids, print_integer, print_text};
use crate::that;

pub fn greedy_session(model: &Model, adapter: Option<&Adapter>, new_tokens: i64) -> Result<Session> {
    let adapters: Vec<&Adapter> = adapter.into_iter().collect();
    let mut session = SessionOptions::new().adapters(adapters).create(model)?;
    session.set_sampling(&SamplingOptions::new().max_new_tokens(new_tokens).ignore_eos(true))?;
    Ok(session)
}

pub fn generate(session: &mut Session) -> Result<Vec<i32>> {
    let mut made = Vec::new();
    while let Some(token) = session.next_token()? {
        made.push(token);
    }
    Ok(made)
}

pub fn stream(world: &mut World) -> Outcome<()> {
    let prompt = world.scenario.ids("stream.prompt");
    let count = world.scenario.integer("stream.max_new_tokens");
    let mut session = greedy_session(world.model()?, Some(world.given()?), count)?;
    session.prefill(&prompt, &PrefillOptions::new())?;
    let mut twin = session.fork()?;
    let pieces = session.pieces().collect::<Result<Vec<Piece>>>()?;
    that!(session.info()?.finish_reason == FinishReason::Length);
    that!(pieces.len() as i64 == count);
    for (i, piece) in pieces.iter().enumerate() {
        that!(piece.position == (prompt.len() + i) as i64);
    }
    let made: Vec<i32> = pieces.iter().filter_map(|piece| piece.token_id).collect();
    print_ids("ids", &made);
    print_bits("logprob", pieces.iter().fold(0.0, |sum, piece| sum + piece.logprob));
    that!(generate(&mut twin)? == made);
    that!(session.tokens()? == [prompt, made].concat());
    Ok(())
}

pub fn chat(world: &mut World) -> Outcome<()> {
    let mut session = Session::new(world.smollm2()?)?;
    let expected = &world.scenario;
    session
        .set_sampling(&SamplingOptions::new().max_new_tokens(expected.integer("smollm2.max_new_tokens")))?;
    let chat = Conversation::from_json(expected.text("smollm2.messages_json"));
    session.prefill_chat(&chat, &PrefillOptions::new())?;
    let pieces = session.pieces().collect::<Result<Vec<Piece>>>()?;
    let made: Vec<i32> = pieces.iter().filter_map(|piece| piece.token_id).collect();
    let text: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
    print_ids("ids", &made);
    print_text("text", &text);
    that!(made == expected.ids("smollm2.answer_ids"));
    that!(text.as_bytes() == expected.bytes("smollm2.answer_hex"));
    Ok(())
}

/// Session i begins at token i of the row; even ones speak with the adapter.
fn prompted(world: &World, i: usize) -> Outcome<Session> {
    let row = world.scenario.ids("row.ids");
    let length = world.scenario.integer("sessions.prompt_length") as usize;
    let adapter = if i % 2 == 0 { Some(world.given()?) } else { None };
    let mut session =
        greedy_session(world.model()?, adapter, world.scenario.integer("sessions.max_new_tokens"))?;
    session.prefill(&row[i..i + length], &PrefillOptions::new())?;
    Ok(session)
}

pub fn sessions(world: &mut World) -> Outcome<()> {
    let scenario = &world.scenario;
    let (model, dataset) = (world.model()?, world.dataset()?);
    let (r, seed) = (scenario.small("sessions.learner_r"), scenario.integer("sessions.learner_seed"));
    let mut learner = attach_small(model, "learner", r, seed)?;
    let options = TrainerOptions::new().max_steps(scenario.integer("cancel.max_steps"));
    let mut trainer = options.create(model, &learner, Some(dataset))?;
    let token = CancelToken::new()?;
    let count = scenario.integer("sessions.count") as usize;
    let (talks, lesson) = std::thread::scope(|scope| {
        let lesson = scope.spawn(|| trainer.run(Some(&token), |_: &Event| ()));
        let sessions = (0..count).map(|i| prompted(world, i)).collect::<Outcome<Vec<_>>>();
        let talks = sessions.map(|sessions| {
            let threads: Vec<_> =
                sessions.into_iter().map(|mut session| scope.spawn(move || generate(&mut session))).collect();
            threads.into_iter().map(|thread| thread.join()).collect::<Vec<_>>()
        });
        let signalled = token.cancel();
        (talks, signalled.and(lesson.join().unwrap_or(Ok(()))))
    });
    that!(code_of(lesson)? == ErrorCode::Cancelled);
    drop(trainer);
    learner.detach()?;
    for (i, talk) in talks?.into_iter().enumerate() {
        let together = talk.map_err(|_| Stop::failure("a session's thread panicked"))??;
        let alone = generate(&mut prompted(world, i)?)?;
        that!(together == alone);
        print_ids(&format!("ids.{i}"), &alone);
    }
    Ok(())
}

pub fn quantize(world: &mut World) -> Outcome<()> {
    let mut model = load_tiny(world)?;
    let row = world.scenario.ids("row.ids");
    let before = model.info()?;
    model.quantize_nf4(&QuantizeOptions::new())?;
    let after = model.info()?;
    that!(world.scenario.integer("quantize.dtype") == i64::from(sys::peft_dtype::PEFT_DTYPE_NF4_DOUBLE.0));
    that!(after.dtype == Dtype::Nf4Double && after.weight_bytes < before.weight_bytes);
    print_integer("weight_bytes", after.weight_bytes);
    print_bits("nll", score_of(&model, None, &row)?);
    that!(code_of(model.quantize_nf4(&QuantizeOptions::new()))? == ErrorCode::State);
    Ok(())
}

pub fn merge(world: &mut World) -> Outcome<()> {
    let mut model = load_tiny(world)?;
    let row = world.scenario.ids("row.ids");
    let adapter = Adapter::load(&model, "merged", world.work.join("adapter"))?;
    let before = score_of(&model, None, &row)?;
    let adapted = score_of(&model, Some(&adapter), &row)?;
    let dry = model.merge(&adapter, &MergeOptions::new().dry_run(true))?;
    that!(!dry.merged && score_of(&model, None, &row)?.to_bits() == before.to_bits());
    let report = model.merge(&adapter, &MergeOptions::new())?;
    that!(report.merged && report.below_minimum == 0 && report.tensor_count == dry.tensor_count);
    let tensors = model.merge_tensors()?;
    that!(tensors.len() as i64 == report.tensor_count);
    that!(tensors.iter().all(|tensor| tensor.retained > 0.99 && tensor.update_norm > 0.0));
    print_integer("tensor_count", report.tensor_count);
    print_bits("minimum_retained", report.minimum_retained);
    print_bits("mean_retained", report.mean_retained);
    print_text("last_tensor", tensors.last().map_or("", |tensor| &tensor.name));
    let merged = score_of(&model, None, &row)?;
    print_bits("nll", merged);
    that!((merged - adapted).abs() < 1e-3);
    model.unmerge()?;
    that!(score_of(&model, None, &row)?.to_bits() == before.to_bits());
    Ok(())
}
