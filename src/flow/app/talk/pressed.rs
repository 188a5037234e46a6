//! Buttons of the check on a change: what somebody pressed, and what became of it.
//!
//! Who pressed a button stands nowhere but in the delivery, which the forge signed. What he approves is the head that the
//! check is on, as it is seen alone: each change and component with its content. It is an act like any other, named by what
//! was pressed on what by whom, so that the same delivery, however often it is sent, is the same act. A rejection needs its
//! reason, and a button has none: it is told how to write it.

use chrono::{SubsecRound as _, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use super::said::{Said, Says};
use super::{Looking, Unseen, lock, view};
use crate::flow::app::Desk;
use crate::flow::app::acting::{OF_CHANGE, trial::Trial, trial::Verdict};
use crate::flow::append::{Failed, Happening};
use crate::forge::Hub;
use crate::forge::talk::{Button, Proposed};
use crate::log::entry::Kind;
use crate::log::receipt::sha256;
use crate::log::tree::Hash;
use crate::model::facts::{Account, Act, Deed, Via};
use crate::report::reply::{self, Outcome};
use crate::store::change::{Change, Done};
use crate::store::reader::Reader;
use crate::store::writer::Refused;

/// The button that approves, and the one that tells how to reject.
const APPROVE: &str = "approve";
const REJECT: &str = "reject";
/// How many are remembered that nobody has looked at yet.
const MOST: usize = 1_000;
/// How long what was pressed counts: a run that waits for longer has failed.
const LASTS: TimeDelta = TimeDelta::days(35);

/// A button that somebody pressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pressed {
    /// The repository.
    pub repository: String,
    /// The commit that the check is on.
    pub commit: String,
    /// Which button.
    pub identifier: String,
    /// Whose login.
    pub by: String,
}

/// The buttons of a check that asks people before one environment. Before several nobody could tell which is meant.
pub(super) fn buttons(asked: &[String]) -> Vec<Button> {
    let button = |label: &str, description: &str, identifier: &str| Button {
        label: label.to_owned(),
        description: description.to_owned(),
        identifier: identifier.to_owned(),
    };
    match asked {
        [_] => vec![
            button("Approve", "Approve this commit, as it stands", APPROVE),
            button("Reject", "Say how to reject it with a reason", REJECT),
        ],
        _ => Vec::new(),
    }
}

/// What a change is called where acts on it are kept: no release's name.
pub(in super::super) fn about(forge: &str, repository: &str, change: u64) -> String {
    format!("change {}", json!([forge, repository, change]))
}

/// What people approved by buttons in a repository of late. What is not kept any more approves nothing.
pub(in super::super) async fn acts(
    reader: &mut Reader,
    forge: &str,
    repository: &str,
) -> Result<Vec<Act>, crate::store::fault::Fault> {
    let since = (Utc::now() - LASTS).timestamp_micros();
    let mut found = Vec::new();
    for acted in reader.acted_on_changes(forge, repository, since).await? {
        let act = reader.blob(acted.digest).await?.and_then(|bytes| serde_json::from_slice::<Act>(&bytes).ok());
        found.extend(act.filter(|act| matches!(act.does, Deed::Approve { .. })));
    }
    Ok(found)
}

impl<H: Hub> Desk<H> {
    /// Somebody pressed a button. It is looked at in the next round of its repository.
    pub(in super::super) fn pressed(&self, pressed: Pressed) {
        let mut all = lock(&self.talk.pressed);
        if all.len() < MOST && !all.contains(&pressed) {
            self.book().swept(&pressed.repository, std::time::Instant::now());
            all.push(pressed);
        }
        drop(all);
        self.talk.wake.notify_one();
    }

    /// What was pressed in a repository.
    pub(super) fn unheard(&self, repository: &str) -> Vec<Pressed> {
        lock(&self.talk.pressed).iter().filter(|it| it.repository == repository).cloned().collect()
    }

    /// Looks at what was pressed.
    pub(super) async fn hear(&self, looking: &mut Looking<'_, H>, pressed: Vec<Pressed>) -> Result<(), Unseen> {
        for one in pressed {
            self.press(looking, &one).await?;
            lock(&self.talk.pressed).retain(|it| *it != one);
        }
        Ok(())
    }

