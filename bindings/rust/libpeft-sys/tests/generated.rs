//! The checked-in bindings are what the headers give.
#![cfg(feature = "bindgen")]

macro_rules! same {
    ($name:literal) => {
        assert!(
            include_str!(concat!(env!("OUT_DIR"), "/", $name)) == include_str!(concat!("../src/", $name)),
            "src/{} is not what the headers give: build once with PEFT_WRITE_BINDINGS=1 and --features bindgen",
            $name
        )
    };
}

#[test]
fn bindings_are_up_to_date() {
    same!("types.rs");
    same!("functions.rs");
}
