//! What the sections of a policy become.

use countersign::policy::length::Length;
use countersign::policy::rules::{Amount, Approval, Factor, MemberRef, On, Per, SameAs, Waits};

use super::example;

#[test]
fn the_long_example_becomes_rules() {
    let rules = example().rules;
    let production = rules.environments.iter().find(|rule| rule.name == "production").unwrap();
    assert!(matches!(&production.approval, Approval::When { automatic_when: true, .. }));
    assert!(production.branches.as_ref().unwrap().matches("release/2026.11"));
    assert!(!production.branches.as_ref().unwrap().matches("release/a/b"));
    assert!(production.tags.as_ref().unwrap().matches("v1.2.3"));
    assert_eq!((production.from.as_deref(), production.same), (Some("staging"), SameAs::Artifact));
    assert_eq!(production.soak, Some(Length::Seconds(7200)));
    assert_eq!(production.deployed_by, ["github", "gitlab", "argocd"]);
    assert!(production.stated.line > 0 && production.stated.layer == "organisation");

    assert_eq!(rules.components.len(), 4);
    assert_eq!(rules.packages[0].order, ["ledger", "payments"]);
    assert!(rules.packages[0].one_change);
    assert_eq!(rules.people[0].accounts, ["github:dana-h", "gitlab:dhall", "oidc:dana@acme.example"]);
    assert!(!rules.linked_only);

    let role = |name: &str| rules.roles.iter().find(|role| role.name == name).unwrap();
    assert_eq!(
        role("payments-owner").members,
        [
            MemberRef::Group("github:@acme/payments-leads".to_owned()),
            MemberRef::Group("gitlab:acme/payments-leads".to_owned())
        ]
    );
    assert_eq!(role("payments-owner").after, Some(Length::BusinessHours(4)));
    assert!(!role("auditor").may_approve && role("ciso").may_approve);
    assert_eq!(role("emergency-approver").accept.as_deref(), Some("I am accountable for this emergency release"));
    assert_eq!(rules.delegation.as_ref().unwrap().max, Length::Seconds(14 * 86_400));

    assert!(matches!(&rules.raci[0].on, On::Component(name) if name == "payments"));
    assert_eq!(rules.raci[0].consulted, [("qa".to_owned(), Length::BusinessHours(4))]);
    assert!(matches!(&rules.raci[1].on, On::Where(_)));
    assert_eq!(rules.raci[4].representation, ["security", "operations", "business"]);
    assert!(matches!(&rules.raci[4].on, On::All));

    assert_eq!((rules.risk.high, rules.risk.medium), (Some(60.0), Some(30.0)));
    let weight = |name: &str| rules.risk.weights.iter().find(|weight| weight.name == name).unwrap();
    assert_eq!(weight("team.failure_rate").factor, Factor::FailureRate);
    assert!(matches!(weight("size.lines").amount, Amount::Calculated(_)));
    assert!(matches!(weight("peak").amount, Amount::Points(points) if (points - 10.0).abs() < f64::EPSILON));

    assert!(rules.emergency.is_some());
    assert_eq!(rules.standard.as_ref().unwrap().models, ["config-flag"]);
    assert_eq!(rules.models[0].suspend_after, Some(1));

    let route = |name: &str| rules.routes.iter().find(|route| route.name == name).unwrap();
    assert!(route("recovery").to_last_good && route("recovery").any_hours);
    assert!(route("standard").automatic);
    assert_eq!(route("normal").approvals, [("accountable".to_owned(), 1)]);
    assert_eq!(route("normal").expire, Some(Length::BusinessDays(5)));
    assert_eq!(route("normal").counts_from.len(), 3);
    assert!(matches!(&route("normal").cab, Some(Some(_))));
    assert_eq!(route("normal").escalate.as_ref().unwrap().last.as_deref(), Some("cto"));
    assert_eq!(route("emergency").may_skip, ["load", "coverage"]);
    assert_eq!(
        route("emergency").then.iter().map(|then| then.needs_evidence).collect::<Vec<_>>(),
        [true, false, false]
    );

    assert_eq!((rules.rigor.max, rules.rigor.steps.len()), (Some(2), 4));
    assert_eq!(rules.change.as_ref().unwrap().needs, ["risk_assessment", "backout_plan"]);
    assert!(rules.change.as_ref().unwrap().one_for_package);
    let incidents = rules.incidents.as_ref().unwrap();
    assert_eq!(incidents.severity.get("P2"), Some(&2.0));
    assert!(!incidents.everything && incidents.unless.is_some());
    assert_eq!(rules.pir.as_ref().unwrap().blocks, Waits::Team);
    assert_eq!(rules.board.as_ref().unwrap().notify, ["slack:#incident-review-board"]);
    assert_eq!((rules.rejection.reason, rules.rejection.holds), (20, Length::BusinessHours(1)));
    assert!(rules.separation.pusher && rules.separation.distinct_people && rules.separation.per == Per::Release);
    assert_eq!(rules.waivers.as_ref().unwrap().roles_for("organisation"), ["ciso"]);
    assert_eq!(rules.break_glass.as_ref().unwrap().people, 2);
    assert_eq!(rules.retry_within, Length::Seconds(86_400));
    assert!(rules.experiments[0].b_automatic && rules.experiments[0].sample == 30);
}
