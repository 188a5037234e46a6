//! Clients that somebody else wrote read our log: the packages by which the go command verifies the log of Go's modules.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::log::tree::Hash;

use super::log::{fed, files, filled, good, lines, world};
use super::serve::serve;
use crate::support::run::World;

/// The reader, built once; `None` where Go or its packages are not here.
fn reader() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let to = folder.join("log_reader");
        let mut go = Command::new("go");
        go.args(["build", "-o"]).arg(&to).arg("tests/log_reader.go").current_dir(env!("CARGO_MANIFEST_DIR"));
        // Debian lays the packages out as Go did before it had modules.
        go.env("GO111MODULE", "off").env("GOPATH", "/usr/share/gocode").env("GOFLAGS", "");
        go.env("GOTOOLCHAIN", "local").env("GOCACHE", folder.join("go-cache"));
        let built = go.output().map_err(|error| error.to_string());
        let said = built.map(|out| (out.status.success(), String::from_utf8_lossy(&out.stderr).into_owned()));
        if matches!(said, Ok((true, _))) {
            return Some(to);
        }
        assert!(std::env::var_os("TEST_WHOLE").is_none(), "Go and golang.org/x/mod are not here: {said:?}");
        eprintln!("skipped: another's client needs golang-go and golang-golang-x-mod-dev");
        None
    });
    built.as_deref()
}

/// What the reader says of a log or a proof, and whether it takes it.
fn asked(world: &World, arguments: &[&str]) -> (bool, String) {
    let output = Command::new(reader().unwrap()).args(arguments).current_dir(world.path()).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.success(), said.starts_with("ok "), "{said}{}", String::from_utf8_lossy(&output.stderr));
    (output.status.success(), said)
}

/// The root that the reader says, in base64, as we say it.
fn root(said: &str) -> String {
    let root = STANDARD.decode(said.trim().rsplit(' ').next().unwrap()).unwrap();
    Hash(root.try_into().unwrap()).to_string()
}

#[test]
fn a_client_of_go_s_own_log_reads_ours_from_a_folder_and_over_http_and_agrees() {
    if reader().is_none() {
        return;
    }
    for size in [1, 2, 255, 256, 257, 700, 65_800] {
        let world = world();
        let append = ["log", "append", "--log-key", "log.key", "--lines"];
        let first = (size / 3).max(1);
        assert_eq!(fed(&world, &append, &lines(0..first)).code, 0);
        world.write("kept", good(&world, &["log", "checkpoint"]));
        if first < size {
            assert_eq!(fed(&world, &append, &lines(first..size)).code, 0);
        }
        let ours = good(&world, &["log", "export", "--log-key", "log.pub", "out"]);
        assert!(ours.starts_with(&format!("{size} entr")), "{ours}");
        let verified = good(&world, &["log", "verify", "--log-key", "log.pub"]);
        let (holds, said) = asked(&world, &["log", "out", "log.pub", "kept"]);
        assert!(holds && said.starts_with(&format!("ok {size} entries, root ")), "{said}");
        assert!(verified.contains(&format!("size {size}, root {}", root(&said))), "{verified}{said}");
        for index in [0, size / 2, size - 1] {
            let index = index.to_string();
            world.write("proof", good(&world, &["log", "prove", &index, "--log-key", "log.pub", "--entry", "entry"]));
            assert_eq!(asked(&world, &["proof", "proof", "log.pub", "entry"]).1, format!("ok entry {index}\n"));
            fs::remove_file(world.path().join("entry")).unwrap();
        }
        if size <= 700 {
            let served = serve(&world, &[]);
            assert_eq!(asked(&world, &["log", &format!("http://{}", served.address), "log.pub", "kept"]).1, said);
        }
    }
}

#[test]
fn it_refuses_what_we_refuse() {
    if reader().is_none() {
        return;
    }
    let world = filled(600);
    good(&world, &["log", "export", "--log-key", "log.pub", "out"]);
    let verify = ["log", "verify", "--folder", "out", "--log-key", "log.pub"];
    let mut refused = 0;
    for path in files(&world.path().join("out")) {
        let bytes = fs::read(&path).unwrap();
        for place in [0, bytes.len() / 3, bytes.len() / 2, bytes.len() - 1] {
            let mut other = bytes.clone();
            other[place] ^= 4;
            for other in [other, bytes[..place].to_vec()] {
                fs::write(&path, &other).unwrap();
                let (holds, said) = asked(&world, &["log", "out", "log.pub"]);
                assert_eq!(world.run(&verify).code, 12, "{} byte {place}", path.display());
                assert!(!holds, "{} byte {place}: {said}", path.display());
                refused += 1;
            }
        }
        fs::write(&path, &bytes).unwrap();
    }
    assert!(asked(&world, &["log", "out", "log.pub"]).0);
    assert_eq!(refused, 64);
    // Another's key of the same name, and a checkpoint of another history.
    world.write(
        "other.pub",
        good(&world, &["log", "key", "new", "--name", "log.example/releases", "--output", "o.key"]),
    );
    assert!(!asked(&world, &["log", "out", "other.pub"]).0);
    let append =
        ["log", "append", "--log-key", "log.key", "--log-mark", "none", "--lines", "--database", "sqlite:o.db"];
    assert_eq!(fed(&world, &append, &lines(7..107)).code, 0);
    world.write("kept", good(&world, &["log", "checkpoint", "--database", "sqlite:o.db"]));
    let (holds, said) = asked(&world, &["log", "out", "log.pub", "kept"]);
    assert!(!holds && said.contains("the checkpoint of 100 entries is not continued"), "{said}");
}

#[test]
fn it_reads_a_log_whose_key_was_replaced_by_the_new_key() {
    if reader().is_none() {
        return;
    }
    let world = filled(300);
    world.write(
        "new.pub",
        good(&world, &["log", "key", "new", "--name", "log.example/releases", "--output", "new.key"]),
    );
    good(&world, &["log", "key", "rotate", "--log-key", "log.key", "--new-key", "new.key"]);
    assert_eq!(fed(&world, &["log", "append", "--log-key", "new.key", "--lines"], &lines(0..50)).code, 0);
    good(&world, &["log", "export", "--log-key", "log.pub", "out"]);
    let (holds, said) = asked(&world, &["log", "out", "new.pub"]);
    assert!(holds && said.starts_with("ok 351 entries"), "{said}");
    assert!(!asked(&world, &["log", "out", "log.pub"]).0, "the old key signs no more");
}
