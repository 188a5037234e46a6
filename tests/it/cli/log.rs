//! The record from the command line: append, verify, show, export, prove, and the second verifier agrees.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::run::{Said, World};

/// A world with a key, its database named in the environment.
pub fn world() -> World {
    let world = World::new().variable("COUNTERSIGN_DATABASE", "sqlite:record.db");
    let said = world.run(&["log", "key", "new", "--name", "log.example/releases", "--output", "log.key"]);
    assert_eq!(said.code, 0, "{}", said.err);
    world.write("log.pub", &said.out);
    world
}

pub fn fed(world: &World, arguments: &[&str], input: &str) -> Said {
    use std::io::Write as _;
    let mut command = world.command();
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // One that refuses before it reads closes its end.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    Said {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Entries, one a line.
pub fn lines(numbers: std::ops::Range<u32>) -> String {
    numbers.map(|number| format!("{{\"number\":{number}}}")).collect::<Vec<_>>().join("\n")
}

pub fn filled(entries: u32) -> World {
    let world = world();
    let lines = lines(0..entries);
    let said = fed(&world, &["log", "append", "--log-key", "log.key", "--lines"], &lines);
    assert_eq!(said.code, 0, "{}", said.err);
    world
}

/// Runs and expects success.
pub fn good(world: &World, arguments: &[&str]) -> String {
    let said = world.run(arguments);
    assert_eq!(said.code, 0, "{arguments:?}: {}{}", said.out, said.err);
    said.out
}

/// The second verifier; `None` where Python lacks what it needs.
pub fn second(world: &World, arguments: &[&str]) -> Option<(bool, String)> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/log_verifier.py");
    let output = Command::new("python3").arg(script).args(arguments).current_dir(world.path()).output();
    let said = output.as_ref().map(|it| String::from_utf8_lossy(&it.stderr).into_owned()).unwrap_or_default();
    match output {
        Ok(output) if !said.contains("ModuleNotFoundError") => {
            assert!(said.is_empty(), "{said}");
            Some((output.status.success(), String::from_utf8(output.stdout).unwrap()))
        }
        _ => {
            assert!(std::env::var_os("TEST_WHOLE").is_none(), "python3 with its package `cryptography` is not here");
            eprintln!("skipped: the second verifier needs python3 with its package `cryptography`");
            None
        }
    }
}

#[test]
fn an_entry_goes_from_a_pipeline_to_somebody_who_trusts_nobody() {
    let world = world();
    world.write("report.xml", "<testsuite/>");
    let arguments =
        ["log", "append", "--log-key", "log.key", "--once", "job 17", "--attach", "report.xml", "--proof", "proof"];
    let said = fed(&world, &arguments, "{\"z\": 1, \"a\": [{\"k\": 2, \"b\": 3}]}");
    assert_eq!((said.code, said.out.as_str()), (0, "entry 0\n"), "{}", said.err);
    let again = fed(&world, &arguments, "{\"a\": [{\"b\": 3, \"k\": 2}], \"z\": 1}");
    assert_eq!(again.out, "entry 0 (it was there already)\n", "{}", again.err);
    let other = fed(&world, &arguments, "{}");
    assert_eq!(
        (other.code, other.err.as_str()),
        (
            2,
            "countersign: the key `job 17` was used for another content; give each thing that is recorded a key of its own\n"
        )
    );

    let shown = good(&world, &["log", "show"]);
    let digest = "4bb5e43d9b8bcf5ce7fcb8b5a7bdba53de70a9b9fd1ba7a9cb8c2b9b0b2e9e2f";
    assert!(
        shown.starts_with("0  20") && shown.contains("  evidence  {\"a\":[{\"b\":3,\"k\":2}],\"attached\":["),
        "{shown}"
    );
    assert!(shown.contains("\"name\":\"report.xml\",\"sha256\":\"") && !shown.contains(digest), "{shown}");
    let raw = good(&world, &["log", "show", "--raw"]);
    let entry: Value = serde_json::from_str(&raw).unwrap();
    assert_eq!(entry["v"], 1);

    world.write("entry", raw.trim_end());
    let proof = good(&world, &["log", "prove", "0", "--entry", "entry2"]);
    assert_eq!(proof, world.read("proof"));
    assert_eq!(world.read("entry2"), world.read("entry"));
    if let Some((holds, said)) = second(&world, &["proof", "proof", "log.pub", "entry"]) {
        assert!(holds, "{said}");
        world.write("entry", raw.trim_end().replace("\"z\":1", "\"z\":2"));
        assert!(!second(&world, &["proof", "proof", "log.pub", "entry"]).unwrap().0);
    }
}

