//! One word of the rules, as a text that tests compare.

use countersign::policy::rules::{Approval, Rules};

/// One line for what a test looks at.
pub fn at(rules: &Rules, what: &str) -> String {
    let production = || rules.environments.iter().find(|rule| rule.name == "production").unwrap();
    let normal = || rules.routes.iter().find(|route| route.name == "normal").unwrap();
    match what {
        "approval" => match &production().approval {
            Approval::When { condition, automatic_when } => format!("{automatic_when}: {}", condition.source),
            other => format!("{other:?}"),
        },
        "branches" => ["main", "dev", "v1"]
            .into_iter()
            .filter(|name| production().branches.as_ref().is_none_or(|globs| globs.matches(name)))
            .collect::<Vec<_>>()
            .join(" "),
        "tags" => format!("{}", production().tags.as_ref().is_none_or(|globs| globs.matches("v1"))),
        "soak" => format!("{}", production().soak.unwrap()),
        "same" => format!("{:?}", production().same),
        "deployed_by" => production().deployed_by.join(" "),
        "environment kept" => production().stated.kept.clone().unwrap_or_default(),
        "approvals" => format!("{:?}", normal().approvals),
        "expire" => normal().expire.unwrap().to_string(),
        "counts_from" => format!("{:?}", normal().counts_from),
        "cab" => format!("{:?}", normal().cab.as_ref().map(|cab| cab.as_ref().map(|it| it.source.clone()))),
        "may_skip" => normal().may_skip.join(" "),
        "automatic" => format!("{}", normal().automatic),
        "any hours" => format!("{}", normal().any_hours),
        "then" => format!("{} {}", normal().then[0].within, normal().then[0].needs_evidence),
        "route kept" => normal().stated.kept.clone().unwrap_or_default(),
        "linked" => format!("{}", rules.linked_only),
        "exclude" => {
            let it = &rules.separation;
            format!("{} {} {} {} {}", it.author, it.committer, it.co_author, it.pusher, it.trigger)
        }
        "per" => format!("{:?}", rules.separation.per),
        "distinct" => format!("{}", rules.separation.distinct_people),
        "rejection" => format!("{} {}", rules.rejection.reason, rules.rejection.holds),
        "waivers" => {
            let it = rules.waivers.as_ref().unwrap();
            format!("{} {} {}", it.max.unwrap(), it.needs_reason, it.needs_control)
        }
        "waiving" => {
            let it = rules.waivers.as_ref().unwrap();
            format!("{:?} {:?}", it.roles_for("organisation"), it.roles_for("repository"))
        }
        "emergency" => rules.emergency.as_ref().unwrap().when.as_ref().unwrap().source.clone(),
        "needs" => rules.change.as_ref().unwrap().needs.join(" "),
        "proceeds_in" => rules.change.as_ref().unwrap().proceeds_in.join(" "),
        "one record" => format!("{}", rules.change.as_ref().unwrap().one_for_package),
        "block_at" => format!("{}", rules.incidents.as_ref().unwrap().block_at.unwrap()),
        "everything" => format!("{}", rules.incidents.as_ref().unwrap().everything),
        "unless" => format!("{:?}", rules.incidents.as_ref().unwrap().unless.as_ref().map(|it| it.source.clone())),
        "severity" => format!("{:?}", rules.incidents.as_ref().unwrap().severity),
        "rigor" => format!("{:?} {} {:?}", rules.rigor.max, rules.rigor.steps.len(), rules.rigor.routes),
        "incidents_within" => format!("{:?}", rules.rigor.incidents_within),
        "pir" => {
            let it = rules.pir.as_ref().unwrap();
            format!("{} {:?} {}", it.within, it.blocks, it.only_overdue)
        }
        "board" => rules.board.as_ref().unwrap().notify.join(" "),
        "glass" => {
            let it = rules.break_glass.as_ref().unwrap();
            format!("{} {} {}", it.people, it.releases, it.expires)
        }
        "retry" => rules.retry_within.to_string(),
        "delegation" => format!("{:?}", rules.delegation.as_ref().map(|it| it.max.to_string())),
        "risk" => format!("{:?} {:?} {}", rules.risk.high, rules.risk.medium, rules.risk.weights.len()),
        "calendar" => {
            let it = &rules.calendar;
            format!("{} {} {} {} {}", it.zone, it.business.written, it.closed.len(), it.freezes.len(), it.peaks.len())
        }
        "components" => rules.components.iter().map(|it| it.name.as_str()).collect::<Vec<_>>().join(" "),
        "raci" => rules.raci.iter().map(|it| it.stated.layer.as_str()).collect::<Vec<_>>().join(" "),
        other => panic!("{other}"),
    }
}
