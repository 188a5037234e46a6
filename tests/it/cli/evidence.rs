//! What is large lies beside the database, in a folder or in a bucket: kept, read again, let go; and what a kill left there
//! that nobody points to is found and swept, but nothing that is in use.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, SystemTime};

use super::log::{fed, good, world};
use crate::second::chance::Chance;
use crate::support::run::World;

const APPEND: [&str; 4] = ["log", "append", "--log-key", "log.key"];
const STATUS: [&str; 3] = ["db", "evidence", "status"];
const SWEEP: [&str; 5] = ["db", "evidence", "sweep", "--log-key", "log.key"];

/// Bytes that do not grow smaller, another lot for each seed, and their digest.
fn large(seed: u64) -> (Vec<u8>, String) {
    let mut chance = Chance::new(seed);
    let bytes: Vec<u8> = (0..300_000).map(|_| u8::try_from(chance.between(0, 255)).unwrap()).collect();
    let digest = countersign::log::receipt::sha256(&bytes);
    (bytes, digest)
}

fn attached(world: &World, seed: u64, more: &[&str]) -> (i32, String, String) {
    let (bytes, digest) = large(seed);
    let name = format!("large-{seed}");
    world.write(&name, &bytes);
    let said = fed(world, &[&APPEND[..], &["--attach", &name], more].concat(), "{}");
    (said.code, said.err, digest)
}

/// The file of a digest in the folder `evidence`.
fn file(world: &World, digest: &str) -> PathBuf {
    world.path().join(format!("evidence/{}/{digest}", &digest[..2]))
}

fn aged(path: &Path, hours: u64) {
    let then = SystemTime::now() - Duration::from_secs(hours * 3_600);
    File::options().write(true).open(path).unwrap().set_modified(then).unwrap();
}

#[test]
fn what_nobody_points_to_in_a_folder_is_found_and_swept_and_nothing_that_is_in_use() {
    let world = world().variable("COUNTERSIGN_EVIDENCE_FOLDER", "evidence");
    let (code, err, used) = attached(&world, 1, &[]);
    assert_eq!(code, 0, "{err}");
    // Another key is refused only after the bytes were put there.
    good(&world, &["log", "key", "new", "--name", "log.example/releases", "--output", "other.key"]);
    let (bytes, orphan) = large(2);
    world.write("large-2", &bytes);
    let other = ["log", "append", "--log-key", "other.key", "--attach", "large-2"];
    let refused = fed(&world, &other, "{}");
    assert!(refused.code == 3 && refused.err.contains("signed with the key"), "{}", refused.err);
    assert!(file(&world, &orphan).exists(), "it was put there first");
    let begun = file(&world, &used).with_file_name(".begun-x7");
    let young = file(&world, &used).with_file_name(".begun-x8");
    let strange = file(&world, &used).with_file_name("README");
    for path in [&begun, &young, &strange] {
        fs::write(path, "half").unwrap();
    }
    aged(&begun, 25);
    aged(&strange, 25);

    let found = good(&world, &STATUS);
    let first = "1 kept in `evidence`, 0 missing, 1 that nobody points to, 1 unfinished files\n";
    assert_eq!(found, format!("{first}sha256:{orphan}  nobody points to it\n"));
    // One that came this hour may be on its way into the record.
    assert!(good(&world, &SWEEP).starts_with("0 removed that nobody pointed to, 1 left, 1 unfinished"), "too young");
    aged(&file(&world, &orphan), 2);
    aged(&file(&world, &used), 2);
    assert_eq!(good(&world, &SWEEP), "1 removed that nobody pointed to, 0 left, 0 unfinished files removed\n");
    assert!(!file(&world, &orphan).exists() && !begun.exists());
    assert!(file(&world, &used).exists() && young.exists() && strange.exists(), "these are nobody's to remove");
    assert_eq!(good(&world, &SWEEP), "0 removed that nobody pointed to, 0 left, 0 unfinished files removed\n");

    world.write("copy", "");
    good(&world, &["db", "evidence", "show", "--output", "copy", &format!("sha256:{used}")]);
    assert_eq!(fs::read(world.path().join("copy")).unwrap(), large(1).0);
    fs::remove_file(file(&world, &used)).unwrap();
    let missing = world.run(&STATUS);
    assert_eq!((missing.code, missing.out.contains(&format!("sha256:{used}  missing"))), (12, true), "{}", missing.out);
    let none = world.run(&["db", "evidence", "show", &orphan]);
    assert!(none.code == 3 && none.err.contains("is not kept"), "{}", none.err);
}

