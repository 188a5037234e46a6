//! `countersign policy check`: everything that is wrong with a policy, at once.

use std::path::{Path, PathBuf};

use super::{USAGE, answer, complain, environment};
use crate::policy::diagnostics::{Code, Complaints};
use crate::policy::expression::nearest;
use crate::policy::roster::Roster;
use crate::policy::{Policy, Source, attended, complaints_of_some, satisfiable, systems};
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
    let read = from.and_then(|from| Ok((layers::find_all(&arguments.files, &from)?, from)));
    let (found, from) = match read {
        Ok(read) => read,
        Err(error) => {
            complain(&unread(&error));
            return USAGE;
        }
    };
    let layers::Found { sources, mut wrong, lacking } = found;
    let mut attached = Vec::new();
    for attachment in layers::each_attachment(&sources, &from) {
        match attachment {
            Ok(attachment) => attached.push(attachment),
            Err(error) => wrong.push(error),
        }
    }
    let layers = sources.clone();
    let read = if lacking {
        Err(complaints_of_some(sources, &attached))
    } else {
        crate::policy::read_with(sources, &attached)
    };
    let (policy, mut told) = match read {
        Ok(policy) => {
            wrong.extend(layers::missing_roots(&policy, &from));
            let warnings = policy.warnings.clone();
            (Some(policy), warnings)
        }
        Err(complaints) => (None, complaints),
    };
    let all_used = wrong.is_empty();
    for error in wrong {
        place(error, &layers, &mut told);
    }
    tell(&told);
    match policy {
        Some(policy) if all_used => praise(&policy, &layers, arguments.roster.as_deref()),
        _ => {
            if let Some(counted) = counted(&told, arguments.roster.is_some()) {
                complain(&counted);
            }
            USAGE
        }
    }
}

/// Puts what is wrong with a file that a layer names beside what else is wrong with that layer. What has no place in one
/// is said at once.
fn place(error: layers::Error, layers: &[Source], told: &mut Vec<Complaints>) {
    let (path, diagnostic) = match error {
        layers::Error::Named { path, told } => (path, told),
        error => return complain(&error.to_string()),
    };
    if !told.iter().any(|file| file.path == path) {
        let text = layers.iter().find(|layer| layer.path == path).map(|layer| layer.text.clone());
        let (path, text) = (path.clone(), text.unwrap_or_default());
        told.push(Complaints { path, text, list: Vec::new(), unfinished: true });
    }
    if let Some(file) = told.iter_mut().find(|file| file.path == path) {
        // That a file cannot be read is why it was not given.
        if diagnostic.code == Code::MissingFile {
            file.list.retain(|other| other.code != Code::BadCalendar || other.span != diagnostic.span);
        }
        file.list.push(diagnostic);
        file.list.sort_by_key(|diagnostic| diagnostic.span);
    }
}

/// Says that a policy is good, and what it was tried with.
fn praise(policy: &Policy, layers: &[Source], roster: Option<&Path>) -> u8 {
    let tried = match roster {
        Some(path) => match try_with(policy, path) {
            Ok(tried) => tried,
            Err(code) => return code,
        },
        None => String::new(),
    };
    let paths: Vec<&str> = layers.iter().map(|layer| layer.path.as_str()).collect();
    let count = |number: usize, one: &str, many: &str| format!("{number} {}", if number == 1 { one } else { many });
    let unread = if policy.sections.is_empty() {
        String::new()
    } else {
        format!("; judged by `decide`, not by `gate`: {}", policy.sections.join(", "))
    };
    let mut notes = String::new();
    for says in systems::only_named(&policy.rules) {
        notes.extend(["note: ", &says, "\n"]);
    }
    answer(&format!(
        "{}: good: {}, {}{unread}{tried}\n{notes}",
        paths.join(", "),
        count(policy.gates.len(), "gate", "gates"),
        count(policy.environments.len(), "environment", "environments"),
    ))
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

/// How many mistakes there are, and whether there may be more; nothing where all was said already.
fn counted(complaints: &[Complaints], roster: bool) -> Option<String> {
    let number: usize = complaints.iter().map(|file| file.list.iter().filter(|it| it.is_error()).count()).sum();
    if number == 0 {
        return None;
    }
    let (mistakes, these) = if number == 1 { ("mistake", "this is") } else { ("mistakes", "these are") };
    // What sections prove together is looked for where all of them are sound, and people are tried with a good policy.
    let unfinished = roster || complaints.iter().any(|file| file.unfinished);
    let more = if unfinished { format!("; more is checked once {these} mended") } else { String::new() };
    Some(format!("the policy has {number} {mistakes}{more}"))
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
            let number = satisfiable::everybody(rules, &roster).len();
            // What is of no component is nobody's to approve, and was warned of.
            let but = satisfiable::of_nobody(rules)
                .map_or_else(String::new, |file| format!(", but for files of no component, such as `{file}`"));
            Ok(format!("; satisfiable with any one of {number} people absent{but}"))
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
