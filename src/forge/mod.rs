//! Storey 6: the forges, each in a folder of its own behind [`Forge`].
//!
//! A forge is asked for what is known of a release ([`Question`], [`Gathered`]); the words here are flow's own, and no
//! forge's. Never here: a rule, the record, the policy.
//!
//! Invariant: a forge says what it could not read; it never leaves it out.

mod address;
pub mod command;
pub mod github;
pub mod gitlab;
mod graph;
pub mod hint;
pub mod inspection;
pub mod job;
mod merging;
mod ranges;
pub mod records;
pub mod registration;
mod roster;
pub mod secret;
pub mod talk;
pub mod token;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::model::facts::{
    Account, AccountFacts, Act, Change, Deed, Deployment, Fact, Member, Outcome, Reference, Via,
};

/// What is asked of one release × environment.
#[derive(Clone, Debug)]
pub struct Question {
    /// The repository: `acme/payments`.
    pub repository: String,
    /// The environment, exactly as the forge names it.
    pub environment: String,
    /// The environments whose deployments matter beside it: those that it is promoted from.
    pub promoted_from: Vec<String>,
    /// The commit, 40 hexadecimal digits (64 with SHA-256).
    pub commit: String,
    /// The branch or tag that is deployed, in full: `refs/heads/main`. Left out: what the forge says.
    pub reference: Option<String>,
    /// The pipeline's run that deploys, where there is one.
    pub run: Option<u64>,
    /// What each component is made of, by its name.
    pub components: BTreeMap<String, Folders>,
    /// The commit that each component last ran here, by its name; absent where it never did.
    pub running: BTreeMap<String, Fact<String>>,
    /// Whether the forge is asked what was deployed before. Whoever keeps a record knows better.
    pub history: bool,
    /// The accounts that the policy names, by their logins here.
    pub logins: Vec<String>,
    /// The groups whose members are asked for, as the policy names them: `github:@acme/infra`.
    pub groups: Vec<String>,
    /// What people did elsewhere, which is to stand among what they did here. Who they are is asked.
    pub acts: Vec<Act>,
    /// Accounts that signed something elsewhere: whether they are active is asked, as of those who acted.
    pub signers: Vec<Account>,
    /// Who was in each group when the release was asked for, where that is known. A forge says who is, and not since when.
    pub roster: BTreeMap<String, Vec<Account>>,
}

/// The folders of a repository that hold all files of a component, without `/` at either end; the empty name is the whole
/// repository.
pub type Folders = Vec<String>;

/// A change, and of which ranges it is a part.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranged {
    /// The change.
    pub change: Change,
    /// The commits since which it came, of those that were asked.
    pub since: Vec<String>,
}

/// What a forge knows of a release.
#[derive(Clone, Debug)]
pub struct Gathered {
    /// The repository, as the forge writes it.
    pub repository: String,
    /// The branch or tag.
    pub reference: Fact<Reference>,
    /// When the deployment was asked for, UTC.
    pub submitted_at: Fact<DateTime<Utc>>,
    /// Since when people are asked about it, UTC: when what deploys was started last.
    pub asked_since: Fact<DateTime<Utc>>,
    /// Who started it; absent: a clock did, which nobody can press by hand.
    pub trigger: Fact<Account>,
    /// What changed since any of the commits that run here. Absent: nothing.
    pub changes: Fact<Vec<Ranged>>,
    /// A digest of each component's content at the commit.
    pub contents: BTreeMap<String, Fact<String>>,
    /// What is known of every account that is spoken of.
    pub accounts: BTreeMap<Account, AccountFacts>,
    /// Who is in each group that was asked for.
    pub groups: BTreeMap<String, Fact<Vec<Member>>>,
    /// What people did: reviews of the changes, commands, reviews of the environment.
    pub acts: Fact<Vec<Act>>,
    /// What was deployed here and where it is promoted from, the oldest first.
    pub deployments: Fact<Vec<Deployment>>,
}

/// A deployment that waits for our word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The repository: `acme/payments`.
    pub repository: String,
    /// The pipeline's run.
    pub run: u64,
    /// The environment, exactly as the forge names it.
    pub environment: String,
}

