//! How a job speaks with the app: each request under a new token of its own, and again until it is taken, refused, or the
//! time is over.

use std::time::{Duration, Instant};

use reqwest::header::HeaderValue;
use reqwest::{Client, RequestBuilder, StatusCode, Url};
use serde::de::DeserializeOwned;

use crate::forge::job::Tokens;
use crate::transport::http;

/// How long one request may take.
const PATIENCE: Duration = Duration::from_mins(2);
/// How long is waited before something is tried again, at first and at most.
const AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15));
/// How many bytes an answer may have.
const ANSWER: usize = 1 << 20;

/// Why the app gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// No token was handed out.
    #[error("the job got no token: {0}")]
    Token(#[source] http::Fault),
    /// The app could not be spoken to, or gave no answer that is understood.
    #[error("the app could not be spoken to: {0}")]
    Http(#[from] http::Fault),
    /// The app refuses it.
    #[error("the app answered {status}: {says}")]
    Refused {
        /// With which status.
        status: u16,
        /// In its words.
        says: String,
    },
    /// It answers something else than was asked.
    #[error("the app answered about {0}, which is not what was asked")]
    Other(String),
    /// The time is over.
    #[error("it did not go through in time: {0}")]
    Time(String),
}

impl Fault {
    /// Whether the same may go well the next time.
    fn passes(&self) -> bool {
        let passes = |status: u16| status >= 500 || matches!(status, 408 | 425 | 429);
        match self {
            Self::Token(fault) | Self::Http(fault) => match fault {
                http::Fault::Http(_) => true,
                http::Fault::Answer { status, .. } => passes(*status),
                http::Fault::Address(_)
                | http::Fault::Private(_)
                | http::Fault::Tls(_)
                | http::Fault::Long(_)
                | http::Fault::Unshowable(_) => false,
            },
            Self::Refused { status, .. } => passes(*status),
            Self::Other(_) | Self::Time(_) => false,
        }
    }
}

/// Who has no tokens to show.
#[derive(Debug)]
pub(super) enum Nobody {}

impl Tokens for Nobody {
    async fn bearer(&self, _: &Client, _: &str) -> Result<HeaderValue, http::Fault> {
        match *self {}
    }
}

/// Whoever speaks with the app for a job, or for somebody whose letter says whose it is.
pub(super) struct Courier<'c, T> {
    tokens: Option<&'c T>,
    /// Where the app is, without `/` at the end. Tokens are asked for it.
    url: &'c str,
    until: Instant,
    client: Client,
}

impl<'c> Courier<'c, Nobody> {
    /// One who tries until an instant, and shows no token.
    pub(super) fn unnamed(url: &'c str, until: Instant) -> Result<Self, Fault> {
        Self::of(None, url, until)
    }
}

impl<'c, T: Tokens> Courier<'c, T> {
    /// One who tries until an instant.
    pub(super) fn new(tokens: &'c T, url: &'c str, until: Instant) -> Result<Self, Fault> {
        Self::of(Some(tokens), url, until)
    }

    fn of(tokens: Option<&'c T>, url: &'c str, until: Instant) -> Result<Self, Fault> {
        let client =
            http::builder().map_err(http::Fault::from)?.timeout(PATIENCE).build().map_err(http::Fault::from)?;
        Ok(Self { tokens, url, until, client })
    }

    /// Asks for something below the app's address until there is an answer.
    pub(super) async fn tried<A: DeserializeOwned, E: From<Fault>>(
        &self,
        path: &str,
        request: impl Fn(&Client, Url) -> Result<RequestBuilder, E>,
    ) -> Result<A, E> {
        let url = http::address(&format!("{}{path}", self.url)).map_err(Fault::from)?;
        let mut wait = AGAIN.0;
        loop {
            let left = self.until.saturating_duration_since(Instant::now());
            let once = self.once(request(&self.client, url.clone())?);
            let fault = match tokio::time::timeout(left, once).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(fault)) => fault,
                Err(_) => return Err(Fault::Time("the app did not answer".to_owned()).into()),
            };
            if !fault.passes() {
                return Err(fault.into());
            }
            if Instant::now() + wait >= self.until {
                return Err(Fault::Time(fault.to_string()).into());
            }
            tokio::time::sleep(wait).await;
            wait = wait.saturating_mul(2).min(AGAIN.1);
        }
    }

    async fn once<A: DeserializeOwned>(&self, request: RequestBuilder) -> Result<A, Fault> {
        let request = match self.tokens {
            None => request,
            Some(tokens) => {
                let bearer = tokens.bearer(&self.client, self.url).await.map_err(Fault::Token)?;
                request.header("authorization", bearer)
            }
        };
        let response = request.send().await.map_err(http::Fault::from)?;
        let status = response.status();
        let text = http::text(response, ANSWER).await?;
        if status == StatusCode::OK {
            let form =
                |_| http::Fault::Answer { status: 200, body: "and not in the form that is known here".to_owned() };
            return Ok(serde_json::from_str(&text).map_err(form)?);
        }
        Err(Fault::Refused { status: status.as_u16(), says: text.trim().chars().take(600).collect() })
    }
}
