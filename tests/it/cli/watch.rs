//! Others see the log: witnesses that cosign it, and places that its administrator cannot rewrite.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::log::{fed, filled, good, lines};
use crate::support::run::World;

/// A witness that was not written by us, ended with the test.
struct Witness {
    child: Child,
    /// `URL=KEY`.
    name: String,
}

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Witness {
    fn key(&self) -> &str {
        self.name.split_once('=').unwrap().1
    }
}

/// Starts a witness; `None` where Python lacks what it needs.
fn witness(world: &World, name: &str, how: &str) -> Option<Witness> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fake_witness.py");
    let key = world.read("log.pub");
    let mut command = Command::new("python3");
    command.arg(script).args([name, key.trim(), how]).stdout(Stdio::piped());
    let mut child = command.spawn().ok()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let witness = Witness { child, name: line.trim().to_owned() };
    if witness.name.is_empty() {
        assert!(std::env::var_os("TEST_WHOLE").is_none(), "python3 with its package `cryptography` is not here");
        eprintln!("skipped: the witness needs python3 with its package `cryptography`");
        return None;
    }
    Some(witness)
}

fn append(world: &World, count: u32) {
    let said = fed(world, &["log", "append", "--log-key", "log.key", "--lines"], &lines(0..count));
    assert_eq!(said.code, 0, "{}", said.err);
}

const COSIGN: [&str; 4] = ["log", "cosign", "--log-key", "log.pub"];

#[test]
fn witnesses_cosign_what_continues_what_they_saw_and_verifying_asks_for_them() {
    let world = filled(7);
    let (Some(one), Some(two)) = (witness(&world, "one.example/w", ""), witness(&world, "two.example/w", "")) else {
        return;
    };
    let both = ["--witness", &one.name, "--witness", &two.name];
    let asked = ["--witness", one.key(), "--witness", two.key()];
    let verify = |more: &[&str]| world.run(&[&["log", "verify", "--log-key", "log.pub"][..], more].concat());
    let said = verify(&asked);
    assert_eq!((said.code, said.err.contains("fewer than 2 of 2 witnesses cosigned it")), (12, true), "{}", said.err);
    for grown in [0, 1, 300, 1, 900] {
        if grown > 0 {
            append(&world, grown);
        }
        let said = world.run(&[&COSIGN[..], &both].concat());
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
        assert!(said.out.starts_with("2 of 2 witnesses cosigned "), "{}", said.out);
        // Asked once more, nobody has anything to add.
        assert_eq!(world.run(&[&COSIGN[..], &both].concat()).code, 0);
        let said = verify(&asked);
        assert!(said.out.contains("witnessed by 2 of 2: the first "), "{}{}", said.out, said.err);
        assert!(!said.out.contains("not witnessed"), "{}", said.out);
    }
    // What came since is not seen yet, and what was seen stays so.
    append(&world, 5);
    let said = verify(&asked);
    assert!(
        said.out.starts_with("1214 entries verified") && said.out.contains("the first 1209 entries"),
        "{}",
        said.out
    );
    good(&world, &[&["log", "prove", "3", "--log-key", "log.pub", "--output", "proof"][..], &asked].concat());
    assert_eq!(world.read("proof").matches("\u{2014} ").count(), 3);
    // One of them alone is enough only where that is asked.
    append(&world, 1);
    good(&world, &[&COSIGN[..], &["--witness", &one.name]].concat());
    let said = verify(&[&asked[..], &["--witnesses", "1"]].concat());
    assert!(said.out.contains("witnessed by 1 of 2: the first 1215 entries"), "{}", said.out);
    let said = verify(&asked);
    assert!(said.out.contains("witnessed by 2 of 2: the first 1209 entries"), "{}", said.out);
    assert_eq!(verify(&[&asked[..], &["--witnesses", "3"]].concat()).code, 2);
    assert_eq!(verify(&["--witness", one.key(), "--witness", one.key()]).code, 2);
    assert_eq!(verify(&["--witness", world.read("log.pub").trim()]).code, 2);
    // A backup keeps what they signed.
    good(&world, &["db", "backup", "copy.db"]);
    let said = verify(&[&asked[..], &["--database", "sqlite:copy.db"]].concat());
    assert!(said.out.contains("the first 1209 entries"), "{}{}", said.out, said.err);
    // And an export of what was just cosigned.
    good(&world, &[&COSIGN[..], &both].concat());
    good(&world, &["log", "export", "--log-key", "log.pub", "out"]);
    assert!(verify(&[&asked[..], &["--folder", "out"]].concat()).out.contains("the first 1215 entries"));
    let text = world.read("out/checkpoint");
    let last = text.rfind(' ').unwrap() + 20;
    let other = if text.as_bytes()[last] == b'A' { "B" } else { "A" };
    world.write("out/checkpoint", format!("{}{other}{}", &text[..last], &text[last + 1..]));
    assert_eq!(verify(&[&asked[..], &["--folder", "out"]].concat()).code, 12);
}

