//! The story of a message on its way to one place: it is put into the words of that place, and handed over.
//!
//! Places are named as policies and the record name them: `slack:#releases`, `email:ana@acme.example`,
//! `webhook:https://hooks.acme.example/releases`. A place that nothing is set for takes nothing, and says so.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use reqwest::{Client, Url};
use serde_json::json;

use super::send::Answer;
use crate::connect::mail::{self, Post};
use crate::connect::slack::{self, Workspace};
use crate::connect::webhook::{self, Secret};
use crate::model::message::Message;
use crate::report::message as words;
use crate::transport::abroad;
use crate::transport::http::{self, Fault};

/// How long one exchange may take, and all of them for one message.
const PATIENCE: Duration = Duration::from_secs(20);
const WHOLE: Duration = Duration::from_secs(45);

/// A receiver of webhooks.
#[derive(Debug)]
struct Hook {
    url: Url,
    /// What messages to it are signed with: each of them, while one takes the place of another.
    secrets: Vec<Secret>,
}

/// The places that messages can go to.
#[derive(Debug)]
pub struct Channels {
    slack: Option<Workspace>,
    mail: Option<Post>,
    hooks: BTreeMap<String, Hook>,
    /// For addresses that whoever runs the app named.
    client: Client,
    /// For addresses that a policy names as well.
    abroad: Client,
    private: bool,
}

/// A message, and what goes with it to every place.
#[derive(Clone, Copy, Debug)]
pub struct Letter<'l> {
    /// What it says.
    pub message: &'l Message,
    /// The page of its release, where one is served.
    pub link: Option<&'l str>,
    /// The key by which whoever gets it twice knows it again: letters and digits.
    pub key: &'l str,
    /// Whether it may have been sent before.
    pub again: bool,
}

impl Channels {
    /// Nothing is set.
    pub fn none() -> Result<Self, Fault> {
        Ok(Self {
            slack: None,
            mail: None,
            hooks: BTreeMap::new(),
            client: http::client_for(PATIENCE)?,
            abroad: abroad::client(PATIENCE)?,
            private: false,
        })
    }

    /// The same with a workspace of Slack.
    #[must_use]
    pub fn with_slack(self, slack: Option<Workspace>) -> Self {
        Self { slack, ..self }
    }

    /// The same with a mail server.
    #[must_use]
    pub fn with_mail(self, mail: Option<Post>) -> Self {
        Self { mail, ..self }
    }

    /// The same with receivers of webhooks: addresses, each with a secret, one of them as often as it has secrets. With
    /// `private` they may be anywhere; else at public addresses only, over TLS.
    pub fn with_hooks(mut self, hooks: Vec<(String, Secret)>, private: bool) -> Result<Self, Fault> {
        self.private = private;
        for (written, secret) in hooks {
            let url = if private { http::address(&written)? } else { abroad::address(&written)? };
            let hook = self.hooks.entry(written).or_insert_with(|| Hook { url, secrets: Vec::new() });
            hook.secrets.push(secret);
        }
        Ok(self)
    }

    /// Whether something is set for places like this one.
    #[must_use]
    pub fn takes(&self, place: &str) -> bool {
        match place.split_once(':') {
            Some(("slack", _)) => self.slack.is_some(),
            Some(("email", _)) => self.mail.is_some(),
            Some(("webhook", address)) => self.hooks.contains_key(address),
            _ => false,
        }
    }

    /// Hands a message over. However many steps that takes, it is over before another would take the place over.
    pub async fn send(&self, place: &str, letter: Letter<'_>, at: DateTime<Utc>) -> Answer {
        let late = || Answer::Failed(format!("it was not taken within {} s", WHOLE.as_secs()));
        tokio::time::timeout(WHOLE, self.hand_over(place, letter, at)).await.unwrap_or_else(|_| late())
    }

    async fn hand_over(&self, place: &str, letter: Letter<'_>, at: DateTime<Utc>) -> Answer {
        match place.split_once(':') {
            Some(("slack", channel)) => match &self.slack {
                Some(slack) => self.chat(slack, channel, letter).await,
                None => unset("no workspace of Slack is named; give the app its token with `--slack-token-file`"),
            },
            Some(("email", address)) => match &self.mail {
                Some(post) => mailed(post, address, letter).await,
                None => unset("no mail server is named; name one with `--smtp` and `--mail-from`"),
            },
            Some(("webhook", address)) => match self.hooks.get(address) {
                Some(hook) => self.posted(hook, letter, at).await,
                None => unset("no secret is known for this address; name it with `--message-webhook ADDRESS=FILE`"),
            },
            _ => unset("nothing here goes to such a place"),
        }
    }

    async fn chat(&self, slack: &Workspace, channel: &str, letter: Letter<'_>) -> Answer {
        let text = words::chat(letter.message, letter.link);
        match slack.say(&self.client, (channel, &text), letter.key, letter.again).await {
            Ok(()) => Answer::Done,
            Err(slack::Untaken::Later(wait)) => Answer::Later(slack::Untaken::Later(wait).to_string(), wait),
            Err(why @ slack::Untaken::Refused(_)) => Answer::Refused(why.to_string()),
            Err(why) => Answer::Failed(why.to_string()),
        }
    }

    async fn posted(&self, hook: &Hook, letter: Letter<'_>, at: DateTime<Utc>) -> Answer {
        let client = if self.private { &self.client } else { &self.abroad };
        let body = body(letter);
        let response = match webhook::post(client, &hook.url, &hook.secrets, letter.key, at, body).await {
            Ok(response) => response,
            Err(fault) => return Answer::Failed(fault.to_string()),
        };
        match response.status().as_u16() {
            200..=299 => Answer::Done,
            // The specification has a receiver say so that wants nothing more.
            410 => Answer::Refused("the receiver says that it is gone (410); take it out of `notify`".to_owned()),
            429 | 503 if response.headers().contains_key("retry-after") => {
                let wait = slack::waits(&response);
                Answer::Later(http::unexpected(response).await.to_string(), wait)
            }
            _ => Answer::Failed(http::unexpected(response).await.to_string()),
        }
    }
}

fn unset(why: &str) -> Answer {
    Answer::Refused(format!("{why}, and have it tried again with `countersign db outbox retry`"))
}

async fn mailed(post: &Post, address: &str, letter: Letter<'_>) -> Answer {
    let (subject, text) = (words::subject(letter.message), words::letter(letter.message, letter.link));
    // A letter is of the instant that it tells of, however often it is sent.
    match post.send(address, (&subject, &text), letter.key, letter.message.at).await {
        Ok(()) => Answer::Done,
        Err(why @ mail::Untaken::Refused(_)) => Answer::Refused(why.to_string()),
        Err(why @ mail::Untaken::Failed(_)) => Answer::Failed(why.to_string()),
    }
}

/// What is posted: the same bytes each time, in the form that Standard Webhooks asks for.
fn body(letter: Letter<'_>) -> String {
    let Letter { message, link, .. } = letter;
    json!({
        "type": format!("release.{}", message.what.word()),
        "timestamp": message.at.to_rfc3339_opts(SecondsFormat::Millis, true),
        "data": { "message": message, "says": words::headline(message), "link": link },
    })
    .to_string()
}