#[test]
fn a_log_verifies_in_the_database_in_its_export_and_by_the_second_verifier() {
    let world = filled(600);
    let kept = good(&world, &["log", "checkpoint"]);
    world.write("kept", &kept);
    let lines = lines(600..700);
    assert_eq!(
        fed(&world, &["log", "append", "--log-key", "log.key", "--lines", "--kind", "decision"], &lines).code,
        0
    );

    let whole = good(&world, &["log", "verify", "--log-key", "log.pub"]);
    assert!(whole.starts_with("700 entries verified: log.example/releases, size 700, root "), "{whole}");
    assert!(whole.contains("not witnessed"), "{whole}");
    let since = good(&world, &["log", "verify", "--log-key", "log.pub", "--from", "kept"]);
    assert!(
        since.starts_with("the checkpoint of 600 entries is continued, and 100 entries after it verified"),
        "{since}"
    );
    assert!(!since.contains("not witnessed"), "{since}");
    assert!(good(&world, &["log", "verify"]).contains("it is the database's word"));

    let said = good(&world, &["log", "export", "--log-key", "log.pub", "out"]);
    assert!(said.starts_with("700 entries in `out`, 700 of them new, 8 files written"), "{said}");
    let folder = ["--folder", "out", "--log-key", "log.pub"];
    assert_eq!(good(&world, &[&["log", "verify"][..], &folder].concat()), whole);
    assert_eq!(
        good(&world, &[&["log", "show", "--limit", "700", "--raw"][..], &folder].concat()),
        good(&world, &["log", "show", "--limit", "700", "--raw"])
    );
    assert_eq!(good(&world, &[&["log", "prove", "300"][..], &folder].concat()), good(&world, &["log", "prove", "300"]));
    if let Some((holds, said)) = second(&world, &["log", "out", "log.pub", "kept"]) {
        assert!(holds && whole.contains(said.trim_end().rsplit(' ').next().unwrap()), "{said}");
    }
}

#[test]
fn an_export_is_continued_and_one_of_another_history_is_left_as_it_is() {
    let world = filled(300);
    good(&world, &["log", "export", "out"]);
    let first = fs::read(world.path().join("out/tile/entries/000")).unwrap();
    assert_eq!(fed(&world, &["log", "append", "--log-key", "log.key"], "{}").code, 0);
    let said = good(&world, &["log", "export", "out"]);
    assert!(said.starts_with("301 entries in `out`, 1 of them new"), "{said}");
    assert_eq!(fs::read(world.path().join("out/tile/entries/000")).unwrap(), first);
    good(&world, &["log", "verify", "--folder", "out", "--log-key", "log.pub"]);

    // A second history under the same key.
    let lines = "{}\n".repeat(400);
    let database = ["--database", "sqlite:other.db"];
    let append = ["log", "append", "--log-key", "log.key", "--log-mark", "none", "--lines"];
    let said = fed(&world, &[&append[..], &database].concat(), &lines);
    assert_eq!(said.code, 0, "{}", said.err);
    let refused = world.run(&[&["log", "export", "out"][..], &database].concat());
    assert_eq!(refused.code, 12);
    assert!(refused.err.contains("does not continue the checkpoint of 301 entries"), "{}", refused.err);
    good(&world, &["log", "verify", "--folder", "out", "--log-key", "log.pub"]);
}

pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = walkdir::WalkDir::new(folder)
        .into_iter()
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().is_file())
        .map(walkdir::DirEntry::into_path)
        .collect();
    all.sort();
    all
}

#[test]
fn both_verifiers_catch_every_mutation_of_an_exported_log() {
    let world = filled(600);
    good(&world, &["log", "export", "out"]);
    let all = files(&world.path().join("out"));
    assert_eq!(all.len(), 8);
    let verify = ["log", "verify", "--folder", "out", "--log-key", "log.pub"];
    for (number, path) in all.iter().enumerate() {
        let bytes = fs::read(path).unwrap();
        for (place, how) in [(0, 0), (bytes.len() / 2, 1), (bytes.len() - 1, 2), (bytes.len() / 3, 3)] {
            let mut other = bytes.clone();
            match how {
                0 | 1 => other[place] ^= 1 << (number % 7),
                2 => other.truncate(place),
                _ => other.insert(place, 7),
            }
            fs::write(path, &other).unwrap();
            let ours = world.run(&verify);
            assert_eq!(ours.code, 12, "{} byte {place}: {}{}", path.display(), ours.out, ours.err);
            if let Some((holds, theirs)) = second(&world, &["log", "out", "log.pub"]) {
                assert!(!holds, "{} byte {place}", path.display());
                // Where an entry is named, both name the same.
                let named = |words: &str| {
                    words.split_once("entry ").map(|(_, rest)| rest.split(' ').next().unwrap().to_owned())
                };
                if theirs.contains(" is not what was signed") && ours.err.contains("not what was signed") {
                    assert_eq!(named(&theirs), named(&ours.err), "{theirs} {}", ours.err);
                }
            }
        }
        fs::remove_file(path).unwrap();
        assert_eq!(world.run(&verify).code, 12, "{} is gone", path.display());
        fs::write(path, &bytes).unwrap();
    }
    assert_eq!(world.run(&verify).code, 0);
}

