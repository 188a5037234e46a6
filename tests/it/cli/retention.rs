//! What is kept and what goes (row T66): by the settings in the log, never while it is held, and early only by two.

use std::fs;

use serde_json::{Value, json};

use super::log::{fed, good, second, world as empty};
use crate::support::run::{Said, World};

const SETTINGS: &str = "\
version: 1
default: 3y
kinds: { delivery: 90d }
regulations: { sox: 7y, hipaa: 6y }
";

fn keepers(count: usize) -> String {
    let names = ["ana", "bo", "cy"];
    let names: Vec<String> = names[..count].iter().map(|name| format!("  - KEY_{name}\n")).collect();
    format!("keepers:\n{}", names.concat())
}

/// Settings in a file, with the keepers' keys in it.
fn write(world: &World, file: &str, text: &str) {
    let mut text = text.to_owned();
    for name in ["ana", "bo", "cy"] {
        text = text.replace(&format!("KEY_{name}"), world.read(&format!("{name}.pub")).trim());
    }
    world.write(file, text);
}

fn world() -> World {
    let world = empty();
    for name in ["ana", "bo", "cy"] {
        let key = format!("{name}.key");
        let public = good(&world, &["log", "key", "new", "--name", name, "--output", &key]);
        world.write(&format!("{name}.pub"), public);
    }
    write(&world, "settings.yml", &format!("{SETTINGS}{}", keepers(3)));
    world
}

fn retain(world: &World, arguments: &[&str], now: &str) -> Said {
    world.run(&[&["log", "retention"], arguments, &["--log-key", "log.key", "--now", now]].concat())
}

/// Records something with a file, and returns its digest.
fn record(world: &World, kind: &str, at: &str, content: &str, body: &Value) -> String {
    world.write("file", content);
    let arguments = ["log", "append", "--log-key", "log.key", "--kind", kind, "--attach", "file", "--now", at];
    let said = fed(world, &arguments, &body.to_string());
    assert_eq!(said.code, 0, "{}", said.err);
    countersign::log::receipt::sha256(content.as_bytes())
}

fn order(world: &World, act: &[&str], by: &[&str]) {
    let arguments =
        ["log", "retention", "order", "--log", "log.example/releases", "--reason", "asked for by the court"];
    good(world, &[&arguments[..], act, &["--output", "order"]].concat());
    for name in by {
        let said = good(world, &["log", "retention", "sign", "order", "--key", &format!("{name}.key")]);
        assert!(said.starts_with("countersign log order v1\nlog.example/releases\n"), "{said}");
    }
}

/// Whether the database still has the bytes anywhere.
fn is_there(world: &World, content: &str) -> bool {
    let stored = countersign::store::blob::Blob::new(content.as_bytes());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let address = countersign::store::address::Address::Sqlite(world.path().join("record.db"));
    runtime.block_on(async {
        let mut reader = countersign::store::reader::Reader::open(&address).await.unwrap();
        reader.blob(stored.digest()).await.unwrap().is_some()
    })
}

const T0: &str = "2020-01-01T00:00:00Z";

