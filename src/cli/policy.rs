//! `countersign policy check`: everything that is wrong with a policy, at once.

use std::path::PathBuf;

use super::{USAGE, answer, complain, environment};
use crate::policy::diagnostics::Complaints;
use crate::workspace::layers::{self, From};

/// Which policy.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The policy's layers, outermost first; the one at its usual place when left out.
    files: Vec<PathBuf>,
    /// Read them from a ref instead of the working tree.
    #[arg(long, value_name = "REF")]
    policy_ref: Option<String>,
}

pub(super) fn check(arguments: &Arguments) -> u8 {
    let from = match &arguments.policy_ref {
        Some(name) => From::reference(name),
        None => Ok(From::WorkingTree),
    };
    let read = from.and_then(|from| {
        let sources = layers::read(&arguments.files, &from)?;
        let attached = layers::attachments(&sources, &from)?;
        Ok((sources, attached))
    });
    let (sources, attached) = match read {
        Ok(read) => read,
        Err(error) => {
            complain(&error.to_string());
            return USAGE;
        }
    };
    let paths: Vec<String> = sources.iter().map(|source| source.path.clone()).collect();
    match crate::policy::read_with(sources, &attached) {
        Ok(policy) => {
            tell(&policy.warnings);
            let count =
                |number: usize, one: &str, many: &str| format!("{number} {}", if number == 1 { one } else { many });
            let unread = if policy.sections.is_empty() {
                String::new()
            } else {
                format!("; checked, and judged by the app alone: {}", policy.sections.join(", "))
            };
            answer(&format!(
                "{}: good: {}, {}{unread}\n",
                paths.join(", "),
                count(policy.gates.len(), "gate", "gates"),
                count(policy.environments.len(), "environment", "environments"),
            ))
        }
        Err(complaints) => {
            tell(&complaints);
            let number: usize = complaints.iter().map(|file| file.list.iter().filter(|it| it.is_error()).count()).sum();
            complain(&format!("the policy has {number} {}", if number == 1 { "mistake" } else { "mistakes" }));
            USAGE
        }
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
