//! Layers: the stricter word wins, and what relaxes is the outer layer's to say or to hand down.

mod word;

use countersign::policy::{self, Policy};
use rstest::rstest;

use self::word::at;
use super::{source, told};

const ORG: &str = "version: 1
layer: organisation
environments:
  staging: { approval: automatic }
  production: { approval: formal }
gates: { g: { junit: a.xml, require: 'true' } }
roles:
  owner: { members: ['github:@acme/owners'] }
  ciso: { members: ['user:sam', 'user:kim', 'user:lee'] }
  cab: { members: ['github:@acme/cab'] }
";
const REPO: &str = "version: 1
layer: repository
environments: { production: { approval: formal } }
gates: {}
";

fn layered(org: &str, repo: &str) -> Result<Policy, String> {
    let org = merged(ORG, org);
    let repo = merged(REPO, repo);
    policy::read(vec![source("org.yml", &org), source("repo.yml", &repo)]).map_err(|complaints| told(&complaints))
}

/// A head, in which sections that the rest states too give way.
fn merged(head: &str, rest: &str) -> String {
    let section = |line: &str| line.split_once(':').map(|(key, _)| key.to_owned()).filter(|key| !key.starts_with(' '));
    let stated: Vec<String> = rest.lines().filter_map(section).collect();
    let mut out = String::new();
    let mut skipping = false;
    for line in head.lines() {
        if let Some(key) = section(line) {
            skipping = stated.contains(&key);
        }
        if !skipping {
            out.push_str(line);
            out.push('\n');
        }
    }
    out + rest + "\n"
}

const NORMAL: &str = "approvals: { accountable: 1 }";
const RARELY: &str = "rigor: {steps: [{when: team.emergencies_90d >= 3}]}";

#[rstest]
#[case(
    "approval",
    "environments: {production: {approval: formal}}",
    "environments: {production: {approval: automatic}}",
    "Formal"
)]
#[case(
    "approval",
    "environments: {production: {approval: automatic}}",
    "environments: {production: {approval: formal}}",
    "Formal"
)]
#[case(
    "approval",
    "environments: {production: {approval: automatic}}",
    "environments: {production: {approval: {when: release.lines < 9, then: automatic, else: formal}}}",
    "true: release.lines < 9"
)]
#[case(
    "approval",
    "environments: {production: {approval: {when: release.lines < 9, then: automatic, else: formal}}}",
    "environments: {production: {approval: {when: release.files > 3, then: formal, else: automatic}}}",
    "true: (release.lines < 9) && (!(release.files > 3))"
)]
#[case(
    "branches",
    "environments: {production: {approval: formal, branches: [main, dev]}}",
    "environments: {production: {approval: formal, branches: [main, v1]}}",
    "main"
)]
#[case(
    "branches",
    "environments: {production: {approval: formal, branches: [main]}}",
    "environments: {production: {approval: formal}}",
    "main"
)]
#[case(
    "branches",
    "environments: {production: {approval: formal, branches: [main]}}",
    "environments: {production: {approval: formal, tags: ['v*']}}",
    ""
)]
#[case(
    "tags",
    "environments: {production: {approval: formal, branches: [main]}}",
    "environments: {production: {approval: formal, tags: ['v*']}}",
    "false"
)]
#[case(
    "soak",
    "environments: {staging: {approval: automatic}, production: {approval: formal, from: staging, soak: 2h}}",
    "environments: {production: {approval: formal, from: staging, soak: 90min}}",
    "2h"
)]
#[case(
    "soak",
    "environments: {staging: {approval: automatic}, production: {approval: formal, from: staging, soak: 2h}}",
    "environments: {production: {approval: formal, from: staging, soak: 1d}}",
    "1d"
)]
#[case(
    "same",
    "environments: {staging: {approval: automatic}, production: {approval: formal, from: staging, same: artifact}}",
    "environments: {production: {approval: formal, from: staging, same: commit}}",
    "Artifact"
)]
#[case(
    "deployed_by",
    "environments: {production: {approval: formal, deployed_by: [github, argocd]}}",
    "environments: {production: {approval: formal, deployed_by: [argocd, jenkins]}}",
    "argocd"
)]
fn of_two_environments_the_stricter_holds(
    #[case] what: &str,
    #[case] org: &str,
    #[case] repo: &str,
    #[case] expected: &str,
) {
    assert_eq!(at(&layered(org, repo).unwrap().rules, what), expected);
}

