//! Who sees anything: people whom the forge lets in, what they may read there, for as long as the forge says so.

use std::time::{Duration, Instant};

use super::{App, COOKIE, ORIGIN, POLICY, RELEASE, asks, shop, shown, until};
use crate::support::browser::{Browser, Page};
use crate::support::github::Trouble;

/// What every answer says to browsers.
fn is_guarded(page: &Page) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "same-origin"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(page.header(name), Some(value), "{page:?}");
    }
    let policy = page.header("content-security-policy").unwrap();
    for part in ["default-src 'none'", "style-src 'self'", "form-action 'self'", "frame-ancestors 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
}

/// Nothing of the release stands there.
fn shows_nothing(page: &Page) {
    let text = page.text();
    for canary in ["acme", "production", "shop", "510000000000"] {
        assert!(!text.contains(canary), "{canary} in {text}");
    }
}

#[test]
fn without_its_settings_no_page_is_served() {
    let github = shop();
    asks(&github);
    let app = App::new(&github);
    let served = app.start(&["--sweep", "1"]);
    until("a decision", || !app.events("release_decided").is_empty());
    let browser = Browser::default();
    for path in ["/", RELEASE, "/receipt", "/login", "/login/back?code=x&state=y"] {
        let page = browser.get(&served.address, path);
        assert_eq!(page.status, 404, "{path}");
        assert!(page.text().contains("--client-id") && page.text().contains("--public-url"), "{}", page.text());
        shows_nothing(&page);
        is_guarded(&page);
    }
    assert_eq!(served.ask("GET /healthz").0, 200);
}

#[test]
fn whoever_is_not_logged_in_sees_nothing_and_is_told_how() {
    let it = shown(POLICY, &[]);
    for path in ["/", RELEASE, "/receipt?repository=acme/shop&release=shop%20510000000000&environment=production"] {
        let browser = Browser::default();
        let page = it.get(&browser, path);
        assert_eq!(page.status, 403);
        assert!(page.text().contains("href=\"/login?to="), "{}", page.text());
        is_guarded(&page);
        let bare = page.text().replace(&path.replace('%', "%25"), "");
        assert!(!bare.contains("held before"), "{bare}");
        browser.set_cookie(COOKIE, "a-key-that-nobody-has");
        assert_eq!(it.get(&browser, path).status, 403);
    }
    is_guarded(&it.get(&Browser::default(), "/no/such/page"));
    assert_eq!(it.get(&Browser::default(), "/no/such/page").status, 404);
}

#[test]
fn somebody_logs_in_through_the_forge_and_comes_back_to_his_page() {
    let it = shown(POLICY, &[]);
    it.github.person(Some("bo"));
    let browser = Browser::default();
    let first = it.get(&browser, RELEASE).text();
    let (_, link) = first.split_once("href=\"/login?to=").unwrap();
    let back = it.to_forge(&browser, link.split_once('"').unwrap().0);
    let came = it.get(&browser, &back);
    assert_eq!(came.status, 303);
    assert_eq!(came.header("location"), Some(RELEASE));
    let cookies: Vec<&str> =
        came.headers.iter().filter(|(name, _)| name == "set-cookie").map(|(_, it)| it.as_str()).collect();
    let session = cookies.iter().find(|it| it.starts_with("__Host-countersign=")).unwrap();
    for part in ["; Path=/", "; HttpOnly", "; Secure", "; SameSite=Lax", "; Max-Age=28800"] {
        assert!(session.contains(part), "{session}");
    }
    assert!(!session.contains("Domain"), "{session}");
    let page = it.get(&browser, RELEASE);
    assert_eq!(page.status, 200, "{}", page.text());
    assert!(page.text().contains("logged in as <strong>bo</strong>"), "{}", page.text());
    is_guarded(&page);
    // Neither the secret nor the token is anywhere but where it belongs.
    let log = it.app.world.read("app.log");
    for canary in ["ghu_canary", "a client secret canary", &browser.cookie(COOKIE).unwrap()] {
        assert!(!page.text().contains(canary) && !log.contains(canary) && !first.contains(canary), "{canary}");
    }
    assert_eq!(it.app.events("logged_in")[0]["account"], "github:bo");
}

