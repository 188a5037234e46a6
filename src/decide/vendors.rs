//! Third parties that come with a release: those that its bills of materials have and the last release's had not, and
//! those that a component declares in the policy and did not declare when what runs here now went in. Who is both is one.

use super::released;
use super::scene::Scene;
use super::words;
use crate::model::facts::Fact;
use crate::model::kind::Kind;
use crate::model::measures::Measure;
use crate::policy::gate::Gate;

/// What a bill of materials has newly, as a gate's evidence states it.
const SUPPLIERS: &str = "sbom.new.suppliers";
/// Of how many components it states no supplier.
const WITHOUT_SUPPLIER: &str = "sbom.without_supplier";

/// The third parties that are new, each in the order of its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct New {
    /// Those that the bills of materials have.
    pub(super) found: Vec<String>,
    /// Those that are only declared.
    pub(super) declared: Vec<String>,
    /// All of them.
    pub(super) all: Vec<String>,
}

/// Who is new; why that is not known, where it is not.
pub(super) fn new<'a>(scene: &'a Scene<'_>) -> Result<&'a New, &'a str> {
    scene.totals.vendors.get_or_init(|| judge(scene)).as_ref().map_err(String::as_str)
}

fn judge(scene: &Scene<'_>) -> Result<New, String> {
    let found = sorted(found(scene)?);
    let only = |vendor: &String| !found.iter().any(|it| it.eq_ignore_ascii_case(vendor));
    let declared: Vec<String> = sorted(declared(scene)?).into_iter().filter(only).collect();
    let all = sorted(found.iter().chain(&declared).map(String::as_str).collect());
    Ok(New { found, declared, all })
}

fn sorted(mut names: Vec<&str>) -> Vec<String> {
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(str::to_owned).collect()
}

/// What the bills of materials have newly. Where the facts do not say, the release's own gates may.
fn found<'s>(scene: &Scene<'s>) -> Result<Vec<&'s str>, String> {
    match &scene.facts.release.new_vendors {
        Fact::Known(found) => Ok(found.iter().map(String::as_str).collect()),
        Fact::Absent => Ok(Vec::new()),
        Fact::Unavailable(why) => measured(scene).ok_or_else(|| format!("which vendors are new is not known: {why}")),
    }
}

/// What every bill of materials that guards this release has newly by its gate's evidence; `None` where there is none, or
/// one does not say.
fn measured<'s>(scene: &Scene<'s>) -> Option<Vec<&'s str>> {
    let environment = &scene.facts.release.environment;
    let here = |gate: &&Gate| {
        gate.kind == Kind::Sbom && (gate.environments.is_empty() || gate.environments.contains(environment))
    };
    let gates: Vec<&Gate> = scene.policy.gates.iter().filter(here).collect();
    // One that is for some components alone says nothing of the others.
    let covered = |name: &String| gates.iter().any(|gate| gate.components.is_empty() || gate.components.contains(name));
    let whole = match scene.components.as_slice() {
        [] => gates.iter().any(|gate| gate.components.is_empty()),
        components => components.iter().all(|component| covered(&component.name)),
    };
    if !whole {
        return None;
    }
    let mut all = Vec::new();
    for gate in gates {
        let goes = |name: &String| scene.components.iter().any(|component| component.name == *name);
        if !gate.components.is_empty() && !gate.components.iter().any(goes) {
            continue;
        }
        let Some(Fact::Known(evidence)) = scene.facts.evidence.get(&gate.name) else { return None };
        // Who supplies what no supplier is stated of may be new.
        let whole = matches!(evidence.measures.get(WITHOUT_SUPPLIER), Some(Measure::Number(number)) if *number == 0.0);
        let sound = evidence.fault.is_none() && !evidence.digests.is_empty();
        let ours = released::not_of(&scene.facts.release, gate, evidence).is_none();
        match evidence.measures.get(SUPPLIERS) {
            Some(Measure::Names(names)) if whole && sound && ours => {
                all.extend(names.iter().map(String::as_str));
            }
            _ => return None,
        }
    }
    Some(all)
}

/// What the components that go declare, and did not when what runs here went in.
fn declared<'s>(scene: &Scene<'s>) -> Result<Vec<&'s str>, String> {
    let declared: Vec<&str> =
        scene.components.iter().flat_map(|component| &component.vendors).map(String::as_str).collect();
    if declared.is_empty() {
        return Ok(declared);
    }
    let before = match &scene.facts.release.vendors_before {
        Fact::Known(before) => before.as_slice(),
        Fact::Absent => &[],
        Fact::Unavailable(why) => {
            let names = words::all_of(&sorted(declared));
            return Err(format!("whether {names} was declared for what runs is not known: {why}"));
        }
    };
    let known = |vendor: &&str| before.iter().any(|it| it.eq_ignore_ascii_case(vendor));
    Ok(declared.into_iter().filter(|vendor| !known(vendor)).collect())
}