/// A deployment that waits, and what it deploys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Which.
    pub waiting: Waiting,
    /// The commit.
    pub commit: String,
}

/// A deployment that began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// The forge's own name for it.
    pub id: String,
    /// The environment, exactly as the forge names it.
    pub environment: String,
    /// The commit.
    pub commit: String,
    /// When the forge made it, UTC: when its job came up to the environment, and began to wait where something waits there.
    pub made: DateTime<Utc>,
    /// When it began, UTC.
    pub began: DateTime<Utc>,
    /// The run whose job it is; `None` where no job is known to be it, and anybody may have written it down.
    pub run: Option<u64>,
    /// How it ended and when, by its job; absent while it has not.
    pub ended: Fact<(Outcome, DateTime<Utc>)>,
    /// Who let its run into its environment at the forge, in whichever attempt.
    pub let_in: Fact<Vec<LetIn>>,
}

/// Somebody let a run into an environment at the forge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetIn {
    /// The forge's own name for his review, as it stands in what people did.
    pub review: String,
    /// Who.
    pub by: Account,
}

/// How a run was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    /// The commit that it deploys.
    pub commit: String,
    /// Which attempt of it is at work or waits: a number that grows. Where a run is started again as a whole, it counts
    /// the attempts; where each of its jobs is by itself, the forge's number of the newest deployment that it has in the environment, and 0
    /// where it has none.
    pub attempt: u64,
    /// The branch or tag, by its short name.
    pub branch: Option<String>,
    /// By what: a push, a clock, somebody's hand.
    pub event: String,
    /// Who started it first, and who the present attempt, or a job of it that deploys, by the forge's numbers for them.
    pub by: [Option<u64>; 2],
    /// Whether it is known from this alone that it waits before an environment, whichever of its own that is.
    pub waits: bool,
}

impl Started {
    /// Whether it deploys a commit, in whatever capitals that is written.
    #[must_use]
    pub fn is_of(&self, commit: &str) -> bool {
        !commit.is_empty() && self.commit.eq_ignore_ascii_case(commit)
    }

    /// Whether another run was started by the same people in the same way: what is decided of one is decided of both.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        self.branch == other.branch && self.event == other.event && self.by == other.by
    }
}

/// A file of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What it was read from, for people.
    pub from: String,
}

/// What a branch has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tip {
    /// The branch, by its name.
    pub branch: String,
    /// The commit that it is at.
    pub commit: String,
}

/// A final answer to a deployment that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It goes.
    Open,
    /// It never will: the run fails.
    Reject,
}

/// What is told of a deployment that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Why<'s> {
    /// Why, in a sentence.
    pub sentence: &'s str,
    /// The whole address of the page that tells more, where there is one.
    pub page: Option<&'s str>,
    /// Both together in Markdown, within what a forge takes of a comment.
    pub comment: &'s str,
}

impl<'s> Why<'s> {
    /// A sentence for which there is no page.
    #[must_use]
    pub fn plain(sentence: &'s str) -> Self {
        Self { sentence, page: None, comment: sentence }
    }
}

/// What became of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given {
    /// The forge took it.
    Now,
    /// The first of two steps was taken, after which nobody may have spoken against it: the second is asked for by the same
    /// answer.
    Begun,
    /// The deployment no longer waits, or not for this: an earlier try of ours had its effect, or somebody else decided.
    NoLongerWaits,
    /// Nothing was given yet: we answer last, and so many others are missing before.
    ForOthers(u64),
}

/// Which answers a deployment that waits would take now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Takes {
    /// Whether it could be opened.
    pub opens: bool,
    /// Whether it could be rejected.
    pub rejects: bool,
}

impl Takes {
    /// Whatever is answered.
    pub const ANY: Self = Self { opens: true, rejects: true };

    /// What one of two takes.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { opens: self.opens || other.opens, rejects: self.rejects || other.rejects }
    }
}

/// What a look at a release is going to need, before its policy is known.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'e> {
    /// The repository: `acme/payments`.
    pub repository: &'e str,
    /// The environment, exactly as the forge names it.
    pub environment: &'e str,
    /// The commit.
    pub commit: &'e str,
    /// The pipeline's runs that wait.
    pub runs: &'e [u64],
    /// Where the repository's policy most likely lies.
    pub file: &'e str,
}

