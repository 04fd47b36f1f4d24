//! Memory and time of one call are bounded, and running out of either unwinds instead of ending the process.
//!
//! Every call from C++ runs inside a `Budget` of its thread. The allocator refuses what goes beyond the
//! budget, the hook for failed allocations then unwinds to the guard of the call, and the guard turns it into
//! a status. The same way is taken when the operating system refuses memory.
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, UnsafeCell};
use std::ffi::c_void;
use std::sync::atomic::{AtomicUsize, Ordering};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    None,
    Memory,
    Budget,
    Deadline,
    Stopped,
}

/// Asks the caller whether the call shall end; allocates nothing.
#[derive(Clone, Copy)]
pub struct Stop {
    pub ask: extern "C" fn(*const c_void) -> i32,
    pub data: *const c_void,
}

struct State {
    active: Cell<bool>,
    emergency: Cell<bool>,
    remaining: Cell<i64>,
    largest: Cell<usize>,
    deadline: Cell<u64>,
    ticks: Cell<u32>,
    stop: Cell<Option<Stop>>,
    failure: Cell<Failure>,
}

thread_local! {
    static STATE: State = const {
        State {
            active: Cell::new(false),
            emergency: Cell::new(false),
            remaining: Cell::new(0),
            largest: Cell::new(usize::MAX),
            deadline: Cell::new(u64::MAX),
            ticks: Cell::new(0),
            stop: Cell::new(None),
            failure: Cell::new(Failure::None),
        }
    };
}

/// What one call may use.
#[derive(Clone, Copy)]
pub struct Allowance {
    pub bytes: i64,
    pub largest_block: usize,
    pub seconds: u64,
}

impl Allowance {
    pub fn new(bytes: i64, seconds: u64) -> Self {
        Self { bytes, largest_block: usize::MAX, seconds }
    }
}

/// The budget of this thread's current call; ends when dropped.
pub struct Budget;

impl Budget {
    pub fn begin(allowance: Allowance) -> Budget {
        let deadline = now().saturating_add(allowance.seconds.saturating_mul(1_000_000_000));
        STATE.with(|state| {
            state.active.set(true);
            state.emergency.set(false);
            state.remaining.set(allowance.bytes);
            state.largest.set(allowance.largest_block);
            state.deadline.set(deadline);
            state.ticks.set(0);
            state.stop.set(None);
            state.failure.set(Failure::None);
        });
        Budget
    }
}

impl Drop for Budget {
    fn drop(&mut self) {
        STATE.with(|state| {
            state.active.set(false);
            state.emergency.set(false);
        });
    }
}

/// Runs `body` without bounds and with the reserve at hand: for setting up and for writing messages.
pub fn with_reserve<T>(body: impl FnOnce() -> T) -> T {
    let before = STATE.with(|state| state.emergency.replace(true));
    let result = body();
    STATE.with(|state| state.emergency.set(before));
    result
}

/// Why the last allocation of this call failed.
pub fn failure() -> Failure {
    STATE.with(|state| state.failure.get())
}

pub fn in_call() -> bool {
    STATE.with(|state| state.active.get())
}

/// The call's time is over. Loops that allocate nothing ask here.
pub fn past_deadline() -> bool {
    STATE.with(|state| state.active.get() && now() > state.deadline.get())
}

/// From here to its end the current call is one that its caller can stop.
pub fn stop_by(stop: Stop) {
    STATE.with(|state| state.stop.set(Some(stop)));
}

/// The caller wants the call to end.
fn stopped(state: &State) -> bool {
    state.stop.get().is_some_and(|stop| (stop.ask)(stop.data) != 0)
}

/// Unwinds to the guard of the call when its time is over or the caller wants it to end.
pub fn check_deadline() {
    if past_deadline() {
        give_up(Failure::Deadline);
    }
    if STATE.with(|state| state.active.get() && stopped(state)) {
        give_up(Failure::Stopped);
    }
}

/// The payload of the unwinding; has no size, so that raising it needs no memory of its own.
pub struct OutOfBudget;

fn give_up(reason: Failure) -> ! {
    STATE.with(|state| {
        if state.failure.get() == Failure::None {
            state.failure.set(reason);
        }
        state.emergency.set(true);
    });
    std::panic::resume_unwind(Box::new(OutOfBudget));
}

#[cfg(feature = "allocation-hook")]
pub fn install_hook() {
    std::alloc::set_alloc_error_hook(|_| give_up(Failure::Memory));
}

#[cfg(not(feature = "allocation-hook"))]
pub fn install_hook() {}

fn now() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid place to write.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Serves the few small blocks that raising an error needs when the operating system gives nothing.
struct Reserve {
    bytes: UnsafeCell<[u8; RESERVE]>,
    used: AtomicUsize,
    blocks: AtomicUsize,
}

