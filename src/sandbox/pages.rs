//! What people see of the sandbox: who they can be, the repository's changes and runs, and a place to write a comment.
//!
//! Plain pages without script. A form is taken from the sandbox's own pages alone.

use std::collections::BTreeMap;

use maud::{DOCTYPE, Markup, html};
use serde_json::Value;

use super::asked::{Asked, Reply};
use super::login::FIELDS;
use super::world::{Pull, REPOSITORY, Run, World};
use super::{Kind, Sandbox};

/// The cookie that remembers who somebody is on these pages.
const COOKIE: &str = "sandbox_person";
/// How many bytes a comment may have.
const COMMENT: usize = 4_096;
const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:0 auto;padding:1rem;color:#1f2328;\
    background:#fff}header{background:#fff3cd;border:1px solid #d4a72c;border-radius:6px;padding:.5rem .75rem}\
    h1{font-size:1.5rem}button,textarea{font:inherit}button{min-height:2.5rem;padding:.25rem .75rem;cursor:pointer}\
    textarea{width:100%;box-sizing:border-box}li{margin:.4rem 0}pre{white-space:pre-wrap;overflow-wrap:anywhere;\
    background:#f6f8fa;padding:.75rem;border-radius:6px}.faint{color:#59636e}a{color:#0550ae}";

/// Whether a form was sent from a page of the sandbox. What sends no origin is no browser.
pub(super) fn is_own(sandbox: &Sandbox, asked: &Asked) -> bool {
    matches!(asked.header("origin"), "") || asked.header("origin") == sandbox.address()
}

/// The header by which a browser remembers who its person is here.
pub(super) fn remembered(login: &str) -> (String, String) {
    ("set-cookie".to_owned(), format!("{COOKIE}={login}; Path=/; HttpOnly; SameSite=Lax"))
}

fn person(world: &World, asked: &Asked) -> Option<String> {
    let cookies = asked.header("cookie").split(';').filter_map(|pair| pair.trim().split_once('='));
    let login = cookies.rev().find(|(name, _)| *name == COOKIE).map(|(_, value)| value.to_owned())?;
    world.people.contains_key(&login).then_some(login)
}

fn page(sandbox: &Sandbox, title: &str, content: &Markup) -> Reply {
    let now = sandbox.now().with_timezone(&chrono_tz::Europe::London).format("%A %-d %B %Y, %H:%M");
    let whole = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " · sandbox of " (sandbox.kind().name()) }
                style { (maud::PreEscaped(STYLE)) }
            }
            body {
                header { "This is a sandbox of " (sandbox.kind().name()) " on this machine. People, code and time are made up: it is " (now) " in London. "
                    a href="/" { "Everything in it" } }
                main { h1 { (title) } (content) }
            }
        }
    };
    Reply::page(whole.into_string())
}

fn buttons(world: &World) -> Markup {
    html! {
        ul { @for (login, person) in &world.people { li {
            button type="submit" name="person" value=(login) { (login) } " " (person.about)
        } } }
    }
}

/// The page on which whoever wants to log in says who he is.
pub(super) fn who_are_you(sandbox: &Sandbox, fields: &BTreeMap<String, String>) -> Reply {
    let authorize = match sandbox.kind() {
        Kind::Github => "/login/oauth/authorize",
        Kind::Gitlab => "/oauth/authorize",
    };
    let content = sandbox.look(|world| {
        html! {
            p { "Countersign asks who you are. On " (sandbox.kind().name()) " you would log in; here you choose." }
            form method="post" action=(authorize) {
                @for name in FIELDS { input type="hidden" name=(name) value=(fields.get(name).cloned().unwrap_or_default()); }
                (buttons(world))
            }
        }
    });
    page(sandbox, "Who are you?", &content)
}

/// Answers whatever a browser asks for here.
pub(super) fn answer(sandbox: &Sandbox, asked: &Asked) -> Reply {
    let path = asked.path.trim_matches('/');
    let below = path.strip_prefix(REPOSITORY).map(|rest| rest.trim_matches('/'));
    let kind = sandbox.kind();
    let rest = below.unwrap_or_default();
    let parts: Vec<&str> = rest.strip_prefix("-/").unwrap_or(rest).split('/').collect();
    match (asked.method.as_str(), below, parts.as_slice()) {
        ("GET", None, _) if path.is_empty() => {
            page(sandbox, "Acme's shop", &sandbox.look(|world| index(kind, world, asked)))
        }
        ("GET", Some(""), _) => Reply::to("/"),
        ("POST", None, _) if path == "who" && is_own(sandbox, asked) => {
            let mut reply = Reply::to("/");
            if sandbox.look(|world| world.people.contains_key(asked.field("person"))) {
                reply.headers.push(remembered(asked.field("person")));
            }
            reply
        }
        ("GET", Some(_), ["pull" | "merge_requests", number, ..]) => {
            let number = number.parse().unwrap_or_default();
            let shown = sandbox.look(|world| world.pulls.get(&number).map(|it| pull(kind, world, (number, it), asked)));
            shown.map_or_else(Reply::missing, |shown| page(sandbox, &format!("{} {number}", changes(kind)), &shown))
        }
        ("POST", Some(_), ["pull" | "merge_requests", number, "comment"]) if is_own(sandbox, asked) => {
            let (number, text) = (number.parse().unwrap_or_default(), asked.field("text").trim());
            let may = |world: &World| person(world, asked).filter(|login| world.is_inside(login));
            match sandbox.look(may) {
                Some(by) if !text.is_empty() && text.len() <= COMMENT => {
                    sandbox.happens(|world, now| world.comment(number, &by, text, now));
                    Reply::to(&format!("/{REPOSITORY}/{}", kind.change(number)))
                }
                _ => Reply::message(
                    403,
                    "say first who you are, as one who may read the repository; then write something",
                ),
            }
        }
        ("GET", Some(_), ["actions", "runs", id, ..] | ["pipelines", id, ..]) => {
            let id = id.parse().unwrap_or_default();
            let shown = sandbox.look(|world| world.runs.get(&id).map(|it| run(world, it)));
            shown.map_or_else(Reply::missing, |shown| page(sandbox, &format!("Run {id}"), &shown))
        }
        ("GET", Some(_), ["commit", sha]) => {
            let title = sandbox.look(|world| world.commits.get(*sha).map(|it| (it.title.clone(), it.author.clone())));
            title.map_or_else(Reply::missing, |(title, by)| {
                page(sandbox, &title, &html! { p { "by " (by) ", as " code { (sha) } } })
            })
        }
        ("GET", Some(_), ["blob", _, path @ ..]) => {
            let path = path.join("/");
            let text = sandbox.look(|world| world.content(&path).map(str::to_owned));
            text.map_or_else(Reply::missing, |text| page(sandbox, &path, &html! { pre { (text) } }))
        }
        _ => Reply::missing(),
    }
}

