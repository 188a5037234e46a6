//! A workspace of Slack, by its Web API: `chat.postMessage` under a bot's token.
//!
//! Slack takes no key by which it would know a message again, so the message carries one in its metadata. Whoever may have
//! sent it before reads the channel back first, where the token may: scopes `channels:read` and `channels:history`, beside
//! `chat:write`. Without them a message whose answer was lost is said a second time.

use std::time::Duration;

use reqwest::{Client, Response, Url};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::transport::http::{self, Fault};

/// How many bytes an answer has at most; a page of a channel's history is the largest.
const MOST: usize = 4 << 20;
/// How many pages of channels are looked through for one name, and how many messages of it.
const PAGES: usize = 10;
const BACK: u32 = 200;
/// How long is waited at most where Slack says so.
const LONGEST: Duration = Duration::from_hours(1);
/// The kind of our metadata.
const KIND: &str = "countersign_message";

/// What will not go better the next time: the message or its place is wrong, not the moment, nor our settings.
const NEVER: [&str; 8] = [
    "channel_not_found",
    "is_archived",
    "msg_too_long",
    "no_text",
    "restricted_action",
    "user_not_found",
    "cannot_dm_bot",
    "messages_tab_disabled",
];

/// A workspace.
#[derive(Clone)]
pub struct Workspace {
    api: Url,
    token: String,
}

impl std::fmt::Debug for Workspace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Workspace").field("api", &self.api.as_str()).finish_non_exhaustive()
    }
}

/// Why a message was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Untaken {
    /// Slack could not be spoken to.
    #[error("Slack could not be spoken to: {0}")]
    Http(#[from] Fault),
    /// It wants to be left alone for a while.
    #[error("Slack asks to be left alone for {} s", .0.as_secs())]
    Later(Duration),
    /// It refuses this message.
    #[error("Slack refuses it: {0}")]
    Refused(String),
    /// It takes none of ours as things stand.
    #[error(
        "Slack takes nothing: {0}; look at the bot's token, its scope `chat:write`, and whether it was invited to the channel"
    )]
    Closed(String),
}

#[derive(Deserialize)]
struct Answered {
    ok: bool,
    #[serde(default)]
    error: String,
    #[serde(default)]
    channels: Vec<Channel>,
    #[serde(default)]
    messages: Vec<Said>,
    #[serde(default)]
    response_metadata: Page,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Page {
    next_cursor: String,
}

#[derive(Deserialize)]
struct Channel {
    id: String,
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    metadata: Value,
}

impl Workspace {
    /// A workspace by the address of its API, without `/` at its end, and a bot's token.
    pub fn new(api: &str, token: &str) -> Result<Self, Fault> {
        Ok(Self { api: http::address(api.trim_end_matches('/'))?, token: token.trim().to_owned() })
    }

    async fn asked(&self, client: &Client, method: &str, form: &[(&str, String)]) -> Result<Answered, Untaken> {
        let url = format!("{}/{method}", self.api.as_str().trim_end_matches('/'));
        let mut body = String::new();
        for (at, (name, value)) in form.iter().enumerate() {
            let value = percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC);
            body.extend([if at > 0 { "&" } else { "" }, name, "=", &value.to_string()]);
        }
        let request = client
            .post(url)
            .bearer_auth(&self.token)
            .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
            .body(body);
        let response = request.send().await.map_err(Fault::from)?;
        if response.status() == 429 {
            return Err(Untaken::Later(waits(&response)));
        }
        if !response.status().is_success() {
            return Err(http::unexpected(response).await.into());
        }
        let text = http::text(response, MOST).await?;
        let answered = serde_json::from_str::<Answered>(&text);
        answered.map_err(|_| Fault::Answer { status: 200, body: "and nothing of Slack's".to_owned() }.into())
    }

    /// Says something in a channel, named `#releases` or by its id, or to a member by his. `key` stands in the message's
    /// metadata; `again` is whether it may have been said before.
    pub async fn say(
        &self,
        client: &Client,
        (channel, text): (&str, &str),
        key: &str,
        again: bool,
    ) -> Result<(), Untaken> {
        if again && self.has(client, channel, key).await {
            return Ok(());
        }
        let metadata = json!({ "event_type": KIND, "event_payload": { "key": key } }).to_string();
        let no = || "false".to_owned();
        let form = [
            ("channel", channel.trim_start_matches('#').to_owned()),
            ("text", text.to_owned()),
            ("mrkdwn", no()),
            ("link_names", no()),
            ("parse", "none".to_owned()),
            ("unfurl_links", no()),
            ("unfurl_media", no()),
            ("metadata", metadata),
        ];
        let answered = self.asked(client, "chat.postMessage", &form).await?;
        match answered.error.as_str() {
            _ if answered.ok => Ok(()),
            "ratelimited" | "rate_limited" => Err(Untaken::Later(Duration::from_mins(1))),
            error if NEVER.contains(&error) => Err(Untaken::Refused(error.chars().take(100).collect())),
            error => Err(Untaken::Closed(error.chars().take(100).collect())),
        }
    }

    /// Whether a channel has a message of that key among its last ones, as far as the token may look.
    async fn has(&self, client: &Client, channel: &str, key: &str) -> bool {
        let Some(id) = self.id(client, channel).await else { return false };
        let form = [("channel", id), ("limit", BACK.to_string()), ("include_all_metadata", "true".to_owned())];
        let Ok(answered) = self.asked(client, "conversations.history", &form).await else { return false };
        let ours = |said: &Said| {
            said.metadata.get("event_type").and_then(Value::as_str) == Some(KIND)
                && said.metadata.pointer("/event_payload/key").and_then(Value::as_str) == Some(key)
        };
        answered.messages.iter().any(ours)
    }

    /// The id of a channel.
    async fn id(&self, client: &Client, channel: &str) -> Option<String> {
        let Some(name) = channel.strip_prefix('#') else { return Some(channel.to_owned()) };
        // Private ones take another scope, and a token without it is told nothing of either.
        for kind in ["public_channel", "private_channel"] {
            let mut cursor = String::new();
            for _ in 0..PAGES {
                let form = [
                    ("limit", "1000".to_owned()),
                    ("exclude_archived", "true".to_owned()),
                    ("types", kind.to_owned()),
                    ("cursor", cursor),
                ];
                let answered = self.asked(client, "conversations.list", &form).await.ok()?;
                if let Some(found) = answered.channels.into_iter().find(|it| it.name == name) {
                    return Some(found.id);
                }
                cursor = answered.response_metadata.next_cursor;
                if cursor.is_empty() {
                    break;
                }
            }
        }
        None
    }
}

/// How long whoever answers wants to be left alone, by its `Retry-After`: a number of seconds (RFC 9110, 10.2.3).
#[must_use]
pub fn waits(response: &Response) -> Duration {
    let stated = response.headers().get("retry-after").and_then(|it| it.to_str().ok()?.trim().parse::<u64>().ok());
    stated.map_or(Duration::from_mins(1), |seconds| Duration::from_secs(seconds.max(1))).min(LONGEST)
}
