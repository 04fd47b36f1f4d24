//! Tokenizers, chat templates and linear-time patterns for lib/text, behind the C functions of rust_bridge.h.
#![cfg_attr(feature = "allocation-hook", feature(alloc_error_hook))]

mod added;
mod allocator;
mod big_stack;
mod boundary;
mod functions;
mod pattern;
mod pipeline;
mod python;
mod splitter;
mod stream;
mod template;
mod tokenizer;
