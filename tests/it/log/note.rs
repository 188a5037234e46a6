use countersign::log::checkpoint::Checkpoint;
use countersign::log::note::{Flaw, Kind, Note, SIGNATURES, Signer, Verifier};
use countersign::log::tree::Hash;
use proptest::prelude::*;
use serde_json::Value;

use crate::support::{unhex, vectors};

pub fn log_key() -> Signer {
    Signer::new("acme.example/releases", Kind::Ed25519, &[7; 32]).unwrap()
}

pub fn witness() -> Signer {
    Signer::new("witness.example/w1", Kind::Cosignature, &[9; 32]).unwrap()
}

/// The example of the package in which signed notes were first written down: golang.org/x/mod/sumdb/note.
const SECRET: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const PUBLIC: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const NOTE: &str = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n\
    \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

#[test]
fn the_published_example_holds_and_is_made_again() {
    let verifier = Verifier::parse(PUBLIC).unwrap();
    assert_eq!(verifier.to_string(), PUBLIC);
    let note = Note::parse(NOTE).unwrap();
    assert_eq!(verifier.check(&note), Ok(None));
    assert_eq!(note.to_string(), NOTE);

    let signer = Signer::parse(SECRET).unwrap();
    assert_eq!(signer.verifier(), &verifier);
    let mut again = Note::new(note.text).unwrap();
    signer.sign(&mut again, 0);
    assert_eq!(again.to_string(), NOTE);
}

#[test]
fn a_public_logs_key_is_read() {
    let key = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
    assert_eq!(Verifier::parse(key).unwrap().to_string(), key);
}

#[test]
fn a_private_key_is_read_as_it_was_written_and_nothing_else_is_one() {
    let written = Signer::written("acme.example/releases", Kind::Ed25519, [7; 32]).unwrap();
    assert_eq!(Signer::parse(&format!("{written}\n")).unwrap().verifier(), log_key().verifier());
    for bad in [
        PUBLIC.to_owned(),
        SECRET.replace("c74f20a3", "c74f20a4"),
        SECRET.replace("PeterNeumann", "PeterNewmann"),
        SECRET.replace("+AYEK", "+AoEK"),
        SECRET[..SECRET.len() - 4].to_owned(),
        String::new(),
        "PRIVATE+KEY+".to_owned(),
    ] {
        assert!(matches!(Signer::parse(&bad), Err(Flaw::SigningKey)), "{bad}");
    }
    assert!(Signer::written("two words", Kind::Ed25519, [7; 32]).is_err());
}

#[test]
fn what_is_no_verifier_key_is_refused() {
    let secret_of_public = PUBLIC.replace("+ARpc", "+AhpC");
    for bad in [
        PUBLIC.replace("c74f20a3", "c74f20a2"),
        PUBLIC.replace("c74f20a3", "c74f20a"),
        PUBLIC.replace("c74f20a3", "+74f20a3"),
        PUBLIC.replace("PeterNeumann", "Peter Neumann"),
        PUBLIC.replace("PeterNeumann", ""),
        PUBLIC.replace("0TW", "0T"),
        PUBLIC.replace("+A", "+"),
        secret_of_public,
        SECRET.to_owned(),
        "name".to_owned(),
        "a+b".to_owned(),
        String::new(),
    ] {
        assert!(matches!(Verifier::parse(&bad), Err(Flaw::Key(_))), "{bad}");
    }
}

#[test]
fn a_witness_signs_a_time_with_the_text() {
    let text = "acme.example/releases\n3\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
    let mut note = Note::new(text).unwrap();
    log_key().sign(&mut note, 0);
    witness().sign(&mut note, 1_790_000_000);
    let note = Note::parse(&note.to_string()).unwrap();
    assert_eq!(log_key().verifier().check(&note), Ok(None));
    assert_eq!(witness().verifier().check(&note), Ok(Some(1_790_000_000)));
    let (checkpoint, _) = Checkpoint::open(&note.to_string(), log_key().verifier()).unwrap();
    assert_eq!((checkpoint.size, checkpoint.root), (3, Hash([0; 32])));

    let mut other_time = note.clone();
    other_time.signatures[1].bytes[7] ^= 1;
    assert!(matches!(witness().verifier().check(&other_time), Err(Flaw::Invalid(_))));
    let mut short = note;
    short.signatures[1].bytes.truncate(7);
    assert!(matches!(witness().verifier().check(&short), Err(Flaw::Invalid(_))));
}

