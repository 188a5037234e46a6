//! The App by its own word: where it is installed and what it may there, and how its webhook does.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::fact;
use crate::forge::github::client::{Client, Fault};
use crate::forge::github::needs::{EVENTS, PERMISSIONS};
use crate::forge::github::read::Repository;
use crate::model::facts::Fact;
use crate::model::posture::{Access, Delivery, Hook, Installed, Permission};

#[derive(Deserialize)]
pub(super) struct Installation {
    pub(super) app_id: u64,
    suspended_at: Option<String>,
    #[serde(default)]
    permissions: BTreeMap<String, String>,
    #[serde(default)]
    events: Vec<String>,
}

impl Installation {
    pub(super) fn installed(self) -> Installed {
        let given = |name: &str| match self.permissions.get(name).map(String::as_str) {
            Some("read") => Some(Access::Read),
            Some("write" | "admin") => Some(Access::Write),
            _ => None,
        };
        let permission =
            |(name, needed): (&str, Access)| Permission { name: name.to_owned(), needed, given: given(name) };
        let missing = EVENTS.iter().filter(|event| !self.events.iter().any(|known| known == *event));
        Installed {
            suspended: self.suspended_at.is_some(),
            permissions: PERMISSIONS.into_iter().map(permission).collect(),
            missing_events: missing.map(|event| (*event).to_owned()).collect(),
        }
    }
}

/// The App's installation on a repository; `None` where it is not installed there.
pub(super) async fn installation(root: &Client, repository: &Repository) -> Result<Option<Installation>, Fault> {
    match root.get_as_app(&format!("/repos/{}/installation", repository.path())).await {
        Ok(installation) => Ok(Some(installation)),
        Err(Fault::NotFound { .. }) => Ok(None),
        Err(fault) => Err(fault),
    }
}

#[derive(Deserialize)]
struct Config {
    url: Option<String>,
    secret: Option<String>,
    insecure_ssl: Option<Switch>,
}

/// GitHub writes it as a text or as a number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Switch {
    Text(String),
    Number(u64),
}

#[derive(Deserialize)]
struct Delivered {
    guid: String,
    event: String,
    status: String,
    status_code: u16,
}

/// The App's webhook.
pub(super) async fn hook(root: &Client) -> Hook {
    let deliveries = fact(root.get_as_app::<Vec<Delivered>>("/app/hook/deliveries?per_page=100").await.map(latest));
    let config = match root.get_as_app::<Config>("/app/hook/config").await {
        Ok(config) => config,
        Err(fault) => {
            return Hook {
                address: fault.unavailable(),
                stopped: Fact::Absent,
                signs: fault.unavailable(),
                verifies: fault.unavailable(),
                deliveries,
            };
        }
    };
    let address = config.url.filter(|url| !url.trim().is_empty());
    let verifies = match config.insecure_ssl {
        Some(Switch::Text(text)) => Fact::Known(text == "0"),
        Some(Switch::Number(number)) => Fact::Known(number == 0),
        None => Fact::Unavailable("GitHub does not say whether it looks at the certificate".into()),
    };
    Hook {
        address: address.map_or(Fact::Absent, Fact::Known),
        // GitHub goes on, whatever it is answered.
        stopped: Fact::Absent,
        // What is kept of the secret is shown as stars.
        signs: Fact::Known(config.secret.is_some_and(|secret| !secret.is_empty())),
        verifies,
        deliveries,
    }
}

/// The last try of each delivery, the newest first. A ping tells nothing of a release.
fn latest(delivered: Vec<Delivered>) -> Vec<Delivery> {
    let mut seen = BTreeSet::new();
    let tries = delivered.into_iter().filter(|it| it.event != "ping" && seen.insert(it.guid.clone()));
    tries
        .map(|it| Delivery {
            taken: (200..300).contains(&it.status_code),
            status: format!("{} ({})", it.status, it.status_code),
            event: it.event,
        })
        .collect()
}
