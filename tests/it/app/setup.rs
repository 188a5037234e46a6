//! Setting up: whoever started the app makes it on the forge, once, and it goes on as that.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Stdio};

use serde_json::json;

use super::pages::ORIGIN;
use super::{App, asks, deliver, id, shop, signature, told, until, waits};
use crate::forge::github::client::key;
use crate::support::browser::{Browser, Page};
use crate::support::github::Github;
use crate::support::github::manifest::WEBHOOK_SECRET;
use crate::support::served::Served;

const COOKIE: &str = "__Host-countersign-setup";

/// The app as it is started without an App.
struct Begun {
    app: App,
    github: Github,
    served: Served,
    /// The path that was printed, with its token.
    printed: String,
}

fn options(app: &App) -> Vec<String> {
    let mut options = app.options_without("--app");
    for option in ["--app-key", "--webhook-secret-file"] {
        let at = options.iter().position(|it| it == option).unwrap();
        options.drain(at..at + 2);
    }
    options.extend(["--app-folder", "app", "--public-url", ORIGIN, "--sweep", "1"].map(str::to_owned));
    options
}

fn started(app: &App) -> (Child, Vec<String>) {
    let mut command = app.world.command();
    let log = std::fs::OpenOptions::new().create(true).append(true).open(app.world.path().join("app.log"));
    command.arg("serve").args(options(app)).stderr(Stdio::from(log.unwrap())).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut lines = vec![String::new(), String::new()];
    for line in &mut lines {
        out.read_line(line).unwrap();
    }
    (child, lines)
}

fn begun() -> Begun {
    let github = shop();
    let app = App::new(&github);
    let (pem, public) = key();
    github.app_key(&public);
    github.next_key(&pem);
    let (child, lines) = started(&app);
    let printed =
        lines[0].trim().strip_prefix(&format!("set up the App at {ORIGIN}")).unwrap_or_else(|| panic!("{lines:?}"));
    let address = lines[1].trim().strip_prefix("waiting for it on http://").unwrap_or_else(|| panic!("{lines:?}"));
    let served = Served { child, address: address.to_owned() };
    Begun { printed: printed.to_owned(), app, github, served }
}

impl Begun {
    fn get(&self, browser: &Browser, path: &str) -> Page {
        browser.get(&self.served.address, path)
    }

    fn token(&self) -> &str {
        self.printed.split_once("token=").unwrap().1
    }

    /// Presses the button of the page that is printed.
    fn begin(&self, browser: &Browser, token: &str) -> Page {
        browser.post(&self.served.address, "/setup", ORIGIN, &format!("token={token}"))
    }

    /// A browser that began with the token.
    fn admitted(&self) -> Browser {
        let browser = Browser::default();
        // Looking at it, as whatever looks ahead at links does, changes nothing.
        for _ in 0..2 {
            let page = self.get(&browser, &self.printed);
            assert_eq!((page.status, page.field("token").as_str()), (200, self.token()), "{}", page.text());
            assert_eq!(page.header("set-cookie"), None);
        }
        let came = self.begin(&browser, self.token());
        assert_eq!((came.status, came.header("location")), (303, Some("/setup")), "{}", came.text());
        browser
    }

    /// Sends the page's form to GitHub, and stops before coming back: the path of the way back.
    fn to_forge(&self, page: &Page) -> String {
        let text = page.text();
        let (_, rest) = text.split_once("method=\"post\" action=\"").unwrap();
        let action = rest.split_once('"').unwrap().0.replace("&amp;", "&");
        let path = action.strip_prefix(&self.github.url()).unwrap_or_else(|| panic!("{action}"));
        let manifest = page.field("manifest").replace("&quot;", "\"").replace("&amp;", "&");
        let form: String =
            percent_encoding::utf8_percent_encode(&manifest, percent_encoding::NON_ALPHANUMERIC).collect();
        let address = self.github.url();
        let address = address.strip_prefix("http://").unwrap();
        let sent = Browser::default().post(address, path, ORIGIN, &format!("manifest={form}"));
        assert_eq!(sent.status, 302, "{}", sent.text());
        let back = sent.header("location").unwrap();
        back.strip_prefix(ORIGIN).unwrap_or_else(|| panic!("{back}")).to_owned()
    }
}

