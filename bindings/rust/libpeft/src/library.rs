//! The library itself: found, of the right interface, what it can do and on which devices.

use std::sync::OnceLock;

use libpeft_sys as sys;

use crate::convert::Keep;
use crate::error::{Error, ErrorCode, Result, check};
use crate::output::static_text;

/// Makes sure once that there is a library and that it is the one these bindings were made for.
pub(crate) fn ready() -> Result<()> {
    static READY: OnceLock<Result<()>> = OnceLock::new();
    if let Some(Ok(())) = READY.get() {
        return Ok(());
    }
    #[cfg(feature = "load-dynamic")]
    sys::load().map_err(|error| Error::new(ErrorCode::Library, error.to_string()))?;
    READY.get_or_init(|| compare(unsafe { sys::peft_abi_version() }, version_text())).clone()
}

/// Opens this file, before anything else is done. Without it the library is looked for in the folder `LIBPEFT_DIR`,
/// beside the program, and where the system looks.
#[cfg(feature = "load-dynamic")]
pub fn load_from(path: impl AsRef<std::path::Path>) -> Result<()> {
    sys::load_from(path).map_err(|error| Error::new(ErrorCode::Library, error.to_string()))?;
    ready()
}

fn compare(found: i32, version: &str) -> Result<()> {
    if found == sys::PEFT_ABI_VERSION as i32 {
        return Ok(());
    }
    let message = format!(
        "libpeft {version} has binary interface {found}, and this program was made for {}",
        sys::PEFT_ABI_VERSION
    );
    Err(Error::new(ErrorCode::Library, message))
}

fn version_text() -> &'static str {
    static_text(unsafe { sys::peft_version() })
}

/// Version of the library that runs, such as "0.1.0".
pub fn version() -> Result<&'static str> {
    ready()?;
    Ok(version_text())
}

/// Binary interface of the library that runs.
pub fn abi_version() -> Result<i32> {
    ready()?;
    Ok(unsafe { sys::peft_abi_version() })
}

/// How the library was built: version, compiler, configuration, backends.
pub fn build_info() -> Result<&'static str> {
    ready()?;
    Ok(static_text(unsafe { sys::peft_build_info() }))
}

/// Asks for a capability of this build on this machine: "cuda", "gguf", "nf4", "avx512", a method ("lora", "ia3",
/// "prompt_tuning"), a family ("family:llama") and others that `peft/base.h` lists.
pub fn has_feature(name: &str) -> Result<bool> {
    ready()?;
    let mut keep = Keep::default();
    Ok(unsafe { sys::peft_has_feature(keep.string(name.as_bytes())?) } != 0)
}

figures! {
    /// What a device is.
    DeviceInfo, peft_device_info {
        /// Position in the list of devices.
        index: i32,
        /// What device options take: "cpu", "cuda:0".
        id: String,
        /// Marketing name of the processor or GPU.
        name: String,
        /// Instruction sets or compute capability.
        capabilities: String,
        /// Memory of the device.
        memory_bytes: i64,
        /// Of which free now.
        free_bytes: i64,
    }
}

/// The devices that can be used now. The CPU is always the first.
pub fn devices() -> Result<Vec<DeviceInfo>> {
    ready()?;
    let mut count = 0;
    check(unsafe { sys::peft_device_count(&mut count) })?;
    (0..count)
        .map(|index| DeviceInfo::read(|info| unsafe { sys::peft_device_get_info(index, info) }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_interface_is_refused_by_both_numbers() {
        let error = compare(99, "9.9.9").unwrap_err();
        assert_eq!(error.code(), ErrorCode::Library);
        assert_eq!(error.message(), "libpeft 9.9.9 has binary interface 99, and this program was made for 1");
        assert!(compare(1, "0.1.0").is_ok());
    }
}
