//! What the text of all layers together proves of a policy: releases that no route takes, roles that nobody holds,
//! approvals that nobody can give.

use super::broken::Broken;
use super::diagnostics::{Code, Diagnostic, Span};
use super::idle;
use super::layers::JUDGED;
use super::openings;
use super::rules::{Approval, MemberRef, Route, Rules};
use super::satisfiable::{self, Strictness};
use super::tree::Node;
use super::unheeded;
use crate::model::facts::Via;
use crate::model::lookalike::skeleton;
use crate::model::stated::Stated;

/// The layers, by which places are found.
pub(super) struct Places<'p> {
    /// Their names.
    pub(super) names: &'p [String],
    /// What each says.
    pub(super) trees: &'p [Node],
    /// The complaints about each.
    pub(super) lists: &'p mut [Vec<Diagnostic>],
}

impl Places<'_> {
    /// Complains where a path of keys stands: in the innermost layer that has it, or where its beginning stands.
    pub(super) fn complain(&mut self, code: Code, path: &[&str], message: String) {
        for length in (1..=path.len()).rev() {
            let keys = path.get(..length).unwrap_or_default();
            let at = self.trees.iter().enumerate().rev().find_map(|(layer, tree)| Some((layer, find(tree, keys)?)));
            if let Some((layer, span)) = at {
                return self.push(layer, Diagnostic::new(code, span, message));
            }
        }
        self.push(self.trees.len().saturating_sub(1), Diagnostic::new(code, Span::default(), message));
    }

    /// Complains about a word of the list at a path, where it stands.
    fn word(&mut self, code: Code, path: &[&str], word: &str, message: String) {
        let at = |tree: &Node| {
            let node = path.iter().try_fold(tree, |node, key| node.get(key))?;
            node.texts().into_iter().find(|(text, _)| *text == word).map(|(_, span)| span)
        };
        let found = self.trees.iter().enumerate().rev().find_map(|(layer, tree)| Some((layer, at(tree)?)));
        match found {
            Some((layer, span)) => self.push(layer, Diagnostic::new(code, span, message)),
            None => self.complain(code, path, message),
        }
    }

    /// Complains about a named entry where it is stated.
    pub(super) fn about(&mut self, code: Code, section: &str, name: &str, stated: &Stated, message: String) {
        let layer = self.names.iter().position(|layer| *layer == stated.layer).unwrap_or_default();
        let span = self.trees.get(layer).and_then(|tree| find(tree, &[section, name]));
        self.push(layer, Diagnostic::new(code, span.unwrap_or_default(), message));
    }

    pub(super) fn push(&mut self, layer: usize, diagnostic: Diagnostic) {
        if let Some(list) = self.lists.get_mut(layer) {
            list.push(diagnostic);
        }
    }

    fn states(&self, section: &str) -> bool {
        self.trees.iter().any(|tree| tree.get(section).is_some())
    }
}

/// The place of the last key of a path.
fn find(tree: &Node, path: &[&str]) -> Option<Span> {
    let (last, before) = path.split_last()?;
    let mut at = tree;
    for key in before {
        at = at.get(key)?;
    }
    at.entries().iter().find(|(key, _)| key.name == *last).map(|(key, _)| key.span)
}

