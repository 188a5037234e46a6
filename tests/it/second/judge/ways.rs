//! Which way each component takes, and how much rigor adds to it.

use countersign::model::facts::{
    Account, AccountKind, Change, Deed, Deployment, Fact, Merge, Outcome, Released, TeamHistory,
};
use countersign::model::release_decision::Class;

use super::kinds::{Asked, Kind, Leg, Team, Tri};
use super::needs::same_all;
use super::who::View;
use crate::second::shape::{ApprovalShape, ComponentShape, Cond, HERE, RouteShape, StepShape};

impl<'w> View<'w> {
    /// Whether what goes is the last good content of every component.
    pub fn goes_back(&self) -> Tri {
        let deployments: &[Deployment] = match &self.facts.deployments {
            Fact::Known(deployments) => deployments,
            Fact::Absent => &[],
            Fact::Unavailable(_) => return Tri::Unknown,
        };
        if self.shape.components.is_empty() {
            return self.back_of(None, deployments).unwrap_or(Tri::No);
        }
        let components = self.components();
        if components.is_empty() {
            return Tri::No;
        }
        let ways: Vec<Tri> = components.iter().filter_map(|it| self.back_of(Some(it.name), deployments)).collect();
        // Where everything is what runs now nothing goes back.
        if ways.is_empty() { Tri::No } else { ways.into_iter().fold(Tri::Yes, Tri::and) }
    }

    /// The same of one component; of the commit where the policy has none. `None`: it is what runs now by a decision.
    fn back_of(&self, name: Option<&str>, deployments: &[Deployment]) -> Option<Tri> {
        let mut list: Vec<&Deployment> = deployments
            .iter()
            .filter(|it| it.environment == HERE)
            .filter(|it| name.is_none_or(|name| it.components.contains_key(name)))
            .collect();
        // What was built anew from the same content is something else. That of a content without a digest, nobody knows.
        let state = |one: &Released, other: &Released| {
            let known = one.content.known().is_some() && other.content.known().is_some();
            if known { same_all(one, other) } else { Tri::Unknown }
        };
        let alike = |one: &Deployment, other: &Deployment| match name {
            Some(name) => state(&one.components[name], &other.components[name]),
            None => Tri::from(one.commit == other.commit),
        };
        let ours = |it: &Deployment| match name {
            Some(name) => match self.facts.release.components.get(name) {
                Some(goes) => state(&it.components[name], goes),
                None => Tri::Unknown,
            },
            None => Tri::from(it.commit == self.facts.release.commit),
        };
        // The newest first. Two of one instant and one name stand in no order: the one of which less is known counts
        // first, then the one that was of what goes.
        let vague = |it: &Deployment| {
            let unread = ours(it) == Tri::Unknown || it.outcome.unavailable().is_some();
            let by_none = it.approved != Fact::Known(true);
            (unread, it.approved.unavailable().is_some(), by_none, ours(it) == Tri::Yes)
        };
        let rank = |it: &Deployment| (it.opened_at, it.release.clone(), vague(it));
        list.sort_by(|one, other| {
            rank(other).cmp(&rank(one)).then_with(|| format!("{one:?}").cmp(&format!("{other:?}")))
        });
        let goes = name.is_none_or(|name| {
            self.facts
                .release
                .components
                .get(name)
                .is_some_and(|goes| goes.content.known().is_some() && goes.artifacts.unavailable().is_none())
        });
        if !goes {
            return Some(Tri::Unknown);
        }
        let mut rest = list.into_iter();
        let current = loop {
            let Some(it) = rest.next() else { return Some(Tri::No) };
            if it.outcome == Fact::Known(Outcome::Cancelled) {
                continue;
            }
            match (ours(it), &it.outcome) {
                (Tri::Unknown, _) | (Tri::No | Tri::Yes, Fact::Unavailable(_)) => {
                    return Some(Tri::Unknown);
                }
                (Tri::Yes, Fact::Known(Outcome::Succeeded)) => {
                    return match it.approved {
                        Fact::Known(true) => None,
                        Fact::Known(false) | Fact::Absent => Some(Tri::No),
                        Fact::Unavailable(_) => Some(Tri::Unknown),
                    };
                }
                (Tri::Yes, _) => {}
                (Tri::No, _) => break it,
            }
        };
        if current.opened_at > self.facts.release.submitted_at {
            return Some(Tri::No);
        }
        for earlier in rest {
            // What cannot be compared on the way may be what was good last.
            let untold = alike(earlier, current) == Tri::Unknown || ours(earlier) == Tri::Unknown;
            if earlier.outcome != Fact::Known(Outcome::Cancelled) && untold {
                return Some(Tri::Unknown);
            }
            match &earlier.outcome {
                Fact::Known(Outcome::Succeeded) => {}
                Fact::Unavailable(_) => return Some(Tri::Unknown),
                _ => continue,
            }
            match (alike(earlier, current), &earlier.approved) {
                (Tri::Yes, _) | (Tri::No, Fact::Known(false) | Fact::Absent) => {}
                (Tri::Unknown, _) | (Tri::No, Fact::Unavailable(_)) => return Some(Tri::Unknown),
                (Tri::No, Fact::Known(true)) => return Some(ours(earlier)),
            }
        }
        Some(Tri::No)
    }

