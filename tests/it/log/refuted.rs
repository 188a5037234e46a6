//! Proofs and checkpoints that prove nothing: each differs in one thing from one that does.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::log::checkpoint::Checkpoint;
use countersign::log::note::{Kind, Note, Signer};
use countersign::log::proof::Proof;
use countersign::log::tree::Hash;

use super::naive::{self, entries};
use super::note::{log_key, witness};

const INDEX: usize = 13;
const SIZE: usize = 23;

fn checkpoint() -> Checkpoint {
    let root = Hash(naive::root(&entries(SIZE)));
    Checkpoint { origin: "acme.example/releases".to_owned(), size: SIZE as u64, root, extension: Vec::new() }
}

fn signed(checkpoint: &Checkpoint, by: &Signer) -> Note {
    let mut note = checkpoint.note().unwrap();
    by.sign(&mut note, 5);
    note
}

fn proof_with(checkpoint: Note) -> Proof {
    let path = naive::hashes(&naive::path(INDEX, &entries(SIZE)));
    Proof { index: INDEX as u64, path, checkpoint }
}

fn good() -> Proof {
    proof_with(signed(&checkpoint(), &log_key()))
}

fn holds(text: &str, entry: &[u8]) -> bool {
    Proof::parse(text).is_ok_and(|proof| proof.check(entry, log_key().verifier()).is_ok())
}

#[test]
fn the_good_one_holds_with_and_without_extra_data_and_witnesses() {
    let entry = &entries(SIZE)[INDEX];
    let text = good().to_string();
    assert!(holds(&text, entry), "{text}");
    assert_eq!(Proof::parse(&text).unwrap(), good());
    assert!(holds(&text.replacen("index ", "extra AAECAw==\nindex ", 1), entry));
    let mut cosigned = good();
    witness().sign(&mut cosigned.checkpoint, 1_790_000_000);
    assert!(holds(&cosigned.to_string(), entry));
    // A log of one entry has a proof without hashes.
    let one = Checkpoint { size: 1, root: Hash(naive::root(&entries(1))), ..checkpoint() };
    let alone = Proof { index: 0, path: Vec::new(), checkpoint: signed(&one, &log_key()) };
    assert!(holds(&alone.to_string(), &entries(1)[0]));
}