/// One thing that can be proven.
type Proof = fn(&Rules, &mut Places<'_>);

/// Each proof, with the sections that it looks at.
const PROOFS: [(Proof, &[&str]); 31] = [
    (environments, &["environments"]),
    (teams, &["components", "routes", "reviews"]),
    (routes, &["environments", "routes", "classes", "break_glass"]),
    (nowhere, &["environments", "routes"]),
    (board, &["environments", "routes", "roles", "calendar"]),
    (hours, &["calendar", "routes"]),
    (members, &["roles"]),
    (accountable, &["raci", "roles", "people"]),
    (emergencies, &["classes", "incidents"]),
    (experiments, &["experiments", "components"]),
    (glass, &["break_glass", "roles", "people"]),
    (freezes, &["calendar", "routes"]),
    (approvals, &APPROVALS),
    (excluding, &["components", "routes", "raci"]),
    (idle::readers, &["roles"]),
    (idle::regulations, &["components", "packs", "retention"]),
    (idle::kept, &["components", "retention"]),
    (idle::empty, &[]),
    (idle::no_time, &[]),
    (openings::emergencies, &["classes"]),
    (openings::models, &["standard_changes"]),
    (openings::by_themselves, &["environments"]),
    (openings::way_back, &["routes"]),
    (openings::of_no_component, &["environments", "components", "standard_changes"]),
    (openings::never_business, &["calendar"]),
    (unheeded::severities, &["classes", "incidents"]),
    (unheeded::ends, &["rigor"]),
    (unheeded::samples, &[]),
    (unheeded::too_short, &["components", "packs"]),
    (unheeded::overlapping, &["components"]),
    (unheeded::misspelled, &[]),
];

/// What says who is asked to approve, and who can.
const APPROVALS: [&str; 12] = [
    "environments",
    "components",
    "packages",
    "people",
    "identity",
    "roles",
    "delegation",
    "raci",
    "risk",
    "routes",
    "rigor",
    "separation",
];

/// Complains about everything that can be proven by what is sound, and says whether that was all.
pub(super) fn check(rules: &Rules, broken: &Broken, places: &mut Places<'_>) -> bool {
    let (sound, left): (Vec<_>, Vec<_>) = PROOFS.iter().partition(|(_, sections)| broken.spares(sections));
    for (proof, _) in sound {
        proof(rules, places);
    }
    left.is_empty()
}

/// Environments that look alike are one to people, and to a forge that does not tell capitals apart.
fn environments(rules: &Rules, places: &mut Places<'_>) {
    let shapes: Vec<String> = rules.environments.iter().map(|it| skeleton(&it.name)).collect();
    for (at, (environment, shape)) in rules.environments.iter().zip(&shapes).enumerate() {
        let mut earlier = rules.environments.iter().zip(&shapes).take(at);
        let Some((like, _)) = earlier.find(|(_, known)| *known == shape) else { continue };
        let message = format!(
            "`{}` looks like `{}`, and what protects the one does not protect the other; leave one of them out, or give it another name",
            environment.name, like.name
        );
        let name = environment.name.as_str();
        places.about(Code::Contradiction, "environments", name, &environment.stated, message);
    }
}

/// What is left to be done is a team's, where the component says of which it is.
fn teams(rules: &Rules, places: &mut Places<'_>) {
    if rules.pir.is_none() && rules.routes.iter().all(|route| route.then.is_empty()) {
        return;
    }
    for component in rules.components.iter().filter(|component| component.team.is_none()) {
        let message = format!(
            "`{}` is of no `team`, so what its releases leave to be done holds no other component; say whose it is",
            component.name
        );
        places.complain(Code::Overlooked, &["components", &component.name], message);
    }
}

/// Every class needs a route wherever people approve.
fn routes(rules: &Rules, places: &mut Places<'_>) {
    let formal = rules.environments.iter().find(|rule| !matches!(rule.approval, Approval::Automatic));
    let Some(environment) = formal.filter(|_| places.states("routes")) else { return };
    let has = |name: &str| rules.routes.iter().any(|route| route.name == name && route.when.is_none());
    let others = rules.routes.iter().any(|route| route.when.is_some() && !route.to_last_good);
    for (class, there) in
        [("normal", true), ("emergency", rules.emergency.is_some()), ("standard", rules.standard.is_some())]
    {
        if there && !has(class) {
            let name = &environment.name;
            let message = if others {
                format!(
                    "a release of class {class} into `{name}` that no `when` fits has no route, and holds for ever; add the route `{class}`"
                )
            } else {
                format!(
                    "no release of class {class} has a route into `{name}`, so it holds for ever; add the route `{class}`"
                )
            };
            places.complain(Code::Overlooked, &["routes"], message);
        }
    }
    for route in &rules.routes {
        let class = matches!(route.name.as_str(), "normal" | "emergency" | "standard");
        if route.when.is_none() && !class {
            let message = format!(
                "no release takes `{}`: without `when`, a route is that of the class of its name, `normal`, `standard` or `emergency`",
                route.name
            );
            places.about(Code::NoEffect, "routes", &route.name, &route.stated, message);
        }
    }
    // What went under a break-glass grant is an emergency as well, whatever makes one otherwise.
    let emergencies = rules.emergency.is_some() || rules.break_glass.is_some();
    for (class, there) in [("emergency", emergencies), ("standard", rules.standard.is_some())] {
        if let Some(route) = rules.routes.iter().find(|route| route.name == class && route.when.is_none() && !there) {
            let message = format!("no release takes `{class}`: nothing under `classes` makes one of that class");
            places.about(Code::NoEffect, "routes", class, &route.stated, message);
        }
    }
}

/// Sections that only `decide` judges by, but which a policy for gates alone may have: a gate names who verifies it.
const BESIDE: [&str; 3] = ["roles", "people", "identity"];

/// People approve where a release gets to, and nowhere else.
fn nowhere(rules: &Rules, places: &mut Places<'_>) {
    let formal = rules.environments.iter().find(|rule| !matches!(rule.approval, Approval::Automatic));
    let Some(environment) = formal else {
        if let Some(route) = rules.routes.iter().find(|route| !route.automatic && !route.approvals.is_empty()) {
            let message = format!(
                "`{}` asks for approvals, and every environment is `automatic`, so nobody is ever asked; write `approval: formal` where people decide",
                route.name
            );
            places.complain(Code::NoEffect, &["routes", &route.name, "approvals"], message);
        }
        return;
    };
    // A layer that says it is an outer one may leave the routes to those inside it.
    let complete = places.names.last().is_some_and(|name| name == "repository");
    let beyond = |key: &str| !JUDGED.contains(&key) && !BESIDE.contains(&key);
    let decided = places.trees.iter().flat_map(Node::entries).any(|(key, _)| beyond(&key.name));
    if complete && decided && !places.states("routes") {
        let name = &environment.name;
        let message =
            format!("no route leads to `{name}`: `countersign decide` holds every release there; add `routes`");
        places.complain(Code::Overlooked, &["environments", name], message);
    }
}

/// The role by which the members of the change advisory board are told.
pub(super) const BOARD: &str = "cab";

/// A board that is asked has members and meetings.
fn board(rules: &Rules, places: &mut Places<'_>) {
    let past = |route: &&Route| route.is_pre_authorised();
    let mut asking = rules.routes.iter().filter(|route| route.cab.is_some());
    for route in asking.clone().filter(past) {
        let message = "the CAB is never asked about an emergency or a way back; leave `cab` out, or let it review afterwards with `then`";
        places.complain(Code::NoEffect, &["routes", &route.name, "cab"], message.to_owned());
    }
    // What goes on by itself asks nobody.
    let formal = rules.environments.iter().any(|rule| !matches!(rule.approval, Approval::Automatic));
    let Some(route) = asking.find(|route| formal && !route.automatic && !past(route)) else { return };
    let asked = ["routes", route.name.as_str(), "cab"];
    if rules.calendar.cab.is_none() {
        let message = format!(
            "`{}` asks the CAB, which never meets, so every such release is held; say under `calendar.cab` when it meets",
            route.name
        );
        places.complain(Code::Unsatisfiable, &asked, message);
    }
    if !rules.roles.iter().any(|role| role.name == BOARD) {
        let at = if rules.calendar.cab.is_some() { &["calendar", "cab"][..] } else { &asked };
        let message = format!("the CAB has no members; define the role `{BOARD}`");
        places.complain(Code::Unsatisfiable, at, message);
    }
}

/// Hours that stop everything, or nothing.
fn hours(rules: &Rules, places: &mut Places<'_>) {
    let calendar = &rules.calendar;
    let whole = |day: &Vec<(u32, u32)>| matches!(day.as_slice(), [(0, to)] if *to >= 1440);
    for closed in calendar.closed.iter().filter(|closed| !closed.hours.holidays && closed.hours.week.iter().all(whole))
    {
        let message = format!(
            "`{}` is every hour of the week, so no release that it stops ever goes; write the hours at which nothing goes",
            closed.name
        );
        places.complain(Code::Overlooked, &["calendar", "closed", &closed.name, "hours"], message);
    }
    let states =
        |key: &str| places.trees.iter().any(|tree| tree.get("calendar").is_some_and(|it| it.get(key).is_some()));
    let (business, zone) = (states("business_hours"), states("timezone"));
    if business && !zone {
        let message = "the calendar names no `timezone`, so these hours are counted in UTC; write `timezone: UTC` if that is meant";
        places.complain(Code::Overlooked, &["calendar", "business_hours"], message.to_owned());
    }
    if !business || !calendar.closed.is_empty() {
        return;
    }
    for route in rules.routes.iter().map(|route| route.name.as_str()) {
        let says = |tree: &Node| tree.get("routes")?.get(route)?.get("hours")?.text().map(|text| text == "open");
        if places.trees.iter().any(|tree| says(tree) == Some(true)) {
            let message = "`hours: open` stops nothing: `business_hours` close nothing, and no hours are `closed`; name under `calendar.closed` when nothing goes";
            places.complain(Code::NoEffect, &["routes", route, "hours"], message.to_owned());
        }
    }
}

/// Roles without holders.
fn members(rules: &Rules, places: &mut Places<'_>) {
    for role in rules.roles.iter().filter(|role| role.members.is_empty()) {
        let stands_in =
            role.fallback.as_ref().map_or(String::new(), |fallback| format!("; `{fallback}` always stands in"));
        let message = format!("nobody holds `{}`{stands_in}", role.name);
        places.complain(Code::Overlooked, &["roles", &role.name, "members"], message);
    }
}

/// The people that a role's text alone names; `None` where a group may hold more.
fn named<'r>(rules: &'r Rules, role: &str) -> Option<Vec<&'r str>> {
    let role = rules.roles.iter().find(|known| known.name == role)?;
    let one = |member: &'r MemberRef| match member {
        MemberRef::User(name) => Some(name.as_str()),
        MemberRef::Account(account) => {
            let owner = rules
                .people
                .iter()
                .find(|person| person.accounts.iter().any(|known| known.eq_ignore_ascii_case(account)));
            Some(owner.map_or(account.as_str(), |person| person.name.as_str()))
        }
        MemberRef::Group(_) => None,
    };
    let mut people = role.members.iter().map(one).collect::<Option<Vec<_>>>()?;
    people.sort_unstable();
    people.dedup();
    Some(people)
}

