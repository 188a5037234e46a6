//! The story of people who come to look: each comes through the forge, and what he may see is asked of it anew, at most so
//! many seconds after it was asked last. Whoever the forge does not know any more is gone with the next look.
//!
//! Sessions stand beside the record ([`crate::store::shared`]), so that a restart logs nobody out and every process that
//! shares the record knows them; whoever leaves one has left them all. Of a session's key only the digest is kept, and the
//! forge's token only as sealed by that key: who reads the database can be nobody, and ask the forge nothing. What the forge
//! said of somebody is each process's own, and as old as it lets it be.
//!
//! Invariant: a forge that cannot be asked shows nothing, and neither does a record that cannot be read.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

use crate::forge::secret::Secret;
use crate::forge::{Closed, Doorway, Login, Visitor};
use crate::log::tree::Hash;
use crate::model::facts::Account;
use crate::store::address::Address;
use crate::store::fault::Fault;
use crate::store::reader::Reader;
use crate::store::sequencer::Sequencer;
use crate::store::shared::{Room, Visit};

/// How long a session lasts, whatever happens.
pub const LIFE: Duration = Duration::from_hours(8);
/// How long somebody has to say who he is.
pub const PATIENCE: Duration = Duration::from_mins(10);
/// How many sessions there are at once.
const ROOM: Room = Room { most: 4_096, of_one: 16, life: LIFE };
/// Of how many sessions a process remembers what the forge said.
const REMEMBERED: usize = 4_096;
/// How many codes are traded at once.
const AT_ONCE: usize = 8;
/// How long ago the forge may have been asked of somebody who acts.
const JUST_NOW: Duration = Duration::from_secs(2);
/// How long the forge is waited for.
const ANSWER: Duration = Duration::from_secs(15);

/// Where sessions are kept.
#[derive(Clone, Debug)]
pub struct Register {
    address: Address,
    sequencer: Sequencer,
    /// One connection for all who come: whoever only has a cookie takes no more of the database than that.
    reader: Arc<tokio::sync::Mutex<Option<Reader>>>,
}

impl Register {
    /// Beside the record at an address, to which a sequencer writes.
    pub(super) fn new(address: Address, sequencer: Sequencer) -> Self {
        Self { address, sequencer, reader: Arc::default() }
    }

    /// The forge through which somebody is logged in by a session's key; `None` where nobody is.
    pub async fn forge_of(&self, key: &str) -> Result<Option<String>, Out> {
        let found = self.find(Hash(digest(key))).await.map_err(|fault| unkept(&fault))?;
        Ok(found.map(|visit| Account::from(visit.account.as_str()).system().to_owned()))
    }

    /// Who is logged in by the digest of a session's key.
    async fn find(&self, key: Hash) -> Result<Option<Visit>, Fault> {
        let mut kept = self.reader.lock().await;
        // A connection that lay idle may be gone; a new one is asked once.
        if let Some(mut reader) = kept.take()
            && let Ok(found) = reader.visit(key).await
        {
            *kept = Some(reader);
            return Ok(found);
        }
        let mut reader = Reader::open(&self.address).await?;
        let found = reader.visit(key).await?;
        *kept = Some(reader);
        Ok(found)
    }
}

/// Who is here.
pub struct Visits<D: Doorway> {
    door: D,
    /// How long what somebody may see is believed before it is asked again.
    age: Duration,
    register: Register,
    /// What the forge said of those who came to this process.
    sessions: Mutex<Sessions<D::Pass>>,
    room: Semaphore,
}

/// The sessions, each by the SHA-256 digest of its key.
type Sessions<P> = HashMap<[u8; 32], Arc<Session<P>>>;

struct Session<P> {
    /// What the forge gave, and as what it is kept.
    pass: Mutex<(Arc<P>, Vec<u8>)>,
    token: String,
    /// Nothing before the forge was asked.
    seen: tokio::sync::Mutex<Option<Seen>>,
}

