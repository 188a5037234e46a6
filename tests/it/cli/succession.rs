//! A log goes on: under another key, after an older state was brought back, and with a key that somebody else holds.

use std::fs;

use countersign::log::note::Signer;

use super::log::{fed, filled, good, lines};
use crate::support::run::{Said, World};

fn append(world: &World, from: u32, to: u32, key: &str) -> Said {
    fed(world, &["log", "append", "--log-key", key, "--lines"], &lines(from..to))
}

/// A log of 10 entries whose key was replaced by entry 10, and of 5 entries since.
fn rotated() -> World {
    let world = filled(10);
    world.write("before", good(&world, &["log", "checkpoint"]));
    let new = ["log", "key", "new", "--name", "log.example/releases", "--output", "new.key"];
    world.write("new.pub", good(&world, &new));
    let said = good(&world, &["log", "key", "rotate", "--log-key", "log.key", "--new-key", "new.key"]);
    assert!(said.starts_with("entry 10: from here on log.example/releases+"), "{said}");
    assert_eq!(append(&world, 10, 15, "new.key").code, 0);
    world
}

#[test]
fn t65_a_rotated_key_signs_no_more_and_what_it_signed_stays_good() {
    let world = rotated();
    let old = append(&world, 0, 1, "log.key");
    assert_eq!((old.code, old.err.contains("the log is signed with the key")), (3, true), "{}", old.err);
    // Whichever key is trusted, the other follows.
    for key in ["log.pub", "new.pub"] {
        let said = good(&world, &["log", "verify", "--log-key", key]);
        assert!(said.starts_with("16 entries verified"), "{said}");
        let said = good(&world, &["log", "verify", "--log-key", key, "--from", "before"]);
        assert!(said.starts_with("the checkpoint of 10 entries is continued, and 6 entries after it"), "{said}");
        good(&world, &["log", "prove", "3", "--log-key", key]);
    }
    good(&world, &["log", "export", "--log-key", "log.pub", "out"]);
    for key in ["log.pub", "new.pub"] {
        good(&world, &["log", "verify", "--folder", "out", "--log-key", key]);
    }
    let times = good(&world, &["log", "key", "history", "--log-key", "log.pub", "--times"]);
    let lines: Vec<&str> = times.lines().map(|line| line.split_once(' ').unwrap().1).collect();
    assert_eq!(lines, ["counts for a log of 0 to 11 entries", "counts for a log of 11 entries and more"]);
}

#[test]
fn t65_what_a_stolen_retired_key_signs_today_is_refused() {
    let world = rotated();
    let history = good(&world, &["log", "key", "history", "--log-key", "log.pub"]);
    world.write("history", history);
    good(&world, &["log", "export", "--log-key", "log.pub", "out"]);
    // Its thief signs the very tree that the log has, in its name.
    let thief = Signer::parse(&world.read("log.key")).unwrap();
    let text = world.read("out/checkpoint");
    let mut note = countersign::log::note::Note::parse(&text).unwrap();
    note.signatures.clear();
    thief.sign(&mut note, 0);
    world.write("out/checkpoint", note.to_string());
    for key in ["log.pub", "new.pub", "history"] {
        let said = world.run(&["log", "verify", "--folder", "out", "--log-key", key]);
        assert_eq!(said.code, 12, "{key}: {}", said.out);
        assert!(said.err.contains("counts for those from 0 to 11 only"), "{}", said.err);
    }
    // Nor does it help to hide the rotation that the log has.
    fs::remove_file(world.path().join("out/key-rotations")).unwrap();
    let said = world.run(&["log", "verify", "--folder", "out", "--log-key", "log.pub"]);
    assert_eq!((said.code, said.err.contains("entry 10 replaces the log's key")), (12, true), "{}", said.err);
    let said = world.run(&["log", "verify", "--folder", "out", "--log-key", "history"]);
    assert_eq!(said.code, 12, "{}", said.out);
}

#[test]
fn a_key_takes_no_place_that_is_not_its_own() {
    let world = filled(3);
    let rotate = |key: &str| world.run(&["log", "key", "rotate", "--log-key", "log.key", "--new-key", key]);
    good(&world, &["log", "key", "new", "--name", "log.example/other", "--output", "other.key"]);
    for (key, why) in [("other.key", "of the log's own name"), ("log.key", "it has signed a log of 3 entries")] {
        let said = rotate(key);
        assert_eq!((said.code, said.err.contains(why)), (2, true), "{key}: {}", said.err);
    }
    // Nor is it recorded by hand.
    for kind in ["key_rotation", "expiry", "legal_hold"] {
        let said = fed(&world, &["log", "append", "--log-key", "log.key", "--kind", kind], "{}");
        assert_eq!((said.code, said.err.contains("commands of its own")), (2, true), "{}", said.err);
    }
    let once = fed(&world, &["log", "append", "--log-key", "log.key", "--once", "log key rotation 1"], "{}");
    assert_eq!(once.code, 2, "{}", once.err);
    assert!(good(&world, &["log", "verify"]).starts_with("3 entries verified"));
}

