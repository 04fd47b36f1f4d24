//! Training, evaluation, saving, cancelling and resuming.

use std::time::{Duration, Instant};

use libpeft::*;

use crate::World;
use crate::model::{attach_small, score_of};
use crate::scenario::{Outcome, Scenario, Stop, code_of, ids, print_bits, print_integer};
use crate::that;

fn make_dataset(scenario: &Scenario, context: &Context) -> Outcome<Dataset> {
    let rows: Vec<(Vec<i32>, Vec<i32>)> =
        scenario.list("train.rows").iter().map(|row| (ids(&row["ids"]), ids(&row["labels"]))).collect();
    let rows: Vec<Row<'_>> = rows
        .iter()
        .map(|(ids, labels)| if labels.is_empty() { Row::tokens(ids) } else { Row::labelled(ids, labels) })
        .collect();
    Ok(Dataset::from_rows(context, &rows)?)
}

fn options(scenario: &Scenario, steps_path: &str) -> TrainerOptions<'static> {
    TrainerOptions::new()
        .batch_size(scenario.small("train.batch_size"))
        .gradient_accumulation_steps(scenario.small("train.gradient_accumulation_steps"))
        .learning_rate(scenario.number("train.learning_rate"))
        .seed(scenario.integer("train.seed"))
        .max_steps(scenario.integer(steps_path))
}

fn step(trainer: &mut Trainer, number: i64, key: &str) -> Outcome<f64> {
    let event = trainer.step()?.ok_or_else(|| Stop::failure("the steps ended too early"))?;
    that!(event.step == number && event.kind == EventKind::Step && event.loss > 0.0);
    print_bits(&format!("{key}.{number}"), event.loss);
    Ok(event.loss)
}

pub fn train(world: &mut World) -> Outcome<()> {
    let dataset = make_dataset(&world.scenario, world.context()?)?;
    let steps = world.scenario.integer("train.max_steps");
    let mut trainer =
        options(&world.scenario, "train.max_steps").create(world.model()?, world.given()?, Some(&dataset))?;
    let losses = (1..=steps).map(|i| step(&mut trainer, i, "loss")).collect::<Outcome<Vec<_>>>()?;
    that!(losses.last() < losses.first());
    that!(trainer.step()?.is_none());
    let info = trainer.info()?;
    that!(info.step == steps && info.total_steps == steps);
    print_integer("tokens", info.tokens);
    world.dataset = Some(dataset);
    Ok(())
}

fn evaluate_with(world: &World, adapters: Vec<&Adapter>, key: &str) -> Outcome<f64> {
    let options = EvaluateOptions::new().adapters(adapters);
    let result = world.model()?.evaluate(world.dataset()?, &options)?;
    that!(result.rows == world.scenario.list("train.rows").len() as i64);
    print_bits(&format!("{key}.loss"), result.loss);
    print_bits(&format!("{key}.token_accuracy"), result.token_accuracy);
    print_integer(&format!("{key}.loss_tokens"), result.loss_tokens);
    Ok(result.loss)
}

pub fn evaluate(world: &mut World) -> Outcome<()> {
    let adapted = evaluate_with(world, vec![world.given()?], "adapter")?;
    let base = evaluate_with(world, vec![], "base")?;
    that!(adapted < base);
    Ok(())
}

pub fn save(world: &mut World) -> Outcome<()> {
    let folder = world.work.join("adapter");
    world.given()?.save(&folder)?;
    that!(folder.join("adapter_config.json").exists());
    that!(folder.join("adapter_model.safetensors").exists());
    Ok(world.model()?.save(world.work.join("model.gguf"))?)
}

pub fn load_beside(world: &mut World) -> Outcome<()> {
    let (model, given) = (world.model()?, world.given()?);
    let row = world.scenario.ids("row.ids");
    let second = Model::load(world.context()?, world.work.join("model.gguf"))?;
    that!(score_of(&second, None, &row)?.to_bits() == score_of(model, None, &row)?.to_bits());
    drop(second);
    let mut again = Adapter::load(model, "again", world.work.join("adapter"))?;
    that!(model.info()?.adapter_count == 2);
    let found = model.adapter("again")?;
    let nll = score_of(model, Some(given), &row)?;
    that!(score_of(model, Some(&found), &row)?.to_bits() == nll.to_bits());
    print_bits("nll", nll);
    Ok(again.detach()?)
}

pub fn cancel(world: &mut World) -> Outcome<()> {
    let scenario = &world.scenario;
    let mut adapter = attach_small(world.model()?, "endless", 4, 1)?;
    let mut trainer =
        options(scenario, "cancel.max_steps").create(world.model()?, &adapter, Some(world.dataset()?))?;
    let token = CancelToken::new()?;
    let (theirs, pause) = (token.clone(), Duration::from_secs_f64(scenario.number("cancel.after_seconds")));
    let begin = Instant::now();
    let signaller = std::thread::spawn(move || {
        std::thread::sleep(pause);
        theirs.cancel()
    });
    let result = trainer.run(Some(&token), |_: &Event| ());
    let seconds = begin.elapsed().as_secs_f64();
    signaller.join().map_err(|_| Stop::failure("the signalling thread panicked"))??;
    that!(code_of(result)? == ErrorCode::Cancelled);
    that!(seconds <= scenario.number("cancel.within_seconds"));
    let info = trainer.info()?;
    that!(info.step > 0 && !info.finished);
    that!(trainer.step()?.is_some());
    that!(trainer.info()?.step == info.step + 1);
    Ok(adapter.detach()?)
}

pub fn resume(world: &mut World) -> Outcome<()> {
    let scenario = &world.scenario;
    let (model, dataset) = (world.model()?, world.dataset()?);
    let (all, cut) = (scenario.integer("resume.max_steps"), scenario.integer("resume.checkpoint_after"));
    let (r, seed) = (scenario.small("resume.r"), scenario.integer("resume.seed"));
    let path = world.work.join("checkpoint");
    let options = options(scenario, "resume.max_steps");
    let mut first = attach_small(model, "whole", r, seed)?;
    let mut whole = options.create(model, &first, Some(dataset))?;
    let mut losses = Vec::new();
    for i in 1..=all {
        losses.push(step(&mut whole, i, "loss")?);
        if i == cut {
            whole.checkpoint(Some(&path), None)?;
        }
    }
    let mut second = attach_small(model, "resumed", r, seed)?;
    let mut resumed = options.create(model, &second, Some(dataset))?;
    that!(resumed.resume(Some(&path))?.is_none());
    let info = resumed.info()?;
    that!(info.step == cut && info.checkpoint_step == Some(cut));
    for i in cut + 1..=all {
        that!(step(&mut resumed, i, "resumed")?.to_bits() == losses[i as usize - 1].to_bits());
    }
    first.detach()?;
    Ok(second.detach()?)
}
