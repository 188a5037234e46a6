//! `countersign answer`: what is decided now becomes the answer to a deployment that waits.

use std::path::PathBuf;

use super::facts::{Failure, Identified, usage};
use super::{PROCEED, UNKNOWN, USAGE, answer, complain};
use crate::forge::{Answer, Forge, Given, Waiting};
use crate::model::release_decision::Ruling;
use crate::report::neutral;

/// Every exit code, with what it means.
pub(super) const EXIT_CODES: [(u8, &str); 3] = [
    (PROCEED, "GitHub has the answer, or the deployment no longer waits"),
    (USAGE, "the command or the policy is wrong, or the facts are about something else"),
    (UNKNOWN, "the facts cannot be read, GitHub did not take the answer, or it is not known whether it did"),
];

/// How many bytes of the summary GitHub is told; a report has room for 1,024 characters.
const SUMMARY: usize = 900;

fn after_help() -> String {
    let codes: Vec<String> = EXIT_CODES.iter().map(|(code, meaning)| format!("  {code:2}  {meaning}\n")).collect();
    format!(
        "Exit codes:\n{}\nA release that may go opens the environment, one that is held is told why and keeps waiting, and one that \
         is rejected fails its run for good. Only an App that is a protection rule of the environment can answer.",
        codes.concat()
    )
}

/// Which deployment is answered, and by what.
#[derive(clap::Args)]
#[command(after_help = after_help())]
pub(super) struct Arguments {
    #[command(flatten)]
    identified: Identified,
    /// The workflow run that waits.
    #[arg(long, value_name = "ID")]
    run: u64,
    /// A layer of the policy; repeat it, outermost layer first.
    /// Left out: `.countersign/policy.yml`, `.countersign/policy.yaml` or `countersign.yml`.
    #[arg(long, value_name = "FILE")]
    policy: Vec<PathBuf>,
    /// What is known of the release: what `countersign facts` wrote.
    #[arg(long, value_name = "FILE")]
    facts: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> u8 {
    match answered(arguments) {
        Ok(said) => answer(&said),
        Err(Failure(code, words)) => {
            if !words.is_empty() {
                complain(&words);
            }
            code
        }
    }
}

fn answered(arguments: &Arguments) -> Result<String, Failure> {
    let (facts, decision) =
        super::decide::now(&arguments.policy, &arguments.facts).map_err(|code| Failure(code, String::new()))?;
    let named = arguments.identified.repository();
    let release = &facts.release;
    if release.forge != "github" || !release.repository.eq_ignore_ascii_case(named) {
        return Err(usage(format!(
            "the facts are about `{}` of {}, and not about `{named}`",
            release.repository, release.forge
        )));
    }
    let waiting =
        Waiting { repository: named.to_owned(), run: arguments.run, environment: release.environment.clone() };
    let client = arguments.identified.client()?;
    let summary = neutral::prose(&decision.summary, SUMMARY);
    let ruling = match decision.decision {
        Ruling::Proceed => Some(Answer::Open),
        Ruling::Hold => None,
        Ruling::Reject => Some(Answer::Reject),
    };
    super::facts::runtime()?.block_on(tell(&client, &waiting, &release.commit, ruling, &summary))
}

async fn tell(
    forge: &impl Forge,
    waiting: &Waiting,
    commit: &str,
    ruling: Option<Answer>,
    summary: &str,
) -> Result<String, Failure> {
    let unknown = |fault: &dyn std::error::Error| Failure(UNKNOWN, fault.to_string());
    // The answer is about the run, and the decision about a commit.
    let runs = forge.deploys(waiting).await.map_err(|fault| unknown(&fault))?;
    if runs != commit {
        return Err(usage(format!("run {} deploys {runs}, and the facts are about {commit}", waiting.run)));
    }
    let told = match ruling {
        None => forge.hold(waiting, summary).await.map(|()| "told why it is held"),
        Some(ruling) => forge.answer(waiting, ruling, summary).await.map(|given| match (ruling, given) {
            (Answer::Open, Given::Now) => "opened",
            (Answer::Reject, Given::Now) => "rejected",
            (_, Given::NoLongerWaits) => "no longer waits",
        }),
    };
    Ok(format!("{}, run {}: {}\n", waiting.environment, waiting.run, told.map_err(|fault| unknown(&fault))?))
}