#[test]
fn t49_a_login_counts_once_and_for_the_browser_that_began_it() {
    let it = shown(POLICY, &[]);
    it.github.person(Some("bo"));
    let (bo, other) = (Browser::default(), Browser::default());
    let back = it.to_forge(&bo, "");
    // Somebody else's browser, with and without a login of its own under way.
    assert_eq!(it.get(&other, &back).status, 400);
    it.to_forge(&other, "");
    assert_eq!(it.get(&other, &back).status, 400);
    // Another code under the right state is none of his.
    let (path, query) = back.split_once('?').unwrap();
    let state = query.split('&').find(|it| it.starts_with("state=")).unwrap();
    let forged = Browser::default();
    forged.set_cookie("__Host-countersign-login", &bo.cookie("__Host-countersign-login").unwrap());
    assert_eq!(it.get(&forged, &format!("{path}?{state}&code=codeOfNobody")).status, 403);
    // A code that was traded for another challenge gives nothing.
    let stolen = Browser::default();
    let own = it.to_forge(&stolen, "");
    let own_state = own.split(['?', '&']).find(|it| it.starts_with("state=")).unwrap().to_owned();
    let code = query.split('&').find(|it| it.starts_with("code=")).unwrap();
    assert_eq!(it.get(&stolen, &format!("{path}?{own_state}&{code}")).status, 403);
    for browser in [&other, &forged, &stolen] {
        assert_eq!(browser.cookie(COOKIE), None);
    }
    // The code went with the try: what is left of the login is worth nothing, and neither is doing it twice.
    assert_eq!(it.get(&bo, &back).status, 403);
    let back = it.to_forge(&bo, "");
    assert_eq!(it.get(&bo, &back).status, 303);
    let key = bo.cookie(COOKIE).unwrap();
    assert_eq!(it.get(&bo, &back).status, 400);
    // A key that was planted before is not the one that is handed out.
    let fixed = Browser::default();
    fixed.set_cookie(COOKIE, &key);
    let back = it.to_forge(&fixed, "");
    assert_eq!(it.get(&fixed, &back).status, 303);
    assert_ne!(fixed.cookie(COOKIE).unwrap(), key);
    assert!(it.app.events("login_refused").len() >= 5, "{:?}", it.app.events("login_refused"));
}

#[test]
fn whoever_says_no_at_the_forge_is_not_let_in() {
    let it = shown(POLICY, &[]);
    it.github.person(None);
    let browser = Browser::default();
    let back = it.to_forge(&browser, "");
    assert_eq!(it.get(&browser, &back).status, 403);
    assert_eq!(browser.cookie(COOKIE), None);
}

#[test]
fn a_login_leads_back_to_a_page_of_ours_and_nowhere_else() {
    let it = shown(POLICY, &[]);
    it.github.person(Some("bo"));
    for to in
        ["https:%2F%2Fevil.example", "%2F%2Fevil.example", "%2F%5Cevil.example", "%2Flogin", "%2Frelease%3F%0d%0ax:y"]
    {
        let browser = Browser::default();
        let back = it.to_forge(&browser, to);
        assert_eq!(it.get(&browser, &back).header("location"), Some("/"), "{to}");
    }
}

#[test]
fn whoever_has_to_log_in_again_comes_back_to_where_he_was() {
    let it = shown(POLICY, &[]);
    it.github.person(Some("bo"));
    let link = |page: &Page| {
        let text = page.text();
        let (_, link) = text.split_once("href=\"/login?to=").unwrap_or_else(|| panic!("{text}"));
        percent_encoding::percent_decode_str(link.split_once('"').unwrap().0).decode_utf8().unwrap().into_owned()
    };
    // His session ended before he sent the form.
    let browser = Browser::default();
    let sent = [("origin", ORIGIN), ("referer", &format!("{ORIGIN}{RELEASE}")), ("content-type", "text/plain")];
    let closed = browser.send(&it.served.address, "POST /act", &sent, "does=approve");
    assert_eq!(closed.status, 403);
    assert_eq!(link(&closed), RELEASE);
    let elsewhere = [sent[0], ("referer", "https://evil.example/release?x"), sent[2]];
    assert_eq!(link(&browser.send(&it.served.address, "POST /act", &elsewhere, "does=approve")), "/");
    // The forge let nobody in, and he begins anew.
    it.github.person(None);
    let back = it.to_forge(&browser, &RELEASE.replace('?', "%3F").replace('&', "%26").replace("%20", "%2520"));
    let closed = it.get(&browser, &back);
    assert_eq!(closed.status, 403);
    assert_eq!(link(&closed), RELEASE);
}

#[test]
fn what_somebody_may_not_read_is_as_if_it_were_not_there() {
    let it = shown(POLICY, &[]);
    it.github.with(|world| {
        world.user("eve", "User");
        world.outside.push("eve".to_owned());
    });
    let eve = it.login("eve");
    let index = it.get(&eve, "/");
    assert_eq!(index.status, 200);
    assert!(index.text().contains("No release has been asked for yet"), "{}", index.text());
    let token = index.field("token");
    let there = it.get(&eve, RELEASE);
    let nowhere = it.get(&eve, &RELEASE.replace("510000000000", "990000000000"));
    assert_eq!((there.status, nowhere.status), (404, 404));
    assert_eq!(there.text(), nowhere.text());
    assert!(there.text().contains(&token));
    let receipt = it.get(&eve, &RELEASE.replace("/release", "/receipt"));
    assert_eq!(receipt.status, 404);
    for page in [&index, &there, &receipt] {
        shows_nothing(page);
    }
    // He who may reads both.
    assert_eq!(it.get(&it.login("bo"), RELEASE).status, 200);
}

