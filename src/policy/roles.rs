//! `roles` and `delegation`: who holds which role, and who stands in.

use super::diagnostics::{Code, Span};
use super::expression::nearest;
use super::length::Length;
use super::reader::{Layer, length, text, texts};
use super::rules::{Delegation, MemberRef, Role};
use super::stricter::roughly;
use super::tree::Node;

/// Words that stand beside role names under `approvals`, and so name no role.
pub(super) const RESERVED: [&str; 3] = ["accountable", "expire", "counts_from"];

/// How long a stand-in may be named for where the policy does not say.
const LONGEST: Length = Length::Seconds(14 * 86_400);

/// Reads a layer's roles. An inner layer may add some; those of an outer layer stay as they are.
pub(super) fn read(layer: &mut Layer<'_>, zone: chrono_tz::Tz, all: &mut Vec<Role>) {
    for (name, place, node) in layer.named("roles") {
        if RESERVED.contains(&name) {
            let message = format!("`{name}` means something else under `approvals`; give the role another name");
            layer.complain(Code::WrongForm, place, message);
        }
        if layer.redefines(&format!("roles.{name}"), place, node) {
            continue;
        }
        let role = one(layer, zone, name, place, node);
        all.push(role);
    }
}

fn one(layer: &mut Layer<'_>, zone: chrono_tz::Tz, name: &str, place: Span, node: &Node) -> Role {
    let mut members = Vec::new();
    for (written, at) in node.get("members").map(Node::texts).unwrap_or_default() {
        match member(written) {
            Ok(member) if members.contains(&member) => {
                layer.complain(Code::NoEffect, at, format!("`{written}` stands twice"));
            }
            Ok(member) => {
                if let MemberRef::User(name) = &member {
                    nobody(layer, name, at);
                }
                members.push(member);
            }
            Err(message) => layer.complain(Code::WrongForm, at, message),
        }
    }
    let (fallback, after) = (text(node, "fallback"), length(node, "after"));
    if fallback.is_some() && after.is_none() {
        let message = format!(
            "`{name}` has a `fallback` and no `after`: it stands in only when no holder can act, never because nobody answers"
        );
        layer.complain(Code::Overlooked, node.get("fallback").map_or(place, |node| node.span), message);
    }
    if let (None, Some(after)) = (&fallback, node.get("after")) {
        layer.complain(Code::NoEffect, after.span, "`after` has no effect without `fallback`");
    }
    let may = texts(node, "may");
    Role {
        name: name.to_owned(),
        members,
        fallback,
        after,
        hours: hours(layer, zone, node),
        accept: text(node, "accept"),
        may_approve: may.is_empty() || may.iter().any(|word| word == "approve"),
        stated: layer.stated(place),
    }
}

/// Complains about a name that is probably one of `people`, misspelled: it would be a stranger's account.
fn nobody(layer: &mut Layer<'_>, name: &str, at: Span) {
    let people: Vec<&str> = layer.names.people().collect();
    if people.contains(&name) {
        return;
    }
    if let Some(near) = nearest(name, &people) {
        let message = format!(
            "`user:{name}` is nobody of `people`, and so the forge's account `{name}`; did you mean `user:{near}`?"
        );
        layer.complain(Code::Overlooked, at, message);
    }
}

/// Reads who holds a role: `user:dana`, `github:@acme/infra`, `gitlab:acme/leads`, `group:audit`, `github:dana-h`.
pub fn member(written: &str) -> Result<MemberRef, String> {
    let told = || {
        format!(
            "`{written}` is nobody's name; write `user:dana`, `github:@acme/infra`, `gitlab:acme/leads`, `group:internal-audit` or `github:dana-h`"
        )
    };
    let (kind, name) = written.split_once(':').ok_or_else(told)?;
    let plain = !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c.is_control());
    match kind {
        _ if !plain => Err(told()),
        "user" if !name.contains(['/', '@']) => Ok(MemberRef::User(name.to_owned())),
        "group" => Ok(MemberRef::Group(written.to_owned())),
        "github" | "gitlab" => match name.strip_prefix('@') {
            Some(team) if kind == "github" && !team.contains('/') => {
                Err(format!("`{written}` names a team without its organisation; write `github:@acme/{team}`"))
            }
            Some(_) => Ok(MemberRef::Group(written.to_owned())),
            None if name.contains('/') && kind == "github" => {
                Err(format!("`{written}` is no account; a team is written `github:@{name}`"))
            }
            None if name.contains('/') => Ok(MemberRef::Group(written.to_owned())),
            None => Ok(MemberRef::Account(written.to_owned())),
        },
        "oidc" => Ok(MemberRef::Account(written.to_owned())),
        _ => Err(told()),
    }
}

fn hours(layer: &mut Layer<'_>, zone: chrono_tz::Tz, node: &Node) -> Option<super::calendar::Hours> {
    let stated = node.get("calendar")?;
    super::calendar::role_hours(stated, zone, layer.list)
}

/// Reads how stand-ins are named. An inner layer can only narrow it.
pub(super) fn delegation(layer: &mut Layer<'_>, rule: &mut Option<Delegation>) {
    let Some(node) = layer.section("delegation") else { return };
    let nobody = text(node, "within").as_deref() == Some("none");
    let max = length(node, "max").unwrap_or(LONGEST);
    let first = layer.is_outermost() || layer.free("delegation");
    match rule {
        _ if nobody => *rule = None,
        Some(outer) if !first => {
            if roughly(max) < roughly(outer.max) {
                outer.max = max;
            }
        }
        None if !first && layer.around("delegation").is_some() => {}
        None if !first && layer.refuse("delegation", node.span) => {}
        _ => *rule = Some(Delegation { max }),
    }
}