#[test]
fn t62_a_witness_tells_of_a_log_that_was_set_back_and_t63_of_another_history() {
    let world = filled(300);
    let Some(one) = witness(&world, "one.example/w", "") else { return };
    good(&world, &["db", "backup", "older.db"]);
    append(&world, 10);
    let cosign = |database: &str| world.run(&[&COSIGN[..], &["--witness", &one.name, "--database", database]].concat());
    assert_eq!(cosign("sqlite:record.db").code, 0);
    let said = cosign("sqlite:older.db");
    assert_eq!(said.code, 12, "{}", said.out);
    assert!(said.err.contains("it has seen 310 entries of this log, and the log has 300"), "{}", said.err);
    // Whoever forges on from there, without the mark, is found out as well: at the same size, and beyond.
    for grown in [10, 40] {
        let aside =
            ["log", "append", "--database", "sqlite:older.db", "--log-key", "log.key", "--log-mark", "none", "--lines"];
        assert_eq!(fed(&world, &aside, &lines(900..900 + grown)).code, 0);
        let said = cosign("sqlite:older.db");
        assert_eq!((said.code, said.out.starts_with("0 of 1")), (12, true), "{}", said.err);
        assert!(said.err.contains("it has seen another history of this log, of 310 entries"), "{}", said.err);
    }
    assert_eq!(cosign("sqlite:record.db").code, 0);
}

#[test]
fn what_is_no_cosignature_is_not_taken_for_one() {
    let world = filled(5);
    for (how, why) in [("liar", "is no cosignature of its own"), ("unsigned", "is no cosignature of its own")] {
        let Some(bad) = witness(&world, "bad.example/w", how) else { return };
        let said = world.run(&[&COSIGN[..], &["--witness", &bad.name]].concat());
        assert_eq!((said.code, said.err.contains(why)), (3, true), "{how}: {}", said.err);
        let said = world.run(&["log", "verify", "--log-key", "log.pub", "--witness", bad.key()]);
        assert_eq!(said.code, 12, "{}", said.out);
    }
    let Some(good) = witness(&world, "one.example/w", "forgetful") else { return };
    // One that answers under another's address.
    let Some(other) = witness(&world, "two.example/w", "") else { return };
    let url = good.name.split_once('=').unwrap().0;
    let crossed = format!("{url}={}", other.key());
    assert_eq!(world.run(&[&COSIGN[..], &["--witness", &crossed]].concat()).code, 3);
    for bad in ["http://witness.example=k", "https://witness.example", "ftp://127.0.0.1=k", &format!("{url}=nonsense")]
    {
        assert_eq!(world.run(&[&COSIGN[..], &["--witness", bad]].concat()).code, 2, "{bad}");
    }
    let plain = format!("http://witness.example={}", good.key());
    let said = world.run(&[&COSIGN[..], &["--witness", &plain]].concat());
    assert_eq!((said.code, said.err.contains("https://")), (2, true), "{}", said.err);
    let gone = format!("http://127.0.0.1:1={}", good.key());
    let said = world.run(&[&COSIGN[..], &["--witness", &gone, "--witness", &good.name, "--witnesses", "1"]].concat());
    assert_eq!((said.code, said.out.as_str()), (2, ""), "one key twice: {}", said.err);
    let said = world.run(
        &[
            &COSIGN[..],
            &["--witness", &format!("http://127.0.0.1:1={}", other.key()), "--witness", &good.name, "--witnesses", "1"],
        ]
        .concat(),
    );
    assert_eq!((said.code, said.out.starts_with("1 of 2 witnesses")), (0, true), "{}", said.err);
}

