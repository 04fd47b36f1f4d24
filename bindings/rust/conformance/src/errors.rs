//! Every kind of error that a program can meet, with its code; and giving all up in any order.

use std::ffi::c_void;
use std::ptr;

use libpeft::*;

use crate::World;
use crate::model::{attach_small, load_tiny};
use crate::scenario::{Outcome, Stop, code_of, print_ids, print_integer};
use crate::serving::{generate, greedy_session};
use crate::that;

fn hard(rate: f64) -> TrainerOptions<'static> {
    TrainerOptions::new()
        .max_steps(8)
        .learning_rate(rate)
        .warmup_ratio(0)
        .max_grad_norm(0)
        .max_skipped_in_row(1)
}

fn bad_handle() -> Outcome<ErrorCode> {
    let token = CancelToken::new()?;
    let freed = token.as_raw();
    drop(token);
    Ok(ErrorCode::from_status(unsafe { sys::peft_cancel_signal(freed) }))
}

fn out_of_memory(world: &World) -> Outcome<ErrorCode> {
    let context = ContextOptions::new().max_memory_bytes(10000).create()?;
    code_of(Model::load(&context, world.root.join(world.scenario.text("model.path"))))
}

fn load_with(world: &World, options: &ModelOptions<'_>) -> Outcome<ErrorCode> {
    code_of(options.load(world.context()?, world.root.join(world.scenario.text("model.path"))))
}

fn cancelled(world: &World) -> Outcome<ErrorCode> {
    let token = CancelToken::new()?;
    token.cancel()?;
    load_with(world, &ModelOptions::new().cancel(&token))
}

fn mismatch(world: &World) -> Outcome<ErrorCode> {
    let dataset = Dataset::from_rows(world.context()?, &[Row::tokens(&[1, 2, 5000])])?;
    code_of(Trainer::new(world.model()?, world.given()?, Some(&dataset)))
}

fn limit(world: &World) -> Outcome<ErrorCode> {
    let mut session = SessionOptions::new().context_length(4).create(world.model()?)?;
    code_of(session.prefill(&world.scenario.ids("row.ids"), &PrefillOptions::new()))
}

/// An update so large that the second step has no finite loss.
fn numeric(world: &World) -> Outcome<ErrorCode> {
    let mut adapter = LoraConfig::new().r(1).lora_alpha(1e9).attach(world.model()?, "overflow")?;
    adapter.set_scale(1e6)?;
    let mut trainer = hard(1e6).create(world.model()?, &adapter, Some(world.dataset()?))?;
    let failed = trainer.steps().find_map(Result::err);
    drop(trainer);
    adapter.detach()?;
    failed.map(|error| error.code()).ok_or_else(|| Stop::failure("all steps went well"))
}

/// Calls the trainer from inside its own callback, which only the raw interface can try.
unsafe extern "C" fn use_itself(trainer: *mut c_void, _: *const sys::peft_step_result) -> i32 {
    let status = unsafe { sys::peft_train_step(trainer.cast(), ptr::null(), ptr::null_mut()) };
    i32::from(status != sys::peft_status_code::PEFT_E_REENTRANT.0)
}

fn with_trainer(world: &World, name: &str) -> Outcome<ErrorCode> {
    let model = world.model()?;
    let mut adapter = attach_small(model, "held", 2, 1)?;
    let mut trainer = hard(1e-3).create(model, &adapter, Some(world.dataset()?))?;
    let code = match name {
        "busy" => code_of(Trainer::new(model, &adapter, Some(world.dataset()?)))?,
        "callback" => code_of(trainer.run(None, |_: &Event| Flow::Fail))?,
        _ => {
            let raw = trainer.as_raw();
            let status =
                unsafe { sys::peft_trainer_run(raw, ptr::null(), Some(use_itself), raw.cast(), None) };
            that!(status == sys::peft_status_code::PEFT_OK.0);
            ErrorCode::Reentrant
        }
    };
    drop(trainer);
    adapter.detach()?;
    Ok(code)
}

fn on_fresh_model(world: &World, name: &str) -> Outcome<ErrorCode> {
    let mut model = load_tiny(world)?;
    match name {
        "unsupported" => code_of(model.quantize_nf4(&QuantizeOptions::new().block_size(128))),
        "state" => code_of(model.unmerge()),
        "refused" => {
            let adapter = Adapter::load(&model, "small", world.work.join("adapter"))?;
            model.quantize_nf4(&QuantizeOptions::new())?;
            code_of(model.merge(&adapter, &MergeOptions::new()).map_err(Error::from))
        }
        other => Err(Stop::failure(format!("{other}: an unknown case"))),
    }
}

fn provoke(world: &World, name: &str) -> Outcome<ErrorCode> {
    match name {
        "invalid_argument" => code_of(LoraConfig::new().r(-1).attach(world.model()?, "none")),
        "bad_handle" => bad_handle(),
        "out_of_memory" => out_of_memory(world),
        "io" => code_of(world.given()?.save("/dev/null/adapter")),
        "format" => code_of(Dataset::from_text(world.context()?, None, "{\"token_ids\": [1, 2")),
        "not_found" => code_of(Model::load(world.context()?, "/no/such/folder")),
        "mismatch" => mismatch(world),
        "numeric" => numeric(world),
        "device" => load_with(world, &ModelOptions::new().device("cuda:99")),
        "cancelled" => cancelled(world),
        "limit" => limit(world),
        "busy" | "callback" | "reentrant" => with_trainer(world, name),
        _ => on_fresh_model(world, name),
    }
}

pub fn errors(world: &mut World) -> Outcome<()> {
    for named in world.scenario.list("errors.names") {
        let status = named["code"].as_i64().unwrap_or_default() as i32;
        that!(Some(ErrorCode::from_status(status).name()) == named["name"].as_str());
    }
    for case in world.scenario.list("errors.cases") {
        let name = case["name"].as_str().unwrap_or_default();
        let code = provoke(world, name)?;
        if case["code"].as_i64() != Some(code.status().into()) {
            return Err(Stop::failure(format!("{name} gave {}", code.name())));
        }
        print_integer(name, code.status().into());
    }
    Ok(())
}

/// Parents first: what is still held lives on.
pub fn close(world: &mut World) -> Outcome<()> {
    let mut session = greedy_session(world.model()?, world.given.as_ref(), 2)?;
    let freed = world.model()?.as_raw();
    (world.context, world.smollm2, world.model, world.given, world.dataset) = (None, None, None, None, None);
    session.prefill(&world.scenario.ids("row.ids"), &PrefillOptions::new())?;
    let made = generate(&mut session)?;
    that!(made.len() == 2);
    print_ids("ids", &made);
    drop(session);
    let status = unsafe { sys::peft_model_retain(freed) };
    that!(ErrorCode::from_status(status) == ErrorCode::BadHandle);
    Ok(())
}