/// What can be asked of a forge.
pub trait Source {
    /// Why nothing could be gathered or told at all.
    type Fault: std::error::Error + Send + Sync + 'static;

    /// What is known of a release. What could not be read is said in its place; a fault is only what leaves nothing.
    fn gather(&self, question: &Question) -> impl Future<Output = Result<Gathered, Self::Fault>> + Send;

    /// What last ran in an environment by the forge's own word; absent: nothing did.
    fn running(&self, repository: &str, environment: &str) -> impl Future<Output = Fact<String>> + Send;

    /// A file as the repository's default branch has it; absent where it has none.
    fn file(&self, repository: &str, path: &str) -> impl Future<Output = Fact<File>> + Send;

    /// What a protected branch has now. `branch` left out: the default branch. One that is not protected is unavailable, for
    /// whoever may push could have written what it has.
    fn protected(&self, repository: &str, branch: Option<&str>) -> impl Future<Output = Fact<Tip>> + Send;

    /// Who is in groups now, by their names in lower case; of a group that is no group of this forge, or could not be read
    /// to its end, it is not known.
    fn members(
        &self,
        repository: &str,
        groups: &BTreeSet<String>,
    ) -> impl Future<Output = BTreeMap<String, Fact<BTreeSet<Account>>>> + Send;

    /// A file as such a branch had it then; absent where it had none.
    fn file_at(&self, repository: &str, tip: &Tip, path: &str) -> impl Future<Output = Fact<File>> + Send;
}

/// A forge whose deployments wait for our word, and are told it.
pub trait Forge: Source {
    /// The same forge for a look that begins now, as for one decision: each thing is read once in it, and what the look at
    /// the same thing before has read may be asked for at once. `at` says what it is at; an empty one, that there was
    /// none before.
    #[must_use]
    fn looking(&self, at: &str) -> Self
    where
        Self: Sized;

    /// Says what a look is going to be about, before everything is known that it asks: a commit, and where it is known the one
    /// since which it changed something. It may begin to read.
    fn ahead(&self, repository: &str, since: Option<&str>, commit: &str);

    /// Says what a look is going to need. It may begin to read.
    fn expects(&self, _release: &Expected<'_>) {}

    /// Reads of a repository what the next decisions there will need, where a forge keeps that. What could not be read is read
    /// then.
    fn keeps_up(&self, _repository: &str) -> impl Future<Output = Result<(), Self::Fault>> + Send {
        async { Ok(()) }
    }

    /// The commit that a run deploys.
    fn deploys(&self, waiting: &Waiting) -> impl Future<Output = Result<String, Self::Fault>> + Send;

    /// Says why a deployment does not go yet. It goes on waiting. Not repeated where it is not known whether it arrived.
    fn hold(&self, waiting: &Waiting, why: Why<'_>) -> impl Future<Output = Result<(), Self::Fault>> + Send;

    /// Answers for good, once: what may have had its effect is read back before it is repeated. Beside the answer
    /// stands the attempt of which it is ([`Started::attempt`]), where that is known: what came after it is not answered.
    fn answer(
        &self,
        waiting: &Waiting,
        answer: (Answer, Option<u64>),
        why: Why<'_>,
    ) -> impl Future<Output = Result<Given, Self::Fault>> + Send;

    /// Whether a deployment still waits, and which answers it would take; `None` where it does not.
    fn waits(&self, waiting: &Waiting) -> impl Future<Output = Result<Option<Takes>, Self::Fault>> + Send;

    /// How the run of a deployment was started that it is of now; `None` where there is no such run.
    fn started(&self, waiting: &Waiting) -> impl Future<Output = Result<Option<Started>, Self::Fault>> + Send;

    /// The deployments of a repository that wait for our word, all of them.
    fn pending(&self, repository: &str) -> impl Future<Output = Result<Vec<Pending>, Self::Fault>> + Send;

    /// Whether an environment holds what comes until we answer; absent: there is no such environment.
    fn guards(&self, repository: &str, environment: &str) -> impl Future<Output = Fact<bool>> + Send;

    /// The deployments of environments that began since an instant, all of them but those that are known by name.
    fn ran(
        &self,
        repository: &str,
        environments: &[String],
        since: DateTime<Utc>,
        known: &BTreeSet<String>,
    ) -> impl Future<Output = Result<Vec<Ran>, Self::Fault>> + Send;
}

/// What people did elsewhere that belongs to a release: what was approved of a change by itself is about no release that
/// does not have it, and what is read here is known better than from a record of it: whether it was edited since, for one.
fn elsewhere<'q>(question: &'q Question, here: &[Act], changes: &Fact<Vec<Ranged>>) -> Vec<&'q Act> {
    let of_change = |act: &Act| act.via == Via::Command && matches!(act.does, Deed::Approve { .. });
    let goes = |act: &&Act| match changes {
        Fact::Known(changes) if of_change(act) => changes.iter().any(|it| act.saw.changes.contains_key(&it.change.id)),
        Fact::Absent if of_change(act) => false,
        Fact::Known(_) | Fact::Absent | Fact::Unavailable(_) => true,
    };
    let known: BTreeSet<&str> = here.iter().map(|act| act.id.as_str()).collect();
    question.acts.iter().filter(goes).filter(|act| !known.contains(act.id.as_str())).collect()
}

