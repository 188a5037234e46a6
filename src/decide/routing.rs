//! Routing: what each component's way asks. Exactly one route is for it, or the release holds and says why.
//!
//! A route whose condition cannot be told holds, unless it goes back: that one is only taken where it surely leads to the
//! last good content. Then come the things that take the automatic path away: rigor, and what a bot wrote.

use super::approvals::{self, reviewed};
use super::known::{self, Known};
use super::path::{Leg, Path, Triage};
use super::recovery::{self, LastGood};
use super::scene::Scene;
use super::{experiments, place, rigor, words};
use crate::model::facts::{Account, AccountKind, Change, Fact};
use crate::model::ground::Ground;
use crate::model::release_decision::{Class, Node, Status};
use crate::policy::evaluate::Truth;
use crate::policy::rules::{Approval, Component, Route};

/// Chooses the way of every component.
#[must_use]
pub fn choose<'s>(scene: &Scene<'s>, triage: &Triage) -> Path<'s> {
    let components = components(scene);
    let by_itself = place::automatic(scene);
    let may = by_itself || automatic_here(scene, triage);
    let mut told: Vec<Node> = untold_here(scene, triage).into_iter().collect();
    let mut legs: Vec<Leg<'s>> = Vec::with_capacity(components.len());
    for component in components {
        let route = match pick(scene, triage, component) {
            Ok(route) => Some(route),
            Err(mut node) => {
                if by_itself {
                    // Nobody is asked here, so nothing hangs on the route.
                    node.status = Status::Note;
                }
                push(&mut told, *node);
                None
            }
        };
        let mut leg = Leg { component, route, formal: !may && !route.is_some_and(|route| route.automatic), rigor: 0 };
        if !by_itself {
            tighten(scene, triage, &mut leg, &mut told);
        }
        legs.push(leg);
    }
    if !may && scene.goes_astray() {
        ask_for_astray(scene, triage, &mut legs, &mut told);
    }
    if legs.iter().any(|leg| leg.formal) && legs.iter().all(lightens) {
        let usual = Path { legs, nodes: Vec::new() };
        let (lighter, said) = experiments::lighter(scene, triage, &usual);
        told.extend(said);
        legs = usual.legs;
        if lighter {
            for leg in &mut legs {
                leg.formal = false;
            }
        }
    }
    ask_about_rejected(scene, triage, &mut legs, &mut told);
    let mut nodes = routed(scene, &legs);
    nodes.extend(untouched(scene, &legs));
    nodes.append(&mut told);
    Path { legs, nodes }
}

fn push(nodes: &mut Vec<Node>, node: Node) {
    if !nodes.contains(&node) {
        nodes.push(node);
    }
}

/// Whether an experiment may make a way lighter.
fn lightens(leg: &Leg<'_>) -> bool {
    leg.rigor == 0 && leg.route.is_some_and(|route| !route.to_last_good)
}

/// Whether the environment lets this release go by itself, for sure.
fn automatic_here(scene: &Scene<'_>, triage: &Triage) -> bool {
    match scene.environment.map(|environment| &environment.approval) {
        Some(Approval::Automatic) => true,
        Some(Approval::When { condition, automatic_when }) => {
            let answer = known::truth(Some(*automatic_when));
            Known::of(scene, Some(triage)).surely(condition, answer)
        }
        Some(Approval::Formal) | None => false,
    }
}

/// What is said where only what is not known keeps the environment from letting it go by itself.
fn untold_here(scene: &Scene<'_>, triage: &Triage) -> Option<Node> {
    let environment = scene.environment?;
    let Approval::When { condition, automatic_when } = &environment.approval else { return None };
    let answer = known::truth(Some(*automatic_when));
    let undecided = Known::of(scene, Some(triage)).undecided(condition, answer);
    undecided.then(|| known::untold(condition, "people approve", &environment.stated))
}

/// The routes that a release would take as an emergency, whatever they are called: of a component for which that cannot be
/// told, each that may be it.
pub(super) fn of_an_emergency<'s>(scene: &Scene<'s>, triage: &Triage) -> Vec<&'s Route> {
    let as_one = Triage { class: Class::Emergency, ..triage.clone() };
    let mut routes: Vec<&Route> = Vec::new();
    for component in components(scene) {
        let may = |route: &&Route| !route.to_last_good && asks(scene, &as_one, component, route) != Truth::False;
        let found: Vec<&Route> = match forward(scene, &as_one, component) {
            Ok(route) => vec![route],
            Err(_) => scene.rules.routes.iter().filter(may).collect(),
        };
        routes.extend(
            found.into_iter().filter(|route| !routes.iter().any(|known| known.name == route.name)).collect::<Vec<_>>(),
        );
    }
    routes
}