#[rstest]
#[case("approvals", "approvals: { accountable: 2 }", "approvals: { accountable: 1 }", r#"[("accountable", 2)]"#)]
#[case("approvals", NORMAL, "approvals: { accountable: 2, ciso: 1 }", r#"[("accountable", 2), ("ciso", 1)]"#)]
#[case("expire", "approvals: { accountable: 1, expire: 5bd }", "approvals: { expire: 8d }", "5bd")]
#[case("expire", "approvals: { accountable: 1, expire: 5bd }", "approvals: { expire: 1d }", "1d")]
#[case(
    "counts_from",
    "approvals: { accountable: 1, counts_from: [page, command] }",
    "approvals: { counts_from: [page, review] }",
    "[Page]"
)]
#[case("counts_from", NORMAL, "approvals: { counts_from: [page, review] }", "[Page]")]
#[case(
    "cab",
    "cab: { when: release.lines > 9 }, approvals: { accountable: 1 }",
    "cab: { when: release.files > 9 }",
    r#"Some(Some("(release.lines > 9) || (release.files > 9)"))"#
)]
#[case("cab", NORMAL, "cab: {}", "Some(None)")]
#[case("may_skip", "may_skip: [g, h], approvals: { accountable: 1 }", "may_skip: [h]", "h")]
#[case("may_skip", NORMAL, "may_skip: [h]", "")]
#[case("automatic", "approval: automatic", "cab: {}", "true")]
#[case("automatic", "approval: automatic", "approvals: { ciso: 1 }", "false")]
#[case("automatic", NORMAL, "approval: automatic", "false")]
#[case("any hours", "hours: any, approvals: { accountable: 1 }", "hours: open", "false")]
#[case("any hours", NORMAL, "hours: any", "false")]
#[case(
    "then",
    "then: { audit: { by: ciso, within: 2d } }, approvals: { accountable: 1 }",
    "then: { audit: { by: ciso, within: 1d, needs: evidence } }",
    "1d true"
)]
fn of_two_routes_the_stricter_holds(#[case] what: &str, #[case] org: &str, #[case] repo: &str, #[case] expected: &str) {
    let gates = "gates: { g: { junit: a.xml, require: 'true' }, h: { junit: a.xml, require: 'true' } }\n";
    let board = r#"calendar: { cab: { meetings: "DTSTART:20260901T140000\nRRULE:FREQ=WEEKLY;BYDAY=TU" } }
"#;
    let policy = layered(
        &format!("{board}{gates}routes: {{ normal: {{ {org} }} }}"),
        &format!("routes: {{ normal: {{ {repo} }} }}"),
    );
    assert_eq!(at(&policy.unwrap().rules, what), expected);
}

