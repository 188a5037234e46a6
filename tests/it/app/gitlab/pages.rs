//! The pages of releases on GitLab: people log in through an OAuth application of theirs, see what they may read in the
//! project, and act as they do on GitHub.

use std::time::Duration;

use serde_json::json;

use super::{APP, App, Rule, asks, shop, status, takes, told};
use crate::app::messages::{self, webhook};
use crate::app::pages::acts::form;
use crate::app::pages::{COOKIE, ORIGIN, RELEASE};
use crate::app::{ago, until};
use crate::support::browser::{Browser, Page};
use crate::support::github::world::sha;
use crate::support::gitlab::login::{CLIENT, CLIENT_SECRET};
use crate::support::gitlab::world::PROJECT_ID;
use crate::support::gitlab::{Gitlab, reply};
use crate::support::receiver::{Answer, Receiver};
use crate::support::served::Served;

/// An approval, a final word, and a list that somebody ticks off.
fn ticked() -> String {
    super::policy().replace(
        "gates:\n",
        "rejection: { reason: 12 }\ngates:\n  ready: { checklist: [\"rollback rehearsed\"], environments: [production] }\n",
    )
}

struct Shown {
    gitlab: Gitlab,
    app: App,
    served: Served,
}

/// The app with its pages, of a deployment that waits for nobody's vote on GitLab but the app's.
fn shown(policy: &str, more: &[&str]) -> Shown {
    let it = begun(policy, more);
    until("a status", || !told(&it.gitlab).is_empty());
    it
}

fn begun(policy: &str, more: &[&str]) -> Shown {
    let gitlab = shop();
    gitlab.with(|world| {
        world.git.contents.insert(".countersign/policy.yml".to_owned(), policy.to_owned());
        world.rules.insert("production".to_owned(), vec![Rule::of(APP)]);
    });
    asks(&gitlab);
    gitlab.sends_back(&format!("{ORIGIN}/login/back"));
    let app = App::new(&gitlab);
    app.world.write("client", format!("{CLIENT_SECRET}\n"));
    let pages = ["--client-id", CLIENT, "--client-secret-file", "client", "--public-url", ORIGIN, "--sweep", "1"];
    app.world.write("new", webhook::SECRET);
    let served = app.start(&[&pages[..], more].concat());
    Shown { gitlab, app, served }
}

impl Shown {
    fn get(&self, browser: &Browser, path: &str) -> Page {
        browser.get(&self.served.address, path)
    }

    /// Goes to GitLab, and stops before coming back: the path of the way back.
    fn to_forge(&self, browser: &Browser, to: &str) -> String {
        let begun = self.get(browser, &format!("/login?to={to}"));
        assert_eq!(begun.status, 303, "{begun:?}");
        let there = begun.header("location").unwrap().to_owned();
        // GitLab stands below a path, and so does its page for this.
        let there = there.strip_prefix("http://").unwrap();
        let (host, path) = there.split_once('/').unwrap();
        assert!(path.starts_with("git/oauth/authorize?"), "{path}");
        let allowed = Browser::default().get(host, &format!("/{path}"));
        assert_eq!(allowed.status, 302, "{}", allowed.text());
        let back = allowed.header("location").unwrap();
        back.strip_prefix(ORIGIN).unwrap_or_else(|| panic!("{back}")).to_owned()
    }

    fn login(&self, login: &str) -> Browser {
        let browser = Browser::default();
        self.gitlab.person(Some(login));
        let back = self.to_forge(&browser, "");
        let came = self.get(&browser, &back);
        assert_eq!((came.status, came.header("location")), (303, Some("/")), "{}", came.text());
        browser
    }

    /// Sends a form of the release's page and follows to what became of it.
    fn does(&self, browser: &Browser, more: &[(&str, &str)]) -> String {
        let page = self.get(browser, RELEASE);
        assert_eq!(page.status, 200, "{}", page.text());
        let sent = browser.post(&self.served.address, "/act", ORIGIN, &form(&page, more));
        assert_eq!(sent.status, 303, "{}", sent.text());
        self.get(browser, sent.header("location").unwrap()).text()
    }
}

