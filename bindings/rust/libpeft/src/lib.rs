//! Parameter-efficient fine-tuning of language models: train, serve, merge and quantize in one process, on one
//! resident model.
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/talker.rs"));
//! # use libpeft::*;
//! # fn main() -> Result<()> {
//! # let folder = std::env::temp_dir().join(format!("libpeft_quick_start_{}", std::process::id()));
//! # let family = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../tests/data/families/llama");
//! # make_talker(&folder.join("SmolLM2-135M-Instruct"), std::path::Path::new(family));
//! # std::fs::write(folder.join("train.jsonl"), ROWS).unwrap();
//! # std::env::set_current_dir(&folder).unwrap();
//! let context = Context::new()?;
//! let model = Model::load(&context, "SmolLM2-135M-Instruct")?;
//! let rows = Dataset::from_file(&context, Some(&model.tokenizer()?), "train.jsonl")?;
//! let adapter = LoraConfig::new().r(8).attach(&model, "mine")?;
//! let mut trainer = TrainerOptions::new().epochs(2).create(&model, &adapter, Some(&rows))?;
//! trainer.steps().try_for_each(|step| step.map(|step| println!("loss {:.4}", step.loss)))?;
//! adapter.save("my-adapter")?;
//! let mut session = SessionOptions::new().adapters([&adapter]).create(&model)?;
//! session.prefill_chat(&Conversation::new().user("Open the door"), &PrefillOptions::new())?;
//! session.pieces().try_for_each(|piece| piece.map(|piece| print!("{}", piece.text)))?;
//! # std::env::set_current_dir("/").unwrap();
//! # std::fs::remove_dir_all(&folder).unwrap();
//! # Ok(())
//! # }
//! ```
//!
//! # Handles
//!
//! [`Context`], [`Model`], [`Adapter`], [`Tokenizer`], [`Dataset`], [`Session`], [`Trainer`] and [`CancelToken`] own
//! what they stand for and give it up when dropped, in any order and on any thread: the library keeps alive what
//! others still need. What the header calls shared takes `&self` and may run in several threads at once; what it
//! calls exclusive takes `&mut self`.
//!
//! # Errors
//!
//! Every failed call is an [`Error`] with an [`ErrorCode`] and the library's own words. Builders check nothing
//! themselves: the library does when they are used.
//!
//! # Callbacks
//!
//! Closures run on the thread that called. A panic in one does not cross the library: the call ends as if the
//! closure had failed, and then the panic goes on. Whatever has a callback can be pulled instead: [`Trainer::steps`],
//! [`Trainer::events`], [`Session::pieces`], [`log::poll`].
//!
//! # The library
//!
//! See the documentation of [`sys`] for how it is found. Its binary interface is compared before the first call.

#[macro_use]
mod macros;

mod adapter;
mod callback;
mod cancel;
mod chat;
mod context;
mod convert;
mod dataset;
mod enums;
mod error;
mod estimate;
mod evaluate;
mod library;
pub mod log;
mod lora;
mod merge;
mod model;
mod model_info;
mod output;
mod sampling;
mod save;
mod score;
mod session;
mod tokenizer;
mod train_options;
mod trainer;
mod training;

pub use adapter::{Adapter, AdapterInfo, AdapterOptions};
pub use callback::Flow;
pub use cancel::CancelToken;
pub use chat::{ChatOptions, Conversation};
pub use context::{Context, ContextInfo, ContextOptions};
pub use dataset::{DataFormat, Dataset, DatasetInfo, DatasetOptions, LABEL_IGNORED, LabelKind, Row, RowPart};
pub use enums::{Activations, Choice, Dtype, FileFormat, Placement};
pub use error::{Error, ErrorCode, Result};
pub use estimate::{Estimate, EstimateOptions, Job};
pub use evaluate::{EvaluateOptions, Evaluation};
#[cfg(feature = "load-dynamic")]
pub use library::load_from;
pub use library::{DeviceInfo, abi_version, build_info, devices, has_feature, version};
pub use lora::{LoraBias, LoraConfig, LoraInit, TargetKind};
pub use merge::{MergeError, MergeOptions, MergeReport, MergeTensor};
pub use model::{Model, ModelOptions, QuantizeOptions};
pub use model_info::{ModelInfo, Module, Parameter};
pub use sampling::{FinishReason, Piece, SamplingOptions, SessionInfo};
pub use save::SaveOptions;
pub use score::{Score, ScoreOptions};
pub use session::{Pieces, PrefillOptions, Session, SessionOptions};
pub use tokenizer::{StreamDecoder, Tokenizer, TokenizerInfo};
pub use train_options::{ActivationPolicy, Schedule, TrainerOptions};
pub use trainer::{Events, StepOptions, Steps, Trainer};
pub use training::{Event, EventKind, TrainerInfo};

/// The raw bindings, for what a newer library can do and these do not know.
pub use libpeft_sys as sys;
