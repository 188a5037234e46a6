//! The app at work: what is each forge's own, and what every app serves.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use serde_json::json;

use super::pages;
use crate::cli::facts::Failure;
use crate::cli::{PROCEED, UNKNOWN};
use crate::flow::app::outside::Outside;
use crate::flow::app::watch::{Counts, Journal};
use crate::flow::app::{Began, Desk, Record, Settings, Works};
use crate::flow::visits::{Register, Visits};
use crate::forge::github::app::App;
use crate::forge::github::login::Door;
use crate::forge::github::signature::WebhookSecret;
use crate::forge::gitlab::app::App as GitlabApp;
use crate::forge::{Doorway, Hub};
use crate::store::signatory::Signatory;
use crate::web::forges::{Side, router};
use crate::web::health::Watched;
use crate::web::hooks::{self, github::Github};
use crate::web::pages::Origin;
use crate::web::serve::{Limits, serve};
use crate::web::{jobs, outside as told, pages as web};

/// The App as it works.
pub(in crate::cli) struct Registered {
    pub(in crate::cli) app: App,
    pub(in crate::cli) secret: WebhookSecret,
    pub(in crate::cli) pages: Option<pages::Set<Door>>,
}

/// What an app shows of itself beside what every app does.
pub(super) type Routes<H> = Box<dyn FnOnce(&Arc<Desk<H>>) -> Shown + Send>;

/// What it shows: to people, and to its forge.
pub(super) struct Shown {
    pub(super) pages: Option<(Router, Origin)>,
    pub(super) hooks: Router,
}

/// The pages of releases, for those whom the forge lets in; where no login is set up, nothing of them.
pub(super) fn shown<H: Hub, D: Doorway>(desk: &Arc<Desk<H>>, pages: Option<pages::Set<D>>) -> Option<(Router, Origin)> {
    let pages = pages?;
    let visits = Visits::new(pages.door, pages.age, desk.register());
    Some((web::router(desk.clone(), visits, pages.origin.clone()), pages.origin))
}

/// What the settings say of one forge alone, where the app serves several.
pub(super) struct Own {
    pub(super) since: Began,
    pub(super) outside: Outside,
}

/// The app of one forge as it works.
pub(in crate::cli) struct Front<H: Hub> {
    pub(super) hub: H,
    /// What people call the forge.
    pub(super) title: &'static str,
    /// Who issues the tokens of its jobs.
    pub(super) issuer: String,
    /// The address of its pages, where it has any.
    pub(super) pages: Option<String>,
    pub(super) own: Option<Own>,
    pub(super) routes: Routes<H>,
}

impl Registered {
    /// The App with where GitHub delivers to and the pages of releases.
    pub(in crate::cli) fn front(self, issuer: String) -> Front<App> {
        let Self { app, secret, pages } = self;
        let address = pages.as_ref().map(|pages| pages.origin.address.clone());
        let routes = |desk: &Arc<Desk<App>>| Shown {
            pages: shown(desk, pages),
            hooks: hooks::router(desk.clone(), Github(secret)),
        };
        Front { hub: app, title: "GitHub", issuer, pages: address, own: None, routes: Box::new(routes) }
    }
}

/// The app of each forge that is served.
#[derive(Default)]
pub(in crate::cli) struct Fronts {
    pub(super) github: Option<Front<App>>,
    pub(super) gitlab: Option<Front<GitlabApp>>,
}

impl From<Front<App>> for Fronts {
    fn from(github: Front<App>) -> Self {
        Self { github: Some(github), gitlab: None }
    }
}

impl From<Front<GitlabApp>> for Fronts {
    fn from(gitlab: Front<GitlabApp>) -> Self {
        Self { github: None, gitlab: Some(gitlab) }
    }
}

/// The desks that work, and what is served of them.
struct Begun<'b> {
    settings: &'b Settings,
    record: &'b Record,
    states: Vec<Signatory>,
    journal: &'b Journal,
    sides: Vec<Side>,
    works: Vec<Works>,
    register: Option<Register>,
}

impl Begun<'_> {
    /// The desk of a forge begins.
    fn with<H: Hub>(&mut self, front: Option<Front<H>>) -> Result<(), Failure> {
        let Some(Front { hub, title, issuer, pages, own, routes }) = front else { return Ok(()) };
        let mut settings = Settings { pages, ..self.settings.clone() };
        if let Some(own) = own {
            (settings.since, settings.outside) = (own.since, own.outside);
        }
        let states = self.states.pop();
        let states = states.ok_or_else(|| Failure(UNKNOWN, "the log's key was read for fewer forges".to_owned()))?;
        let (desk, works) =
            Desk::start(hub, settings, (self.record, states), (self.journal.clone(), Counts::default()));
        let Shown { pages, hooks } = routes(&desk);
        let jobs = jobs::router(desk.clone()).merge(told::router(desk.clone()));
        self.register = Some(desk.register());
        self.sides.push(Side { forge: H::NAME, title, issuer, hooks, jobs, pages, watched: Watched::new(&desk) });
        self.works.push(works);
        Ok(())
    }
}

/// The app at work, until it is told to end. `started` is told where it listens, and may put something around its pages. There
/// is one key to state decisions with for each forge.
pub(in crate::cli) async fn works(
    fronts: Fronts,
    (settings, (log, states)): (Settings, (Signatory, Vec<Signatory>)),
    listener: tokio::net::TcpListener,
    journal: &Journal,
    started: impl FnOnce(SocketAddr, Router) -> Router,
    end: impl Future<Output = ()>,
) -> Result<u8, Failure> {
    let address = listener.local_addr().map_err(|error| Failure(UNKNOWN, error.to_string()))?;
    let opened = Record::open(&settings, log).await;
    let mut record = opened.map_err(|fault| Failure(UNKNOWN, fault.to_string()))?;
    let (sides, works) = (Vec::new(), Vec::new());
    let mut begun = Begun { settings: &settings, record: &record, states, journal, sides, works, register: None };
    begun.with(fronts.github)?;
    begun.with(fronts.gitlab)?;
    let Begun { sides, works, register, .. } = begun;
    let register = register.ok_or_else(|| Failure(UNKNOWN, "no forge is served".to_owned()))?;
    let router = router(sides, register, |pages| started(address, pages));
    journal("started", &json!({ "listen": address.to_string(), "version": env!("CARGO_PKG_VERSION") }));
    let mut broke = false;
    let end = async {
        tokio::select! {
            () = end => {}
            () = record.broken() => broke = true,
        }
    };
    serve(listener, router, Limits::default(), end).await;
    ended(works).await;
    let done = record.end().await;
    journal("ended", &json!({ "in_order": done.is_ok() && !broke }));
    match done {
        Ok(()) if !broke => Ok(PROCEED),
        Ok(()) => Err(Failure(UNKNOWN, "the record takes no more from this process; start it again".to_owned())),
        Err(fault) => Err(Failure(UNKNOWN, format!("the record could not be closed in order: {fault}"))),
    }
}

/// Ends all desks at once: each is waited for.
async fn ended(works: Vec<Works>) {
    let mut ending = tokio::task::JoinSet::new();
    for works in works {
        ending.spawn(works.end());
    }
    while ending.join_next().await.is_some() {}
}
