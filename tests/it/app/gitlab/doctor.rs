//! `countersign doctor` against a GitLab whose settings are as they should be, but for one thing each.

use serde_json::{Value, json};

use super::{App, policy, shop};
use crate::support::gitlab::settings::{Settings, delivery, variable};
use crate::support::gitlab::world::{Plan, Rule, World as Project};
use crate::support::gitlab::{APP, Gitlab, TOKEN, reply};
use crate::support::run::Said;

const HOOK: &str = "https://countersign.example/hooks/gitlab";

/// Everything is as it should be: `carla`, who asks, administers the server and approves nothing.
fn tidy() -> Gitlab {
    let gitlab = shop();
    gitlab.with(orderly);
    gitlab
}

fn orderly(world: &mut Project) {
    world.plan = Plan::Premium;
    world.role = 40;
    world.settings = Settings::default();
    world.settings.environments = vec!["staging".to_owned()];
    world.groups.insert("acme/shop-leads".to_owned(), vec![("bo".to_owned(), 40, super::ago(100_000))]);
    world.protected.insert("production".to_owned(), 0);
    world.protected.insert("staging".to_owned(), 0);
    world.rules.insert("production".to_owned(), vec![Rule::of_group("acme/shop-leads", 1), Rule::of(APP)]);
    world.rules.insert("staging".to_owned(), vec![Rule::of(APP)]);
    let own = world.id(APP);
    world.settings.deployers =
        vec![json!({"user_id": own, "group_id": null, "access_level_description": "countersign"})];
    world.settings.members = vec![("dana".to_owned(), 40), ("ana".to_owned(), 30), (APP.to_owned(), 40)];
    world.hooks = vec![(3, HOOK.to_owned(), "executable".to_owned())];
    world.git.contents.insert(".countersign/policy.yml".to_owned(), policy());
}

/// Runs it with the token of the app's account and that of somebody who may see more.
fn looked(app: &App, more: &[&str]) -> Said {
    app.world.write("more", TOKEN);
    let url = app.gitlab.url();
    let all = ["doctor", "--gitlab", "acme/shop", "--gitlab-url", &url, "--gitlab-token-file", "token"];
    let rest = ["--token-file", "more", "--public-url", "https://countersign.example"];
    app.world.run(&[&all[..], &rest, more].concat())
}

fn document(said: &Said) -> Value {
    serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}{}", said.out, said.err))
}

/// The codes that were found, each with where.
fn found(app: &App) -> (i32, Vec<(String, String)>) {
    let said = looked(app, &["--format", "json"]);
    let document = document(&said);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let findings = document["findings"].as_array().unwrap();
    (said.code, findings.iter().map(|it| (text(&it["code"]), text(&it["place"]))).collect())
}

#[test]
fn what_is_as_it_should_be_is_found_to_be_so_with_the_means_in_use_and_nothing_is_changed_by_looking() {
    let gitlab = tidy();
    let app = App::new(&gitlab);
    let said = looked(&app, &[]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.out.starts_with("CLOSED  0 findings let a release slip past"), "{}", said.out);
    assert!(said.out.contains("acme/shop is on GitLab Premium"), "{}", said.out);
    assert!(said.out.contains("a deployment is held by a protected environment"), "{}", said.out);
    assert!(said.out.contains("advisory, not enforced"), "{}", said.out);
    let writes: Vec<_> = gitlab.asked().into_iter().filter(|it| it.method != "GET").collect();
    assert!(writes.is_empty(), "{writes:?}");
    assert!(!said.out.contains(TOKEN) && !said.err.contains(TOKEN));
    // Left out, the projects are those of the app's account.
    let url = gitlab.url();
    let all =
        ["doctor", "--gitlab-url", &url, "--gitlab-token-file", "token", "--token-file", "more", "--format", "json"];
    let said = app.world.run(&all);
    assert_eq!((said.code, &document(&said)["repositories"]), (0, &json!(["acme/shop"])), "{}{}", said.out, said.err);
}

/// What is changed, and what is then found; the exit code.
type Case = (&'static str, fn(&mut Project), i32, &'static [(&'static str, &'static str)]);

