//! Storey 6: a GitHub, or a GitLab, of our own, small enough to live in the binary: what `countersign demo` shows the app with.
//!
//! It is the other side of everything that [`crate::forge::github`] says, and shares no line with it: one repository with its
//! commits, changes, runs and people ([`world`]), asked over REST ([`rest`]) and GraphQL ([`graphql`]) by an App that proves
//! itself ([`tokens`]), which hears of what happens by signed deliveries ([`hooks`]), where people log in ([`login`]) and look
//! around ([`pages`]). It enforces what GitHub enforces: proofs, permissions, pages, the states of a rule. The same world is shown
//! as GitLab shows it by [`gitlab`].
//!
//! Never here: anything of the app's, a file, an address other than this machine's.
//!
//! Invariant: who asks without proof learns nothing, and nothing that is answered here was made up for who asks.

mod asked;
pub mod gitlab;
mod graphql;
mod hooks;
mod login;
mod pages;
mod payload;
mod rest;
pub mod tokens;
pub mod world;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use chrono::{DateTime, Utc};
use tokio::sync::mpsc;

use crate::transport::http;
use asked::{Asked, Reply};
use hooks::Delivery;
use login::Logins;
pub use pages::readable;
use tokens::{Registered, Tokens};
use world::World;

/// How many bytes a request may have.
const MOST: usize = 1 << 20;
/// How long a deployment takes here: longer than the second that its times are told to.
const DEPLOYS: Duration = Duration::from_millis(1_100);

/// As which forge a sandbox shows its world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// GitHub.
    Github,
    /// GitLab.
    Gitlab,
}

impl Kind {
    /// What people call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Github => "GitHub",
            Self::Gitlab => "GitLab",
        }
    }

    /// What the app calls it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Gitlab => "gitlab",
        }
    }

    /// Where a change is shown, below the repository.
    #[must_use]
    pub fn change(self, number: u64) -> String {
        match self {
            Self::Github => format!("pull/{number}"),
            Self::Gitlab => format!("-/merge_requests/{number}"),
        }
    }

    /// Where a run is shown, below the repository.
    #[must_use]
    pub fn run(self, number: u64) -> String {
        match self {
            Self::Github => format!("actions/runs/{number}"),
            Self::Gitlab => format!("-/pipelines/{number}"),
        }
    }
}

/// What time it is here.
pub type Says = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// Why the sandbox cannot be there.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// No key, or no random number, can be made.
    #[error("the machine makes no key: its random numbers do not come")]
    Chance,
    /// Nothing can be sent.
    #[error(transparent)]
    Http(#[from] http::Fault),
}

struct Held {
    world: World,
    logins: Logins,
    tokens: Tokens,
}

struct Inner {
    kind: Kind,
    /// Where it listens, without `/` at its end.
    address: String,
    registered: Registered,
    says: Says,
    held: Mutex<Held>,
    sent: mpsc::UnboundedSender<Delivery>,
}

/// The sandbox.
#[derive(Clone)]
pub struct Sandbox(Arc<Inner>);

impl Sandbox {
    /// A sandbox that will listen at an address of this machine, and tells the app at another what happens. To be called on
    /// the runtime that it works on.
    pub fn new(kind: Kind, (address, app): (&str, &str), world: World, says: Says) -> Result<Self, Fault> {
        let mut world = world;
        // What happened before it began nobody is told.
        drop(world.told());
        let registered = Registered::new(app)?;
        let (sent, queue) = mpsc::unbounded_channel();
        let client = http::client()?;
        let to = format!("{app}/hooks/{}", kind.word());
        tokio::spawn(hooks::deliver(client, (kind, to), registered.hook.clone(), queue));
        let held = Held { world, logins: Logins::default(), tokens: Tokens::new()? };
        let inner = Inner { kind, address: address.to_owned(), registered, says, held: Mutex::new(held), sent };
        Ok(Self(Arc::new(inner)))
    }

    /// What is served at its address.
    pub fn router(&self) -> Router {
        Router::new().fallback(served).with_state(self.clone())
    }

    /// As which forge it shows its world.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.0.address
    }

    /// The App as GitHub hands it out when it is made.
    #[must_use]
    pub fn registered(&self) -> &Registered {
        &self.0.registered
    }

    /// What time it is here.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        (self.0.says)()
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something happens, and whoever is to hear of it is told.
    pub fn happens<T>(&self, does: impl FnOnce(&mut World, DateTime<Utc>) -> T) -> T {
        let now = self.now();
        let mut held = self.held();
        let done = does(&mut held.world, now);
        let (mut told, opened) = held.world.told();
        if self.kind() == Kind::Gitlab {
            told = told.iter().filter_map(|(event, what)| gitlab::told::of(&held.world, event, what)).collect();
        }
        drop(held);
        self.follows((told, opened));
        done
    }

    /// Tells what happened, and lets run what was let in.
    fn follows(&self, (told, opened): world::Told) {
        for (event, payload) in told {
            // Whoever ends hears nothing more.
            let _ = self.0.sent.send(Delivery::new(event, &payload, &self.0.address));
        }
        for (run, environment) in opened {
            let sandbox = self.clone();
            tokio::spawn(async move {
                tokio::time::sleep(DEPLOYS).await;
                sandbox.happens(|world, now| world.deployed(run, &environment, now));
            });
        }
    }

    /// Looks at something.
    pub fn look<T>(&self, at: impl FnOnce(&World) -> T) -> T {
        at(&self.held().world)
    }
}

/// Everything that is asked here.
async fn served(State(sandbox): State<Sandbox>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, MOST).await else {
        return answered(Reply::message(413, "Payload too large"));
    };
    let Some(asked) = Asked::read(&head, &bytes) else { return answered(Reply::message(400, "Bad Request")) };
    // A page of elsewhere that has its own name point here is not let in.
    if asked.header("host") != sandbox.address().strip_prefix("http://").unwrap_or_default() {
        return answered(Reply::message(421, "This is a sandbox, and answers to its own address alone"));
    }
    let reply = if sandbox.kind() == Kind::Gitlab && asked.path.starts_with("/api/") {
        gitlab::answer(&sandbox, &asked)
    } else if sandbox.kind() == Kind::Gitlab && asked.path.starts_with("/oauth/") {
        login::answer(&sandbox, &asked)
    } else if sandbox.kind() == Kind::Gitlab {
        pages::answer(&sandbox, &asked)
    } else if asked.path.starts_with("/api/") || asked.path.starts_with("/_services/") {
        let tag = rest::answer(&sandbox, &asked);
        asked::revalidated(&asked, tag)
    } else if asked.path.starts_with("/login/") {
        login::answer(&sandbox, &asked)
    } else {
        pages::answer(&sandbox, &asked)
    };
    answered(reply)
}

fn answered(reply: Reply) -> Response {
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in reply.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}
