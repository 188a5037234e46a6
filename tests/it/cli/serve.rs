//! The log over HTTP, as clients of the C2SP specification tlog-tiles read it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::log::{fed, files, filled, good, lines, second};
use crate::support::run::World;
use crate::support::served::{Came, Served};

pub fn serve(world: &World, more: &[&str]) -> Served {
    let mut command = world.command();
    command.args(["log", "serve", "--listen", "127.0.0.1:0"]).args(more);
    Served::start(command, "the log is served on http://")
}

fn ask(served: &Served, what: &str) -> Came {
    served.ask(what)
}

#[test]
fn every_file_of_an_export_is_served_from_the_database_and_from_the_folder() {
    let world = filled(700);
    good(&world, &["log", "export", "--log-key", "log.pub", "out"]);
    for more in [&[][..], &["--folder", "out"]] {
        let served = serve(&world, more);
        let mut seen = 0;
        for file in files(&world.path().join("out")) {
            let path = file.strip_prefix(world.path().join("out")).unwrap().display().to_string();
            let bytes = std::fs::read(&file).unwrap();
            let (status, head, body) = ask(&served, &format!("GET /{path}"));
            assert_eq!((status, &body), (200, &bytes), "{path}");
            let tile = path != "checkpoint";
            let kind = if tile { "application/octet-stream" } else { "text/plain; charset=utf-8" };
            let kept = if tile { "public, max-age=31536000, immutable" } else { "no-cache" };
            for line in [format!("content-type: {kind}"), format!("cache-control: {kept}")] {
                assert!(head.contains(&line), "{path}: {head}");
            }
            assert!(head.contains("x-content-type-options: nosniff"), "{head}");
            let (status, _, body) = ask(&served, &format!("HEAD /{path}"));
            assert_eq!((status, body.len()), (200, 0), "{path}");
            seen += 1;
        }
        assert_eq!(seen, 8);
        // An older part of a tile is served while the log grows on.
        let (status, _, older) = ask(&served, "GET /tile/0/002.p/100");
        if more.is_empty() {
            let (_, _, newer) = ask(&served, "GET /tile/0/002.p/188");
            assert_eq!((status, older.as_slice()), (200, &newer[..3_200]));
        }
        for what in [
            "GET /tile/0/003",
            "GET /tile/0/002",
            "GET /tile/0/002.p/189",
            "GET /tile/0/002.p/0",
            "GET /tile/0/002.p/256",
            "GET /tile/0/2",
            "GET /tile/0/0002",
            "GET /tile/0/x000/001",
            "GET /tile/3/000",
            "GET /tile/64/000",
            "GET /tile/-1/000",
            "GET /tile/entries/999",
            "GET /tile/entries/x999/x999/x999/x999/x999/x999/x999/999",
            "GET /tile/0/../../log.key",
            "GET /tile/0/%2e%2e/%2e%2e/log.key",
            "GET /../log.key",
            "GET /log.key",
            "GET /",
            "GET /record.db",
        ] {
            let (status, head, body) = ask(&served, what);
            assert_eq!(status, 404, "{what}: {head}");
            assert!(!String::from_utf8_lossy(&body).contains("PRIVATE"), "{what}");
        }
        for what in ["POST /checkpoint", "DELETE /tile/0/000", "PUT /checkpoint"] {
            assert_eq!(ask(&served, what).0, 405, "{what}");
        }
        if let Some((holds, said)) = second(&world, &["log", &format!("http://{}", served.address), "log.pub"]) {
            assert!(holds && said.starts_with("ok 700 "), "{said}");
        }
    }
}

#[test]
fn what_is_served_follows_the_log_and_its_keys() {
    let world = filled(3);
    let served = serve(&world, &[]);
    let url = format!("http://{}", served.address);
    assert_eq!(ask(&served, "GET /tile/0/000.p/4").0, 404);
    good(&world, &["log", "key", "new", "--name", "log.example/releases", "--output", "new.key"]);
    good(&world, &["log", "key", "rotate", "--log-key", "log.key", "--new-key", "new.key"]);
    assert_eq!(fed(&world, &["log", "append", "--log-key", "new.key", "--lines"], &lines(0..2)).code, 0);
    assert_eq!(ask(&served, "GET /tile/0/000.p/6").0, 200);
    world.write("new.pub", good(&world, &["log", "key", "show", "new.key"]));
    for key in ["log.pub", "new.pub"] {
        if let Some((holds, said)) = second(&world, &["log", &url, key]) {
            assert!(holds && said.starts_with("ok 6 "), "{key}: {said}");
        }
    }
    good(&world, &["log", "export", "--log-key", "log.pub", "out"]);
    for key in ["log.pub", "new.pub"] {
        if let Some((holds, said)) = second(&world, &["log", "out", key]) {
            assert!(holds, "{key}: {said}");
        }
    }
    std::fs::remove_file(world.path().join("out/key-rotations")).unwrap();
    if let Some((holds, said)) = second(&world, &["log", "out", "log.pub"]) {
        assert!(!holds, "{said}");
    }
}

#[test]
fn who_says_nothing_is_let_go_of_and_the_end_comes_in_order() {
    let world = filled(1);
    let mut served = serve(&world, &[]);
    let mut silent: Vec<TcpStream> = (0..40).map(|_| TcpStream::connect(&served.address).unwrap()).collect();
    for stream in &mut silent {
        stream.write_all(b"GET /checkpoint HTTP/1.1\r\nx: ").unwrap();
    }
    // They keep nobody else out.
    assert_eq!(ask(&served, "GET /checkpoint").0, 200);
    // Nor is a head without end read on.
    let mut stream = TcpStream::connect(&served.address).unwrap();
    let _ = write!(stream, "GET /checkpoint?{} HTTP/1.1\r\nhost: log\r\n\r\n", "a".repeat(100_000));
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    let started = Instant::now();
    silent[0].set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut rest = Vec::new();
    let _ = silent[0].read_to_end(&mut rest);
    assert!(started.elapsed() < Duration::from_secs(25), "a client that says nothing is waited for");
    let id = served.child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    let status = served.child.wait().unwrap();
    assert_eq!(status.code(), Some(0), "{status}");
}

#[test]
fn a_log_that_cannot_be_read_is_not_served() {
    let world = World::new();
    let said = world.run(&["log", "serve", "--listen", "127.0.0.1:0", "--folder", "nowhere"]);
    assert_eq!(said.code, 12, "{}", said.err);
    let said = world.run(&["log", "serve", "--listen", "127.0.0.1:0", "--database", "sqlite:nowhere.db"]);
    assert_eq!(said.code, 3, "{}", said.err);
}
