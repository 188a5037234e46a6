//! A decision is recorded, and leaves with a receipt that anybody with the log's key can check.

use chrono::DateTime;
use countersign::flow::decided::Beside;
use countersign::flow::receipt::{self, Decided};
use countersign::flow::replay::{self, Replayed};
use countersign::log::note::{Kind, Signer, Verifier};
use countersign::log::receipt::{self as file, Envelope, Receipt};
use countersign::store::address::Address;
use serde_json::{Value, json};

use crate::support::run::{Said, World};

const POLICY: &str = "\
version: 1
environments: { staging: { approval: automatic }, production: { approval: automatic } }
components: { payments: { paths: [payments/**] } }
gates:
  tests: { junit: \"reports/*.xml\", require: \"tests.failed == 0\" }
";
const NOW: &str = "2026-11-23T09:00:00Z";
const ARTIFACT: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const COMMIT: &str = "3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a";

fn facts(failed: u32) -> String {
    let release = json!({
        "name": "payments 2.4.0", "forge": "github", "repository": "acme/payments", "environment": "production",
        "commit": COMMIT, "submitted_at": "2026-11-23T08:00:00Z", "asked_since": null, "changes": [], "trigger": null,
        "reference": { "name": "refs/heads/main", "reaches": true, "resolves_to": COMMIT },
        "components": { "payments": { "content": "c1", "artifacts": [ARTIFACT] } },
    });
    let evidence = json!({ "tests": { "digests": ["b".repeat(64)], "measures": { "tests.failed": failed } } });
    json!({
        "version": 1, "release": release, "evidence": evidence, "acts": [], "incidents": [], "obligations": [],
        "deployments": [],
    })
    .to_string()
}

fn world(failed: u32) -> World {
    let world = World::with_policy(POLICY);
    world.write("facts.json", facts(failed));
    let said = world.run(&["log", "key", "new", "--name", "log.example/releases", "--output", "log.key"]);
    world.write("log.pub", said.out);
    world
}

fn decide(world: &World, more: &[&str]) -> Said {
    let mut arguments = vec!["decide", "--facts", "facts.json", "--now", NOW];
    arguments.extend(["--database", "sqlite:record.db", "--log-key", "log.key", "--receipt", "receipt.json"]);
    arguments.extend(more);
    world.run(&arguments)
}

fn verify(world: &World, more: &[&str]) -> Said {
    world.run(&[&["verify", "receipt.json", "--log-key", "log.pub"][..], more].concat())
}

fn receipt(world: &World) -> Receipt {
    Receipt::parse(world.read("receipt.json").as_bytes()).unwrap()
}

fn key(world: &World) -> Verifier {
    Verifier::parse(&world.read("log.pub")).unwrap()
}

fn envelope(payload: &[u8], by: &Signer) -> Envelope {
    Envelope::of(payload, by.verifier(), &by.sign_bytes(&file::encoded(payload)))
}

#[test]
fn an_approval_is_recorded_before_it_is_told_and_its_receipt_holds() {
    let world = world(0);
    let said = decide(&world, &[]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let told = verify(&world, &["--replay", "--subject", ARTIFACT, "--environment", "production"]);
    assert_eq!(told.code, 0, "{}", told.err);
    let line = "approved: payments 2.4.0 to `production`, decided for 2026-11-23T09:00:00Z; \
                entry 2 of log.example/releases; decided again, it is the same to the byte\n";
    assert_eq!(told.out, line);
    for subject in [&ARTIFACT[7..], COMMIT, &format!("gitCommit:{COMMIT}")] {
        assert_eq!(verify(&world, &["--subject", subject]).code, 0, "{subject}");
    }
    // Decided once more, it is there once.
    assert_eq!(decide(&world, &[]).code, 0);
    let shown = world.run(&["log", "show", "--database", "sqlite:record.db"]).out;
    let kinds: Vec<&str> = shown.lines().map(|line| line.split("  ").nth(2).unwrap()).collect();
    assert_eq!(kinds, ["policy", "facts", "decision", "effect"]);
    let whole = world.run(&["log", "verify", "--database", "sqlite:record.db", "--log-key", "log.pub"]);
    assert!(whole.out.starts_with("4 entries verified"), "{}{}", whole.out, whole.err);

    let statements = receipt(&world).check(&key(&world)).unwrap().statements;
    assert_eq!(statements[0]["predicateType"], "https://slsa.dev/verification_summary/v1");
    assert_eq!(statements[0]["predicate"]["verificationResult"], "PASSED");
    assert_eq!(statements[0]["predicate"]["inputAttestations"][2]["digest"]["sha256"], "b".repeat(64));
    assert_eq!(statements[0]["subject"][0]["digest"]["sha256"], ARTIFACT[7..]);
    assert_eq!(statements[1]["predicateType"], "https://in-toto.io/attestation/svr/v0.1");
    assert_eq!(statements[1]["predicate"]["properties"], json!(["APPROVED_FOR_RELEASE production"]));
}

#[test]
fn each_way_not_to_be_an_approval_has_a_code_of_its_own() {
    let approved = world(0);
    assert_eq!(decide(&approved, &[]).code, 0);
    let other = verify(&approved, &["--subject", &ARTIFACT.replace("aaaa", "cccc")]);
    assert_eq!((other.code, other.err.contains("is not about `sha256:cccc")), (13, true), "{}", other.err);
    for subject in ["", "sha256:", "sha512:", &format!("gitCommit:{}", &ARTIFACT[7..]), &ARTIFACT[..40]] {
        assert_eq!(verify(&approved, &["--subject", subject]).code, 13, "{subject}");
    }
    // T32: an approval for another environment opens nothing, however it is spelled.
    for environment in ["staging", "Production", "production ", "prod", ""] {
        assert_eq!(verify(&approved, &["--environment", environment]).code, 13, "{environment}");
    }
    assert_eq!(approved.run(&["verify", "receipt.json"]).code, 2, "no key");
    assert_eq!(approved.run(&["verify", "receipt.json", "--log-key", "nonsense"]).code, 2);
    assert_eq!(approved.run(&["verify", "nowhere.json", "--log-key", "log.pub"]).code, 3);
    approved.write("receipt.json", "{}");
    assert_eq!(verify(&approved, &[]).code, 12);

    let held = world(3);
    assert_eq!(decide(&held, &[]).code, 10);
    let said = verify(&held, &["--replay"]);
    assert_eq!(said.code, 14, "{}", said.err);
    assert!(said.err.contains("says of payments 2.4.0 to `production`: hold"), "{}", said.err);
    let statements = receipt(&held).check(&key(&held)).unwrap().statements;
    assert_eq!((statements.len(), &statements[0]["predicate"]["verificationResult"]), (1, &json!("FAILED")));
}

#[test]
fn t16_what_has_no_policy_is_held_recorded_and_decided_again() {
    let mistaken = POLICY.replace("tests.failed", "tests.faild");
    let held = world(0);
    held.write("policy.yml", &mistaken);
    let said = decide(&held, &["--policy", "policy.yml"]);
    assert_eq!(said.code, 10, "{}{}", said.out, said.err);
    assert!(said.out.contains("code: policy_mistaken"), "{}", said.out);
    let told = verify(&held, &["--replay"]);
    assert_eq!((told.code, told.err.contains("hold")), (14, true), "{}", told.err);
    let good = receipt(&held);
    let shown = good.check(&key(&held)).unwrap();
    assert_eq!(shown.entry.body["no_policy"], json!(true));
    assert_eq!(replay::replay(&good, &shown), Replayed::Same);
    // Recorded as a decision by a policy, it could not be told from one of a version that read it.
    let mut other = shown.clone();
    other.entry.body.remove("no_policy");
    assert!(matches!(replay::replay(&good, &other), Replayed::NotHere(why) if why.contains("is none here")));

    // A layer that is not there is in no receipt.
    let missing = world(0);
    let said = decide(&missing, &["--policy", "organisation.yml", "--policy", "policy.yml"]);
    assert_eq!(said.code, 10, "{}{}", said.out, said.err);
    let told = verify(&missing, &["--replay"]);
    assert_eq!((told.code, told.err.contains("could not be read then")), (15, true), "{}", told.err);
    assert_eq!(
        receipt(&missing).check(&key(&missing)).unwrap().statements[0]["predicate"]["policy"]["digest"],
        json!({})
    );

    // Of two policies it is said which one.
    let before = world(0);
    before.write("old.yml", &mistaken);
    let said = decide(&before, &["--policy", ".countersign/policy.yml", "--policy-before", "old.yml"]);
    assert_eq!((said.code, said.out.contains("old.yml:")), (10, true), "{}{}", said.out, said.err);
    let good = receipt(&before);
    assert_eq!((good.policy.len(), good.policy_before.len()), (1, 1));
    let shown = good.check(&key(&before)).unwrap();
    assert_eq!(replay::replay(&good, &shown), Replayed::Same);
}

#[test]
fn a_redacted_receipt_holds_and_cannot_be_decided_again() {
    let world = world(0);
    assert_eq!(decide(&world, &["--redact"]).code, 0);
    let text = world.read("receipt.json");
    assert!(!text.contains("tests.failed == 0") && !text.contains("submitted_at"));
    assert_eq!(verify(&world, &["--subject", ARTIFACT]).code, 0);
    let again = verify(&world, &["--replay"]);
    assert_eq!((again.code, again.err.as_str()), (15, "countersign: not replayable here: its facts were redacted\n"));
}

#[test]
fn t40_nothing_is_decided_where_it_cannot_be_recorded() {
    let world = world(0);
    world.write("not-a-database", "text");
    let arguments = ["decide", "--facts", "facts.json", "--now", NOW, "--log-key", "log.key", "--database"];
    for database in ["sqlite:not-a-database", "sqlite:/nowhere/record.db", "postgres://127.0.0.1:1/record"] {
        let said = world.run(&[&arguments[..], &[database]].concat());
        assert_eq!((said.code, said.out.as_str()), (3, ""), "{database}: {}", said.err);
        assert!(said.err.contains("nothing is decided, because it cannot be recorded"), "{}", said.err);
    }
    assert_eq!(world.run(&["decide", "--facts", "facts.json", "--now", NOW, "--database", "sqlite:r.db"]).code, 2);
    assert_eq!(world.run(&["decide", "--facts", "facts.json", "--now", NOW, "--log-key", "log.key"]).code, 2);
}

/// Every place in a document, as a pointer.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| places(value, &format!("{at}/{key}"), found)),
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(place, value)| places(value, &format!("{at}/{place}"), found));
        }
        _ => {}
    }
}

#[test]
fn t64_whatever_is_changed_in_a_receipt_shows() {
    let world = world(0);
    decide(&world, &[]);
    let good: Value = serde_json::from_str(&world.read("receipt.json")).unwrap();
    let key = key(&world);
    let holds =
        |value: &Value| Receipt::parse(&serde_json::to_vec(value).unwrap()).is_ok_and(|it| it.check(&key).is_ok());
    assert!(holds(&good));
    let mut all = Vec::new();
    places(&good, "", &mut all);
    let mut refuted = 0;
    for place in &all {
        // A text that is left out is redaction, which is anybody's right.
        let redactable = place == "/facts" || place.ends_with("/text");
        let mut others = vec![json!("other"), json!(7), json!({}), json!([])];
        if !redactable {
            others.push(Value::Null);
        }
        if let Some(text) = good.pointer(place).and_then(Value::as_str) {
            let mut characters: Vec<char> = text.chars().collect();
            for at in [0, text.len() / 2, text.len().saturating_sub(3)] {
                if let Some(character) = characters.get_mut(at) {
                    let before = *character;
                    *character = if before == 'A' { 'B' } else { 'A' };
                    others.push(characters.iter().collect::<String>().into());
                    characters[at] = before;
                }
            }
            others.push(format!("{text} ").into());
            others.push("".into());
        }
        for other in others {
            let mut changed = good.clone();
            let target = changed.pointer_mut(place).unwrap();
            if *target == other {
                continue;
            }
            *target = other;
            // A policy that was the same before a change, and is not stated, is the same.
            assert!(!holds(&changed), "{place} could be changed: {:#}", changed.pointer(place).unwrap());
            refuted += 1;
        }
        if let Some((parent, name)) = place.rsplit_once('/')
            && let Some(Value::Object(map)) = good.pointer(parent)
            && !redactable
            && map.get(name) != Some(&json!([]))
        {
            let mut less = good.clone();
            less.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
            assert!(!holds(&less), "{place} could be left out");
            let mut more = good.clone();
            more.pointer_mut(parent).unwrap().as_object_mut().unwrap().insert("extra".to_owned(), json!(1));
            assert!(!holds(&more), "{parent} could be added to");
            refuted += 2;
        }
    }
    assert!(refuted > 200, "{refuted}");
}

#[test]
fn t65_a_receipt_holds_by_the_old_key_and_by_the_new_one_and_by_no_retired_one() {
    let world = world(0);
    assert_eq!(decide(&world, &[]).code, 0);
    world.write("older.json", world.read("receipt.json"));
    let new = ["log", "key", "new", "--name", "log.example/releases", "--output", "new.key"];
    world.write("new.pub", world.run(&new).out);
    let database = ["--database", "sqlite:record.db"];
    let rotate = ["log", "key", "rotate", "--log-key", "log.key", "--new-key", "new.key"];
    assert_eq!(world.run(&[&rotate[..], &database].concat()).code, 0);
    let history = ["log", "key", "history", "--log-key", "log.pub"];
    world.write("history", world.run(&[&history[..], &database].concat()).out);
    // The same facts at another instant are another decision.
    let again = ["decide", "--facts", "facts.json", "--now", "2026-11-23T10:00:00Z", "--log-key", "new.key"];
    let said = world.run(&[&again[..], &database, &["--receipt", "receipt.json"]].concat());
    assert_eq!(said.code, 0, "{}", said.err);
    for receipt in ["receipt.json", "older.json"] {
        for key in ["log.pub", "history", "new.pub"] {
            let said = world.run(&["verify", receipt, "--log-key", key, "--replay"]);
            // The older one does not know of the key that came, and who trusts that one alone does not know the older.
            let strange = receipt == "older.json" && key == "new.pub";
            assert_eq!(said.code, if strange { 12 } else { 0 }, "{receipt} by {key}: {}", said.err);
        }
    }
    // The old key's thief makes a receipt today, on the newest tree.
    let ours = Signer::parse(&world.read("log.key")).unwrap();
    let mut forged = receipt(&world);
    let payloads: Vec<Vec<u8>> = forged
        .statements
        .iter()
        .map(|it| it.open(&Verifier::parse(&world.read("new.pub")).unwrap()).unwrap())
        .collect();
    forged.statements = payloads.iter().map(|payload| envelope(payload, &ours)).collect();
    let mut proof = countersign::log::proof::Proof::parse(&forged.proof).unwrap();
    proof.checkpoint.signatures.clear();
    ours.sign(&mut proof.checkpoint, 0);
    forged.proof = proof.to_string();
    forged.rotations = Vec::new();
    world.write("forged.json", serde_json::to_string(&forged).unwrap());
    let said = world.run(&["verify", "forged.json", "--log-key", "history"]);
    assert_eq!((said.code, said.err.contains("it is not of its time")), (12, true), "{}{}", said.out, said.err);
}

#[test]
fn a_receipt_shows_who_has_seen_it_by_a_newer_proof() {
    let world = world(0);
    assert_eq!(decide(&world, &[]).code, 0);
    let witness = |seed: u8, name: &str| Signer::new(name, Kind::Cosignature, &[seed; 32]).unwrap();
    let (one, two) = (witness(5, "one.example/w"), witness(6, "two.example/w"));
    let (first, second) = (one.verifier().to_string(), two.verifier().to_string());
    let said = verify(&world, &["--witness", &first]);
    assert_eq!((said.code, said.err.contains("fewer than 1 of 1 witnesses cosigned it")), (12, true), "{}", said.err);
    let mut proof = countersign::log::proof::Proof::parse(&receipt(&world).proof).unwrap();
    one.sign(&mut proof.checkpoint, 1_790_000_000);
    world.write("proof", proof.to_string());
    let seen = |more: &[&str]| verify(&world, &[&["--proof", "proof"][..], more].concat()).code;
    assert_eq!(seen(&["--witness", &first]), 0);
    assert_eq!(seen(&["--witness", &first, "--witness", &second]), 12);
    assert_eq!(seen(&["--witness", &first, "--witness", &second, "--witnesses", "1"]), 0);
    assert_eq!(seen(&["--witness", &second]), 12);
    // A word without its time, and one that does not hold, is none.
    for (time, spoil) in [(0, 0), (1_790_000_000, 1)] {
        proof.checkpoint.signatures.truncate(1);
        one.sign(&mut proof.checkpoint, time);
        proof.checkpoint.signatures[1].bytes[20] ^= spoil;
        world.write("proof", proof.to_string());
        assert_eq!(seen(&["--witness", &first]), 12);
    }
    // The proof of another entry is none of this receipt's.
    assert_eq!(world.run(&["log", "prove", "0", "--database", "sqlite:record.db", "--output", "proof"]).code, 0);
    assert_eq!(seen(&[]), 12);
}

#[test]
fn t64_receipts_that_were_put_together_prove_nothing() {
    let (one, other) = (world(0), world(3));
    decide(&one, &[]);
    decide(&other, &[]);
    let (good, held, key) = (receipt(&one), receipt(&other), key(&one));
    good.check(&key).unwrap();
    let stranger = Signer::new("log.example/releases", Kind::Ed25519, &[1; 32]).unwrap();
    let ours = Signer::parse(&one.read("log.key")).unwrap();
    let payload = good.statements[0].open(&key).unwrap();
    let other_subject = String::from_utf8(payload.clone()).unwrap().replace("aaaa", "cccc");
    let bad: Vec<(&str, Receipt)> = vec![
        ("another log's receipt", held.clone()),
        ("another's entry", Receipt { entry: held.entry.clone(), ..good.clone() }),
        ("another's proof", Receipt { proof: held.proof.clone(), ..good.clone() }),
        (
            "another's entry with its proof",
            Receipt { entry: held.entry.clone(), proof: held.proof.clone(), ..good.clone() },
        ),
        ("another's decision", Receipt { decision: held.decision.clone(), ..good.clone() }),
        ("another's facts", Receipt { facts: held.facts.clone(), ..good.clone() }),
        ("another's statements", Receipt { statements: held.statements.clone(), ..good.clone() }),
        ("no statements", Receipt { statements: Vec::new(), ..good.clone() }),
        ("one statement less", Receipt { statements: good.statements[..1].to_vec(), ..good.clone() }),
        ("statements swapped", Receipt { statements: good.statements.iter().rev().cloned().collect(), ..good.clone() }),
        (
            "a statement twice",
            Receipt { statements: vec![good.statements[0].clone(), good.statements[0].clone()], ..good.clone() },
        ),
        (
            "a statement signed by another key",
            Receipt { statements: vec![envelope(&payload, &stranger), good.statements[1].clone()], ..good.clone() },
        ),
        (
            "another subject, signed with the log's own key but not in the log",
            Receipt {
                statements: vec![envelope(other_subject.as_bytes(), &ours), good.statements[1].clone()],
                ..good.clone()
            },
        ),
        ("no policy", Receipt { policy: Vec::new(), ..good.clone() }),
        ("a policy before that there was not", Receipt { policy_before: good.policy.clone(), ..good.clone() }),
        ("a version to come", Receipt { receipt: 2, ..good.clone() }),
    ];
    for (name, bad) in bad {
        let text = serde_json::to_vec(&bad).unwrap();
        let holds = Receipt::parse(&text).is_ok_and(|receipt| receipt.check(&key).is_ok());
        assert!(!holds, "{name} was taken for a receipt");
    }
    assert!(good.check(stranger.verifier()).is_err());
}

#[test]
fn a_document_that_the_engine_does_not_come_to_is_told_from_one_that_it_cannot_decide() {
    let world = world(0);
    decide(&world, &[]);
    let good = receipt(&world);
    let shown = good.check(&key(&world)).unwrap();
    assert_eq!(replay::replay(&good, &shown), Replayed::Same);

    // Somebody with the key records what was never decided.
    let facts_text = facts(3);
    let facts = serde_json::from_str(&facts_text).unwrap();
    let policy = countersign::policy::read(vec![countersign::policy::Source {
        path: "policy.yml".to_owned(),
        text: POLICY.to_owned(),
        sha256: countersign::log::receipt::sha256(POLICY.as_bytes()),
        from: None,
    }])
    .unwrap();
    let now = DateTime::parse_from_rfc3339(NOW).unwrap().to_utc();
    let mut decision = countersign::decide::release::decide(&policy, &facts, now);
    decision.decision = countersign::model::release_decision::Ruling::Proceed;
    let document = countersign::report::json::release(&decision).unwrap();
    let decided = Decided {
        policy: good.policy.clone(),
        before: Vec::new(),
        facts_text,
        facts: &facts,
        decision: &decision,
        document,
    };
    let signer = Signer::parse(&world.read("log.key")).unwrap();
    let address = Address::Sqlite(world.path().join("record.db"));
    let forged = receipt::record(decided, &Beside::default(), &address, signer, now).unwrap();
    world.write("receipt.json", serde_json::to_string(&forged).unwrap());
    assert_eq!(verify(&world, &[]).code, 0, "the log has it");
    let said = verify(&world, &["--replay"]);
    assert_eq!(said.code, 12, "{}", said.err);
    assert!(said.err.contains("comes to another document"), "{}", said.err);

    // Time zones of another year decide the same where nothing hangs on what has changed in them.
    let mut zones = shown.clone();
    zones.entry.body["engine"]["zones"] = json!("2019a");
    let mut long_ago = good.clone();
    long_ago.decision = good.decision.replace(chrono_tz::IANA_TZDB_VERSION, "2019a");
    let now = chrono_tz::IANA_TZDB_VERSION.to_owned();
    assert_eq!(replay::replay(&long_ago, &zones), Replayed::SameZones { then: "2019a".to_owned(), now });
    long_ago.decision = long_ago.decision.replace("\"proceed\"", "\"hold\"");
    let why = "with time zones of 2019a, and with those of";
    assert!(matches!(replay::replay(&long_ago, &zones), Replayed::NotHere(said) if said.contains(why)));

    // Another engine's decision is neither good nor bad here.
    let mut older = shown;
    older.entry.body["engine"]["version"] = json!("0.0.9");
    assert!(matches!(replay::replay(&good, &older), Replayed::NotHere(why) if why.contains("version 0.0.9")));
}

#[test]
fn a_step_ends_by_a_receipt_of_its_own_commit_without_a_network() {
    let world = world(0);
    assert_eq!(decide(&world, &[]).code, 0);
    let gate = |commit: &str, environment: &str, key: &str| {
        let required = ["gate", "--receipt", "receipt.json", "--log-key", key, "--environment", environment];
        world.run(&[&required[..], &["--commit", commit]].concat())
    };
    let said = gate(COMMIT, "production", "log.pub");
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.out.starts_with("approved: "), "{}", said.out);
    assert_eq!(gate(&"4".repeat(40), "production", "log.pub").code, 13);
    assert_eq!(gate(COMMIT, "staging", "log.pub").code, 13);
    assert_eq!(gate(COMMIT, "production", "nonsense").code, 2);
    let held = self::world(1);
    assert_ne!(decide(&held, &[]).code, 0);
    let said = held.run(&[
        "gate",
        "--receipt",
        "receipt.json",
        "--log-key",
        "log.pub",
        "--environment",
        "production",
        "--commit",
        COMMIT,
    ]);
    assert_eq!(said.code, 14, "{}{}", said.out, said.err);
}
