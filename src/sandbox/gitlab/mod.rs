//! The same world as GitLab shows it: a project with merge requests, pipelines and deployments that are blocked until the app's
//! own account has voted and played their job.
//!
//! It is the other side of everything that [`crate::forge::gitlab`] says, and shares no line with it: REST ([`rest`], [`says`]),
//! the questions that are asked over GraphQL ([`graphql`]), and deliveries ([`told`]). It enforces what GitLab enforces: tokens and
//! their scopes, one vote a user, a rule that names who may vote, no job that is played before its votes are there.

mod graphql;
mod rest;
mod says;
mod shapes;
pub(super) mod told;

use percent_encoding::percent_decode_str;

use super::asked::{Asked, Reply};
use super::{Sandbox, login};

/// The login of the app's own account.
pub const ACCOUNT: &str = "countersign";
/// What the account is called, and so the rule that names it.
pub(super) const CALLED: &str = "Countersign";
/// The number of a run's job that tests; that of the job that deploys is tenfold the run's.
const TESTS: u64 = 1;

/// The job of a run that tests.
pub(super) fn test_job(run: u64) -> u64 {
    run * 10 + TESTS
}

/// Who asks: the app's account, or a person by a token that may only read.
enum Who {
    App,
    Person(String),
}

/// Answers what is asked of the interface.
pub(super) fn answer(sandbox: &Sandbox, asked: &Asked) -> Reply {
    let token = asked.bearer();
    let who = if !token.is_empty() && token == sandbox.registered().token {
        Who::App
    } else {
        match login::whose(sandbox, token) {
            Some(login) => Who::Person(login),
            None => return Reply::message(401, "401 Unauthorized"),
        }
    };
    if matches!(who, Who::Person(_)) && asked.method != "GET" {
        return Reply::message(403, "insufficient_scope");
    }
    if asked.path == "/api/graphql" {
        return Reply::json(200, &sandbox.look(|world| graphql::answer(world, asked)));
    }
    let Some(path) = asked.path.strip_prefix("/api/v4/") else { return Reply::missing() };
    let parts: Vec<String> =
        path.split('/').map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned()).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let mut reply = match asked.method.as_str() {
        "GET" => sandbox.look(|world| rest::answer(world, sandbox.address(), asked, (&who, &parts))),
        _ => says::answer(sandbox, asked, &parts),
    };
    reply.body = reply.body.replace("sandbox:/", sandbox.address());
    reply
}
