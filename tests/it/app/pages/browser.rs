//! The pages in a real browser, where `./tests/run pages` brings one.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;

use super::super::reviews;
use super::shown::{POLICY, evidence, evil};
use super::{App, RELEASE, told, until};
use crate::support::github::login::{CLIENT, CLIENT_SECRET};

#[test]
fn a_real_browser_finds_nothing_that_shuts_people_out() {
    if std::env::var_os("TEST_PAGES").is_none() {
        eprintln!("skipped: no browser looks at the pages here; `./tests/run pages` brings one");
        return;
    }
    let github = evil();
    github.with(|world| {
        let policy = POLICY.replace("accountable: 1", "accountable: 2");
        world.contents.insert(".countersign/policy.yml".to_owned(), policy);
    });
    let app = App::new(&github);
    // The address that browsers use has to be known before the app takes it.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let address = format!("http://{free}");
    github.callback(&format!("{address}/login/back"));
    github.person(Some("bo"));
    app.world.write("client", CLIENT_SECRET).write("with.json", evidence(2));
    let pages = ["--client-id", CLIENT, "--client-secret-file", "client", "--public-url", &address, "--listen", &free];
    let _served = app
        .start_with(&app.options_without("--listen"), &[&pages[..], &["--sweep", "1", "--with", "with.json"]].concat());
    until("a report", || !told(&github).reports.is_empty());
    reviews(&github, "carla", "APPROVED");
    until("a second decision", || app.events("release_decided").len() > 1);
    let folder = std::env::var_os("TEST_PAGES_SHOTS").map_or_else(|| app.world.path().to_owned(), PathBuf::from);
    let root = env!("CARGO_MANIFEST_DIR");
    let tools = std::env::var_os("TOOLS").map_or_else(|| PathBuf::from(root).join("target/tools"), PathBuf::from);
    let at = |moment: &str| format!("{RELEASE}&at={moment}");
    let seen = Command::new("node")
        .arg(format!("{root}/tests/pages.mjs"))
        .arg(tools.join("npm/node_modules"))
        .args([&address, &folder.display().to_string(), RELEASE])
        .args([at("2020-01-01T00:00:00Z"), at("2"), at("yesterday"), "/nothing".to_owned()])
        .output()
        .unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&seen.stdout), String::from_utf8_lossy(&seen.stderr));
    eprintln!("{said}");
    assert!(seen.status.success(), "{said}");
}
