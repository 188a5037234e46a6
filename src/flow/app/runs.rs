//! What runs in an environment, by the record.
//!
//! Whoever may push can write into a forge's list of deployments. A commit in it counts as what runs only where this
//! record opened the environment for it: then all that came before it was approved, and a range that begins there leaves
//! nothing out. Where the list shows nothing, everything that there ever was is new, and has to be covered.

use super::docket::Key;
use crate::model::facts::{Fact, Facts};
use crate::store::fault::Fault as DatabaseFault;
use crate::store::reader::Reader;

/// What a forge shows to run, held against the record.
pub(super) async fn proven(
    reader: &mut Reader,
    forge: &str,
    key: &Key,
    shown: Fact<String>,
) -> Result<Fact<String>, DatabaseFault> {
    let Fact::Known(commit) = shown else { return Ok(shown) };
    for opening in reader.openings(forge, &key.repository, &key.environment).await? {
        let facts = reader.blob(opening.facts).await?.and_then(|bytes| Facts::read(&bytes).ok());
        if facts.is_some_and(|facts| facts.release.commit.eq_ignore_ascii_case(&commit)) {
            return Ok(Fact::Known(commit));
        }
    }
    let why = format!(
        "`{}` runs {commit}, for which no decision of this record opened it; if that is right, start the app with \
         `--since {}:{}={commit}`",
        key.environment, key.repository, key.environment
    );
    Ok(Fact::Unavailable(why.into()))
}
