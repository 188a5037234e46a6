//! `people` and `identity`: who has which accounts.

use chrono::{DateTime, Utc};

use super::diagnostics::{Code, Span};
use super::instant::{self, Written};
use super::reader::{Layer, title};
use super::rules::Person;
use super::tree::{Node, Value};
use super::{calendar, notify};

/// The keys of a person under which accounts stand. An address is where he is told, and no account.
const FORGES: [&str; 3] = ["github", "gitlab", "oidc"];

/// Reads a layer's people; times are in `zone` where they name none.
pub(super) fn read(layer: &mut Layer<'_>, zone: chrono_tz::Tz, all: &mut Vec<Person>) {
    for (name, place, node) in layer.named("people") {
        if layer.redefines(&format!("people.{name}"), place, node) {
            continue;
        }
        // A role of an outer layer that names `user:name` means that account; it is not for an inner layer to say
        // whose it is.
        let wanted = format!("user:{name}");
        let named = layer.outer.iter().find(|outer| {
            let roles = outer.tree.get("roles").map(Node::entries).unwrap_or_default();
            let mut members = roles.iter().filter_map(|(_, role)| role.get("members")).flat_map(Node::texts);
            members.any(|(member, _)| member == wanted)
        });
        if let Some(outer) = named
            && !layer.free(&format!("people.{name}"))
        {
            let message = format!(
                "a role of the {} names `user:{name}`, so whose accounts these are is its own to say; define the person in {}",
                title(outer.name),
                outer.path
            );
            layer.complain(Code::Loosens, place, message);
        }
        let linked: usize = FORGES.iter().filter_map(|forge| node.get(forge)).map(|node| node.texts().len()).sum();
        relaxes(layer, name, place, linked > 1 || node.get("away").is_some());
        let mut accounts = Vec::new();
        for forge in FORGES {
            for (login, at) in node.get(forge).map(Node::texts).unwrap_or_default() {
                let account = format!("{forge}:{}", login.trim());
                let owner = all.iter().find(|person| person.accounts.iter().any(|known| same(known, &account)));
                if let Some(owner) = owner {
                    let message =
                        format!("the account `{login}` is `{}`'s already; one person has all of it", owner.name);
                    layer.complain(Code::Contradiction, at, message);
                }
                accounts.push(account);
            }
        }
        let told_at = notify::of_person(layer, node);
        all.push(Person { name: name.to_owned(), accounts, told_at, away: away(layer, zone, node) });
    }
}

/// Complains of a person whom an inner layer makes of several accounts, or sends away, under roles of an outer one:
/// whoever links an account to one that holds a role lends it that role, and whoever is away opens it to stand-ins.
/// Where only linked accounts count, naming one account is as much.
fn relaxes(layer: &mut Layer<'_>, name: &str, place: Span, several_or_away: bool) {
    let linked = || layer.around("identity").is_some_and(|(_, node)| node.text() == Some("linked"));
    let Some((outer, _)) = layer.around("roles") else { return };
    if !(several_or_away || linked()) || layer.free(&format!("people.{name}")) {
        return;
    }
    let message = format!(
        "the {} states roles, and whose accounts belong together, and who is away, says who may act in them; define `people.{name}` in {}, or add `people` to `delegate` there",
        title(outer.name),
        outer.path
    );
    layer.complain(Code::Loosens, place, message);
}

/// Forges do not tell logins apart by the case of their letters.
fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

fn away(layer: &mut Layer<'_>, zone: chrono_tz::Tz, node: &Node) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
    let Some(Value::List(stretches)) = node.get("away").map(|node| &node.value) else { return Vec::new() };
    let mut found = Vec::new();
    for stretch in stretches {
        let at = |key: &str| instant_in(stretch.get(key)?.text()?, zone);
        let (Some(from), Some(to)) = (at("from"), at("to")) else { continue };
        if to <= from {
            layer.complain(Code::Contradiction, stretch.span, "an absence ends after it begins");
            continue;
        }
        found.push((from, to));
    }
    found
}

/// An instant as written, by the clock of `zone` where it names none.
pub(super) fn instant_in(text: &str, zone: chrono_tz::Tz) -> Option<DateTime<Utc>> {
    Some(match instant::parse(text)? {
        Written::Absolute(at) => at.to_utc(),
        Written::Clock(clock) => calendar::instant(clock, zone),
    })
}