const RESERVE: usize = 64 << 10;

// SAFETY: blocks are handed out by an atomic counter and never twice before all are back.
unsafe impl Sync for Reserve {}

static EMERGENCY: Reserve =
    Reserve { bytes: UnsafeCell::new([0; RESERVE]), used: AtomicUsize::new(0), blocks: AtomicUsize::new(0) };

impl Reserve {
    fn take(&self, layout: Layout) -> *mut u8 {
        let wanted = layout.size() + layout.align();
        self.blocks.fetch_add(1, Ordering::AcqRel);
        let start = self.used.fetch_add(wanted, Ordering::AcqRel);
        if start + wanted > RESERVE {
            self.blocks.fetch_sub(1, Ordering::AcqRel);
            return std::ptr::null_mut();
        }
        let address = self.bytes.get() as usize + start;
        address.next_multiple_of(layout.align()) as *mut u8
    }

    fn owns(&self, block: *mut u8) -> bool {
        (block as usize).wrapping_sub(self.bytes.get() as usize) < RESERVE
    }

    fn give_back(&self) {
        if self.blocks.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.used.store(0, Ordering::Release);
        }
    }
}

/// Sizes of the nodes of B-trees. Where a tree grows, std ends the process rather than unwind; so these are
/// never refused for a bound (the next block of another size is), and come from the reserve when the system
/// has nothing.
const TREE_NODES: std::ops::RangeInclusive<usize> = 192..=2048;

struct Bounded;

impl Bounded {
    /// Whether this call may have `size` more bytes; counts them.
    fn allowed(&self, size: usize) -> bool {
        STATE.with(|state| {
            if !state.active.get() || state.emergency.get() {
                return true;
            }
            let needed = TREE_NODES.contains(&size);
            let ticks = state.ticks.get().wrapping_add(1);
            state.ticks.set(ticks);
            if ticks & 63 == 0 {
                let late = now() > state.deadline.get();
                // Without the hook a refused block ends the process: then only the loops' own checks stop a call.
                if late || (cfg!(feature = "allocation-hook") && stopped(state)) {
                    if !needed {
                        state.failure.set(if late { Failure::Deadline } else { Failure::Stopped });
                        return false;
                    }
                    state.ticks.set(ticks.wrapping_sub(1)); // the next block asks again
                }
            }
            let size_of_block = i64::try_from(size).unwrap_or(i64::MAX);
            let remaining = state.remaining.get().saturating_sub(size_of_block);
            if !needed && (remaining < 0 || size > state.largest.get()) {
                state.failure.set(Failure::Budget);
                return false;
            }
            state.remaining.set(remaining);
            true
        })
    }

    fn returned(&self, size: usize) {
        STATE.with(|state| {
            if state.active.get() {
                state.remaining.set(state.remaining.get().saturating_add(size as i64));
            }
        });
    }

    fn refused(&self, layout: Layout) -> *mut u8 {
        if TREE_NODES.contains(&layout.size()) || STATE.with(|state| state.emergency.get()) {
            return EMERGENCY.take(layout);
        }
        std::ptr::null_mut()
    }
}

// SAFETY: blocks come from the system allocator or from the reserve, and go back to where they came from.
unsafe impl GlobalAlloc for Bounded {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !self.allowed(layout.size()) {
            return std::ptr::null_mut();
        }
        let block = System.alloc(layout);
        if block.is_null() {
            self.refused(layout)
        } else {
            block
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !self.allowed(layout.size()) {
            return std::ptr::null_mut();
        }
        let block = System.alloc_zeroed(layout);
        if !block.is_null() {
            return block;
        }
        let block = self.refused(layout);
        if !block.is_null() {
            std::ptr::write_bytes(block, 0, layout.size());
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        self.returned(layout.size());
        if EMERGENCY.owns(block) {
            EMERGENCY.give_back();
        } else {
            System.dealloc(block, layout);
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if new_size > layout.size() && !self.allowed(new_size - layout.size()) {
            return std::ptr::null_mut();
        }
        if EMERGENCY.owns(block) {
            let bigger = self.alloc(Layout::from_size_align_unchecked(new_size, layout.align()));
            if !bigger.is_null() {
                std::ptr::copy_nonoverlapping(block, bigger, layout.size().min(new_size));
                EMERGENCY.give_back();
            }
            return bigger;
        }
        let moved = System.realloc(block, layout, new_size);
        if !moved.is_null() && new_size < layout.size() {
            self.returned(layout.size() - new_size);
        }
        moved
    }
}

#[global_allocator]
static ALLOCATOR: Bounded = Bounded;
