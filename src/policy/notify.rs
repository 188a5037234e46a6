//! `notify`, and where each of `people` is told: the places that messages go to, and when they are repeated.
//!
//! A place is written as the record keeps it: `slack:#releases`, `email:ana@acme.example`,
//! `webhook:https://hooks.acme.example/releases`. What an outer layer tells somebody, an inner one cannot take away; it
//! can add places, and be told sooner.

use super::diagnostics::{Code, Span};
use super::reader::{Layer, length};
use super::rules::NotifyRule;
use super::stricter::Joint;
use super::tree::Node;

/// How long a channel's name or an address may be, in bytes: RFC 5321 allows an address 254, and Slack a name 80 letters.
pub const LONGEST: usize = 254;

/// Reads a layer's places into those of the layers around it.
pub(super) fn read(layer: &mut Layer<'_>, rule: &mut Option<NotifyRule>) {
    let Some(node) = layer.section("notify") else { return };
    let mut to = Vec::new();
    for (key, form) in FORMS {
        to.extend(places(layer, node.get(key), key, form));
    }
    if let Some(teams) = node.get("teams") {
        let message =
            "Microsoft Teams is not spoken to, so nobody is told there; name the channel's own address under `email`";
        layer.complain(Code::NoEffect, teams.span, message);
    }
    let (remind_after, escalate_after) = (length(node, "remind_after"), length(node, "escalate_after"));
    let inner = NotifyRule { to, remind_after, escalate_after, stated: layer.stated(node.span) };
    let Some(outer) = rule else {
        *rule = Some(inner);
        return;
    };
    let mut joint = Joint { stated: &mut outer.stated, inner: &inner.stated };
    joint.union("notify", &mut outer.to, &inner.to);
    if inner.remind_after.is_some() {
        joint.shorter_of("remind_after", &mut outer.remind_after, inner.remind_after);
    }
    if inner.escalate_after.is_some() {
        joint.shorter_of("escalate_after", &mut outer.escalate_after, inner.escalate_after);
    }
}

/// Where a person is told: addresses, and the name by which Slack knows him.
pub(super) fn of_person(layer: &mut Layer<'_>, person: &Node) -> Vec<String> {
    let mut found = places(layer, person.get("email"), "email", address);
    found.extend(places(layer, person.get("slack"), "slack", member));
    found
}

/// Whether a place is one, as the record has it; else what is wrong with it.
pub fn place(text: &str) -> Result<(), String> {
    let said = text.split_once(':').and_then(|(kind, rest)| {
        let (_, form) = FORMS.iter().find(|(known, _)| *known == kind)?;
        // A member of a workspace is a place as well as a channel is.
        Some(if kind == "slack" && member(rest).is_none() { None } else { form(rest) })
    });
    match said {
        Some(None) => Ok(()),
        Some(Some(why)) => Err(format!("`{text}` {why}")),
        None => Err(format!(
            "`{text}` is no place; write one as `slack:#releases`, `email:ana@acme.example` or `webhook:https://…`"
        )),
    }
}

/// Says what is wrong with a place, where something is.
type Flaw = fn(&str) -> Option<&'static str>;

const FORMS: [(&str, Flaw); 3] = [("slack", channel), ("email", address), ("webhook", hook)];

fn places(layer: &mut Layer<'_>, node: Option<&Node>, kind: &str, flaw: Flaw) -> Vec<String> {
    let written: Vec<(String, Span)> =
        node.map(Node::texts).unwrap_or_default().into_iter().map(|(text, at)| (text.trim().to_owned(), at)).collect();
    let mut found: Vec<String> = Vec::new();
    for (text, at) in written {
        let unclean = text.len() > LONGEST.max(if kind == "webhook" { 2_048 } else { 0 })
            || text.chars().any(|letter| letter.is_whitespace() || letter.is_control());
        match flaw(&text).or(unclean.then_some("is too long, or has a space in it")) {
            Some(why) => layer.complain(Code::WrongForm, at, format!("`{text}` {why}")),
            None if found.contains(&format!("{kind}:{text}")) => {
                layer.complain(Code::NoEffect, at, format!("`{text}` stands twice"));
            }
            None => found.push(format!("{kind}:{text}")),
        }
    }
    found
}

fn is_id(text: &str, begins: &[char]) -> bool {
    text.len() >= 9
        && text.starts_with(begins)
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// A channel: by its name, `#releases`, or its id.
fn channel(text: &str) -> Option<&'static str> {
    let named = text.strip_prefix('#').is_some_and(|name| {
        !name.is_empty() && name.chars().count() <= 80 && !name.contains(['#', '@', '<', '>', '&', ',', '|'])
    });
    (!named && !is_id(text, &['C', 'G']))
        .then_some("is no channel; write its name as `#releases`, or its id as `C024BE91L`")
}

/// Somebody of a workspace, by his member id: a name there can be changed by whoever bears it.
fn member(text: &str) -> Option<&'static str> {
    (!is_id(text, &['U', 'W']))
        .then_some("is no member id; Slack shows it in the person's profile, such as `U024BE7LH`")
}

/// An address as people have them: of one mailbox, without a display name.
fn address(text: &str) -> Option<&'static str> {
    let parts = text.rsplit_once('@').filter(|(local, domain)| {
        let sound =
            |part: &str| !part.is_empty() && !part.contains(['@', ',', ';', ':', '<', '>', '"', '(', ')', '\\']);
        let dots = !domain.starts_with('.') && !domain.ends_with('.') && !domain.contains("..");
        sound(local) && sound(domain) && dots
    });
    parts.is_none().then_some("is no address of a mailbox; write one as `ana@acme.example`")
}

fn hook(text: &str) -> Option<&'static str> {
    let (scheme, rest) = text.split_once("://").unwrap_or_default();
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = authority.rsplit_once(':').map_or(authority, |(host, port)| {
        if port.bytes().all(|byte| byte.is_ascii_digit()) { host } else { authority }
    });
    let secure = scheme == "https" && !host.is_empty();
    let here = scheme == "http" && ["127.0.0.1", "localhost", "[::1]"].contains(&host);
    // A password in an address would stand in the policy, in the record and in logs.
    let plain = !authority.contains('@') && !text.contains(['#', '`']);
    (!((secure || here) && plain))
        .then_some("is no address to post to; write one that begins with `https://` and has no password in it")
}
