//! Bodies of those who have shown nothing yet. What takes up room is what has come, and not who says that he sends something: a
//! body that does not come keeps no other from being read.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::http::StatusCode;
use tokio::sync::{Semaphore, SemaphorePermit};

/// How many bytes of a body come in without room being taken for them. Almost every delivery has fewer.
const FREE: usize = 64 << 10;
/// How long a body may take to arrive, and to find room. Forges themselves wait ten seconds for the answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Room for bodies.
#[derive(Debug)]
pub(super) struct Room(Semaphore);

/// A body, and the room that it takes up until it is let go of.
#[derive(Debug)]
pub(super) struct Read<'r> {
    pub(super) bytes: Bytes,
    _room: Option<SemaphorePermit<'r>>,
}

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotRead {
    #[error("the body has over {0} bytes, and no more are taken")]
    TooLong(usize),
    #[error("the body did not arrive, or not in time")]
    Late,
}

impl NotRead {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::TooLong(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Late => StatusCode::REQUEST_TIMEOUT,
        }
    }
}

impl Room {
    /// Room for so many bytes at once, of bodies with more than a few.
    pub(super) fn new(bytes: usize) -> Self {
        Self(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS)))
    }

    /// Reads a body of at most so many bytes. One that says that it has more is not waited for.
    pub(super) async fn read(&self, body: Body, most: usize) -> Result<Read<'_>, NotRead> {
        if body.size_hint().lower() > u64::try_from(most).unwrap_or(u64::MAX) {
            return Err(NotRead::TooLong(most));
        }
        tokio::time::timeout(PATIENCE, self.come(body, most)).await.unwrap_or(Err(NotRead::Late))
    }

    async fn come(&self, mut body: Body, most: usize) -> Result<Read<'_>, NotRead> {
        let mut whole = Vec::new();
        let mut room: Option<SemaphorePermit<'_>> = None;
        while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
            let Ok(part) = frame.map_err(|_| NotRead::Late)?.into_data() else { continue };
            let length = whole.len().saturating_add(part.len());
            if length > most {
                return Err(NotRead::TooLong(most));
            }
            let held = room.as_ref().map_or(0, SemaphorePermit::num_permits);
            let more = length.saturating_sub(FREE).saturating_sub(held);
            if more > 0 {
                let more = u32::try_from(more).map_err(|_| NotRead::TooLong(most))?;
                let more = self.0.acquire_many(more).await.map_err(|_| NotRead::Late)?;
                match &mut room {
                    Some(room) => room.merge(more),
                    None => room = Some(more),
                }
            }
            whole.extend_from_slice(&part);
        }
        Ok(Read { bytes: whole.into(), _room: room })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
    }

    #[test]
    fn a_small_body_is_read_while_others_take_up_all_room() {
        run(async {
            let room = Room::new(FREE);
            let large = room.read(Body::from(vec![7; 2 * FREE]), 2 * FREE).await.unwrap();
            assert_eq!(large.bytes.len(), 2 * FREE);
            assert_eq!(room.read(Body::from(vec![7; FREE]), FREE).await.unwrap().bytes.len(), FREE);
            let one_more = room.read(Body::from(vec![7; FREE + 1]), 2 * FREE);
            assert!(tokio::time::timeout(Duration::from_millis(100), one_more).await.is_err());
            drop(large);
            assert!(room.read(Body::from(vec![7; FREE + 1]), 2 * FREE).await.is_ok());
        });
    }

    #[test]
    fn a_body_that_is_too_long_is_not_read() {
        run(async {
            let room = Room::new(FREE);
            assert_eq!(room.read(Body::from("four"), 3).await.unwrap_err(), NotRead::TooLong(3));
            assert_eq!(room.read(Body::from("six"), 3).await.unwrap().bytes, "six");
        });
    }
}