fn index(kind: Kind, world: &World, asked: &Asked) -> Markup {
    let here = person(world, asked);
    html! {
        p { "The policy is " a href={ "/" (REPOSITORY) "/blob/main/.countersign/policy.yml" } { ".countersign/policy.yml" } "." }
        h2 { "Changes" }
        ul { @for (number, pull) in world.pulls.iter().rev() { li {
            a href={ "/" (REPOSITORY) "/" (kind.change(*number)) } { (if kind == Kind::Gitlab { "!" } else { "#" }) (number) " " (pull.title) }
            span class="faint" { " by " (pull.author) @if pull.merged.is_some() { ", merged" } @else { ", open" } }
        } } }
        h2 { "Runs that deploy" }
        ul { @for (id, run) in world.runs.iter().rev() { li {
            a href={ "/" (REPOSITORY) "/" (kind.run(*id)) } { "run " (id) }
            span class="faint" { " by " (run.by) ", " (state(run)) }
        } } }
        h2 { "People" }
        p { @match &here { Some(login) => { "Here you are " strong { (login) } "." } None => { "Choose who you are, to write comments." } } }
        form method="post" action="/who" { (buttons(world)) }
    }
}

fn state(run: &Run) -> &str {
    match &run.decided {
        None if run.environment.is_empty() => "tests",
        None => "waits for Countersign",
        Some((state, _)) => state,
    }
}

fn text<'v>(value: &'v Value, place: &str) -> &'v str {
    value.pointer(place).and_then(Value::as_str).unwrap_or_default()
}

/// A text in the HTML that comments and checks are written in, as people read it.
#[must_use]
pub fn readable(html: &str) -> String {
    let mut text = String::new();
    for part in html.split('<') {
        let (tag, after) = part.split_once('>').unwrap_or(("", part));
        if matches!(tag, "/p" | "/li" | "/h3" | "/summary" | "ul" | "br") {
            text.push('\n');
        }
        text.push_str(after);
    }
    let plain = text
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&");
    let lines: Vec<&str> = plain.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}

/// What a change is called.
fn changes(kind: Kind) -> &'static str {
    match kind {
        Kind::Github => "Pull request",
        Kind::Gitlab => "Merge request",
    }
}

fn pull(kind: Kind, world: &World, (number, pull): (u64, &Pull), asked: &Asked) -> Markup {
    let checks = world.written.iter().filter(|(kind, it)| kind == "check-runs" && text(it, "/head_sha") == pull.head);
    html! {
        p { strong { (pull.title) } " by " (pull.author) @if pull.merged.is_some() { ", merged" } @else { ", open" } }
        p { "Changes " @for (at, file) in pull.files.iter().enumerate() { @if at > 0 { ", " } code { (file) } } "." }
        @for (_, check) in checks {
            h2 { "Check " (text(check, "/name")) ": " (text(check, "/output/title")) }
            pre { (readable(text(check, "/output/summary"))) }
        }
        h2 { "Said here" }
        @for review in &pull.reviews {
            p { strong { (text(review, "/author/login")) } " reviewed: " (text(review, "/state").to_lowercase().replace('_', " ")) }
        }
        @for comment in &pull.comments {
            p { strong { (text(comment, "/author/login")) } ":" }
            pre { (readable(text(comment, "/body"))) }
        }
        @match person(world, asked) {
            Some(login) => form method="post" action={ "/" (REPOSITORY) "/" (kind.change(number)) "/comment" } {
                p { label for="text" { "Comment as " strong { (login) } ", a command such as " code { "/countersign why" } } }
                textarea id="text" name="text" rows="3" maxlength=(COMMENT / 4) {}
                p { button type="submit" { "Comment" } }
            },
            None => p { a href="/" { "Say who you are" } " to comment." },
        }
    }
}

fn run(world: &World, run: &Run) -> Markup {
    let deployment = world.deployments.get(&run.deployment);
    let title = world.commits.get(&run.commit).map(|commit| commit.title.clone()).unwrap_or_default();
    html! {
        p { "Deploys “" (title) "” to " strong { (run.environment) } ", started by " (run.by) "; " (state(run)) "." }
        @if let Some((_, why)) = &run.decided { h2 { "What Countersign decided" } pre { (readable(why)) } }
        @if !run.reports.is_empty() {
            h2 { "What Countersign reported" }
            @for report in &run.reports { pre { (readable(report)) } }
        }
        @if let Some(deployment) = deployment {
            h2 { "The deployment" }
            ul { @for (state, at) in &deployment.statuses { li { (at) " " (state.to_lowercase().replace('_', " ")) } } }
        }
    }
}
