//! People act on the page of a release: what they do counts as a command of theirs would, and is bound to what they saw.

use serde_json::Value;

use super::super::reviews;
use super::{COOKIE, ORIGIN, POLICY, RELEASE, Shown, shown, told, until};
use crate::support::browser::{Browser, Page};
use crate::support::github::Trouble;
use crate::support::github::world::Rule;

/// Two approve, and somebody who did not write it ticks off a list.
const TICKED: &str = r#"
version: 1
environments:
  production: { approval: formal, branches: [main] }
gates:
  ready: { checklist: ["rollback rehearsed", "on-call told"] }
components:
  checkout: { paths: ["checkout/**"], team: shop }
roles:
  shop-owner: { members: ["github:@acme/shop-leads"], accept: "I answer for this release" }
raci:
  - { on: checkout, accountable: shop-owner }
routes:
  normal: { approvals: { accountable: 1 } }
rejection: { reason: 12 }
separation: { exclude: [author, committer, co_author, pusher, trigger], per: release, distinct_people: true, bots: never }
"#;

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// What every form of a page has in it, and more.
pub(in crate::app) fn form(page: &Page, more: &[(&str, &str)]) -> String {
    let fields = ["token", "repository", "release", "environment", "shown"];
    let mut pairs: Vec<String> = fields.iter().map(|name| format!("{name}={}", encoded(&page.field(name)))).collect();
    pairs.extend(more.iter().map(|(name, value)| format!("{name}={}", encoded(value))));
    pairs.join("&")
}

pub(super) fn send(it: &Shown, browser: &Browser, form: &str) -> Page {
    browser.post(&it.served.address, "/act", ORIGIN, form)
}

/// Sends a form and follows to what became of it, once that is known: on a machine that has much to do it takes longer than
/// whoever sends it is kept waiting.
pub(super) fn done(it: &Shown, browser: &Browser, form: &str) -> String {
    let sent = send(it, browser, form);
    assert_eq!(sent.status, 303, "{}", sent.text());
    let to = sent.header("location").unwrap().to_owned();
    assert!(to.starts_with(RELEASE), "{to}");
    until("a decision that looks at it", || !it.get(browser, &to).text().contains("It is being decided upon"));
    it.get(browser, &to).text()
}

const APPROVE: [(&str, &str); 2] = [("does", "approve"), ("role", "shop-owner")];

/// How many entries of a kind the record has.
fn entries(it: &Shown, kind: &str) -> Vec<Value> {
    let said = it.app.world.run(&[
        "log",
        "show",
        "--database",
        "sqlite:record.db",
        "--log-key",
        "log.pub",
        "--from",
        "0",
        "--limit",
        "1000",
        "--raw",
    ]);
    let all = said.out.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    all.filter(|entry| entry["kind"] == kind || entry["entry"]["kind"] == kind).collect()
}

#[test]
fn an_approval_on_the_page_opens_the_deployment() {
    let it = shown(POLICY, &[]);
    let bo = it.login("bo");
    let page = it.get(&bo, RELEASE);
    assert!(page.text().contains("Approve as shop-owner</button>"), "{}", page.text());
    let became = done(&it, &bo, &form(&page, &[&APPROVE[..], &[("reason", "read it, twice")]].concat()));
    assert!(became.contains("Recorded, entry "), "{became}");
    until("it opens", || told(&it.github).decided.is_some());
    assert_eq!(told(&it.github).decided.unwrap().0, "approved");
    // What went asks nobody anything, from when the record has it that it went.
    until("that nothing is asked", || !it.get(&bo, RELEASE).text().contains("action=\"/act\""));
    let page = it.get(&bo, RELEASE).text();
    let (_, acts) = page.split_once("<caption>What people did</caption>").unwrap();
    let (acts, _) = acts.split_once("</table>").unwrap();
    assert!(acts.contains("on the release page") && acts.contains("read it, twice"), "{acts}");
    assert!(acts.contains("yes, for shop-owner"), "{acts}");
    let approvals = entries(&it, "approval");
    assert_eq!(approvals.len(), 1, "{approvals:?}");
    let text = approvals[0].to_string();
    assert!(text.contains("github:bo") && text.contains("\"shown\""), "{text}");
    // Pressing twice, or coming late, changes nothing.
    drop(it.served);
    let verified = it.app.world.run(&["log", "verify", "--database", "sqlite:record.db", "--log-key", "log.pub"]);
    assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);
}

