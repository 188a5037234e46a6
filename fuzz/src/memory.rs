//! How much memory a reader takes, counted where it is taken.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// What any input may take: tables and buffers of a fixed size.
const FIXED: usize = 24 << 20;
/// What each byte of the input may take on top.
const EACH: usize = 256;
/// From how many bytes on the system hands zeroes over page by page, as each is
/// written to (the C library's threshold for mapping). Asking for them takes
/// nothing: where a DER length lies, the reader of certificates asks for up to
/// 256 MB of zeroes before it finds that there is nothing to fill them with. What
/// is written to is held down by libFuzzer's own limit for the process.
const LAZY: usize = 128 << 10;

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
/// Where zeroes that are not counted lie. What finds no place here is counted.
static ZEROES: [AtomicUsize; 64] = [const { AtomicUsize::new(0) }; 64];

/// The system's allocator, which also counts.
pub struct Counted;

// SAFETY: every call is handed on as it came; counting touches no memory of the caller's.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract, which is the same.
        let pointer = unsafe { System.alloc_zeroed(layout) };
        if layout.size() < LAZY || !exchange(0, pointer.addr()) {
            taken(layout.size());
        }
        pointer
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if layout.size() < LAZY || !exchange(pointer.addr(), 0) {
            HELD.fetch_sub(layout.size(), Relaxed);
        }
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.dealloc(pointer, layout) }
    }
}

fn taken(size: usize) {
    PEAK.fetch_max(HELD.fetch_add(size, Relaxed) + size, Relaxed);
}

/// Whether a place among the zeroes held `old`, and holds `new` from now on.
fn exchange(old: usize, new: usize) -> bool {
    ZEROES.iter().any(|place| place.compare_exchange(old, new, Relaxed, Relaxed).is_ok())
}

/// Does some work on `length` bytes, and fails when that takes more memory than
/// any work on so many bytes should.
pub fn bounded<T>(length: usize, work: impl FnOnce() -> T) -> T {
    let before = HELD.load(Relaxed);
    PEAK.store(before, Relaxed);
    let done = work();
    let taken = PEAK.load(Relaxed).saturating_sub(before);
    assert!(taken <= FIXED + EACH * length, "{taken} bytes of memory for {length} bytes of input");
    done
}
