//! The part of the reference that tells the commands of the record: exit codes, kinds of entry, arguments.

use std::fmt::Write as _;

use super::{grant, log, verify};
use crate::log::entry::Kind as EntryKind;

const KINDS_OF_ENTRY: &str = "
What is read is not believed before it was hashed again. An entry is a JSON object in the canonical form of RFC 8785 with
`at` (microseconds of the Unix time), `body`, `kind` and `v` (1); its kinds are

| kind | what it records |
| --- | --- |";

const DATABASES: &str = "
A database is a file of SQLite, `sqlite:FILE`, which takes one writer at a time and must be on a disk of this machine, or
one of PostgreSQL by the URL that its own tools take, `postgres://USER@HOST:PORT/NAME?…`. What is asked of TLS stands in
that URL, as libpq names it:

| `sslmode` | meaning |
| --- | --- |
| `disable` | no TLS |
| `prefer` | TLS where the server has it, whoever it is; keeps nobody out |
| `require` | TLS or nothing, whoever the server is; with `sslrootcert` the same as `verify-ca` |
| `verify-ca` | TLS, and an authority that is known here has signed the server's certificate |
| `verify-full` | the same, and the certificate is for the host that the URL names |

Where none is stated it is `verify-full`, and `disable` to this machine itself (`localhost`, a loopback address). A socket
never needs TLS. The authorities are those of the system, or those in the PEM file that `sslrootcert=FILE` names. With
`require` and those below it, nothing but the question for TLS is sent in the clear. `allow`, certificates of clients and
libpq's variables and password file are not taken; COUNTERSIGN_DATABASE keeps a password out of the list of processes.
";

/// The commands that work on the record, with their options and exit codes.
pub(super) fn write(out: &mut String) {
    let _ = writeln!(out, "\n## The commands of the record\n\n| code | meaning |\n| --- | --- |");
    for (code, meaning) in log::EXIT_CODES {
        let _ = writeln!(out, "| {code} | {meaning} |");
    }
    let _ = writeln!(out, "\nThose of `countersign verify` are\n\n| code | meaning |\n| --- | --- |");
    for (code, meaning) in verify::EXIT_CODES {
        let _ = writeln!(out, "| {code} | {meaning} |");
    }
    let _ = writeln!(out, "\nThose of `countersign grant` are\n\n| code | meaning |\n| --- | --- |");
    for (code, meaning) in grant::EXIT_CODES {
        let _ = writeln!(out, "| {code} | {meaning} |");
    }
    let _ = writeln!(out, "{DATABASES}{KINDS_OF_ENTRY}");
    for kind in EntryKind::ALL {
        let _ = writeln!(out, "| `{}` | {} |", kind.word(), kind.meaning());
    }
    let command = super::manual::whole();
    if let Some(command) = command.find_subcommand("verify") {
        one(out, "verify", command);
    }
    for group in ["grant", "log", "db", "message"] {
        let group = command.find_subcommand(group);
        for (group, command) in group.into_iter().flat_map(|group| of(group).map(move |it| (group, it))) {
            let nested: Vec<_> = of(command).collect();
            let name = format!("{} {}", group.get_name(), command.get_name());
            if nested.is_empty() {
                one(out, &name, command);
            }
            for command in nested {
                one(out, &format!("{name} {}", command.get_name()), command);
            }
        }
    }
}

/// The commands below one, without that which prints their help.
fn of(command: &clap::Command) -> impl Iterator<Item = &clap::Command> {
    command.get_subcommands().filter(|command| command.get_name() != "help")
}

/// One command of the record.
fn one(out: &mut String, name: &str, command: &clap::Command) {
    let about = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
    let _ = writeln!(out, "\n### `countersign {name}`\n\n{}\n\n| argument | meaning |\n| --- | --- |", about.trim());
    for argument in command.get_arguments().filter(|it| !it.is_hide_set() && it.get_id() != "help") {
        super::manual::argument(out, argument);
    }
}