#[test]
fn t23_an_act_is_taken_from_a_form_of_ours_and_of_nobody_else() {
    let it = shown(POLICY, &[]);
    let bo = it.login("bo");
    let page = it.get(&bo, RELEASE);
    let whole = form(&page, &APPROVE);
    // Opening an address does nothing, whatever stands in it.
    assert_eq!(it.get(&bo, "/act").status, 405);
    assert_eq!(it.get(&bo, &format!("/act?{whole}")).status, 405);
    assert_eq!(it.get(&bo, &format!("{RELEASE}&does=approve&role=shop-owner")).status, 200);
    let address = &it.served.address;
    for origin in ["https://evil.example", "null", "http://countersign.example"] {
        assert_eq!(bo.post(address, "/act", origin, &whole).status, 403, "{origin}");
    }
    let cross = [("sec-fetch-site", "cross-site"), ("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(bo.send(address, "POST /act", &cross, &whole).status, 403);
    assert_eq!(bo.send(address, "POST /act", &[], &whole).status, 403);
    let token = page.field("token");
    let carla = it.login("carla");
    let hers = it.get(&carla, RELEASE).field("token");
    for other in ["", "x", hers.as_str()] {
        assert_eq!(send(&it, &bo, &whole.replace(&encoded(&token), &encoded(other))).status, 403, "{other}");
    }
    // Nobody, and somebody who may not read it.
    assert_eq!(send(&it, &Browser::default(), &whole).status, 403);
    it.github.with(|world| {
        world.user("eve", "User");
        world.outside.push("eve".to_owned());
    });
    let eve = it.login("eve");
    let token_of_eve = it.get(&eve, "/").field("token");
    let forged = whole.replace(&encoded(&token), &encoded(&token_of_eve));
    let (there, nowhere) = (send(&it, &eve, &forged), send(&it, &eve, &forged.replace("510000000000", "990000000000")));
    assert_eq!((there.status, nowhere.status), (404, 404));
    assert_eq!(there.text(), nowhere.text());
    assert_eq!(told(&it.github).decided, None);
    assert!(it.app.events("acted").is_empty());
}

#[test]
fn t01_whoever_wrote_it_is_offered_nothing_and_refused_with_the_reason() {
    let it = shown(POLICY, &[]);
    it.github.with(|world| world.user("dora", "User").users.len());
    let ana = it.login("ana");
    let page = it.get(&ana, RELEASE);
    assert!(page.text().contains("You cannot approve it: "), "{}", page.text());
    assert!(!page.text().contains("value=\"approve\""), "{}", page.text());
    // Whoever sends the form all the same is refused, and that stands in the log.
    let fields: Vec<(&str, &str)> = [
        &APPROVE[..],
        &[
            ("reason", "mine"),
            ("repository", "acme/shop"),
            ("release", "shop 510000000000"),
            ("environment", "production"),
        ],
    ]
    .concat();
    let bo = it.get(&it.login("bo"), RELEASE);
    let mut pairs = vec![format!("token={}", encoded(&page.field("token"))), format!("shown={}", bo.field("shown"))];
    pairs.extend(fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))));
    let refused = send(&it, &ana, &pairs.join("&"));
    assert_eq!(refused.status, 403, "{}", refused.text());
    assert!(refused.text().contains("Nothing was done") && refused.text().contains("wrote"), "{}", refused.text());
    assert!(refused.text().contains("Who can: bo, carla"), "{}", refused.text());
    let refusals = entries(&it, "refusal");
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    let text = refusals[0].to_string();
    assert!(text.contains("github:ana") && text.contains("\"code\""), "{text}");
    // A stranger is no approver either.
    let dora = it.get(&it.login("dora"), RELEASE).text();
    assert!(dora.contains("You cannot approve it: ") && !dora.contains("value=\"approve\""), "{dora}");
    assert!(!dora.contains("value=\"reject\""), "{dora}");
    assert_eq!(told(&it.github).decided, None);
}