#[test]
fn t66_what_is_due_goes_leaves_its_digest_and_the_log_still_verifies() {
    let world = world();
    good(&world, &["log", "retention", "set", "--log-key", "log.key", "--now", T0, "settings.yml"]);
    let secret = "personal words that must not stay, ".repeat(9);
    let delivery = record(&world, "delivery", T0, &secret, &json!({}));
    let evidence = record(&world, "evidence", T0, "kept for three years", &json!({}));
    let audited = record(&world, "evidence", T0, "kept for seven", &json!({ "regulations": ["sox"] }));
    let strange = record(&world, "delivery", T0, "of an unknown regulation", &json!({ "regulations": ["gdpr"] }));
    let shared = record(&world, "delivery", T0, "a delivery, and evidence too", &json!({}));
    record(&world, "evidence", T0, "a delivery, and evidence too", &json!({}));

    // Ninety days are over at that very instant, and not before.
    let said = retain(&world, &["expire"], "2020-03-30T23:59:59Z");
    assert_eq!((said.code, said.out.as_str()), (0, "0 gone\n"), "{}", said.err);
    let dry = retain(&world, &["expire", "--dry-run"], "2020-03-31T00:00:00Z");
    assert!(dry.out.ends_with("1 would go\n") && is_there(&world, &secret), "{}{}", dry.out, dry.err);
    let said = retain(&world, &["expire"], "2020-03-31T00:00:00Z");
    assert!(
        said.out.starts_with(&format!("sha256:{delivery}  delivery, until 2020-03-31")),
        "{}{}",
        said.out,
        said.err
    );
    assert!(said.out.ends_with("\n1 gone\n"), "{}", said.out);
    assert!(!is_there(&world, &secret));
    let again = retain(&world, &["expire"], "2020-03-31T00:00:00Z");
    assert_eq!(again.out, "0 gone\n");

    let shown = good(&world, &["log", "show", "--raw"]);
    let tombstone: Value = serde_json::from_str(shown.lines().last().unwrap()).unwrap();
    assert_eq!((&tombstone["kind"], &tombstone["body"]), (&json!("expiry"), &json!({ "expired": [delivery] })));
    assert!(good(&world, &["log", "verify", "--log-key", "log.pub"]).starts_with("8 entries verified"));
    good(&world, &["log", "export", "--log-key", "log.pub", "out"]);
    if let Some((holds, said)) = second(&world, &["log", "out", "log.pub"]) {
        assert!(holds, "{said}");
    }
    // Three years, to the day; seven for what an audit needs, and the longest for what nobody knows.
    let said = retain(&world, &["expire"], "2023-01-01T00:00:00Z");
    assert!(
        said.out.contains(&evidence) && said.out.contains(&shared) && said.out.ends_with("2 gone\n"),
        "{}",
        said.out
    );
    let said = retain(&world, &["expire"], "2027-01-01T00:00:00Z");
    assert!(
        said.out.contains(&audited) && said.out.contains(&strange) && said.out.ends_with("2 gone\n"),
        "{}",
        said.out
    );
    let said = world.run(&["log", "retention", "show", "--log-key", "log.pub"]);
    assert_eq!((said.code, said.out.contains("nobody was entitled")), (0, false), "{}", said.out);
    assert!(said.out.contains("\n0 digests are kept, the time of 0 is over\n"), "{}", said.out);
}

#[test]
fn t66_what_is_deleted_is_not_found_in_the_file_either() {
    let world = world();
    good(&world, &["log", "retention", "set", "--log-key", "log.key", "--now", T0, "settings.yml"]);
    // Bytes that do not grow smaller stand in the file as they are.
    let mut chance = crate::second::chance::Chance::new(7);
    let secret: String = (0..3_000).map(|_| char::from(u8::try_from(chance.between(33, 126)).unwrap())).collect();
    record(&world, "delivery", T0, &secret, &json!({}));
    let blob = format!("{:?}", countersign::store::blob::Blob::new(secret.as_bytes()));
    let packed = blob.split("packed: [").nth(1).unwrap().split(']').next().unwrap();
    let packed: Vec<u8> = packed.split(", ").map(|byte| byte.parse().unwrap()).collect();
    let found = |part: &[u8]| {
        let file = fs::read(world.path().join("record.db")).unwrap();
        memchr::memmem::find(&file, part).is_some()
    };
    let part = packed[100..140].to_vec();
    assert!(found(&part));
    assert!(retain(&world, &["expire"], "2021-01-01T00:00:00Z").out.ends_with("1 gone\n"));
    assert!(!found(&part));
}