#[test]
fn one_bad_signature_by_the_key_spoils_a_good_one() {
    let mut note = Note::new("text\n").unwrap();
    log_key().sign(&mut note, 0);
    log_key().sign(&mut note, 0);
    note.signatures[1].bytes[0] ^= 1;
    assert!(matches!(log_key().verifier().check(&note), Err(Flaw::Invalid(_))));
    note.signatures[1].name = "somebody.example".to_owned();
    assert_eq!(log_key().verifier().check(&note), Ok(None), "a stranger's signature is nobody's business");
}

#[test]
fn ten_thousand_signatures_are_refused_unread() {
    let mut note = Note::new("text\n").unwrap();
    for _ in 0..SIGNATURES {
        log_key().sign(&mut note, 0);
    }
    let hundred = note.to_string();
    assert!(Note::parse(&hundred).is_ok());
    let line = hundred.lines().last().unwrap();
    let many = format!("{hundred}{}", format!("{line}\n").repeat(9_900));
    assert!(matches!(Note::parse(&many), Err(Flaw::TooMany | Flaw::TooLong)));
    assert_eq!(Note::parse(&format!("{hundred}{line}\n")), Err(Flaw::TooMany));
    assert_eq!(Note::parse(&"x".repeat(2 << 20)), Err(Flaw::TooLong));
}

proptest! {
    #[test]
    fn a_note_is_read_as_it_was_written(text in "(\\PC{0,20}\n){1,5}") {
        if let Some(mut note) = Note::new(text) {
            log_key().sign(&mut note, 0);
            witness().sign(&mut note, 3);
            let read = Note::parse(&note.to_string()).unwrap();
            prop_assert_eq!(&read, &note);
            prop_assert_eq!(log_key().verifier().check(&read), Ok(None));
        }
    }

    #[test]
    fn arbitrary_text_ends_nothing(text in "\\PC{0,200}") {
        let _ = Note::parse(&text);
        let _ = Checkpoint::parse(&text);
        let _ = Verifier::parse(&text);
        let _ = Signer::parse(&text);
        let _ = countersign::log::proof::Proof::parse(&text);
    }
}

#[test]
fn every_changed_byte_of_a_signed_note_is_noticed() {
    let mut note = Note::new("acme.example/releases\n3\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n").unwrap();
    log_key().sign(&mut note, 0);
    let bytes = note.to_string().into_bytes();
    let mut noticed = 0;
    for place in 0..bytes.len() {
        for bit in 0..8 {
            let mut other = bytes.clone();
            other[place] ^= 1 << bit;
            let Ok(other) = String::from_utf8(other) else { continue };
            assert!(Checkpoint::open(&other, log_key().verifier()).is_err(), "byte {place}, bit {bit}: {other}");
            noticed += 1;
        }
    }
    assert!(noticed > 1_000, "{noticed}");
}

#[test]
fn ed25519_signatures_of_wycheproof() {
    let Some(path) = vectors("ed25519_test.json") else { return };
    let all: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let (mut valid, mut invalid) = (0, 0);
    for group in all["testGroups"].as_array().unwrap() {
        let key: [u8; 32] = unhex(&group["publicKey"]["pk"]).try_into().unwrap();
        let verifier = Verifier::new("wycheproof", Kind::Ed25519, key).unwrap();
        for test in group["tests"].as_array().unwrap() {
            let holds = verifier.check_bytes(&unhex(&test["msg"]), &unhex(&test["sig"])).is_ok();
            match test["result"].as_str().unwrap() {
                "valid" => assert!(holds, "{test}"),
                "invalid" => assert!(!holds, "{test}"),
                _ => continue,
            }
            if holds { valid += 1 } else { invalid += 1 }
        }
    }
    assert!(valid > 50 && invalid > 50, "{valid} valid, {invalid} invalid");
}
