//! The pages of releases, as a browser without scripts gets them.

pub(super) mod acts;
mod browser;
mod given_up;
mod login;
mod more;
mod record;
mod shown;

use super::{App, POLICY, asks, shop, told, until};
use crate::support::browser::{Browser, Page};
use crate::support::github::Github;
use crate::support::github::login::{CLIENT, CLIENT_SECRET};
use crate::support::served::Served;

/// Where browsers reach the app: what stands before it speaks TLS.
pub const ORIGIN: &str = "https://countersign.example";
pub const COOKIE: &str = "__Host-countersign";
/// The page of the one release that there is.
pub const RELEASE: &str = "/release?repository=acme/shop&release=shop%20510000000000&environment=production";

/// The app with its pages, a first decision made.
pub struct Shown {
    pub app: App,
    pub github: Github,
    pub served: Served,
}

/// Starts the app with its pages, and waits for the first report of the run that waits.
pub fn shown(policy: &str, more: &[&str]) -> Shown {
    let github = shop();
    github.with(|world| world.contents.insert(".countersign/policy.yml".to_owned(), policy.to_owned()));
    asks(&github);
    begin(github, more)
}

/// The same of a GitHub that is there.
pub fn begin(github: Github, more: &[&str]) -> Shown {
    let app = App::new(&github);
    let served = serve(&app, more);
    until("a report", || !told(&github).reports.is_empty());
    Shown { app, github, served }
}

/// Starts the app with what its pages need.
pub fn serve(app: &App, more: &[&str]) -> Served {
    app.github.callback(&format!("{ORIGIN}/login/back"));
    app.world.write("client", format!("{CLIENT_SECRET}\n"));
    let pages = ["--client-id", CLIENT, "--client-secret-file", "client", "--public-url", ORIGIN, "--sweep", "1"];
    app.start(&[&pages[..], more].concat())
}

impl Shown {
    pub fn get(&self, browser: &Browser, path: &str) -> Page {
        browser.get(&self.served.address, path)
    }

    /// Goes to the forge from a page, and stops before coming back: the path of the way back.
    pub fn to_forge(&self, browser: &Browser, to: &str) -> String {
        let begun = self.get(browser, &format!("/login?to={to}"));
        assert_eq!(begun.status, 303, "{begun:?}");
        let there = begun.header("location").unwrap().to_owned();
        let path = there.strip_prefix(&self.github.url()).unwrap_or_else(|| panic!("{there}"));
        let allowed = Browser::default().get(self.github.url().strip_prefix("http://").unwrap(), path);
        assert_eq!(allowed.status, 302, "{}", allowed.text());
        let back = allowed.header("location").unwrap();
        back.strip_prefix(ORIGIN).unwrap_or_else(|| panic!("{back}")).to_owned()
    }

    /// Somebody logs in.
    pub fn login(&self, login: &str) -> Browser {
        let browser = Browser::default();
        self.github.person(Some(login));
        let back = self.to_forge(&browser, "");
        let came = self.get(&browser, &back);
        assert_eq!((came.status, came.header("location")), (303, Some("/")), "{}", came.text());
        browser
    }
}
