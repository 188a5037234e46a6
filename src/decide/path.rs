//! What a release has to go through: its class, its risk and, for every component, its route.

use crate::model::release_decision::{Class, Node, RiskAccount};
use crate::policy::rules::{Component, Route};

/// What triage found.
#[derive(Clone, Debug)]
pub struct Triage {
    /// The class.
    pub class: Class,
    /// The risk, itemised.
    pub risk: RiskAccount,
    /// Whether the release goes back to the last good content of every component. `None`: cannot be told.
    pub rollback: Option<bool>,
    /// How it was told.
    pub nodes: Vec<Node>,
}

/// The way of one component.
#[derive(Clone, Debug)]
pub struct Leg<'p> {
    /// The component; `None` for a policy without components, and for a release of none of them.
    pub component: Option<&'p Component>,
    /// The route; `None` where none or several are for it, and then the release holds.
    pub route: Option<&'p Route>,
    /// Whether people approve: the environment asks for it, the route does, and neither rigor nor a bot's work
    /// took the automatic path away.
    pub formal: bool,
    /// Second reviewers that rigor adds.
    pub rigor: u32,
}

/// The way of a release.
#[derive(Clone, Debug)]
pub struct Path<'p> {
    /// The ways of its components.
    pub legs: Vec<Leg<'p>>,
    /// How they were chosen.
    pub nodes: Vec<Node>,
}

impl<'p> Path<'p> {
    /// The routes, each once, in the order of the components.
    #[must_use]
    pub fn routes(&self) -> Vec<&'p Route> {
        let mut routes: Vec<&Route> = Vec::new();
        for route in self.legs.iter().filter_map(|leg| leg.route) {
            if !routes.iter().any(|known| known.name == route.name) {
                routes.push(route);
            }
        }
        routes
    }

    /// Whether every component goes back to its last good content on a route made for that.
    #[must_use]
    pub fn recovers(&self) -> bool {
        !self.legs.is_empty() && self.legs.iter().all(|leg| leg.route.is_some_and(|route| route.to_last_good))
    }

    /// Whether every component goes past closed hours.
    #[must_use]
    pub fn any_hours(&self) -> bool {
        !self.legs.is_empty() && self.legs.iter().all(|leg| leg.route.is_some_and(|route| route.any_hours))
    }
}
