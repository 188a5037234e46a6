//! Letters, handed to one server over SMTP: RFC 5321, with TLS from the start (RFC 8314) or by STARTTLS (RFC 3207). In clear
//! only to this very machine.
//!
//! A letter says that no person wrote it (`Auto-Submitted`, RFC 3834), so that nobody's absence answers it, and has the same
//! `Message-ID` however often it is sent.

use std::time::Duration;

use chrono::{DateTime, Utc};
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, SinglePart};
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use reqwest::Url;

use crate::transport::http::is_here;

/// How long each step of an exchange may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// Why no letter can be sent at all.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// The server's address is none.
    #[error("`{0}` names no mail server: write `smtps://HOST`, or `smtp://HOST:587` where it speaks STARTTLS")]
    Server(String),
    /// Nobody is named whom letters come from.
    #[error(
        "`{0}` is nobody whom a letter can come from: write `releases@acme.example`, or `Countersign <releases@acme.example>`"
    )]
    From(String),
    /// TLS cannot be spoken.
    #[error("the mail server cannot be spoken to by TLS: {0}")]
    Tls(String),
}

/// Why a letter was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Untaken {
    /// The server refuses this letter.
    #[error("the mail server refuses it: {0}")]
    Refused(String),
    /// The server could not be spoken to, or takes nothing now.
    #[error("the mail server did not take it: {0}")]
    Failed(String),
}

/// Who hands letters over.
#[derive(Clone, Debug)]
pub struct Post {
    server: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

/// Who logs in at the server.
pub struct Login {
    /// His name.
    pub name: String,
    /// His password.
    pub password: String,
}

/// `Auto-Submitted: auto-generated`.
#[derive(Clone)]
struct Generated;

impl Header for Generated {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

impl Post {
    /// By the server's address, `smtps://HOST` or `smtp://HOST`, each with a port where it is another than 465 or 587;
    /// whom letters come from; who logs in; and the certificates of an authority that only this server has, in PEM.
    pub fn new(server: &str, from: &str, login: Option<Login>, authority: Option<&[u8]>) -> Result<Self, Unusable> {
        let shown: String = server.chars().take(200).collect();
        let wrong = || Unusable::Server(shown.clone());
        let from = from.trim().parse().map_err(|_| Unusable::From(from.chars().take(200).collect()))?;
        let url = Url::parse(server.trim()).map_err(|_| wrong())?;
        let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        let host =
            url.host_str().filter(|host| !host.is_empty() && bare && url.username().is_empty()).ok_or_else(wrong)?;
        let parameters = || {
            let tls = |error: lettre::transport::smtp::Error| Unusable::Tls(error.to_string());
            let mut builder = TlsParameters::builder(host.to_owned());
            if let Some(pem) = authority {
                builder = builder.add_root_certificate(Certificate::from_pem(pem).map_err(tls)?);
            }
            builder.build_rustls().map_err(tls)
        };
        let (tls, port) = match url.scheme() {
            "smtps" => (Tls::Wrapper(parameters()?), 465),
            // Nobody listens on the way to this machine itself.
            "smtp" if is_here(host) => (Tls::Opportunistic(parameters()?), 587),
            "smtp" => (Tls::Required(parameters()?), 587),
            _ => return Err(wrong()),
        };
        let mut server = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
            .port(url.port().unwrap_or(port))
            .tls(tls)
            .timeout(Some(PATIENCE));
        if let Some(Login { name, password }) = login {
            server = server
                .credentials(Credentials::new(name, password))
                .authentication(vec![Mechanism::Plain, Mechanism::Login]);
        }
        Ok(Self { server: server.build(), from })
    }

    /// Sends a letter to one address: its subject, its text, and the key that its `Message-ID` is made of, which is of
    /// letters and digits.
    pub async fn send(
        &self,
        to: &str,
        (subject, text): (&str, &str),
        key: &str,
        at: DateTime<Utc>,
    ) -> Result<(), Untaken> {
        let refused = |why: &dyn std::fmt::Display| Untaken::Refused(why.to_string());
        let to: Address = to.parse().map_err(|error| refused(&error))?;
        let id = format!("<{key}.countersign@{}>", self.from.email.domain());
        let letter = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(subject)
            .date(at.into())
            .message_id(Some(id))
            .header(Generated)
            .singlepart(SinglePart::plain(text.to_owned()))
            .map_err(|error| refused(&error))?;
        match self.server.send(letter).await {
            Ok(_) => Ok(()),
            Err(error) => Err(untaken(&error)),
        }
    }
}

/// What the mailbox itself refuses is refused for ever. That somebody may not log in, or that the server takes nothing from
/// us, is mended where the server or our settings are.
fn untaken(error: &lettre::transport::smtp::Error) -> Untaken {
    let mut why = error.to_string();
    // Its own words end with what it came from.
    let mut source = std::error::Error::source(error).and_then(std::error::Error::source);
    while let Some(inner) = source {
        why = format!("{why}: {inner}");
        source = inner.source();
    }
    let code = error.status().map(u16::from);
    match code {
        Some(501 | 550..=553 | 556) => Untaken::Refused(why),
        _ => Untaken::Failed(why),
    }
}