/// The components that go; none in particular where the release is of none.
fn components<'s>(scene: &Scene<'s>) -> Vec<Option<&'s Component>> {
    match scene.components.as_slice() {
        [] => vec![None],
        some => some.iter().copied().map(Some).collect(),
    }
}

/// Whether a route is for a component, by its condition or, without one, by the class that it is called like.
fn asks<'s>(scene: &Scene<'s>, triage: &Triage, component: Option<&'s Component>, route: &Route) -> Truth {
    match &route.when {
        Some(when) => Known::of(scene, Some(triage)).with(component).asks(when),
        None => known::truth(Some(route.name == known::class(triage.class))),
    }
}

/// The one route that is for a component.
fn pick<'s>(scene: &Scene<'s>, triage: &Triage, component: Option<&'s Component>) -> Result<&'s Route, Box<Node>> {
    let of = component.map_or("this release", |component| component.name.as_str());
    let ask = |route: &Route| asks(scene, triage, component, route);
    let back: Vec<&Route> =
        scene.rules.routes.iter().filter(|route| route.to_last_good && ask(route) == Truth::True).collect();
    if let Some(route) = back.first() {
        if back.len() > 1 {
            return Err(several(of, &back));
        }
        let (status, why) = match recovery::last_good(scene, component) {
            LastGood::Is(_) => return Ok(route),
            LastGood::Runs => match recovery::rollback(scene) {
                Some(true) => return Ok(route),
                Some(false) => (Status::Unmet, "it is what runs now".to_owned()),
                None => (Status::Unknown, "it is what runs now, and of the rest it cannot be told".to_owned()),
            },
            LastGood::Not(why) => (Status::Unmet, why),
            LastGood::Unknown(why) => (Status::Unknown, why),
        };
        let says = format!("{of} takes the route `{}`, which leads to the last good content only: {why}", route.name);
        return Err(Box::new(Node::new(Ground::NotLastGood, status, says).stated(&route.stated)));
    }
    forward(scene, triage, component)
}

/// The one route that is for a component which does not go back.
fn forward<'s>(scene: &Scene<'s>, triage: &Triage, component: Option<&'s Component>) -> Result<&'s Route, Box<Node>> {
    let of = component.map_or("this release", |component| component.name.as_str());
    let word = known::class(triage.class);
    let ask = |route: &Route| asks(scene, triage, component, route);
    let (mut fitting, mut unclear): (Vec<&Route>, Vec<&Route>) = (Vec::new(), Vec::new());
    for route in scene.rules.routes.iter().filter(|route| !route.to_last_good && route.when.is_some()) {
        match ask(route) {
            Truth::True => fitting.push(route),
            Truth::False => {}
            Truth::Unknown => unclear.push(route),
        }
    }
    if let Some(route) = unclear.first() {
        let when = route.when.as_ref().map_or("", |when| when.source.as_str());
        let says = format!("whether {of} takes the route `{}` cannot be told: `{when}`", route.name);
        return Err(Box::new(Node::new(Ground::RouteUnknown, Status::Unknown, says).stated(&route.stated)));
    }
    match fitting.as_slice() {
        [route] => Ok(route),
        [] => class_route(scene, word).ok_or_else(|| {
            let says =
                format!("no route is for {of}; say under `routes.{word}` what {} {word} release needs", article(word));
            Box::new(Node::new(Ground::NoRoute, Status::Unmet, says))
        }),
        several_fit => Err(several(of, several_fit)),
    }
}

/// The route that a class has.
fn class_route<'s>(scene: &Scene<'s>, class: &str) -> Option<&'s Route> {
    scene.rules.routes.iter().find(|route| route.name == class && route.when.is_none() && !route.to_last_good)
}

fn article(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}

fn several(of: &str, routes: &[&Route]) -> Box<Node> {
    let names: Vec<String> = routes.iter().map(|route| format!("`{}`", route.name)).collect();
    let says = format!("{} are all for {of}; make their conditions exclude each other", words::all_of(&names));
    let node = Node::new(Ground::SeveralRoutes, Status::Unmet, says);
    Box::new(match routes.first() {
        Some(route) => node.stated(&route.stated),
        None => node,
    })
}

