//! Storey 9: the command line. Arguments in, documents and an exit code out.
//!
//! Exit codes: 0 the release may go on · 10 a gate is pending · 11 a gate blocks
//! · 12 a log is not what was signed · 3 the answer is unknown · 2 the command or
//! the policy is wrong · 4 a time limit. Of a release's decision: 0 it proceeds ·
//! 10 it holds · 11 it is rejected · 2 as before · 3 the facts cannot be read. Of a
//! receipt: 12 invalid · 13 about something else · 14 not approved · 15 not replayable
//! here. Of a grant: 12 invalid · 13 for something else · 14 it does not open. Of an inspection: 0 nothing found · 10 something weak · 11 something open · 3 something unread.
//! Only 0 lets a pipeline go on.

#[cfg(feature = "app")]
mod answer;
#[cfg(feature = "app")]
mod append;
#[cfg(feature = "app")]
mod database;
mod decide;
mod deferred;
#[cfg(feature = "app")]
mod demo;
mod deployed;
#[cfg(feature = "app")]
mod doctor;
mod due;
mod environment;
#[cfg(feature = "app")]
mod evidence;
mod facts;
mod gate;
mod grant;
mod log;
mod manual;
mod manual_examples;
mod manual_limits;
mod manual_record;
mod manual_rules;
#[cfg(feature = "app")]
mod messages;
mod outputs;
mod policy;
mod progress;
mod reference;
#[cfg(feature = "app")]
mod report;
mod required;
#[cfg(feature = "app")]
mod serve;
mod submit;
#[cfg(feature = "app")]
mod tables;
mod verify;

use std::io::Write as _;

use clap::{Parser, Subcommand};

use self::deferred::Deferred;

use crate::report::neutral;

/// The release may go on.
pub const PROCEED: u8 = 0;
/// The command or the policy is wrong.
pub const USAGE: u8 = 2;
/// An artifact or the tool failed in a way that leaves the answer unknown.
pub const UNKNOWN: u8 = 3;
/// A time limit was reached.
pub const TIME_LIMIT: u8 = 4;
/// A gate is pending.
pub const PENDING: u8 = 10;
/// A gate blocks.
pub const BLOCKED: u8 = 11;

/// Release approval as code: gates judged on what the pipeline produced.
#[derive(Parser)]
#[command(name = "countersign", version, max_term_width = 100, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Judge the release gates of a policy by the artifacts of a pipeline.
    Gate(Box<gate::Arguments>),
    /// Decide whether a release may go, by a policy and what is known of it.
    Decide(Box<Deferred<decide::Arguments>>),
    /// Tell which reports and which survey fall due by a policy, for which period and for whom.
    Due(Deferred<due::Arguments>),
    /// Ask a forge what it knows of a release, and write the facts that `decide` reads.
    Facts(Box<Deferred<facts::Arguments>>),
    /// Decide now, and answer a deployment that waits on GitHub: open it, say why it is held, or reject it.
    #[cfg(feature = "app")]
    Answer(Box<Deferred<answer::Arguments>>),
    /// Tell the app of a deployment that is none of the forge's: of Argo CD, Terraform, Jenkins.
    Deployed(Box<Deferred<deployed::Arguments>>),
    /// Run the app: take what GitHub delivers, decide, record, and answer the deployments that wait.
    #[cfg(feature = "app")]
    Serve(Box<Deferred<serve::Arguments>>),
    /// Try the ways in which the app tells people things.
    #[cfg(feature = "app")]
    #[command(subcommand)]
    Message(Deferred<messages::Command>),
    /// Show it all on this machine: the app beside a sandbox of GitHub, a walk through releases, and pages to act in.
    #[cfg(feature = "app")]
    Demo(Deferred<demo::Arguments>),
    /// Look at an installation on GitHub, and say what lets a release slip past, each with the mend.
    #[cfg(feature = "app")]
    Doctor(Box<Deferred<doctor::Arguments>>),
    /// Work on a policy.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Say whether a receipt shows that a release was approved, with the log's key and no network.
    Verify(Deferred<verify::Arguments>),
    /// Let one release go while the app cannot be reached: make, sign, verify and use a break-glass grant, offline.
    #[command(subcommand, after_help = grant::after_help())]
    Grant(Deferred<grant::Command>),
    /// Tell what the record says of a period, for those who audit: population, exceptions, emergencies, access, survey.
    #[cfg(feature = "app")]
    Report(Box<Deferred<report::Arguments>>),
    /// Write to the record's log, and verify, show, prove and export it.
    #[command(subcommand)]
    Log(Deferred<log::Command>),
    /// Lay out the record's database, back it up, bring it back, move it.
    #[cfg(feature = "app")]
    #[command(subcommand)]
    Db(Deferred<database::Command>),
    /// Print a JSON Schema: of the policy, for editors, of the facts, or of a decision document; or the app's API as OpenAPI.
    Schema {
        /// Which one.
        document: reference::Document,
    },
    /// List the measures that requirements can name.
    Measures {
        /// Only those of one kind of evidence.
        kind: Option<reference::Kind>,
    },
    /// Print the whole reference as Markdown: options, policy, expressions, measures, reasons, formats.
    Reference,
    /// Explain a reason of a gate, a code of a release's decision or of `policy check`; without one, list all.
    Explain {
        /// The code, such as `no_baseline`.
        code: Option<String>,
    },
}

