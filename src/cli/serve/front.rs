//! The app of one forge at work: what is the forge's own, and what every app serves.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use serde_json::json;

use super::pages;
use crate::cli::facts::Failure;
use crate::cli::{PROCEED, UNKNOWN};
use crate::flow::app::watch::{Counts, Journal};
use crate::flow::app::{Desk, Settings};
use crate::flow::visits::Visits;
use crate::forge::github::app::App;
use crate::forge::github::login::Door;
use crate::forge::github::signature::WebhookSecret;
use crate::forge::{Doorway, Hub};
use crate::store::signatory::Signatory;
use crate::web::hooks::{self, github::Github};
use crate::web::serve::{Limits, serve};
use crate::web::{api, health, jobs, outside as told, pages as web};

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
    pub(super) pages: Router,
    pub(super) hooks: Router,
}

/// The pages of releases, for those whom the forge lets in; where no login is set up, nothing of them.
pub(super) fn shown<H: Hub, D: Doorway>(desk: &Arc<Desk<H>>, pages: Option<pages::Set<D>>) -> Router {
    match pages {
        Some(pages) => web::router(desk.clone(), Visits::new(pages.door, pages.age, desk.register()), pages.origin),
        None => web::closed(),
    }
}

/// The app of one forge as it works.
pub(in crate::cli) struct Front<H: Hub> {
    pub(super) hub: H,
    /// The address of its pages, where it has any.
    pub(super) pages: Option<String>,
    pub(super) routes: Routes<H>,
}

impl Registered {
    /// The App with where GitHub delivers to and the pages of releases.
    pub(in crate::cli) fn front(self) -> Front<App> {
        let Self { app, secret, pages } = self;
        let address = pages.as_ref().map(|pages| pages.origin.address.clone());
        let routes = |desk: &Arc<Desk<App>>| Shown {
            pages: shown(desk, pages),
            hooks: hooks::router(desk.clone(), Github(secret)),
        };
        Front { hub: app, pages: address, routes: Box::new(routes) }
    }
}

/// The app at work, until it is told to end. `started` is told where it listens, and may put something around its pages.
pub(in crate::cli) async fn works<H: Hub>(
    Front { hub, pages, routes }: Front<H>,
    (mut settings, signers): (Settings, (Signatory, Signatory)),
    listener: tokio::net::TcpListener,
    journal: &Journal,
    started: impl FnOnce(SocketAddr, Router) -> Router,
    end: impl Future<Output = ()>,
) -> Result<u8, Failure> {
    let address = listener.local_addr().map_err(|error| Failure(UNKNOWN, error.to_string()))?;
    settings.pages = pages;
    let (desk, mut works) = Desk::start(hub, settings, signers, (journal.clone(), Counts::default()))
        .await
        .map_err(|fault| Failure(UNKNOWN, fault.to_string()))?;
    let Shown { pages, hooks } = routes(&desk);
    let pages = started(address, pages);
    journal("started", &json!({ "listen": address.to_string(), "version": env!("CARGO_PKG_VERSION") }));
    let router = health::router(desk.clone()).merge(jobs::router(desk.clone())).merge(told::router(desk.clone()));
    let router = router.merge(hooks).merge(api::router()).merge(pages);
    let mut broke = false;
    let end = async {
        tokio::select! {
            () = end => {}
            () = works.broken() => broke = true,
        }
    };
    serve(listener, router, Limits::default(), end).await;
    let done = works.end(desk).await;
    journal("ended", &json!({ "in_order": done.is_ok() && !broke }));
    match done {
        Ok(()) if !broke => Ok(PROCEED),
        Ok(()) => Err(Failure(UNKNOWN, "the record takes no more from this process; start it again".to_owned())),
        Err(fault) => Err(Failure(UNKNOWN, format!("the record could not be closed in order: {fault}"))),
    }
}