impl<P> Session<P> {
    fn new(pass: P, sealed: Vec<u8>, token: String, seen: Option<Seen>) -> Self {
        Self { pass: Mutex::new((Arc::new(pass), sealed)), token, seen: tokio::sync::Mutex::new(seen) }
    }

    fn held(&self) -> MutexGuard<'_, (Arc<P>, Vec<u8>)> {
        self.pass.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pass(&self) -> Arc<P> {
        self.held().0.clone()
    }

    /// Another pass is good from now on.
    fn goes_on(&self, pass: P, sealed: Vec<u8>) -> Arc<P> {
        let pass = Arc::new(pass);
        *self.held() = (pass.clone(), sealed);
        pass
    }
}

#[derive(Clone)]
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
    /// The record, where sessions are kept, could not be asked.
    #[error("{0}")]
    Record(String),
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

/// What follows from a session's key for one use, and says nothing of the key (HMAC-SHA256).
fn derived(key: &str, to: &str) -> [u8; 32] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), to.as_bytes());
    tag.as_ref().try_into().unwrap_or_default()
}

/// What a session's forms have in them.
fn form_token(key: &str) -> String {
    URL_SAFE_NO_PAD.encode(derived(key, "countersign session: forms"))
}

/// What seals what the forge gave for a session.
fn seal(key: &str) -> [u8; 32] {
    derived(key, "countersign session: what the forge gave")
}

fn unkept(fault: &Fault) -> Out {
    Out::Record(fault.to_string())
}

/// Whether two texts are the same, told in the same time wherever they differ.
#[must_use]
pub fn same(one: &str, other: &str) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(one.as_bytes(), other.as_bytes()).is_ok()
}

impl<D: Doorway> Visits<D> {
    /// Nobody is here yet.
    #[must_use]
    pub fn new(door: D, age: Duration, register: Register) -> Self {
        Self { door, age, register, sessions: Mutex::default(), room: Semaphore::new(AT_ONCE) }
    }

