//! What is said on a change, as it is kept in the record until it is known to have arrived.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::Desk;
use crate::flow::send::{self, Answer};
use crate::forge::Hub;
use crate::forge::talk::{Notice, Talk as _};
use crate::store::fault::Fault as DatabaseFault;
use crate::store::outbox::{ASIDE, Claimed};
use crate::store::reader::Reader;

/// Something that is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    pub(super) forge: String,
    pub(super) repository: String,
    pub(super) change: u64,
    pub(super) says: Says,
}

/// What is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub(super) enum Says {
    /// What the change's release would need. `number` counts how often that was said for its commit, from 1.
    Check { notice: Notice, number: u64 },
    /// The answer to a comment.
    Reply { key: String, text: String },
    /// That a comment counts, by the forge's number for it.
    Acknowledge { handle: u64 },
}

impl Said {
    /// Reads what is kept; `None` where it is something else, or another forge's.
    pub(in super::super) fn read(bytes: &[u8], forge: &str) -> Option<Self> {
        serde_json::from_slice::<Self>(bytes).ok().filter(|said| said.forge == forge)
    }

    /// What it is about, as the record has it: no release's name.
    pub(super) fn about(&self) -> String {
        let what = match &self.says {
            Says::Check { notice, .. } => format!("check {}", notice.commit),
            Says::Reply { .. } | Says::Acknowledge { .. } => "comments".to_owned(),
        };
        format!("change {}", json!([self.forge, self.repository, self.change, what]))
    }

    /// Where it goes: what is said on one change goes in order, and after all that is not said on changes.
    pub(super) fn destination(&self) -> String {
        format!("{ASIDE}{}:{}#{}", self.forge, self.repository, self.change)
    }
}

impl<H: Hub> Desk<H> {
    /// Says it.
    pub(in super::super) async fn speak(
        &self,
        reader: &mut Reader,
        said: &Said,
        claimed: &Claimed,
    ) -> Result<Answer, DatabaseFault> {
        let last = reader.last_about(&said.about()).await?;
        let forge = match self.hub.of(&said.repository).await {
            Ok(forge) => forge.behind_deployments(),
            Err(fault) => return Ok(Answer::Failed(fault.to_string())),
        };
        let tried_before = claimed.attempt > 1;
        let done = match &said.says {
            Says::Check { .. } if last.is_some_and(|last| last.effect != claimed.effect) => {
                return Ok(Answer::Refused(send::LATER_ONE.to_owned()));
            }
            Says::Check { notice, number } => {
                forge.show(&said.repository, said.change, notice, *number > 1 || tried_before).await
            }
            Says::Reply { key, text } => forge.reply(&said.repository, said.change, (key, text), tried_before).await,
            Says::Acknowledge { handle } => forge.acknowledge(&said.repository, said.change, *handle).await,
        };
        Ok(done.map_or_else(|fault| Answer::Failed(fault.to_string()), |()| Answer::Done))
    }
}