#[rstest]
#[case("linked", "identity: any", "identity: linked", "true")]
#[case("linked", "identity: linked", "identity: any", "true")]
#[case("exclude", "separation: {exclude: [author]}", "separation: {exclude: [pusher]}", "true false false true false")]
#[case("exclude", "", "separation: {exclude: [author]}", "true true true true true")]
#[case("per", "separation: {per: change}", "separation: {per: release}", "Release")]
#[case("per", "separation: {per: release}", "separation: {per: change}", "Release")]
#[case("per", "separation: {per: change}", "", "Change")]
#[case("per", "", "separation: {per: change}", "Release")]
#[case("per", "delegate: [separation]", "separation: {per: change}", "Change")]
#[case("distinct", "separation: {distinct_people: false}", "separation: {distinct_people: true}", "true")]
#[case("rejection", "rejection: {reason: 20}", "rejection: {reason: 5, holds: 2bh}", "5 2bh")]
#[case("rejection", "rejection: {reason: 5}", "rejection: {reason: 20}", "5 1bh")]
#[case("rejection", "", "rejection: {reason: 100000, holds: 0s}", "1 1bh")]
#[case("rejection", "delegate: [rejection]", "rejection: {reason: 30, holds: 0s}", "30 0s")]
#[case(
    "waivers",
    "waivers: {by: ciso, max: 30d, needs: reason}",
    "waivers: {by: ciso, max: 7d, needs: compensating_control}",
    "7d true true"
)]
#[case("waiving", "waivers: {by: ciso, max: 30d}", "waivers: {by: owner}", r#"["ciso"] ["ciso", "owner"]"#)]
#[case("waiving", "", "waivers: {by: owner}", r#"[] ["owner"]"#)]
#[case(
    "emergency",
    "classes: {emergency: {when: incident.severity <= 2 && release.fixes(incident)}}",
    "classes: {emergency: {when: incident.severity <= 1 && release.fixes(incident)}}",
    "(incident.severity <= 2 && release.fixes(incident)) && (incident.severity <= 1 && release.fixes(incident))"
)]
#[case("needs", "change: {needs: [a]}", "change: {needs: [b]}", "a b")]
#[case("proceeds_in", "change: {proceeds_in: [Implement, Done]}", "change: {proceeds_in: [Implement]}", "Implement")]
#[case("one record", "change: {one_for: package}", "change: {one_for: component}", "false")]
#[case("block_at", "incidents: {block_at: 2}", "incidents: {block_at: 1}", "2")]
#[case("block_at", "incidents: {block_at: 1}", "incidents: {block_at: 3}", "3")]
#[case("everything", "incidents: {blocks: affected_components}", "incidents: {blocks: everything}", "true")]
#[case("unless", "incidents: {unless: release.lines < 9}", "incidents: {block_at: 1}", r#"Some("release.lines < 9")"#)]
#[case("unless", "incidents: {block_at: 1}", "incidents: {unless: release.lines < 9}", "None")]
#[case("severity", "incidents: {severity: {P1: 2}}", "incidents: {severity: {P1: 2}}", r#"{"P1": 2.0}"#)]
#[case(
    "severity",
    "delegate: [incidents.severity]\nincidents: {severity: {P1: 2}}",
    "incidents: {severity: {P1: 1, P2: 2}}",
    r#"{"P1": 1.0, "P2": 2.0}"#
)]
#[case(
    "rigor",
    "rigor: {max: 1, routes: [normal], steps: [{when: team.emergencies_90d >= 3}]}\nroutes: {normal: {approvals: {ciso: 1}}, other: {when: release.lines > 9, approvals: {ciso: 1}}}",
    "rigor: {max: 2, routes: [other], steps: [{when: team.emergencies_90d >= 2}]}",
    r#"Some(2) 2 ["normal", "other"]"#
)]
#[case("rigor", "calendar: {peak: {p: {from: 2026-12-01, to: 2026-12-09, rigor: +3}}}", RARELY, "None 1 []")]
#[case(
    "rigor",
    "routes: {normal: {approvals: {ciso: 1}}, other: {when: release.lines > 9, approvals: {ciso: 1}}}\ncalendar: {peak: {p: {from: 2026-12-01, to: 2026-12-09, rigor: +3}}}",
    "rigor: {max: 1, routes: [other]}",
    r#"None 0 ["normal", "other"]"#
)]
#[case("rigor", RARELY, RARELY, "None 2 []")]
#[case("incidents_within", "rigor: {incidents_within: 24h}", "rigor: {incidents_within: 48h}", "Some(172800)")]
#[case("incidents_within", "rigor: {incidents_within: 24h}", "rigor: {incidents_within: 2h}", "Some(86400)")]
#[case("incidents_within", "rigor: {incidents_within: 24h}", RARELY, "Some(86400)")]
#[case("incidents_within", RARELY, "rigor: {incidents_within: 2h}", "Some(7200)")]
#[case(
    "incidents_within",
    "delegate: [rigor.incidents_within]\nrigor: {incidents_within: 24h, steps: [{when: team.failure_rate_90d > 0.1}]}",
    "rigor: {incidents_within: 2h}",
    "Some(7200)"
)]
#[case("rigor", "rigor: {max: 1, steps: []}", RARELY, "Some(1) 1 []")]
#[case(
    "pir",
    "reviews: {pir: {by: ciso, within: 5bd, blocks: component, holds_while: overdue}}",
    "reviews: {pir: {by: ciso, within: 1d, blocks: team, holds_while: open}}",
    "1d Team false"
)]
#[case("board", "reviews: {board: {notify: a}}", "reviews: {board: {notify: b}}", "a b")]
#[case(
    "glass",
    "break_glass: {grant_by: [ciso], people: 2, releases: 2, expires: 4h}",
    "break_glass: {people: 3, releases: 1, expires: 1h}",
    "3 1 1h"
)]
#[case("retry", "retry_within: 24h", "retry_within: 2h", "2h")]
#[case("retry", "retry_within: 1h", "retry_within: 24h", "1h")]
#[case("delegation", "delegation: {within: role, max: 14d}", "delegation: {max: 2d}", r#"Some("2d")"#)]
#[case("delegation", "delegation: {within: role, max: 14d}", "delegation: {within: none}", "None")]
#[case("delegation", "delegation: {within: none}", "delegation: {within: role}", "None")]
#[case(
    "risk",
    "risk: {weights: {peak: 5}, impact: {high: 60, medium: 30}}",
    "risk: {weights: {tier.critical: 5}, impact: {high: 80, medium: 10}}",
    "Some(60.0) Some(10.0) 2"
)]
#[case(
    "calendar",
    "calendar: {timezone: Europe/London, business_hours: 'Mo-Fr 08:00-18:00', freeze: {a: {from: 2026-01-01, to: 2026-01-02}}}",
    "calendar: {freeze: {a: {from: 2026-02-01, to: 2026-02-02}}, peak: {b: {from: 2026-02-01, to: 2026-02-02}}}",
    "Europe/London Mo-Fr 08:00-18:00 0 2 1"
)]
#[case("components", "components: {wiki: {paths: ['w/**']}}", "components: {site: {paths: ['s/**']}}", "wiki site")]
#[case(
    "raci",
    "raci: [{when: release.lines > 9, informed: [ciso]}]",
    "raci: [{informed: [owner]}]",
    "organisation repository"
)]
#[case(
    "raci",
    "delegate: [raci]\nraci: [{when: release.lines > 9, informed: [ciso]}]",
    "raci: [{informed: [owner]}]",
    "repository"
)]
#[case("raci", "delegate: [raci]\nraci: [{when: release.lines > 9, informed: [ciso]}]", "", "organisation")]
#[case(
    "calendar",
    "delegate: [calendar.business_hours]\ncalendar: {timezone: Europe/London, business_hours: 'Mo-Fr 08:00-18:00'}",
    "calendar: {business_hours: 'Mo-Fr 07:00-15:00'}",
    "Europe/London Mo-Fr 07:00-15:00 0 0 0"
)]
#[case(
    "approvals",
    "delegate: [routes.normal]\nroutes: {normal: {approvals: {ciso: 2}}}",
    "routes: {normal: {approvals: {owner: 1}}}",
    r#"[("owner", 1)]"#
)]
fn of_two_layers_the_stricter_holds(#[case] what: &str, #[case] org: &str, #[case] repo: &str, #[case] expected: &str) {
    assert_eq!(at(&layered(org, repo).unwrap().rules, what), expected);
}