#[test]
fn t62_an_older_state_that_was_brought_back_is_not_signed_anew_and_says_the_way_back() {
    let world = filled(300);
    good(&world, &["db", "backup", "older.db"]);
    assert_eq!(append(&world, 300, 310, "log.key").code, 0);
    good(&world, &["log", "export", "--log-key", "log.pub", "out"]);
    world.write("kept", good(&world, &["log", "checkpoint"]));
    for file in ["record.db", "record.db-wal", "record.db-shm"] {
        let _ = fs::remove_file(world.path().join(file));
    }
    good(&world, &["db", "restore", "older.db"]);
    let said = append(&world, 0, 1, "log.key");
    assert_eq!(said.code, 3, "{}", said.out);
    let why = "this key has signed a log of 310 entries, which `log.key.mark` remembers, and the database has 300: \
               an older state was brought back";
    assert!(said.err.contains(why) && said.err.contains("countersign log recover FOLDER"), "{}", said.err);
    let decided = world.run(&["log", "key", "rotate", "--log-key", "log.key", "--new-key", "nowhere"]);
    assert_eq!(decided.code, 2);

    // The way back: the very entries, under the very checkpoint.
    let said = good(&world, &["log", "recover", "--log-key", "log.key", "out"]);
    assert_eq!(said, "10 entries brought back, the log has 310 entries\n");
    assert_eq!(good(&world, &["log", "checkpoint"]), world.read("kept"));
    assert_eq!(append(&world, 310, 311, "log.key").code, 0);
    let said = good(&world, &["log", "verify", "--log-key", "log.pub", "--from", "kept"]);
    assert!(said.starts_with("the checkpoint of 310 entries is continued, and 1 entry after it"), "{said}");
}

#[test]
fn t63_a_second_history_of_the_same_size_is_not_signed() {
    let world = filled(5);
    good(&world, &["db", "backup", "older.db"]);
    assert_eq!(append(&world, 5, 6, "log.key").code, 0);
    // Somebody signs another sixth entry elsewhere, and slips that database in.
    let aside = ["log", "append", "--database", "sqlite:older.db", "--log-key", "log.key", "--log-mark", "none"];
    assert_eq!(fed(&world, &aside, "{\"other\":1}").code, 0);
    let said = fed(&world, &["log", "append", "--database", "sqlite:older.db", "--log-key", "log.key"], "{}");
    assert_eq!((said.code, said.err.contains("has signed another log of 6 entries")), (3, true), "{}", said.err);
    let more =
        ["log", "append", "--database", "sqlite:older.db", "--log-key", "log.key", "--log-mark", "none", "--lines"];
    assert_eq!(fed(&world, &more, &lines(0..300)).code, 0);
    let said = fed(&world, &["log", "append", "--database", "sqlite:older.db", "--log-key", "log.key"], "{}");
    assert_eq!((said.code, said.err.contains("has signed another log of 6 entries")), (3, true), "{}", said.err);
    // And the export of another history does not recover this one.
    good(&world, &["log", "export", "--database", "sqlite:older.db", "--log-key", "log.pub", "other"]);
    let said = world.run(&["log", "recover", "--log-key", "log.key", "other"]);
    assert_eq!((said.code, said.err.contains("is not what follows")), (12, true), "{}", said.err);
    assert!(good(&world, &["log", "verify", "--log-key", "log.pub"]).starts_with("6 entries verified"));
}

#[test]
fn a_mark_is_its_keys_own_and_can_be_elsewhere() {
    let world = filled(2);
    let mark = world.read("log.key.mark");
    assert!(mark.starts_with("log.example/releases\n2\n"), "{mark}");
    let elsewhere = ["log", "append", "--log-key", "log.key", "--log-mark", "marks/one"];
    let said = fed(&world, &elsewhere, "{}");
    assert_eq!((said.code, said.err.contains("`--log-mark none`")), (3, true), "{}", said.err);
    fs::create_dir(world.path().join("marks")).unwrap();
    assert_eq!(fed(&world, &elsewhere, "{}").code, 0);
    assert!(world.read("marks/one").starts_with("log.example/releases\n3\n"));
    world.write("log.key.mark", "log.example/releases\n1\nnonsense\n");
    let said = append(&world, 0, 1, "log.key");
    assert_eq!((said.code, said.err.contains("does not hold")), (3, true), "{}", said.err);
    // An empty one was never written to.
    world.write("log.key.mark", "");
    assert_eq!(append(&world, 0, 1, "log.key").code, 0);
}

/// A program that signs with a key that only it can read, written in Python.
const SIGNS: &str = "\
import base64, sys
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
seed = base64.b64decode(open(sys.argv[1]).read().strip().split('+', 4)[4])[1:]
sys.stdout.buffer.write(base64.b64encode(Ed25519PrivateKey.from_private_bytes(seed).sign(sys.stdin.buffer.read())))
";