#[test]
fn t33_t39_each_way_past_is_found_by_itself_and_weighed() {
    let cases: [Case; 29] = [
        (
            "the hook is disabled",
            |it| it.hooks[0].2 = "temporarily_disabled".to_owned(),
            10,
            &[("hook_disabled", "the webhook")],
        ),
        (
            "deliveries fail",
            |it| {
                it.settings.deliveries =
                    vec![delivery("note_events", &json!("202")), delivery("push_events", &json!("internal error"))];
            },
            10,
            &[("hook_failing", "the webhook")],
        ),
        ("there is no hook", |it| it.hooks.clear(), 10, &[("hook_missing", "the webhook")]),
        (
            "the hook is the group's",
            |it| {
                it.hooks.clear();
                let mut hook = it.settings.hook.clone();
                hook["id"] = json!(9);
                hook["url"] = json!(HOOK);
                it.settings.group_hooks = vec![hook];
            },
            0,
            &[],
        ),
        (
            "no certificate is looked at, and notes are not told of",
            |it| {
                it.settings.hook["enable_ssl_verification"] = json!(false);
                it.settings.hook["note_events"] = json!(false);
            },
            10,
            &[("event_missing", "the app's account"), ("hook_unsafe", "the webhook")],
        ),
        (
            "nothing names the app",
            |it| drop(it.rules.insert("production".to_owned(), vec![Rule::of_group("acme/shop-leads", 1)])),
            11,
            &[("rule_missing", "environment production")],
        ),
        (
            "what names the app asks for nothing",
            |it| it.rules.get_mut("production").unwrap()[1].required = 0,
            11,
            &[("rule_disabled", "environment production")],
        ),
        (
            "the group protects it",
            |it| {
                it.protected.remove("production");
                let rules: Vec<Value> = it.rules["production"].iter().map(|rule| it.rule(rule)).collect();
                it.settings.tiers = vec![json!({"name": "production", "approval_rules": rules,
                    "deploy_access_levels": it.settings.deployers})];
            },
            0,
            &[],
        ),
        (
            "an automatic one is not protected",
            |it| it.protected.retain(|name, _| name != "staging"),
            10,
            &[("rule_missing_automatic", "environment staging")],
        ),
        (
            "a look-alike",
            |it| it.settings.environments.push("Production ".to_owned()),
            11,
            &[("lookalike_environment", "environment Production ")],
        ),
        (
            "another one",
            |it| it.settings.environments.push("review/7".to_owned()),
            10,
            &[("unknown_environment", "environment review/7")],
        ),
        (
            "developers may deploy",
            |it| {
                it.settings
                    .deployers
                    .push(json!({"access_level": 30, "access_level_description": "Developers + Maintainers"}));
            },
            10,
            &[("deployers_wide", "environment production")],
        ),
        (
            "an approver and a group of approvers may deploy",
            |it| {
                let bo = it.id("bo");
                it.settings.deployers.push(json!({"user_id": bo, "access_level_description": "bo"}));
                it.settings.deployers.push(json!({"group_id": 500, "access_level_description": "shop-leads"}));
            },
            0,
            &[],
        ),
        (
            "somebody may deploy who approves nothing",
            |it| {
                let eve = it.id("eve");
                it.settings.deployers.push(json!({"user_id": eve, "access_level_description": "eve"}));
            },
            10,
            &[("deployers_wide", "environment production")],
        ),
        (
            "who starts a pipeline may approve",
            |it| it.settings.project["allow_pipeline_trigger_approve_deployment"] = json!(true),
            10,
            &[("own_review", "environment production")],
        ),
        (
            "the variable is for every job too",
            |it| it.settings.variables.push(variable("deploy_key", "*", true)),
            11,
            &[("secret_outside", "environment production")],
        ),
        (
            "the variable is the group's too",
            |it| it.settings.group_variables.push(variable("DEPLOY_KEY", "*", true)),
            11,
            &[("secret_outside", "environment production")],
        ),
        (
            "all variables are outside",
            |it| it.settings.variables = vec![variable("AWS_KEY", "*", false)],
            10,
            &[("no_secrets_inside", "environment production")],
        ),
        (
            "authors approve, committers do, and it lasts",
            |it| {
                it.settings.approvals = json!({"merge_requests_author_approval": true,
                    "merge_requests_disable_committers_approval": false, "reset_approvals_on_push": false});
            },
            10,
            &[
                ("author_approves", "approvals of changes"),
                ("committer_approves", "approvals of changes"),
                ("approvals_outlast", "approvals of changes"),
            ],
        ),
        (
            "it is not said whose approvals count",
            |it| it.settings.approvals = json!({}),
            3,
            &[("unread", "approvals of changes")],
        ),
        ("the branch is open", |it| it.settings.branches.clear(), 11, &[("policy_branch_open", "branch main")]),
        (
            "the branch asks for no approval",
            |it| it.settings.approval_rules[0]["approvals_required"] = json!(0),
            11,
            &[("policy_branch_open", "branch main")],
        ),
        (
            "an approval is asked for on other branches",
            |it| it.settings.approval_rules[0]["protected_branches"] = json!([{"name": "release/*"}]),
            11,
            &[("policy_branch_open", "branch main")],
        ),
        (
            "maintainers may push, by a pattern",
            |it| {
                let mut other = it.settings.branches[0].clone();
                other["name"] = json!("ma*");
                other["push_access_levels"] = json!([{"access_level": 40, "access_level_description": "Maintainers"}]);
                it.settings.branches.push(other);
            },
            10,
            &[("policy_exempt", "branch main")],
        ),
        (
            "an approver maintains",
            |it| it.settings.members.push(("bo".to_owned(), 40)),
            10,
            &[("approver_administers", "administrators")],
        ),
        (
            "an approver administers the server",
            |it| it.settings.administrators.push("bo".to_owned()),
            10,
            &[("server_administrators", "the server")],
        ),
        (
            "the status check blocks nothing",
            |it| {
                it.plan = Plan::Ultimate;
                it.settings.checks = vec![json!({"id": 1, "name": "countersign", "external_url": HOOK})];
                it.settings.project["only_allow_merge_if_all_status_checks_passed"] = json!(false);
            },
            10,
            &[("check_not_blocking", "the status check")],
        ),
        (
            "the plan has no approvals",
            |it| it.plan = Plan::Free,
            11,
            &[("policy_branch_open", "branch main"), ("advisory", "environment production")],
        ),
        (
            "the plan has no approvals, and every branch reads the variable",
            |it| {
                it.plan = Plan::Free;
                it.settings.variables = vec![variable("DEPLOY_KEY", "prod*", false)];
            },
            11,
            &[
                ("policy_branch_open", "branch main"),
                ("secret_unguarded", "environment production"),
                ("advisory", "environment production"),
            ],
        ),
    ];
    let gitlab = tidy();
    let app = App::new(&gitlab);
    for (name, change, code, expected) in cases {
        gitlab.with(|world| {
            orderly(world);
            change(world);
        });
        let (exit, found) = found(&app);
        let found: Vec<(&str, &str)> = found.iter().map(|(code, place)| (code.as_str(), place.as_str())).collect();
        assert_eq!((exit, found.as_slice()), (code, expected), "{name}");
    }
}

