//! Signed webhooks.

use std::process::Stdio;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::{reviews, told as told_run, until};
use super::{ended, python, waiting};
use crate::support::receiver::{Answer, Posted, Receiver};

pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OLD: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// Whether the signature is one of that secret over what came, computed here again.
fn is_signed(posted: &Posted, secret: &str) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &STANDARD.decode(&secret[6..]).unwrap());
    let mut signed = format!("{}.{}.", posted.header("webhook-id"), posted.header("webhook-timestamp")).into_bytes();
    signed.extend(&posted.body);
    let own = format!("v1,{}", STANDARD.encode(hmac::sign(&key, &signed)));
    posted.header("webhook-signature").split(' ').any(|it| it == own)
}

fn kinds(receiver: &Receiver) -> Vec<String> {
    receiver.came().iter().map(|it| it.json()["type"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_release_is_told_asked_called_to_mind_escalated_and_let_go_each_once() {
    let receiver = Receiver::start();
    let url = format!("http://{}/releases", receiver.address);
    let (github, app) = waiting(&format!("notify: {{ webhook: '{url}', remind_after: 1s, escalate_after: 3s }}\n"));
    app.world.write("new", SECRET).write("old", OLD);
    let options = ["--sweep", "1", "--private-webhooks"];
    let hooks = [format!("--message-webhook={url}=new"), format!("--message-webhook={url}=old")];
    let served = app.start(&[&options[..], &[hooks[0].as_str(), hooks[1].as_str()]].concat());
    until("an escalation", || kinds(&receiver).contains(&"release.escalated".to_owned()));
    assert_eq!(kinds(&receiver), ["release.asked", "release.reminded", "release.escalated"]);
    let came = receiver.came();
    let asked = came[0].json();
    let message = &asked["data"]["message"];
    assert_eq!(
        (message["role"].as_str(), message["people"].to_string().as_str()),
        (Some("shop-owner"), "[\"bo\",\"carla\"]")
    );
    assert_eq!(
        (message["repository"].as_str(), message["environment"].as_str()),
        (Some("acme/shop"), Some("production"))
    );
    let next = &came[2].json()["data"]["message"];
    assert_eq!((next["role"].as_str(), next["people"].to_string().as_str()), (Some("cto"), "[\"noor\"]"));
    assert_eq!(next["instead_of"], "shop-owner");

    // Being told changes nothing, and being told again by a new process neither.
    assert_eq!(told_run(&github).decided, None);
    drop(served);
    let served = app.start(&[&options[..], &[hooks[0].as_str(), hooks[1].as_str()]].concat());
    std::thread::sleep(std::time::Duration::from_secs(4));
    assert_eq!(receiver.came().len(), 3, "{:?}", kinds(&receiver));
    reviews(&github, "bo", "APPROVED");
    until("the end", || kinds(&receiver).contains(&"release.proceeds".to_owned()));
    assert_eq!(kinds(&receiver).len(), 4);
    let mut ids: Vec<String> = receiver.came().iter().map(|it| it.header("webhook-id").to_owned()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 4, "each has a number of its own");

    for posted in receiver.came() {
        assert!(is_signed(&posted, SECRET) && is_signed(&posted, OLD), "{posted:?}");
        assert!(!is_signed(&Posted { body: b"{}".to_vec(), ..posted.clone() }, SECRET));
        verified(&posted, SECRET);
    }
    drop(served);
    let verified = app.world.run(&["log", "verify", "--database", "sqlite:record.db", "--log-key", "log.pub"]);
    assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);
}

/// The specification's own library believes it.
fn verified(posted: &Posted, secret: &str) {
    let Some(mut command) = python("standardwebhooks") else { return };
    let program = "import json, sys\nfrom standardwebhooks import Webhook\nit = json.load(sys.stdin)\n\
                   Webhook(it['secret']).verify(it['body'], it['headers'])\n";
    let mut child = command.args(["-c", program]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let headers: serde_json::Map<String, serde_json::Value> =
        posted.headers.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    let it = serde_json::json!({ "secret": secret, "body": String::from_utf8(posted.body.clone()).unwrap(), "headers": headers });
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), it.to_string().as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn a_receiver_that_fails_is_tried_again_with_the_same_number_and_not_before_it_says() {
    let receiver = Receiver::start();
    receiver.next([Answer::Status(500, String::new()), Answer::Status(429, "retry-after: 3\r\n".to_owned())]);
    let url = format!("http://{}/releases", receiver.address);
    let (_github, app) = waiting(&format!("notify: {{ webhook: '{url}' }}\n"));
    app.world.write("new", SECRET);
    let served = app.start(&["--sweep", "1", "--private-webhooks", &format!("--message-webhook={url}=new")]);
    ended(&app, 1);
    let came = receiver.came();
    assert_eq!(came.len(), 3);
    assert!(came.iter().all(|it| it.header("webhook-id") == came[0].header("webhook-id") && it.body == came[0].body));
    assert!(came[2].at - came[1].at >= std::time::Duration::from_secs(3), "{:?}", came[2].at - came[1].at);
    let metrics = String::from_utf8(served.ask("GET /metrics").2).unwrap();
    assert!(metrics.contains("countersign_messages_total{outcome=\"done\"} 1"), "{metrics}");
    assert!(metrics.contains("countersign_messages_total{outcome=\"put_off\"} 2"), "{metrics}");
}

#[test]
fn t_private_addresses_and_redirections_are_gone_to_by_nobody() {
    let receiver = Receiver::start();
    let world = crate::support::run::World::new();
    world.write("new", SECRET);
    let here = format!("http://{}/x", receiver.address);
    let to = |url: &str, more: &[&str]| {
        let place = format!("webhook:{url}");
        let hook = format!("--message-webhook={url}=new");
        world.run(&[&["message", "test", "--to", &place, &hook][..], more].concat())
    };
    for url in [
        here.as_str(),
        "https://10.0.0.1/x",
        "https://169.254.169.254/latest",
        "https://[fd00::1]/x",
        "https://localhost/x",
        "https://[::ffff:10.0.0.1]/x",
    ] {
        let said = to(url, &[]);
        assert_eq!(said.code, 2, "{url}: {}", said.err);
        assert!(said.err.contains("--private-webhooks") || said.err.contains("begins with"), "{url}: {}", said.err);
    }
    assert!(receiver.came().is_empty());
    let said = to(&here, &["--private-webhooks"]);
    assert_eq!((said.code, receiver.came().len()), (0, 1), "{}", said.err);
    receiver.next([Answer::Status(302, format!("location: {here}\r\n"))]);
    let said = to(&here, &["--private-webhooks"]);
    assert_eq!((said.code, receiver.came().len()), (3, 2), "{}", said.err);
    // A place that nothing is set for says what is missing.
    for (place, missing) in [
        ("slack:#releases", "--slack-token-file"),
        ("email:ana@acme.example", "--smtp"),
        ("webhook:https://hooks.example/x", "--message-webhook"),
    ] {
        let said = world.run(&["message", "test", "--to", place]);
        assert!(said.code == 3 && said.err.contains(missing), "{place}: {} {}", said.code, said.err);
    }
    assert_eq!(world.run(&["message", "test", "--to", "pager:x"]).code, 2);
}

/// By the registries of special-purpose addresses of IANA.
#[test]
fn what_is_no_address_of_the_public_internet_is_known() {
    let is = |text: &str| countersign::transport::abroad::is_public(text.parse().unwrap());
    for public in [
        "1.1.1.1",
        "8.8.8.8",
        "100.63.255.255",
        "100.128.0.0",
        "172.15.0.1",
        "172.32.0.1",
        "198.17.0.1",
        "198.20.0.1",
        "2606:4700::1111",
        "2a00:1450::1",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
    ] {
        assert!(is(public), "{public}");
    }
    for private in [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:a00:1::",
        "3fff::1",
        "fc00::1",
        "fd12::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ] {
        assert!(!is(private), "{private}");
    }
}