#[test]
fn somebody_logs_in_ticks_off_and_approves_and_the_deployment_goes() {
    let it = shown(&ticked(), &[]);
    it.gitlab.person(Some("bo"));
    let bo = Browser::default();
    let first = it.get(&bo, RELEASE).text();
    let (_, link) = first.split_once("href=\"/login?to=").unwrap();
    let back = it.to_forge(&bo, link.split_once('"').unwrap().0);
    let came = it.get(&bo, &back);
    assert_eq!((came.status, came.header("location")), (303, Some(RELEASE)), "{}", came.text());
    let page = it.get(&bo, RELEASE).text();
    assert!(page.contains("logged in as <strong>bo</strong>") && page.contains("0 of 1"), "{page}");

    let said = it.does(&bo, &[("does", "tick"), ("gate", "ready"), ("item", "rollback rehearsed")]);
    assert!(said.contains("It counts") || said.contains("being decided"), "{said}");
    until("the tick to count", || told(&it.gitlab).last().is_some_and(|(_, says)| !says.contains("ready")));
    let said = it.does(&bo, &[("does", "approve"), ("role", "shop-owner"), ("reason", "seen")]);
    assert!(said.contains("Recorded, entry"), "{said}");
    until("the job to be played", || status(&it.gitlab) == "success");
    until("the page to say so", || it.get(&bo, RELEASE).text().contains("may proceed"));
    // The receipt of it is there for whoever may read it.
    let receipt = it.get(&bo, &RELEASE.replace("/release", "/receipt"));
    assert_eq!(receipt.status, 200, "{}", receipt.text());

    // Neither the secret nor a token is anywhere but where it belongs.
    let log = it.app.world.read("app.log");
    for canary in ["oauth-canary", "refresh-canary", "a client secret canary", &bo.cookie(COOKIE).unwrap()] {
        assert!(!log.contains(canary) && !page.contains(canary) && !first.contains(canary), "{canary}");
    }
    assert_eq!(it.app.events("logged_in")[0]["account"], "gitlab:bo");
}

#[test]
fn the_author_is_told_why_not_and_a_lead_rejects_and_takes_it_back() {
    let it = shown(&ticked(), &[]);
    let page = it.get(&it.login("ana"), RELEASE).text();
    assert!(page.contains("You cannot approve it"), "{page}");
    let bo = it.login("bo");
    it.does(&bo, &[("does", "reject"), ("reason", "the basket loses its discount")]);
    let says = |what: &str| told(&it.gitlab).last().is_some_and(|(_, says)| says.contains(what));
    until("the rejection to be told", || says("bo rejects it"));
    let page = it.get(&bo, RELEASE);
    assert!(page.text().contains("the basket loses its discount"), "{}", page.text());
    it.does(&bo, &[("does", "withdraw"), ("of", &page.field("of"))]);
    until("it to be told", || !says("bo rejects it"));
    assert_eq!(status(&it.gitlab), "blocked");
}

#[test]
fn one_sees_what_one_may_read_in_the_project() {
    let it = shown(&super::policy(), &[]);
    it.gitlab.with(|world| {
        world.places.extend([("eve".to_owned(), 0), ("dana".to_owned(), 10), ("carla".to_owned(), 20)]);
    });
    for login in ["eve", "dana"] {
        let browser = it.login(login);
        let index = it.get(&browser, "/");
        assert!(index.text().contains("No release has been asked for yet"), "{}", index.text());
        let (there, nowhere) = (it.get(&browser, RELEASE), it.get(&browser, &RELEASE.replace("51000", "99000")));
        assert_eq!((there.status, nowhere.status), (404, 404));
        assert_eq!(there.text(), nowhere.text());
    }
    assert_eq!(it.get(&it.login("carla"), RELEASE).status, 200);
}

