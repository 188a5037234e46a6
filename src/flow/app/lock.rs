//! What the works of the app share in memory, each for as long as it looks.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Takes a lock, also where whoever held it panicked: each change to what is kept here is one step, and leaves nothing half
/// done.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
