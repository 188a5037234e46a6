//! What a release left to be done is called to mind on its change, and where the policy has people told: when three quarters of the time are over, and when all of
//! it is. Each is said once, by the record, and in the open hours of whoever is to do it.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::Unseen;
use super::said::{Said, Says};
use crate::flow::app::Desk;
use crate::flow::app::policy::Read;
use crate::flow::recorded;
use crate::forge::Hub;
use crate::model::facts::{Fact, Facts};
use crate::model::message::What;
use crate::policy::Policy;
use crate::policy::calendar;
use crate::report::neutral;
use crate::store::latest::Left;

/// How far the time of an obligation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Stage {
    Near,
    Late,
}

impl Stage {
    pub(in super::super) fn of(opened: DateTime<Utc>, due: DateTime<Utc>, now: DateTime<Utc>) -> Option<Self> {
        if now >= due {
            return Some(Self::Late);
        }
        (now >= due - (due - opened) / 4).then_some(Self::Near)
    }

    fn what(self) -> What {
        match self {
            Self::Near => What::Near,
            Self::Late => What::Overdue,
        }
    }

    pub(in super::super) fn word(self) -> &'static str {
        match self {
            Self::Near => "near",
            Self::Late => "late",
        }
    }
}

/// Whether whoever is to do it is at work: by the hours of the role, or else those of the policy.
pub(in super::super) fn is_open(policy: &Policy, role: Option<&str>, now: DateTime<Utc>) -> bool {
    let calendar = &policy.rules.calendar;
    let own = role.and_then(|name| policy.rules.roles.iter().find(|it| it.name == name)?.hours.as_ref());
    own.unwrap_or(&calendar.business).is_open(now, &calendar.holidays)
}

/// The change on which a release is spoken of: the last of those that it brought.
fn change(facts: &Facts) -> Option<u64> {
    let Fact::Known(changes) = &facts.release.changes else { return None };
    // `acme/shop#12` on one forge, `acme/shop!12` on the other.
    let number = |id: &str| id.rsplit_once(['#', '!']).and_then(|(_, number)| number.parse::<u64>().ok());
    changes.iter().filter(|it| !it.direct).filter_map(|it| number(&it.id)).max()
}

fn text(left: &Left, stage: Stage, due: &str) -> String {
    let name = |text: &str| neutral::code(text, 200);
    let (kind, release) = (name(&left.kind), name(&left.stream.release));
    let by = left.role.as_deref().map_or_else(|| "nobody in particular".to_owned(), name);
    let how = format!("/countersign validate {} {} LINK", left.stream.environment, left.id);
    let when = match stage {
        Stage::Near => format!("is due {due}"),
        Stage::Late => format!("was due {due} and is overdue"),
    };
    format!(
        "<p>{kind} of {release} {when}, by {by}. When it is done, somebody of that role who had no hand in the release says \
         so here: {}</p>\n",
        neutral::code(&how, 400)
    )
}

impl<H: Hub> Desk<H> {
    /// Calls to mind what releases of a repository left to be done.
    pub(in super::super) async fn remind(&self, repository: &str, read: &Read) -> Result<(), String> {
        self.reminded(repository, read, self.now()).await.map_err(|why| why.to_string())
    }

    async fn reminded(&self, repository: &str, read: &Read, now: DateTime<Utc>) -> Result<(), Unseen> {
        let mut reader = self.reader().await?;
        let ours = |left: &Left| {
            left.stream.forge == H::NAME && left.stream.repository.eq_ignore_ascii_case(repository) && !left.met
        };
        let open: Vec<Left> = reader.left().await?.into_iter().filter(ours).collect();
        for left in open {
            let Some(due) = left.due.and_then(DateTime::<Utc>::from_timestamp_micros) else { continue };
            let Some(entry) = recorded::entry(&mut reader, left.entry).await? else { continue };
            let Some(stage) = Stage::of(entry.at, due, now) else { continue };
            if !is_open(&read.policy, left.role.as_deref(), now) {
                continue;
            }
            let once = format!("reminder:{}:{}:{}", H::NAME, left.id, stage.word());
            if reader.has_effect(&once).await? {
                continue;
            }
            let facts = reader.blob(left.facts).await?.and_then(|bytes| Facts::read(&bytes).ok());
            self.tell_left(&mut reader, read, (&left, facts.as_ref()), (stage.what(), now)).await?;
            let Some(change) = facts.as_ref().and_then(change) else { continue };
            let told = calendar::told(due, read.policy.rules.calendar.zone);
            let says = Says::Reply { key: once.clone(), text: text(&left, stage, &told) };
            let said = Said { forge: H::NAME.to_owned(), repository: repository.to_owned(), change, says };
            if self.leave(&said, &once).await? {
                let fields = json!({ "repository": repository, "change": change, "obligation": left.id,
                    "stage": stage.word(), "due": due.to_rfc3339() });
                self.say("obligation_reminded", &fields);
            }
        }
        reader.close().await?;
        Ok(())
    }
}