/// The repositories that an app is installed on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Installations {
    /// Their names, as the forge writes them.
    pub repositories: Vec<String>,
    /// Which installations could not be read, and why.
    pub unread: Vec<String>,
}

/// Something that a forge shows to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'p> {
    /// A change, by its name in facts: that of a pull or merge request, or a commit.
    Change(&'p str),
    /// What the second of two commits has and the first has not.
    Compared(&'p str, &'p str),
    /// A run of its pipeline.
    Run(u64),
}

impl Place<'_> {
    /// Whether a text is a commit's name, and nothing else that would steer an address.
    fn is_commit(name: &str) -> bool {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_hexdigit())
    }

    /// The number of a request of a repository, by its name in facts: what stands behind the sign.
    fn request<'n>(name: &'n str, sign: char, repository: &str) -> Option<&'n str> {
        let (of, number) = name.rsplit_once(sign)?;
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        (is_number && of.eq_ignore_ascii_case(repository)).then_some(number)
    }
}

/// A forge as the app sees it that teams install.
pub trait Hub: Send + Sync + 'static {
    /// What the forge is called in facts: `github`.
    const NAME: &'static str;
    /// Whether a run is started again as a whole, so that what its jobs bring and ask is of one attempt. Where each job is by
    /// itself, all of that is of the run.
    const STARTS_AGAIN_WHOLE: bool = true;
    /// Why it could not be asked.
    type Fault: std::error::Error + Send + Sync + 'static;
    /// One repository's forge.
    type Forge: talk::Talk + records::Records + Forge<Fault = Self::Fault> + Clone + Send + Sync;
    /// A delivery that is the forge's, and of which it is not known yet whose it is.
    type Claimed: Clone + Send + 'static;

    /// Where the app is installed.
    fn installations(&self) -> impl Future<Output = Result<Installations, Self::Fault>> + Send;

    /// The forge under the token of the installation that a repository belongs to.
    fn of(&self, repository: &str) -> impl Future<Output = Result<Self::Forge, Self::Fault>> + Send;

    /// What a delivery is a hint of; `None` where it is about what is not the installation's.
    fn check(&self, claimed: Self::Claimed) -> impl Future<Output = Result<Option<hint::Hinted>, Self::Fault>> + Send;

    /// A delivery that was the forge's when it was recorded, and of which nothing but its bytes is kept: whatever it is
    /// about is to be read again. `None` where they do not say that.
    fn recall(&self, bytes: &[u8]) -> Option<Self::Claimed>;

    /// The repository that a delivery claims to be about, before anybody has checked that it may; `None` where it names none.
    fn claims(&self, _claimed: &Self::Claimed) -> Option<String> {
        None
    }

    /// Sees to it that the forge goes on to deliver for a repository, where it stopped; what it did, for people.
    fn delivers(&self, repository: &str) -> impl Future<Output = Result<Option<String>, Self::Fault>> + Send;

    /// The whole address at which the forge shows something of a repository to people; `None` where it has no page for it.
    fn page(&self, repository: &str, place: Place<'_>) -> Option<String>;

    /// What waits now for one of the forge's limits, by whatever was told of them or is counted here; `None` where nothing does.
    fn waits(&self) -> Option<Wait>;

    /// How many processes are this app, each with a client of its own: what the forge takes of all in a while is shared.
    fn beside(&self, processes: u64);

    /// The job that a token proves, of a repository that the app is installed on. That a token counts once is for whoever
    /// asks, where [`job::Job::token`] says by what it is remembered.
    fn job(&self, token: &str, now: DateTime<Utc>) -> impl Future<Output = Result<job::Job, job::Unknown>> + Send;
}

