//! `countersign doctor` against a GitHub whose settings are as they should be, but for one thing each.

use serde_json::{Value, json};

use super::{App, POLICY, shop};
use crate::support::github::settings::{Settings, delivery};
use crate::support::github::{TOKEN, Trouble};
use crate::support::run::Said;

/// Runs it with the App's key and an administrator's token.
fn looked(app: &App, more: &[&str]) -> Said {
    app.world.write("token", TOKEN);
    let url = app.github.url();
    let all = ["doctor", "--github", "acme/shop", "--github-url", &url, "--app", super::APP, "--app-key", "app.pem"];
    let rest = ["--token-file", "token", "--public-url", "https://countersign.example"];
    app.world.run(&[&all[..], &rest, more].concat())
}

/// The codes that were found, each with where.
fn codes(said: &Said) -> Vec<(String, String)> {
    let document: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}{}", said.out, said.err));
    let findings = document["findings"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    findings.iter().map(|it| (text(&it["code"]), text(&it["place"]))).collect()
}

fn found(app: &App) -> (i32, Vec<(String, String)>) {
    let said = looked(app, &["--format", "json"]);
    (said.code, codes(&said))
}

#[test]
fn what_is_as_it_should_be_is_found_to_be_so_and_nothing_is_changed_by_looking() {
    let github = shop();
    let app = App::new(&github);
    github.forget();
    let said = looked(&app, &[]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.out.starts_with("CLOSED  0 findings let a release slip past"), "{}", said.out);
    let asked = github.asked();
    let writes: Vec<_> = asked
        .iter()
        .filter(|it| it.method != "GET" && !it.path.ends_with("/graphql") && !it.path.ends_with("/access_tokens"))
        .collect();
    assert!(writes.is_empty(), "{writes:?}");
    assert_eq!(looked(&app, &["--format", "json"]).code, 0);
}

/// What is changed, and what is then found; the exit code.
type Case = (&'static str, fn(&mut Settings), i32, &'static [(&'static str, &'static str)]);