#[test]
fn t26_what_changed_since_is_told_and_nothing_is_recorded() {
    let it = shown(&POLICY.replace("accountable: 1", "accountable: 2"), &[]);
    let bo = it.login("bo");
    let before = it.get(&bo, RELEASE);
    reviews(&it.github, "carla", "APPROVED");
    until("a second report", || told(&it.github).reports.len() > 1);
    let stale = send(&it, &bo, &form(&before, &[&APPROVE[..], &[("reason", "a long thought")]].concat()));
    assert_eq!(stale.status, 409, "{}", stale.text());
    for part in ["Nothing was done", "What changed", "carla", ">a long thought</textarea>"] {
        assert!(stale.text().contains(part), "{part}: {}", stale.text());
    }
    assert!(entries(&it, "approval").iter().all(|entry| !entry.to_string().contains("github:bo")));
    // He looks at what stands there now, and decides again.
    let became = done(&it, &bo, &form(&stale, &APPROVE));
    assert!(became.contains("Recorded"), "{became}");
    until("it opens", || told(&it.github).decided.is_some());
    // What is no decision on it is none.
    let forged = form(&before, &APPROVE).replace(&before.field("shown"), &"ab".repeat(32));
    assert_eq!(send(&it, &bo, &forged).status, 409);
}

#[test]
fn a_rejection_needs_its_reason_holds_and_can_be_taken_back() {
    let it = shown(TICKED, &[]);
    let carla = it.login("carla");
    let page = it.get(&carla, RELEASE);
    for reason in [
        "",
        "   ",
        "no",
        "\u{a0}\u{200b}\u{200b}\u{200b}\u{200b}\u{200b}\u{200b}\u{200b}\u{200b}\u{200b}\u{200b}\u{200b}\u{200b}",
        "............",
    ] {
        let refused = send(&it, &carla, &form(&page, &[("does", "reject"), ("reason", reason)]));
        assert_eq!(refused.status, 403, "{reason:?}: {}", refused.text());
        assert!(refused.text().contains("a rejection needs its reason, 12 characters or more"), "{}", refused.text());
    }
    let page = it.get(&carla, RELEASE);
    let became = done(&it, &carla, &form(&page, &[("does", "reject"), ("reason", "the basket loses items")]));
    assert!(became.contains("It counts") && became.contains("the basket loses items"), "{became}");
    let page = it.get(&carla, RELEASE);
    let (_, back) = page.text().split_once("name=\"of\" value=\"").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let of = back.split_once('"').unwrap().0.to_owned();
    assert!(of.starts_with("page-"), "{of}");
    // It is hers alone to take back.
    let bo = it.login("bo");
    let other = send(&it, &bo, &form(&it.get(&bo, RELEASE), &[("does", "withdraw"), ("of", &of)]));
    assert_eq!(other.status, 403, "{}", other.text());
    let became = done(&it, &carla, &form(&page, &[("does", "withdraw"), ("of", &of)]));
    assert!(became.contains("It counts"), "{became}");
    let page = it.get(&carla, RELEASE).text();
    assert!(!page.split_once("How it came to this").unwrap().0.contains("carla rejects it:"), "{page}");
}

#[test]
fn items_are_ticked_off_and_what_a_role_declares_is_declared() {
    let it = shown(TICKED, &[]);
    let bo = it.login("bo");
    assert!(!it.get(&it.login("ana"), RELEASE).text().contains("value=\"tick\""));
    for item in ["rollback rehearsed", "on-call told"] {
        let page = it.get(&bo, RELEASE);
        assert!(page.text().contains(&format!("Tick off “{item}”")), "{}", page.text());
        let gate = page.field("gate");
        let became = done(&it, &bo, &form(&page, &[("does", "tick"), ("gate", &gate), ("item", item)]));
        assert!(became.contains("It counts"), "{became}");
        assert!(!became.contains(&format!("Tick off “{item}”")), "{became}");
    }
    assert_eq!(entries(&it, "tick").len(), 2);
    let page = it.get(&bo, RELEASE);
    let accepts = page.field("accepts");
    assert_eq!(accepts, "I answer for this release");
    let undeclared = send(&it, &bo, &form(&page, &[&APPROVE[..], &[("accepts", &accepts)]].concat()));
    assert_eq!(undeclared.status, 400, "{}", undeclared.text());
    let other = send(&it, &bo, &form(&page, &APPROVE));
    assert_eq!(other.status, 403, "{}", other.text());
    assert!(other.text().contains("did not declare"), "{}", other.text());
    done(&it, &bo, &form(&page, &[&APPROVE[..], &[("accepts", &accepts), ("declared", "yes")]].concat()));
    until("it opens", || told(&it.github).decided.is_some());
}

