//! What people are told outside the forge, by servers that are real or act as real ones do.

mod faults;
mod mail;
mod slack;
pub mod webhook;

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::{App, POLICY, asks, ledger, shop, until};
use crate::support::github::Github;

/// `noor` is told where nobody answers; everybody is at work at any hour.
pub fn told(notify: &str) -> String {
    POLICY
        .replace(
            "roles:\n",
            "people:\n  bo: { github: bo, email: bo@acme.example }\nroles:\n  cto: { members: [\"github:noor\"] }\n",
        )
        .replace("accountable: 1 } }", "accountable: 1 }, escalate: { undecided_after: 1bd, to: [cto], final: cto } }")
        + "calendar: { business_hours: 24/7 }\n"
        + notify
}

/// A run waits under a policy that tells people so.
pub fn waiting(notify: &str) -> (Github, App) {
    let github = shop();
    ledger::policy(&github, &told(notify));
    asks(&github);
    let app = App::new(&github);
    (github, app)
}

/// A tool that `./tests/run` brings; `None` where it is not here, and that is a failure where everything is to be tried.
pub fn tool(path: &str) -> Option<PathBuf> {
    let tools = std::env::var_os("TOOLS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/tools"), PathBuf::from);
    let file = tools.join(path);
    if file.exists() {
        return Some(file);
    }
    assert!(std::env::var_os("TEST_WHOLE").is_none(), "{} is not here", file.display());
    eprintln!("skipped: {} is not installed; `./tests/run unit` brings it", file.display());
    None
}

/// Python with the packages of `tests/tools.txt`; one of them must be there.
pub fn python(package: &str) -> Option<Command> {
    let python = tool("venv/bin/python")?;
    let has = Command::new(&python).args(["-c", &format!("import {package}")]).output().unwrap().status.success();
    if !has {
        assert!(std::env::var_os("TEST_WHOLE").is_none(), "Python has no {package}");
        eprintln!("skipped: Python has no {package}; `./tests/run unit` brings it");
        return None;
    }
    Some(Command::new(python))
}

/// The attempts to tell people something, each as where to and what became of it.
pub fn attempts(app: &App) -> Vec<(String, String)> {
    let text = |event: &Value, name: &str| event[name].as_str().unwrap_or_default().to_owned();
    app.events("message_attempted").iter().map(|event| (text(event, "to"), text(event, "outcome"))).collect()
}

/// Waits until so many messages were attempted to an end.
pub fn ended(app: &App, count: usize) {
    until("the messages", || attempts(app).iter().filter(|(_, outcome)| outcome != "put_off").count() >= count);
}