#[test]
fn what_is_wrong_with_the_command_is_told_and_nothing_is_done() {
    let world = world();
    let append = ["log", "append", "--log-key", "log.key"];
    for (input, words) in [
        ("", "no JSON"),
        ("[1]", "no JSON object"),
        ("{\"a\": 0.5}", "`a` is a number with a fraction"),
        ("{\"a\": 9007199254740993}", "beyond 2⁵³"),
        ("{\"größe\": 1}", "not of ASCII"),
    ] {
        let said = fed(&world, &append, input);
        assert_eq!(said.code, 2, "{input}: {}", said.err);
        assert!(said.err.contains(words), "{input}: {}", said.err);
    }
    assert_eq!(fed(&world, &[&append[..], &["--kind", "rumour"]].concat(), "{}").code, 2);
    assert_eq!(fed(&world, &["log", "append", "--log-key", "log.pub"], "{}").code, 2);
    assert_eq!(fed(&world, &["log", "append"], "{}").code, 2);
    assert_eq!(world.run(&["log", "verify", "--folder", "nowhere", "--log-key", "log.pub"]).code, 12);
    assert_eq!(world.run(&["log", "verify", "--folder", "nowhere"]).code, 2);
    assert_eq!(world.run(&["log", "verify", "--log-key", "log.pub"]).code, 3, "there is no database yet");
    assert_eq!(world.run(&["log", "verify", "--database", "mysql://a/b", "--log-key", "log.pub"]).code, 2);
    let over = world.run(&["log", "key", "new", "--name", "log.example/releases", "--output", "log.key"]);
    assert_eq!(over.code, 2, "a key is never written over");
    assert_eq!(world.run(&["log", "key", "new", "--name", "two words", "--output", "other"]).code, 2);
    assert_eq!(fed(&world, &append, "{}").out, "entry 0\n");
    let beyond = world.run(&["log", "prove", "1"]);
    assert_eq!(
        (beyond.code, beyond.err.as_str()),
        (2, "countersign: there is no entry 1: the log has 1, counted from 0\n")
    );
}

#[cfg(unix)]
#[test]
fn a_private_key_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = world();
    let mode = fs::metadata(world.path().join("log.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(good(&world, &["log", "key", "show", "log.key"]), world.read("log.pub"));
    let variable = world.read("log.key");
    let said = fed(&world.variable("COUNTERSIGN_LOG_KEY", variable.trim()), &["log", "append"], "{}");
    assert_eq!((said.code, said.out.as_str()), (0, "entry 0\n"), "{}", said.err);
}

#[test]
fn f23_a_database_is_laid_out_backed_up_brought_back_and_moved() {
    let world = world();
    assert_eq!(world.run(&["db", "status"]).code, 3);
    assert!(good(&world, &["db", "migrate"]).starts_with("sqlite:record.db: layout "));
    assert!(good(&world, &["db", "status"]).contains("no log yet"));
    for input in ["{\"a\":1}", "{\"a\":2}"] {
        assert_eq!(fed(&world, &["log", "append", "--log-key", "log.key"], input).code, 0);
    }
    good(&world, &["db", "backup", "backup.db"]);
    world.write("kept", good(&world, &["log", "checkpoint"]));
    assert_eq!(world.run(&["db", "backup", "backup.db"]).code, 2, "nothing is written over");
    good(&world, &["db", "restore", "--database", "sqlite:back.db", "backup.db"]);
    let verify = ["log", "verify", "--log-key", "log.pub", "--from", "kept", "--database"];
    good(&world, &[&verify[..], &["sqlite:back.db"]].concat());
    good(&world, &["db", "move", "--to", "sqlite:moved.db"]);
    let gone = fed(&world, &["log", "append", "--log-key", "log.key"], "{}");
    assert_eq!(gone.code, 3);
    assert!(gone.err.contains("moved to sqlite:moved.db"), "{}", gone.err);
    assert!(good(&world, &["db", "status"]).contains("moved to sqlite:moved.db"));
    let there = ["log", "append", "--log-key", "log.key", "--database", "sqlite:moved.db"];
    assert_eq!(fed(&world, &there, "{}").out, "entry 2\n");
    // F23: the backup is older than what was seen since, and says so.
    world.write("kept", good(&world, &["log", "checkpoint", "--database", "sqlite:moved.db"]));
    let gap = world.run(&[&verify[..], &["sqlite:back.db"]].concat());
    assert_eq!(gap.code, 12);
    assert!(gap.err.contains("the older checkpoint has 3 entries and the log 2"), "{}", gap.err);
}