    async fn press(&self, looking: &mut Looking<'_, H>, pressed: &Pressed) -> Result<(), Unseen> {
        let Pressed { repository, commit, identifier, by } = pressed;
        let fields = json!({ "repository": repository, "commit": commit, "button": identifier, "account": by });
        self.say("button_pressed", &fields);
        let asked: Vec<String> = match &looking.policy {
            Ok(read) => view::asked(read).map(|it| it.name.clone()).collect(),
            Err(_) => return Ok(()),
        };
        // Of a head that was pushed over, or before several environments, nobody knows what was meant.
        let proposed = looking.proposed.iter().find(|it| it.commit == *commit).cloned();
        let (Some(proposed), [environment]) = (proposed, asked.as_slice()) else { return Ok(()) };
        let (label, outcome) = match identifier.as_str() {
            APPROVE => ("Approve", self.approves(looking, &proposed, environment, by).await?),
            REJECT => {
                let how =
                    format!("a rejection needs its reason; write `/countersign reject {environment}: REASON` here");
                ("Reject", Outcome::refused(how))
            }
            _ => return Ok(()),
        };
        self.book().heard(repository, proposed.number, std::time::Instant::now());
        if outcome == Outcome::Counts {
            return Ok(());
        }
        let once = sha256(
            json!([repository, proposed.number, commit, identifier, by, outcome_of(&outcome)]).to_string().as_bytes(),
        );
        let once = format!("answer:{}:{repository}:button-{once}", H::NAME);
        if !lock(&self.talk.rate).takes(repository, proposed.number, by, std::time::Instant::now()) {
            return Ok(());
        }
        let line = format!("{label}, pressed by {by},");
        let says = Says::Reply { key: once.clone(), text: reply::render(&[(line, outcome)], &[]) };
        let said = Said { forge: H::NAME.to_owned(), repository: repository.clone(), change: proposed.number, says };
        self.leave(&said, &once).await.map(|_| ())
    }

    /// Somebody approves the head of a change by a button.
    async fn approves(
        &self,
        looking: &mut Looking<'_, H>,
        proposed: &Proposed,
        environment: &str,
        by: &str,
    ) -> Result<Outcome, Unseen> {
        let unknown =
            |why: &str| Outcome::refused(format!("what it would mean is not known: {why}; press it again later"));
        let trial = match (self.see(looking, proposed, environment).await, ()) {
            (Some(Ok(view)), ()) => Ok((view.facts.clone(), view.decision.clone())),
            (Some(Err(why)), ()) => Err(unknown(why)),
            (None, ()) => Err(unknown("the policy cannot be read")),
        };
        let (facts, decision) = match trial {
            Ok(seen) => seen,
            Err(outcome) => return Ok(outcome),
        };
        let Ok(read) = &looking.policy else { return Ok(unknown("the policy cannot be read")) };
        let trial = Trial::new(facts, decision, read.policy.clone(), None);
        let account = Account::from(format!("{}:{by}", H::NAME).as_str());
        let of =
            json!([looking.repository, proposed.number, proposed.commit, environment, account.as_str()]).to_string();
        let id: String = sha256(of.as_bytes()).chars().take(16).collect();
        let id = format!("{OF_CHANGE}{id}");
        let now = Utc::now().trunc_subsecs(3);
        let mut act = trial.act(&id, &account, now, Deed::Approve { role: None, accepts: None }, None);
        act.via = Via::Command;
        // It was pressed before: what stands says what became of it.
        if let Some(outcome) = trial.became(&id) {
            return Ok(outcome);
        }
        match trial.judge(&act, now) {
            Verdict::Refused { why, instead, .. } => Ok(Outcome::Refused { why, instead }),
            Verdict::Unknown => Ok(unknown("what people did cannot be read now")),
            Verdict::Counts => {
                self.keep_pressed(proposed, looking.repository, &act).await?;
                looking.views.remove(&(proposed.number, environment.to_owned()));
                Ok(Outcome::Counts)
            }
        }
    }

    async fn keep_pressed(&self, proposed: &Proposed, repository: &str, act: &Act) -> Result<(), Unseen> {
        let bytes = serde_json::to_vec(act)?;
        let digest = Hash::parse(&sha256(&bytes)).unwrap_or(Hash([0; 32]));
        let body = json!({
            "repository": repository, "change": proposed.number, "commit": proposed.commit, "act": act.id,
            "environment": act.saw.environment, "by": act.by.as_str(), "done": act.at.timestamp_micros(), "via": "button",
        });
        let body: Map<String, Value> = body.as_object().cloned().unwrap_or_default();
        let attached = vec![("act.json".to_owned(), bytes)];
        let once = Some(format!("act {}", act.id));
        let mut append = Happening { kind: Kind::Approval, body, attached, once }.append(act.at)?;
        let (kind, account) = (Kind::Approval.word(), act.by.as_str().to_owned());
        let done = Done { id: act.id.clone(), kind, account, at: act.at.timestamp_micros(), digest };
        append.changes.push(Change::OfChange(about(H::NAME, repository, proposed.number), done));
        match self.sequencer.append(append).await.map_err(Failed::from) {
            Ok(_) | Err(Failed::Refused(Refused::OtherContent(_))) => Ok(()),
            Err(failed) => Err(failed.into()),
        }
    }
}

fn outcome_of(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Refused { why, .. } => why,
        Outcome::Counts | Outcome::Told { .. } | Outcome::Listed(_) => "",
    }
}