/// Takes the automatic path away where rigor or a bot's work does.
fn tighten<'s>(scene: &Scene<'s>, triage: &Triage, leg: &mut Leg<'s>, notes: &mut Vec<Node>) {
    let Some(route) = leg.route else { return };
    leg.rigor = rigor::of(scene, triage, leg.component, route, notes);
    // What went before and was approved then needs nobody to say again who wrote it.
    if route.to_last_good && leg.rigor == 0 {
        return;
    }
    let bots = if leg.formal || leg.rigor > 0 { Vec::new() } else { unread(scene, leg.component) };
    for change in &bots {
        let says = format!(
            "nobody is known to have written {}; a human being who holds a role has to approve it or the release",
            change.id
        );
        push(notes, Node::new(Ground::BotNeedsHuman, Status::Note, says).evidence([change.id.as_str()]));
    }
    // What could not be read may be a bot's work too.
    let unknown = scene.changes().is_none();
    if unknown && !leg.formal && leg.rigor == 0 {
        let says = "what changes could not be read, and so not whether a human being wrote it; people approve";
        push(notes, Node::new(Ground::BotNeedsHuman, Status::Note, says));
    }
    if !leg.formal && (leg.rigor > 0 || !bots.is_empty() || unknown) {
        ask_people(scene, leg, notes);
    }
}

/// Takes the automatic path away where what belongs to no component would go along with one on it: what nobody would be
/// let go alone is not let go in company. People are asked about a change if a component that it touches asks them.
fn ask_for_astray<'s>(scene: &Scene<'s>, triage: &Triage, legs: &mut [Leg<'s>], notes: &mut Vec<Node>) {
    if pick(scene, triage, None).is_ok_and(|route| route.automatic) {
        return;
    }
    // As they were before any of these changes: whom an earlier one asks is not asked about the next.
    let asked: Vec<bool> =
        legs.iter().map(|leg| leg.formal || leg.route.is_some_and(|route| route.to_last_good)).collect();
    for (at, change) in scene.changes().unwrap_or_default().iter().enumerate() {
        let Some(file) = scene.astray(at) else { continue };
        let concerned = |leg: &Leg<'_>| concerns(scene, leg.component, at);
        if legs.iter().zip(&asked).any(|(leg, asked)| *asked && concerned(leg)) {
            continue;
        }
        let says =
            format!("`{file}` belongs to no component of the policy, and so people approve; add it to one's paths");
        push(notes, Node::new(Ground::NoComponent, Status::Note, says).evidence([change.id.as_str()]));
        legs.iter_mut().filter(|leg| concerned(leg)).for_each(|leg| ask_people(scene, leg, notes));
    }
}

/// Takes the automatic path away from what somebody rejects whom the usual way hears: there it holds, and is lifted, like
/// any other. What goes back goes past it.
fn ask_about_rejected<'s>(scene: &Scene<'s>, triage: &Triage, legs: &mut [Leg<'s>], notes: &mut Vec<Node>) {
    for leg in legs.iter_mut().filter(|leg| !leg.formal && !leg.route.is_some_and(|route| route.to_last_good)) {
        let (mut usual, mut said) = (leg.clone(), Vec::new());
        ask_people(scene, &mut usual, &mut said);
        let path = Path { legs: vec![usual], nodes: Vec::new() };
        let Some(name) = approvals::rejected_by(scene, triage, &path) else { continue };
        let says = format!("{name} rejects it, and so it no longer goes on by itself; people approve");
        push(notes, Node::new(Ground::Routed, Status::Note, says));
        ask_which(scene, triage, leg, notes);
        for node in said {
            push(notes, node);
        }
        if let Some(usual) = path.legs.into_iter().next() {
            *leg = usual;
        }
    }
}

/// What has no route, or none that is known, holds as soon as people are asked: what was a note where nobody is.
fn ask_which<'s>(scene: &Scene<'s>, triage: &Triage, leg: &Leg<'s>, notes: &mut Vec<Node>) {
    if leg.route.is_some() {
        return;
    }
    if let Err(node) = pick(scene, triage, leg.component) {
        notes.retain(|known| known.status != Status::Note || known.says != node.says);
        push(notes, *node);
    }
}

/// The ways on which people would be asked about a component of which it is not known which one it takes, or that has none:
/// one for each route that may be its. Who is heard on any of them is heard.
pub(super) fn perhaps<'s>(scene: &Scene<'s>, triage: &Triage, leg: &Leg<'s>) -> Vec<Leg<'s>> {
    let may = |route: &&Route| !route.to_last_good && asks(scene, triage, leg.component, route) != Truth::False;
    let ways = scene.rules.routes.iter().filter(may).map(|route| {
        let mut usual = Leg { route: Some(route), ..leg.clone() };
        ask_people(scene, &mut usual, &mut Vec::new());
        usual
    });
    ways.filter(|usual| usual.route.is_some()).collect()
}

/// Whether a change is one that a component's way is about.
fn concerns(scene: &Scene<'_>, component: Option<&Component>, change: usize) -> bool {
    component.is_none_or(|it| scene.touches(change, it) || scene.touches_none(change))
}