#[test]
fn each_plan_is_told_with_what_is_done_by_which_of_its_means() {
    let gitlab = tidy();
    let app = App::new(&gitlab);
    let in_use = || document(&looked(&app, &["--format", "json"]))["in_use"][0].clone();
    let enforced = |in_use: &Value, does: &str| {
        let ways = in_use["ways"].as_array().unwrap();
        ways.iter().find(|way| way["does"].as_str().unwrap().contains(does)).unwrap()["enforced"].as_bool().unwrap()
    };
    for (plan, word, holds) in [
        (Plan::Free, "GitLab Free", false),
        (Plan::Premium, "GitLab Premium", true),
        (Plan::Ultimate, "GitLab Ultimate", true),
    ] {
        gitlab.with(|world| world.plan = plan);
        let in_use = in_use();
        assert_eq!(in_use["plan"], word, "{in_use}");
        assert_eq!(enforced(&in_use, "a deployment is held"), holds, "{in_use}");
        assert!(!enforced(&in_use, "a merge request is told"), "{in_use}");
    }
    gitlab.with(|world| {
        world.settings.checks = vec![json!({"id": 1, "name": "countersign", "external_url": HOOK})];
        world.settings.project["only_allow_merge_if_all_status_checks_passed"] = json!(true);
    });
    assert!(enforced(&in_use(), "a merge request is told"));
    // The vendor's word for the plan goes before what is answered.
    gitlab.with(|world| world.settings.namespace["plan"] = json!("premium_trial"));
    assert_eq!(in_use()["plan"], "GitLab Premium");
}

