//! Stand-ins for what other parts bring.
use super::path::Triage;
use super::scene::Scene;
use crate::policy::expression::Expression;
use crate::policy::rules::Component;

pub fn adds_for(_: &Scene<'_>, _: Option<&Triage>, _: Option<&Component>, _: &Expression) -> bool {
    true
}
pub fn relaxes(_: &Scene<'_>, _: Option<&Triage>, _: &Expression) -> bool {
    false
}

use super::path::{Leg, Path};
use crate::model::release_decision::{Class, Impact, Node, RiskAccount};
use crate::policy::rules::Approval;

pub fn triage(_: &Scene<'_>) -> Triage {
    Triage {
        class: Class::Normal,
        risk: RiskAccount { score: None, impact: Impact::High, items: Vec::new() },
        rollback: Some(false),
        nodes: Vec::new(),
    }
}

pub fn choose<'s>(scene: &Scene<'s>, _: &Triage) -> Path<'s> {
    let formal = scene.environment.is_none_or(|rule| !matches!(rule.approval, Approval::Automatic));
    let route = scene.rules.routes.iter().find(|route| route.name == "normal");
    let leg = |component| Leg { component, route, formal, rigor: 0 };
    let legs = if scene.rules.components.is_empty() {
        vec![leg(None)]
    } else {
        scene.components.iter().map(|component| leg(Some(component))).collect()
    };
    Path { legs, nodes: Vec::new() }
}

pub fn nothing(_: &Scene<'_>) -> Vec<Node> {
    Vec::new()
}
