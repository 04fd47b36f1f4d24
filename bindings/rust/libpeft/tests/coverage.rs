//! Everything of the header is there: functions in both crates, and every field of every option structure.

mod support;

use std::collections::BTreeSet;
use std::path::Path;

fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()))
}

fn here(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The crate's sources without comments.
fn sources() -> String {
    let files = std::fs::read_dir(here("src")).unwrap().map(|entry| read(entry.unwrap().path()));
    let lines = files.collect::<Vec<_>>().join("\n");
    lines.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn words(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty()).collect()
}

fn exported() -> BTreeSet<String> {
    read(support::data("capi/symbols.txt")).lines().map(String::from).collect()
}

#[test]
fn the_raw_crate_declares_what_the_library_exports() {
    let text = read(here("../libpeft-sys/src/functions.rs"));
    let declared: BTreeSet<String> =
        text.split("pub fn ").skip(1).map(|rest| rest.split('(').next().unwrap().to_string()).collect();
    assert_eq!(declared, exported());
}

#[test]
fn the_safe_crate_uses_every_function() {
    let sources = sources();
    let used = words(&sources);
    let missing: Vec<String> = exported().into_iter().filter(|name| !used.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "not reachable: {missing:?}");
}

#[test]
fn builders_have_every_field_of_their_structures() {
    // Lengths come from lists, callbacks are arguments of functions, stop strings are a list.
    const OTHERWISE: [&str; 9] = [
        "struct_size",
        "progress",
        "user_data",
        "drop",
        "stop_json",
        "adapter_count",
        "layers_to_transform_count",
        "row_count",
        "rows",
    ];
    let types = read(here("../libpeft-sys/src/types.rs"));
    let sources = sources();
    let mut structures = 0;
    for part in types.split("pub struct ").skip(1) {
        // Newtypes of enumerations have no braces.
        let Some((name, rest)) = part.split_once(" {").filter(|(name, _)| words(name).len() == 1) else {
            continue;
        };
        if !name.ends_with("_options") && !name.ends_with("_config") {
            continue;
        }
        structures += 1;
        let block =
            sources.split("options! {").find(|block| block.contains(&format!(" {name}, {name}_init")));
        let block = block.unwrap_or_else(|| panic!("no builder for {name}"));
        let block = block.split("\n}").next().unwrap();
        for line in rest.split('}').next().unwrap().lines() {
            let Some((field, _)) = line.trim().strip_prefix("pub ").and_then(|line| line.split_once(':'))
            else {
                continue;
            };
            let there = block.contains(&format!(" {field}:"));
            assert!(there || OTHERWISE.contains(&field), "{name}: no setting for {field}");
        }
    }
    assert_eq!(structures, exported().iter().filter(|name| name.ends_with("_init")).count());
}

#[test]
fn the_quick_start_is_the_one_that_is_tested() {
    let read_me = read(here("../README.md"));
    let shown: Vec<&str> =
        read_me.split("```rust\n").nth(1).unwrap().split("```").next().unwrap().lines().collect();
    assert_eq!(shown.len(), 10, "ten lines");
    let library = read(here("src/lib.rs"));
    let tested: Vec<&str> = library
        .split("//! ```\n")
        .nth(1)
        .unwrap()
        .lines()
        .map(|line| line.trim_start_matches("//!").trim_start_matches(' '))
        .filter(|line| !line.starts_with('#'))
        .collect();
    assert_eq!(shown, tested);
}
