//! The scenario in Rust: `libpeft-conformance SCENARIO.json ROOT WORK`. One line a step and a value, as
//! bindings/conformance/README.md has it.

mod errors;
mod model;
mod scenario;
mod serving;
mod training;

use std::path::PathBuf;
use std::process::ExitCode;

use libpeft::{Adapter, Context, Dataset, Model};
use scenario::{Outcome, Scenario, Stop};

/// What later steps use of earlier ones; nothing where that step failed.
struct World {
    scenario: Scenario,
    root: PathBuf,
    work: PathBuf,
    context: Option<Context>,
    model: Option<Model>,
    smollm2: Option<Model>,
    given: Option<Adapter>,
    dataset: Option<Dataset>,
}

impl World {
    fn context(&self) -> Outcome<&Context> {
        self.context.as_ref().ok_or_else(|| Stop::failure("there is no context"))
    }
    fn model(&self) -> Outcome<&Model> {
        self.model.as_ref().ok_or_else(|| Stop::failure("there is no model"))
    }
    fn smollm2(&self) -> Outcome<&Model> {
        self.smollm2.as_ref().ok_or_else(|| Stop::Skipped("no model".to_string()))
    }
    fn given(&self) -> Outcome<&Adapter> {
        self.given.as_ref().ok_or_else(|| Stop::failure("there is no adapter"))
    }
    fn dataset(&self) -> Outcome<&Dataset> {
        self.dataset.as_ref().ok_or_else(|| Stop::failure("there is no data set"))
    }
}

type Step = fn(&mut World) -> Outcome<()>;

const STEPS: [(&str, Step); 18] = [
    ("load", model::load),
    ("text", model::text),
    ("load_smollm2", model::load_smollm2),
    ("text_smollm2", model::text_smollm2),
    ("adapter", model::adapter),
    ("train", training::train),
    ("evaluate", training::evaluate),
    ("save", training::save),
    ("load_beside", training::load_beside),
    ("stream", serving::stream),
    ("chat", serving::chat),
    ("sessions", serving::sessions),
    ("quantize", serving::quantize),
    ("merge", serving::merge),
    ("cancel", training::cancel),
    ("resume", training::resume),
    ("errors", errors::errors),
    ("close", errors::close),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, scenario, root, work] = arguments.as_slice() else {
        eprintln!("usage: libpeft-conformance SCENARIO.json ROOT WORK");
        return ExitCode::from(2);
    };
    let mut world = World {
        scenario: Scenario::read(scenario),
        root: root.into(),
        work: work.into(),
        context: None,
        model: None,
        smollm2: None,
        given: None,
        dataset: None,
    };
    let mut failed = false;
    for (name, step) in STEPS {
        scenario::set_step(name);
        let verdict = match step(&mut world) {
            Ok(()) => "ok".to_string(),
            Err(Stop::Skipped(why)) => format!("skipped: {why}"),
            Err(Stop::Failed(why)) => {
                failed = true;
                why.replace(['\t', '\n', '\r'], " ")
            }
        };
        println!("step\t{name}\t{verdict}");
    }
    ExitCode::from(u8::from(failed))
}
