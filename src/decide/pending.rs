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
