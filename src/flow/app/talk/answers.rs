//! Which comments are to be answered, and what with.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::judged::{Made, became};
use super::said::{Said, Says};
use super::view::{self, View};
use super::{Looking, Unanswered, Unseen, lock};
use crate::flow::app::acting::trial::Trial;
use crate::flow::app::acting::tried;
use crate::flow::app::{Desk, link};
use crate::forge::Hub;
use crate::forge::command::{self, Command, Spoken};
use crate::forge::talk::{Proposed, Remark};
use crate::model::facts::{Change, Deed};
use crate::report::reply::{self, Outcome};
use crate::store::change::Stream;

/// How many comments on one change are answered in how long, of one person and of all together: whoever writes many keeps
/// nobody else's from being answered. More wait.
const OF_ONE: usize = 10;
const MOST: usize = 40;
const SPAN: Duration = Duration::from_mins(10);
/// How long what is not known may be something that passes.
const PASSING: TimeDelta = TimeDelta::minutes(1);
/// How many answers are remembered as given; the record knows of all.
const REMEMBERED: usize = 10_000;

/// When answers were given, and to whom, by change.
#[derive(Debug, Default)]
pub(super) struct Rate(BTreeMap<(String, u64), VecDeque<(Instant, String)>>);

impl Rate {
    /// Whether one more may be given now to somebody; then it is counted.
    pub(super) fn takes(&mut self, repository: &str, change: u64, to: &str, now: Instant) -> bool {
        self.0.retain(|_, given| given.back().is_some_and(|(last, _)| now.saturating_duration_since(*last) < SPAN));
        let given = self.0.entry((repository.to_owned(), change)).or_default();
        while given.front().is_some_and(|(first, _)| now.saturating_duration_since(*first) >= SPAN) {
            given.pop_front();
        }
        let his = given.iter().filter(|(_, who)| who.eq_ignore_ascii_case(to)).count();
        let room = given.len() < MOST && his < OF_ONE;
        if room {
            given.push_back((now, to.to_owned()));
        }
        room
    }
}

/// An environment that a line is about, and where to look for what became of it.
pub(super) enum Place {
    /// A release was decided there, and what it was made from is kept.
    Decided(Box<(Stream, Trial)>),
    /// One waits there and has yet to be decided, so that nothing is known.
    Undecided,
    /// One waits there, and what it is made of cannot be read.
    Unknown(String),
    /// Nothing waits there that has this change.
    Nothing,
}

impl<H: Hub> Desk<H> {
    /// The comments of people that say something to us and were not answered.
    pub(super) async fn unanswered(&self, repository: &str, remarks: Vec<Remark>) -> Result<Vec<Unanswered>, Unseen> {
        let mut found = Vec::new();
        for remark in remarks.into_iter().filter(|it| it.by_person) {
            if command::spoken(&remark.text, H::NAME).is_empty() {
                continue;
            }
            // One that is edited says something else, and is answered once more.
            let as_edited = if remark.edited { ":edited" } else { "" };
            let once = format!("answer:{}:{repository}:{}{as_edited}", H::NAME, remark.id);
            if !lock(&self.talk.answered).contains(&once) {
                found.push(Unanswered { remark, once });
            }
        }
        if found.is_empty() {
            return Ok(found);
        }
        let mut reader = self.reader().await?;
        let mut unanswered = Vec::new();
        for it in found {
            if reader.has_effect(&it.once).await? {
                self.is_answered(it.once);
            } else {
                unanswered.push(it);
            }
        }
        reader.close().await?;
        Ok(unanswered)
    }

    pub(super) fn is_answered(&self, once: String) {
        let mut answered = lock(&self.talk.answered);
        if answered.len() >= REMEMBERED {
            answered.clear();
        }
        answered.insert(once);
    }

    /// Answers comments; what is not known yet, or beyond the rate, is looked at again.
    pub(super) async fn answer(&self, looking: &mut Looking<'_, H>, unanswered: Vec<Unanswered>) -> Result<(), Unseen> {
        let mut left: BTreeSet<u64> = BTreeSet::new();
        for it in unanswered {
            looking.met.clear();
            let Some(lines) = self.outcomes(looking, &it.remark).await? else {
                // What is not known for longer is looked at when the repository is read again.
                if !is_old(&it.remark, self.now()) {
                    left.insert(it.remark.change);
                }
                continue;
            };
            if !lock(&self.talk.rate).takes(looking.repository, it.remark.change, &it.remark.by, Instant::now()) {
                continue;
            }
            let all_count = lines.iter().all(|(_, outcome)| *outcome == Outcome::Counts);
            let says = match it.remark.handle.filter(|_| all_count) {
                Some(handle) => Says::Acknowledge { handle },
                None => Says::Reply { key: it.once.clone(), text: reply::render(&lines, &self.pages(&looking.met)) },
            };
            let said = Said {
                forge: H::NAME.to_owned(),
                repository: looking.repository.to_owned(),
                change: it.remark.change,
                says,
            };
            if self.leave(&said, &it.once).await? {
                self.say(
                    "comment_answered",
                    &json!({ "repository": looking.repository, "change": it.remark.change, "comment": it.remark.id,
                        "counts": all_count }),
                );
            }
            self.is_answered(it.once);
        }
        let now = Instant::now();
        for number in left {
            self.book().again(looking.repository, number, now);
        }
        Ok(())
    }

