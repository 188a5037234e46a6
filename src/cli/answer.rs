//! `countersign answer`: what is decided now becomes the answer to a deployment that waits.

use chrono::Utc;

#[cfg(feature = "app")]
use super::decide::Recording;
use super::decide::{InForce, Policies, Said};
use super::facts::{Failure, Release, document, usage};
use super::{BLOCKED, PENDING, PROCEED, UNKNOWN, USAGE, answer, complain};
use crate::forge::{Answer, Forge, Given, Waiting, Why};
use crate::model::facts::Facts;
use crate::model::release_decision::Ruling;
use crate::report::neutral;

/// Every exit code, with what it means.
pub(super) const EXIT_CODES: [(u8, &str); 5] = [
    (PROCEED, "the release may go, and the forge has just been told so"),
    (PENDING, "it is held, and the forge has been told why"),
    (BLOCKED, "it is rejected, and its run, or on GitLab its deployment, has failed"),
    (USAGE, "the command or the policy is wrong, or the run deploys something else"),
    (
        UNKNOWN,
        "the forge could not be asked, the decision cannot be recorded, the forge did not take the answer, or the deployment \
         no longer waits and somebody else decided",
    ),
];

/// How many bytes of the summary the forge is told; a report has room for 1,024 characters.
const SUMMARY: usize = 900;

fn after_help() -> String {
    let codes: Vec<String> = EXIT_CODES.iter().map(|(code, meaning)| format!("  {code:2}  {meaning}\n")).collect();
    format!(
        "Exit codes:\n{}\nThe facts are gathered now, as `countersign facts` does: what somebody took back meanwhile counts no longer. A \
         release that may go opens the environment, one that is held is told why and keeps waiting, and one that is \
         rejected fails its run for good. With `--database` the decision is recorded first, and nothing is answered that \
         could not be recorded; without it the answer leaves no record, and the command says so. On GitHub only an App that is a \
         protection rule of the environment can answer; on GitLab only the account of the token that an approval rule names by \
         itself: it votes last and plays the job, and what is held has a status of its commit.",
        codes.concat()
    )
}

/// Which deployment is answered, and by what.
#[derive(clap::Args)]
#[command(after_help = after_help())]
pub(super) struct Arguments {
    #[command(flatten)]
    release: Release,
    #[command(flatten)]
    policies: Policies,
    #[cfg(feature = "app")]
    #[command(flatten)]
    recording: Recording,
}

pub(super) fn run(arguments: &Arguments) -> u8 {
    match answered(arguments) {
        Ok((code, told)) => match answer(&told) {
            PROCEED => code,
            unwritten => unwritten,
        },
        Err(Failure(code, words)) => {
            if !words.is_empty() {
                complain(&words);
            }
            code
        }
    }
}

fn answered(arguments: &Arguments) -> Result<(u8, String), Failure> {
    let silent = |Said(code): Said| Failure(code, String::new());
    let Some(run) = arguments.release.run() else {
        return Err(usage("name with `--run` the workflow run that waits, or on GitLab the pipeline"));
    };
    #[cfg(feature = "app")]
    arguments.recording.fits().map_err(silent)?;
    let policies = arguments.policies.read().map_err(silent)?;
    if arguments.release.is_on_gitlab() {
        by(arguments, run, policies, &arguments.release.client_of_app()?)
    } else {
        by(arguments, run, policies, &arguments.release.client()?)
    }
}

/// What is decided now becomes the answer of a forge's deployment.
fn by(arguments: &Arguments, run: u64, policies: InForce, forge: &impl Forge) -> Result<(u8, String), Failure> {
    #[cfg(feature = "app")]
    let silent = |Said(code): Said| Failure(code, String::new());
    let text = document(&arguments.release.gather(forge, policies.policy())?)?;
    // As whoever replays it reads it.
    let facts = Facts::read(text.as_bytes()).map_err(|mistakes| Failure(UNKNOWN, mistakes.to_string()))?;
    let decision = policies.decide(&facts, &text, Utc::now());
    #[cfg(feature = "app")]
    let recorded = record(arguments, policies, &facts, text, &decision).map_err(silent)?;
    // A program that keeps no record records nothing.
    #[cfg(not(feature = "app"))]
    let recorded = {
        drop((policies, text));
        false
    };
    if !recorded {
        complain("the answer leaves no record: name a database with `--database` to keep one");
    }
    let release = &facts.release;
    let repository = arguments.release.repository().to_owned();
    let waiting = Waiting { repository, run, environment: release.environment.clone() };
    let summary = neutral::prose(&decision.summary, SUMMARY);
    super::facts::runtime()?.block_on(tell(forge, &waiting, &release.commit, decision.decision, &summary))
}

/// Records the decision before it is told; whether it was.
#[cfg(feature = "app")]
fn record(
    arguments: &Arguments,
    policies: InForce,
    facts: &Facts,
    text: String,
    decision: &crate::model::release_decision::ReleaseDecision,
) -> Result<bool, Said> {
    arguments.recording.record(policies.layers(), facts, text, decision)?;
    Ok(arguments.recording.is_stated())
}

async fn tell(
    forge: &impl Forge,
    waiting: &Waiting,
    commit: &str,
    ruling: Ruling,
    summary: &str,
) -> Result<(u8, String), Failure> {
    let unknown = |fault: &dyn std::error::Error| Failure(UNKNOWN, fault.to_string());
    // The answer is about the run, and the decision about a commit.
    let runs = forge.deploys(waiting).await.map_err(|fault| unknown(&fault))?;
    if runs != commit {
        return Err(usage(format!("run {} deploys {runs}, and the decision is about {commit}", waiting.run)));
    }
    let said = Why::plain(summary);
    let given = match ruling {
        // Whoever went or was refused is told nothing of why he waits.
        Ruling::Hold if forge.waits(waiting).await.map_err(|fault| unknown(&fault))?.is_none() => {
            Ok((UNKNOWN, "no longer waits: somebody else decided"))
        }
        Ruling::Hold => forge.hold(waiting, said).await.map(|()| (PENDING, "told why it is held")),
        Ruling::Proceed => {
            let answer = (Answer::Open, None);
            let mut given = forge.answer(waiting, answer, said).await;
            if matches!(given, Ok(Given::Begun)) {
                given = forge.answer(waiting, answer, said).await;
            }
            opened(given, (PROCEED, "opened"))
        }
        Ruling::Reject => opened(forge.answer(waiting, (Answer::Reject, None), said).await, (BLOCKED, "rejected")),
    };
    let (code, told) = given.map_err(|fault| unknown(&fault))?;
    Ok((code, format!("{}, run {}: {told}\n", waiting.environment, waiting.run)))
}

/// What became of a final answer: what somebody else decided meanwhile may be anything.
fn opened<E>(given: Result<Given, E>, done: (u8, &'static str)) -> Result<(u8, &'static str), E> {
    given.map(|given| match given {
        Given::Now | Given::Begun => done,
        Given::NoLongerWaits => (UNKNOWN, "no longer waits: somebody else decided"),
        Given::ForOthers(_) => (PENDING, "waits for approvals by others, and is answered last"),
    })
}