/// Every proof that must fail, with what is wrong with it.
fn bad() -> Vec<(String, String)> {
    let text = good().to_string();
    let with = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    };
    let other_checkpoint = |change: &dyn Fn(&mut Checkpoint)| {
        let mut checkpoint = checkpoint();
        change(&mut checkpoint);
        proof_with(signed(&checkpoint, &log_key())).to_string()
    };
    let stranger = Signer::new("acme.example/releases", Kind::Ed25519, &[8; 32]).unwrap();
    let same_key_other_name = Signer::new("acme.example/other", Kind::Ed25519, &[7; 32]).unwrap();
    let head = "c2sp.org/tlog-proof@v1";
    let size = format!("\n{SIZE}\n");
    let hash = |place: usize| STANDARD.encode(good().path[place].0);
    let mut bad: Vec<(&str, String)> = vec![
        ("nothing", String::new()),
        ("another version", with(head, "c2sp.org/tlog-proof@v2")),
        ("no version", with(head, "c2sp.org/tlog-proof")),
        ("no header", with(&format!("{head}\n"), "")),
        ("white space before", format!(" {text}")),
        ("carriage returns", text.replace('\n', "\r\n")),
        ("index -1", with("index 13", "index -1")),
        ("index +13", with("index 13", "index +13")),
        ("index 013", with("index 13", "index 013")),
        ("index 0x0d", with("index 13", "index 0x0d")),
        ("index with a space", with("index 13", "index  13")),
        ("index missing", with("index 13\n", "")),
        ("index empty", with("index 13", "index ")),
        ("index twice", with("index 13\n", "index 13\nindex 13\n")),
        ("index of the neighbour", with("index 13", "index 12")),
        ("index of another", with("index 13", "index 5")),
        ("index at the size", with("index 13", "index 23")),
        ("index beyond 64 bits", with("index 13", "index 18446744073709551629")),
        ("index of arabic digits", with("index 13", "index ١٣")),
        ("a hash less", with(&format!("{}\n", hash(2)), "")),
        ("the first hash gone", with(&format!("{}\n", hash(0)), "")),
        ("the last hash gone", with(&format!("{}\n", hash(4)), "")),
        ("a hash twice", with(&hash(1), &format!("{}\n{}", hash(1), hash(1)))),
        (
            "no hashes",
            (0..5).fold(text.clone(), |text, at| {
                text.replacen(
                    &format!(
                        "{}
",
                        hash(at)
                    ),
                    "",
                    1,
                )
            }),
        ),
        ("hashes in other order", with(&hash(0), "#").replacen(&hash(1), &hash(0), 1).replacen('#', &hash(1), 1)),
        ("a hash of 31 bytes", with(&hash(0), &STANDARD.encode([1; 31]))),
        ("a hash of 33 bytes", with(&hash(0), &STANDARD.encode([1; 33]))),
        ("a hash in hexadecimal", with(&hash(0), &good().path[0].to_string())),
        ("a hash without padding", with(&hash(0), hash(0).trim_end_matches('='))),
        ("a hash of zeros", with(&hash(3), &STANDARD.encode([0; 32]))),
        ("65 hashes", with("index 13\n", &format!("index 13\n{}", format!("{}\n", hash(0)).repeat(60)))),
        ("a million hashes", with("index 13\n", &format!("index 13\n{}", format!("{}\n", hash(0)).repeat(20_000)))),
        ("no blank line", with("\n\nacme", "\nacme")),
        ("two blank lines", with("\n\nacme", "\n\n\nacme")),
        ("cut off before the signature", text[..text.rfind('\u{2014}').unwrap()].to_owned()),
        ("cut off in the signature", text[..text.len() - 10].to_owned()),
        ("no line feed at the end", text.trim_end().to_owned()),
        ("something after the end", format!("{text}more\n")),
        ("no checkpoint", text.split("\n\n").next().unwrap().to_owned()),
        (
            "another log's checkpoint",
            proof_with(signed(
                &Checkpoint { origin: "acme.example/other".to_owned(), ..checkpoint() },
                &same_key_other_name,
            ))
            .to_string(),
        ),
        (
            "another log's origin under the key's name",
            other_checkpoint(&|it| "acme.example/other".clone_into(&mut it.origin)),
        ),
        ("another's key of the same name", proof_with(signed(&checkpoint(), &stranger)).to_string()),
        ("only a witness's signature", proof_with(signed(&checkpoint(), &witness())).to_string()),
        ("the name of the signature changed", with("\u{2014} acme.example/releases", "\u{2014} acme.example/release")),
        ("a signature with a plain dash", with("\u{2014} ", "- ")),
        ("size 0", other_checkpoint(&|it| it.size = 0)),
        ("size at the index", other_checkpoint(&|it| it.size = 13)),
        ("size of a lower tree", other_checkpoint(&|it| it.size = 16)),
        ("size of a higher tree", other_checkpoint(&|it| it.size = 33)),
        ("size twice", other_checkpoint(&|it| it.size = 46)),
        ("size at the end of numbers", other_checkpoint(&|it| it.size = u64::MAX)),
        ("size changed after it was signed", with(&size, "\n24\n")),
        ("size -23", with(&size, "\n-23\n")),
        ("size 023", with(&size, "\n023\n")),
        ("size in words", with(&size, "\nmany\n")),
        ("root of zeros", other_checkpoint(&|it| it.root = Hash([0; 32]))),
        ("root of an older tree", other_checkpoint(&|it| it.root = Hash(naive::root(&entries(SIZE - 1))))),
        ("root of a newer tree", other_checkpoint(&|it| it.root = Hash(naive::root(&entries(SIZE + 1))))),
        ("root of the empty tree", other_checkpoint(&|it| it.root = Hash(naive::root(&entries(0))))),
        ("extension added after it was signed", with(&size, &format!("{size}extra\n"))),
    ];
    let mut spoiled = good();
    spoiled.checkpoint.signatures[0].bytes[10] ^= 4;
    bad.push(("a signature that does not hold", spoiled.to_string()));
    let mut spoiled = good();
    spoiled.checkpoint.signatures[0].bytes.truncate(63);
    bad.push(("a signature of 63 bytes", spoiled.to_string()));
    let mut spoiled = good();
    spoiled.checkpoint.signatures[0].bytes = vec![0; 64];
    bad.push(("a signature of zeros", spoiled.to_string()));
    let mut spoiled = good();
    spoiled.checkpoint.signatures[0].id = [0; 4];
    bad.push(("a signature by another key's number", spoiled.to_string()));
    let mut many = good();
    for _ in 0..10_000 {
        log_key().sign(&mut many.checkpoint, 0);
    }
    bad.push(("ten thousand signatures", many.to_string()));
    let mut second = good();
    second
        .checkpoint
        .signatures
        .push(countersign::log::note::Signature { bytes: vec![1; 64], ..second.checkpoint.signatures[0].clone() });
    bad.push(("a second signature that does not hold", second.to_string()));
    bad.into_iter().map(|(name, text)| (name.to_owned(), text)).collect()
}

#[test]
fn t64_over_fifty_proofs_that_must_fail_do() {
    let entry = &entries(SIZE)[INDEX];
    let bad = bad();
    assert!(bad.len() >= 60, "{}", bad.len());
    for (name, text) in bad {
        assert!(!holds(&text, entry), "{name} was taken for a proof:\n{text}");
    }
}

#[test]
fn t64_another_entry_than_the_proven_one_is_refuted() {
    let text = good().to_string();
    for (index, entry) in entries(SIZE).iter().enumerate() {
        assert_eq!(holds(&text, entry), index == INDEX);
    }
    for other in [&b""[..], b"entry 13", b"entry 13 xxxxxx\n"] {
        assert!(!holds(&text, other));
    }
    // A node is not a leaf, whatever its bytes.
    let (left, right) = (good().path[0], good().path[1]);
    assert!(!holds(&text, &[left.0, right.0].concat()));
}

#[test]
fn t64_every_changed_bit_of_a_proof_is_refuted() {
    let entry = &entries(SIZE)[INDEX];
    let bytes = good().to_string().into_bytes();
    for place in 0..bytes.len() {
        for bit in 0..8 {
            let mut other = bytes.clone();
            other[place] ^= 1 << bit;
            if let Ok(other) = String::from_utf8(other) {
                assert!(!holds(&other, entry), "byte {place}, bit {bit}");
            }
        }
    }
}