    /// The pages of releases, each with its release's name, where pages are served.
    fn pages(&self, of: &BTreeSet<Stream>) -> Vec<(String, String)> {
        let Some(pages) = &self.settings.pages else { return Vec::new() };
        of.iter().map(|it| (it.release.clone(), format!("{pages}{}", link::path(it)))).collect()
    }

    /// What became of each line of a comment; `None` where that is not known yet.
    async fn outcomes(
        &self,
        looking: &mut Looking<'_, H>,
        remark: &Remark,
    ) -> Result<Option<Vec<(String, Outcome)>>, Unseen> {
        let mut lines = Vec::new();
        let mut commands = 0;
        for (line, spoken) in command::spoken(&remark.text, H::NAME) {
            let outcome = match spoken {
                Spoken::Not(no) => Some(Outcome::refused(no.why)),
                Spoken::Help => Some(Outcome::Listed(command::FORMS.iter().map(|it| (it.written, it.does)).collect())),
                Spoken::Why(environment) => self.why(looking, remark, environment.as_deref()).await?,
                Spoken::Does(command) => {
                    // The acts of a comment are named after it, those after its first with their place; a review is an act
                    // itself.
                    let place = commands + usize::from(remark.handle.is_none());
                    let act = if place == 0 { remark.id.clone() } else { format!("{}/{place}", remark.id) };
                    commands += 1;
                    self.command(looking, remark, &command, &act).await?
                }
            };
            let Some(outcome) = outcome else { return Ok(None) };
            lines.push((line, outcome));
        }
        Ok(Some(lines))
    }

    /// The environments that a line means, or why there are none.
    pub(super) fn meant(looking: &Looking<'_, H>, named: Option<&str>, rejects: bool) -> Result<Vec<String>, Outcome> {
        let read = looking.policy.as_ref().map_err(|no| Outcome::refused(no.to_string()))?;
        let all = || read.policy.rules.environments.iter().map(|it| it.name.clone());
        let Some(named) = named else { return Ok(view::asked(read).map(|it| it.name.clone()).collect()) };
        // A rejection is not lost by a capital letter.
        let found = all().find(|it| it == named || rejects && it.eq_ignore_ascii_case(named));
        found.map(|it| vec![it]).ok_or_else(|| {
            let known: Vec<String> = all().map(|it| format!("`{it}`")).collect();
            Outcome::refused(format!("the policy has no environment `{named}`; it has {}", known.join(", ")))
        })
    }

    async fn command(
        &self,
        looking: &mut Looking<'_, H>,
        remark: &Remark,
        command: &Command,
        act: &str,
    ) -> Result<Option<Outcome>, Unseen> {
        if let Some(outcome) = self.lasting(looking, remark, command, act).await? {
            return Ok(Some(outcome));
        }
        let rejects = command.does == Deed::Reject {};
        let environments = match Self::meant(looking, command.environment.as_deref(), rejects) {
            Ok(environments) => environments,
            Err(outcome) => return Ok(Some(outcome)),
        };
        // Of several environments one that hears it is enough; else the first that does not says why.
        let mut first = None;
        for environment in &environments {
            let outcome = match self.place(looking, remark, environment, Some(act)).await? {
                Place::Undecided => return Ok(None),
                Place::Unknown(why) => Outcome::refused(why),
                Place::Decided(decided) => {
                    let (stream, trial) = *decided;
                    looking.met.insert(stream);
                    // What was decided before this was written is decided again.
                    let Some(outcome) = trial.became(act) else { return Ok(None) };
                    outcome
                }
                Place::Nothing => match self.before_release(looking, remark, environment, act).await {
                    Some(outcome) => outcome,
                    None => return Ok(None),
                },
            };
            if outcome == Outcome::Counts {
                return Ok(Some(outcome));
            }
            first.get_or_insert(outcome);
        }
        Ok(Some(first.unwrap_or_else(|| Outcome::refused("the policy has no environment that people are asked for"))))
    }