#[test]
fn what_nobody_may_see_is_unknown_and_never_in_order() {
    let gitlab = tidy();
    let app = App::new(&gitlab);
    // A developer's token sees neither protections nor variables.
    gitlab.with(|world| world.role = 30);
    let (code, there) = found(&app);
    assert_eq!(code, 3, "{there:?}");
    assert!(there.iter().all(|(code, _)| code == "unread"), "{there:?}");
    for place in
        ["the plan", "the webhook", "environment production", "variables", "branch main", "approvals of changes"]
    {
        assert!(there.iter().any(|(_, it)| it == place), "{place} is not told of: {there:?}");
    }
    // Nobody but an administrator is told who administers the server.
    gitlab.with(|world| {
        orderly(world);
        world.settings.administrators.clear();
    });
    assert_eq!(found(&app), (3, vec![("unread".to_owned(), "the server".to_owned())]));
    // A page that is not read to its end is no list.
    gitlab.with(orderly);
    for path in ["/environments", "/variables", "/protected_branches", "/approval_rules", "/members/all", "/hooks"] {
        for _ in 0..4 {
            gitlab.trouble(path, reply(502, &json!({"message": "gone"})));
        }
        let (code, there) = found(&app);
        gitlab.untroubled();
        assert_eq!(code, 3, "{path}: {there:?}");
    }
}

#[test]
fn an_account_that_is_no_member_and_a_project_that_was_moved_are_told_of() {
    let gitlab = tidy();
    let app = App::new(&gitlab);
    gitlab.with(|world| world.git.outside.push(APP.to_owned()));
    let (code, there) = found(&app);
    assert_eq!((code, there[0].0.as_str()), (10, "not_installed"), "{there:?}");
    // There is nothing to be asked without the app's own token.
    let url = gitlab.url();
    let said = app.world.run(&["doctor", "--gitlab", "acme/shop", "--gitlab-url", &url]);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("--gitlab-token-file"), "{}", said.err);
    let said = app.world.run(&["doctor", "--gitlab", "acme/shop", "--github", "acme/shop"]);
    assert_eq!(said.code, 2, "{}", said.err);
}

#[test]
fn a_version_that_is_not_supported_is_told() {
    let gitlab = tidy();
    let app = App::new(&gitlab);
    let server = |code: &str| vec![(code.to_owned(), "the server".to_owned())];
    for (version, says, (code, codes)) in [
        ("19.5.1-ee", "its version 19.5.1-ee", (0, vec![])),
        ("18.0.0", "its version 18.0.0", (0, vec![])),
        ("17.11.10", "older than those that are supported", (10, server("version_unsupported"))),
        ("20.0.0-pre", "is newer", (10, server("version_unsupported"))),
        ("nightly", "calls its version nightly", (3, server("unread"))),
    ] {
        gitlab.with(|world| world.settings.version = version);
        let said = document(&looked(&app, &["--format", "json"]));
        let ways = said["in_use"][0]["ways"].as_array().unwrap();
        let way = ways.iter().find(|way| way["does"].as_str().unwrap().contains("the server mean")).unwrap();
        assert!(way["by"].as_str().unwrap().contains(says), "{way}");
        assert_eq!(way["enforced"], codes.is_empty(), "{way}");
        assert!(way["by"].as_str().unwrap().contains("supported are 18 and 19"), "{way}");
        assert_eq!(found(&app), (code, codes));
    }
    // Nor is a server of a supported version that does not say so.
    gitlab.with(|world| world.settings.version = "18.0.0");
    gitlab.trouble("/version", reply(403, &json!({"message": "403 Forbidden"})));
    assert_eq!(found(&app), (3, server("unread")));
}

#[test]
fn issues_that_are_switched_off_are_told_where_something_is_to_be_kept_in_them() {
    let gitlab = tidy();
    gitlab.with(|world| world.settings.project["issues_access_level"] = json!("disabled"));
    let app = App::new(&gitlab);
    assert_eq!(found(&app), (0, vec![]), "nothing is kept in them");
    gitlab.with(|world| {
        let text = super::owing::of_emergencies();
        world.git.contents.insert(".countersign/policy.yml".to_owned(), text);
    });
    let (_, codes) = found(&app);
    assert!(codes.contains(&("issues_off".to_owned(), "issues".to_owned())), "{codes:?}");
    gitlab.with(|world| world.settings.project["issues_access_level"] = json!("enabled"));
    let (_, codes) = found(&app);
    assert!(codes.iter().all(|(code, _)| code != "issues_off"), "{codes:?}");
}