#[test]
fn t33_t39_each_way_past_is_found_by_itself_and_weighed() {
    let cases: [Case; 25] = [
        (
            "administrators may bypass",
            |it| it.environment("production")["can_admins_bypass"] = json!(true),
            11,
            &[("administrators_bypass", "environment production")],
        ),
        (
            "it is not said whether they may",
            |it| it.environment("production")["can_admins_bypass"] = Value::Null,
            3,
            &[("unread", "environment production")],
        ),
        (
            "the policy's environment is not there",
            |it| it.environments.retain(|it| it["name"] != "production"),
            11,
            &[("environment_missing", "environment production")],
        ),
        (
            "the rule is missing",
            |it| it.rules.retain(|name, _| name != "production"),
            11,
            &[("rule_missing", "environment production")],
        ),
        (
            "the rule is switched off",
            |it| *it.rules.get_mut("production").unwrap() = false,
            11,
            &[("rule_disabled", "environment production")],
        ),
        (
            "the rule of an automatic one is missing",
            |it| it.rules.retain(|name, _| name != "staging"),
            10,
            &[("rule_missing_automatic", "environment staging")],
        ),
        (
            "a look-alike in capitals",
            |it| alike(it, "Production "),
            11,
            &[("lookalike_environment", "environment Production ")],
        ),
        ("a look-alike in short", |it| alike(it, "prod"), 11, &[("lookalike_environment", "environment prod")]),
        ("another one", |it| alike(it, "github-pages"), 10, &[("unknown_environment", "environment github-pages")]),
        (
            "every branch",
            |it| it.environment("production")["deployment_branch_policy"] = Value::Null,
            10,
            &[("any_reference", "environment production")],
        ),
        (
            "a pattern for every branch",
            |it| {
                it.environment("production")["deployment_branch_policy"] =
                    json!({"protected_branches": false, "custom_branch_policies": true});
                it.patterns.insert("production".to_owned(), vec!["release/*".to_owned(), "**".to_owned()]);
            },
            10,
            &[("any_reference", "environment production")],
        ),
        (
            "the secret is the repository's too",
            |it| drop(it.secrets.insert(String::new(), vec!["deploy_key".to_owned()])),
            11,
            &[("secret_outside", "environment production")],
        ),
        (
            "the secret is the organisation's too, for all",
            |it| it.shared.push(("DEPLOY_KEY".to_owned(), "all".to_owned())),
            11,
            &[("secret_outside", "environment production"), ("secrets_for_all", "secrets")],
        ),
        (
            "all secrets are outside",
            |it| {
                it.secrets.clear();
                it.secrets.insert(String::new(), vec!["AWS_KEY".to_owned()]);
            },
            10,
            &[("no_secrets_inside", "environment production")],
        ),
        (
            "one's own deployment is reviewed",
            |it| {
                it.environment("production")["protection_rules"] = json!([{"id": 9, "node_id": "R",
                    "type": "required_reviewers", "prevent_self_review": false,
                    "reviewers": [{"type": "User", "reviewer": {"login": "bo"}}]}]);
            },
            10,
            &[("own_review", "environment production")],
        ),
        (
            "an approver administers",
            |it| it.administrators.push("Bo".to_owned()),
            10,
            &[("approver_administers", "administrators")],
        ),
        ("the branch is open", |it| it.protection = None, 11, &[("policy_branch_open", "branch main")]),
        (
            "the branch asks for no review",
            |it| it.protection = Some(json!({"enforce_admins": {"enabled": true}})),
            11,
            &[("policy_branch_open", "branch main")],
        ),
        (
            "administrators need none",
            |it| it.protection.as_mut().unwrap()["enforce_admins"]["enabled"] = json!(false),
            10,
            &[("policy_exempt", "branch main")],
        ),
        (
            "a ruleset asks for one, and lets nobody past",
            |it| {
                it.protection = None;
                ruleset(it, json!([]));
            },
            0,
            &[],
        ),
        (
            "a ruleset lets some past",
            |it| {
                it.protection = None;
                ruleset(it, json!([{"actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "always"}]));
            },
            10,
            &[("policy_exempt", "branch main")],
        ),
        (
            "a permission and an event are missing",
            |it| {
                it.permissions.insert("deployments".to_owned(), "read".to_owned());
                it.events.retain(|event| event != "deployment_review");
            },
            10,
            &[("permission_missing", "the App"), ("event_missing", "the App")],
        ),
        (
            "the hook goes elsewhere",
            |it| it.hook["url"] = json!("https://old.example/hooks/github"),
            10,
            &[("hook_missing", "the App's webhook")],
        ),
        (
            "the hook is not signed, and no certificate looked at",
            |it| it.hook = json!({"url": "https://countersign.example/hooks/github", "insecure_ssl": "1"}),
            10,
            &[("hook_unsafe", "the App's webhook"), ("hook_unsafe", "the App's webhook")],
        ),
        (
            "deliveries fail, and one came through later",
            |it| {
                it.deliveries = vec![
                    delivery("g3", "push", 503),
                    delivery("g2", "push", 202),
                    delivery("g2", "push", 503),
                    delivery("g1", "ping", 503),
                ];
            },
            10,
            &[("hook_failing", "the App's webhook")],
        ),
    ];
    let github = shop();
    let app = App::new(&github);
    for (name, change, code, expected) in cases {
        github.with(|world| {
            world.settings = Settings::default();
            change(&mut world.settings);
        });
        let (exit, found) = found(&app);
        let found: Vec<(&str, &str)> = found.iter().map(|(code, place)| (code.as_str(), place.as_str())).collect();
        assert_eq!((exit, found.as_slice()), (code, expected), "{name}");
    }
}

/// The branch asks for checks of these names, each from an app or from anybody.
fn asks(settings: &mut Settings, checks: &[(&str, Option<i64>)]) {
    let checks: Vec<_> = checks.iter().map(|(name, app)| json!({"context": name, "app_id": app})).collect();
    settings.protection.as_mut().unwrap()["required_status_checks"] =
        json!({"strict": true, "contexts": [], "checks": checks});
}

/// A ruleset does.
fn rules(settings: &mut Settings, name: &str, app: Option<i64>) {
    let mut check = json!({ "context": name });
    if let Some(app) = app {
        check["integration_id"] = json!(app);
    }
    let rule = json!({"type": "required_status_checks", "ruleset_source_type": "Repository", "ruleset_source": "acme/shop",
        "ruleset_id": 8, "parameters": {"strict_required_status_checks_policy": true, "required_status_checks": [check]}});
    settings.rulesets.push((rule, json!({"id": 8, "name": "checks", "enforcement": "active"})));
}

/// What is changed, and what is then found.
type Asking<'c> = (&'static str, &'c dyn Fn(&mut Settings), &'static [(&'static str, &'static str)]);

#[test]
fn t46_a_check_of_our_name_that_anybody_may_write_is_told_of() {
    let open: &'static [(&str, &str)] = &[("check_unpinned", "branch main")];
    let ours = Some(super::APP.parse::<i64>().unwrap());
    let cases: [Asking<'_>; 9] = [
        ("from anybody", &|it| asks(it, &[("countersign", None)]), open),
        (
            "from anybody, in the old words",
            &|it| {
                let asked = json!({"strict": false, "contexts": ["countersign"], "checks": []});
                it.protection.as_mut().unwrap()["required_status_checks"] = asked;
            },
            open,
        ),
        ("from any source, as a number", &|it| asks(it, &[("countersign", Some(-1))]), open),
        ("from another app", &|it| asks(it, &[("countersign", Some(77))]), open),
        ("from anybody, by a ruleset", &|it| rules(it, "countersign", None), open),
        ("from us", &|it| asks(it, &[("countersign", ours), ("build", None)]), &[]),
        ("from us, by a ruleset", &|it| rules(it, "countersign", ours), &[]),
        (
            "from anybody here, and from us there",
            &|it| {
                asks(it, &[("countersign", None)]);
                rules(it, "countersign", ours);
            },
            &[],
        ),
        ("other checks alone", &|it| asks(it, &[("build", None)]), &[]),
    ];
    let github = shop();
    let app = App::new(&github);
    for (name, change, expected) in cases {
        github.with(|world| {
            world.settings = Settings::default();
            change(&mut world.settings);
        });
        let (exit, found) = found(&app);
        let found: Vec<(&str, &str)> = found.iter().map(|(code, place)| (code.as_str(), place.as_str())).collect();
        assert_eq!((exit, found.as_slice()), (if expected.is_empty() { 0 } else { 10 }, expected), "{name}");
    }
}

fn alike(settings: &mut Settings, name: &str) {
    let mut other = settings.environment("production").clone();
    other["name"] = json!(name);
    settings.environments.push(other);
}

fn ruleset(settings: &mut Settings, bypass: Value) {
    let rule = json!({"type": "pull_request", "ruleset_id": 7, "parameters": {"required_approving_review_count": 1}});
    settings.rulesets.push((rule, json!({"id": 7, "name": "main", "enforcement": "active", "bypass_actors": bypass})));
}

#[test]
fn what_the_app_may_not_see_is_unknown_and_never_in_order() {
    let github = shop();
    let app = App::new(&github);
    let url = github.url();
    let by_key = ["doctor", "--github-url", &url, "--app", super::APP, "--app-key", "app.pem", "--format", "json"];
    // Left out, the repositories are those that the App is installed on.
    let said = app.world.run(&by_key);
    let found = codes(&said);
    assert_eq!(said.code, 3, "{}", said.out);
    assert!(found.iter().all(|(code, _)| code == "unread"), "{found:?}");
    let document: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(document["repositories"], json!(["acme/shop"]));
    for what in ["which secrets every job", "which secrets it keeps", "organisation's secrets", "needs a review"] {
        assert!(said.out.contains(what), "{what} is not told of in {}", said.out);
    }
    // What is open is so, whatever else is not known.
    github.with(|world| world.settings.rules.clear());
    assert_eq!(app.world.run(&by_key).code, 11);
    // Of the App itself a token knows nothing.
    github.with(|world| world.settings = Settings::default());
    app.world.write("token", TOKEN);
    let by_token = ["doctor", "--github-url", &url, "--app", super::APP, "--token-file", "token", "--format", "json"];
    let said = app.world.run(&[&by_token[..], &["--github", "acme/shop"]].concat());
    assert_eq!(said.code, 3);
    let places: Vec<String> = codes(&said).into_iter().map(|(_, place)| place).collect();
    assert!(places.contains(&"the App".to_owned()) && places.contains(&"the App's webhook".to_owned()), "{places:?}");
    assert_eq!(app.world.run(&by_token).code, 2);
    // A page that is not read to its end is no list.
    for path in [
        "/collaborators",
        "/environments",
        "/actions/secrets",
        "/branches/main/protection",
        "/hook/deliveries",
        "/members",
    ] {
        for _ in 0..4 {
            github.trouble(path, Trouble::Answer(502, Vec::new(), String::new()));
        }
        let (code, found) = self::found(&app);
        assert_eq!(code, 3, "{path}: {found:?}");
        assert!(found.iter().any(|(code, _)| code == "unread"), "{path}: {found:?}");
    }
}

#[test]
fn a_policy_that_nobody_can_follow_is_told_of() {
    let github = shop();
    let app = App::new(&github);
    let with = |policy: Option<String>| {
        github.with(|world| match policy {
            Some(policy) => drop(world.contents.insert(".countersign/policy.yml".to_owned(), policy)),
            None => world.contents.clear(),
        });
        found(&app)
    };
    let (code, missing) = with(None);
    assert_eq!((code, missing[0].0.as_str()), (10, "policy_missing"), "{missing:?}");
    let (code, broken) = with(Some("version: 1\ngates: 7\n".to_owned()));
    assert_eq!((code, broken[0].0.as_str()), (10, "policy_unusable"), "{broken:?}");
    let members = r#"["github:@acme/nobody", "github:@acme/no-such-team", "github:no-such-login", "user:bo"]"#;
    github.with(|world| drop(world.teams.insert("acme/nobody".to_owned(), Vec::new())));
    let (code, found) = with(Some(POLICY.replace(r#"["github:@acme/shop-leads"]"#, members)));
    let of_role: Vec<&str> =
        found.iter().filter(|(_, place)| place == "role shop-owner").map(|(code, _)| code.as_str()).collect();
    assert_eq!((code, of_role), (10, vec!["group_empty", "member_unknown", "member_unknown"]), "{found:?}");
}

#[test]
fn an_app_that_is_not_there_or_suspended_is_told_of() {
    let github = shop();
    let app = App::new(&github);
    github.with(|world| world.settings.not_installed = true);
    let (code, there) = found(&app);
    assert_eq!((code, there[0].0.as_str()), (10, "not_installed"), "{there:?}");
    github.with(|world| world.settings.not_installed = false);
    github.suspend(true);
    let (code, there) = found(&app);
    assert_eq!((code, there[0].0.as_str()), (10, "suspended"), "{there:?}");
}

#[test]
fn names_of_the_forge_reach_the_terminal_neutralised_and_each_finding_has_its_mend() {
    let github = shop();
    github.with(|world| alike(&mut world.settings, "prod\u{202e}\u{1b}"));
    let app = App::new(&github);
    let said = looked(&app, &[]);
    assert_eq!(said.code, 11, "{}", said.out);
    assert!(!said.out.contains('\u{202e}') && !said.out.contains('\u{1b}'), "{:?}", said.out);
    assert!(said.out.contains("✗ acme/shop, environment prod\\u{202e}"), "{}", said.out);
    assert!(said.out.contains("mend: ") && said.out.contains("code: lookalike_environment"), "{}", said.out);
    assert!(!said.out.contains(TOKEN) && !said.err.contains(TOKEN));
}

#[test]
fn what_is_missing_to_look_is_said() {
    let github = shop();
    let app = App::new(&github);
    for (more, says) in [
        (&["--app-key", "app.pem"][..], "`--app`"),
        (&["--app", super::APP][..], "`--app-key`"),
        (&["--app", super::APP, "--app-key", "app.pem", "--public-url", "http://x.example"][..], "https://"),
        (&["--app", super::APP, "--app-key", "secret"][..], "PEM"),
    ] {
        let said = app.world.run(&[&["doctor", "--github-url", &github.url()][..], more].concat());
        assert_eq!(said.code, 2, "{more:?}: {}", said.err);
        assert!(said.err.contains(says), "{more:?}: {}", said.err);
    }
    // Nobody is there who could be asked.
    let said =
        app.world.run(&["doctor", "--github-url", "http://127.0.0.1:1", "--app", super::APP, "--app-key", "app.pem"]);
    assert_eq!(said.code, 3, "{}", said.err);
}

#[test]
fn the_layer_of_the_organisation_is_looked_at_as_well() {
    let github = shop();
    github.with(|world| {
        world.branches.insert("refs/heads/policy".to_owned(), crate::support::github::world::sha("b0"));
        world.contents.insert("org/policy.yml".to_owned(), POLICY.to_owned());
    });
    let app = App::new(&github);
    let kept = ["--policy-repository", "acme/shop@policy:org/policy.yml"];
    let said = looked(&app, &kept);
    assert_eq!(said.code, 11, "{}{}", said.out, said.err);
    assert!(said.out.contains("policy_unusable") && said.out.contains("is not protected"), "{}", said.out);
    github.with(|world| world.settings.protected.push("policy".to_owned()));
    let said = looked(&app, &kept);
    assert!(!said.out.contains("is not protected"), "{}{}", said.out, said.err);
    // Protected is not yet reviewed: of the layer for all that is asked as of a repository's own.
    let main = ["--policy-repository", "acme/shop@main:org/policy.yml"];
    assert_eq!(looked(&app, &main).code, 0);
    github.with(|world| world.settings.protection = Some(json!({"enforce_admins": {"enabled": true}})));
    let said = looked(&app, &main);
    assert_eq!((said.code, said.out.matches("policy_branch_open").count()), (11, 2), "{}", said.out);
}
