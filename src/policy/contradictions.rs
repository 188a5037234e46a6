//! What several sections or layers say that cannot all be so: routes of which one is always taken together with another,
//! and conditions that layers put together and that never hold.
//!
//! Each condition was checked by itself when it was read. Here only what is proven is complained about: what holds for no
//! facts at all.

use super::broken::Broken;
use super::diagnostics::Code;
use super::expression::Expression;
use super::gate::Gate;
use super::proofs::Places;
use super::rules::{Approval, Route, Rules};
use crate::model::stated::Stated;

/// Complains about everything that can be proven by what is sound, and says whether that was all.
pub(super) fn check(rules: &Rules, gates: &[(usize, Gate)], broken: &Broken, places: &mut Places<'_>) -> bool {
    let ways = broken.spares(&["routes"]);
    if ways {
        routes(rules, places);
    }
    let conditions = broken.spares(&["classes", "incidents", "environments"]);
    if conditions {
        joined(rules, places);
    }
    // Within one layer no gate stands beside another of its name.
    let beside = places.names.len() < 2 || broken.spares(&["gates", "packs"]);
    if beside {
        side_by_side(gates, places);
    }
    ways && conditions && beside
}

/// Exactly one route is for a release. One whose condition never holds without another's is for none.
fn routes(rules: &Rules, places: &mut Places<'_>) {
    let asked: Vec<(&Route, &Expression)> = rules
        .routes
        .iter()
        .filter(|route| !route.to_last_good)
        .filter_map(|route| Some((route, route.when.as_ref()?)))
        .collect();
    for (at, (one, when)) in asked.iter().enumerate().filter(|(_, (_, when))| !when.never_holds()) {
        let mut others = asked.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, it)| it);
        let Some((other, _)) = others.find(|(_, other)| when.implies(other)) else { continue };
        let message = format!(
            "whatever is for `{}` is for `{}` as well, and what two routes are for holds; make their conditions exclude each other",
            one.name, other.name
        );
        places.about(Code::Overlooked, "routes", &one.name, &one.stated, message);
    }
}

/// Conditions of several layers that hold together or not at all.
fn joined(rules: &Rules, places: &mut Places<'_>) {
    let mut all: Vec<(&Expression, &str, &str, &Stated)> = Vec::new();
    if let Some(class) = &rules.emergency {
        all.extend(class.when.as_ref().map(|when| (when, "classes", "emergency", &class.stated)));
    }
    if let Some(class) = &rules.standard {
        all.extend(class.when.as_ref().map(|when| (when, "classes", "standard", &class.stated)));
    }
    if let Some(rule) = &rules.incidents {
        all.extend(rule.unless.as_ref().map(|unless| (unless, "incidents", "unless", &rule.stated)));
    }
    for rule in &rules.environments {
        if let Approval::When { condition, automatic_when: true } = &rule.approval {
            all.push((condition, "environments", &rule.name, &rule.stated));
        }
    }
    for (condition, section, name, stated) in all.into_iter().filter(|(condition, ..)| condition.never_holds()) {
        let message = format!(
            "what the layers say of `{section}.{name}` never holds together: `{}`; mend one of them",
            condition.source
        );
        places.about(Code::Overlooked, section, name, stated, message);
    }
}

/// A gate that two layers state is judged by each: where no measures pass both, nothing does.
fn side_by_side(gates: &[(usize, Gate)], places: &mut Places<'_>) {
    for (at, (depth, gate)) in gates.iter().enumerate() {
        let Some(require) = &gate.require else { continue };
        let outer =
            gates.iter().take(at).filter(|(other, it)| other < depth && it.name == gate.name && it.kind == gate.kind);
        let clash = outer.filter_map(|(_, it)| Some((it, it.require.as_ref()?))).find(|(_, it)| require.excludes(it));
        let Some((other, theirs)) = clash else { continue };
        let message = format!(
            "no evidence passes this and the gate `{}` of {}, which requires `{}`; both are judged, so mend one of them",
            gate.name, other.layer, theirs.source
        );
        places.about(Code::Overlooked, "gates", &gate.name, &gate.stated, message);
    }
}
