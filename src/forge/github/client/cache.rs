//! What GitHub answered before, with the tag by which it says whether that still holds (RFC 9110, section 13.1.2). A
//! revalidated answer takes nothing from the allowance.

use std::collections::HashMap;

use reqwest::Url;

/// How many bytes of answers are kept.
const MOST: usize = 64 << 20;

/// An answer as it is kept.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) etag: String,
    pub(super) body: Vec<u8>,
    pub(super) next: Option<Url>,
    /// When it was asked for last, as a count.
    used: u64,
}

/// The answers that are kept, by URL.
#[derive(Debug, Default)]
pub(super) struct Cache {
    kept: HashMap<String, Kept>,
    bytes: usize,
    clock: u64,
}

impl Cache {
    pub(super) fn get(&mut self, url: &Url) -> Option<Kept> {
        self.clock += 1;
        let clock = self.clock;
        let kept = self.kept.get_mut(url.as_str())?;
        kept.used = clock;
        Some(kept.clone())
    }

    pub(super) fn put(&mut self, url: &Url, etag: String, body: &[u8], next: Option<Url>) {
        if body.len() > MOST / 8 {
            return;
        }
        self.clock += 1;
        let kept = Kept { etag, body: body.to_vec(), next, used: self.clock };
        self.bytes += body.len();
        if let Some(before) = self.kept.insert(url.as_str().to_owned(), kept) {
            self.bytes -= before.body.len();
        }
        while self.bytes > MOST {
            let oldest = self.kept.iter().min_by_key(|(_, kept)| kept.used).map(|(url, _)| url.clone());
            let Some(gone) = oldest.and_then(|url| self.kept.remove(&url)) else { break };
            self.bytes -= gone.body.len();
        }
    }
}
