//! The `countersign` command: arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(countersign::cli::run(std::env::args_os()))
}
