//! The server's version, against those whose answers are known.

use serde::Deserialize;

use crate::forge::gitlab::client::Client;
use crate::model::facts::Fact;
use crate::model::inspection::Way;
use crate::model::notable::shortened;
use crate::model::posture::Unsupported;

/// The major versions that are supported: the current one, as of this release, and the one before.
const SUPPORTED: [u64; 2] = [18, 19];

#[derive(Deserialize)]
struct Stated {
    version: String,
}

/// How the server stands to the versions whose answers are known to mean what is read in them.
pub(super) struct Standing {
    pub(super) way: Way,
    /// Absent where it is of one of them.
    pub(super) unsupported: Fact<Unsupported>,
}

pub(super) async fn standing(client: &Client) -> Standing {
    let [before, current] = SUPPORTED;
    let known = format!("supported are {before} and {current}");
    let unsupported = |says: String, mend| Fact::Known(Unsupported { says: format!("{says}; {known}"), mend });
    let stated = client.get::<Stated>("/version").await;
    let unsupported = match &stated {
        Err(fault) => fault.unavailable(),
        Ok(Stated { version }) => {
            let shown = shortened(version, 40);
            match version.split('.').next().and_then(|major| major.parse::<u64>().ok()) {
                Some(major) if SUPPORTED.contains(&major) => Fact::Absent,
                Some(major) if major < before => {
                    unsupported(format!("its version {shown} is older than those that are supported"), "update GitLab")
                }
                Some(_) => unsupported(
                    format!("its version {shown} is newer than those that were tried"),
                    "look for a newer Countersign, and read its notes on GitLab's versions",
                ),
                None => unsupported(
                    format!("it calls its version {shown}"),
                    "see that the address is that of a GitLab server, and that its version is one of these",
                ),
            }
        }
    };
    let by = match (&unsupported, &stated) {
        (Fact::Known(flaw), _) => format!("nothing that is known: {}", flaw.says),
        (Fact::Absent, Ok(Stated { version })) => format!("its version {}; {known}", shortened(version, 40)),
        (Fact::Absent | Fact::Unavailable(_), _) => {
            format!("nothing that is known: its version could not be read, and {known}")
        }
    };
    let enforced = unsupported.is_absent();
    Standing { way: Way { does: "GitLab's answers mean what is read in them".to_owned(), by, enforced }, unsupported }
}