#[test]
fn t20_nobody_acts_who_was_suspended_a_moment_ago() {
    // What one may read is believed for a minute; whoever acts is asked anew.
    let it = shown(POLICY, &[]);
    let (bo, carla) = (it.login("bo"), it.login("carla"));
    let (his, hers) = (it.get(&bo, RELEASE), it.get(&carla, RELEASE));
    it.github.with(|world| world.suspended.push("bo".to_owned()));
    std::thread::sleep(std::time::Duration::from_millis(2_100));
    assert_eq!(send(&it, &bo, &form(&his, &APPROVE)).status, 403);
    for _ in 0..4 {
        it.github.trouble("/user/installations", Trouble::Answer(502, Vec::new(), "<html>".to_owned()));
    }
    assert_eq!(send(&it, &carla, &form(&hers, &APPROVE)).status, 503);
    assert_eq!(told(&it.github).decided, None);
    assert!(entries(&it, "approval").is_empty());
    assert!(bo.cookie(COOKIE).is_some());
}

#[test]
fn what_was_done_on_the_page_outlasts_the_process() {
    let it = shown(&POLICY.replace("accountable: 1", "accountable: 2"), &[]);
    let bo = it.login("bo");
    done(&it, &bo, &form(&it.get(&bo, RELEASE), &APPROVE));
    let Shown { app, github, served } = it;
    drop(served);
    let served = super::serve(&app, &[]);
    let it = Shown { app, github, served };
    // So does the session in which it was done.
    assert_eq!(it.get(&bo, RELEASE).status, 200);
    let carla = it.login("carla");
    let page = it.get(&carla, RELEASE);
    assert!(page.text().contains("1 of 2 approvals from shop-owner: bo"), "{}", page.text());
    done(&it, &carla, &form(&page, &APPROVE));
    until("it opens", || told(&it.github).decided.is_some());
}

#[test]
fn what_was_done_for_one_environment_is_done_once_for_the_others() {
    let github = super::shop();
    let policy = POLICY.replace("accountable: 1", "accountable: 2");
    github.with(|world| world.contents.insert(".countersign/policy.yml".to_owned(), policy));
    super::asks(&github);
    github.with(|world| world.rules.insert((super::super::RUN, "staging".to_owned()), Rule::default()));
    let it = super::begin(github, &[]);
    let staging = RELEASE.replace("environment=production", "environment=staging");
    let bo = it.login("bo");
    until("a decision of both", || it.get(&bo, &staging).status == 200 && it.get(&bo, RELEASE).status == 200);
    let page = it.get(&bo, &staging);
    let sent = send(&it, &bo, &form(&page, &[("does", "reject"), ("reason", "the basket loses items")]));
    assert_eq!(sent.status, 303, "{}", sent.text());
    // Production is decided with it, and once more.
    let decided = || it.app.events("release_decided").iter().filter(|it| it["environment"] == "production").count();
    for who in ["carla", "bo"] {
        let before = decided();
        reviews(&it.github, who, "APPROVED");
        until("production is decided", || decided() > before);
    }
    let rejections = entries(&it, "rejection");
    assert_eq!(rejections.len(), 1, "{rejections:?}");
    let page = it.get(&bo, RELEASE).text();
    let (_, acts) = page.split_once("<caption>What people did</caption>").unwrap();
    let (acts, _) = acts.split_once("</table>").unwrap();
    assert_eq!(acts.matches("the basket loses items").count(), 1, "{acts}");
}

#[test]
fn what_may_go_and_went_nowhere_can_still_be_rejected() {
    let it = shown(POLICY, &[]);
    for _ in 0..50 {
        it.github.trouble("deployment_protection_rule", Trouble::Answer(502, vec![], String::new()));
    }
    let (bo, carla) = (it.login("bo"), it.login("carla"));
    let before = it.get(&carla, RELEASE);
    done(&it, &bo, &form(&it.get(&bo, RELEASE), &APPROVE));
    let failed = || it.app.events("effect_attempted").iter().any(|it| it["outcome"] == "failed");
    until("an answer that does not arrive", failed);
    // As long as it may still arrive, it is too late.
    assert!(!it.get(&carla, RELEASE).text().contains("value=\"reject\""));
    // The run is deleted, and the answer is not tried for ever.
    it.github.with(|world| world.runs.clear());
    let gone = || {
        it.app.events("effect_attempted").iter().any(|it| it["outcome"] == "refused" && it["why"] == "the run is gone")
    };
    until("the end of the answer", gone);
    let page = it.get(&carla, RELEASE);
    assert!(page.text().contains("value=\"reject\"") && !page.text().contains("value=\"approve\""), "{}", page.text());
    assert_eq!(send(&it, &carla, &form(&page, &APPROVE)).status, 409);
    assert_eq!(send(&it, &carla, &form(&before, &APPROVE)).status, 409);
    let became = done(&it, &carla, &form(&page, &[("does", "reject"), ("reason", "the basket loses items")]));
    assert!(became.contains("Recorded, entry "), "{became}");
    assert_eq!(entries(&it, "rejection").len(), 1);
}

