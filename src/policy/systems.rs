//! Systems beside the forge that a policy names: what a name does by itself, and what has to state the rest.

use super::expression::nearest;
use super::notify;
use super::rules::{Rules, is_issues};

/// Where a policy names systems.
pub(super) const NAMED: [&[&str]; 3] = [&["change", "system"], &["incidents", "system"], &["monitor", "emergencies"]];

/// Systems by which records, incidents and what runs are kept and watched, by the names that people write.
const KNOWN: [&str; 19] = [
    "alertmanager",
    "bugsnag",
    "datadog",
    "dynatrace",
    "github",
    "gitlab",
    "grafana",
    "honeycomb",
    "issues",
    "jira",
    "newrelic",
    "nagios",
    "opsgenie",
    "pagerduty",
    "prometheus",
    "sentry",
    "servicenow",
    "splunk",
    "zabbix",
];

/// The system that a name is hardly different from, where it is none itself. Whatever is called otherwise may be somebody's
/// own.
pub(super) fn meant(name: &str) -> Option<&'static str> {
    let plain = name.to_ascii_lowercase();
    if name.contains(':') || KNOWN.contains(&plain.as_str()) {
        return None;
    }
    nearest(&plain, &KNOWN)
}

/// What is to be known of systems that a policy names, and that are neither asked nor told from here: one sentence each.
#[must_use]
pub fn only_named(rules: &Rules) -> Vec<String> {
    let mut said = Vec::new();
    if let Some(rule) = rules.change.as_ref().filter(|rule| !is_issues(&rule.system)) {
        let mut says = format!(
            "`{}` has the change records and is not asked from here: the facts state them (`change_record`), and where they do not, \
             the release holds",
            rule.system
        );
        if rule.create {
            says.push_str("; `create` has the app open issues, and so creates nothing there");
        }
        said.push(says);
    }
    if let Some(rule) = rules.incidents.as_ref().filter(|rule| !is_issues(&rule.system)) {
        said.push(format!(
            "`{}` has the incidents and is not asked from here: the facts state them (`incidents`), and where they do not, the \
             release holds",
            rule.system
        ));
    }
    let monitors = rules.monitor.iter().flat_map(|rule| &rule.emergencies);
    let named: Vec<String> =
        monitors.filter(|place| notify::place(place).is_err()).map(|name| format!("`{name}`")).collect();
    if !named.is_empty() {
        let (is, place) = if named.len() == 1 { ("is", "a place") } else { ("are", "places") };
        said.push(format!(
            "{} {is} told nothing from here: the decision of an emergency says that it is to be marked there (`mark_emergency`), \
             for whoever reads it; name {place} such as `webhook:https://…` to have the app tell it",
            named.join(", ")
        ));
    }
    said
}
