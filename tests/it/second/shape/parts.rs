//! The parts of a policy by chance.

use super::{
    ComponentShape, Cond, EscalationShape, Len, Member, On, PEOPLE, ROLES, RoleShape, RouteShape, Row, Shape,
    StepShape, Week, both, either, not,
};
use crate::second::chance::Chance;

pub(super) fn components(c: &mut Chance) -> Vec<ComponentShape> {
    let mut all = vec![
        ComponentShape {
            name: "pay",
            folder: "pay",
            kind: c.maybe(90, |_| "application"),
            tier: c.maybe(90, |c| c.of(&["critical", "important", "routine"])),
            exposure: c.maybe(90, |c| c.of(&["customer", "internal"])),
            team: c.maybe(85, |_| "reds"),
            vendor: c.maybe(30, |c| c.of(&["stripe", "Twilio"])),
        },
        ComponentShape {
            name: "infra",
            folder: "infra",
            kind: c.maybe(90, |_| "infrastructure"),
            tier: c.maybe(90, |c| c.of(&["critical", "routine"])),
            exposure: c.maybe(60, |_| "internal"),
            team: c.maybe(85, |c| c.of(&["reds", "blues"])),
            vendor: c.maybe(15, |_| "stripe"),
        },
    ];
    all.truncate(c.of(&[0, 1, 1, 2, 2, 2]));
    all
}

pub(super) fn weights(c: &mut Chance) -> Vec<(&'static str, &'static str)> {
    c.some(
        &[
            ("exposure.customer", "20"),
            ("tier.critical", "20"),
            ("kind.infrastructure", "10"),
            ("size.lines", "\"math.least(20, lines / 10)\""),
            ("size.changes", "\"5 * changes\""),
            ("vendor.new", "15"),
            ("team.failure_rate", "\"40 * rate\""),
            ("peak", "10"),
        ],
        50,
    )
}

pub(super) fn people(c: &mut Chance) -> Vec<(&'static str, Vec<&'static str>)> {
    let all = [
        ("ana", vec!["github:ana", "gitlab:ana"]),
        ("bo", vec!["github:bo", "github:bo-2"]),
        ("cy", vec!["github:cy"]),
        ("dee", vec!["github:dee", "gitlab:dee"]),
        ("eve", vec!["gitlab:eve"]),
    ];
    c.some(&all, 45)
}

/// How many of a role's members are named and how many come in its group.
pub(super) fn roles(c: &mut Chance) -> Vec<RoleShape> {
    let mut all = Vec::new();
    for name in ROLES {
        let mut members: Vec<Member> = Vec::new();
        if c.often(60) {
            members.push(Member::Group);
        }
        let named = c.some(&PEOPLE[1..], 35);
        members.extend(named.into_iter().map(Member::User));
        if c.often(8) {
            members.push(Member::Account(c.of(&["github:bo-2", "gitlab:dee", "github:robot"])));
        }
        if members.is_empty() {
            members.push(Member::Group);
        }
        let (fallback, after) = match name {
            "owner" => (c.maybe(60, |_| "lead"), c.maybe(60, |c| c.of(&[Len::OpenHours(4), Len::Minutes(90)]))),
            "lead" => (c.maybe(60, |_| "chief"), c.maybe(60, |c| c.of(&[Len::OpenDays(1), Len::OpenHours(2)]))),
            "security" => (c.maybe(40, |_| "chief"), c.maybe(60, |_| Len::OpenDays(1))),
            _ => (None, None),
        };
        all.push(RoleShape {
            name,
            members,
            fallback,
            after: if fallback.is_some() { after } else { None },
            week: c.maybe(20, |c| c.of(&[Week::Always, Week::Sparse, Week::Office])),
            accept: matches!(name, "second" | "release-manager") && c.often(40),
            may_approve: name != "release-manager" || c.often(90),
        });
    }
    all
}

pub(super) fn raci(c: &mut Chance, shape: &Shape) -> Vec<Row> {
    let row = |on, accountable| Row {
        on,
        when: None,
        accountable,
        responsible: None,
        consulted: None,
        representation: Vec::new(),
    };
    let mut rows = Vec::new();
    if shape.components.is_empty() {
        rows.push(row(None, Some("owner")));
    }
    for component in &shape.components {
        let role = if component.name == "pay" { "owner" } else { c.of(&["owner", "second", "lead"]) };
        let on = match component.kind {
            Some(kind) if c.often(40) => On::Where(Cond::Kind(kind)),
            _ => On::Named(component.name),
        };
        rows.push(Row {
            responsible: c.maybe(12, |c| c.of(&["release-manager", "commander"])),
            ..row(Some(on), Some(role))
        });
    }
    if c.often(45) {
        let roles = c.of(&[vec!["security"], vec!["security", "release-manager"], vec!["security", "owner"]]);
        let when = c.maybe(70, |c| {
            let emergencies = either(Cond::Impact("high"), Cond::Class("emergency"));
            c.of(&[Cond::Impact("high"), Cond::ImpactIsNot("low"), emergencies])
        });
        let on = if shape.components.is_empty() { None } else { c.maybe(25, |_| On::Named("pay")) };
        rows.push(Row { on, when, accountable: None, responsible: None, consulted: None, representation: roles });
    }
    if c.often(30) {
        let wait = c.of(&[Len::OpenHours(4), Len::Minutes(60), Len::OpenDays(1)]);
        rows.push(Row {
            on: None,
            when: c.maybe(30, |_| Cond::ImpactIsNot("low")),
            accountable: None,
            responsible: None,
            consulted: Some((c.of(&["release-manager", "lead"]), wait)),
            representation: Vec::new(),
        });
    }
    rows
}

