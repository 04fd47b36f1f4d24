//! Finds the library to link, and makes the bindings anew where the feature `bindgen` asks for it.

mod find;
#[cfg(feature = "bindgen")]
mod generate;

fn main() {
    println!("cargo::rerun-if-changed=build");
    #[cfg(feature = "bindgen")]
    generate::generate();
    // Documentation needs no library, and one that is opened at run time is not linked.
    let documentation = std::env::var_os("DOCS_RS").is_some();
    let at_run_time = std::env::var_os("CARGO_FEATURE_LOAD_DYNAMIC").is_some();
    println!("cargo::rerun-if-env-changed=DOCS_RS");
    if !documentation && !at_run_time {
        if let Err(message) = find::find() {
            // Ends the build when this program has ended.
            println!("cargo::error={}", message.replace('\n', " "));
        }
    }
}
