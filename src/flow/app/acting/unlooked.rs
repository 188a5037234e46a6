//! What somebody did that no decision has looked at yet: while no run waits for a release nothing decides it, and what is
//! done of it is kept until one does.

use super::lasting;
use super::trial::Trial;
use crate::model::facts::{Account, Act, Deed};
use crate::store::change::Stream;
use crate::store::fault::Fault;
use crate::store::reader::Reader;

/// How something stands that no decision has looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unlooked {
    /// It is about to be.
    Soon,
    /// It will be, once a run waits for the release.
    Kept,
    /// It lasts beyond the release, and counts for whatever it concerns from now on.
    Lasts,
    /// What it was to meet is met.
    Met,
    /// What it is to meet is not met yet.
    Towards,
}

/// How something stands that somebody did of a release which a run waits for, or does not.
pub(super) async fn stands(reader: &mut Reader, act: &Act, waits: bool) -> Result<Unlooked, Fault> {
    if let Some(obligation) = lasting::completes(&act.does) {
        return Ok(if reader.is_met(obligation).await? { Unlooked::Met } else { Unlooked::Towards });
    }
    Ok(match (waits, lasting::lasts(&act.does)) {
        (true, _) => Unlooked::Soon,
        (false, true) => Unlooked::Lasts,
        (false, false) => Unlooked::Kept,
    })
}

/// The approvals and rejections of somebody on the page of a release that its last decision has not seen, without those that
/// he took back, in the order of the record.
pub(super) async fn of(reader: &mut Reader, of: &Stream, last: &Trial, by: &Account) -> Result<Vec<Act>, Fault> {
    let seen = last.facts.acts.entries();
    let mut found: Vec<Act> = Vec::new();
    for acted in reader.acted(&of.forge, &of.repository, &of.release).await? {
        if acted.account != by.as_str() {
            continue;
        }
        let Some(bytes) = reader.blob(acted.digest).await? else { continue };
        let Ok(act) = serde_json::from_slice::<Act>(&bytes) else { continue };
        match &act.does {
            Deed::Withdraw { of } => found.retain(|it| it.id != *of),
            Deed::Approve { .. } | Deed::Reject {} => {
                let is_here = act.saw.environment.as_ref() == Some(&of.environment);
                if is_here && !seen.iter().any(|it| it.id == act.id) {
                    found.push(act);
                }
            }
            _ => {}
        }
    }
    Ok(found)
}
