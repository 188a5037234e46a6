//! What follows from a decision, from the command line: deliveries, acts, effects, timers, and what is sent.

use std::fs;

use serde_json::{Value, json};

use crate::support::run::{Said, World};

const POLICY: &str = "\
version: 1
environments:
  staging: { approval: automatic }
  production: { approval: automatic, from: staging, same: commit, soak: 2h }
components: { payments: { paths: [payments/**] } }
gates:
  tests: { junit: \"reports/*.xml\", require: \"tests.failed == 0\" }
";
const COMMIT: &str = "3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a";

fn world() -> World {
    let world = World::with_policy(POLICY).variable("COUNTERSIGN_DATABASE", "sqlite:record.db");
    let act = |id: &str, does: Value| json!({ "id": id, "at": "2026-11-23T08:30:00Z", "by": "github:ben", "via": "environment", "does": does, "standing": "stands", "impersonated_by": null });
    let release = json!({
        "name": "payments 2.4.0", "forge": "github", "repository": "acme/payments", "environment": "production",
        "commit": COMMIT, "submitted_at": "2026-11-23T08:00:00Z", "asked_since": null, "changes": [], "trigger": null,
        "reference": { "name": "refs/heads/main", "reaches": true, "resolves_to": COMMIT },
        "components": { "payments": { "content": "c1", "artifacts": [] } },
    });
    let waive =
        json!({ "waive": { "gate": "tests", "until": "2026-12-01T00:00:00Z", "environments": [], "when": null } });
    let ran = json!({
        "release": "payments 2.4.0", "environment": "staging", "commit": COMMIT, "opened_at": "2026-11-23T08:00:00Z",
        "finished_at": "2026-11-23T08:00:00Z", "outcome": "succeeded",
        "components": { "payments": { "content": "c1", "artifacts": [] } },
    });
    let facts = json!({
        "version": 1, "release": release, "incidents": [], "obligations": [], "deployments": [ran],
        "acts": [act("review-1", json!({ "approve": {} })), act("review-2", waive)],
    });
    world.write("facts.json", facts.to_string());
    let said = world.run(&["log", "key", "new", "--name", "log.example/releases", "--output", "log.key"]);
    world.write("log.pub", said.out);
    world.write("push.json", "{ \"ref\": \"refs/heads/main\" }\r\n");
    world
}

fn decide(world: &World, now: &str, more: &[&str]) -> Said {
    let mut arguments = vec!["decide", "--facts", "facts.json", "--now", now];
    arguments.extend(["--database", "sqlite:record.db", "--log-key", "log.key"]);
    arguments.extend(more);
    world.run(&arguments)
}

fn good(world: &World, arguments: &[&str]) -> String {
    let said = world.run(arguments);
    assert_eq!(said.code, 0, "{arguments:?}: {}{}", said.out, said.err);
    said.out
}

fn rows(world: &World, table: &str) -> Vec<Vec<String>> {
    let out = good(world, &["db", "list", table]);
    out.lines().skip(1).map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

const ONE: &str = "2026-11-23T09:00:00Z";
const TWO: &str = "2026-11-23T10:00:00Z";

#[test]
fn a_delivery_is_recorded_once_and_the_decision_that_answers_it_says_so() {
    let world = world();
    assert!(good(&world, &["db", "migrate"]).contains(" migrations run"));
    assert_eq!(good(&world, &["db", "list", "deliveries"]), "none: the record has no deliveries\n");
    let append = ["log", "append", "--log-key", "log.key", "--delivery", "github:g-1", "push.json"];
    assert_eq!(good(&world, &append), "entry 0\n");
    assert_eq!(good(&world, &append), "entry 0 (it was there already)\n");
    world.write("push.json", "{}");
    assert_eq!(world.run(&append).code, 2, "another content under the same id is another matter");
    let said = decide(&world, ONE, &["--answers", "github:g-1", "--answers", "github:g-2=push.json"]);
    assert_ne!(said.code, 3, "{}", said.err);
    let deliveries = rows(&world, "deliveries");
    let decision = rows(&world, "decisions").remove(0);
    assert_eq!(deliveries.len(), 2);
    for delivery in &deliveries {
        assert_eq!(delivery[5], decision[0], "{deliveries:?}");
    }
    let shown = good(&world, &["log", "show", "--from", &decision[0], "--limit", "1"]);
    assert!(shown.contains(r#""answers":[{"forge":"github","id":"g-1"},{"forge":"github","id":"g-2"}]"#), "{shown}");
    let never = decide(&world, TWO, &["--answers", "github:g-9"]);
    assert_eq!(never.code, 3);
    assert!(never.err.contains("`github:g-9` is not in the record"), "{}", never.err);
    assert_eq!(decide(&world, TWO, &["--answers", "g-9"]).code, 2);
    assert_eq!(rows(&world, "decisions").len(), 1, "what was refused left nothing");
}

#[test]
fn a_decision_made_upon_an_older_one_is_refused_and_acts_stand_once() {
    let world = world();
    assert_ne!(decide(&world, ONE, &["--after", "0"]).code, 3);
    let stale = decide(&world, TWO, &["--after", "0"]);
    assert_eq!(stale.code, 3, "{}", stale.out);
    assert!(stale.err.contains("was decided 1 times by now"), "{}", stale.err);
    assert_ne!(decide(&world, TWO, &["--after", "1"]).code, 3);
    let numbers: Vec<String> = rows(&world, "decisions").into_iter().map(|row| row[2].clone()).collect();
    assert_eq!(numbers, ["1", "2"]);
    let acts: Vec<Vec<String>> = rows(&world, "approvals");
    assert_eq!((acts.len(), acts[0][2].as_str(), acts[0][3].as_str()), (1, "review-1", "approval"));
    assert_eq!(rows(&world, "waivers")[0][2], "review-2");
    assert_eq!(rows(&world, "policies").len(), 1);
    good(&world, &["log", "verify", "--log-key", "log.pub"]);
}

#[test]
fn effects_leave_in_order_and_what_was_given_up_is_seen_and_tried_again() {
    let world = world();
    good(&world, &["db", "migrate"]);
    assert_eq!(good(&world, &["db", "outbox", "list"]), "nothing is to leave, and nothing has left\n");
    decide(&world, ONE, &[]);
    decide(&world, TWO, &[]);
    let effects = rows(&world, "outbox");
    assert_eq!((effects.len(), effects[0][1].as_str(), effects[0][2].as_str()), (2, "waiting", "github:acme/payments"));
    let first = effects[0][0].clone();
    assert!(good(&world, &["db", "outbox", "show", &first]).contains("\"number\":1"), "what is sent is shown");
    let missing = world.run(&["db", "outbox", "show", "99"]);
    assert!(missing.code == 2 && missing.err.contains("there is no effect 99"), "{}", missing.err);
    let send = |script: &str| good(&world, &["db", "outbox", "send", "--log-key", "log.key", "--", "sh", "-c", script]);
    assert_eq!(send("exit 1"), "0 done, 1 put off, 0 given up\n", "what comes after it waits for it");
    assert!(rows(&world, "outbox")[0][9].contains("ended with exit status: 1"));
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    assert_eq!(send("exit 65"), "0 done, 0 put off, 2 given up\n");
    assert_eq!(good(&world, &["db", "outbox", "list", "--dead"]).lines().count(), 3);
    let retry = ["db", "outbox", "retry", "--log-key", "log.key", first.as_str()];
    assert!(good(&world, &retry).starts_with(&format!("effect {first} is to leave again; entry ")));
    let again = world.run(&retry);
    assert!(again.code == 2 && again.err.contains("was not given up"), "{}", again.err);
    assert_eq!(
        send("cat > sent; echo $COUNTERSIGN_EFFECT_TO $COUNTERSIGN_LOG_KEY$COUNTERSIGN_DATABASE >> sent"),
        "1 done, 0 put off, 0 given up\n"
    );
    let arrived = fs::read_to_string(world.path().join("sent")).unwrap();
    assert!(arrived.contains("\"number\":1") && arrived.ends_with("github:acme/payments\n"), "{arrived}");
    assert_eq!(rows(&world, "outbox")[0][1], "done");
    good(&world, &["log", "verify", "--log-key", "log.pub"]);
}

#[test]
fn f21_without_a_signature_no_decision_is_told_and_nothing_of_it_is_recorded() {
    let world = world();
    assert_ne!(decide(&world, ONE, &[]).code, 3);
    let before = good(&world, &["log", "checkpoint"]);
    for command in ["exit 1", "true", "no-such-program"] {
        let facts = ["decide", "--facts", "facts.json", "--now", TWO, "--receipt", "receipt.json"];
        let facts = [&facts[..], &["--database", "sqlite:record.db"]].concat();
        let said = world.run(&[&facts[..], &["--log-key", "log.pub", "--log-key-command", command]].concat());
        assert_eq!((said.code, said.out.as_str()), (3, ""), "{command}");
        assert!(said.err.contains("nothing is decided, because it cannot be recorded"), "{}", said.err);
        assert!(!world.path().join("receipt.json").exists());
    }
    assert_eq!(good(&world, &["log", "checkpoint"]), before);
    assert_eq!((rows(&world, "decisions").len(), rows(&world, "outbox").len()), (1, 1));
    assert_ne!(decide(&world, TWO, &[]).code, 3, "with its key it goes on");
}

#[test]
fn whoever_sends_keeps_nobody_from_writing_meanwhile() {
    let world = world();
    decide(&world, ONE, &[]);
    let append = format!(
        "{} log append --database sqlite:record.db --log-key log.key push.json >&2",
        env!("CARGO_BIN_EXE_countersign")
    );
    world.write("push.json", "{}");
    let said = world.run(&["db", "outbox", "send", "--log-key", "log.key", "--", "sh", "-c", &append]);
    assert_eq!((said.code, said.out.as_str()), (0, "1 done, 0 put off, 0 given up\n"), "{}", said.err);
    let written = rows(&world, "outbox")[0][8].parse::<u64>().unwrap();
    assert_eq!(said.err, format!("entry {}\n", written - 1));
    good(&world, &["log", "verify", "--log-key", "log.pub"]);
}

#[test]
fn a_timer_is_due_until_its_release_is_decided_again() {
    let world = world();
    good(&world, &["db", "migrate"]);
    assert_eq!(good(&world, &["db", "timers"]), "nothing is due, and no decision waits for an instant\n");
    assert_eq!(world.run(&["db", "list", "rumours"]).code, 2);
    // It has run there for one of two hours.
    assert_eq!(decide(&world, ONE, &[]).code, 10);
    let timers = |now: &str| good(&world, &["db", "timers", "--now", now]);
    let soaked = "2026-11-23T10:00:00Z";
    assert_eq!(timers("2026-11-23T09:59:59Z"), format!("nothing is due; the earliest is {soaked}\n"));
    let due = format!("{soaked}\t[\"github\",\"acme/payments\",\"payments 2.4.0\",\"production\"]\n");
    assert_eq!(timers(soaked), due);
    assert_eq!(timers(soaked), due, "asking does not take it away");
    // A clock that is set forward or back changes when it is due, and loses nothing.
    assert_eq!(timers("2030-01-01T00:00:00Z"), due);
    assert_eq!(timers("2020-01-01T00:00:00Z"), format!("nothing is due; the earliest is {soaked}\n"));
    decide(&world, TWO, &[]);
    assert_eq!(timers("2030-01-01T00:00:00Z"), "nothing is due, and no decision waits for an instant\n");
}
