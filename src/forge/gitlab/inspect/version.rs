//! The server's version, against those whose answers are known.

use serde::Deserialize;

use crate::forge::gitlab::client::{Client, Fault};
use crate::model::facts::Fact;
use crate::model::inspection::{UNDERSTOOD, Way};
use crate::model::notable::shortened;

/// The major versions that are supported: the current one, as of this release, and the one before.
const SUPPORTED: [u64; 2] = [18, 19];

#[derive(Deserialize)]
struct Stated {
    version: String,
}

/// Whether the server is of a version whose answers are known to mean what is read in them.
pub(super) async fn way(client: &Client) -> (Fact<bool>, Way) {
    told(client.get::<Stated>("/version").await.map(|stated| stated.version))
}

fn told(stated: Result<String, Fault>) -> (Fact<bool>, Way) {
    let [before, current] = SUPPORTED;
    let known = format!("supported are {before} and {current}");
    let (by, supported) = match stated {
        Err(fault) => {
            let by = format!("nothing that is known: its version could not be read, and {known}: {fault}");
            (by, fault.unavailable())
        }
        Ok(version) => {
            let shown = shortened(&version, 40);
            match version.split('.').next().and_then(|major| major.parse::<u64>().ok()) {
                Some(major) if SUPPORTED.contains(&major) => {
                    (format!("its version {shown}; {known}"), Fact::Known(true))
                }
                Some(major) if major < before => (
                    format!(
                        "nothing: its version {shown} is older than those that are supported; {known}, so update it"
                    ),
                    Fact::Known(false),
                ),
                Some(_) => (
                    format!(
                        "nothing that was tried: its version {shown} is newer; {known}, so look for a newer Countersign"
                    ),
                    Fact::Known(false),
                ),
                None => {
                    let says = format!("it calls its version {shown}; {known}");
                    (format!("nothing that is known: {says}"), Fact::Unavailable(says.into()))
                }
            }
        }
    };
    let enforced = supported.known() == Some(&true);
    (supported, Way { does: UNDERSTOOD.to_owned(), by, enforced })
}
