//! The library opened at run time: missing, another one, of another interface. Each in a process of its own.
#![cfg(all(feature = "load-dynamic", target_os = "linux"))]

mod support;

use std::path::Path;
use std::process::Command;

use libpeft::*;
use support::Folder;

const ROLE: &str = "PEFT_RUST_LOAD_ROLE";

/// What the child processes do: say why there is no library.
#[test]
fn child() {
    if std::env::var_os(ROLE).is_some() {
        match Context::new() {
            Ok(_) => println!("INSTALLED"),
            Err(error) => {
                assert_eq!(error.code(), ErrorCode::Library);
                println!("<<{error}>>");
            }
        }
    }
}

/// The error, or nothing where the system has a libpeft.
fn said_with(folder: &Path) -> Option<String> {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["child", "--exact", "--nocapture"])
        .env(ROLE, "1")
        .env("LIBPEFT_DIR", folder)
        .env("LD_LIBRARY_PATH", "")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    if text.contains("INSTALLED") {
        println!("SKIPPED: rust: the system has a libpeft");
        return None;
    }
    Some(text)
}

fn compile(folder: &Path, source: &str) -> bool {
    std::fs::write(folder.join("fake.c"), source).unwrap();
    let status = Command::new("cc")
        .args(["-shared", "-fPIC", "-o", "libpeft.so.1", "fake.c"])
        .current_dir(folder)
        .status();
    if !status.is_ok_and(|status| status.success()) {
        println!("SKIPPED: rust: no C compiler");
        return false;
    }
    true
}

#[test]
fn a_missing_library_is_an_error_that_lists_every_place() {
    let folder = Folder::new();
    let Some(text) = said_with(&folder.0) else { return };
    for name in ["libpeft.so.1", "libpeft.so", "lib/libpeft.so.1", "lib/libpeft.so"] {
        assert!(text.contains(&format!("{}: no such file", folder.path(name).display())), "{name} in {text}");
    }
    let beside = std::env::current_exe().unwrap().with_file_name("libpeft.so.1");
    assert!(text.contains(&format!("{}: no such file", beside.display())), "{text}");
    assert!(text.contains("\n  libpeft.so.1: libpeft.so.1: cannot open"), "{text}");
    assert!(text.contains("LIBPEFT_DIR is ") && text.contains("LD_LIBRARY_PATH is "), "{text}");
}

#[test]
fn another_interface_is_said_with_both_numbers() {
    let folder = Folder::new();
    let source =
        "int peft_abi_version(void) { return 77; } const char *peft_version(void) { return \"9.9.9\"; }";
    if !compile(&folder.0, source) {
        return;
    }
    if let Some(text) = said_with(&folder.0) {
        let words = "version 9.9.9 has binary interface 77, and this program was made for 1";
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn a_library_that_lacks_functions_is_named() {
    let folder = Folder::new();
    let source =
        "int peft_abi_version(void) { return 1; } const char *peft_version(void) { return \"0.0.1\"; }";
    if compile(&folder.0, source) {
        assert!(said_with(&folder.0).is_none_or(|text| text.contains("it has no peft_")));
    }
    if compile(&folder.0, "int something_else;") {
        assert!(said_with(&folder.0).is_none_or(|text| text.contains("it has no peft_abi_version")));
    }
}

#[test]
fn the_right_library_opens() {
    if std::env::var_os(ROLE).is_none() {
        assert!(load_from("/no/such/libpeft.so").is_err());
        assert!(version().unwrap().starts_with("0."));
        load_from("/no/such/libpeft.so").expect("one is open already");
    }
}