#[derive(Subcommand)]
enum PolicyCommand {
    /// Say everything that is wrong with a policy, each complaint at its line.
    Check(policy::Arguments),
}

/// Runs the command and says with which code to exit.
#[must_use]
pub fn run(arguments: impl IntoIterator<Item = std::ffi::OsString>) -> u8 {
    let arguments: Vec<_> = arguments.into_iter().collect();
    let hostile = arguments.iter().any(|argument| argument.to_string_lossy().chars().any(char::is_control));
    let given = arguments.clone();
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version come this way too, and they are no mistake.
            if error.use_stderr() {
                gate::mistaken(&given, &error.render().to_string());
            }
            if hostile {
                complain(&error.render().to_string());
            } else {
                let _ = error.print();
            }
            return u8::try_from(error.exit_code()).unwrap_or(USAGE);
        }
    };
    match arguments.command {
        Command::Gate(arguments) => gate::run(*arguments),
        Command::Decide(arguments) => decide::run(&arguments.0),
        Command::Due(arguments) => due::run(&arguments.0),
        Command::Facts(arguments) => facts::run(&arguments.0),
        #[cfg(feature = "app")]
        Command::Answer(arguments) => answer::run(&arguments.0),
        Command::Deployed(arguments) => deployed::run(&arguments.0),
        #[cfg(feature = "app")]
        Command::Serve(arguments) => serve::run(&arguments.0),
        #[cfg(feature = "app")]
        Command::Message(command) => messages::run(&command.0),
        #[cfg(feature = "app")]
        Command::Demo(arguments) => demo::run(&arguments.0),
        #[cfg(feature = "app")]
        Command::Doctor(arguments) => doctor::run(&arguments.0),
        Command::Policy(PolicyCommand::Check(arguments)) => policy::check(&arguments),
        Command::Verify(arguments) => verify::run(&arguments.0),
        Command::Grant(command) => grant::run(&command.0),
        #[cfg(feature = "app")]
        Command::Report(arguments) => report::run(&arguments.0),
        Command::Log(command) => log::run(&command.0),
        #[cfg(feature = "app")]
        Command::Db(command) => database::run(&command.0),
        Command::Schema { document } => reference::schema(document),
        Command::Measures { kind } => reference::measures(kind),
        Command::Reference => manual::run(),
        Command::Explain { code } => reference::explain(code.as_deref()),
    }
}

/// Prints a document. A reader that has gone away is no failure of ours.
fn print(text: &str) -> std::io::Result<()> {
    print_bytes(text.as_bytes())
}

/// The same of bytes.
fn print_bytes(bytes: &[u8]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

/// Prints a document that is the whole answer, and says with which code to exit.
fn answer(text: &str) -> u8 {
    match print(text) {
        Ok(()) => PROCEED,
        Err(error) => {
            complain(&format!("standard output could not be written: {error}"));
            UNKNOWN
        }
    }
}

/// How long a complaint may be, in bytes.
const COMPLAINT: usize = 8 * 1024;

/// Says what went wrong, where a person or a log sees it.
fn complain(text: &str) {
    let mut out = std::io::stderr().lock();
    let _ = writeln!(out, "countersign: {}", neutral::line(text, COMPLAINT));
}
