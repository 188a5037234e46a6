//! The same policy in two layers: an organisation's that says less, and a repository's that makes it as strict as it was.
//! However it is divided, the releases are the same.

use std::fmt::Write as _;

use super::compare::{Case, apart, only, over, told, wanted};
use super::core;
use super::judge::judge;
use super::render;
use super::shape::{BEFORE, Len, RouteShape, Shape};

/// What the organisation says, and what the repository adds.
fn divided(shape: &Shape) -> (Shape, String) {
    let mut outer = shape.clone();
    let mut inner = format!(
        "version: 1\nlayer: repository\nenvironments: {{ {BEFORE}: {{ approval: automatic }} }}\ngates: {{}}\n"
    );
    (outer.closed, outer.freezes, outer.peak) = (Vec::new(), Vec::new(), None);
    render::times(shape, &mut inner);
    outer.raci.retain(|row| row.accountable.is_some());
    if shape.raci.iter().any(|row| row.accountable.is_none()) {
        render::raci(shape.raci.iter().filter(|row| row.accountable.is_none()), &mut inner);
    }
    if let Some(normal) = outer.routes.iter_mut().find(|route| route.name == "normal" && !route.approvals.is_empty()) {
        let stricter = RouteShape {
            // Where approvals count, and what goes on from there, the organisation says alone.
            counts_from: Vec::new(),
            escalate: None,
            any_hours: false,
            may_skip: false,
            then: false,
            ..normal.clone()
        };
        for (_, number) in &mut normal.approvals {
            *number = 1;
        }
        (normal.expire, normal.cab) = (None, None);
        inner.push_str("routes:\n");
        render::route(&stricter, &mut inner);
    }
    (outer.reason, outer.holds) = (shape.reason + 7, Len::Minutes(5));
    let _ = writeln!(inner, "rejection: {{ reason: {}, holds: {} }}", shape.reason, shape.holds.text());
    outer.exclude.truncate(1);
    let _ = writeln!(inner, "separation: {{ exclude: {} }}", render::list(&shape.exclude));
    if let Some(rule) = outer.incidents.as_mut() {
        let blocks = if rule.everything { "everything" } else { "affected_components" };
        let _ = writeln!(inner, "incidents: {{ system: pagerduty, block_at: {}, blocks: {blocks} }}", rule.block_at);
        (rule.block_at, rule.everything) = (1, false);
    }
    if let Some(record) = outer.record.as_mut() {
        let _ = writeln!(inner, "change: {{ system: servicenow, needs: {} }}", render::list(&record.needs));
        record.needs.clear();
    }
    if let Some(minutes) = outer.retry.as_mut() {
        let _ = writeln!(inner, "retry_within: {minutes}min");
        *minutes *= 3;
    }
    (outer, inner)
}

/// What came of some worlds.
#[derive(Default)]
struct Found {
    judged: u64,
    /// Worlds that the organisation alone would answer otherwise: without any, nothing would be shown.
    told: u64,
    broken: Option<String>,
}

#[test]
fn in_two_layers_a_policy_decides_the_same() {
    let number = wanted(20_000) / 10;
    let look = |found: &mut Found, case: &Case<'_>| {
        if found.broken.is_some() {
            return;
        }
        let Case { seed, shape, world, .. } = case;
        let (outer, inner) = divided(shape);
        let outer = format!("{}layer: organisation\n", render::yaml(&outer));
        let tell = || format!("{inner}\nof {outer}\n{}", told(*seed, shape, world));
        let policy = match core::read_layers(&[&outer, &inner]) {
            Ok(policy) => policy,
            Err(why) => return found.broken = Some(format!("refused: {why}\n{}", tell())),
        };
        found.judged += 1;
        let decision = core::decision(&policy, world);
        let alone = core::read(&outer).map(|policy| core::answer(&core::decision(&policy, world)));
        found.told += u64::from(alone.is_ok_and(|alone| alone != core::answer(&decision)));
        let (first, second) = (core::answer(&decision), judge(shape, &world.facts, world.now.timestamp()));
        if let Some((first, second)) = apart(shape, world, first, second) {
            let said = core::told(&decision);
            found.broken = Some(format!("{}\nin layers {first:?}\nin one    {second:?}\n{said}", tell()));
        }
    };
    let (found, _) = over(number, |_| {}, look);
    if let Some(broken) = found.iter().find_map(|one| one.broken.as_ref()) {
        panic!("{broken}");
    }
    let judged: u64 = found.iter().map(|one| one.judged).sum();
    let told: u64 = found.iter().map(|one| one.told).sum();
    eprintln!("in two layers a policy decides the same: {judged} worlds, {told} otherwise by the outer alone");
    assert!(only().is_some() || told * 10 >= judged, "the outer layer alone answers {told} of {judged} otherwise");
    assert!(only().is_some() || judged * 10 >= number * 9, "of {number} worlds {judged} were judged");
}
