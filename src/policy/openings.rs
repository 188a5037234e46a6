//! Conditions by which a release takes a shorter way, where they let go more than that way is for; and ways on which nothing
//! could go once the shorter one is closed.
//!
//! An emergency is one on facts that nobody can choose: it fixes a live incident, or takes away what is being exploited.
//! A condition that can hold without either is refused. Whether it can is proven on its form ([`Expression::needs`]): what
//! is not understood could hold by itself.

use super::diagnostics::Code;
use super::expression::{Arguments, Expression};
use super::proofs::Places;
use super::repository_path::witness;
use super::rules::{Approval, Rules};

/// What makes an emergency.
const FACTS: [&str; 2] = ["release.fixes", "release.removes"];

/// Complains about emergencies without their facts.
pub(super) fn emergencies(rules: &Rules, places: &mut Places<'_>) {
    let Some(when) = rules.emergency.as_ref().and_then(|class| class.when.as_ref()) else { return };
    let at = ["classes", "emergency", "when"];
    if !when.needs(&FACTS) {
        let message = "this can hold for a release that fixes no incident and removes nothing exploited, and such a release is no emergency; have every way to it need `release.fixes(incident)` or `release.removes(running.vulnerabilities.exploited)`, as in `(incident.severity <= 1 && release.fixes(incident)) || release.removes(running.vulnerabilities.exploited)`";
        return places.complain(Code::TooWide, &at, message.to_owned());
    }
    let (fixes, severity) = (mentions(when, "release.fixes"), when.names().contains(&"incident.severity"));
    if fixes && !severity {
        let message = "the fix of any incident, however small, is an emergency by this; say which with `incident.severity <= 1 && release.fixes(incident)`";
        places.complain(Code::Overlooked, &at, message.to_owned());
    }
}

fn mentions(when: &Expression, question: &str) -> bool {
    when.predicates().iter().any(|(name, _)| *name == question)
}

/// Complains about standard changes that every release is.
pub(super) fn models(rules: &Rules, places: &mut Places<'_>) {
    for model in rules.models.iter().filter(|model| model.when.always_holds()) {
        let message = format!(
            "every release is a `{}`, and so approved in advance; say which are, as in `change.only('config/flags/**')`",
            model.name
        );
        places.complain(Code::TooWide, &["standard_changes", &model.name, "when"], message);
    }
}

/// Complains about environments that every release enters by itself, where people seem to be asked.
pub(super) fn by_themselves(rules: &Rules, places: &mut Places<'_>) {
    for rule in &rules.environments {
        let Approval::When { condition, automatic_when } = &rule.approval else { continue };
        if *automatic_when && condition.always_holds() {
            let message = format!(
                "every release goes into `{}` by itself; write `approval: automatic` if that is meant, or say which do",
                rule.name
            );
            places.complain(Code::TooWide, &["environments", &rule.name, "approval"], message);
        }
    }
}

/// Complains about routes for going back that lead forward as well.
pub(super) fn way_back(rules: &Rules, places: &mut Places<'_>) {
    let back = |when: &Expression| {
        Expression::condition("release.is_rollback", &super::vocabulary::Place::Release)
            .is_ok_and(|asked| when.implies(&asked))
    };
    for route in rules.routes.iter().filter(|route| !route.to_last_good && route.when.as_ref().is_some_and(back)) {
        let message = format!(
            "`{}` is for going back, and does not say `to: last_good`: it is judged as if it went forward, and is asked for all that another release is",
            route.name
        );
        places.complain(Code::Overlooked, &["routes", &route.name], message);
    }
}

/// Complains about files that may go by themselves and belong to no component: once they may not, in a peak or with an
/// approval in advance that has ended, nobody is asked for them, and nobody can let them go.
pub(super) fn of_no_component(rules: &Rules, places: &mut Places<'_>) {
    for (at, file) in astray(rules) {
        let message = format!(
            "what goes by itself here is of no component, such as `{file}`: once it does not, in a peak or where more is asked, nobody is asked for it and nobody can approve it; name it under `paths` of a component"
        );
        places.complain(Code::Overlooked, &at, message);
    }
}

/// A file that may go by itself, and that nobody can approve once it may not.
pub(super) fn of_nobody(rules: &Rules) -> Option<String> {
    astray(rules).into_iter().next().map(|(_, file)| file)
}

/// Where conditions let files go that belong to no component, each with such a file.
fn astray(rules: &Rules) -> Vec<([&str; 3], String)> {
    if rules.components.is_empty() {
        return Vec::new();
    }
    let models = rules.models.iter().map(|model| (["standard_changes", model.name.as_str(), "when"], &model.when));
    let environments = rules.environments.iter().filter_map(|rule| match &rule.approval {
        Approval::When { condition, automatic_when: true } => {
            Some((["environments", rule.name.as_str(), "approval"], condition))
        }
        _ => None,
    });
    let all = models.chain(environments);
    all.filter_map(|(at, condition)| {
        let globs = condition.predicates().into_iter().filter(|(name, _)| *name == "change.only");
        globs.flat_map(|(_, globs)| globs.iter()).find_map(|glob| outside(rules, glob)).map(|file| (at, file))
    })
    .collect()
}

/// A file that a glob means and that belongs to no component.
fn outside(rules: &Rules, glob: &str) -> Option<String> {
    let file = witness(glob)?;
    let meant = Arguments::globs(vec![glob.to_owned()]).is_ok_and(|globs| globs.matches(&file));
    let known = rules.components.iter().any(|component| component.paths.matches(&file));
    (meant && !known).then_some(file)
}

/// Complains about closed hours that are all of business: what is counted in business hours then passes while nobody can act.
pub(super) fn never_business(rules: &Rules, places: &mut Places<'_>) {
    let says = |tree: &super::tree::Node| tree.get("calendar").is_some_and(|it| it.get("business_hours").is_some());
    if !places.trees.iter().any(says) {
        return;
    }
    let business = &rules.calendar.business;
    let stretches = |day: &Vec<(u32, u32)>, (from, to): (u32, u32)| day.iter().any(|it| it.0 <= from && to <= it.1);
    for closed in rules.calendar.closed.iter().filter(|closed| closed.approval && closed.hours.zone == business.zone) {
        let mut days = business.week.iter().zip(&closed.hours.week);
        if business.week.iter().flatten().next().is_some()
            && days.all(|(open, shut)| open.iter().all(|stretch| stretches(shut, *stretch)))
        {
            let message = format!(
                "`{}` is all of the business hours, in which `bh` and `bd` are counted, so nobody could approve in any of them; close fewer hours, or state other `business_hours`",
                closed.name
            );
            places.complain(Code::Overlooked, &["calendar", "closed", &closed.name, "hours"], message);
        }
    }
}
