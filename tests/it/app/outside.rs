//! Deployments that GitHub does not know of: who may tell of them, which decision let them in, and what becomes of those that
//! none did.

use serde_json::{Value, json};

use super::ledger::{next, policy, promoting, summary};
use super::taking::Taking;
use super::{NEXT, POLICY, RUN, asks, reviews, reviews_of, shop, told, told_of, until};
use crate::support::github::Github;
use crate::support::github::tokens;
use crate::support::github::world::{REPOSITORY, Rule, sha};
use crate::support::run::Said;

const BUILT: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const ANEW: &str = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
const HERE: &str = "https://argocd.acme.example/applications/checkout?operation=1";

/// The app, and Argo CD with a key that may tell of production.
pub fn with_argocd(github: Github) -> Taking {
    let mut taking = Taking::of(github);
    let made = taking.app.world.run(&["grant", "key", "--name", "argocd.acme.example", "--output", "argocd.key"]);
    assert_eq!(made.code, 0, "{}", made.err);
    taking.app.world.write(
        "deployers.yml",
        format!("argocd: {{ key: '{}', repositories: [{REPOSITORY}], environments: [production] }}\n", made.out.trim()),
    );
    taking.more = vec!["--deployers".to_owned(), "deployers.yml".to_owned()];
    taking
}

/// Somebody with Argo CD's key tells of a deployment to production.
pub fn tells(taking: &Taking, status: &str, more: &[&str]) -> Said {
    let mut words = vec!["deployed", "--server", &taking.url, "--key", "argocd.key", "--status", status];
    for (option, value) in [("--repository", REPOSITORY), ("--environment", "production"), ("--url", HERE)] {
        if !more.contains(&option) {
            words.extend([option, value]);
        }
    }
    words.extend(more);
    taking.app.world.run(&words)
}

