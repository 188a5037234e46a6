//! Where GitHub is: github.com, an enterprise's own domain at ghe.com, or an enterprise server.
//!
//! Three places with three layouts. github.com and ghe.com have `api.` before their name and the GraphQL endpoint at
//! `/graphql`; a server has REST below `/api/v3` and GraphQL at `/api/graphql`.

use reqwest::Url;

use crate::forge::address;

/// The two endpoints of one GitHub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    rest: Url,
    graphql: Url,
    /// The host of the pages that people look at.
    web: String,
    /// Whether it is GitHub's own, and no enterprise's server.
    hosted: bool,
}

/// Why a URL is no GitHub.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{written}` is no address of a GitHub: {why}; write `https://github.com` or `https://github.example.com`")]
pub struct NoBase {
    written: String,
    why: &'static str,
}

impl Base {
    /// Reads the address of a GitHub: the one that people open, or that of its API.
    pub fn parse(written: &str) -> Result<Self, NoBase> {
        let no = |why: &'static str| NoBase { written: written.to_owned(), why };
        let url = address::read(written).map_err(no)?;
        let host = url.host_str().ok_or_else(|| no("it names no host"))?;
        let path = url.path().trim_end_matches('/');
        let hosted = host == "github.com" || host == "api.github.com" || host.ends_with(".ghe.com");
        if hosted {
            if !path.is_empty() {
                return Err(no("it has a path"));
            }
            let web = host.strip_prefix("api.").unwrap_or(host).to_owned();
            let rest = with(&url, &format!("api.{web}"), "/").ok_or_else(|| no("it cannot be read"))?;
            let graphql = with(&url, &format!("api.{web}"), "/graphql").ok_or_else(|| no("it cannot be read"))?;
            return Ok(Self { rest, graphql, web, hosted });
        }
        if !path.is_empty() && path != "/api/v3" {
            return Err(no("its path is none of an API"));
        }
        let web = host.to_owned();
        let rest = with(&url, host, "/api/v3/").ok_or_else(|| no("it cannot be read"))?;
        let graphql = with(&url, host, "/api/graphql").ok_or_else(|| no("it cannot be read"))?;
        Ok(Self { rest, graphql, web, hosted })
    }

    /// The URL of a REST path, which begins with `/`.
    #[must_use]
    pub fn rest(&self, path: &str) -> Option<Url> {
        self.rest.join(path.trim_start_matches('/')).ok().filter(|url| self.owns(url))
    }

    /// The URL of GraphQL.
    #[must_use]
    pub fn graphql(&self) -> &Url {
        &self.graphql
    }

    /// A page that people look at, by its path, which begins with `/`.
    #[must_use]
    pub fn page(&self, path: &str) -> Option<Url> {
        with(&self.rest, &self.web, path)
    }

    /// The host of the pages that people look at.
    #[must_use]
    pub fn web(&self) -> &str {
        &self.web
    }

    /// Whether it is github.com or ghe.com, and no enterprise's own server.
    #[must_use]
    pub fn is_hosted(&self) -> bool {
        self.hosted
    }

    /// Whether what is sent there is encrypted.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.rest.scheme() == "https"
    }

    /// Whether a URL is below this GitHub's REST endpoint. A token is sent nowhere else.
    #[must_use]
    pub fn owns(&self, url: &Url) -> bool {
        address::is_below(&self.rest, url)
    }

    /// A path below the REST endpoint, of a URL that is there.
    #[must_use]
    pub fn path_of(&self, url: &Url) -> Option<String> {
        let below = self.owns(url).then(|| url.path().strip_prefix(self.rest.path())).flatten()?;
        Some(format!("/{below}"))
    }
}

fn with(url: &Url, host: &str, path: &str) -> Option<Url> {
    let mut url = url.clone();
    url.set_host(Some(host)).ok()?;
    url.set_path(path);
    Some(url)
}