    /// What became of something that was said of a change that no release is waiting with.
    async fn before_release(
        &self,
        looking: &mut Looking<'_, H>,
        remark: &Remark,
        environment: &str,
        act: &str,
    ) -> Option<Outcome> {
        let Some(proposed) = proposed(looking, remark.change) else {
            return Some(Outcome::refused(format!(
                "no deployment of this change waits before `{environment}`; what you wrote is read again when one does"
            )));
        };
        let is_asked = looking.policy.as_ref().is_ok_and(|read| view::asked(read).any(|it| it.name == environment));
        if !is_asked {
            return Some(Outcome::refused(format!(
                "`{environment}` asks nobody: what is entered there goes by itself"
            )));
        }
        self.see(looking, &proposed, environment).await?;
        let policy = &looking.policy.as_ref().ok()?.policy;
        match looking.views.get(&(proposed.number, environment.to_owned()))? {
            Ok(View { facts, decision }) => became(Made { policy, before: None, facts, decision }, act),
            // What fails for long is told.
            Err(why) => {
                is_old(remark, self.now()).then(|| Outcome::refused(format!("what it would mean is not known: {why}")))
            }
        }
    }

    /// How things stand, for whoever asks.
    async fn why(
        &self,
        looking: &mut Looking<'_, H>,
        remark: &Remark,
        named: Option<&str>,
    ) -> Result<Option<Outcome>, Unseen> {
        let environments = match Self::meant(looking, named, false) {
            Ok(environments) => environments,
            Err(outcome) => return Ok(Some(outcome)),
        };
        let mut nothing = None;
        for environment in environments {
            match self.place(looking, remark, &environment, None).await? {
                Place::Undecided => return Ok(None),
                Place::Unknown(says) => return Ok(Some(Outcome::Told { environment, says, tree: None })),
                Place::Decided(decided) => {
                    let (stream, trial) = *decided;
                    looking.met.insert(stream);
                    let says = trial.decision.summary;
                    let tree = Some(Box::new(trial.decision.tree));
                    return Ok(Some(Outcome::Told { environment, says, tree }));
                }
                Place::Nothing => {
                    nothing.get_or_insert(environment);
                }
            }
        }
        let Some(environment) = nothing else {
            return Ok(Some(Outcome::refused("the policy has no environment that people are asked for")));
        };
        let Some(proposed) = proposed(looking, remark.change) else {
            let says = "no deployment of this change waits".to_owned();
            return Ok(Some(Outcome::Told { environment, says, tree: None }));
        };
        Ok(Some(match self.see(looking, &proposed, &environment).await {
            Some(Ok(view)) => {
                let says = format!("if it were released now, {}", view.decision.summary);
                Outcome::Told { environment, says, tree: Some(Box::new(view.decision.tree.clone())) }
            }
            Some(Err(why)) => Outcome::Told { environment, says: format!("not known: {why}"), tree: None },
            None => return Ok(None),
        }))
    }

    /// Where to look for what became of something that was said of a change for an environment: a decision that saw the
    /// act, though nothing may wait for it any longer, or one of a release that waits with the change.
    pub(super) async fn place(
        &self,
        looking: &Looking<'_, H>,
        remark: &Remark,
        environment: &str,
        act: Option<&str>,
    ) -> Result<Place, Unseen> {
        let waiting = self.docket().waiting(looking.repository, environment);
        let change = format!("{}#{}", looking.repository, remark.change);
        let mut reader = self.reader().await?;
        let saw = match act {
            Some(act) => reader.saw(H::NAME, looking.repository, act).await?,
            None => Vec::new(),
        };
        let mut place = if waiting.iter().any(Option::is_none) { Place::Undecided } else { Place::Nothing };
        let mut streams: Vec<(bool, Stream)> = waiting.into_iter().flatten().map(|it| (false, it)).collect();
        streams.extend(saw.into_iter().filter(|it| it.environment == environment).map(|it| (true, it)));
        for (saw, stream) in &streams {
            let Some((_, Ok(trial))) = tried(&mut reader, stream).await? else {
                place = Place::Undecided;
                continue;
            };
            if let Some(why) = trial.facts.release.changes.unavailable() {
                place = Place::Unknown(format!("what goes to `{environment}` cannot be read: {why}"));
                continue;
            }
            let goes = |it: &Change| it.id.eq_ignore_ascii_case(&change);
            if *saw || trial.facts.release.changes.entries().iter().any(goes) {
                place = Place::Decided(Box::new((stream.clone(), trial)));
                break;
            }
        }
        reader.close().await?;
        Ok(place)
    }
}

pub(super) fn proposed<H: Hub>(looking: &Looking<'_, H>, change: u64) -> Option<Proposed> {
    looking.proposed.iter().find(|it| it.number == change).cloned()
}

/// Whether a comment has waited for its answer for longer than something passing takes.
fn is_old(remark: &Remark, now: DateTime<Utc>) -> bool {
    now - remark.at > PASSING
}
