//! Whether a release still waits while it is decided, and which answers it would take.

use std::time::Instant;

use super::Desk;
use super::docket::{Case, Key};
use super::ruling::{Attempts, Undecided, alike};
use crate::forge::{Forge as _, Hub, Takes, Waiting};

impl<H: Hub> Desk<H> {
    /// Whether a release that was told before that it is held still waits; notes in which attempt its runs still are.
    pub(super) async fn once_more(
        &self,
        forge: &H::Forge,
        case: &Case,
        attempts: &Attempts,
    ) -> Result<Option<Takes>, Undecided> {
        if case.asked.is_some() {
            return Ok(Some(Takes::ANY));
        }
        let began = Instant::now();
        let waits = async { if case.told.is_none() { Ok(Some(Takes::ANY)) } else { self.takes(forge, case).await } };
        let (waits, alike) = tokio::join!(waits, alike::<H>(forge, case));
        if alike.is_ok_and(|(now, _)| now == *attempts) {
            self.fresh.seen(&case.key.repository, attempts, began);
        }
        waits
    }

    /// Which answers any of the runs of a release would take; `None` where none of them waits.
    pub(super) async fn takes(&self, forge: &H::Forge, case: &Case) -> Result<Option<Takes>, Undecided> {
        let mut found: Option<Takes> = None;
        for run in &case.runs {
            let Key { repository, environment, .. } = case.key.clone();
            let waiting = Waiting { repository, run: *run, environment };
            let takes = forge.waits(&waiting).await.map_err(|fault| Undecided::Forge(fault.to_string()))?;
            found = found.into_iter().chain(takes).reduce(Takes::or);
            if found == Some(Takes::ANY) {
                break;
            }
        }
        Ok(found)
    }
}
