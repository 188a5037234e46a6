//! The story of people who come to look: each comes through the forge, and what he may see is asked of it anew, at most so
//! many seconds after it was asked last. Whoever the forge does not know any more is gone with the next look.
//!
//! Sessions are kept in memory: they end with the process, and the forge's token with them. Of a session's key only the
//! digest is kept.
//!
//! Invariant: a forge that cannot be asked shows nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

use crate::forge::{Closed, Doorway, Login, Visitor};
use crate::model::facts::Account;

/// How long a session lasts, whatever happens.
pub const LIFE: Duration = Duration::from_hours(8);
/// How long somebody has to say who he is.
pub const PATIENCE: Duration = Duration::from_mins(10);
/// How many sessions there are at once, and how many of one account. Whoever comes then ends the oldest: of his own, and
/// where there are too many in all first of those who may read nothing. So nobody logs others out by logging in.
const MOST: usize = 4_096;
const OF_ONE: usize = 16;
/// How many codes are traded at once.
const AT_ONCE: usize = 8;
/// How long ago the forge may have been asked of somebody who acts.
const JUST_NOW: Duration = Duration::from_secs(2);
/// How long the forge is waited for.
const ANSWER: Duration = Duration::from_secs(15);

/// Who is here, and since when.
pub struct Visits<D: Doorway> {
    door: D,
    /// How long what somebody may see is believed before it is asked again.
    age: Duration,
    sessions: Mutex<Sessions<D::Pass>>,
    room: Semaphore,
}

/// The sessions, each by the SHA-256 digest of its key.
type Sessions<P> = HashMap<[u8; 32], Arc<Session<P>>>;

struct Session<P> {
    pass: P,
    account: Account,
    /// Whether he could read something when he came.
    reads: bool,
    began: Instant,
    token: String,
    seen: tokio::sync::Mutex<Seen>,
}

struct Seen {
    visitor: Arc<Visitor>,
    /// When asking began.
    at: Instant,
}

/// A login that was begun. The browser keeps both secrets until it comes back.
#[derive(Clone, Debug)]
pub struct Begun {
    /// What the forge hands back.
    pub state: String,
    /// What shows the forge that whoever trades the code is who began.
    pub verifier: String,
    /// Where the browser goes.
    pub address: String,
}

/// Somebody who is here.
#[derive(Clone, Debug)]
pub struct Here {
    /// Who, and what he may read.
    pub visitor: Arc<Visitor>,
    /// What a form of this session has in it, so that no other page can send one for him.
    pub token: String,
}

/// Why nobody is let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Out {
    /// Nobody has logged in with this key, or his session is over.
    #[error("nobody is logged in")]
    Nobody,
    /// The forge does not know him, or no longer.
    #[error("{0}")]
    Gone(String),
    /// The forge could not be asked.
    #[error("{0}")]
    Unasked(String),
    /// The machine gives no random bytes.
    #[error("the machine gives no random bytes")]
    Chance,
}

/// 32 random bytes, as base64url.
pub(in crate::flow) fn random() -> Result<String, Out> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Out::Chance)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn digest(key: &str) -> [u8; 32] {
    Sha256::digest(key).into()
}

/// Whether two texts are the same, told in the same time wherever they differ.
#[must_use]
pub fn same(one: &str, other: &str) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(one.as_bytes(), other.as_bytes()).is_ok()
}