#[test]
fn a_file_and_a_git_note_get_what_continues_them_and_nothing_else() {
    let world = filled(20);
    world.git(&["init", "-q"]);
    world.git(&["commit", "-q", "--allow-empty", "-m", "one"]);
    for (name, value) in [("user.name", "Ana"), ("user.email", "ana@acme.example")] {
        world.git(&["config", name, value]);
    }
    good(&world, &["db", "backup", "older.db"]);
    let to = ["log", "publish", "--log-key", "log.pub", "--file", "kept", "--git", "."];
    let said = good(&world, &to);
    assert_eq!(said, "20 entries, published to `kept`\n20 entries, published to `refs/notes/countersign`\n");
    assert_eq!(world.read("kept"), good(&world, &["log", "checkpoint"]));
    let said = good(&world, &to);
    assert_eq!(
        said,
        "20 entries, is there already, in `kept`\n20 entries, is there already, in `refs/notes/countersign`\n"
    );
    append(&world, 3);
    world.git(&["commit", "-q", "--allow-empty", "-m", "two"]);
    assert!(good(&world, &to).contains("23 entries, published to `refs/notes/countersign`"));
    assert_eq!(world.read("kept").matches("log.example/releases\n").count(), 2);
    assert!(world.git(&["notes", "--ref", "countersign", "show", "HEAD"]).contains("log.example/releases\n23\n"));
    // T62: the older state is told by either place.
    for place in [["--file", "kept"], ["--git", "."]] {
        let older = ["log", "publish", "--database", "sqlite:older.db", "--log-key", "log.pub"];
        let said = world.run(&[&older[..], &place].concat());
        assert_eq!(
            (said.code, said.err.contains("has seen 23 entries of this log, and the log has 20")),
            (12, true),
            "{}",
            said.err
        );
    }
    // T63: so is another history.
    let aside =
        ["log", "append", "--database", "sqlite:older.db", "--log-key", "log.key", "--log-mark", "none", "--lines"];
    assert_eq!(fed(&world, &aside, &lines(50..60)).code, 0);
    let other = ["log", "publish", "--database", "sqlite:older.db", "--log-key", "log.pub", "--file", "kept"];
    let said = world.run(&other);
    assert_eq!(
        (said.code, said.err.contains("another history of this log, of 23 entries")),
        (12, true),
        "{}",
        said.err
    );
    assert_eq!(world.read("kept").matches("log.example/releases\n").count(), 2);
    world.write("kept", "nonsense");
    assert_eq!(world.run(&["log", "publish", "--log-key", "log.pub", "--file", "kept"]).code, 12);
    assert_eq!(world.run(&["log", "publish", "--log-key", "log.pub"]).code, 2);
}

#[test]
fn a_command_gets_the_checkpoint_and_its_failure_is_told() {
    let world = filled(2);
    good(&world, &["log", "publish", "--log-key", "log.pub", "--command", "cat > mailed"]);
    assert_eq!(world.read("mailed"), good(&world, &["log", "checkpoint"]));
    let said = world.run(&["log", "publish", "--log-key", "log.pub", "--command", "cat > /dev/null; exit 4"]);
    assert_eq!((said.code, said.err.contains("exit status: 4")), (3, true), "{}", said.err);
}

