//! Opens the library at run time.

use std::ffi::{CStr, OsStr, c_char};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

use libloading::Library;

use crate::functions::Functions;

#[cfg(target_os = "macos")]
const NAMES: [&str; 2] = ["libpeft.1.dylib", "libpeft.dylib"];
#[cfg(windows)]
const NAMES: [&str; 2] = ["peft.dll", "libpeft.dll"];
#[cfg(not(any(target_os = "macos", windows)))]
const NAMES: [&str; 2] = ["libpeft.so.1", "libpeft.so"];

/// Why no library could be opened: every place that was looked at, and what was found there.
#[derive(Clone, Debug)]
pub struct LoadError {
    /// Place and reason of each attempt.
    pub looked_at: Vec<(PathBuf, String)>,
}

impl std::fmt::Display for LoadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "libpeft could not be opened; looked at:")?;
        for (place, reason) in &self.looked_at {
            write!(f, "\n  {}: {reason}", place.display())?;
        }
        let folder = std::env::var("LIBPEFT_DIR").unwrap_or_else(|_| "not set".to_string());
        let path = std::env::var("LD_LIBRARY_PATH").unwrap_or_else(|_| "not set".to_string());
        write!(f, "\n  LIBPEFT_DIR is {folder}; LD_LIBRARY_PATH is {path}")
    }
}

impl std::error::Error for LoadError {}

// Never closed: handles and threads may outlive whoever asked for it.
static FUNCTIONS: OnceLock<Functions> = OnceLock::new();
static LOADING: Mutex<()> = Mutex::new(());

/// Opens the library unless it is open: in the folder `LIBPEFT_DIR` (or its `lib`), beside the program, then
/// wherever the system looks for libraries. Any thread may call it.
pub fn load() -> Result<(), LoadError> {
    let mut places = Vec::new();
    if let Some(folder) = std::env::var_os("LIBPEFT_DIR") {
        let folder = PathBuf::from(folder);
        places.extend(NAMES.map(|name| folder.join(name)));
        places.extend(NAMES.map(|name| folder.join("lib").join(name)));
    }
    if let Some(folder) = std::env::current_exe().ok().as_deref().and_then(Path::parent) {
        places.extend(NAMES.map(|name| folder.join(name)));
    }
    places.extend(NAMES.map(PathBuf::from));
    open_first(&places)
}

/// Opens this file unless a library is open already.
pub fn load_from(path: impl AsRef<Path>) -> Result<(), LoadError> {
    open_first(&[path.as_ref().to_path_buf()])
}

fn open_first(places: &[PathBuf]) -> Result<(), LoadError> {
    let _one_at_a_time = LOADING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if FUNCTIONS.get().is_some() {
        return Ok(());
    }
    let mut looked_at = Vec::new();
    for place in places {
        match open(place.as_os_str()) {
            Ok(functions) => {
                let _ = FUNCTIONS.set(functions);
                return Ok(());
            }
            Err(reason) => looked_at.push((place.clone(), reason)),
        }
    }
    Err(LoadError { looked_at })
}

fn open(place: &OsStr) -> Result<Functions, String> {
    let path = Path::new(place);
    if path.is_absolute() && !path.exists() {
        return Err("no such file".to_string());
    }
    let library = unsafe { Library::new(place) }.map_err(|error| error.to_string())?;
    let missing = |name: &str| format!("is not libpeft, or an older one: it has no {name}");
    let (abi, version) = unsafe {
        let abi = library.get::<unsafe extern "C" fn() -> i32>(b"peft_abi_version\0");
        let abi = abi.map_err(|_| missing("peft_abi_version"))?();
        let version = library.get::<unsafe extern "C" fn() -> *const c_char>(b"peft_version\0");
        let version = version.map_err(|_| missing("peft_version"))?();
        (abi, CStr::from_ptr(version).to_string_lossy().into_owned())
    };
    if abi != crate::PEFT_ABI_VERSION as i32 {
        return Err(format!(
            "version {version} has binary interface {abi}, and this program was made for {}",
            crate::PEFT_ABI_VERSION
        ));
    }
    let functions = unsafe { Functions::resolve(&library) }.map_err(missing)?;
    std::mem::forget(library);
    Ok(functions)
}

pub(crate) fn functions() -> &'static Functions {
    if let Some(functions) = FUNCTIONS.get() {
        return functions;
    }
    if let Err(error) = load() {
        panic!("{error}");
    }
    FUNCTIONS.get().expect("loaded above")
}
