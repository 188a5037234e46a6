//! A client for HTTP.

use std::net::IpAddr;
use std::time::Duration;

use reqwest::{Client, ClientBuilder, Response, Url, redirect};

use super::tls;

/// How long a whole exchange may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long it may take to connect.
const CONNECT: Duration = Duration::from_secs(5);

/// Why somebody could not be spoken to.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The address is none.
    #[error("`{0}` cannot be spoken to: name an `https://` address, or an `http://` one of this machine itself")]
    Address(String),
    /// The address is a private one, and this goes to public ones only.
    #[error(
        "`{0}` is at a private address, or not `https://`: messages go there only with `--private-webhooks`, and feeds are read there only as `--private-feed` names them"
    )]
    Private(String),
    /// TLS cannot be spoken.
    #[error(transparent)]
    Tls(#[from] tls::Fault),
    /// Nobody answered, or not in order.
    #[error("{}", words(.0))]
    Http(#[source] reqwest::Error),
    /// The answer is too long.
    #[error("the answer has over {0} bytes")]
    Long(usize),
    /// What is to be shown with a question cannot be.
    #[error("{0}")]
    Unshowable(&'static str),
    /// The answer is not what was asked for.
    #[error("it answered {status}{}{body}", if body.is_empty() { "" } else { ": " })]
    Answer {
        /// The status.
        status: u16,
        /// What was said with it, the beginning.
        body: String,
    },
}

impl From<reqwest::Error> for Fault {
    fn from(error: reqwest::Error) -> Self {
        Self::Http(error.without_url())
    }
}

/// An error with what it came from, for that is what says why.
fn words(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

/// What every client has in common.
pub fn builder() -> Result<ClientBuilder, tls::Fault> {
    Ok(over(tls::client()?))
}

/// The same over settings of TLS of one's own.
pub fn over(settings: rustls::ClientConfig) -> ClientBuilder {
    Client::builder()
        .tls_backend_preconfigured(settings)
        .redirect(redirect::Policy::none())
        .timeout(PATIENCE)
        .connect_timeout(CONNECT)
        .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
}

/// A client for addresses that a policy or a setting names. No proxy stands between, which would connect to addresses
/// that this one may not.
pub fn client() -> Result<Client, Fault> {
    client_for(PATIENCE)
}

/// Such a client whose exchanges may take so long.
pub fn client_for(patience: Duration) -> Result<Client, Fault> {
    Ok(builder()?.no_proxy().timeout(patience).build()?)
}

/// Reads an address that may be spoken to.
pub fn address(text: &str) -> Result<Url, Fault> {
    let url = Url::parse(text).ok().filter(|url| match url.scheme() {
        "https" => url.has_host(),
        "http" => url.host_str().is_some_and(is_here),
        _ => false,
    });
    url.ok_or_else(|| Fault::Address(text.chars().take(200).collect()))
}

/// Whether a host is this very machine. What goes there nobody listens to on the way.
#[must_use]
pub fn is_here(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// The text of an answer, which is refused when it is longer.
pub async fn text(mut response: Response, most: usize) -> Result<String, Fault> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if bytes.len() + chunk.len() > most {
            return Err(Fault::Long(most));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// An answer that is not what was asked for.
pub async fn unexpected(response: Response) -> Fault {
    let status = response.status().as_u16();
    let body = text(response, 4096).await.unwrap_or_default();
    Fault::Answer { status, body: body.trim().chars().take(300).collect() }
}
