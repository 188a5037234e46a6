//! What people do on a page besides approving, rejecting and ticking off; and what becomes of many who look at once.

use super::super::{ago, reviews};
use super::acts::{done, form, send};
use super::{RELEASE, Shown, shown, told, until};
use crate::support::browser::Browser;

/// A gate that nothing passes, its authority, stand-ins and a debt.
const POLICY: &str = r#"
version: 1
environments:
  production: { approval: formal, branches: [main] }
gates:
  tests: { junit: "**/*.xml", require: "tests.failed == 0", missing: block }
components:
  checkout: { paths: ["checkout/**"], team: shop }
roles:
  shop-owner: { members: ["github:@acme/shop-leads"] }
  security: { members: ["user:sue", "user:tom"] }
waivers: { by: security, max: 7d, needs: [reason, compensating_control] }
delegation: { within: role, max: 14d }
raci:
  - { on: checkout, accountable: shop-owner }
routes:
  normal: { approvals: { accountable: 1 }, then: { validate: { by: security, within: 4h, needs: evidence } } }
separation: { exclude: [author, committer, co_author, pusher, trigger], per: release, distinct_people: true, bots: never }
"#;

fn peopled() -> Shown {
    let it = shown(POLICY, &[]);
    it.github.with(|world| {
        for who in ["sue", "tom"] {
            world.user(who, "User");
        }
    });
    it
}

/// An instant as a browser's field has it, so many days from now.
fn in_days(days: i64) -> String {
    ago(-days * 24 * 60)[..16].to_owned()
}

/// Sends a form that comes to nothing: what is said of it.
fn refused(it: &Shown, who: &Browser, more: &[(&str, &str)], status: u16) -> String {
    let sent = send(it, who, &form(&it.get(who, RELEASE), more));
    assert_eq!(sent.status, status, "{}", sent.text());
    sent.text()
}