/// The columns of the deployments that somebody told of.
fn listed(taking: &Taking) -> Vec<Vec<String>> {
    let said = taking.app.world.run(&["db", "list", "deployments", "--database", "sqlite:record.db"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let lines = said.out.lines().map(|line| line.split('\t').map(str::to_owned).collect::<Vec<_>>());
    lines.filter(|columns| columns.get(4).is_some_and(|it| it.starts_with("told:"))).collect()
}

/// Run 900 was let into production.
fn opened(github: Github) -> Taking {
    asks(&github);
    reviews(&github, "bo", "APPROVED");
    let mut taking = with_argocd(github);
    taking.start();
    until("an answer", || told(&taking.github).decided.is_some());
    taking
}

#[test]
fn a_deployment_of_argo_cd_is_let_in_by_the_decision_on_its_content_and_is_told_once() {
    let taking = opened(shop());
    let commit = sha("51");
    let said = tells(&taking, "started", &["--commit", &commit]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.starts_with("told:") && said.out.ends_with(" began\n"), "{}", said.out);
    until("the decision", || listed(&taking).iter().any(|it| it[10] != "-"));
    let again = tells(&taking, "started", &["--commit", &commit]);
    assert!(again.code == 0 && again.out.contains("it was known before"), "{}{}", again.out, again.err);
    assert_eq!(tells(&taking, "failed", &["--commit", &commit]).code, 0);
    let again = tells(&taking, "started", &["--commit", &commit]);
    assert!(again.code == 0 && again.out.contains("failed; it was known before"), "{}", again.out);
    // How it ended is said once.
    let other = tells(&taking, "succeeded", &["--commit", &commit]);
    assert_eq!(other.code, 2, "{}", other.out);
    assert!(other.err.contains("409") && other.err.contains("ended already, and failed"), "{}", other.err);
    let rows = listed(&taking);
    assert_eq!(rows.len(), 1, "{rows:?}");
    let row = &rows[0];
    assert_eq!(
        (row[5].as_str(), row[9].as_str(), row[12].as_str(), row[13].as_str()),
        (&*commit, "failed", "argocd", HERE)
    );
    assert!(taking.app.events("deployment_without_decision").is_empty());
    // GitHub's own deployment of the run has its decision all the same.
    let deployment = taking.github.with(|world| world.deploys(RUN, "production", &super::ago(0)));
    taking.github.with(|world| world.ends(&deployment, "SUCCESS", &super::ago(0)));
    let own = || taking.app.world.run(&["db", "list", "deployments", "--database", "sqlite:record.db"]).out;
    until("GitHub's own", || own().lines().any(|line| line.contains(&deployment) && line.contains("succeeded")));
    let line = own().lines().find(|line| line.contains(&deployment)).unwrap().to_owned();
    assert_eq!(line.split('\t').nth(10), Some(row[10].as_str()), "{line}");
    assert!(taking.app.events("deployment_without_decision").is_empty());
    let verified = taking.app.world.run(&["log", "verify", "--database", "sqlite:record.db", "--log-key", "log.pub"]);
    assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);
}

/// The fix of an emergency is audited.
pub fn with_emergencies() -> String {
    let glass = "break_glass: { grant_by: [shop-owner], people: 2, releases: 1, expires: 4h }\n";
    let emergency =
        "routes:\n  emergency: { approvals: { shop-owner: 1 }, then: { audit: { by: shop-owner, within: 1s } } }\n";
    format!("{}{glass}", POLICY.replace("routes:\n", emergency))
}

#[test]
fn t39_what_argo_cd_deployed_without_a_decision_is_found_at_once_and_owed_for() {
    let github = shop();
    policy(&github, &with_emergencies());
    let mut taking = with_argocd(github);
    taking.start();
    until("a sweep", || taking.served().ask("GET /readyz").0 == 200);
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert_eq!(tells(&taking, "succeeded", &["--commit", &sha("51")]).code, 0);
    until("the finding", || !taking.app.events("deployment_without_decision").is_empty());
    let found: Value = taking.app.events("deployment_without_decision")[0].clone();
    assert_eq!(
        (&found["environment"], &found["told_by"], &found["url"]),
        (&json!("production"), &json!("argocd"), &json!(HERE))
    );
    until("the import", || !taking.app.events("deployment_imported").is_empty());
    let imported = taking.app.events("deployment_imported")[0].clone();
    assert_eq!(imported["decision"], "hold", "{imported}");
    let owed = taking.app.world.run(&["db", "list", "obligations", "--database", "sqlite:record.db"]).out;
    assert!(owed.contains("audit-"), "{owed}");
    // The team's next release waits until that is met.
    std::thread::sleep(std::time::Duration::from_secs(2));
    next(&taking.github, "checkout/other.rs");
    taking.github.with(|world| {
        let last = world.runs.len() - 1;
        world.runs[last].reviews.push(("carla".to_owned(), "APPROVED".to_owned(), "production".to_owned()));
    });
    until("a report", || !told_of(&taking.github, NEXT).reports.is_empty());
    let report = told_of(&taking.github, NEXT).reports[0].clone();
    assert!(report.contains("owes") && report.contains("audit"), "{report}");
    assert_eq!(taking.app.events("deployment_without_decision").len(), 1);
    assert_eq!(taking.app.events("deployment_imported").len(), 1);
}

#[test]
fn t31_what_was_replaced_or_went_before_is_not_let_in_again_by_an_old_decision() {
    let taking = opened(shop());
    let commit = sha("51");
    assert_eq!(tells(&taking, "succeeded", &["--commit", &commit]).code, 0);
    until("the decision", || listed(&taking).iter().any(|it| it[10] != "-"));
    // Another deployment of the same, where the policy has no time for retries.
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert_eq!(tells(&taking, "started", &["--commit", &commit, "--url", "https://argocd.acme.example/2"]).code, 0);
    until("the finding", || taking.app.events("deployment_without_decision").len() == 1);
    // Something else goes, and the old content comes back.
    next(&taking.github, "checkout/basket.rs");
    reviews_of(&taking.github, 1, "carla");
    until("an answer", || told_of(&taking.github, NEXT).decided.is_some());
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert_eq!(tells(&taking, "started", &["--commit", &commit, "--url", "https://argocd.acme.example/3"]).code, 0);
    until("the finding", || taking.app.events("deployment_without_decision").len() == 2);
    assert_eq!(tells(&taking, "started", &["--commit", &sha("61"), "--url", "https://argocd.acme.example/4"]).code, 0);
    until("the decision", || listed(&taking).iter().filter(|it| it[10] != "-").count() == 2);
    assert_eq!(taking.app.events("deployment_without_decision").len(), 2, "{}", summary(&taking.app));
}

/// So many seconds ago, as `--at` takes it.
fn before(seconds: i64) -> String {
    let at = chrono::Utc::now() - chrono::Duration::seconds(seconds);
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

#[test]
fn t31_what_is_told_late_did_not_go_before_what_was_let_in_since() {
    let github = shop();
    policy(&github, &format!("{POLICY}retry_within: 1h\n"));
    let taking = opened(github);
    let commit = sha("51");
    assert_eq!(tells(&taking, "failed", &["--commit", &commit]).code, 0);
    until("the decision", || listed(&taking).iter().any(|it| it[10] != "-"));
    // A retry is in time, and let in.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    assert_eq!(tells(&taking, "succeeded", &["--commit", &commit, "--url", "https://argocd.acme.example/2"]).code, 0);
    until("the retry", || listed(&taking).iter().filter(|it| it[10] != "-").count() == 2);
    let earlier = before(0);
    next(&taking.github, "checkout/basket.rs");
    reviews_of(&taking.github, 1, "carla");
    until("an answer", || told_of(&taking.github, NEXT).decided.is_some());
    std::thread::sleep(std::time::Duration::from_secs(1));
    // The old content comes back, and is said to have been there before.
    let late = ["--commit", &commit, "--url", "https://argocd.acme.example/3", "--at", &earlier];
    assert_eq!(tells(&taking, "succeeded", &late).code, 0);
    until("the finding", || taking.app.events("deployment_without_decision").len() == 1);
    let found = &taking.app.events("deployment_without_decision")[0];
    assert_eq!(found["url"], "https://argocd.acme.example/3", "{found}");
}

#[test]
fn t31_a_soak_counts_from_when_it_was_heard_that_it_began() {
    let github = shop();
    policy(&github, &promoting().replace("soak: 2s", "soak: 40s"));
    asks(&github);
    reviews(&github, "bo", "APPROVED");
    github.with(|world| world.rules.insert((RUN, "staging".to_owned()), Rule::default()));
    let mut taking = with_argocd(github);
    let written = taking.app.world.read("deployers.yml").replace("[production]", "[production, staging]");
    taking.app.world.write("deployers.yml", written);
    taking.start();
    let staging = || taking.github.with(|world| world.rules[&(RUN, "staging".to_owned())].decided.clone());
    until("an answer in staging", || staging().is_some());
    let late = ["--environment", "staging", "--commit", &sha("51"), "--at", &before(50)];
    assert_eq!(tells(&taking, "succeeded", &late).code, 0);
    until("the decision", || listed(&taking).iter().any(|it| it[10] != "-"));
    until("that it soaks", || summary(&taking.app).contains("40s") || told(&taking.github).decided.is_some());
    assert_eq!(told(&taking.github).decided, None, "{}", summary(&taking.app));
}

#[test]
fn t68_what_was_built_otherwise_is_let_in_by_no_decision_on_its_commit() {
    let github = shop();
    asks(&github);
    let mut taking = with_argocd(github);
    let known = json!({"release": {"components": {"checkout": {"artifacts": [BUILT]}}}});
    taking.app.world.write("known.json", known.to_string());
    taking.more.extend(["--with".to_owned(), "known.json".to_owned()]);
    let mut options = taking.app.options_without("--without-artifacts");
    let at = options.iter().position(|it| it == "--listen").unwrap();
    options.drain(at..at + 2);
    taking.start_by(options);
    // What he approves he was shown.
    until("a report", || !told(&taking.github).reports.is_empty());
    std::thread::sleep(std::time::Duration::from_secs(1));
    reviews(&taking.github, "bo", "APPROVED");
    until("an answer", || told(&taking.github).decided.is_some());
    assert_eq!(tells(&taking, "started", &["--digest", BUILT]).code, 0);
    until("the decision", || listed(&taking).iter().any(|it| it[10] != "-"));
    // Of which commit it is, the decision knows.
    assert_eq!(listed(&taking)[0][5], sha("51"));
    let both = ["--digest", ANEW, "--commit", &sha("51"), "--url", "https://argocd.acme.example/2"];
    assert_eq!(tells(&taking, "started", &both).code, 0);
    until("the finding", || taking.app.events("deployment_without_decision").len() == 1);
    let digest = taking.app.events("deployment_without_decision")[0]["digest"].clone();
    assert_eq!(digest, ANEW);
}

/// Posts something; what comes back is the status and what is said.
pub fn posts(taking: &Taking, headers: &[(&str, &str)], body: &[u8]) -> (u16, String) {
    let (status, _, said) = taking.served().send("POST /deployments", headers, body);
    (status, String::from_utf8(said).unwrap())
}

#[test]
fn nobody_tells_of_what_he_is_not_named_for() {
    let taking = with_argocd(shop());
    let mut taking = taking;
    let written = taking.app.world.read("deployers.yml").replace(" }", ", components: [checkout] }");
    taking.app.world.write("deployers.yml", written);
    taking.start();
    let commit = sha("51");
    let what = ["--commit", commit.as_str(), "--component", "checkout"];
    for (other, says) in [
        (vec!["--repository", "acme/till"], "not named for the repository `acme/till`"),
        (vec!["--environment", "staging"], "not named for the environment `staging`"),
        (vec!["--component", "till"], "not named for the component `till`"),
    ] {
        let said = tells(&taking, "succeeded", &[&what[..], &other].concat());
        assert_eq!(said.code, 2, "{other:?}: {}", said.out);
        assert!(said.err.contains("403") && said.err.contains(says), "{other:?}: {}", said.err);
    }
    let all = tells(&taking, "succeeded", &["--commit", &commit]);
    assert!(all.code == 2 && all.err.contains("say which of them went"), "{}", all.err);
    for (wrong, says) in [
        (vec!["--commit", "51"], "no whole commit"),
        (vec![], "nothing says what went"),
        (vec!["--digest", "sha256:51"], "no digest"),
        (vec!["--commit", &commit, "--url", "ftp://argocd.acme.example"], "no address"),
        (vec!["--commit", &commit, "--url", "https://ana:word@argocd.acme.example"], "no address"),
        (vec!["--commit", &commit, "--at", "soon"], "no instant"),
    ] {
        let said = tells(&taking, "succeeded", &wrong);
        assert_eq!(said.code, 2, "{wrong:?}: {}", said.out);
        assert!(said.err.contains(says), "{wrong:?}: {}", said.err);
    }
    for at in ["2020-11-23T09:00:00Z", "2099-11-23T09:00:00Z"] {
        let said = tells(&taking, "succeeded", &[&what[..], &["--at", at]].concat());
        assert!(said.code == 2 && said.err.contains("400"), "{at}: {}", said.err);
    }
    // A key that nobody named.
    taking.app.world.run(&["grant", "key", "--name", "argocd.acme.example", "--output", "eve.key"]);
    let said = tells(&taking, "succeeded", &[&what[..], &["--key", "eve.key"]].concat());
    assert_eq!(said.code, 2);
    let words =
        ["deployed", "--server", &taking.url, "--key", "eve.key", "--status", "failed", "--repository", REPOSITORY];
    let more = ["--environment", "production", "--url", HERE, "--commit", &commit, "--component", "checkout"];
    let said = taking.app.world.run(&[&words[..], &more].concat());
    assert!(said.code == 2 && said.err.contains("401"), "{}", said.err);
    assert!(listed(&taking).is_empty());
    // Without a key it is a job's, and there is none here.
    let words: Vec<&str> = words.into_iter().filter(|word| !["--key", "eve.key"].contains(word)).collect();
    let said = taking.app.world.run(&[&words[..], &more].concat());
    assert!(said.code == 2 && said.err.contains("--key"), "{}", said.err);
    // Where nobody is, nothing is known.
    let mut words = words;
    words[2] = "http://127.0.0.1:1";
    let said = taking.app.world.run(&[&words[..], &more, &["--key", "argocd.key", "--time-limit", "2s"]].concat());
    assert_eq!(said.code, 3, "{}", said.err);
    let (status, says) = posts(&taking, &[], &vec![b'a'; 20_000]);
    assert_eq!(status, 413, "{says}");
    assert_eq!(posts(&taking, &[], b"{}").0, 400);
    assert_eq!(posts(&taking, &[], &[0xff]).0, 400);
}

/// What a job tells that names an environment.
pub fn report(taking: &Taking, status: &str) -> Value {
    json!({ "to": taking.url, "repository": REPOSITORY, "environment": "production", "status": status, "url": HERE,
        "commit": sha("51"), "at": chrono::Utc::now() })
}

#[test]
fn a_job_tells_of_its_own_environment_and_of_no_other() {
    let taking = opened(shop());
    let shows = |claims: &Value, report: &Value| {
        let bearer = format!("Bearer {}", tokens::token(claims));
        posts(&taking, &[("authorization", &bearer)], report.to_string().as_bytes())
    };
    let of = |environment: Option<&str>| {
        let mut claims = taking.claims();
        if let Some(environment) = environment {
            claims["environment"] = json!(environment);
        }
        claims
    };
    // Whoever may push can have a job run on a branch of his.
    for claims in [of(None), of(Some("staging"))] {
        let (status, says) = shows(&claims, &report(&taking, "succeeded"));
        assert_eq!(status, 403, "{says}");
        assert!(says.contains("not of the environment `production`"), "{says}");
    }
    let mut other = report(&taking, "succeeded");
    for (name, value, status) in [
        ("commit", json!(sha("61")), 403),
        ("repository", json!("acme/till"), 403),
        ("to", json!("https://other.example"), 400),
        ("status", json!("went"), 400),
        ("more", json!(1), 400),
    ] {
        let before = other.clone();
        other[name] = value;
        let (found, says) = shows(&of(Some("production")), &other);
        assert_eq!(found, status, "{name}: {says}");
        other = before;
    }
    assert!(listed(&taking).is_empty());
    let claims = of(Some("production"));
    let (status, says) = shows(&claims, &report(&taking, "started"));
    assert_eq!(status, 200, "{says}");
    let said: Value = serde_json::from_str(&says).unwrap();
    assert_eq!((&said["state"], &said["recorded"]), (&json!("began"), &json!(true)));
    assert_eq!(shows(&claims, &report(&taking, "succeeded")).0, 401, "a token is shown once");
    until("the decision", || listed(&taking).iter().any(|it| it[6] == RUN.to_string() && it[10] != "-"));
    assert!(taking.app.events("deployment_without_decision").is_empty());
}

#[test]
fn n15_what_a_job_told_of_itself_and_the_forge_lists_later_is_one_emergency() {
    let github = shop();
    policy(&github, &with_emergencies());
    asks(&github);
    let mut taking = with_argocd(github);
    taking.start();
    until("a report", || !told(&taking.github).reports.is_empty());
    std::thread::sleep(std::time::Duration::from_secs(1));
    let mut claims = taking.claims();
    claims["environment"] = json!("production");
    let bearer = format!("Bearer {}", tokens::token(&claims));
    let told = report(&taking, "started").to_string();
    let (status, says) = posts(&taking, &[("authorization", &bearer)], told.as_bytes());
    assert_eq!(status, 200, "{says}");
    // Who let the job in is the forge's word, which is waited for; the job may ask as well.
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert!(taking.app.events("deployment_imported").is_empty());
    assert!(taking.app.events("deployment_without_decision").is_empty());
    let deployment = taking.github.with(|world| {
        world.bypasses(RUN, "production", "carla");
        world.deploys(RUN, "production", &super::ago(0))
    });
    let shown = || taking.app.world.run(&["log", "show", "--database", "sqlite:record.db", "--log-key", "log.pub"]).out;
    let taken = |name: &str| shown().lines().any(|line| line.contains("\"imported\"") && line.contains(name));
    until("that it is taken up", || taken(&deployment));
    until("that it is the same", || taken("told:"));
    assert_eq!(taking.app.events("deployment_imported").len(), 1);
    assert_eq!(taking.app.events("deployment_without_decision").len(), 1);
    let owed = taking.app.world.run(&["db", "list", "obligations", "--database", "sqlite:record.db"]).out;
    assert_eq!(owed.lines().filter(|line| line.contains("audit-")).count(), 1, "{owed}");
    // Whoever went past the protection stands as having signed, and so closes nothing of it himself.
    let summary = taking.app.events("deployment_imported")[0]["summary"].as_str().unwrap().to_owned();
    assert!(summary.contains("1 of 2"), "{summary}");
}

#[test]
fn c5_what_went_past_and_is_told_to_have_failed_later_leaves_its_review() {
    let github = shop();
    let review = "reviews: { pir: { when: \"outcome == 'failed'\", by: shop-owner, within: 5bd } }\n";
    policy(&github, &format!("{}{review}", with_emergencies()));
    let mut taking = with_argocd(github);
    taking.start();
    until("a sweep", || taking.served().ask("GET /readyz").0 == 200);
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert_eq!(tells(&taking, "started", &["--commit", &sha("51")]).code, 0);
    until("the import", || !taking.app.events("deployment_imported").is_empty());
    let owed = || taking.app.world.run(&["db", "list", "obligations", "--database", "sqlite:record.db"]).out;
    assert!(!owed().contains("pir-"), "{}", owed());
    assert_eq!(tells(&taking, "failed", &["--commit", &sha("51")]).code, 0);
    until("the review", || owed().contains("pir-"));
}

#[test]
fn t45_a_letter_that_was_altered_or_is_meant_for_another_app_is_nobodys() {
    let mut taking = with_argocd(shop());
    taking.start();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let elsewhere = format!("http://{}", listener.local_addr().unwrap());
    // Somebody listens, and shows here what was told there.
    let heard = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut text = String::new();
        let mut piece = [0; 4_096];
        while !text.contains("\u{2014} ") || !text.ends_with('\n') {
            let read = std::io::Read::read(&mut stream, &mut piece).unwrap();
            text.push_str(&String::from_utf8_lossy(&piece[..read]));
        }
        text.split_once("\r\n\r\n").unwrap().1.to_owned()
    });
    let words = ["deployed", "--server", &elsewhere, "--key", "argocd.key", "--status", "failed", "--time-limit", "1s"];
    let more = ["--repository", REPOSITORY, "--environment", "production", "--url", HERE, "--commit", &sha("51")];
    assert_eq!(taking.app.world.run(&[&words[..], &more].concat()).code, 3);
    let letter = heard.join().unwrap();
    let (status, says) = posts(&taking, &[], letter.as_bytes());
    assert_eq!(status, 400, "{says}");
    assert!(says.contains("it is meant for"), "{says}");
    let (status, says) = posts(&taking, &[], letter.replace(&elsewhere, &taking.url).as_bytes());
    assert_eq!(status, 401, "{says}");
    assert!(listed(&taking).is_empty());
}

#[test]
fn the_settings_name_nobody_for_everything() {
    let taking = with_argocd(shop());
    let good = taking.app.world.read("deployers.yml");
    let key = good.split('\'').nth(1).unwrap().to_owned();
    for (text, says) in [
        (String::new(), "names 0"),
        (good.replace("[production]", "[]"), "is named for nothing"),
        (good.replace(&format!("[{REPOSITORY}]"), "[acme]"), "which is no repository"),
        (good.replace(&key, "argocd"), "has no key"),
        (format!("{good}{}", good.replace("argocd:", "jenkins:")), "has the key of `argocd`"),
        (good.replace("environments", "places"), "places"),
        (good.replace(" }", ", components: [] }"), "is named for nothing"),
        (good.replace(" }", ", components: }"), "those who deploy, in `deployers.yml`"),
    ] {
        taking.app.world.write("deployers.yml", &text);
        let mut options = taking.app.options();
        options
            .extend(["--public-url", "https://countersign.example", "--deployers", "deployers.yml"].map(str::to_owned));
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let said = taking.app.world.run(&[&["serve"][..], &options].concat());
        assert_eq!(said.code, 2, "{text}: {}", said.out);
        assert!(said.err.contains(says), "{text}: {}", said.err);
    }
}