/// Whether two words for people mean one: `user:dana` is `github:dana` there and `gitlab:dana` on the other forge.
fn one_account(a: &str, b: &str) -> bool {
    match (a.split_once(':'), b.split_once(':')) {
        (Some((_, login)), None) => login.eq_ignore_ascii_case(b),
        (None, Some((_, login))) => login.eq_ignore_ascii_case(a),
        (Some(_), Some(_)) | (None, None) => a.eq_ignore_ascii_case(b),
    }
}

/// Who carries a release out is never accountable for it.
fn accountable(rules: &Rules, places: &mut Places<'_>) {
    for row in &rules.raci {
        // Facts say who is in a role's groups, and not who is in a team.
        let unknown = |name: &&String| !name.starts_with("user:") && rules.roles.iter().all(|role| role.name != **name);
        for name in row.responsible.iter().filter(unknown) {
            let layer = places.names.iter().position(|layer| *layer == row.stated.layer).unwrap_or_default();
            let message = format!(
                "`{name}` is no role, so it is not known who carries the release out, and nobody is kept from being accountable for it; say under `roles` who `{name}` is, or name a person with `user:`"
            );
            let span = places.trees.get(layer).and_then(|tree| row_span(tree, row.stated.line, "responsible"));
            places.push(layer, Diagnostic::new(Code::Overlooked, span.unwrap_or_default(), message));
        }
        let Some(role) = &row.accountable else { continue };
        let holders = named(rules, role).unwrap_or_default();
        let empties = row.responsible.iter().find(|responsible| {
            let carries = named(rules, responsible);
            let who = carries.unwrap_or_else(|| vec![responsible.strip_prefix("user:").unwrap_or(responsible)]);
            let among = |holder: &&str| who.iter().any(|one| one_account(one, holder));
            *responsible == role || (!holders.is_empty() && holders.iter().all(among))
        });
        if let Some(responsible) = empties {
            let layer = places.names.iter().position(|layer| *layer == row.stated.layer).unwrap_or_default();
            let message = format!(
                "`{responsible}` carries the release out, and is all that `{role}` has; who carries it out is never accountable for it"
            );
            let span = places.trees.get(layer).and_then(|tree| row_span(tree, row.stated.line, "accountable"));
            places.push(layer, Diagnostic::new(Code::Unsatisfiable, span.unwrap_or_default(), message));
        }
    }
}