#[test]
fn the_page_waives_names_stand_ins_and_meets_what_is_owed() {
    let it = peopled();
    let (sue, bo) = (it.login("sue"), it.login("bo"));
    let (soon, later) = (in_days(2), in_days(9));
    // A waiver is offered to whom the policy names, and says all that it needs.
    assert!(!it.get(&bo, RELEASE).text().contains("value=\"waive\""));
    let page = it.get(&sue, RELEASE);
    assert!(page.text().contains("value=\"waive\"") && page.text().contains("name=\"control\""), "{}", page.text());
    let gate = page.text().split("<option value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert!(gate.ends_with("/tests"), "{gate}");
    let waive = |until: &'static str, control: &'static str| {
        [
            ("does", "waive"),
            ("gate", gate.as_str()),
            ("until", until),
            ("reason", "the runner broke"),
            ("control", control),
        ]
    };
    let soon: &'static str = soon.leak();
    let later: &'static str = later.leak();
    assert!(refused(&it, &sue, &waive(soon, ""), 403).contains("compensating control"));
    assert!(refused(&it, &sue, &waive(later, "by hand"), 403).contains("longer than 7d"));
    assert!(refused(&it, &sue, &waive("", "by hand"), 400).contains("until when"));
    assert!(refused(&it, &bo, &waive(soon, "by hand"), 403).contains("not in security"));
    let became = done(&it, &sue, &form(&it.get(&sue, RELEASE), &waive(soon, "by hand")));
    assert!(became.contains("It counts") && became.contains("your waiver of"), "{became}");
    // A stand-in within the role, and nobody else's.
    let from = in_days(0);
    let delegate = |role: &'static str, to: &'static str| {
        [("does", "delegate"), ("role", role), ("to", to), ("from", from.as_str()), ("until", soon)]
    };
    assert!(refused(&it, &sue, &delegate("security", "bo"), 403).contains("bo is not in security"));
    let became = done(&it, &sue, &form(&it.get(&sue, RELEASE), &delegate("security", "@tom")));
    assert!(became.contains("tom stands in for you as security"), "{became}");
    let away = [("does", "away"), ("from", from.as_str()), ("until", soon)];
    assert!(done(&it, &sue, &form(&it.get(&sue, RELEASE), &away)).contains("that you are away"));
    // It is no emergency by this policy.
    let claim = [("does", "emergency"), ("reason", "it burns")];
    assert!(refused(&it, &sue, &claim, 403).contains("the policy has none"));
    reviews(&it.github, "bo", "APPROVED");
    until("it opens", || told(&it.github).decided.is_some());

    // What it left is met on its own page, by somebody of the role, with evidence.
    until("a debt", || it.get(&sue, RELEASE).text().contains("value=\"validate\""));
    let page = it.get(&sue, RELEASE);
    assert!(!page.text().contains("value=\"approve\"") && !page.text().contains("value=\"waive\""), "{}", page.text());
    let owed = page.field("obligation");
    assert!(!it.get(&bo, RELEASE).text().contains("value=\"validate\""));
    let validate =
        |evidence: &'static str| [("does", "validate"), ("obligation", owed.as_str()), ("evidence", evidence)];
    assert!(refused(&it, &sue, &validate(""), 403).contains("nothing is attached"));
    let decided = || it.app.world.run(&["db", "list", "decisions", "--database", "sqlite:record.db"]).out;
    let before = decided();
    let sent = send(&it, &sue, &form(&it.get(&sue, RELEASE), &validate("https://runs.example/1")));
    assert_eq!(sent.status, 303, "{}", sent.text());
    // It is met by that, though nothing waits and nothing is decided.
    let became = sent.header("location").unwrap().to_owned();
    until("that it is met", || it.get(&sue, &became).text().contains("It is met."));
    let page = it.get(&bo, RELEASE).text();
    let row =
        page.split("<caption>What it left to be done</caption>").nth(1).unwrap().split("</table>").next().unwrap();
    assert!(row.contains(", by sue, with ") && row.contains("runs.example/1"), "{row}");
    assert!(!row.contains("left") && !row.contains("not confirmed"), "{row}");
    assert!(!it.get(&sue, RELEASE).text().contains("value=\"validate\""), "nothing is owed any more");
    assert_eq!(decided(), before);
    assert_eq!(it.app.events("obligation_met").len(), 1);
    let listed = it.app.world.run(&["db", "list", "approvals", "--database", "sqlite:record.db"]).out;
    assert_eq!(listed.matches("\tact\tgithub:sue").count(), 3, "{listed}");
}

#[test]
fn of_many_who_look_at_once_some_are_told_to_come_again() {
    let it = peopled();
    let sue = it.login("sue");
    let (address, path) = (it.served.address.clone(), RELEASE);
    let cookie = sue.cookie(super::COOKIE).unwrap();
    let looks: Vec<_> = (0..160)
        .map(|_| {
            let (address, cookie) = (address.clone(), cookie.clone());
            std::thread::spawn(move || {
                let browser = Browser::default();
                browser.set_cookie(super::COOKIE, &cookie);
                let page = browser.get(&address, path);
                (page.status, page.header("retry-after").map(str::to_owned))
            })
        })
        .collect();
    let came: Vec<_> = looks.into_iter().map(|look| look.join().unwrap()).collect();
    let busy = came.iter().filter(|(status, _)| *status == 503).count();
    assert!(came.iter().all(|(status, _)| matches!(status, 200 | 503)), "{came:?}");
    assert!(came.iter().all(|(status, again)| (*status == 503) == again.is_some()), "{came:?}");
    assert!(busy > 0, "nobody was told to come again");
    // Whoever comes then is served.
    assert_eq!(it.get(&sue, RELEASE).status, 200);
}

#[test]
fn of_an_act_that_the_record_did_not_take_the_page_says_so_and_it_was_not_done() {
    let it = peopled();
    let carla = it.login("carla");
    let page = it.get(&carla, RELEASE);
    let rejects = form(&page, &[("does", "reject"), ("reason", "the basket loses items")]);
    // Somebody else writes to the file, and does not end.
    let path = it.app.world.path().join("record.db");
    let other = rusqlite::Connection::open(path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let lost = send(&it, &carla, &rejects);
    assert_eq!(lost.status, 503, "{}", lost.text());
    // That he acts is counted first, for all processes, and not even that was taken.
    assert!(lost.text().contains("The record takes nothing now, and so nothing was done"), "{}", lost.text());
    other.execute_batch("ROLLBACK").unwrap();
    let acts: i64 = other.query_row("SELECT count(*) FROM act", [], |row| row.get(0)).unwrap();
    assert_eq!(acts, 0);
    assert!(!it.get(&carla, RELEASE).text().contains("the basket loses items"));
}
