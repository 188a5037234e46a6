//! Maps files into memory, and survives it when one is cut short meanwhile.
//!
//! Reading a mapped page that the file no longer has raises SIGBUS, which would
//! end the process. A handler puts zeroes in place of the pages that are gone
//! and notes it, so that reading ends in an ordinary fault. Each mapping takes a
//! slot in a fixed table, because a signal handler may neither lock nor allocate.
#![expect(unsafe_code, reason = "mapping files and handling SIGBUS are unsafe by nature; nothing else in the crate is")]

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use memmap2::Mmap;

/// How many files can be mapped at one time.
const SLOTS: usize = 16;

/// Where one mapping lies, for the signal handler.
struct Slot {
    taken: AtomicBool,
    start: AtomicUsize,
    length: AtomicUsize,
    damaged: AtomicBool,
}

static TABLE: [Slot; SLOTS] = [const {
    Slot {
        taken: AtomicBool::new(false),
        start: AtomicUsize::new(0),
        length: AtomicUsize::new(0),
        damaged: AtomicBool::new(false),
    }
}; SLOTS];

/// The content of a file, without a copy of it.
pub struct Mapped {
    map: Mmap,
    slot: &'static Slot,
}

impl Mapped {
    /// Maps a file that is not empty.
    pub fn new(file: &File) -> io::Result<Self> {
        static HANDLER: Once = Once::new();
        HANDLER.call_once(install);
        let slot = TABLE
            .iter()
            .find(|slot| slot.taken.compare_exchange(false, true, Ordering::AcqRel, Ordering::Relaxed).is_ok())
            .ok_or_else(|| io::Error::other("too many files are read at one time"))?;
        // SAFETY: the bytes may change while they are borrowed if somebody writes to the
        // file. They are only ever read as bytes and parsed by code that holds for any
        // bytes, and a changed file is told by its length and time afterwards.
        let map = match unsafe { Mmap::map(file) } {
            Ok(map) => map,
            Err(error) => {
                slot.taken.store(false, Ordering::Release);
                return Err(error);
            }
        };
        let _ = map.advise(memmap2::Advice::Sequential);
        slot.damaged.store(false, Ordering::Relaxed);
        slot.length.store(map.len(), Ordering::Relaxed);
        slot.start.store(map.as_ptr().addr(), Ordering::Release);
        Ok(Self { map, slot })
    }

    /// Whether pages were gone when they were read.
    #[must_use]
    pub fn damaged(&self) -> bool {
        self.slot.damaged.load(Ordering::Acquire)
    }
}

impl Deref for Mapped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.map
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        self.slot.start.store(0, Ordering::Release);
        self.slot.length.store(0, Ordering::Release);
        self.slot.taken.store(false, Ordering::Release);
    }
}

fn install() {
    // SAFETY: the struct is plain data, and the handler only does what POSIX allows in
    // a handler, plus mmap, which on Linux is a bare system call.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = patch as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_NODEFER;
        libc::sigemptyset(&raw mut action.sa_mask);
        libc::sigaction(libc::SIGBUS, &raw const action, std::ptr::null_mut());
    }
}

/// Puts zeroes from the faulting page to the end of its mapping. A fault that is
/// none of ours ends the process as it would have without us.
extern "C" fn patch(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    const PAGE: usize = 4096;
    // SAFETY: the kernel hands a valid `info` to a handler that asked for it.
    let address = unsafe { (*info).si_addr() }.addr();
    for slot in &TABLE {
        let start = slot.start.load(Ordering::Acquire);
        let end = start + slot.length.load(Ordering::Acquire);
        if start == 0 || !(start..end.next_multiple_of(PAGE)).contains(&address) {
            continue;
        }
        slot.damaged.store(true, Ordering::Release);
        let from = address - address % PAGE;
        let to = end.next_multiple_of(PAGE);
        // SAFETY: the range lies within a mapping that is ours and only ever read, and
        // it stays mapped until its owner unmaps the whole of it.
        let placed = unsafe {
            libc::mmap(
                std::ptr::without_provenance_mut(from),
                to - from,
                libc::PROT_READ,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED,
                -1,
                0,
            )
        };
        if placed != libc::MAP_FAILED {
            return;
        }
    }
    // SAFETY: restoring the default and returning raises the signal again, for real.
    unsafe {
        libc::signal(libc::SIGBUS, libc::SIG_DFL);
    }
}