#[test]
fn f21_a_command_signs_in_the_keys_stead_and_nothing_is_recorded_when_it_does_not() {
    let world = filled(1);
    world.write("sign.py", SIGNS);
    let with = |command: &str| {
        let arguments = ["log", "append", "--log-key", "log.pub", "--log-key-command", command];
        fed(&world, &arguments, "{\"by\":\"command\"}")
    };
    let said = with("python3 sign.py log.key");
    if said.err.contains("ModuleNotFoundError") {
        assert!(std::env::var_os("TEST_WHOLE").is_none(), "python3 with its package `cryptography` is not here");
        eprintln!("skipped: python3 with its package `cryptography` is not here");
        return;
    }
    assert_eq!((said.code, said.out.as_str()), (0, "entry 1\n"), "{}", said.err);
    assert!(world.read("log.pub.mark").starts_with("log.example/releases\n2\n"));
    let zeros = "head -c 64 /dev/zero";
    good(&world, &["log", "key", "new", "--name", "log.example/releases", "--output", "other.key"]);
    for (command, why) in [
        ("exit 3", "it ended with exit status: 3"),
        ("true", "it printed no Ed25519 signature"),
        ("yes", "it ended with"),
        ("exec sleep 30", "it did not answer in 4 seconds"),
        (zeros, "does not hold"),
        ("python3 sign.py other.key", "does not hold"),
        ("no-such-program", "it ended with exit status: 127"),
    ] {
        let said = with(command);
        assert_eq!((said.code, said.out.as_str()), (3, ""), "{command}");
        assert!(said.err.contains("nothing was recorded") && said.err.contains(why), "{command}: {}", said.err);
    }
    assert!(good(&world, &["log", "verify", "--log-key", "log.pub"]).starts_with("2 entries verified"));
}

/// What signs with the key on a token, as the documentation has it.
const TOKEN: &str = "\
t=$(mktemp -d) && cat > $t/in && pkcs11-tool --module \"$MODULE\" --login --pin env:PIN --sign --mechanism EDDSA \
--label log --input-file $t/in --output-file $t/out >&2 && cat $t/out; rm -r $t
";

#[test]
fn f21_a_key_on_a_token_signs_and_without_the_token_nothing_is_recorded() {
    let module = std::process::Command::new("find").args(["/usr/lib", "-name", "libsofthsm2.so"]).output().unwrap();
    let module = String::from_utf8(module.stdout).unwrap().lines().next().unwrap_or_default().to_owned();
    let tool = std::process::Command::new("pkcs11-tool").arg("--version").output();
    if module.is_empty() || tool.is_err() {
        assert!(std::env::var_os("TEST_WHOLE").is_none(), "SoftHSM 2 and OpenSC's pkcs11-tool are not here");
        eprintln!("skipped: SoftHSM 2 and OpenSC's pkcs11-tool are not here");
        return;
    }
    let world = filled(0);
    let configuration = world.path().join("softhsm2.conf").display().to_string();
    world.write("softhsm2.conf", format!("directories.tokendir = {}\n", world.path().join("tokens").display()));
    fs::create_dir(world.path().join("tokens")).unwrap();
    let world = world.variable("SOFTHSM2_CONF", &configuration).variable("PIN", "1234").variable("MODULE", &module);
    let tool = |program: &str, arguments: &[&str]| {
        let mut command = std::process::Command::new(program);
        command.args(arguments).current_dir(world.path()).env("SOFTHSM2_CONF", &configuration).env("PIN", "1234");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    };
    tool("softhsm2-util", &["--init-token", "--free", "--label", "log", "--so-pin", "5678", "--pin", "1234"]);
    let login = ["--module", &module, "--login", "--pin", "env:PIN"];
    tool("pkcs11-tool", &[&login[..], &["--keypairgen", "--key-type", "EC:edwards25519", "--label", "log"]].concat());
    let read = ["--read-object", "--type", "pubkey", "--label", "log", "--output-file", "log.pem"];
    tool("pkcs11-tool", &[&login[..2], &read].concat());
    let public = good(&world, &["log", "key", "public", "--name", "log.example/token", "log.pem"]);
    world.write("token.pub", public);
    world.write("sign.sh", TOKEN);
    let append =
        ["log", "append", "--database", "sqlite:token.db", "--log-key", "token.pub", "--log-key-command", "sh sign.sh"];
    let said = fed(&world, &append, "{}");
    assert_eq!((said.code, said.out.as_str()), (0, "entry 0\n"), "{}", said.err);
    let verify = ["log", "verify", "--database", "sqlite:token.db", "--log-key", "token.pub"];
    assert!(good(&world, &verify).starts_with("1 entry verified: log.example/token"));
    fs::remove_dir_all(world.path().join("tokens")).unwrap();
    let said = fed(&world, &append, "{}");
    assert_eq!((said.code, said.out.as_str()), (3, ""), "{}", said.err);
    assert!(good(&world, &verify).starts_with("1 entry verified"));
    for (file, text) in
        [("none.pem", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"), ("empty.pem", "")]
    {
        world.write(file, text);
        assert_eq!(world.run(&["log", "key", "public", "--name", "log.example/token", file]).code, 2);
    }
}
