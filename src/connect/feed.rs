//! A feed of meetings: an iCalendar file (RFC 5545) that is read over HTTPS.
//!
//! A policy names its address, and so it is gone to at public addresses only. Where whoever runs the app names the very same
//! address, it may be a private one.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::Client;

use crate::transport::abroad;
use crate::transport::http::{self, Fault};

/// How long reading one may take. What is decided waits for it.
const PATIENCE: Duration = Duration::from_secs(8);
/// How many bytes one may have.
const LARGEST: usize = 1 << 20;

/// Reads feeds.
#[derive(Debug)]
pub struct Feeds {
    /// The addresses that may be private.
    private: BTreeSet<String>,
    client: Client,
    abroad: Client,
}

impl Feeds {
    /// Reads feeds at public addresses, and at these, wherever they are: `https://` addresses as policies have them, without
    /// `feed:`.
    pub fn new(private: impl IntoIterator<Item = String>) -> Result<Self, Fault> {
        let private: BTreeSet<String> = private.into_iter().collect();
        if let Some(wrong) = private.iter().find(|address| !address.starts_with("https://")) {
            return Err(Fault::Address(wrong.clone()));
        }
        for address in &private {
            http::address(address)?;
        }
        Ok(Self { private, client: http::client_for(PATIENCE)?, abroad: abroad::client(PATIENCE)? })
    }

    /// The text of a feed, as it is now.
    pub async fn read(&self, address: &str) -> Result<String, Fault> {
        let request = if self.private.contains(address) {
            self.client.get(http::address(address)?)
        } else {
            self.abroad.get(abroad::address(address)?)
        };
        let response = request.header("accept", "text/calendar").send().await?;
        if !response.status().is_success() {
            // What it says besides is nobody's business who reads a decision.
            return Err(Fault::Answer { status: response.status().as_u16(), body: String::new() });
        }
        http::text(response, LARGEST).await
    }
}