/// The place of a key in the row at a line.
fn row_span(tree: &Node, line: usize, key: &str) -> Option<Span> {
    let super::tree::Value::List(rows) = &tree.get("raci")?.value else { return None };
    rows.iter().find(|row| row.span.line == line)?.get(key).map(|node| node.span)
}

/// Facts that nothing would ever state.
fn emergencies(rules: &Rules, places: &mut Places<'_>) {
    let confirmed = rules.incidents.as_ref().is_some_and(|incidents| incidents.confirmed_by.is_some());
    let speaks = |expression: Option<&super::expression::Expression>, name: &str| {
        expression.is_some_and(|expression| expression.predicates().iter().any(|(predicate, _)| *predicate == name))
    };
    let when = rules.emergency.as_ref().and_then(|class| class.when.as_ref());
    if speaks(when, "release.fixes") && !confirmed {
        let message =
            "`release.fixes` is never true: no role confirms a fix; say which with `incidents.confirmed_by`".to_owned();
        places.complain(Code::Overlooked, &["classes", "emergency", "when"], message);
    }
    let unless = rules.incidents.as_ref().and_then(|incidents| incidents.unless.as_ref());
    if speaks(unless, "release.fixes") && !confirmed {
        let message = "`release.fixes` is never true: no role confirms a fix; say which with `confirmed_by`".to_owned();
        places.complain(Code::Overlooked, &["incidents", "unless"], message);
    }
    let severity = when.is_some_and(|when| when.names().iter().any(|name| name.starts_with("incident.")));
    if severity && rules.incidents.is_none() {
        let message = "there are no `incidents`, so no incident makes an emergency; say where they are".to_owned();
        places.complain(Code::Overlooked, &["classes", "emergency", "when"], message);
    }
}