#[test]
fn t20_a_session_ends_with_the_account_and_with_what_it_may_read() {
    let it = shown(&super::policy(), &["--recheck", "1"]);
    let (bo, carla, ana) = (it.login("bo"), it.login("carla"), it.login("ana"));
    for browser in [&bo, &carla, &ana] {
        assert_eq!(it.get(browser, RELEASE).status, 200);
    }
    it.gitlab.with(|world| {
        world.blocked.push("bo".to_owned());
        world.places.insert("ana".to_owned(), 0);
    });
    it.gitlab.revoke_person("carla");
    std::thread::sleep(Duration::from_millis(1_100));
    assert_eq!(it.get(&bo, RELEASE).status, 403);
    assert_eq!(it.get(&carla, RELEASE).status, 403);
    assert_eq!(it.get(&ana, RELEASE).status, 404);
    // Whoever was sent away comes back by logging in, and not by waiting.
    it.gitlab.with(|world| world.blocked.clear());
    std::thread::sleep(Duration::from_millis(1_100));
    assert_eq!(it.get(&bo, RELEASE).status, 403);
    // A GitLab that cannot be asked shows nothing, and ends nothing.
    let bo = it.login("bo");
    std::thread::sleep(Duration::from_millis(1_100));
    for _ in 0..40 {
        it.gitlab.trouble("/api/v4/user", reply(502, &json!({})));
    }
    assert_eq!(it.get(&bo, RELEASE).status, 503);
    it.gitlab.untroubled();
    assert_eq!(it.get(&bo, RELEASE).status, 200);
}

#[test]
fn t49_a_login_counts_once_and_for_the_browser_that_began_it() {
    let it = shown(&super::policy(), &[]);
    it.gitlab.person(Some("bo"));
    let (bo, other) = (Browser::default(), Browser::default());
    let back = it.to_forge(&bo, "");
    assert_eq!(it.get(&other, &back).status, 400);
    // A code that was made out for another challenge gives nothing, and is used up.
    let own = it.to_forge(&other, "");
    let part = |way: &str, name: &str| way.split(['?', '&']).find(|it| it.starts_with(name)).unwrap().to_owned();
    let crossed = format!("/login/back?{}&{}", part(&own, "state="), part(&back, "code="));
    assert_eq!(it.get(&other, &crossed).status, 403);
    assert_eq!(it.get(&bo, &back).status, 403);
    for browser in [&bo, &other] {
        assert_eq!(browser.cookie(COOKIE), None);
    }
    it.gitlab.person(None);
    let back = it.to_forge(&bo, "");
    assert_eq!(it.get(&bo, &back).status, 403);
    it.gitlab.person(Some("bo"));
    let back = it.to_forge(&bo, "");
    assert_eq!(it.get(&bo, &back).status, 303);
    assert_eq!(it.get(&bo, &back).status, 400);
}

#[test]
fn what_gitlab_is_told_leads_to_the_page() {
    let it = shown(&super::policy(), &[]);
    let leads = |name: &str| {
        let of = |it: &&serde_json::Value| it["name"] == name;
        it.gitlab.with(|world| world.statuses.iter().find(of).map(|it| it["target_url"].as_str().map(str::to_owned)))
    };
    let release = leads("countersign/production").unwrap().unwrap();
    let path = release.strip_prefix(ORIGIN).unwrap_or_else(|| panic!("{release}"));
    assert_eq!(it.get(&it.login("bo"), path).status, 200, "{path}");
    assert!(!told(&it.gitlab)[0].1.contains("http"), "{:?}", told(&it.gitlab));
    it.gitlab.with(|world| {
        world.git.commit("c2", "ana", &["51"], &[("checkout/basket.rs", "3")]);
        world.push(&ago(2), "ana", "51", "c2", None);
        world.open(13, "ana", "51", "c2", &ago(2));
        world.note(13, "ana", "/countersign why", &ago(1));
        world.git.branches.insert("refs/heads/topic".to_owned(), sha("c2"));
    });
    let hint = json!({"object_kind": "merge_request", "project": {"id": PROJECT_ID}, "object_attributes": {"iid": 13}});
    takes(&it.served, &super::key(), &hint);
    let ours = || {
        let ours = |note: &&serde_json::Value| note["author"]["username"] == APP;
        it.gitlab.with(|world| world.requests[&13].notes.iter().filter(ours).cloned().collect::<Vec<_>>())
    };
    until("the note and the answer", || ours().len() == 2);
    let notes = ours();
    let kept = notes.iter().find(|note| note["body"].as_str().unwrap().contains("countersign proposal")).unwrap();
    assert!(kept["body"].as_str().unwrap().contains(&format!("[See why]({ORIGIN}/")), "{kept}");
    until("the status", || leads("countersign").is_some());
    assert!(leads("countersign").unwrap().unwrap().starts_with(ORIGIN));
}

