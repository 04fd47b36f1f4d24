//! The library's day from Rust, over a tiny model.

#[path = "../support/mod.rs"]
mod support;

mod adapters;
mod callbacks;
mod errors;
mod generate;
mod inspect;
mod merge;
mod placement;
mod text;
mod threads;
mod training;