/// Requests that wait for a limit of the forge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// How many.
    pub requests: usize,
    /// When the last of them may go, by what is known now.
    pub until: std::time::Instant,
}

impl Wait {
    /// Two of them as one.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { requests: self.requests + other.requests, until: self.until.max(other.until) }
    }
}

/// What a browser is sent to the forge with, to say who its person is (OAuth 2.0, RFC 6749, with PKCE, RFC 7636).
#[derive(Clone, Debug)]
pub struct Login<'l> {
    /// What the forge hands back unread, so that the answer is known to belong to this question.
    pub state: &'l str,
    /// The base64url form of the SHA-256 digest of what only we know until the code is traded.
    pub challenge: &'l str,
}

/// Somebody who came through the forge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visitor {
    /// His account.
    pub account: Account,
    /// The repositories of ours that he may read, in lower case.
    pub repositories: BTreeSet<String>,
}

impl Visitor {
    /// Whether he may read what belongs to a repository of a forge.
    #[must_use]
    pub fn may_read(&self, forge: &str, repository: &str) -> bool {
        self.account.system() == forge && self.repositories.contains(&repository.to_ascii_lowercase())
    }
}

/// Why nobody is let in.
#[derive(Debug, thiserror::Error)]
pub enum Closed<F> {
    /// The forge does not know him, or no longer.
    #[error("{0}")]
    Gone(F),
    /// The forge could not be asked.
    #[error("{0}")]
    Unasked(F),
}

/// How people come in through a forge.
pub trait Doorway: Send + Sync + 'static {
    /// Why it could not be asked.
    type Fault: std::error::Error + Send + Sync + 'static;
    /// What the forge gives us for somebody: good for asking what he may, and never shown.
    type Pass: Send + Sync + 'static;

    /// The address to which a browser is sent.
    fn address(&self, login: &Login<'_>) -> String;

    /// Trades the code with which a browser came back. `verifier` is what the challenge was made of.
    fn trade(&self, code: &str, verifier: &str)
    -> impl Future<Output = Result<Self::Pass, Closed<Self::Fault>>> + Send;

    /// What a pass is kept as where it outlasts the process.
    fn kept(&self, pass: &Self::Pass) -> secret::Secret;

    /// The pass that was kept so.
    fn again(&self, kept: &secret::Secret) -> Result<Self::Pass, Closed<Self::Fault>>;

    /// The pass that takes the place of one that the forge knows no longer, by what it gave for that; `None` where it gave nothing.
    fn renewed(
        &self,
        _pass: &Self::Pass,
    ) -> impl Future<Output = Result<Option<Self::Pass>, Closed<Self::Fault>>> + Send {
        async { Ok(None) }
    }

    /// Who somebody is, and what he may read: asked anew each time.
    fn visitor(&self, pass: &Self::Pass) -> impl Future<Output = Result<Visitor, Closed<Self::Fault>>> + Send;

    /// Which repositories of ours somebody administers, in lower case: asked anew each time. Of a forge that is not asked nobody
    /// is known to administer any.
    fn administers(
        &self,
        _pass: &Self::Pass,
    ) -> impl Future<Output = Result<BTreeSet<String>, Closed<Self::Fault>>> + Send {
        async { Ok(BTreeSet::new()) }
    }
}