#[test]
fn t20_a_session_ends_with_the_account_and_with_what_it_may_read() {
    let it = shown(POLICY, &["--recheck", "1"]);
    let (bo, carla, ana) = (it.login("bo"), it.login("carla"), it.login("ana"));
    std::thread::sleep(Duration::from_millis(1_100));
    it.github.forget();
    for browser in [&bo, &carla, &ana] {
        assert_eq!(it.get(browser, RELEASE).status, 200);
    }
    // They were asked of anew, each under his own name, and nothing of the answer before was kept.
    let asked = it.github.asked();
    let asked: Vec<_> = asked.iter().filter(|it| it.path.starts_with("/api/v3/user/installations/")).collect();
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert!(asked.iter().all(|it| !it.headers.contains_key("if-none-match")), "{asked:?}");
    it.github.with(|world| {
        world.suspended.push("bo".to_owned());
        world.outside.push("ana".to_owned());
    });
    it.github.revoke_person("carla");
    std::thread::sleep(Duration::from_millis(1_100));
    assert_eq!(it.get(&bo, RELEASE).status, 403);
    assert_eq!(it.get(&carla, RELEASE).status, 403);
    assert_eq!(it.get(&ana, RELEASE).status, 404);
    // Whoever was sent away comes back by logging in, and not by waiting.
    it.github.with(|world| world.suspended.clear());
    std::thread::sleep(Duration::from_millis(1_100));
    assert_eq!(it.get(&bo, RELEASE).status, 403);
}

#[test]
fn nobody_is_logged_out_by_whoever_logs_in_often() {
    let it = shown(POLICY, &[]);
    it.github.with(|world| {
        world.user("eve", "User");
        world.outside.push("eve".to_owned());
    });
    let (bo, first) = (it.login("bo"), it.login("eve"));
    assert_eq!(it.get(&first, "/").status, 200);
    let last: Vec<_> = (0..16).map(|_| it.login("eve")).collect();
    // Of one account there are sixteen sessions, and whoever brings one more ends his own oldest.
    assert_eq!(it.get(&first, "/").status, 403);
    assert!(last.iter().all(|browser| it.get(browser, "/").status == 200));
    assert_eq!(it.get(&bo, RELEASE).status, 200);
}

#[test]
fn what_somebody_may_is_not_asked_of_the_forge_with_every_page() {
    let it = shown(POLICY, &[]);
    let bo = it.login("bo");
    it.github.forget();
    let begun = Instant::now();
    for _ in 0..20 {
        assert_eq!(it.get(&bo, RELEASE).status, 200);
    }
    assert!(begun.elapsed() < Duration::from_secs(30));
    let asked = it.github.asked();
    assert!(!asked.iter().any(|it| it.path.starts_with("/api/v3/user")), "{asked:?}");
}

#[test]
fn a_forge_that_cannot_be_asked_shows_nothing() {
    let it = shown(POLICY, &["--recheck", "1"]);
    let bo = it.login("bo");
    std::thread::sleep(Duration::from_millis(1_100));
    for _ in 0..4 {
        it.github.trouble("/user/installations", Trouble::Answer(502, Vec::new(), "<html>".to_owned()));
    }
    let page = it.get(&bo, RELEASE);
    assert_eq!(page.status, 503);
    assert!(page.text().contains("The forge cannot be asked"), "{}", page.text());
    shows_nothing(&page);
    // The session is not over: once the forge answers, so do we.
    assert_eq!(it.get(&bo, RELEASE).status, 200);
}

#[test]
fn t23_only_a_form_of_ours_changes_anything() {
    let it = shown(POLICY, &[]);
    let bo = it.login("bo");
    let address = &it.served.address;
    let token = it.get(&bo, "/").field("token");
    let other = it.get(&it.login("carla"), "/").field("token");
    assert_eq!(it.get(&bo, "/logout").status, 405);
    assert_eq!(it.get(&bo, &format!("/logout?token={token}")).status, 405);
    for (origin, token) in [
        ("https://evil.example", token.as_str()),
        ("null", &token),
        ("https://countersign.example.evil.example", &token),
        (ORIGIN, ""),
        (ORIGIN, &other),
        (ORIGIN, "x"),
    ] {
        let page = bo.post(address, "/logout", origin, &format!("token={token}"));
        assert_eq!(page.status, 403, "{origin} {token}");
        assert_eq!(it.get(&bo, "/").status, 200);
    }
    // No browser that sends forms leaves both out.
    assert_eq!(bo.send(address, "POST /logout", &[], &format!("token={token}")).status, 403);
    let left = bo.post(address, "/logout", ORIGIN, &format!("token={token}"));
    assert_eq!(left.status, 303);
    assert_eq!(bo.cookie(COOKIE), None);
    assert_eq!(it.get(&bo, "/").status, 403);
}
