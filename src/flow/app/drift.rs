//! Environments that the forge held for us and holds no longer: somebody took the rule away, or the environment itself, and
//! whatever comes now goes without being asked about. That is a finding, once for each time; that it is held again is an
//! entry too. One that was never held is none: `doctor` speaks of it, and there the job asks by itself.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Instant;

use serde_json::json;

use super::Desk;
use super::ledger::{ENVIRONMENTS, Unread, is_formal};
use super::lock::lock;
use super::policy::Read;
use crate::flow::append::{Failed, Happening};
use crate::forge::{Forge as _, Hub};
use crate::log::entry::Kind;
use crate::model::facts::Fact;
use crate::store::fault::Fault as DatabaseFault;
use crate::store::reader::Reader;
use crate::store::writer::Refused;

/// How often one environment can be held and not held, by the record.
const MOST: u64 = 10_000;

/// How environments were held when they were looked at last.
#[derive(Debug, Default)]
pub(super) struct Held {
    looked: Mutex<BTreeMap<String, Instant>>,
    /// How often that changed, by repository and environment. It is held after an odd number of times.
    changes: Mutex<BTreeMap<(String, String), u64>>,
}

/// The key under which one change of this is recorded: the first, the second, and so on.
fn once(forge: &str, (repository, environment): &(String, String), change: u64) -> String {
    format!("environment held {}", json!([forge, repository, environment, change]))
}

/// How often it changed, by the record.
async fn recorded(reader: &mut Reader, forge: &str, of: &(String, String)) -> Result<u64, DatabaseFault> {
    for change in 0..MOST {
        if !reader.is_recorded(&once(forge, of, change + 1)).await? {
            return Ok(change);
        }
    }
    Ok(MOST)
}

impl<H: Hub> Desk<H> {
    /// Looks whether the environments of a repository where people have to approve are held for us, once a sweep.
    pub(super) async fn watch_over(&self, forge: &H::Forge, repository: &str, read: &Read) -> Result<(), Unread> {
        let held = &self.ledger.held;
        let late = |at: &Instant| at.elapsed() >= self.settings.sweep.mul_f32(0.9);
        if !lock(&held.looked).get(repository).is_none_or(late) {
            return Ok(());
        }
        let environments = read.policy.rules.environments.iter().map(|rule| &rule.name);
        for environment in environments.filter(|name| is_formal(&read.policy, name)).take(ENVIRONMENTS) {
            let is_held = match forge.guards(repository, environment).await {
                Fact::Known(is_held) => is_held,
                Fact::Absent => false,
                Fact::Unavailable(why) => {
                    let fields = json!({ "repository": repository, "environment": environment, "fault": why });
                    self.say("environment_unread", &fields);
                    continue;
                }
            };
            self.guarded(repository, environment, is_held).await?;
        }
        lock(&held.looked).insert(repository.to_owned(), Instant::now());
        Ok(())
    }

    async fn guarded(&self, repository: &str, environment: &str, is_held: bool) -> Result<(), Unread> {
        let of = (repository.to_lowercase(), environment.to_owned());
        let known = lock(&self.ledger.held.changes).get(&of).copied();
        let changes = if let Some(known) = known {
            known
        } else {
            let mut reader = self.reader().await?;
            let changes = recorded(&mut reader, H::NAME, &of).await?;
            reader.close().await?;
            changes
        };
        let mut now = changes;
        if is_held != (changes % 2 == 1) && changes < MOST {
            now += 1;
            let state = if is_held { "held" } else { "not_held" };
            let mut body = json!({ "forge": H::NAME, "repository": of.0, "environment": environment, "state": state });
            if let Some(body) = body.as_object_mut().filter(|_| !is_held) {
                body.insert("finding".to_owned(), json!("environment_not_held"));
            }
            self.say(if is_held { "environment_held" } else { "environment_not_held" }, &body);
            let body = body.as_object().cloned().unwrap_or_default();
            let once = Some(once(H::NAME, &of, now));
            let append = Happening { kind: Kind::Deployment, body, attached: Vec::new(), once }.append(self.now())?;
            match self.sequencer.append(append).await.map_err(Failed::from) {
                Ok(_) | Err(Failed::Refused(Refused::OtherContent(_))) => {}
                Err(failed) => return Err(failed.into()),
            }
        }
        lock(&self.ledger.held.changes).insert(of, now);
        Ok(())
    }
}
