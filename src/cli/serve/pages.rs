//! What the pages are set by: the App as people log in through it, and the address under which browsers reach the app.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;

use super::{needed, set};
use crate::cli::facts::{Failure, secret, usage};
use crate::forge::secret::Secret;
use crate::transport::http::is_here;
use crate::web::pages::Origin;

/// How soon the forge is asked again what somebody may read, in seconds, where nothing else is said; and the least and the
/// most.
const RECHECK: u64 = 60;
const RECHECKS: std::ops::RangeInclusive<u64> = 1..=60;

/// The pages that people look at.
#[derive(clap::Args)]
pub(super) struct PageArguments {
    /// The App's client id, by which people log in to see releases, or on GitLab the id of an OAuth application; or
    /// COUNTERSIGN_CLIENT_ID. With `--client-secret-file` and `--public-url` it switches the pages on; without it none is served.
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// A file with the client secret of the same; or COUNTERSIGN_CLIENT_SECRET_FILE.
    #[arg(long, value_name = "FILE")]
    client_secret_file: Option<PathBuf>,
    /// Ask the forge anew what somebody may read after so many seconds, 1 to 60; or COUNTERSIGN_RECHECK. Left out: 60. Whoever
    /// is deactivated there is logged out within that time.
    #[arg(long, value_name = "SECONDS")]
    recheck: Option<u64>,
}

/// The same as the file states it.
pub(super) struct Stated {
    pub(super) client_id: Option<String>,
    pub(super) client_secret_file: Option<PathBuf>,
    pub(super) recheck: Option<u64>,
}

/// What the pages need.
pub(in crate::cli) struct Set<D> {
    pub(in crate::cli) door: D,
    pub(in crate::cli) age: Duration,
    pub(in crate::cli) origin: Origin,
}

/// The address under which the app is reached.
pub(in crate::cli) fn origin(written: &str) -> Result<Origin, Failure> {
    let wrong = |why: &str| {
        usage(format!("`--public-url {written}` {why}; write one such as `https://countersign.example.com`"))
    };
    let url = Url::parse(written).map_err(|_| wrong("is no address"))?;
    let is_secure = url.scheme() == "https";
    let stays_here = url.scheme() == "http" && url.host_str().is_some_and(is_here);
    if !(is_secure || stays_here) {
        return Err(wrong("does not begin with `https://`, and logins and tokens would be read on the way"));
    }
    let more = url.path() != "/" || url.query().is_some() || url.fragment().is_some();
    if more || !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("has more in it than a host and a port"));
    }
    Ok(Origin { address: url.origin().ascii_serialization(), is_secure })
}

/// The App, or an application, as people log in through it.
pub(super) struct Named {
    /// Its client id.
    pub(super) id: String,
    /// The file with its client secret.
    pub(super) secret: PathBuf,
    /// How soon the forge is asked again, in seconds.
    pub(super) recheck: Option<u64>,
}

/// What the pages are named by, `None` where they are not switched on; and how soon the forge is asked again.
pub(super) fn named(arguments: &PageArguments, file: Stated) -> Result<(Option<Named>, Option<u64>), Failure> {
    let id = set(arguments.client_id.as_ref(), "COUNTERSIGN_CLIENT_ID", file.client_id)?;
    let secret_file =
        set(arguments.client_secret_file.as_ref(), "COUNTERSIGN_CLIENT_SECRET_FILE", file.client_secret_file)?;
    let recheck = set(arguments.recheck.as_ref(), "COUNTERSIGN_RECHECK", file.recheck)?;
    if id.is_none() && secret_file.is_none() {
        return Ok((None, recheck));
    }
    let id = needed(id, "the pages need the client id too: name it with `--client-id`")?;
    let secret = needed(
        secret_file,
        "the pages need the client secret too: name the file that holds it with `--client-secret-file`",
    )?;
    Ok((Some(Named { id, secret, recheck }), recheck))
}

/// What the pages are set by. `back` is the path at which browsers come back; `door` makes the way in, of the client id, the
/// secret and the whole address of that.
pub(super) fn settings<D, F: std::fmt::Display>(
    named: &Named,
    public: Option<&Origin>,
    back: &str,
    door: impl FnOnce(&str, Secret, &str) -> Result<D, F>,
) -> Result<Set<D>, Failure> {
    let origin = needed(
        public.cloned(),
        "the pages need the address under which browsers reach them: name it with `--public-url`",
    )?;
    let recheck = named.recheck.unwrap_or(RECHECK);
    if !RECHECKS.contains(&recheck) {
        return Err(usage(format!(
            "what somebody may read is asked again after 1 to 60 seconds, and `{recheck}` is none"
        )));
    }
    let back = format!("{}{back}", origin.address);
    let door = door(&named.id, secret(&named.secret)?, &back).map_err(usage)?;
    Ok(Set { door, age: Duration::from_secs(recheck), origin })
}