#[test]
fn what_is_done_while_no_run_waits_is_kept_is_shown_to_whoever_did_it_and_can_be_taken_back() {
    let it = shown(POLICY, &[]);
    let bo = it.login("bo");
    it.github.with(|world| world.runs.clear());
    until("that nothing waits", || it.get(&bo, RELEASE).text().contains("No run is known to wait for it"));
    let became = done(&it, &bo, &form(&it.get(&bo, RELEASE), &[&APPROVE[..], &[("reason", "read it")]].concat()));
    assert!(became.contains("No run waits for this release now") && !became.contains("being decided"), "{became}");
    let page = it.get(&bo, RELEASE);
    assert!(page.text().contains("no decision has looked at it yet"), "{}", page.text());
    assert!(!page.text().contains("Approve as shop-owner</button>"), "{}", page.text());
    // It is his alone to take back.
    let (of, carla) = (page.field("of"), it.login("carla"));
    let other = it.get(&carla, RELEASE);
    assert!(!other.text().contains("no decision has looked at it yet"), "{}", other.text());
    assert_eq!(send(&it, &carla, &form(&other, &[("does", "withdraw"), ("of", &of)])).status, 403);
    let became = done(&it, &bo, &form(&page, &[("does", "withdraw"), ("of", &of)]));
    assert!(became.contains("Recorded, entry") && became.contains("Approve as shop-owner</button>"), "{became}");
    assert!(!became.contains("no decision has looked at it yet"), "{became}");
}

#[test]
fn t50_whoever_only_reads_changes_nothing_by_any_route() {
    let it = shown(&POLICY.replace("shop-owner:", "auditor: { members: [\"github:dora\"] }\n  shop-owner:"), &[]);
    it.github.with(|world| world.user("dora", "User").users.len());
    let dora = it.login("dora");
    let page = it.get(&dora, RELEASE);
    assert_eq!(page.status, 200, "an auditor reads");
    let (mine, others) = (page.field("token"), it.get(&it.login("bo"), RELEASE).field("shown"));
    let described = countersign::web::api::description();
    let paths = described["paths"].as_object().unwrap();
    let changing: Vec<&str> =
        paths.iter().filter(|(_, item)| !item["post"].is_null()).map(|(path, _)| path.as_str()).collect();
    assert!(changing.len() > 6 && changing.contains(&"/act"), "{changing:?}");
    let does = ["approve", "reject", "withdraw", "tick", "waive", "claim", "accept", "delegate", "away", "meet"];
    let forms = does.iter().map(|does| {
        format!(
            "token={}&shown={}&repository=acme%2Fshop&release=shop%20510000000000&environment=production&does={does}\
             &role=shop-owner&reason=because+I+say+so+at+length&gate=tests&item=1&declared=yes&to=dora",
            encoded(&mine),
            encoded(&others)
        )
    });
    let bodies: Vec<String> = forms.chain(["{}".to_owned(), String::new()]).collect();
    for path in changing.iter().filter(|path| **path != "/logout") {
        for body in &bodies {
            let answer = dora.post(&it.served.address, path, ORIGIN, body);
            assert!((400..500).contains(&answer.status), "{path} {body}: {} {}", answer.status, answer.text());
        }
    }
    for kind in
        ["approval", "rejection", "withdrawal", "waiver", "claim", "tick", "delegation", "absence", "obligation_met"]
    {
        assert_eq!(entries(&it, kind), Vec::<Value>::new(), "{kind}");
    }
    assert!(!entries(&it, "refusal").is_empty(), "what was tried is in the record");
    // What is somebody else's is not there for her.
    for way in ["/release", "/receipt"] {
        let elsewhere = it.get(&dora, &RELEASE.replace("acme/shop", "acme/other").replace("/release", way));
        assert_eq!(elsewhere.status, 404, "{way}");
    }
    assert_eq!(told(&it.github).decided, None);
}
