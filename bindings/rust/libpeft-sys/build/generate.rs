//! Makes `types.rs` and `functions.rs` from the headers of the library.

use std::path::{Path, PathBuf};

// What stands before the comparison of a structure's size and offsets.
const LAYOUT: &str = "#[allow(clippy::unnecessary_operation, clippy::identity_op)]";

/// Takes Doxygen's mark of a comment that follows its field away.
#[derive(Debug)]
struct Comments;

impl bindgen::callbacks::ParseCallbacks for Comments {
    fn process_comment(&self, comment: &str) -> Option<String> {
        Some(format!(" {}", comment.trim_start_matches('<').trim_start()))
    }
}

/// Writes both files into OUT_DIR, and over the checked-in ones if PEFT_WRITE_BINDINGS is set.
pub fn generate() {
    println!("cargo::rerun-if-env-changed=PEFT_INCLUDE_DIR");
    println!("cargo::rerun-if-env-changed=PEFT_WRITE_BINDINGS");
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap());
    let include = match std::env::var_os("PEFT_INCLUDE_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => root.join("../../../include"),
    };
    println!("cargo::rerun-if-changed={}", include.display());
    let types = base(&include)
        .ignore_functions()
        .layout_tests(true)
        .generate()
        .expect("the headers of libpeft can be read");
    let functions = base(&include)
        .with_codegen_config(bindgen::CodegenConfig::FUNCTIONS)
        .blocklist_type(".*")
        .merge_extern_blocks(true)
        .generate()
        .expect("the headers of libpeft can be read");
    let types =
        types.to_string().replace(LAYOUT, &format!("#[cfg(target_pointer_width = \"64\")]\n{LAYOUT}"));
    let functions =
        format!("use crate::declare::declare;\nuse crate::types::*;\n\ndeclare! {{\n{functions}}}\n");
    let mut folders = vec![PathBuf::from(std::env::var_os("OUT_DIR").unwrap())];
    if std::env::var_os("PEFT_WRITE_BINDINGS").is_some() {
        folders.push(root.join("src"));
    }
    for folder in folders {
        std::fs::write(folder.join("types.rs"), &types).unwrap();
        std::fs::write(folder.join("functions.rs"), &functions).unwrap();
    }
}

// As C++ the enumerations are four signed bytes, which is what the library was compiled with.
fn base(include: &Path) -> bindgen::Builder {
    bindgen::builder()
        .header(include.join("peft/peft.h").to_string_lossy())
        .clang_args(["-x", "c++", "-std=c++17", "-I"])
        .clang_arg(include.to_string_lossy())
        .allowlist_item("(peft|PEFT)_.*")
        .default_enum_style(bindgen::EnumVariation::NewType { is_bitfield: false, is_global: false })
        .rust_target(bindgen::RustTarget::stable(85, 0).unwrap_or_else(|_| panic!("Rust 1.85 is known")))
        .rust_edition(bindgen::RustEdition::Edition2024)
        .parse_callbacks(Box::new(Comments))
        .disable_header_comment()
        .formatter(bindgen::Formatter::Rustfmt)
        .rustfmt_configuration_file(Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("../rustfmt.toml")))
}
