//! The same rules by hand: what somebody would write who has one policy for ever, and needs an answer and no
//! explanation. Every constant of `policy.yml` stands here as Rust.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use countersign::model::facts::{Account, AccountKind, Act, Change, Deed, Fact, Facts, Outcome, Standing, Via};
use countersign::model::measures::Measure;

/// Whether the release may go.
#[must_use]
pub fn proceeds(facts: &Facts, now: DateTime<Utc>) -> bool {
    decide(facts, now).is_some()
}

/// The owner's group and the second reviewers of a component.
fn owner(component: &str) -> &'static str {
    if component == "network" { "github:@infra/leads" } else { "github:@shop/leads" }
}

fn component(path: &str) -> Option<&'static str> {
    [("shop/checkout/", "checkout"), ("shop/stock/", "stock"), ("infra/", "network")]
        .into_iter()
        .find(|(folder, _)| path.starts_with(folder))
        .map(|(_, name)| name)
}

fn touches(change: &Change, name: &str) -> bool {
    match &change.files {
        Fact::Known(files) => files.iter().any(|file| component(file) == Some(name)),
        Fact::Absent => false,
        Fact::Unavailable(_) => true,
    }
}

#[expect(clippy::too_many_lines, reason = "one policy, top to bottom")]
fn decide(facts: &Facts, now: DateTime<Utc>) -> Option<()> {
    let release = &facts.release;
    let reference = release.reference.known()?;
    let placed = release.environment == "live"
        && reference.name == "refs/heads/main"
        && reference.reaches == Fact::Known(true)
        && reference.resolves_to.known()? == &release.commit;
    if !placed {
        return None;
    }
    let changes = release.changes.known()?;
    let mut components: BTreeSet<&str> = release.components.keys().map(String::as_str).collect();
    for change in changes {
        components.extend(change.files.known()?.iter().filter_map(|file| component(file)));
    }

    // Who had a hand in it.
    let mut hands: BTreeSet<&str> = BTreeSet::new();
    for commit in changes.iter().filter_map(|change| change.commits.known()).flatten() {
        for account in [&commit.author, &commit.committer, &commit.pushed_by] {
            hands.insert(account.known()?.as_str());
        }
        match &commit.co_authors {
            Fact::Known(more) => hands.extend(more.iter().map(Account::as_str)),
            Fact::Absent => {}
            Fact::Unavailable(_) => return None,
        }
    }
    hands.insert(release.trigger.known()?.as_str());

    // How risky it is, and how shaky its teams are.
    let rate = |team: &str| -> Option<(f64, usize)> {
        let history = facts.teams.get(team)?.known()?;
        let recent = history.deployments.iter().filter(|one| one.at > now - TimeDelta::days(90) && one.at <= now);
        let (count, failed) =
            recent.fold((0_u32, 0_u32), |(count, failed), one| (count + 1, failed + u32::from(one.failed.perhaps())));
        if count == 0 { Some((0.0, 0)) } else { Some((f64::from(failed) / f64::from(count), count as usize)) }
    };
    let team = |name: &str| if name == "network" { "infra" } else { "shop" };
    let mut highest = 0.0_f64;
    for name in &components {
        highest = highest.max(rate(team(name))?.0);
    }
    let lines: u64 = changes.iter().map(|change| change.lines.known().copied()).sum::<Option<u64>>()?;
    let mut score = 40.0 * highest;
    #[expect(clippy::cast_precision_loss, reason = "small")]
    {
        score += (lines as f64 / 100.0).min(20.0);
    }
    if components.contains("checkout") {
        score += 20.0;
    }
    if components.contains("checkout") || components.contains("network") {
        score += 20.0;
    }
    match &release.new_vendors {
        Fact::Known(vendors) if !vendors.is_empty() => score += 15.0,
        Fact::Known(_) | Fact::Absent => {}
        Fact::Unavailable(_) => return None,
    }
    let high = score >= 60.0;

    // It ran for an hour in test, byte for byte.
    let deployments = facts.deployments.known()?;
    for (name, of) in &release.components {
        let artifacts = of.artifacts.known()?;
        let soaked = deployments.iter().any(|one| {
            one.environment == "test"
                && one.outcome == Fact::Known(Outcome::Succeeded)
                && one.components.get(name).and_then(|there| there.artifacts.known()) == Some(artifacts)
                && one.finished_at.known().is_some_and(|at| *at + TimeDelta::hours(1) <= now)
        });
        if !soaked {
            return None;
        }
    }

    // Gates.
    let measure = |gate: &str, name: &str| match facts.evidence.get(gate)?.known()?.measures.get(name)? {
        Measure::Number(number) => Some(*number),
        _ => None,
    };
    let green = measure("tests", "tests.failed")? <= 0.0
        && measure("tests", "tests.total")? >= 100.0
        && measure("scan", "findings.new.error")? <= 0.0
        && measure("scan", "findings.new.warning")? <= 5.0
        && measure("images", "vulnerabilities.fixable.critical")? <= 0.0
        && measure("coverage", "coverage.lines")? >= 0.80
        && measure("bill", "sbom.without_licence")? <= 0.0
        && (!components.contains("checkout")
            || (measure("load", "load.p95_ms")? <= 300.0
                && measure("load", "load.error_rate")? < 0.01
                && facts
                    .evidence
                    .get("load")?
                    .known()?
                    .made_at
                    .known()
                    .is_some_and(|at| *at + TimeDelta::hours(24) > now)));
    if !green {
        return None;
    }

    // Approvals: the last word of each person.
    let acts = facts.acts.known()?;
    let in_group = |group: &str, login: &str| {
        facts.groups.get(group).and_then(Fact::known).is_some_and(|members| {
            members.iter().any(|member| member.account.as_str() == login && member.joined == Fact::Absent)
        })
    };
    let mut last: Vec<(&str, &Act)> = Vec::new();
    for act in acts.iter().filter(|act| matches!(act.does, Deed::Approve { .. } | Deed::Reject {})) {
        last.retain(|(by, _)| *by != act.by.as_str());
        last.push((act.by.as_str(), act));
    }
    let asked = |login: &str, roles: &[&str]| roles.iter().any(|group| in_group(group, login));
    let mut needed: Vec<(&str, &str, usize)> = Vec::new();
    for name in &components {
        let (rate, sample) = rate(team(name))?;
        let count = 1 + usize::from(sample >= 10 && rate > 0.25);
        let group = owner(name);
        match needed.iter_mut().find(|(known, _, _)| *known == group) {
            Some((_, _, most)) => *most = count.max(*most),
            None => needed.push((group, name, count)),
        }
    }
    if high {
        needed.push(("github:@sec/all", "", 1));
        needed.push(("github:@ops/all", "", 1));
    }
    let mut groups: Vec<&str> = needed.iter().map(|(group, _, _)| *group).collect();
    // Who is consulted is heard as well.
    if components.iter().any(|name| team(name) == "shop") {
        groups.push("github:@sec/all");
    }
    let mut approving: Vec<(&str, &Act)> = Vec::new();
    for (by, act) in last {
        let known = facts.accounts.get(&act.by)?;
        let human = known.kind == Fact::Known(AccountKind::Person) && known.active == Fact::Known(true);
        match act.does {
            Deed::Reject {} if human && asked(by, &groups) => return None,
            Deed::Approve { .. }
                if human
                    && !hands.contains(by)
                    && act.standing == Standing::Stands
                    && matches!(act.via, Via::Environment | Via::Command | Via::Page)
                    && act.saw.environment.as_deref() == Some("live") =>
            {
                approving.push((by, act));
            }
            _ => {}
        }
    }
    let shop_or_infra = |change: &Change, group: &str| match group {
        "github:@shop/leads" => touches(change, "checkout") || touches(change, "stock"),
        "github:@infra/leads" => touches(change, "network"),
        _ => true,
    };
    let fits = |group: &str, first: bool, by: &str, act: &Act| {
        let member = in_group(group, by) || (!first && by == "github:lea-k");
        member
            && changes
                .iter()
                .filter(|change| shop_or_infra(change, group))
                .all(|change| act.saw.changes.get(&change.id) == Some(&change.content))
    };
    // A place for each needed person, filled by different people.
    let slots: Vec<(&str, bool)> =
        needed.iter().flat_map(|(group, _, count)| (0..*count).map(|index| (*group, index == 0))).collect();
    let mut taken: Vec<Option<usize>> = vec![None; approving.len()];
    for slot in 0..slots.len() {
        if !place(slot, &slots, &approving, &fits, &mut taken, &mut vec![false; approving.len()]) {
            return None;
        }
    }

    // The change record and the incidents.
    let record = facts.change_record.known()?;
    let ready = record.state.known()? == "Implement"
        && release.components.keys().all(|name| record.components.known().is_some_and(|all| all.contains(name)))
        && record.from.known().is_none_or(|from| *from <= now)
        && record.until.known().is_none_or(|until| now < *until)
        && ["risk_assessment", "backout_plan"].iter().all(|need| {
            record.fields.get(*need).and_then(|field| field.text.known()).is_some_and(|text| text.len() >= 10)
        });
    let blocked = facts.incidents.known()?.iter().any(|incident| {
        let severe = incident.severity.known().is_none_or(|severity| severity != "P3");
        severe
            && incident.components.known().is_none_or(|all| all.iter().any(|name| components.contains(name.as_str())))
    });
    (ready && !blocked).then_some(())
}

/// Kuhn's augmenting path: finds somebody for a place, moving others where that helps.
fn place(
    slot: usize,
    slots: &[(&str, bool)],
    people: &[(&str, &Act)],
    fits: &dyn Fn(&str, bool, &str, &Act) -> bool,
    taken: &mut [Option<usize>],
    seen: &mut [bool],
) -> bool {
    let Some((group, first)) = slots.get(slot).copied() else { return false };
    for (index, (by, act)) in people.iter().enumerate() {
        if seen.get(index).copied().unwrap_or(true) || !fits(group, first, by, act) {
            continue;
        }
        if let Some(mark) = seen.get_mut(index) {
            *mark = true;
        }
        let free = match taken.get(index).copied().flatten() {
            None => true,
            Some(other) => place(other, slots, people, fits, taken, seen),
        };
        if free {
            if let Some(place) = taken.get_mut(index) {
                *place = Some(slot);
            }
            return true;
        }
    }
    false
}
