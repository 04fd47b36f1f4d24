//! Runs a function on a large stack of its own, on a thread that takes no signals.
//!
//! Dropping or printing deeply nested values recurses, and the stacks of callers may be small. The thread is
//! the system's, not std's: starting it takes no memory from the allocator, so nothing can fail half way.
use crate::boundary::{problem, Code, Outcome};
use std::ffi::c_void;

const STACK_BYTES: usize = 256 << 20;

struct Job<Body, T> {
    body: Option<Body>,
    outcome: Option<Outcome<T>>,
}

extern "C" fn run<T, Body: FnOnce() -> Outcome<T>>(job: *mut c_void) -> *mut c_void {
    // SAFETY: the starter waits for this thread before it uses or frees the job.
    unsafe {
        let mut signals = std::mem::zeroed();
        libc::sigfillset(&mut signals);
        libc::pthread_sigmask(libc::SIG_BLOCK, &signals, std::ptr::null_mut());
        let job = &mut *job.cast::<Job<Body, T>>();
        if let Some(body) = job.body.take() {
            job.outcome = Some(body());
        }
    }
    std::ptr::null_mut()
}

/// `body` must not unwind: it runs inside a guard of its own.
pub fn on_big_stack<T: Send, Body: FnOnce() -> Outcome<T> + Send>(what: &str, body: Body) -> Outcome<T> {
    let mut job = Job { body: Some(body), outcome: None };
    // SAFETY: attributes and thread are initialised before use; the join ends all use of `job` by the thread.
    let status = unsafe {
        let mut attributes = std::mem::zeroed();
        let mut thread = std::mem::zeroed();
        libc::pthread_attr_init(&mut attributes);
        libc::pthread_attr_setstacksize(&mut attributes, STACK_BYTES);
        let place = (&raw mut job).cast();
        let status = libc::pthread_create(&mut thread, &attributes, run::<T, Body>, place);
        libc::pthread_attr_destroy(&mut attributes);
        if status == 0 {
            libc::pthread_join(thread, std::ptr::null_mut());
        }
        status
    };
    match job.outcome {
        Some(outcome) => outcome,
        None => problem(Code::OutOfMemory, format!("{what}: cannot start a thread, error {status}")),
    }
}
