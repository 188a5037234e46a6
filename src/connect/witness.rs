//! A witness, as the C2SP specification `tlog-witness` has it.

use reqwest::{Client, StatusCode, Url};

use crate::log::note::Verifier;
use crate::log::witness;
use crate::transport::http::{self, Fault};

/// How many bytes an answer has at most.
const MOST: usize = 64 * 1024;

/// A witness: where it is, and by which key it signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// Where it is, without `/add-checkpoint`.
    pub url: Url,
    /// Its key.
    pub key: Verifier,
}

/// What a witness answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Lines of signatures.
    Signed(String),
    /// It has seen a tree of that size, and wants the proof from there.
    Seen(u64),
}

impl Witness {
    /// Reads `URL=KEY`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let form = || format!("`{text}` is no witness: name one as `https://witness.example=name+hash+key`");
        // A key has equals signs at its end, and its name has no white space.
        let (url, key) = text.split_once('=').ok_or_else(form)?;
        let url = http::address(url.trim_end_matches('/')).map_err(|fault| fault.to_string())?;
        let key = Verifier::parse(key).map_err(|flaw| flaw.to_string())?;
        Ok(Self { url, key })
    }

    /// Sends a checkpoint, with the proof that it continues what the witness has seen.
    pub async fn add(&self, client: &Client, request: String) -> Result<Answer, Fault> {
        let url = format!("{}/add-checkpoint", self.url.as_str().trim_end_matches('/'));
        let response = client.post(url).body(request).send().await?;
        match response.status() {
            StatusCode::OK => Ok(Answer::Signed(http::text(response, MOST).await?)),
            StatusCode::CONFLICT => {
                let body = http::text(response, MOST).await?;
                let size = witness::size(&body);
                size.map(Answer::Seen).ok_or(Fault::Answer { status: 409, body: body.chars().take(300).collect() })
            }
            _ => Err(http::unexpected(response).await),
        }
    }
}