/// Answers one request with a status, and hands out what was asked.
fn sink(status: u16) -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = Vec::new();
        let mut some = [0; 4096];
        loop {
            let read = stream.read(&mut some).unwrap();
            asked.extend_from_slice(&some[..read]);
            let text = String::from_utf8_lossy(&asked).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head
                    .lines()
                    .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
                if body.len() >= length.unwrap_or(0usize) {
                    break;
                }
            }
        }
        write!(stream, "HTTP/1.1 {status} x\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n").unwrap();
        String::from_utf8(asked).unwrap()
    });
    (url, thread)
}

#[test]
fn macs_agree_with_wycheproof() {
    use crate::support::{unhex, vectors};

    let Some(path) = vectors("hmac_sha256_test.json") else { return };
    let all: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let mut seen = 0;
    for group in all["testGroups"].as_array().unwrap() {
        let length = usize::try_from(group["tagSize"].as_u64().unwrap()).unwrap() / 8;
        for case in group["tests"].as_array().unwrap() {
            let secret = countersign::connect::webhook::Secret::new(&unhex(&case["key"]));
            let same = secret.mac(&unhex(&case["msg"]))[..length] == unhex(&case["tag"]);
            assert_eq!(same, case["result"] == "valid", "case {}", case["tcId"]);
            seen += 1;
        }
    }
    assert_eq!(seen, all["numberOfTests"].as_u64().unwrap());
}

#[test]
fn a_webhook_is_signed_as_standard_webhooks_has_it() {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let secret = format!("whsec_{}", STANDARD.encode([7; 32]));
    let world = filled(4).variable("COUNTERSIGN_WEBHOOK_SECRET", &secret);
    let publish = |url: &str| world.run(&["log", "publish", "--log-key", "log.pub", "--webhook", url]);
    let (url, thread) = sink(204);
    let said = publish(&url);
    assert_eq!(said.code, 0, "{}", said.err);
    let asked = thread.join().unwrap();
    let (head, body) = asked.split_once("\r\n\r\n").unwrap();
    let header = |name: &str| {
        head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned)).unwrap()
    };
    let signed = format!("{}.{}.{body}", header("webhook-id"), header("webhook-timestamp"));
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &[7; 32]);
    let signature = STANDARD.decode(header("webhook-signature").strip_prefix("v1,").unwrap()).unwrap();
    aws_lc_rs::hmac::verify(&key, signed.as_bytes(), &signature).unwrap();
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!((&body["type"], &body["data"]["size"]), (&"log.checkpoint".into(), &4.into()));
    assert_eq!(body["data"]["checkpoint"], good(&world, &["log", "checkpoint"]).as_str());
    // The same checkpoint has the same number, however often it is sent.
    let (again, thread) = sink(200);
    assert_eq!(publish(&again).code, 0);
    let id = format!("webhook-id: {}", header("webhook-id"));
    assert!(thread.join().unwrap().contains(&id));
    for status in [302, 307, 400, 410, 500] {
        let (url, thread) = sink(status);
        let said = publish(&url);
        assert_eq!((said.code, said.err.contains(&format!("it answered {status}"))), (3, true), "{}", said.err);
        thread.join().unwrap();
    }
    for url in ["http://hooks.example/x", "file:///etc/passwd", "http://0x7f.1.2/", "nonsense"] {
        assert_ne!(publish(url).code, 0, "{url}");
    }
    for secret in ["", "whsec_", "whsec_AAAA", "secret"] {
        let world = filled(1).variable("COUNTERSIGN_WEBHOOK_SECRET", secret);
        assert_eq!(world.run(&["log", "publish", "--log-key", "log.pub", "--webhook", "http://127.0.0.1:1/"]).code, 2);
    }
}
