//! What is taken of what comes to `/hooks/gitlab`: an answer of the 400s counts as a failure there, and four of them disable
//! the hook.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::Utc;
use serde_json::json;

use super::{App, SECRET, deliver, key, shop, takes, waits};
use crate::support::corpus;
use crate::support::gitlab::world::PROJECT_ID;

fn listed(app: &App) -> String {
    app.world.run(&["db", "list", "deliveries", "--database", "sqlite:record.db"]).out
}

#[test]
fn t41_what_does_not_show_the_token_is_refused_before_it_is_read() {
    let gitlab = shop();
    let app = App::new(&gitlab);
    let served = app.start(&[]);
    let body = waits().to_string().into_bytes();
    let wrong: [&[(&str, &str)]; 5] = [
        &[],
        &[("x-gitlab-token", "another token")],
        &[("x-gitlab-token", "")],
        &[("x-gitlab-token", SECRET), ("x-gitlab-token", SECRET)],
        &[("x-gitlab-token", SECRET), ("content-encoding", "gzip")],
    ];
    for headers in wrong {
        let (status, _, said) = served.send("POST /hooks/gitlab", headers, &body);
        assert_eq!(status, 401, "{headers:?}: {}", String::from_utf8_lossy(&said));
        assert!(!String::from_utf8_lossy(&said).contains(SECRET));
    }
    // Nor is its body waited for.
    let mut stream = std::net::TcpStream::connect(&served.address).unwrap();
    stream.set_read_timeout(Some(std::time::Duration::from_secs(3))).unwrap();
    let head = "POST /hooks/gitlab HTTP/1.1\r\nhost: here\r\nx-gitlab-token: another\r\ncontent-length: 100\r\n\r\n";
    std::io::Write::write_all(&mut stream, head.as_bytes()).unwrap();
    let mut said = [0; 12];
    std::io::Read::read_exact(&mut stream, &mut said).unwrap();
    assert_eq!(&said, b"HTTP/1.1 401");
    assert!(!listed(&app).contains("gitlab"), "{}", listed(&app));
    assert_eq!(served.ask("GET /hooks/gitlab").0, 405);
    // It is no app on GitHub.
    assert_eq!(served.send("POST /hooks/github", &[], &body).0, 404);
}

#[test]
fn t41_where_a_key_is_set_the_signature_counts_and_no_token() {
    let gitlab = shop();
    let app = App::new(&gitlab);
    let bytes = [7; 32];
    app.world.write("secret", format!("whsec_{}\n", STANDARD.encode(bytes)));
    let served = app.start(&[]);
    let body = waits().to_string().into_bytes();
    let signed = |at: i64, body: &[u8]| {
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &bytes);
        let tag = aws_lc_rs::hmac::sign(&key, &[b"msg-1.", at.to_string().as_bytes(), b".", body].concat());
        format!("v1,{}", STANDARD.encode(tag))
    };
    let now = Utc::now().timestamp();
    let post = |at: i64, signature: &str| {
        let at = at.to_string();
        let headers = [("webhook-id", "msg-1"), ("webhook-timestamp", at.as_str()), ("webhook-signature", signature)];
        served.send("POST /hooks/gitlab", &headers, &body)
    };
    assert_eq!(served.send("POST /hooks/gitlab", &[("x-gitlab-token", SECRET)], &body).0, 401);
    assert_eq!(post(now, &signed(now, b"{}")).0, 401);
    assert_eq!(post(now - 3_600, &signed(now - 3_600, &body)).0, 401);
    assert_eq!(post(now, &signed(now, &body)).2, b"recorded\n");
    // Sent again it is the same by its id.
    assert_eq!(post(now + 1, &signed(now + 1, &body)).2, b"recorded_before\n");
    // T42: whoever caught it cannot send it under another key, which the signature does not cover.
    let (stamp, signature) = (now.to_string(), signed(now, &body));
    let headers = [
        ("webhook-id", "msg-1"),
        ("webhook-timestamp", stamp.as_str()),
        ("webhook-signature", signature.as_str()),
        ("idempotency-key", "a-new-one"),
    ];
    assert_eq!(served.send("POST /hooks/gitlab", &headers, &body).2, b"recorded_before\n");
}

#[test]
fn nothing_that_is_gitlabs_is_answered_with_a_fault() {
    let gitlab = shop();
    let app = App::new(&gitlab);
    let served = app.start(&[]);
    for body in [b"".as_slice(), b"[]", b"payload=%7B%7D", b"{\"object_kind\":\"what_is_to_come\"}", b"{}"] {
        let (status, _, said) = deliver(&served, &key(), body);
        assert_eq!((status, said.as_slice()), (202, b"ignored\n".as_slice()), "{}", String::from_utf8_lossy(body));
    }
    // Of a project that is not ours: recorded, and not acted on.
    let foreign = json!({"object_kind": "push", "ref": "refs/heads/main", "project": {"id": PROJECT_ID + 1}});
    assert_eq!(takes(&served, &key(), &foreign), "recorded");
    crate::app::until("it to be foreign", || !app.events("delivery_foreign").is_empty());
    // A key that came with other bytes before is taken by the bytes.
    let (name, other) = (key(), json!({"object_kind": "push", "ref": "refs/heads/x", "project": {"id": PROJECT_ID}}));
    assert_eq!(takes(&served, &name, &waits()), "recorded");
    assert_eq!(takes(&served, &name, &other), "recorded");
    assert_eq!(takes(&served, &name, &other), "recorded_before");
    let Some(folder) = corpus("webhooks-gitlab") else { return };
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap().path();
        let (status, _, said) = deliver(&served, &key(), &std::fs::read(&file).unwrap());
        assert_eq!(status, 202, "{}: {}", file.display(), String::from_utf8_lossy(&said));
    }
}
