//! The instant of a decision, and the next one at which time alone could change it.

use std::cell::Cell;

use chrono::{DateTime, Utc};

/// The clock of one decision. Every comparison with the instant of the decision
/// goes through it, so that no instant that matters is forgotten: the earliest
/// one in the future is when the decision has to be made anew.
#[derive(Debug)]
pub struct Clock {
    now: DateTime<Utc>,
    next: Cell<Option<DateTime<Utc>>>,
}

impl Clock {
    /// The clock of a decision at an instant.
    #[must_use]
    pub fn at(now: DateTime<Utc>) -> Self {
        Self { now, next: Cell::new(None) }
    }

    /// The instant of the decision.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// Whether an instant has come. One that has not is remembered.
    pub fn reached(&self, at: DateTime<Utc>) -> bool {
        if at <= self.now {
            return true;
        }
        if self.next.get().is_none_or(|next| at < next) {
            self.next.set(Some(at));
        }
        false
    }

    /// Whether it is now from one instant on, and before another.
    pub fn within(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> bool {
        let (begun, over) = (self.reached(from), self.reached(to));
        begun && !over
    }

    /// The earliest instant after now that mattered.
    #[must_use]
    pub fn next(&self) -> Option<DateTime<Utc>> {
        self.next.get()
    }
}
