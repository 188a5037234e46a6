//! `countersign policy check`: everything that is wrong with a policy, at once.

use std::path::{Path, PathBuf};

use super::{USAGE, answer, complain, environment};
use crate::policy::diagnostics::Complaints;
use crate::policy::expression::nearest;
use crate::policy::roster::Roster;
use crate::policy::{Policy, Source, attended, satisfiable};
use crate::workspace::layers::{self, From};

/// Which policy.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The policy's layers, outermost first; the one at its usual place when left out.
    files: Vec<PathBuf>,
    /// Read them from a ref instead of the working tree.
    #[arg(long, value_name = "REF")]
    policy_ref: Option<String>,
    /// Try the policy with the people of this roster, each of them absent in turn.
    ///
    /// YAML or JSON: `groups` says which accounts are in each group that a role names, `people` which accounts are
    /// one person.
    #[arg(long, value_name = "FILE")]
    roster: Option<PathBuf>,
}

pub(super) fn check(arguments: &Arguments) -> u8 {
    let from = match &arguments.policy_ref {
        Some(name) => From::reference(name),
        None => Ok(From::WorkingTree),
    };
    let read = from.and_then(|from| Ok((readable(&arguments.files, &from)?, from)));
    let ((sources, mut all_read), from) = match read {
        Ok(read) => read,
        Err(error) => {
            complain(&unread(&error));
            return USAGE;
        }
    };
    let mut attached = Vec::new();
    for attachment in layers::each_attachment(&sources, &from) {
        match attachment {
            Ok(attachment) => attached.push(attachment),
            Err(error) => {
                complain(&error.to_string());
                all_read = false;
            }
        }
    }
    let paths: Vec<String> = sources.iter().map(|source| source.path.clone()).collect();
    match crate::policy::read_with(sources, &attached) {
        Ok(policy) => {
            tell(&policy.warnings);
            if let Err(error) = layers::trusted_roots(&policy, &from) {
                complain(&error.to_string());
                all_read = false;
            }
            if !all_read {
                return USAGE;
            }
            let tried = match &arguments.roster {
                Some(path) => match try_with(&policy, path) {
                    Ok(tried) => tried,
                    Err(code) => return code,
                },
                None => String::new(),
            };
            let count =
                |number: usize, one: &str, many: &str| format!("{number} {}", if number == 1 { one } else { many });
            let unread = if policy.sections.is_empty() {
                String::new()
            } else {
                format!("; judged by `decide`, not by `gate`: {}", policy.sections.join(", "))
            };
            answer(&format!(
                "{}: good: {}, {}{unread}{tried}\n",
                paths.join(", "),
                count(policy.gates.len(), "gate", "gates"),
                count(policy.environments.len(), "environment", "environments"),
            ))
        }
        Err(complaints) => {
            tell(&complaints);
            complain(&counted(&complaints));
            USAGE
        }
    }
}

/// The layers that can be read, and whether all of them can: one that cannot is told, and hides no mistake of the others.
fn readable(files: &[PathBuf], from: &From) -> Result<(Vec<Source>, bool), layers::Error> {
    let mut files = files.to_vec();
    let mut all = true;
    loop {
        match layers::read(&files, from) {
            Err(error @ layers::Error::Unreadable { .. }) if files.len() > 1 => {
                let layers::Error::Unreadable { path, .. } = &error else { return Err(error) };
                let before = files.len();
                files.retain(|file| file.display().to_string() != *path);
                if files.len() == before {
                    return Err(error);
                }
                complain(&error.to_string());
                all = false;
            }
            read => return Ok((read?, all)),
        }
    }
}

/// Why no policy was read, in the words of this command.
fn unread(error: &layers::Error) -> String {
    match error {
        layers::Error::NoPolicy => format!(
            "no policy was found at {}; write one, or name its file: `countersign policy check FILE`",
            layers::PLACES.join(", ")
        ),
        error => error.to_string(),
    }
}

/// How many mistakes there are, and whether there may be more.
fn counted(complaints: &[Complaints]) -> String {
    let number: usize = complaints.iter().map(|file| file.list.iter().filter(|it| it.is_error()).count()).sum();
    let (mistakes, these) = if number == 1 { ("mistake", "this is") } else { ("mistakes", "these are") };
    // What all layers prove together is looked for only where each can be read.
    let unfinished = complaints.iter().any(|file| file.unfinished);
    let more = if unfinished { format!("; more is checked once {these} mended") } else { String::new() };
    format!("the policy has {number} {mistakes}{more}")
}

/// Tries a policy with the people of a roster, and says what was tried or how to exit.
fn try_with(policy: &Policy, path: &Path) -> Result<String, u8> {
    let rules = &policy.rules;
    let said = |message: &str| {
        complain(message);
        USAGE
    };
    let shown = path.display().to_string();
    let text =
        std::fs::read_to_string(path).map_err(|error| said(&format!("the roster {shown} cannot be read: {error}")))?;
    let roster = Roster::read(&shown, &text).map_err(|complaints| {
        tell(&[complaints]);
        said("the roster cannot be used")
    })?;
    let (unlisted, unnamed) = (satisfiable::unlisted(rules, &roster), satisfiable::unnamed(rules, &roster));
    let missing: Vec<&str> = unlisted.iter().map(String::as_str).collect();
    for group in unnamed {
        let hint = nearest(group, &missing).map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        complain(&format!("no role names `{group}`, which the roster {shown} has{hint}"));
    }
    if !unlisted.is_empty() {
        return Err(said(&format!("the roster {shown} does not say who is in {}", unlisted.join(", "))));
    }
    let mut told = satisfiable::told(&satisfiable::prove(rules, &roster));
    told.extend(attended::prove(policy, &roster));
    for finding in &told {
        complain(finding);
    }
    match told.len() {
        0 => {
            Ok(format!("; satisfiable with any one of {} people absent", satisfiable::everybody(rules, &roster).len()))
        }
        1 => Err(said("the policy asks for what people cannot always give")),
        number => Err(said(&format!("the policy asks for what people cannot always give, in {number} ways"))),
    }
}

/// Prints complaints where a person or a log sees them.
pub(super) fn tell(complaints: &[Complaints]) {
    use std::io::Write as _;
    let colour = environment::colour(environment::stderr_is_terminal());
    let mut out = std::io::stderr().lock();
    for file in complaints {
        let _ = out.write_all(file.render(colour).as_bytes());
    }
}