#[rstest]
#[case::members(
    "",
    "roles: {ciso: {members: ['user:mallory']}}",
    "`roles.ciso` is defined by the organisation layer (org.yml:"
)]
#[case::component(
    "components: {wiki: {paths: ['w/**'], tier: critical}}",
    "components: {wiki: {paths: ['w/**'], tier: routine}}",
    "`components.wiki` is defined by the organisation layer"
)]
#[case::person(
    "people: {sam: {github: sam-x}}",
    "people: {sam: {github: mallory}}",
    "`people.sam` is defined by the organisation layer"
)]
#[case::named_person(
    "",
    "people: {sam: {github: mallory}}",
    "a role of the organisation layer names `user:sam`, so whose accounts these are is its own to say"
)]
#[case::linked_accounts(
    "roles: {leads: {members: ['github:@acme/leads']}}",
    "people: {x: {github: [carla, mallory]}}",
    "whose accounts belong together, and who is away, says who may act in them; define `people.x` in org.yml"
)]
#[case::away(
    "",
    "people: {x: {github: carla, away: [{from: 2026-12-01, to: 2026-12-09}]}}",
    "whose accounts belong together, and who is away, says who may act in them"
)]
#[case::linked_at_all("identity: linked", "people: {x: {github: mallory}}", "define `people.x` in org.yml")]
#[case::severity(
    "incidents: {severity: {SEV3: 3}}",
    "incidents: {severity: {SEV3: 1}}",
    "`SEV3` of `incidents.severity` is"
)]
#[case::severity_added(
    "incidents: {severity: {SEV3: 3}}",
    "incidents: {severity: {SEV9: 5}}",
    "`severity.SEV9` says which incidents make an emergency, and that is for the organisation layer to say"
)]
#[case::severity_alone(
    "classes: {emergency: {when: incident.severity <= 1}}",
    "incidents: {severity: {SEV9: 1}}",
    "`severity.SEV9` says which incidents make an emergency"
)]
#[case::incidents_within_a_step(
    "rigor: {steps: [{when: team.failure_rate_90d > 0.1}]}",
    "rigor: {incidents_within: 24h}",
    "every incident that is linked to a deployment makes it a failure, whenever it began"
)]
#[case::incidents_within_a_weight(
    "risk: {weights: {team.failure_rate: 40 * rate}, impact: {high: 60, medium: 30}}",
    "rigor: {incidents_within: 24h}",
    "leave `incidents_within` out here, or add `rigor.incidents_within` to `delegate`"
)]
#[case::confirmed_by(
    "incidents: {block_at: 2}",
    "incidents: {confirmed_by: owner}",
    "`confirmed_by` says which incidents make an emergency"
)]
#[case::business_hours(
    "calendar: {closed: {a: {hours: 'Fr 08:00-17:00', stops: [approval]}}}",
    "calendar: {business_hours: '24/7'}",
    "other hours would change when theirs is over"
)]
#[case::holidays(
    "calendar: {timezone: Europe/London}\nroutes: {normal: {approvals: {ciso: 1}, expire: 5bd}}",
    "calendar: {holidays: [GB]}",
    "what they let expire would live longer by them"
)]
#[case::more_holidays(
    "calendar: {holidays: [GB]}",
    "calendar: {holidays: [GB, DE]}",
    "state `holidays` there, or add `calendar.holidays` to `delegate`"
)]
#[case::models(
    "routes: {normal: {approvals: {ciso: 1}}}\nclasses: {standard: {when: release.lines < 9}}",
    "classes: {standard: {models: [m]}}\nstandard_changes: {m: {when: release.lines < 3, approved_by: ciso}}",
    "`classes.standard` would loosen"
)]
#[case::route(
    "routes: {normal: {approvals: {ciso: 1}}}",
    "routes: {quick: {when: 'true', approval: automatic}}",
    "`routes.quick` would loosen how the organisation layer approves releases"
)]
#[case::route_condition(
    "routes: {normal: {approvals: {ciso: 1}}}",
    "routes: {normal: {when: release.lines > 9}}",
    "`when` of `routes.normal` would change whom an outer layer's route asks"
)]
#[case::escalation(
    "routes: {normal: {approvals: {ciso: 1}}}",
    "routes: {normal: {escalate: {undecided_after: 1h, to: owner}}}",
    "`escalate` of `routes.normal` would change whom an outer layer's route asks"
)]
#[case::class(
    "routes: {normal: {approvals: {ciso: 1}}}",
    "classes: {emergency: {when: incident.severity <= 5}}",
    "`classes.emergency` would loosen"
)]
#[case::glass(
    "routes: {normal: {approvals: {ciso: 1}}}",
    "break_glass: {grant_by: [owner]}",
    "`break_glass` would loosen"
)]
#[case::retry("routes: {normal: {approvals: {ciso: 1}}}", "retry_within: 24h", "`retry_within` would loosen")]
#[case::delegation(
    "routes: {normal: {approvals: {ciso: 1}}}",
    "delegation: {within: role}",
    "`delegation` would loosen"
)]
#[case::experiment(
    "",
    "experiments: {e: {on: component.tier == 'routine', b: {approval: automatic}, stop_if: b.failure_rate > 0.1}}",
    "`experiments.e` would let releases past approvals that the organisation layer asks for"
)]
#[case::weight(
    "risk: {weights: {peak: 5}}",
    "risk: {weights: {peak: 1}}",
    "`peak` of `risk.weights` is the number `5` in the organisation layer"
)]
#[case::negative_weight(
    "risk: {weights: {peak: 5}}",
    "risk: {weights: {tier.critical: -50}}",
    "would lower the score of an outer layer"
)]
#[case::zone(
    "calendar: {timezone: Europe/London}",
    "calendar: {timezone: UTC}",
    "`calendar.timezone` is defined by the organisation layer"
)]
#[case::from(
    "environments: {staging: {approval: automatic}, production: {approval: formal, from: staging}}",
    "environments: {dev: {approval: automatic}, production: {approval: formal, from: dev}}",
    "`from` of `environments.production` is the text `staging` in the organisation layer"
)]
#[case::deployers(
    "environments: {production: {approval: formal, deployed_by: [github]}}",
    "environments: {production: {approval: formal, deployed_by: [jenkins]}}",
    "nothing could deploy to `production`"
)]
#[case::follow(
    "routes: {normal: {approvals: {ciso: 1}, then: {audit: {by: ciso, within: 1d}}}}",
    "routes: {normal: {then: {audit: {by: owner, within: 1d}}}}",
    "is by `ciso` in the organisation layer"
)]
#[case::system(
    "change: {system: servicenow}",
    "change: {system: jira}",
    "`system` of `change` is the text `servicenow` in the organisation layer"
)]
fn t14_what_loosens_is_refused_with_how_to_allow_it(#[case] org: &str, #[case] repo: &str, #[case] says: &str) {
    let told = layered(org, repo).map(|_| ()).unwrap_err();
    assert!(told.contains(says), "{told}");
    assert!(told.contains("repo.yml:"), "{told}");
}