    pub fn legs(&self, kind: &Kind) -> Vec<Leg<'w>> {
        let components: Vec<Option<&'w ComponentShape>> = if self.shape.components.is_empty() {
            vec![None]
        } else {
            self.components().into_iter().map(Some).collect()
        };
        let mut legs: Vec<Leg<'w>> = components.into_iter().map(|component| self.leg(component, kind)).collect();
        self.ask_about_the_rest(&mut legs, kind);
        if self.goes_on_trial(&legs, kind) {
            for leg in &mut legs {
                leg.formal = false;
            }
        }
        // What somebody rejects whom the people's way would hear takes that way, each component for itself.
        for leg in legs.iter_mut().filter(|leg| !leg.formal && !leg.route.is_some_and(|route| route.last_good)) {
            let route = leg.route.and_then(|it| if it.automatic { self.named_route("normal") } else { Some(it) });
            let usual = Leg { component: leg.component, route, formal: true, rigor: leg.rigor };
            if self.somebody_rejects(std::slice::from_ref(&usual), kind) {
                *leg = usual;
            }
        }
        legs
    }

    /// The ways that people would be asked about where it is not known which one it goes, or it has none.
    pub fn perhaps(&self, leg: &Leg<'w>, kind: &Kind) -> Vec<Leg<'w>> {
        let asked = Asked { component: leg.component, class: Some(kind.class), ..Asked::default() };
        let name = match kind.class {
            Class::Standard => "standard",
            Class::Normal => "normal",
            Class::Emergency => "emergency",
        };
        let mut ways = Vec::new();
        for route in &self.shape.routes {
            let perhaps = match &route.when {
                Some(when) => !route.last_good && self.ask(when, asked, Some(kind)) != Tri::No,
                None => route.name == name,
            };
            let people = if route.automatic { self.named_route("normal") } else { Some(route) };
            if perhaps && people.is_some() {
                ways.push(Leg { component: leg.component, route: people, formal: true, rigor: leg.rigor });
            }
        }
        ways
    }

    /// What belongs to no component goes along by itself only where it would go so alone: else people are asked about a
    /// change with such a file, unless one of its components asks them anyhow.
    fn ask_about_the_rest(&self, legs: &mut [Leg<'w>], kind: &Kind) {
        if self.by_itself(kind) || self.route(None, kind).is_some_and(|route| route.automatic) {
            return;
        }
        let before = legs.to_vec();
        for change in self.astray().into_iter().map(|at| &self.changes()[at]) {
            let about = |leg: &Leg<'_>| self.is_about(change, leg.component);
            let asks = |leg: &Leg<'_>| about(leg) && (leg.formal || leg.route.is_some_and(|route| route.last_good));
            if before.iter().any(asks) {
                continue;
            }
            for leg in legs.iter_mut().filter(|leg| about(leg)) {
                leg.formal = true;
                leg.route = leg.route.and_then(|it| if it.automatic { self.named_route("normal") } else { Some(it) });
            }
        }
    }

    /// Whether a change is about a component: it touches it, or none at all.
    fn is_about(&self, change: &Change, component: Option<&ComponentShape>) -> bool {
        component.is_none_or(|component| View::touches(change, component))
            || !self.shape.components.iter().any(|other| View::touches(change, other))
    }

    /// Whether the environment lets it go by itself.
    fn by_itself(&self, kind: &Kind) -> bool {
        match self.shape.approval {
            ApprovalShape::Automatic => true,
            ApprovalShape::Formal => false,
            ApprovalShape::DocsAutomatic => {
                let asked = Asked { class: Some(kind.class), ..Asked::default() };
                self.relaxes_all(&Cond::Only("docs/**"), asked, Some(kind))
            }
        }
    }

    fn named_route(&self, name: &str) -> Option<&'w RouteShape> {
        self.shape.routes.iter().find(|route| route.name == name && route.when.is_none())
    }

    fn route(&self, component: Option<&ComponentShape>, kind: &Kind) -> Option<&'w RouteShape> {
        let asked = Asked { component, class: Some(kind.class), ..Asked::default() };
        let answers: Vec<(&'w RouteShape, Tri)> = self
            .shape
            .routes
            .iter()
            .filter_map(|route| Some((route, self.ask(route.when.as_ref()?, asked, Some(kind)))))
            .collect();
        if let Some((route, _)) = answers.iter().find(|(route, answer)| route.last_good && *answer == Tri::Yes) {
            return Some(route);
        }
        let others: Vec<_> = answers.into_iter().filter(|(route, _)| !route.last_good).collect();
        if others.iter().any(|(_, answer)| *answer == Tri::Unknown) {
            return None;
        }
        let fit: Vec<_> = others.into_iter().filter(|(_, answer)| *answer == Tri::Yes).collect();
        match fit.as_slice() {
            [(route, _)] => Some(route),
            [] => self.named_route(match kind.class {
                Class::Standard => "standard",
                Class::Normal => "normal",
                Class::Emergency => "emergency",
            }),
            _ => None,
        }
    }

    fn leg(&self, component: Option<&'w ComponentShape>, kind: &Kind) -> Leg<'w> {
        let route = self.route(component, kind);
        let by_itself = self.by_itself(kind);
        let Some(route) = route else {
            return Leg { component, route: None, formal: !by_itself, rigor: 0 };
        };
        if self.shape.approval == ApprovalShape::Automatic {
            return Leg { component, route: Some(route), formal: false, rigor: 0 };
        }
        let rigor = self.rigor(component, route, kind);
        let mut formal = !by_itself && !route.automatic;
        let mut route = route;
        if !formal && (rigor > 0 || !route.last_good && self.bots_alone(component)) {
            formal = true;
            if route.automatic
                && let Some(normal) = self.named_route("normal")
            {
                route = normal;
            }
        }
        Leg { component, route: Some(route), formal, rigor }
    }

    /// Whether a change of a component, or of none, is a bot's alone, and no human being approved it.
    fn bots_alone(&self, component: Option<&ComponentShape>) -> bool {
        let unread = self.facts.release.changes.unavailable().is_some();
        unread
            || self.changes().iter().enumerate().any(|(at, change)| {
                self.is_about(change, component) && self.by_bots(change) && !self.human_approved(at, change)
            })
    }

    /// Whether no human being is known to have written any of a change.
    fn by_bots(&self, change: &Change) -> bool {
        let human = |account: &countersign::model::facts::Account| {
            self.facts
                .accounts
                .get(account.as_str())
                .is_some_and(|known| known.kind == Fact::Known(AccountKind::Person))
        };
        match &change.commits {
            Fact::Absent | Fact::Unavailable(_) => true,
            Fact::Known(commits) => !commits.iter().any(|commit| {
                commit.author.known().is_some_and(human) || commit.on_behalf_of.entries().iter().any(human)
            }),
        }
    }

    /// Whether somebody with a role who did not contribute to a change approved it.
    pub fn human_approved(&self, at: usize, change: &Change) -> bool {
        self.acts.iter().any(|act| self.approves_change(act, at, change).is_some()) && !self.perhaps_anybodys(change)
    }

    /// Whether not everybody is known who had a hand in a change, and so not who had none.
    fn perhaps_anybodys(&self, change: &Change) -> bool {
        let unlinked = |account: &Account| {
            let kind = self.facts.accounts.get(account.as_str()).and_then(|it| it.kind.known());
            kind.is_none_or(|kind| *kind == AccountKind::Person) && self.link_unknown(account.as_str())
        };
        let starter = self.excludes("trigger") || self.shape.per_change;
        let trigger = &self.facts.release.trigger;
        if starter && (trigger.unavailable().is_some() || trigger.known().is_some_and(unlinked)) {
            return true;
        }
        let commits = change.commits.entries();
        commits.is_empty()
            || commits.iter().any(|commit| {
                let clean = commit.merge == Fact::Known(Merge::Clean);
                let single = [
                    (self.excludes("author") && !clean, &commit.author),
                    (self.excludes("committer") && !clean, &commit.committer),
                    (self.excludes("pusher"), &commit.pushed_by),
                ];
                let several =
                    [(self.excludes("co_author"), &commit.co_authors), (self.excludes("author"), &commit.on_behalf_of)];
                let forges = self.excludes("author")
                    && !clean
                    && commit.author.known().is_some_and(|author| {
                        let kind = self.facts.accounts.get(author.as_str()).and_then(|it| it.kind.known());
                        kind == Some(&AccountKind::Forge)
                    });
                let untyped =
                    self.excludes("author") && !clean && commit.author.known().is_some_and(|it| self.untyped(it));
                let nobodys = forges || single.iter().any(|(asked, who)| *asked && **who == Fact::Absent);
                let answered = || {
                    let vouches = |deed: &Deed| matches!(deed, Deed::Vouch { commit: of } if *of == commit.sha);
                    self.authorities_who(vouches) >= 2
                };
                nobodys && !answered()
                    || untyped
                    || single.iter().any(|(asked, who)| {
                        *asked && (who.unavailable().is_some() || who.known().is_some_and(unlinked))
                    })
                    || several.iter().any(|(asked, who)| {
                        *asked && (who.unavailable().is_some() || who.entries().iter().any(unlinked))
                    })
            })
    }

    fn rigor(&self, component: Option<&ComponentShape>, route: &RouteShape, kind: &Kind) -> u32 {
        let (max, listed, steps) = match &self.shape.rigor {
            Some((max, listed, steps)) => (*max, listed.as_slice(), steps.as_slice()),
            None => (u32::MAX, &[] as &[&str], &[] as &[StepShape]),
        };
        let listed = if listed.is_empty() {
            let the_emergency = route.name == "emergency" && route.when.is_none();
            !route.last_good && !the_emergency
        } else {
            listed.contains(&route.name)
        };
        if !listed {
            return 0;
        }
        let asked = Asked { component, class: Some(kind.class), ..Asked::default() };
        let mut number = u32::from(self.in_peak());
        for step in steps {
            let begun = self.ask(&step.when, asked, Some(kind));
            let needed = step.sample.max(usize::from(begun == Tri::Unknown && of_team(&step.when)));
            let on = match self.history(component) {
                Team::Known(history) => {
                    let on = match begun {
                        Tri::No => step.until.as_ref().is_some_and(|until| {
                            self.ask(until, asked, Some(kind)) != Tri::Yes && self.was_on(step, until, history)
                        }),
                        _ => true,
                    };
                    on && Self::recent(history, self.now).count() >= needed
                }
                _ => begun != Tri::No,
            };
            number += u32::from(on);
        }
        number.min(max)
    }

    /// Whether a step that neither begins nor ends now began last, by everything that a team did.
    fn was_on(&self, step: &StepShape, until: &Cond, history: &'w TeamHistory) -> bool {
        let (Cond::FailureRateOver(over), Cond::FailureRateUnder(under)) = (&step.when, until) else { return false };
        let mut instants: Vec<i64> = Vec::new();
        for it in &history.deployments {
            instants.extend([it.at.timestamp(), it.at.timestamp() + 90 * 86_400]);
            instants.extend(it.detected_at.known().map(chrono::DateTime::timestamp));
            instants.extend(
                it.incidents.entries().iter().filter_map(|of| of.began_at.known()).map(chrono::DateTime::timestamp),
            );
            instants.extend(it.restored_at.known().map(chrono::DateTime::timestamp));
        }
        instants.retain(|at| *at <= self.now);
        instants.sort_unstable();
        for at in instants.into_iter().rev() {
            if Self::recent(history, at).count() < step.sample {
                continue;
            }
            let Some(rate) = self.rate_of(history, at) else { continue };
            if rate > f64::from(*over) / 100.0 {
                return true;
            }
            if rate < f64::from(*under) / 100.0 {
                return false;
            }
        }
        false
    }
}

/// Whether something is so, as far as anybody knows that it is not.
pub fn maybe(fact: &Fact<bool>) -> bool {
    !matches!(fact, Fact::Known(false) | Fact::Absent)
}

/// Whether a condition speaks of a team alone.
pub fn of_team(cond: &Cond) -> bool {
    match cond {
        Cond::Both(one, other) | Cond::Either(one, other) => of_team(one) && of_team(other),
        Cond::Not(of) => of_team(of),
        Cond::FailureRateOver(_) | Cond::FailureRateUnder(_) | Cond::EmergenciesFrom(_) | Cond::MttrOverHours(_) => {
            true
        }
        _ => false,
    }
}