#[test]
fn whoever_started_it_makes_the_app_and_it_goes_on_as_that() {
    let it = begun();
    asks(&it.github);
    // Nothing is there for anybody else, and what is delivered is to come again.
    let stranger = Browser::default();
    assert_eq!(it.get(&stranger, "/").status, 404);
    assert_eq!(it.served.ask("GET /readyz").0, 503);
    assert_eq!(it.served.ask("GET /healthz").0, 200);
    let early = deliver(&it.served, "ping", &id(), &json!({"zen": "x"})).unwrap();
    assert_eq!(early.0, 503);

    let browser = it.admitted();
    let page = it.get(&browser, "/setup?organisation=acme");
    assert_eq!(page.status, 200, "{}", page.text());
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains(&format!("form-action 'self' {};", it.github.url())), "{policy}");
    assert!(policy.contains("default-src 'none'") && !page.text().contains("<script"), "{policy}");
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let back = it.to_forge(&page);

    // What is asked for is what the help says, and nothing else.
    let (whose, manifest) = it.github.manifests().pop().unwrap();
    assert_eq!(whose.as_deref(), Some("acme"));
    assert_eq!(manifest["hook_attributes"], json!({"url": format!("{ORIGIN}/hooks/github"), "active": true}));
    assert_eq!(manifest["callback_urls"], json!([format!("{ORIGIN}/login/back")]));
    assert_eq!(manifest["public"], false);
    assert_eq!(
        manifest["default_permissions"],
        json!({"actions": "read", "checks": "write", "contents": "read", "deployments": "write", "issues": "write",
            "members": "read", "pull_requests": "write"})
    );
    let help = it.app.world.run(&["serve", "--help"]).out.split_whitespace().collect::<Vec<_>>().join(" ");
    for event in manifest["default_events"].as_array().unwrap() {
        assert!(help.contains(event.as_str().unwrap()), "{event}");
    }

    let made = it.get(&browser, &back);
    assert_eq!(made.status, 200, "{}", made.text());
    assert!(made.text().contains("https://github.example/apps/countersign-acme/installations/new"), "{}", made.text());
    for name in ["app-id", "app-key.pem", "webhook-secret", "client-id", "client-secret"] {
        let about = it.app.world.path().join("app").join(name).metadata().unwrap();
        assert_eq!(about.permissions().mode() & 0o777, 0o600, "{name}");
    }
    assert_eq!(it.app.world.path().join("app").metadata().unwrap().permissions().mode() & 0o777, 0o700);

    // It goes on: it takes deliveries under the new secret, and answers the deployment that waits, under the new key.
    until("the app", || it.served.ask("GET /readyz").0 == 200);
    let body = waits(&it.github).to_string().into_bytes();
    let delivery = id();
    let signed = signature(WEBHOOK_SECRET, &body);
    let headers = [
        ("x-github-event", "deployment_protection_rule"),
        ("x-github-delivery", delivery.as_str()),
        ("x-hub-signature-256", signed.as_str()),
        ("content-type", "application/json"),
    ];
    assert_eq!(it.served.send("POST /hooks/github", &headers, &body).0, 202);
    until("a report", || !told(&it.github).reports.is_empty());
    // Its pages are there, and nothing of the setting up.
    assert_eq!(it.get(&browser, "/login").status, 303);
    for path in [it.printed.as_str(), "/setup", back.as_str()] {
        assert_eq!(it.get(&browser, path).status, 404, "{path}");
    }
    // No secret stands on a page or in the log.
    let log = it.app.world.read("app.log");
    for canary in [it.token(), "canary", "PRIVATE KEY"] {
        assert!(!log.contains(canary), "{canary} in {log}");
        assert!(!made.text().contains(canary) && !page.text().contains(canary), "{canary}");
    }
}

#[test]
fn what_is_kept_is_taken_up_again_and_never_replaced() {
    let it = begun();
    let browser = it.admitted();
    let back = it.to_forge(&it.get(&browser, "/setup"));
    assert_eq!(it.github.manifests()[0].0, None);
    assert_eq!(it.get(&browser, &back).status, 200);
    until("the app", || it.served.ask("GET /readyz").0 == 200);
    let before = it.app.world.read("app/app-key.pem");
    drop(it.served);
    let mut options = options(&it.app);
    let served = it.app.start_with(&options, &[]);
    until("the app", || served.ask("GET /readyz").0 == 200);
    assert_eq!(served.ask("GET /setup").0, 404);
    assert_eq!(it.app.world.read("app/app-key.pem"), before);
    // Doctor finds the App in the folder.
    let url = it.github.url();
    let said = it.app.world.run(&["doctor", "--github-url", &url, "--app-folder", "app"]);
    assert_eq!(said.code, 3, "{}{}", said.out, said.err);
    drop(served);
    // The App is named once.
    options.extend(["--app".to_owned(), "1".to_owned()]);
    let run = |options: &[String]| {
        let arguments: Vec<&str> = ["serve"].into_iter().chain(options.iter().map(String::as_str)).collect();
        it.app.world.run(&arguments)
    };
    let said = run(&options);
    assert!(said.code == 2 && said.err.contains("name it once"), "{}", said.err);
    // What was kept by half is none, and is not written over.
    std::fs::remove_file(it.app.world.path().join("app/app-id")).unwrap();
    let said = run(&self::options(&it.app));
    assert!(said.code == 2 && said.err.contains("ended in the middle"), "{}", said.err);
    // Nothing is set up for an address that nobody knows.
    let mut options = self::options(&it.app);
    let at = options.iter().position(|it| it == "--public-url").unwrap();
    options.drain(at..at + 2);
    let at = options.iter().position(|it| it == "app").unwrap();
    options[at] = "other".to_owned();
    let said = run(&options);
    assert!(said.code == 2 && said.err.contains("--public-url"), "{}", said.err);
}