#[rstest]
#[case(
    "routes: {normal: {approvals: {ciso: 1}}}\ndelegate: [routes.quick]",
    "routes: {quick: {when: 'release.lines < 2', approval: automatic}}"
)]
#[case(
    "roles: {ciso: {members: ['user:sam']}, owner: {members: ['user:o']}}\ndelegate: [roles.ciso]",
    "roles: {ciso: {members: ['user:kim']}}"
)]
#[case("routes: {normal: {approvals: {ciso: 1}}}\ndelegate: [break_glass]", "break_glass: {grant_by: [owner, ciso]}")]
#[case(
    "delegate: [experiments]",
    "experiments: {e: {on: component.tier == 'routine', b: {approval: automatic}, stop_if: b.failure_rate > 0.1}}"
)]
#[case("delegate: [people]", "people: {sam: {github: sam-x}}")]
#[case("", "routes: {normal: {approvals: {owner: 1}}}")]
#[case("components: {wiki: {paths: ['w/**']}}", "components: {wiki: {paths: ['w/**']}}")]
fn what_was_handed_down_or_never_stated_is_the_inner_layers(#[case] org: &str, #[case] repo: &str) {
    assert_eq!(layered(org, repo).map(|_| ()), Ok(()));
}

#[rstest]
#[case("delegate: [roels]", "there is no section `roels` to hand down; did you mean `roles`?")]
#[case("delegate: [roles.cisso]", "there is no `cisso` under `roles` in this layer to hand down")]
#[case("delegate: [calendar.timezon]", "did you mean `calendar.timezone`?")]
#[case("delegate: [gates]", "gates are handed down one by one")]
#[case("delegate: [extends]", "cannot be handed down")]
#[case("delegate: [raci.x]", "can only be handed down as a whole")]
#[case("delegate: [separation]", "every inner layer may now say for itself")]
fn what_cannot_be_handed_down_is_told(#[case] org: &str, #[case] says: &str) {
    let told = match layered(org, "") {
        Ok(policy) => super::told(&policy.warnings),
        Err(told) => told,
    };
    assert!(told.contains(says), "{told}");
}

