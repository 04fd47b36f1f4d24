//! The library's log, for the whole process. Silent until asked.

use std::ffi::{c_char, c_void};
use std::slice;

use libpeft_sys as sys;

use crate::callback::{Flow, guard};
use crate::convert::{FromRaw, Keep, ToRaw};
use crate::error::{END, Result, check};
use crate::output::{NAME, text};

enumeration! {
    /// How much is logged; each level includes the ones before it.
    Level, peft_log_level {
        /// Nothing.
        Off = PEFT_LOG_OFF,
        /// What failed.
        Error = PEFT_LOG_ERROR,
        /// What the user should look at.
        Warning = PEFT_LOG_WARNING,
        /// What goes on.
        Info = PEFT_LOG_INFO,
        /// Details.
        Debug = PEFT_LOG_DEBUG,
    }
}

/// One record of the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its level.
    pub level: Level,
    /// Its words.
    pub text: String,
}

/// Sets how much is logged. [`Level::Off`] unless set.
pub fn set_level(level: Level) -> Result<()> {
    crate::library::ready()?;
    let level = level.to_raw(&mut Keep::default())?;
    check(unsafe { sys::peft_log_set_level(level) }).map(drop)
}

/// Takes the oldest record of the queue, which holds 1024.
pub fn poll() -> Result<Option<Record>> {
    crate::library::ready()?;
    let mut level = sys::peft_log_level::PEFT_LOG_OFF;
    let (status, text) =
        text(NAME, |buf, cap, len| unsafe { sys::peft_log_poll(&mut level, buf, cap, len) })?;
    Ok((status != END).then(|| Record { level: Level::from_raw(level), text }))
}

type Sink = Box<dyn Fn(Level, &str) + Send + Sync>;

/// Sends records to a closure instead of the queue, on the thread that called the library. It replaces an earlier
/// one. If it panics, the panic goes on after the call of the library that logged.
pub fn set_callback(sink: impl Fn(Level, &str) + Send + Sync + 'static) -> Result<()> {
    crate::library::ready()?;
    let sink: Box<Sink> = Box::new(Box::new(sink));
    check(unsafe { sys::peft_log_set_callback(Some(record), Box::into_raw(sink).cast(), Some(release)) })
        .map(drop)
}

/// Sends records to the queue again.
pub fn to_queue() -> Result<()> {
    crate::library::ready()?;
    check(unsafe { sys::peft_log_set_callback(None, std::ptr::null_mut(), None) }).map(drop)
}

/// Sends records up to this level to `tracing`, with the target "libpeft".
pub fn to_tracing(level: Level) -> Result<()> {
    set_callback(|level, text| match level {
        Level::Error => tracing::error!(target: "libpeft", "{text}"),
        Level::Warning => tracing::warn!(target: "libpeft", "{text}"),
        Level::Info => tracing::info!(target: "libpeft", "{text}"),
        _ => tracing::debug!(target: "libpeft", "{text}"),
    })?;
    set_level(level)
}

unsafe extern "C" fn record(
    sink: *mut c_void,
    level: sys::peft_log_level,
    begin: *const c_char,
    length: usize,
) -> i32 {
    guard(|| {
        let sink = unsafe { &*sink.cast::<Sink>() };
        let bytes = match length {
            0 => &[],
            _ => unsafe { slice::from_raw_parts(begin.cast::<u8>(), length) },
        };
        sink(Level::from_raw(level), &String::from_utf8_lossy(bytes));
        Flow::Continue
    })
}

unsafe extern "C" fn release(sink: *mut c_void) {
    guard(|| {
        drop(unsafe { Box::from_raw(sink.cast::<Sink>()) });
        Flow::Continue
    });
}
