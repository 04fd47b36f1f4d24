//! Closures that the library calls. A panic never crosses the library: it is kept and goes on after the call.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// What a callback asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    Continue,
    /// Stop; the call fails with [`ErrorCode::Cancelled`](crate::ErrorCode::Cancelled).
    Cancel,
    /// Stop; the call fails with [`ErrorCode::Callback`](crate::ErrorCode::Callback).
    Fail,
}

impl From<()> for Flow {
    fn from((): ()) -> Self {
        Self::Continue
    }
}

impl From<Flow> for i32 {
    fn from(flow: Flow) -> Self {
        match flow {
            Flow::Continue => 0,
            Flow::Cancel => 1,
            Flow::Fail => -1,
        }
    }
}

thread_local! {
    static PANIC: RefCell<Option<Box<dyn Any + Send>>> = const { RefCell::new(None) };
}

/// Runs a closure under the library; a panic becomes a failure and is kept for `resume_panic`.
pub(crate) fn guard(run: impl FnOnce() -> Flow) -> i32 {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(flow) => flow.into(),
        Err(payload) => {
            PANIC.with(|kept| {
                let mut kept = kept.borrow_mut();
                match kept.is_some() {
                    // The first one tells more; and dropping a payload may panic too.
                    true => std::mem::forget(payload),
                    false => *kept = Some(payload),
                }
            });
            Flow::Fail.into()
        }
    }
}

/// Goes on with the panic of a callback, if there was one on this thread.
pub(crate) fn resume_panic() {
    if let Some(payload) = PANIC.with(|kept| kept.borrow_mut().take()) {
        resume_unwind(payload);
    }
}