/// An experiment never touches what is critical.
fn experiments(rules: &Rules, places: &mut Places<'_>) {
    for experiment in &rules.experiments {
        let critical = rules.components.iter().find(|component| {
            component.tier.as_deref() == Some("critical")
                && super::evaluate::condition(
                    &experiment.on.term,
                    &super::coherence::Attributes::of_component(component),
                ) == super::evaluate::Truth::True
        });
        if let Some(component) = critical {
            let message =
                format!("`{}` is critical, and no experiment lightens the way of a critical component", component.name);
            places.complain(Code::Contradiction, &["experiments", &experiment.name, "on"], message);
        }
    }
}

/// A freeze lets classes and routes go, by their names.
fn freezes(rules: &Rules, places: &mut Places<'_>) {
    let mut known = vec!["emergency", "standard", "normal", "recovery"];
    known.extend(rules.routes.iter().map(|route| route.name.as_str()));
    for freeze in &rules.calendar.freezes {
        for name in freeze.except.iter().filter(|name| !known.contains(&name.as_str())) {
            let hint = super::expression::nearest(name, &known)
                .map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            let message = format!("`{}` excepts `{name}`, which is no class and no route{hint}", freeze.name);
            places.word(Code::UnknownName, &["calendar", "freeze", &freeze.name, "except"], name, message);
        }
    }
}