    /// How long what the forge said of somebody is believed.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.age
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
        let digest = digest(&key);
        let account = visitor.account.as_str().to_owned();
        let sealed = self.door.kept(&pass).sealed(&seal(&key), account.as_bytes()).ok_or(Out::Chance)?;
        let reads = !visitor.repositories.is_empty();
        let visit = Visit { digest: Hash(digest), account, reads, sealed: sealed.clone() };
        self.register.sequencer.enter(visit, ROOM).await.map_err(|fault| unkept(&fault))?;
        let seen = Seen { visitor: visitor.clone(), at };
        self.remember(digest, Session::new(pass, sealed, form_token(&key), Some(seen)));
        Ok((key, visitor))
    }

    /// Remembers a session; where there are too many, the others are asked for again when they come.
    fn remember(&self, digest: [u8; 32], session: Session<D::Pass>) -> Arc<Session<D::Pass>> {
        let mut sessions = self.sessions();
        if sessions.len() >= REMEMBERED && !sessions.contains_key(&digest) {
            sessions.clear();
        }
        sessions.entry(digest).or_insert_with(|| Arc::new(session)).clone()
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

    /// Which repositories somebody who is here administers, in lower case: the forge is asked anew each time.
    pub async fn administers(&self, key: &str) -> Result<BTreeSet<String>, Out> {
        let (session, _) = self.session(key).await?;
        let found = asked(self.door.administers(&session.pass())).await;
        if matches!(found, Err(Out::Gone(_))) {
            self.leave(key).await;
        }
        found
    }

    /// The session of a key, with who logged in.
    async fn session(&self, key: &str) -> Result<(Arc<Session<D::Pass>>, Visit), Out> {
        let digest = digest(key);
        // Whoever left, or was ended by others, is gone here too.
        let Some(visit) = self.register.find(Hash(digest)).await.map_err(|fault| unkept(&fault))? else {
            self.sessions().remove(&digest);
            return Err(Out::Nobody);
        };
        let known = self.sessions().get(&digest).cloned();
        if let Some(session) = known.as_ref().filter(|session| session.held().1 == visit.sealed) {
            return Ok((session.clone(), visit));
        }
        // He came to another process, or before this one began; or another had the forge's token renewed.
        let kept = Secret::opened(&visit.sealed, &seal(key), visit.account.as_bytes()).ok_or(Out::Nobody)?;
        let pass = self.door.again(&kept).map_err(|closed| out(&closed))?;
        let Some(session) = known else {
            let session = Session::new(pass, visit.sealed.clone(), form_token(key), None);
            return Ok((self.remember(digest, session), visit));
        };
        session.goes_on(pass, visit.sealed.clone());
        Ok((session, visit))
    }

    /// Who somebody is, by what the forge gave for him; where the forge knows that no longer, by what takes its place.
    async fn visitor(&self, key: &str, session: &Session<D::Pass>, visit: &Visit) -> Result<Visitor, Out> {
        let old = session.pass();
        let gone = match asked(self.door.visitor(&old)).await {
            Err(gone @ Out::Gone(_)) => gone,
            done => return done,
        };
        match asked(self.door.renewed(&old)).await {
            Ok(None) => Err(gone),
            Ok(Some(pass)) => {
                let sealed = self.door.kept(&pass).sealed(&seal(key), visit.account.as_bytes()).ok_or(Out::Chance)?;
                // Where it is not kept, whoever asks next finds what is good no longer, and he logs in again.
                let kept = self.register.sequencer.reseal(visit.digest, sealed.clone()).await;
                kept.map_err(|fault| unkept(&fault))?;
                asked(self.door.visitor(&session.goes_on(pass, sealed))).await
            }
            // What was given is good once: another process may have used it.
            Err(Out::Gone(_)) => match self.session(key).await? {
                (session, now) if now.sealed != visit.sealed => asked(self.door.visitor(&session.pass())).await,
                _ => Err(gone),
            },
            Err(out) => Err(out),
        }
    }

    async fn asked_within(&self, key: &str, age: Duration) -> Result<Here, Out> {
        let (session, visit) = self.session(key).await?;
        // One asks while others of the same session wait for the answer.
        let mut seen = session.seen.lock().await;
        if let Some(seen) = seen.as_ref().filter(|seen| seen.at.elapsed() < age) {
            return Ok(Here { visitor: seen.visitor.clone(), token: session.token.clone() });
        }
        let at = Instant::now();
        match self.visitor(key, &session, &visit).await {
            // Whoever is somebody else by now is not who logged in.
            Ok(visitor) if visitor.account == Account::from(visit.account.as_str()) => {
                let visitor = Arc::new(visitor);
                *seen = Some(Seen { visitor: visitor.clone(), at });
                Ok(Here { visitor, token: session.token.clone() })
            }
            Ok(_) => {
                self.leave(key).await;
                Err(Out::Nobody)
            }
            Err(out) => {
                if matches!(out, Out::Gone(_)) {
                    self.leave(key).await;
                }
                Err(out)
            }
        }
    }

    /// Somebody leaves. Where the record cannot be told, he is gone here, and his cookie with him.
    pub async fn leave(&self, key: &str) {
        let digest = digest(key);
        self.sessions().remove(&digest);
        let _ = self.register.sequencer.leave(Hash(digest)).await;
    }
}

fn out<F: std::error::Error>(closed: &Closed<F>) -> Out {
    match closed {
        Closed::Gone(fault) => Out::Gone(fault.to_string()),
        Closed::Unasked(fault) => Out::Unasked(fault.to_string()),
    }
}

/// What the forge answers, where it does in time.
async fn asked<T, F: std::error::Error>(question: impl Future<Output = Result<T, Closed<F>>>) -> Result<T, Out> {
    match tokio::time::timeout(ANSWER, question).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(closed)) => Err(out(&closed)),
        Err(_) => Err(Out::Unasked("the forge did not answer in time".to_owned())),
    }
}