pub(super) fn approvals(c: &mut Chance) -> Vec<(&'static str, usize)> {
    match c.below(10) {
        0 => vec![("owner", 1)],
        1 => vec![("second", 2)],
        2 => vec![("accountable", 1), ("security", 1)],
        3 => vec![("security", 1), ("accountable", 1)],
        4 => vec![("accountable", 2)],
        _ => vec![("accountable", 1)],
    }
}

pub(super) fn escalation(c: &mut Chance) -> EscalationShape {
    let to: Vec<&'static str> =
        c.of(&[vec!["lead", "chief"], vec!["chief"], vec!["lead"], vec!["release-manager", "chief"]]);
    EscalationShape {
        after: c.of(&[Len::OpenDays(1), Len::Minutes(15), Len::OpenHours(3), Len::Minutes(600)]),
        to,
        last: c.maybe(60, |_| "chief"),
    }
}

pub(super) fn routes(c: &mut Chance, shape: &Shape) -> Vec<RouteShape> {
    let vias = |c: &mut Chance| {
        c.of(&[
            Vec::new(),
            Vec::new(),
            vec!["environment", "command", "page"],
            vec!["environment", "review"],
            vec!["review"],
        ])
    };
    let mut all = Vec::new();
    if c.often(50) {
        all.push(RouteShape {
            when: Some(Cond::Rollback),
            last_good: c.often(85),
            any_hours: c.often(70),
            approvals: vec![(c.of(&["second", "lead"]), 1)],
            ..RouteShape::plain("recovery")
        });
    }
    all.push(RouteShape {
        approvals: if c.often(4) { Vec::new() } else { approvals(c) },
        any_hours: c.often(10),
        expire: c.maybe(45, |c| c.of(&[Len::OpenDays(5), Len::OpenDays(1), Len::Minutes(48 * 60), Len::OpenHours(6)])),
        counts_from: vias(c),
        cab: c.maybe(30, |c| c.maybe(60, |c| c.of(&[Cond::ImpactIsNot("low"), not(Cond::Impact("low"))]))),
        escalate: c.maybe(50, escalation),
        may_skip: c.often(10),
        then: c.often(30),
        ..RouteShape::plain("normal")
    });
    if shape.emergency.is_some() && c.often(95) {
        all.push(RouteShape {
            approvals: vec![(c.of(&["chief", "second"]), 1)],
            any_hours: c.often(70),
            escalate: c.maybe(40, escalation),
            may_skip: c.often(60),
            then: true,
            ..RouteShape::plain("emergency")
        });
    }
    if shape.standard.is_some() && c.often(95) {
        let automatic = c.often(60);
        all.push(RouteShape {
            automatic,
            approvals: if automatic { Vec::new() } else { vec![("second", 1)] },
            ..RouteShape::plain("standard")
        });
    }
    if c.often(35) {
        let when = match c.below(4) {
            0 => Cond::LinesOver(100),
            1 => both(Cond::Class("normal"), Cond::Impact("high")),
            2 => Cond::Kind("infrastructure"),
            _ => Cond::Touches("infra/**"),
        };
        all.push(RouteShape {
            when: Some(when),
            approvals: approvals(c),
            expire: c.maybe(30, |_| Len::Minutes(24 * 60)),
            counts_from: vias(c),
            any_hours: c.often(20),
            escalate: c.maybe(30, escalation),
            ..RouteShape::plain("special")
        });
    }
    if c.often(10) {
        all.push(RouteShape {
            when: Some(Cond::Tier("critical")),
            approvals: vec![("accountable", 1), ("release-manager", 1)],
            ..RouteShape::plain("heavy")
        });
    }
    if c.often(12) {
        let when =
            c.of(&[Cond::Tier("routine"), both(Cond::Tier("routine"), Cond::Class("normal")), Cond::Only("docs/**")]);
        all.push(RouteShape { when: Some(when), automatic: true, ..RouteShape::plain("quick") });
    }
    // What asks nobody has nowhere to say how long an approval counts, or from where.
    for route in all.iter_mut().filter(|route: &&mut RouteShape| route.approvals.is_empty()) {
        route.expire = None;
        route.counts_from.clear();
    }
    all
}

pub(super) fn step(c: &mut Chance, shape: &Shape, teams: bool) -> StepShape {
    let (when, until) = match c.below(if teams { 6 } else { 2 }) {
        0 => (Cond::ImpactIsNot("low"), None),
        1 => (both(Cond::Exposure("customer"), Cond::ImpactIsNot("low")), None),
        2 => (Cond::FailureRateOver(30), c.maybe(60, |_| Cond::FailureRateUnder(20))),
        3 => (Cond::EmergenciesFrom(1), None),
        4 => (Cond::MttrOverHours(4), None),
        _ => (either(Cond::FailureRateOver(50), Cond::EmergenciesFrom(2)), None),
    };
    let _ = shape;
    StepShape { when, until, sample: c.of(&[0, 0, 2, 3]) }
}
