//! Who goes next: a few requests at a time, the most urgent first, and in the order in which they came.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::pace::{Pace, Priority, Resource};
use crate::forge::Wait;

/// How many requests are under way at once. GitHub's published limit is 100.
const AT_ONCE: usize = 16;
/// How long one waits before looking again: a limit can open sooner than was stated, and whoever was to wake the next
/// may be gone.
const LOOK: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
struct State {
    pace: Pace,
    under_way: usize,
    came: u64,
    waiting: BTreeMap<(Priority, u64), oneshot::Sender<()>>,
    /// Until when each waits that a limit keeps back.
    kept_back: BTreeMap<(Priority, u64), Instant>,
}

/// The queue before GitHub.
#[derive(Clone, Debug, Default)]
pub struct Queue(Arc<Mutex<State>>);

/// The right to send one request. Dropping it lets the next one go.
#[derive(Debug)]
pub struct Turn(Queue);

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.under_way = state.under_way.saturating_sub(1);
        wake(&mut state);
    }
}

/// Somebody's place in the queue. Whoever gives up waiting is kept back by nothing any more.
struct Place<'q>(&'q Queue, (Priority, u64));

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.lock().kept_back.remove(&self.1);
    }
}

fn wake(state: &mut State) {
    while let Some((_, first)) = state.waiting.pop_first() {
        if first.send(()).is_ok() {
            return;
        }
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with what is known of the limits.
    pub fn with<T>(&self, does: impl FnOnce(&mut Pace) -> T) -> T {
        does(&mut self.lock().pace)
    }

    /// What a limit keeps back now.
    pub fn waits(&self) -> Option<Wait> {
        let state = self.lock();
        let until = state.kept_back.values().max().copied()?;
        Some(Wait { requests: state.kept_back.len(), until })
    }

    /// Waits until one request may go.
    pub async fn turn(&self, resource: Resource, priority: Priority, posts: bool) -> Turn {
        let place = {
            let mut state = self.lock();
            state.came += 1;
            (priority, state.came)
        };
        let kept = Place(self, place);
        loop {
            let wait = {
                let mut state = self.lock();
                state.waiting.remove(&place);
                // Whoever gave up waiting is passed over.
                let behind = state.waiting.iter().any(|((first, _), who)| *first < priority && !who.is_closed());
                if state.under_way >= AT_ONCE || behind {
                    let (sender, receiver) = oneshot::channel();
                    state.waiting.insert(place, sender);
                    Next::Woken(receiver)
                } else {
                    match state.pace.take(Instant::now(), resource, priority, posts) {
                        Ok(()) => {
                            state.under_way += 1;
                            drop(state);
                            drop(kept);
                            return Turn(self.clone());
                        }
                        Err(until) => {
                            state.kept_back.insert(place, until);
                            Next::Until(until)
                        }
                    }
                }
            };
            match wait {
                Next::Until(instant) => {
                    tokio::time::sleep_until(instant.min(Instant::now() + LOOK).into()).await;
                    wake(&mut self.lock());
                }
                Next::Woken(receiver) => {
                    let _ = tokio::time::timeout(LOOK, receiver).await;
                }
            }
        }
    }
}

enum Next {
    Until(Instant),
    Woken(oneshot::Receiver<()>),
}