#[test]
fn a_requirement_names_its_layer_its_line_and_why_it_was_kept() {
    let policy = layered(
        "environments: {staging: {approval: automatic}, production: {approval: formal, from: staging, soak: 2h}}\nroutes: {normal: {approvals: {ciso: 1}}}",
        "environments: {production: {approval: automatic, soak: 1h, from: staging}}\nroutes: {normal: {approvals: {ciso: 2}}}",
    )
    .unwrap();
    assert_eq!(
        at(&policy.rules, "environment kept"),
        "`approval` formal is stricter than automatic in repository; `soak` 2h is stricter than 1h in repository"
    );
    assert_eq!(
        at(&policy.rules, "route kept"),
        "`approvals.ciso` 2 in repository (repo.yml:5) is stricter than 1 here"
    );
    let normal = &policy.rules.routes[0].stated;
    assert_eq!((normal.layer.as_str(), normal.file.as_str()), ("organisation", "org.yml"));
    assert!(normal.line > 0);
}

#[test]
fn three_layers_join_from_the_outside_in() {
    let layer = |name: &str, count: u32| {
        source(
            &format!("{name}.yml"),
            &format!(
                "version: 1\nlayer: {name}\nenvironments: {{p: {{approval: formal}}}}\ngates: {{g: {{junit: a.xml, require: 'true'}}}}\nroles: {{lead: {{members: ['user:a', 'user:b', 'user:c']}}}}\nroutes: {{normal: {{approvals: {{lead: {count}}}}}}}\n"
            ),
        )
    };
    let policy = policy::read(vec![layer("organisation", 2), layer("group", 3), layer("repository", 1)])
        .unwrap_or_else(|complaints| panic!("{}", told(&complaints)));
    assert_eq!(at(&policy.rules, "approvals"), r#"[("lead", 3)]"#);
}

#[rstest]
#[case("extends: { path: ../org.yml, sha256: AB }")]
#[case("\"extends\": { path: ../org.yml, sha256: AB }")]
#[case("\"\\x65xtends\": { path: ../org.yml, sha256: AB }")]
fn t14_a_pin_is_found_however_yaml_spells_its_key(#[case] line: &str) {
    let pin = policy::layers::parent(&format!("{REPO}{line}\n"));
    assert_eq!(pin.map(|pin| (pin.path, pin.sha256)), Some(("../org.yml".to_owned(), "ab".to_owned())));
}
