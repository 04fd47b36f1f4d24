//! What can go wrong, and how a status becomes a `Result`.

use std::fmt;
use std::ptr;

use libpeft_sys as sys;

/// Result of most functions.
pub type Result<T> = std::result::Result<T, Error>;

/// A failed call: what kind of failure, and the library's words for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    code: ErrorCode,
    message: String,
}

/// Kinds of failure; the library's status codes below zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// A value is out of its range, not finite, or not valid text.
    InvalidArgument,
    /// The handle is freed, foreign or of another type.
    BadHandle,
    /// Another thread or another object uses what the call needs for itself.
    Busy,
    /// Host or device memory is exhausted, or the context's bound is reached.
    OutOfMemory,
    /// The operating system refused to read or write.
    Io,
    /// A file or text is malformed.
    Format,
    /// Well formed, but this build cannot do it.
    Unsupported,
    /// No such file, tensor, module, adapter or checkpoint.
    NotFound,
    /// Two things that must fit do not, such as an adapter and a model.
    Mismatch,
    /// A limit would be exceeded.
    Limit,
    /// The cancel token was signalled, or a callback asked to cancel.
    Cancelled,
    /// A callback reported failure.
    Callback,
    /// A non-finite value where a finite one is needed.
    Numeric,
    /// The device is absent or failed.
    Device,
    /// The device failed for good.
    DeviceLost,
    /// It would do harm and was not forced.
    Refused,
    /// Called from inside a callback of the same object.
    Reentrant,
    /// Used in a child process after fork.
    Forked,
    /// A legal call at the wrong moment.
    State,
    /// A bug of the library.
    Internal,
    /// No library could be opened, or one of another binary interface. Of these bindings, not of the library.
    Library,
    /// A code that these bindings do not know.
    Unknown(i32),
}

impl Error {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// The kind of failure.
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// The library's message: file, field, what was expected and what was found.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Error {}

const CODES: [(ErrorCode, sys::peft_status_code, &str); 20] = {
    use sys::peft_status_code as C;
    [
        (ErrorCode::InvalidArgument, C::PEFT_E_INVALID_ARGUMENT, "invalid argument"),
        (ErrorCode::BadHandle, C::PEFT_E_BAD_HANDLE, "bad handle"),
        (ErrorCode::Busy, C::PEFT_E_BUSY, "busy"),
        (ErrorCode::OutOfMemory, C::PEFT_E_OUT_OF_MEMORY, "out of memory"),
        (ErrorCode::Io, C::PEFT_E_IO, "input/output"),
        (ErrorCode::Format, C::PEFT_E_FORMAT, "format"),
        (ErrorCode::Unsupported, C::PEFT_E_UNSUPPORTED, "unsupported"),
        (ErrorCode::NotFound, C::PEFT_E_NOT_FOUND, "not found"),
        (ErrorCode::Mismatch, C::PEFT_E_MISMATCH, "mismatch"),
        (ErrorCode::Limit, C::PEFT_E_LIMIT, "limit"),
        (ErrorCode::Cancelled, C::PEFT_E_CANCELLED, "cancelled"),
        (ErrorCode::Callback, C::PEFT_E_CALLBACK, "callback"),
        (ErrorCode::Numeric, C::PEFT_E_NUMERIC, "numeric"),
        (ErrorCode::Device, C::PEFT_E_DEVICE, "device"),
        (ErrorCode::DeviceLost, C::PEFT_E_DEVICE_LOST, "device lost"),
        (ErrorCode::Refused, C::PEFT_E_REFUSED, "refused"),
        (ErrorCode::Reentrant, C::PEFT_E_REENTRANT, "reentrant"),
        (ErrorCode::Forked, C::PEFT_E_FORKED, "forked"),
        (ErrorCode::State, C::PEFT_E_STATE, "state"),
        (ErrorCode::Internal, C::PEFT_E_INTERNAL, "internal"),
    ]
};

impl ErrorCode {
    /// The kind of a status below zero.
    pub fn from_status(status: i32) -> Self {
        CODES.iter().find(|(_, raw, _)| raw.0 == status).map_or(Self::Unknown(status), |(code, _, _)| *code)
    }

    /// The library's status; 0 for [`ErrorCode::Library`], which is none of its own.
    pub fn status(self) -> i32 {
        match self {
            Self::Unknown(status) => status,
            _ => CODES.iter().find(|(code, _, _)| *code == self).map_or(0, |(_, raw, _)| raw.0),
        }
    }

    /// The library's name of the status, such as "PEFT_E_FORMAT".
    pub fn name(self) -> &'static str {
        match crate::library::ready() {
            Ok(()) if self != Self::Library => {
                crate::output::static_text(unsafe { sys::peft_status_name(self.status()) })
            }
            _ => "PEFT_UNKNOWN",
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Library => f.write_str("library"),
            Self::Unknown(status) => write!(f, "unknown status {status}"),
            _ => f.write_str(
                CODES.iter().find(|(code, _, _)| code == self).map_or("error", |(_, _, text)| text),
            ),
        }
    }
}

pub(crate) const OK: i32 = sys::peft_status_code::PEFT_OK.0;
pub(crate) const END: i32 = sys::peft_status_code::PEFT_END.0;
pub(crate) const NOTE: i32 = sys::peft_status_code::PEFT_NOTE.0;
pub(crate) const LIMIT: i32 = sys::peft_status_code::PEFT_E_LIMIT.0;

/// Turns a status into a result, on the thread and right after the call that gave it. Goes on with the panic of a
/// callback that ran inside the call.
pub(crate) fn check(status: sys::peft_status) -> Result<i32> {
    let error = (status < OK).then(|| Error::new(ErrorCode::from_status(status), last_message()));
    crate::callback::resume_panic();
    error.map_or(Ok(status), Err)
}

/// The calling thread's message, of the last call that failed or left a note.
pub(crate) fn last_message() -> String {
    let mut buffer = vec![0u8; 512];
    let mut length = 0usize;
    loop {
        unsafe { sys::peft_last_error(buffer.as_mut_ptr().cast(), buffer.len(), ptr::from_mut(&mut length)) };
        if length < buffer.len() {
            buffer.truncate(length);
            return String::from_utf8_lossy(&buffer).into_owned();
        }
        buffer.resize(length + 1, 0);
    }
}