/// A grant that never finds its signers.
fn glass(rules: &Rules, places: &mut Places<'_>) {
    let Some(rule) = &rules.break_glass else { return };
    let mut people = Vec::new();
    for role in &rule.grant_by {
        let Some(named) = named(rules, role) else { return };
        people.extend(named);
    }
    people.sort_unstable();
    people.dedup();
    if people.len() < rule.people as usize && !rule.grant_by.is_empty() {
        let message = format!(
            "{} different people grant it, and {} {} named",
            rule.people,
            people.len(),
            if people.len() == 1 { "is" } else { "are" }
        );
        places.complain(Code::Unsatisfiable, &["break_glass", "people"], message);
    }
}

/// Approvals that nobody can give, whatever the groups hold.
fn approvals(rules: &Rules, places: &mut Places<'_>) {
    let always = satisfiable::by_text(rules, Strictness::Always);
    let at_most = satisfiable::by_text(rules, Strictness::AtMost);
    let mut seen: Vec<(String, String)> = Vec::new();
    for (code, when, found) in [
        (Code::Unsatisfiable, "", always),
        (Code::Overlooked, " where every condition holds that asks for more", at_most),
    ] {
        for finding in found {
            let key = (finding.route.clone(), finding.target.clone());
            if seen.contains(&key) {
                continue;
            }
            seen.push(key);
            let of = if finding.target.is_empty() { String::new() } else { format!(" of `{}`", finding.target) };
            let message = format!("no release{of} can be approved by `{}`{when}: {}", finding.route, finding.says);
            places.about(code, "routes", &finding.route, &finding.stated, message);
        }
    }
}

/// Routes that one release can take together, and that ask the same role in no common place.
fn excluding(rules: &Rules, places: &mut Places<'_>) {
    if rules.components.len() < 2 {
        return;
    }
    let asks: Vec<&Route> = rules.routes.iter().filter(|route| !route.automatic && !route.to_last_good).collect();
    for (at, one) in asks.iter().enumerate() {
        for other in asks.iter().skip(at + 1).filter(|other| together(one, other)) {
            if accepts(one).iter().any(|place| accepts(other).contains(place)) {
                continue;
            }
            let theirs = asked(rules, other);
            let Some(role) = asked(rules, one).into_iter().find(|role| theirs.contains(role)) else { continue };
            let message = format!(
                "a release that takes both `{}` and `{}` has no approval from `{role}` that counts: no place is in `counts_from` of both",
                one.name, other.name
            );
            places.about(Code::Overlooked, "routes", &other.name, &other.stated, message);
        }
    }
}

/// Whether two routes can be for different components of one release: what is asked of the release alone is the same for
/// all of them.
fn together(one: &Route, other: &Route) -> bool {
    let by_component = |route: &Route| {
        let about = |name: &&str| name.starts_with("component.") || name.starts_with("team.");
        route.when.as_ref().is_some_and(|when| when.names().iter().any(about))
    };
    by_component(one) || by_component(other)
}

/// The roles that a route asks for certain.
fn asked<'r>(rules: &'r Rules, route: &'r Route) -> Vec<&'r str> {
    let mut accountable: Vec<&str> = rules.raci.iter().filter_map(|row| row.accountable.as_deref()).collect();
    accountable.sort_unstable();
    accountable.dedup();
    let named = route.approvals.iter().filter_map(|(role, _)| match (role.as_str(), accountable.as_slice()) {
        // Which of several is accountable hangs on the component.
        ("accountable", [only]) => Some(*only),
        ("accountable", _) => None,
        (other, _) => Some(other),
    });
    named.collect()
}

/// Where a route accepts approvals: everywhere but in reviews of a change, unless it says otherwise.
fn accepts(route: &Route) -> Vec<Via> {
    if !route.counts_from.is_empty() {
        return route.counts_from.clone();
    }
    vec![Via::Environment, Via::Command, Via::Page, Via::Chat, Via::ChangeRecord, Via::Console]
}
