//! Raw bindings of libpeft: the types and functions of `include/peft/peft.h`, and nothing else. The crate
//! `libpeft` is the safe way to use them.
//!
//! The library is found when this crate is built: in the folder `LIBPEFT_DIR`, else by pkg-config. With the
//! feature `load-dynamic` nothing is needed to build, and `load` opens the library at run time.
//!
//! `types.rs` and `functions.rs` are made by bindgen and checked in; the sizes and offsets in them are compared
//! when the crate is compiled. The feature `bindgen` makes them anew from the headers.
#![allow(
    non_camel_case_types,
    non_upper_case_globals,
    clippy::missing_safety_doc,
    clippy::too_many_arguments
)]
#![allow(rustdoc::broken_intra_doc_links, rustdoc::invalid_html_tags)]

mod declare;
#[cfg(feature = "load-dynamic")]
mod load;

#[cfg(feature = "load-dynamic")]
pub use load::{LoadError, load, load_from};

#[cfg(not(feature = "bindgen"))]
#[allow(missing_docs)]
#[rustfmt::skip]
mod types;
#[cfg(feature = "bindgen")]
#[allow(missing_docs)]
mod types {
    include!(concat!(env!("OUT_DIR"), "/types.rs"));
}
pub use types::*;

#[cfg(not(feature = "bindgen"))]
#[allow(missing_docs)]
#[rustfmt::skip]
mod functions;
#[cfg(feature = "bindgen")]
#[allow(missing_docs)]
mod functions {
    include!(concat!(env!("OUT_DIR"), "/functions.rs"));
}
pub use functions::*;
