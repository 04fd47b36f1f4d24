//! Looks for libpeft to link with: LIBPEFT_DIR, then pkg-config.

use std::path::{Path, PathBuf};

const NAMES: [&str; 4] = ["libpeft.so", "libpeft.dylib", "peft.lib", "libpeft.a"];

/// Tells Cargo how to link, or says every place that was looked at.
pub fn find() -> Result<(), String> {
    println!("cargo::rerun-if-env-changed=LIBPEFT_DIR");
    let mut looked = Vec::new();
    match std::env::var_os("LIBPEFT_DIR") {
        Some(folder) => {
            let folder = PathBuf::from(folder);
            for place in [folder.clone(), folder.join("lib")] {
                if holds_library(&place) {
                    println!("cargo::rustc-link-search=native={}", place.display());
                    println!("cargo::rustc-link-lib=dylib=peft");
                    println!("cargo::metadata=libdir={}", place.display());
                    return Ok(());
                }
                looked.push(format!("LIBPEFT_DIR: no {} in {}", NAMES[0], place.display()));
            }
            // Another library than the one that was named would be a surprise.
            return Err(message(&looked));
        }
        None => looked.push("LIBPEFT_DIR: not set".to_string()),
    }
    // A new minor version may change what the functions do.
    match pkg_config::Config::new().range_version("0.1".."0.2").probe("libpeft") {
        Ok(library) => {
            if let Some(folder) = library.link_paths.first() {
                println!("cargo::metadata=libdir={}", folder.display());
            }
            Ok(())
        }
        Err(error) => {
            looked.push(format!("pkg-config libpeft: {}", first_line(&error.to_string())));
            Err(message(&looked))
        }
    }
}

fn holds_library(folder: &Path) -> bool {
    NAMES.iter().any(|name| folder.join(name).exists())
}

fn first_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).take(3).collect::<Vec<_>>().join(" ")
}

fn message(looked: &[String]) -> String {
    format!(
        "libpeft was not found; looked at: {}. Set LIBPEFT_DIR to the folder of libpeft.so, install libpeft so that \
         pkg-config finds it, or open it at run time with the feature `load-dynamic`",
        looked.join("; ")
    )
}
