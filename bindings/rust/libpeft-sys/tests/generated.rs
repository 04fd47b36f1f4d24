//! The checked-in bindings are what the headers give. Comments that have changed since are told, no more.
#![cfg(feature = "bindgen")]

fn without_comments(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with("#[doc")).collect::<Vec<_>>().join("\n")
}

fn compare(name: &str, checked_in: &str, generated: &str) {
    let advice = "build once with PEFT_WRITE_BINDINGS=1 and --features bindgen";
    let same = without_comments(checked_in) == without_comments(generated);
    assert!(same, "src/{name} is not what the headers give: {advice}");
    if checked_in != generated {
        println!("NOTE: comments of src/{name} are not those of the headers: {advice}");
    }
}

macro_rules! same {
    ($name:literal) => {
        compare(
            $name,
            include_str!(concat!("../src/", $name)),
            include_str!(concat!(env!("OUT_DIR"), "/", $name)),
        )
    };
}

#[test]
fn bindings_are_up_to_date() {
    same!("types.rs");
    same!("functions.rs");
}
