//! What time it is for the app.
//!
//! Whatever is decided, recorded and shown goes by this clock. What proves somebody to somebody else (tokens, sessions,
//! limits of a forge) goes by the machine's own, for those are times of the world outside.

use std::sync::Arc;

use chrono::{DateTime, Utc};

/// A clock. `serve` has the machine's and can be given no other; a demonstration brings one of its own.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>);

impl Clock {
    /// The machine's.
    #[must_use]
    pub fn machine() -> Self {
        Self::by(Utc::now)
    }

    /// One that somebody else keeps. It must not go backwards.
    #[must_use]
    pub fn by(says: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        Self(Arc::new(says))
    }

    /// What time it is, UTC.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        (self.0)()
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}