#[test]
fn t66_what_lies_in_the_evidence_folder_goes_as_well_and_not_without_the_folder() {
    let world = world();
    good(&world, &["log", "retention", "set", "--log-key", "log.key", "--now", T0, "settings.yml"]);
    let mut chance = crate::second::chance::Chance::new(8);
    let large: String = (0..500_000).map(|_| char::from(u8::try_from(chance.between(33, 126)).unwrap())).collect();
    let keep = |kind: &str, content: &str| {
        world.write("file", content);
        let arguments = ["log", "append", "--log-key", "log.key", "--kind", kind, "--attach", "file", "--now", T0];
        let said = fed(&world, &[&arguments[..], &["--evidence-folder", "evidence"]].concat(), "{}");
        assert_eq!(said.code, 0, "{}", said.err);
        countersign::log::receipt::sha256(content.as_bytes())
    };
    let digest = keep("delivery", &large);
    let purged = keep("evidence", &format!("{large}."));
    let file = |digest: &str| world.path().join("evidence").join(&digest[..2]).join(digest);
    assert!(file(&digest).exists() && file(&purged).exists());
    // Whoever does not say where the bytes are lets nothing go, and records nothing.
    let said = retain(&world, &["expire"], "2021-01-01T00:00:00Z");
    assert_eq!((said.code, said.err.contains("`--evidence-folder`")), (3, true), "{}", said.err);
    assert!(good(&world, &["log", "verify", "--log-key", "log.pub"]).starts_with("3 entries verified"));
    assert!(file(&digest).exists());
    let there = ["expire", "--evidence-folder", "evidence"];
    let said = retain(&world, &there, "2021-01-01T00:00:00Z");
    assert!(said.out.contains(&digest) && said.out.ends_with("\n1 gone\n"), "{}{}", said.out, said.err);
    assert!(!file(&digest).exists() && file(&purged).exists());
    order(&world, &["--purge", &purged], &["ana", "bo"]);
    let said = retain(&world, &["purge", "--order", "order", "--evidence-folder", "evidence"], T0);
    assert_eq!(said.out, "the bytes of 1 digests are gone: asked for by the court\n", "{}", said.err);
    assert!(!file(&purged).exists());
    assert!(good(&world, &["log", "verify", "--log-key", "log.pub"]).starts_with("5 entries verified"));
    // What comes again is kept again.
    keep("delivery", &large);
    assert!(file(&digest).exists());
}

#[test]
fn t66_a_legal_hold_keeps_what_is_due_and_one_person_does_not_end_it() {
    let world = world();
    good(&world, &["log", "retention", "set", "--log-key", "log.key", "--now", T0, "settings.yml"]);
    let held = record(&world, "delivery", T0, "of the release", &json!({ "release": "payments 2.4.0" }));
    let other = record(&world, "delivery", T0, "of another", &json!({ "release": "payments 2.5.0" }));
    let placing = ["hold", "case 17", "--reason", "a letter of the court", "--release", "payments 2.4.0"];
    assert_eq!(retain(&world, &placing, T0).out, "held by `case 17`: payments 2.4.0\n");
    assert_eq!(retain(&world, &placing, T0).code, 2, "a hold has its name for itself");
    let said = retain(&world, &["expire"], "2030-01-01T00:00:00Z");
    assert!(said.out.contains(&other) && said.out.ends_with("1 gone\n") && !said.out.contains(&held), "{}", said.out);
    // Not even two can purge what is held.
    order(&world, &["--purge", &held], &["ana", "bo"]);
    let said = retain(&world, &["purge", "--order", "order"], T0);
    assert_eq!((said.code, said.err.contains("is under the legal hold `case 17`")), (2, true), "{}", said.err);
    for by in [&[][..], &["ana"], &["ana", "ana"]] {
        order(&world, &["--lift", "case 17"], by);
        let said = retain(&world, &["lift", "case 17", "--order", "order"], T0);
        assert_eq!(said.code, 2, "{by:?}: {}", said.out);
    }
    order(&world, &["--lift", "case 18"], &["ana", "bo"]);
    assert_eq!(retain(&world, &["lift", "case 17", "--order", "order"], T0).code, 2);
    order(&world, &["--lift", "case 17"], &["cy", "bo"]);
    assert_eq!(retain(&world, &["lift", "case 17", "--order", "order"], T0).out, "`case 17` is lifted\n");
    assert!(retain(&world, &["expire"], "2030-01-01T00:00:00Z").out.ends_with("1 gone\n"));
    let everything = ["hold", "all", "--reason", "a raid"];
    assert_eq!(retain(&world, &everything, T0).out, "held by `all`: everything\n");
    // An order is good once.
    let said = retain(&world, &["lift", "all", "--order", "order"], T0);
    assert_eq!(said.code, 2, "{}", said.out);
}