#[test]
fn nobody_sets_it_up_but_whoever_has_the_token_and_what_he_was_sent_with() {
    let it = begun();
    let stranger = Browser::default();
    for path in ["/setup", "/setup?token=", "/setup?token=x", "/setup/back?code=x&state=y", "/setup?organisation=acme"]
    {
        assert_eq!(it.get(&stranger, path).status, 403, "{path}");
    }
    for token in ["", "x", "%ff", "x&token=y"] {
        assert_eq!(it.begin(&stranger, token).status, 403, "{token}");
    }
    let browser = it.admitted();
    // The token counts once, and for one browser.
    assert_eq!(it.begin(&stranger, it.token()).status, 403);
    assert_eq!(stranger.cookie(COOKIE), None);
    assert_eq!(it.get(&stranger, &it.printed).status, 403);
    assert_eq!(it.get(&browser, &it.printed).status, 403);
    stranger.set_cookie(COOKIE, "a-key-that-nobody-has");
    assert_eq!(it.get(&stranger, "/setup").status, 403);
    for name in ["..%2F..", "a%2Fb", "-%3Fx", "a%20b"] {
        let page = it.get(&browser, &format!("/setup?organisation={name}"));
        assert_eq!(page.status, 400, "{name}");
        assert!(!page.text().contains("name=\"manifest\""), "{}", page.text());
    }
    let back = it.to_forge(&it.get(&browser, "/setup"));
    // Neither somebody else's browser nor somebody else's state gets anywhere, and the code is still good.
    assert_eq!(it.get(&stranger, &back).status, 403);
    let (_, query) = back.split_once('?').unwrap();
    let code = query.split('&').find(|it| it.starts_with("code=")).unwrap();
    for state in ["", "&state=", "&state=x"] {
        assert_eq!(it.get(&browser, &format!("/setup/back?{code}{state}")).status, 400, "{state}");
    }
    // A code that GitHub does not know is none, and the state went with the try.
    let state = query.split('&').find(|it| it.starts_with("state=")).unwrap();
    let failed = it.get(&browser, &format!("/setup/back?code=0123&{state}"));
    assert_eq!(failed.status, 502, "{}", failed.text());
    assert_eq!(it.get(&browser, &back).status, 400);
    assert!(!it.app.world.path().join("app/app-id").exists());
    // Once more from the beginning.
    let back = it.to_forge(&it.get(&browser, "/setup"));
    assert_eq!(it.get(&browser, &back).status, 200);
    assert!(it.app.events("setup_refused").len() >= 8, "{:?}", it.app.events("setup_refused"));
}

#[test]
fn what_cannot_be_kept_is_said_with_what_to_delete() {
    let it = begun();
    let browser = it.admitted();
    let back = it.to_forge(&it.get(&browser, "/setup"));
    it.app.world.write("app/webhook-secret", "somebody else's");
    let page = it.get(&browser, &back);
    assert_eq!(page.status, 500);
    assert!(page.text().contains("https://github.example/apps/countersign-acme"), "{}", page.text());
    assert_eq!(it.app.world.read("app/webhook-secret"), "somebody else's");
    assert!(!it.app.world.path().join("app/app-id").exists());
    assert_eq!(it.served.ask("GET /readyz").0, 503);
}

#[test]
fn it_ends_in_order_before_anybody_came() {
    let it = begun();
    let mut served = it.served;
    let ended = std::process::Command::new("kill").arg(served.child.id().to_string()).status().unwrap();
    assert!(ended.success());
    assert_eq!(served.child.wait().unwrap().code(), Some(0));
}
