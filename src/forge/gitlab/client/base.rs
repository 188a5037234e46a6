//! Where GitLab is: gitlab.com, or a server of one's own, which may stand below a path.

use reqwest::Url;

use crate::forge::address;

/// The two endpoints of one GitLab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    rest: Url,
    graphql: Url,
    /// The host of the pages that people look at.
    web: String,
}

/// Why a URL is no GitLab.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{written}` is no address of a GitLab: {why}; write `https://gitlab.com` or `https://example.com/gitlab`, as people open it"
)]
pub struct NoBase {
    written: String,
    why: &'static str,
}

impl Base {
    /// Reads the address of a GitLab: the one that people open, or that of its API.
    pub fn parse(written: &str) -> Result<Self, NoBase> {
        let no = |why: &'static str| NoBase { written: written.to_owned(), why };
        let url = address::read(written).map_err(no)?;
        let host = url.host_str().ok_or_else(|| no("it names no host"))?;
        let path = url.path().trim_end_matches('/');
        let path = path.strip_suffix("/api/v4").unwrap_or(path);
        let below = |rest: &str| {
            let mut url = url.clone();
            url.set_path(&format!("{path}{rest}"));
            url
        };
        Ok(Self { rest: below("/api/v4/"), graphql: below("/api/graphql"), web: host.to_owned() })
    }

    /// The URL of a REST path, which begins with `/`.
    #[must_use]
    pub fn rest(&self, path: &str) -> Option<Url> {
        self.rest.join(path.trim_start_matches('/')).ok().filter(|url| self.owns(url))
    }

    /// The URL of a page that people open, whose path begins with `/`.
    #[must_use]
    pub fn page(&self, path: &str) -> Option<Url> {
        Url::parse(&format!("{}{path}", self.address())).ok().filter(|url| url.origin() == self.rest.origin())
    }

    /// The URL of GraphQL.
    #[must_use]
    pub fn graphql(&self) -> &Url {
        &self.graphql
    }

    /// The host of the pages that people look at.
    #[must_use]
    pub fn web(&self) -> &str {
        &self.web
    }

    /// The address that people open, without `/` at its end: `https://example.com/gitlab`.
    #[must_use]
    pub fn address(&self) -> String {
        self.rest.as_str().trim_end_matches('/').trim_end_matches("/api/v4").to_owned()
    }

    /// Whether what is sent there is encrypted.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.rest.scheme() == "https"
    }

    /// Whether a URL is below this GitLab's REST endpoint. A token is sent nowhere else.
    #[must_use]
    pub fn owns(&self, url: &Url) -> bool {
        address::is_below(&self.rest, url)
    }
}