#[test]
fn t66_an_early_purge_takes_two_keepers() {
    let world = world();
    let early = record(&world, "evidence", T0, "sent by mistake", &json!({}));
    order(&world, &["--purge", &early], &["ana", "bo"]);
    let said = retain(&world, &["purge", "--order", "order"], T0);
    assert_eq!((said.code, said.err.contains("the retention settings name none")), (2, true), "{}", said.err);
    good(&world, &["log", "retention", "set", "--log-key", "log.key", "--now", T0, "settings.yml"]);
    good(&world, &["log", "key", "new", "--name", "mallory", "--output", "mallory.key"]);
    for by in [&[][..], &["ana"], &["ana", "ana"], &["mallory", "ana"]] {
        order(&world, &["--purge", &early], by);
        let said = retain(&world, &["purge", "--order", "order"], T0);
        assert_eq!(said.code, 2, "{by:?}: {}", said.out);
        assert!(is_there(&world, "sent by mistake"));
    }
    order(&world, &["--purge", &early], &["ana", "bo"]);
    let text = world.read("order");
    for (name, other) in [
        ("another digest", text.replace(&early[..8], "00000000")),
        ("another log", text.replace("log.example/releases\n", "log.example/other\n")),
        ("another reason", text.replace("asked for", "hidden")),
    ] {
        world.write("order", other);
        assert_eq!(retain(&world, &["purge", "--order", "order"], T0).code, 2, "{name}");
    }
    world.write("order", text);
    let said = retain(&world, &["purge", "--order", "order"], T0);
    assert_eq!(said.out, "the bytes of 1 digests are gone: asked for by the court\n", "{}", said.err);
    assert!(!is_there(&world, "sent by mistake"));
    let again = retain(&world, &["purge", "--order", "order"], T0);
    assert_eq!((again.code, again.err.contains("is good once")), (2, true), "{}", again.err);
    assert!(good(&world, &["log", "verify", "--log-key", "log.pub"]).starts_with("3 entries verified"));
    assert_eq!(world.run(&["log", "retention", "show", "--log-key", "log.pub"]).code, 0);
}