impl<D: Doorway> Visits<D> {
    /// Nobody is here yet.
    #[must_use]
    pub fn new(door: D, age: Duration) -> Self {
        Self { door, age, sessions: Mutex::default(), room: Semaphore::new(AT_ONCE) }
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions<D::Pass>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody wants to come in.
    pub fn begin(&self) -> Result<Begun, Out> {
        let (state, verifier) = (random()?, random()?);
        let challenge = URL_SAFE_NO_PAD.encode(digest(&verifier));
        let address = self.door.address(&Login { state: &state, challenge: &challenge });
        Ok(Begun { state, verifier, address })
    }

    /// Somebody came back with a code: what comes back is the key of a new session, and who it is.
    pub async fn enter(&self, code: &str, verifier: &str) -> Result<(String, Arc<Visitor>), Out> {
        // Codes cost nothing to make up: whoever brings many waits for himself, and not for ever.
        let room = tokio::time::timeout(ANSWER, self.room.acquire()).await;
        let _room = room.map_err(|_| Out::Unasked("too many log in at once".to_owned()))?;
        let pass = asked(self.door.trade(code, verifier)).await?;
        let at = Instant::now();
        let visitor = Arc::new(asked(self.door.visitor(&pass)).await?);
        let key = random()?;
        let seen = tokio::sync::Mutex::new(Seen { visitor: visitor.clone(), at });
        let (account, reads) = (visitor.account.clone(), !visitor.repositories.is_empty());
        let session = Arc::new(Session { pass, account, reads, began: at, token: random()?, seen });
        let mut sessions = self.sessions();
        sessions.retain(|_, session| session.began.elapsed() < LIFE);
        make_room(&mut sessions, &visitor.account);
        sessions.insert(digest(&key), session);
        Ok((key, visitor))
    }

    /// Who is here by a session's key.
    pub async fn who(&self, key: &str) -> Result<Here, Out> {
        self.asked_within(key, self.age).await
    }

    /// The same of somebody who acts: the forge is asked anew, so that nobody acts by what he was a minute ago. What it
    /// said within [`JUST_NOW`] is what it says.
    pub async fn who_acts(&self, key: &str) -> Result<Here, Out> {
        self.asked_within(key, self.age.min(JUST_NOW)).await
    }

    async fn asked_within(&self, key: &str, age: Duration) -> Result<Here, Out> {
        let digest = digest(key);
        let session = self.sessions().get(&digest).cloned().ok_or(Out::Nobody)?;
        if session.began.elapsed() >= LIFE {
            self.sessions().remove(&digest);
            return Err(Out::Nobody);
        }
        // One asks while others of the same session wait for the answer.
        let mut seen = session.seen.lock().await;
        if seen.at.elapsed() >= age {
            let at = Instant::now();
            match asked(self.door.visitor(&session.pass)).await {
                // Whoever is somebody else by now is not who logged in.
                Ok(visitor) if visitor.account == seen.visitor.account => {
                    *seen = Seen { visitor: Arc::new(visitor), at };
                }
                Ok(_) => {
                    self.sessions().remove(&digest);
                    return Err(Out::Nobody);
                }
                Err(out) => {
                    if matches!(out, Out::Gone(_)) {
                        self.sessions().remove(&digest);
                    }
                    return Err(out);
                }
            }
        }
        Ok(Here { visitor: seen.visitor.clone(), token: session.token.clone() })
    }

    /// Somebody leaves.
    pub fn leave(&self, key: &str) {
        self.sessions().remove(&digest(key));
    }
}

/// Makes room for one more session of an account.
fn make_room<P>(sessions: &mut Sessions<P>, account: &Account) {
    let his = sessions.iter().filter(|(_, session)| session.account == *account);
    let mut his: Vec<(Instant, [u8; 32])> = his.map(|(key, session)| (session.began, *key)).collect();
    his.sort_unstable();
    for (_, key) in his.iter().take((his.len() + 1).saturating_sub(OF_ONE)) {
        sessions.remove(key);
    }
    if sessions.len() >= MOST {
        let first = sessions.iter().min_by_key(|(_, session)| (session.reads, session.began)).map(|(key, _)| *key);
        first.and_then(|first| sessions.remove(&first));
    }
}

/// What the forge answers, where it does in time.
async fn asked<T, F: std::error::Error>(question: impl Future<Output = Result<T, Closed<F>>>) -> Result<T, Out> {
    match tokio::time::timeout(ANSWER, question).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(Closed::Gone(fault))) => Err(Out::Gone(fault.to_string())),
        Ok(Err(Closed::Unasked(fault))) => Err(Out::Unasked(fault.to_string())),
        Err(_) => Err(Out::Unasked("the forge did not answer in time".to_owned())),
    }
}