#[test]
fn what_was_given_up_is_shown_to_a_maintainer_and_sent_when_he_says_so() {
    let receiver = Receiver::start();
    receiver.next([Answer::Status(410, String::new())]);
    let url = format!("http://{}/x", receiver.address);
    let policy = messages::told(&format!("notify: {{ webhook: '{url}' }}\n")).replace("github:@", "gitlab:");
    let policy = policy.replace("github:", "gitlab:");
    let it = begun(&policy, &["--private-webhooks", &format!("--message-webhook={url}=new")]);
    it.gitlab.with(|world| {
        world.places.extend([("bo".to_owned(), 40), ("carla".to_owned(), 30)]);
    });
    until("a message that is not taken", || receiver.came().len() == 1);
    let attempts = || it.app.events("message_attempted");
    until("its end", || attempts().iter().any(|event| event["outcome"] == "given_up"));
    let (bo, carla) = (it.login("bo"), it.login("carla"));
    let page = it.get(&bo, "/given-up");
    assert!(page.text().contains("the receiver says that it is gone (410)"), "{}", page.text());
    // Whoever only develops there sees none of it, and can have nothing sent.
    let others = it.get(&carla, "/given-up");
    assert!(others.text().contains("There is nothing."), "{}", others.text());
    let form = |token: &str| format!("token={token}&effect={}", page.field("effect"));
    assert_eq!(carla.post(&it.served.address, "/again", ORIGIN, &form(&others.field("token"))).status, 404);
    let sent = bo.post(&it.served.address, "/again", ORIGIN, &form(&page.field("token")));
    assert_eq!((sent.status, sent.header("location")), (303, Some("/given-up?again=begun")), "{}", sent.text());
    until("it is sent", || receiver.came().len() == 2);
}

#[test]
fn a_login_outlasts_gitlabs_token_and_a_restart_and_ends_when_it_is_taken_back() {
    let it = shown(&super::policy(), &["--recheck", "1"]);
    let (bo, carla) = (it.login("bo"), it.login("carla"));
    assert_eq!(it.get(&bo, RELEASE).status, 200);
    for _ in 0..2 {
        it.gitlab.tokens_end();
        std::thread::sleep(Duration::from_millis(1_100));
        assert_eq!(it.get(&bo, RELEASE).status, 200);
    }
    // Who starts next has what was given last.
    let Shown { gitlab, app, served } = it;
    drop(served);
    gitlab.tokens_end();
    let pages = ["--client-id", CLIENT, "--client-secret-file", "client", "--public-url", ORIGIN, "--recheck", "1"];
    let it = Shown { served: app.start(&pages), app, gitlab };
    assert_eq!(it.get(&bo, RELEASE).status, 200);
    // A GitLab that cannot be asked ends nothing; one that knows it no longer does.
    it.gitlab.tokens_end();
    std::thread::sleep(Duration::from_millis(1_100));
    for _ in 0..40 {
        it.gitlab.trouble("/oauth/token", reply(502, &json!({})));
    }
    assert_eq!(it.get(&bo, RELEASE).status, 503);
    it.gitlab.untroubled();
    assert_eq!(it.get(&bo, RELEASE).status, 200);
    it.gitlab.revoke_person("carla");
    assert_eq!(it.get(&carla, RELEASE).status, 403);
    let log = it.app.world.read("app.log");
    for canary in ["oauth-canary", "refresh-canary"] {
        assert!(!log.contains(canary), "{canary}");
    }
}