/// People approve what would go on by itself. What a route of its own would let go by itself is asked what a normal
/// release is.
fn ask_people<'s>(scene: &Scene<'s>, leg: &mut Leg<'s>, notes: &mut Vec<Node>) {
    leg.formal = true;
    let Some(route) = leg.route else { return };
    if !route.automatic {
        return;
    }
    leg.route = class_route(scene, "normal");
    let says = match leg.route {
        Some(normal) => format!("`{}` no longer goes on by itself; it takes the route `{}`", route.name, normal.name),
        None => format!("`{}` no longer goes on by itself, and there is no route `normal` for it", route.name),
    };
    let (code, status) = match leg.route {
        Some(_) => (Ground::Routed, Status::Note),
        None => (Ground::NoRoute, Status::Unmet),
    };
    push(notes, Node::new(code, status, says).stated(&route.stated));
}

/// Changes of a component that a bot wrote, or perhaps did, and that no human being approved.
fn unread<'s>(scene: &Scene<'s>, component: Option<&Component>) -> Vec<&'s Change> {
    let Some(changes) = scene.changes() else { return Vec::new() };
    let changes = changes.iter().enumerate().filter(|(at, _)| concerns(scene, component, *at));
    let written = changes.filter(|(_, change)| by_bots(scene, change));
    written.filter(|(at, _)| reviewed::independently(scene, *at).is_none()).map(|(_, change)| change).collect()
}

/// Whether no human being is known to have written any of a change's commits.
fn by_bots(scene: &Scene<'_>, change: &Change) -> bool {
    match &change.commits {
        Fact::Known(commits) => commits.iter().all(|commit| {
            let behalf = match &commit.on_behalf_of {
                Fact::Known(accounts) => accounts.iter().any(|account| human(scene, account)),
                Fact::Absent | Fact::Unavailable(_) => false,
            };
            let author = match &commit.author {
                Fact::Known(author) => human(scene, author),
                Fact::Absent | Fact::Unavailable(_) => false,
            };
            !behalf && !author
        }),
        // Who wrote it is not listed.
        Fact::Absent | Fact::Unavailable(_) => true,
    }
}

/// Whether an account is known to be a human being's.
fn human(scene: &Scene<'_>, account: &Account) -> bool {
    let kind = scene.people.facts(account.as_str()).map(|known| &known.kind);
    matches!(kind, Some(Fact::Known(AccountKind::Person)))
}

/// The ways in words: components that take the same one together.
fn routed(scene: &Scene<'_>, legs: &[Leg<'_>]) -> Vec<Node> {
    let mut said: Vec<(&Route, bool, u32, Vec<&str>)> = Vec::new();
    for leg in legs {
        let Some(route) = leg.route else { continue };
        let name = leg.component.map(|component| component.name.as_str());
        let same = said
            .iter_mut()
            .find(|(known, formal, rigor, _)| known.name == route.name && *formal == leg.formal && *rigor == leg.rigor);
        match same {
            Some((.., names)) => names.extend(name),
            None => said.push((route, leg.formal, leg.rigor, name.into_iter().collect())),
        }
    }
    let node = |(route, formal, rigor, names): (&Route, bool, u32, Vec<&str>)| {
        let of = if names.is_empty() { String::new() } else { [words::all_of(&names).as_str(), ": "].concat() };
        let how = if formal { "people approve".to_owned() } else { by_itself(scene, route) };
        let more = match (formal, rigor) {
            (false, _) | (_, 0) => String::new(),
            (true, 1) => ", with 1 second reviewer".to_owned(),
            (true, rigor) => format!(", with {rigor} second reviewers"),
        };
        let says = [of.as_str(), "the route `", &route.name, "`; ", &how, &more].concat();
        Node::new(Ground::Routed, Status::Met, says).stated(&route.stated)
    };
    said.into_iter().map(node).collect()
}

/// Why it goes on by itself.
fn by_itself(scene: &Scene<'_>, route: &Route) -> String {
    match scene.environment.map(|environment| &environment.approval) {
        Some(Approval::When { condition, automatic_when }) if !route.automatic => {
            let how = if *automatic_when { "holds" } else { "does not hold" };
            format!("it goes on by itself, for `{}` {how}", condition.source)
        }
        _ => "it goes on by itself".to_owned(),
    }
}

/// A release that belongs to no component.
fn untouched(scene: &Scene<'_>, legs: &[Leg<'_>]) -> Option<Node> {
    if !scene.components.is_empty() || scene.rules.components.is_empty() || !scene.unknown_components.is_empty() {
        return None;
    }
    let status = if legs.iter().any(|leg| leg.formal) { Status::Unmet } else { Status::Note };
    let says = "nothing that is released belongs to a component of the policy; add its paths under `components`";
    Some(Node::new(Ground::NoComponent, status, says))
}
