//! Outputs of variable size: text and arrays that the library copies out.

use std::ffi::{CStr, c_char};
use std::ptr;

use libpeft_sys as sys;

use crate::error::{Error, ErrorCode, LIMIT, Result, check};

/// Room that is enough for names and most pieces of text.
pub(crate) const NAME: usize = 256;

/// Copies an array out. `room` is a guess; with 0 the call is asked for the size first.
pub(crate) fn array<T: Copy + Default>(
    room: usize,
    mut call: impl FnMut(*mut T, usize, *mut usize) -> sys::peft_status,
) -> Result<(i32, Vec<T>)> {
    let mut data = vec![T::default(); room];
    let mut length = 0usize;
    loop {
        let begin = if data.is_empty() { ptr::null_mut() } else { data.as_mut_ptr() };
        let status = call(begin, data.len(), &mut length);
        if length > data.len() && (status == LIMIT || data.is_empty()) {
            // Too small, not too much: the limit of something else leaves the length at 0.
            data.resize(length, T::default());
            length = 0;
            continue;
        }
        let status = check(status)?;
        data.truncate(length);
        return Ok((status, data));
    }
}

/// Copies text out.
pub(crate) fn text(
    room: usize,
    mut call: impl FnMut(*mut c_char, usize, *mut usize) -> sys::peft_status,
) -> Result<(i32, String)> {
    let (status, bytes) = array::<u8>(room, |begin, cap, length| call(begin.cast(), cap, length))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Error::new(ErrorCode::Internal, "the library gave text that is not UTF-8"))?;
    Ok((status, text))
}

/// A string that lives as long as the library.
pub(crate) fn static_text(text: *const c_char) -> &'static str {
    if text.is_null() {
        return "";
    }
    unsafe { CStr::from_ptr(text) }.to_str().unwrap_or("")
}
