//! The address of a forge's server, as somebody wrote it.

use reqwest::Url;

use crate::transport::http::is_here;

/// Reads it. The error says why it is none, as the rest of a sentence: *it names no host*.
pub(super) fn read(written: &str) -> Result<Url, &'static str> {
    let url = Url::parse(written).map_err(|_| "it cannot be read")?;
    let host = url.host_str().ok_or("it names no host")?;
    // What goes to this machine itself cannot be listened to on the way; everything else is encrypted.
    if url.scheme() != "https" && !(url.scheme() == "http" && is_here(host)) {
        return Err("it does not begin with `https://`");
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err("it has more in it than a host and a path");
    }
    Ok(url)
}

/// Whether a URL is below the server's REST endpoint. A token is sent nowhere else.
pub(super) fn is_below(rest: &Url, url: &Url) -> bool {
    url.origin() == rest.origin()
        && url.path().starts_with(rest.path())
        && url.username().is_empty()
        && url.password().is_none()
}