#[test]
fn what_was_put_there_for_something_that_was_refused_goes_at_once() {
    let world = world().variable("COUNTERSIGN_EVIDENCE_FOLDER", "evidence");
    let once = ["--once", "job 1"];
    let (code, err, first) = attached(&world, 1, &once);
    assert_eq!(code, 0, "{err}");
    let (code, err, second) = attached(&world, 2, &once);
    assert!(code == 2 && err.contains("was used for another content"), "{err}");
    assert!(!file(&world, &second).exists(), "nobody keeps what was refused");
    let (code, err, _) = attached(&world, 1, &once);
    assert_eq!(code, 0, "{err}");
    assert!(file(&world, &first).exists(), "what came again is in use");
    assert!(good(&world, &STATUS).starts_with("1 kept in `evidence`, 0 missing, 0 that"));
}

#[test]
fn the_place_of_another_record_is_not_swept_unless_that_is_said() {
    let world = world().variable("COUNTERSIGN_EVIDENCE_FOLDER", "evidence");
    let (code, err, digest) = attached(&world, 1, &[]);
    assert_eq!(code, 0, "{err}");
    aged(&file(&world, &digest), 2);
    let other = ["--database", "sqlite:other.db", "--log-mark", "none"];
    let said = fed(&world, &[&APPEND[..], &other].concat(), "{}");
    assert_eq!(said.code, 0, "{}", said.err);
    let refused = world.run(&[&SWEEP[..], &other].concat());
    assert!(refused.code == 2 && refused.err.contains("the place of another record?"), "{}", refused.err);
    assert!(file(&world, &digest).exists());
    let swept = good(&world, &[&SWEEP[..], &other, &["--although-unknown"]].concat());
    assert!(swept.starts_with("1 removed"), "{swept}");
}

#[test]
fn bytes_that_come_while_they_are_swept_are_never_lost() {
    let world = world().variable("COUNTERSIGN_EVIDENCE_FOLDER", "evidence");
    let (code, err, _) = attached(&world, 1, &[]);
    assert_eq!(code, 0, "{err}");
    for round in 0..8_u64 {
        // An orphan with the very bytes that somebody records at this instant.
        let (bytes, digest) = large(100 + round);
        let path = file(&world, &digest);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &bytes[..1_000]).unwrap();
        aged(&path, 2);
        std::thread::scope(|scope| {
            let sweeping = scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(round * 9));
                world.run(&[&SWEEP[..], &["--minutes", "0"]].concat())
            });
            let (code, err, _) = attached(&world, 100 + round, &[]);
            assert_eq!(code, 0, "{err}");
            let swept = sweeping.join().unwrap();
            assert!(swept.code == 0, "{}", swept.err);
        });
        good(&world, &["db", "evidence", "show", "--output", "copy", &digest]);
        assert_eq!(fs::read(world.path().join("copy")).unwrap(), bytes, "round {round}");
    }
    assert!(good(&world, &STATUS).starts_with("9 kept in `evidence`, 0 missing, 0 that"));
}

#[test]
fn a_place_is_named_once_and_only_where_something_is_recorded() {
    let world = world();
    let both = world.run(&[&STATUS[..], &["--evidence-folder", "a", "--evidence-bucket", "s3://b"]].concat());
    assert_eq!(both.code, 2);
    assert_eq!(world.run(&STATUS).code, 2);
    for address in ["evidence", "s3://", "s3://ana:x@b", "s3://b:1/x", "s3://b?x=y", "https://b/x", "s3://b/a%2Fb"] {
        let said = world.run(&[&STATUS[..], &["--evidence-bucket", address]].concat());
        assert!(said.code == 2 && said.err.contains("names no bucket"), "{address}: {}", said.err);
    }
    let decide = ["decide", "--facts", "f", "--now", "2026-11-23T09:00:00Z", "--evidence-bucket", "s3://b"];
    let said = world.run(&decide);
    assert!(said.code == 2 && said.err.contains("name both, or neither"), "{}", said.err);
    let world = world.variable("COUNTERSIGN_EVIDENCE_FOLDER", "a").variable("COUNTERSIGN_EVIDENCE_BUCKET", "s3://b");
    let said = world.run(&STATUS);
    assert!(said.code == 2 && said.err.contains("set one of them"), "{}", said.err);
}

/// A server of S3's protocol that checks signatures.
struct Server {
    process: Child,
    words: Option<ChildStdin>,
    said: BufReader<ChildStdout>,
    port: String,
    key: String,
    secret: String,
}

