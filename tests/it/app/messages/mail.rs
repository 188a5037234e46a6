//! Letters, by a mail server that Python brings.

use std::process::Stdio;

use serde_json::Value;

use super::{App, ended, python, waiting};
use crate::support::served::Served;

/// Starts a mail server in a folder beside the app's files.
fn server(app: &App, mode: &str) -> Option<Served> {
    let mut command = python("aiosmtpd")?;
    let folder = app.world.path().join("mail");
    std::fs::create_dir_all(&folder).unwrap();
    command
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mail_server.py"))
        .arg(folder)
        .args([mode, "app:a password"]);
    command.stderr(Stdio::null());
    Some(Served::start(command, "listening on "))
}

fn letters(app: &App) -> Vec<Value> {
    let text = std::fs::read_to_string(app.world.path().join("mail/letters")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn header<'l>(letter: &'l Value, name: &str) -> &'l str {
    let all = letter["headers"].as_array().unwrap();
    let found: Vec<&str> = all.iter().filter(|it| it[0] == name).map(|it| it[1].as_str().unwrap()).collect();
    assert_eq!(found.len(), 1, "{name}: {all:?}");
    found[0]
}

fn options(server: &Served, scheme: &str) -> Vec<String> {
    [
        format!("--smtp={scheme}://{}", server.address),
        "--smtp-user=app".to_owned(),
        "--smtp-password-file=password".to_owned(),
        "--smtp-authority=mail/authority.pem".to_owned(),
        "--mail-from=Countersign <releases@acme.example>".to_owned(),
    ]
    .to_vec()
}

const NOTIFY: &str = "notify: { email: rm@acme.example }\n";

#[test]
fn letters_go_over_tls_to_the_list_and_to_whoever_is_asked_and_wait_while_the_server_is_down() {
    let (github, app) = waiting(NOTIFY);
    let Some(server) = server(&app, "starttls") else { return };
    app.world.write("password", "a password\n").write("mail/closed", "");
    let options = options(&server, "smtp");
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let running = app.start(&[&["--sweep", "1"][..], &options[..]].concat());
    super::super::until("an attempt", || super::attempts(&app).iter().any(|(_, outcome)| outcome == "put_off"));
    assert!(letters(&app).is_empty());
    std::fs::remove_file(app.world.path().join("mail/closed")).unwrap();
    ended(&app, 2);
    let mut all = letters(&app);
    all.sort_by_key(|it| it["to"].to_string());
    let to: Vec<String> = all.iter().map(|it| it["to"].to_string()).collect();
    assert_eq!(to, ["[\"bo@acme.example\"]", "[\"rm@acme.example\"]"]);
    for letter in &all {
        assert_eq!((letter["tls"].as_bool(), letter["authenticated"].as_bool()), (Some(true), Some(true)));
        assert_eq!(header(letter, "From"), "Countersign <releases@acme.example>");
        assert_eq!(header(letter, "Auto-Submitted"), "auto-generated");
        assert!(header(letter, "Subject").starts_with("[acme/shop] "), "{}", header(letter, "Subject"));
        assert!(header(letter, "Subject").ends_with("to production waits for shop-owner to approve"));
        assert!(header(letter, "Message-ID").ends_with(".countersign@acme.example>"));
        assert!(letter["text"].as_str().unwrap().contains("Can answer: bo, carla\n"), "{}", letter["text"]);
        assert_eq!((letter["type"].as_str(), letter["charset"].as_str()), (Some("text/plain"), Some("utf-8")));
    }
    // What the server will never take is given up, and stands where a person finds it.
    app.world.write("mail/unknown", "");
    super::super::reviews(&github, "bo", "APPROVED");
    let dead = || app.world.run(&["db", "outbox", "list", "--dead", "--database", "sqlite:record.db"]).out;
    super::super::until("what was given up", || dead().contains("email:rm@acme.example"));
    assert!(dead().contains("no such mailbox"), "{}", dead());
    // An entry stays for ever, and says nobody's address: not of whom he is, nor what his mailbox said of him.
    let shown = app.world.run(&["log", "show", "--database", "sqlite:record.db", "--log-key", "log.pub"]);
    assert_eq!(shown.code, 0, "{}", shown.err);
    assert!(shown.out.contains("\"to\":\"email\"") && shown.out.contains("given up"), "{}", shown.out);
    assert!(!shown.out.contains("acme.example") && !shown.out.contains("no such mailbox"), "{}", shown.out);
    drop(running);
}

#[test]
fn a_server_of_tls_alone_is_tried_by_a_command_and_one_that_is_not_believed_is_not_spoken_to() {
    let (_github, app) = waiting(NOTIFY);
    let Some(server) = server(&app, "implicit") else { return };
    app.world.write("password", "a password\n").write("wrong", "another\n");
    let options = options(&server, "smtps");
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let test = |options: &[&str]| {
        app.world.run(&[&["message", "test", "--to", "email:bo@acme.example"][..], options].concat())
    };
    let said = test(&options);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(header(&letters(&app)[0], "Subject"), "messages from Countersign arrive here");
    let without: Vec<&str> = options.iter().copied().filter(|it| !it.contains("authority")).collect();
    let said = test(&without);
    assert_eq!(said.code, 3);
    assert!(said.err.contains("certificate"), "{}", said.err);
    let wrong: Vec<&str> =
        options.iter().map(|it| if it.contains("password") { "--smtp-password-file=wrong" } else { it }).collect();
    let said = test(&wrong);
    assert_eq!(said.code, 3);
    assert!(said.err.contains("did not take it"), "{}", said.err);
    assert!(!said.err.contains("another"), "no secret is said: {}", said.err);
    assert_eq!(letters(&app).len(), 1);
    for (server, says) in
        [("http://localhost", "names no mail server"), ("smtp://u:p@localhost", "names no mail server")]
    {
        let said = test(&[&format!("--smtp={server}"), "--mail-from=a@acme.example"]);
        assert!(said.code == 2 && said.err.contains(says), "{}", said.err);
    }
    let said = test(&["--smtp=smtp://localhost", "--mail-from=a@acme.example\r\nBcc: b@evil.example"]);
    assert!(said.code == 2 && said.err.contains("nobody whom a letter can come from"), "{}", said.err);
}
