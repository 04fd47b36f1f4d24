//! What C++ sees: plain structs, status numbers, and a guard that nothing unwinds through.
use crate::allocator::{self, Allowance, Budget, Failure, OutOfBudget};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Once;

/// The numbers of peft::Code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Code {
    InvalidArgument = -1,
    OutOfMemory = -4,
    Format = -6,
    Unsupported = -7,
    NotFound = -8,
    Limit = -10,
    Cancelled = -11,
}

#[derive(Debug)]
pub struct Problem {
    pub code: Code,
    pub message: String,
}

pub type Outcome<T> = Result<T, Problem>;

pub fn problem<T>(code: Code, message: impl Into<String>) -> Outcome<T> {
    Err(Problem { code, message: message.into() })
}

/// Bytes owned by this library: results and messages.
#[repr(C)]
pub struct Bytes {
    data: *mut u8,
    size: usize,
    capacity: usize,
}

impl Bytes {
    pub fn empty() -> Self {
        Self::from_vector(Vec::new())
    }

    pub fn from_vector(mut bytes: Vec<u8>) -> Self {
        let parts = Self { data: bytes.as_mut_ptr(), size: bytes.len(), capacity: bytes.capacity() };
        std::mem::forget(bytes);
        parts
    }
}

/// Token ids owned by this library.
#[repr(C)]
pub struct Ids {
    data: *mut i32,
    size: usize,
    capacity: usize,
}

impl Ids {
    pub fn from_vector(mut ids: Vec<i32>) -> Self {
        let parts = Self { data: ids.as_mut_ptr(), size: ids.len(), capacity: ids.capacity() };
        std::mem::forget(ids);
        parts
    }
}

/// # Safety
/// `bytes` came from this library and was not freed before.
#[no_mangle]
pub unsafe extern "C" fn textrs_free_bytes(bytes: Bytes) {
    drop(Vec::from_raw_parts(bytes.data, bytes.size, bytes.capacity));
}

/// # Safety
/// `ids` came from this library and was not freed before.
#[no_mangle]
pub unsafe extern "C" fn textrs_free_ids(ids: Ids) {
    drop(Vec::from_raw_parts(ids.data, ids.size, ids.capacity));
}

/// # Safety
/// `data` points to `size` readable bytes, or `size` is 0.
pub unsafe fn bytes_of<'a>(data: *const u8, size: usize) -> &'a [u8] {
    if size == 0 {
        &[]
    } else {
        std::slice::from_raw_parts(data, size)
    }
}

/// # Safety
/// As `bytes_of`.
pub unsafe fn text_of<'a>(data: *const u8, size: usize, what: &str) -> Outcome<&'a str> {
    std::str::from_utf8(bytes_of(data, size)).or_else(|error| {
        let at = error.valid_up_to();
        problem(Code::InvalidArgument, format!("{what} is not valid UTF-8 at byte {at}"))
    })
}

fn prepare_process() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        allocator::with_reserve(|| {
            tokenizers::parallelism::set_parallelism(false);
            let previous = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                if !allocator::in_call() {
                    previous(info);
                }
            }));
            allocator::install_hook();
        })
    });
}

fn text_of_panic(payload: &(dyn std::any::Any + Send)) -> &str {
    if let Some(text) = payload.downcast_ref::<&str>() {
        text
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text
    } else {
        "no message"
    }
}

/// Runs `body` under `allowance`; whatever unwinds becomes a Problem. `what` names the work in messages.
pub fn bounded<T>(what: &str, allowance: Allowance, body: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    prepare_process();
    let budget = Budget::begin(allowance);
    let outcome = catch_unwind(AssertUnwindSafe(body));
    let failure = allocator::failure();
    drop(budget);
    outcome.unwrap_or_else(|payload| {
        allocator::with_reserve(|| {
            if !payload.is::<OutOfBudget>() {
                return problem(Code::Format, format!("{what}: {}", text_of_panic(&*payload)));
            }
            match failure {
                Failure::Budget => problem(
                    Code::Limit,
                    format!("{what} needs more than {} bytes of memory", allowance.bytes),
                ),
                Failure::Deadline => {
                    problem(Code::Limit, format!("{what} takes longer than {} seconds", allowance.seconds))
                }
                Failure::Stopped => problem(Code::Cancelled, "cancelled"),
                _ => problem(Code::OutOfMemory, format!("{what}: out of memory")),
            }
        })
    })
}

/// Writes a message for C++ and gives the status of `outcome`; `deliver` writes the value.
///
/// # Safety
/// `message` points to a place for a Bytes.
pub unsafe fn report<T>(outcome: Outcome<T>, message: *mut Bytes, deliver: impl FnOnce(T)) -> i32 {
    match outcome {
        Ok(value) => {
            deliver(value);
            message.write(Bytes::empty());
            0
        }
        Err(error) => {
            message.write(Bytes::from_vector(error.message.into_bytes()));
            error.code as i32
        }
    }
}
