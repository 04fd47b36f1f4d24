//! Between Rust's types and the structures of the C header.

use std::any::Any;
use std::ffi::{CString, c_char};
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorCode, Result};

/// Owns what the pointers of option structures lead to, until the call is over.
#[derive(Default)]
pub(crate) struct Keep(Vec<Box<dyn Any>>);

impl Keep {
    /// A NUL-terminated copy.
    pub(crate) fn string(&mut self, bytes: &[u8]) -> Result<*const c_char> {
        let text = CString::new(bytes).map_err(|_| {
            Error::new(
                ErrorCode::InvalidArgument,
                format!("'{}': a name, path or setting holds NUL", String::from_utf8_lossy(bytes)),
            )
        })?;
        let begin = text.as_ptr();
        self.0.push(Box::new(text));
        Ok(begin)
    }

    /// A NUL-terminated path.
    pub(crate) fn path(&mut self, path: &Path) -> Result<*const c_char> {
        self.string(path.as_os_str().as_encoded_bytes())
    }

    /// Something that stays where it is.
    pub(crate) fn value<T: 'static>(&mut self, value: T) -> *const T {
        let value = Box::new(value);
        let address = std::ptr::from_ref(&*value);
        self.0.push(value);
        address
    }

    /// An array and its length; NULL if it is empty.
    pub(crate) fn array<T: 'static>(&mut self, values: Vec<T>) -> Result<(*const T, i32)> {
        let count = i32::try_from(values.len())
            .map_err(|_| Error::new(ErrorCode::InvalidArgument, "a list has more than 2147483647 entries"))?;
        let begin = if values.is_empty() { std::ptr::null() } else { values.as_ptr() };
        self.0.push(Box::new(values));
        Ok((begin, count))
    }
}

/// What a setting becomes in an option structure.
pub(crate) trait ToRaw {
    type Raw;
    fn to_raw(&self, keep: &mut Keep) -> Result<Self::Raw>;
}

macro_rules! plain_to_raw {
    ($($type:ty),*) => { $(impl ToRaw for $type {
        type Raw = $type;
        fn to_raw(&self, _: &mut Keep) -> Result<$type> {
            Ok(*self)
        }
    })* };
}
plain_to_raw!(i32, i64, f64);

impl ToRaw for bool {
    type Raw = i32;
    fn to_raw(&self, _: &mut Keep) -> Result<i32> {
        Ok((*self).into())
    }
}

impl ToRaw for String {
    type Raw = *const c_char;
    fn to_raw(&self, keep: &mut Keep) -> Result<*const c_char> {
        keep.string(self.as_bytes())
    }
}

impl ToRaw for PathBuf {
    type Raw = *const c_char;
    fn to_raw(&self, keep: &mut Keep) -> Result<*const c_char> {
        keep.path(self)
    }
}

/// What a field of a result structure becomes.
pub(crate) trait FromRaw<Raw> {
    fn from_raw(raw: Raw) -> Self;
}

macro_rules! plain_from_raw {
    ($($type:ty),*) => { $(impl FromRaw<$type> for $type {
        fn from_raw(raw: $type) -> $type {
            raw
        }
    })* };
}
plain_from_raw!(i32, i64, f64);

impl FromRaw<i32> for bool {
    fn from_raw(raw: i32) -> bool {
        raw != 0
    }
}

/// Token ids and steps that are not there are below zero.
impl FromRaw<i32> for Option<i32> {
    fn from_raw(raw: i32) -> Self {
        (raw >= 0).then_some(raw)
    }
}

impl FromRaw<i64> for Option<i64> {
    fn from_raw(raw: i64) -> Self {
        (raw >= 0).then_some(raw)
    }
}

impl<const N: usize> FromRaw<[c_char; N]> for String {
    fn from_raw(raw: [c_char; N]) -> String {
        let bytes: Vec<u8> = raw.iter().take_while(|byte| **byte != 0).map(|byte| *byte as u8).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}