impl Server {
    /// `None` where Python lacks what it needs.
    fn start() -> Option<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bucket_server.py");
        let mut command = Command::new("python3");
        command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().ok()?;
        let (words, mut said) = (process.stdin.take(), BufReader::new(process.stdout.take().unwrap()));
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        let parts: Vec<&str> = line.split_whitespace().collect();
        let [port, key, secret] = parts[..] else {
            assert!(std::env::var_os("TEST_WHOLE").is_none(), "python3 with its package `moto` is not here");
            eprintln!("skipped: a bucket's server needs python3 with its packages `moto`, `flask` and `flask-cors`");
            let _ = process.wait();
            return None;
        };
        let (port, key, secret) = (port.to_owned(), key.to_owned(), secret.to_owned());
        Some(Self { process, words, said, port, key, secret })
    }

    fn tell(&mut self, word: &str) -> String {
        writeln!(self.words.as_mut().unwrap(), "{word}").unwrap();
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    fn world(&self) -> World {
        world()
            .variable("AWS_ENDPOINT_URL", &format!("http://127.0.0.1:{}", self.port))
            .variable("AWS_REGION", "us-east-1")
            .variable("AWS_ACCESS_KEY_ID", &self.key)
            .variable("AWS_SECRET_ACCESS_KEY", &self.secret)
            .variable("COUNTERSIGN_EVIDENCE_BUCKET", "s3://evidence/records/one")
    }

    fn stop(&mut self) {
        drop(self.words.take());
        self.process.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

#[test]
fn what_is_large_lies_in_a_bucket_whose_server_checks_every_signature() {
    let Some(mut server) = Server::start() else { return };
    let world = server.world();
    world.write("settings.yml", "version: 1\ndefault: 1d\n");
    let then = ["--now", "2020-01-01T00:00:00Z"];
    good(&world, &[&["log", "retention", "set", "--log-key", "log.key", "settings.yml"][..], &then].concat());
    let (code, err, digest) = attached(&world, 1, &then);
    assert_eq!(code, 0, "{err}");
    assert_eq!(server.tell("list"), "1");
    assert!(fs::metadata(world.path().join("record.db")).unwrap().len() < 300_000, "it is not in the database");
    assert!(good(&world, &STATUS).starts_with("1 kept in `s3://evidence/records/one`, 0 missing, 0 that"));
    good(&world, &["db", "evidence", "show", "--output", "copy", &digest]);
    assert_eq!(fs::read(world.path().join("copy")).unwrap(), large(1).0);

    // What somebody put there whose key the log does not take is nobody's.
    good(&world, &["log", "key", "new", "--name", "log.example/releases", "--output", "other.key"]);
    let other = ["log", "append", "--log-key", "other.key", "--attach", "large-2"];
    world.write("large-2", large(2).0);
    assert_eq!(fed(&world, &other, "{}").code, 3);
    assert_eq!(server.tell("list"), "2");
    assert!(good(&world, &STATUS).contains("1 that nobody points to"));
    assert!(good(&world, &SWEEP).starts_with("0 removed"), "it came this hour");
    assert!(good(&world, &[&SWEEP[..], &["--minutes", "0"]].concat()).starts_with("1 removed"));
    assert_eq!(server.tell("list"), "1");

    // The record does not take the server's word for what it has.
    assert_eq!(server.tell("spoil"), "done");
    let spoiled = world.run(&["db", "evidence", "show", &digest]);
    assert!(spoiled.code == 3 && spoiled.err.contains("it has another digest"), "{}", spoiled.err);

    let expire = ["log", "retention", "expire", "--log-key", "log.key"];
    assert!(good(&world, &expire).contains("1 gone"));
    assert_eq!(server.tell("list"), "0");
    good(&world, &["log", "verify", "--log-key", "log.pub"]);
}

#[test]
fn nothing_is_recorded_whose_bytes_a_bucket_does_not_take() {
    let Some(mut server) = Server::start() else { return };
    let world = server.world();
    assert_eq!(fed(&world, &APPEND, "{}").code, 0);
    let secret = std::mem::replace(&mut server.secret, "another secret".to_owned());
    let stranger = server.world();
    server.secret = secret;
    for name in ["log.key", "log.pub", "record.db"] {
        fs::copy(world.path().join(name), stranger.path().join(name)).unwrap();
    }
    let (code, err, _) = attached(&stranger, 1, &[]);
    assert!(code == 3 && err.contains("SignatureDoesNotMatch"), "{err}");
    assert!(good(&stranger, &["log", "verify", "--log-key", "log.pub"]).contains("size 1,"));
    assert_eq!(server.tell("list"), "0");
    // No bucket of that name.
    let (code, err, _) = attached(&world, 1, &["--evidence-bucket", "s3://elsewhere"]);
    assert!(code == 3 && err.contains("404"), "{err}");
    server.stop();
    let (code, err, _) = attached(&world, 1, &[]);
    assert!(code == 3 && err.contains("s3://evidence/records/one"), "{err}");
    assert!(good(&world, &["log", "verify", "--log-key", "log.pub"]).contains("size 1,"));
    // What a machine far away would hear in the clear is not said to it.
    let clear = world.variable("AWS_ENDPOINT_URL", "http://192.0.2.1");
    let (code, err, _) = attached(&clear, 1, &[]);
    assert!(code == 3 && err.contains("name an `https://` address"), "{err}");
}
