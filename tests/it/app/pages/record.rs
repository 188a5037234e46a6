//! What is shown is what was recorded: at any moment, whatever the policy says today; with a receipt that others check.

use chrono::{SecondsFormat, Utc};
use serde_json::Value;

use super::super::{answers, reviews};
use super::{POLICY, RELEASE, shown, told, until};

/// The receipt of a moment.
fn receipt_of(moment: &str) -> String {
    format!("{}{moment}", RELEASE.replace("/release", "/receipt"))
}

#[test]
fn a_decision_is_shown_as_it_was_at_any_earlier_moment() {
    let it = shown(POLICY, &[]);
    let bo = it.login("bo");
    let held = it.get(&bo, RELEASE).text();
    assert!(held.contains("0 of 1 approvals from shop-owner"), "{held}");
    let first = it.app.world.run(&["db", "list", "decisions", "--database", "sqlite:record.db"]).out;
    let entry: u64 = first.lines().nth(1).unwrap().split('\t').next().unwrap().parse().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(20));
    let then = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
    let at_first = it.get(&bo, &format!("{RELEASE}&at={entry}")).text();

    reviews(&it.github, "bo", "APPROVED");
    until("an answer", || told(&it.github).decided.is_some());
    let went = it.get(&bo, RELEASE).text();
    let (now, _) = went.split_once("<h2>How it came to this</h2>").unwrap();
    assert!(now.contains("production may proceed") && !now.contains("0 of 1 approvals"), "{now}");
    assert!(went.contains("yes, for shop-owner"), "{went}");

    // Today's policy is another, of another zone, and asks for something else: nothing of it is in what was.
    let stricter = POLICY
        .replace("accountable: 1", "accountable: 2")
        .replace("version: 1", "version: 1\ncalendar: { timezone: Asia/Tokyo }");
    it.github.with(|world| world.contents.insert(".countersign/policy.yml".to_owned(), stricter));
    // A browser's own field for an instant has no zone.
    let bare = then.replace('Z', "");
    for moment in [entry.to_string(), then.clone(), then.replace('Z', "%2B00:00"), bare] {
        let page = it.get(&bo, &format!("{RELEASE}&at={moment}"));
        assert_eq!(page.status, 200, "{moment}");
        let text = page.text();
        assert!(text.contains("0 of 1 approvals from shop-owner") && text.contains("As it was"), "{moment}: {text}");
        assert!(!text.contains("yes, for shop-owner") && !text.contains("Tokyo"), "{moment}: {text}");
        // What came later is on the list of decisions, and not on the timeline of then.
        let (_, timeline) = text.split_once("<h2>Timeline</h2>").unwrap();
        assert!(timeline.contains("held") && !timeline.contains("an approval by bo"), "{moment}: {timeline}");
    }
    // Word for word what it was, but for what is said of what came since.
    let again = it.get(&bo, &format!("{RELEASE}&at={entry}")).text();
    let why = |text: &str| {
        let (_, rest) = text.split_once("<h2>Why</h2>").unwrap();
        rest.split_once("<h2>How it came to this</h2>").unwrap().0.to_owned()
    };
    assert_eq!(why(&again), why(&at_first));

    let before = it.get(&bo, &format!("{RELEASE}&at=2020-01-01T00:00:00Z"));
    assert_eq!(before.status, 404);
    assert!(before.text().contains(&format!("See its first decision, entry {entry}")), "{}", before.text());
    for wrong in ["yesterday", "-1", "1.5", "2026-11-27", "99999999999999999999999", "%3Cscript%3E"] {
        let page = it.get(&bo, &format!("{RELEASE}&at={wrong}"));
        assert_eq!(page.status, 400, "{wrong}");
        assert!(page.text().contains("number of an entry"), "{}", page.text());
        assert!(!page.text().contains("<script"), "{}", page.text());
    }
    assert_eq!(answers(&it.github), 1);
}

#[test]
fn the_receipt_of_every_decision_is_checked_by_whoever_has_the_logs_key() {
    let it = shown(POLICY, &[]);
    let bo = it.login("bo");
    let held = it.get(&bo, &receipt_of(""));
    assert_eq!(held.status, 200, "{}", held.text());
    assert!(held.header("content-disposition").unwrap().starts_with("attachment; filename=\"receipt-"));
    reviews(&it.github, "bo", "APPROVED");
    until("an answer", || told(&it.github).decided.is_some());
    let went = it.get(&bo, &receipt_of(""));
    let document: Value = serde_json::from_slice(&went.body).unwrap();
    let entry: Value = serde_json::from_str(document["entry"].as_str().unwrap()).unwrap();
    assert_eq!(entry["body"]["decision"], "proceed");
    it.app.world.write("held.json", &held.body).write("went.json", &went.body);
    let verify = |file: &str| it.app.world.run(&["verify", file, "--log-key", "log.pub", "--replay"]);
    let said = verify("went.json");
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    // A hold is proven too, and is no approval.
    let said = verify("held.json");
    assert_eq!(said.code, 14, "{}{}", said.out, said.err);
    // The earlier one is had after the later one as well.
    let first = serde_json::from_slice::<Value>(&held.body).unwrap();
    let number =
        first["proof"].as_str().unwrap().lines().find_map(|line| line.strip_prefix("index ")).unwrap().to_owned();
    let again = it.get(&bo, &receipt_of(&format!("&at={number}")));
    let again: Value = serde_json::from_slice(&again.body).unwrap();
    assert_eq!(
        (&again["entry"], &again["decision"], &again["statements"]),
        (&first["entry"], &first["decision"], &first["statements"])
    );
    assert_eq!(it.get(&bo, &receipt_of("&at=0")).status, 404);
}