#[test]
fn t66_one_admin_shortens_nothing() {
    let world = world();
    let set = |file: &str, order: &[&str]| retain(&world, &[&["set", file], order].concat(), T0);
    assert_eq!(set("settings.yml", &[]).code, 0);
    let whole = world.read("settings.yml");
    let weaker = [
        ("default: 3y", "default: 2y"),
        ("default: 3y", "default: 1095d"),
        ("delivery: 90d", "delivery: 89d"),
        ("sox: 7y", "sox: 6y"),
        ("sox: 7y, ", ""),
        ("kinds: { delivery: 90d }", "kinds: { delivery: 90d, decision: 1d }"),
        ("keepers:", "keepers_needed: 3\nkeepers_before:"),
    ];
    for (from, to) in weaker {
        world.write("shorter.yml", whole.replace(from, to));
        let said = set("shorter.yml", &[]);
        assert_eq!(said.code, 2, "{to}: {}", said.out);
    }
    world.write("nobody.yml", SETTINGS);
    assert_eq!(set("nobody.yml", &[]).code, 2);
    world.write("longer.yml", whole.replace("default: 3y", "default: 4y").replace("hipaa", "pci: 2y, hipaa"));
    assert_eq!(set("longer.yml", &[]).code, 0);
    // With two keepers' word for these very settings, it goes.
    order(&world, &["--settings", "settings.yml"], &["ana", "cy"]);
    world.write("shorter.yml", whole.replace("default: 3y", "default: 1y"));
    assert_eq!(set("shorter.yml", &["--order", "order"]).code, 2);
    let said = set("settings.yml", &["--order", "order"]);
    assert_eq!((said.code, said.out.as_str()), (0, "the settings are in force\n"), "{}", said.err);
    for (bad, why) in [
        ("version: 2\ndefault: 1y\n", "version 2 is not known"),
        ("version: 1\ndefault: 0y\n", "is no time"),
        ("version: 1\ndefault: 3 years\n", "is no time"),
        ("version: 1\ndefault: 1y\nkinds: { deliveries: 1y }\n", "is no kind of entry"),
        ("version: 1\ndefault: 1y\napplies: [sox]\n", "gives no time for"),
        ("version: 1\ndefault: 1y\nkeepers_needed: 1\n", "is no control by two"),
        ("version: 1\ndefault: 1y\nmore: 1\n", "more"),
    ] {
        world.write("bad.yml", bad);
        let said = set("bad.yml", &[]);
        assert_eq!((said.code, said.err.contains(why)), (2, true), "{bad}: {}", said.err);
    }
    write(&world, "twice.yml", "version: 1\ndefault: 9y\nkeepers: [KEY_ana, KEY_ana]\n");
    assert!(set("twice.yml", &[]).err.contains("stands there twice"));
}

#[test]
fn t66_whoever_goes_round_the_commands_is_told_of_by_the_log_itself() {
    let world = world();
    good(&world, &["log", "retention", "set", "--log-key", "log.key", "--now", T0, "settings.yml"]);
    let kept = record(&world, "delivery", T0, "kept for ninety days", &json!({}));
    // With the log's key he records settings that nobody signed: they count for nothing.
    let shorter = json!({ "retention": { "version": 1, "default": "1d" } }).to_string();
    let said = fed(&world, &["log", "append", "--log-key", "log.key", "--kind", "policy", "--now", T0], &shorter);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(retain(&world, &["expire"], "2020-01-03T00:00:00Z").out, "0 gone\n");
    let said = world.run(&["log", "retention", "show", "--log-key", "log.pub"]);
    assert_eq!(said.code, 12, "{}", said.out);
    assert!(said.out.contains("nobody was entitled to it: entry 2: a shorter time for"), "{}", said.out);
    // With the library he records a tombstone before its time.
    let signer = countersign::log::note::Signer::parse(&world.read("log.key")).unwrap();
    let address = countersign::store::address::Address::Sqlite(world.path().join("record.db"));
    let at = chrono::DateTime::parse_from_rfc3339("2020-01-02T00:00:00Z").unwrap().to_utc();
    let body = json!({ "expired": [kept] }).as_object().unwrap().clone();
    let entry = countersign::log::entry::Entry { kind: countersign::log::entry::Kind::Expiry, at, body };
    let digest = countersign::log::tree::Hash::parse(&kept).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let opening = countersign::store::writer::Writer::open(&address, signer, std::time::Duration::ZERO, at);
        let mut writer = opening.await.unwrap();
        writer.erase(3, &[entry.bytes().unwrap()], &[digest], at).await.unwrap();
        writer.close().await.unwrap();
    });
    let said = world.run(&["log", "retention", "show", "--log-key", "log.pub"]);
    assert_eq!(said.code, 12, "{}", said.out);
    assert!(said.out.contains(&format!("entry 3: retention: `{kept}` was deleted before its time")), "{}", said.out);
}
