//! The pages that people look at: all releases, one release as it stands or stood, its receipt, and the way in.
//!
//! Rendered here, whole, without a line of script: text from elsewhere goes through `said`, every answer through `frame`.
//! Nobody sees anything before the forge says who he is and what he may read; what he may not read is as if it were not
//! there. Nothing is changed by looking: what changes something is a form of ours, with the session's token in it.
//!
//! Never here: a decision, a query.

mod act;
mod agendas;
pub mod chosen;
mod frame;
mod given_up;
mod goes;
mod index;
mod more;
mod people;
mod release;
mod reports;
mod said;
mod session;
pub mod setup;
mod survey;
mod timeline;
mod tree;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_DISPOSITION, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, html};
use percent_encoding::percent_decode_str;
use serde_json::json;

use crate::flow::app::{Desk, Unshown, link};
use crate::flow::receipt::NoReceipt;
use crate::flow::sheet::{self, Looked, Moment, Releases};
use crate::flow::visits::{Here, Out, Visits};
use crate::forge::{Doorway, Hub, Place};
use crate::store::change::Stream;
use crate::store::fault::Fault;
use frame::{guarded, page, plainly};
use session::Visit;
pub use session::{BACK, key, login_link, way};

/// How many releases stand on one page.
const RELEASES: usize = 50;

/// Under which address the app is reached.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Without a path, and without `/` at its end: `https://countersign.example.com`.
    pub address: String,
    /// Whether a browser comes there encrypted; else it never leaves its own machine.
    pub is_secure: bool,
}

struct Pages<H: Hub, D: Doorway> {
    desk: Arc<Desk<H>>,
    visits: Visits<D>,
    origin: Origin,
}

type Shared<H, D> = State<Arc<Pages<H, D>>>;

/// The pages, for those whom the forge lets in.
pub fn router<H: Hub, D: Doorway>(desk: Arc<Desk<H>>, visits: Visits<D>, origin: Origin) -> Router {
    Router::new()
        .route("/", get(releases::<H, D>))
        .route("/release", get(release::<H, D>))
        .route("/act", post(act::act::<H, D>))
        .route("/given-up", get(given_up::shown::<H, D>))
        .route("/again", post(given_up::again::<H, D>))
        .route("/agendas", get(agendas::shown::<H, D>))
        .route("/reports", get(reports::shown::<H, D>))
        .route("/report", post(reports::taken::<H, D>))
        .route("/survey", get(survey::shown::<H, D>))
        .route("/answer", post(survey::answered::<H, D>))
        .route("/receipt", get(receipt::<H, D>))
        .route("/login", get(session::login::<H, D>))
        .route(BACK, get(session::back::<H, D>))
        .route("/logout", post(session::logout::<H, D>))
        .route("/style.css", get(style))
        .fallback(nowhere)
        .with_state(Arc::new(Pages { desk, visits, origin }))
}

/// Where no login is set up: nothing is shown, and it says how to change that.
pub fn closed() -> Router {
    Router::new().route("/style.css", get(style)).fallback(switched_off)
}

async fn style() -> Response {
    guarded(frame::STYLE, "text/css; charset=utf-8")
}

async fn switched_off() -> Response {
    let content = html! {
        h1 { "No page is served here" }
        p { "Releases are shown only to people whom the forge lets in, and no login is set up." }
        p {
            "Whoever runs the app switches it on with " code { "--client-id" } ", " code { "--client-secret-file" } " and "
            code { "--public-url" } " of " code { "countersign serve" } ". The first two are on the settings page of the GitHub App, \
            where " code { "PUBLIC-URL" code { (BACK) } } " is to be the callback URL; on GitLab they are those of an OAuth \
            application with the scope " code { "read_api" } ", of which it is the redirect URI."
        }
    };
    page(StatusCode::NOT_FOUND, "No page is served here", None, &content)
}

async fn nowhere() -> Response {
    plainly(StatusCode::NOT_FOUND, "There is no such page", None, "The address is none of this app's.", &to_all())
}

fn to_all() -> Markup {
    html! { p { a class="action" href="/" { "All releases" } } }
}

/// The parameters of a query or a form; `None` where one is not UTF-8, or stands twice.
fn parameters(text: &str) -> Option<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let plain = |text: &str| Some(percent_decode_str(&text.replace('+', " ")).decode_utf8().ok()?.into_owned());
        if found.insert(plain(name)?, plain(value)?).is_some() {
            return None;
        }
    }
    Some(found)
}

/// What a request asks for, of somebody who is here.
struct Wanted {
    here: Here,
    parameters: BTreeMap<String, String>,
}

impl Wanted {
    /// The release that is meant, where he may read its repository.
    fn stream<H: Hub>(&self) -> Option<Stream> {
        let of = |name: &str| self.parameters.get(name).cloned();
        // Repositories of two forges may have one name.
        if of("forge").is_some_and(|forge| forge != H::NAME) {
            return None;
        }
        let stream = Stream {
            forge: H::NAME.to_owned(),
            repository: of("repository")?,
            release: of("release")?,
            environment: of("environment")?,
        };
        self.here.visitor.may_read(&stream.forge, &stream.repository).then_some(stream)
    }

    /// The moment that is meant; else what is no moment.
    fn moment(&self) -> Result<Moment, String> {
        match self.parameters.get("at") {
            None => Ok(Moment::Last),
            Some(text) => text.trim().parse().map_err(|_| text.clone()),
        }
    }
}

impl<H: Hub, D: Doorway> Pages<H, D> {
    /// Who asks, and for what; else the page that he gets instead.
    async fn wanted(&self, headers: &HeaderMap, uri: &Uri) -> Result<Wanted, Response> {
        let here = self.here(headers, uri, Visit::Looks).await?;
        let Some(parameters) = parameters(uri.query().unwrap_or_default()) else {
            let says = "It names something twice, or is not UTF-8.";
            return Err(plainly(StatusCode::BAD_REQUEST, "The address cannot be read", Some(&here), says, &to_all()));
        };
        Ok(Wanted { here, parameters })
    }

    async fn here(&self, headers: &HeaderMap, uri: &Uri, visit: Visit) -> Result<Here, Response> {
        let here = match session::key(headers, &self.origin) {
            Some(key) => match visit {
                Visit::Looks => self.visits.who(&key).await,
                Visit::Acts => self.visits.who_acts(&key).await,
            },
            None => Err(Out::Nobody),
        };
        here.map_err(|out| self.shut(&out, &session::login_link(uri)))
    }

    /// The page of a release as it stood at a moment. As it is now, it says what whoever looks can do.
    async fn show(
        &self,
        here: &Here,
        stream: &Stream,
        at: Moment,
        (status, notice, typed): (StatusCode, Option<act::Notice>, &act::Typed),
    ) -> Response {
        let read = async {
            let mut reader = self.desk.reader().await?;
            let looked = sheet::look(&mut reader, stream, at).await?;
            reader.close().await?;
            let offers = match (&looked, at) {
                (Looked::Sheet(_), Moment::Last) => Box::pin(self.desk.offered(stream, &here.visitor.account)).await?,
                _ => None,
            };
            Ok::<_, Unshown>((looked, offers))
        };
        match read.await {
            Ok((Looked::Sheet(mut sheet), offers)) => {
                if at == Moment::Last {
                    sheet.waits = self.desk.runs(stream);
                }
                let now = match at {
                    Moment::Instant(at) => at,
                    Moment::Entry(_) => {
                        chrono::DateTime::from_timestamp_micros(sheet.shown.at).unwrap_or_else(|| self.desk.now())
                    }
                    Moment::Last => self.desk.now(),
                };
                let mut title = release::title(stream);
                if let Some(notice) = &notice {
                    title = format!("{}: {title}", notice.title);
                }
                let zone = *sheet.zone.as_ref().unwrap_or(&chrono_tz::Tz::UTC);
                // What is settled asks nobody anything. What may go and has no answer yet can still be held.
                let open = offers.filter(|_| sheet.shown.ruling != "reject");
                // What went past us, and is not asked for again, is no longer approved or rejected by anybody.
                let open =
                    open.map(
                        |offers| {
                            if sheet.past_us().is_some() && !offers.waits { offers.of_what_went() } else { offers }
                        },
                    );
                let notice = html! { @if let Some(notice) = &notice { (notice.shown()) } };
                let acts = html! { @if let Some(offers) = &open { (act::acts(&sheet, offers, here, typed, zone)) } };
                let at_forge = |place: Place<'_>| self.desk.hub().page(&stream.repository, place);
                page(status, &title, Some(here), &release::release(&sheet, (at, now), (&notice, &acts), &at_forge))
            }
            Ok((Looked::NotYet(first), _)) => {
                let says = "Nothing was decided of this release by that moment.";
                let next = html! { p {
                    a class="action" href={ (link::path(stream)) "&at=" (first.entry) } { "See its first decision, entry " (first.entry) }
                } };
                plainly(StatusCode::NOT_FOUND, "It was not decided yet", Some(here), says, &next)
            }
            Ok((Looked::Nowhere, _)) => no_release(here),
            Err(Unshown::Busy(busy)) => self.busy(here, &busy.to_string()),
            Err(Unshown::Record(fault)) => self.unread(here, &fault.to_string()),
        }
    }

    /// The page for somebody who comes while many look.
    fn busy(&self, here: &Here, why: &str) -> Response {
        self.desk.say("page_busy", &json!({ "why": why }));
        let says = "Many people look at releases just now. Load the page again in some seconds.";
        let mut response =
            plainly(StatusCode::SERVICE_UNAVAILABLE, "Too many look at once", Some(here), says, &to_all());
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
        response
    }

    /// The page for somebody who is not let in.
    fn shut(&self, out: &Out, login: &str) -> Response {
        let next = html! { p { a class="action" href=(login) { "Log in through the forge" } } };
        match out {
            Out::Nobody => {
                let says = "Releases are shown to those who may read their repository. The forge says who you are.";
                plainly(StatusCode::FORBIDDEN, "Log in", None, says, &next)
            }
            Out::Gone(why) => {
                self.desk.say("visitor_gone", &json!({ "why": why }));
                let says =
                    "The forge does not take your login any more: it ended, or your account or the App was suspended.";
                plainly(StatusCode::FORBIDDEN, "You are logged out", None, says, &next)
            }
            Out::Unasked(why) => {
                self.desk.say("visitor_unasked", &json!({ "why": why }));
                let says = "The forge cannot be asked now what you may read, and so nothing is shown. Load the page again in \
                            a minute; if it stays so, whoever runs the app finds the reason in its log.";
                plainly(StatusCode::SERVICE_UNAVAILABLE, "The forge cannot be asked", None, says, &html! {})
            }
            Out::Record(why) => {
                self.desk.say("visitor_unread", &json!({ "why": why }));
                let says = "The record cannot be asked now who is logged in, and so nothing is shown. Load the page again in \
                            a minute; if it stays so, whoever runs the app finds the reason in its log.";
                plainly(StatusCode::SERVICE_UNAVAILABLE, "The record cannot be read", None, says, &html! {})
            }
            Out::Chance => {
                let says = "The machine that the app runs on gives no random bytes. Try again.";
                plainly(StatusCode::SERVICE_UNAVAILABLE, "Nobody can log in now", None, says, &html! {})
            }
        }
    }

    fn unread(&self, here: &Here, fault: &str) -> Response {
        self.desk.say("page_failed", &json!({ "fault": fault }));
        let says = "The record cannot be read now. Load the page again; if it stays so, whoever runs the app finds the reason \
                    in its log.";
        plainly(StatusCode::SERVICE_UNAVAILABLE, "The record cannot be read", Some(here), says, &to_all())
    }
}

async fn releases<H: Hub, D: Doorway>(State(pages): Shared<H, D>, request: Request) -> Response {
    let wanted = match pages.wanted(request.headers(), request.uri()).await {
        Ok(wanted) => wanted,
        Err(response) => return response,
    };
    let before = wanted.parameters.get("before").and_then(|before| before.parse().ok());
    let visitor = wanted.here.visitor.clone();
    let only = wanted.parameters.get("repository").cloned();
    let meant = |repository: &str| only.as_ref().is_none_or(|only| only.eq_ignore_ascii_case(repository));
    let may_see = |stream: &Stream| meant(&stream.repository) && visitor.may_read(&stream.forge, &stream.repository);
    let read = async {
        // The record is long, and nothing in it is for him.
        if visitor.repositories.is_empty() {
            return Ok(Releases::default());
        }
        let mut reader = pages.desk.reader().await?;
        let found = sheet::releases(&mut reader, may_see, before, RELEASES).await?;
        reader.close().await?;
        Ok::<_, Fault>(found)
    };
    let let_by = async {
        if visitor.repositories.is_empty() {
            return Ok(Vec::new());
        }
        let mut found = pages.desk.found().await?;
        found.retain(|it| meant(&it.repository) && visitor.may_read(H::NAME, &it.repository));
        Ok::<_, Fault>(found)
    };
    let read = async { Ok::<_, Fault>((read.await?, let_by.await?)) };
    match read.await {
        Ok((found, let_by)) => {
            // They are on the first page, and in no record.
            let mut undecided = if before.is_none() { pages.desk.undecided() } else { Vec::new() };
            undecided.retain(|key| meant(&key.repository) && wanted.here.visitor.may_read(H::NAME, &key.repository));
            // Whether there is a repository that he may not read is not to be told from its name.
            let list = index::index(&found, (&undecided, &let_by), (only.as_deref(), before.is_none()), |it| {
                pages.desk.waits(it)
            });
            page(StatusCode::OK, "Releases", Some(&wanted.here), &list)
        }
        Err(fault) => pages.unread(&wanted.here, &fault.to_string()),
    }
}

/// The page for a release that is not there, or is not for him: both are alike.
fn no_release(here: &Here) -> Response {
    let says =
        "The record has no release of that name on its way into that environment, or you may not read its repository.";
    plainly(StatusCode::NOT_FOUND, "There is no such release", Some(here), says, &to_all())
}

fn no_moment(here: &Here, stream: &Stream, text: &str) -> Response {
    let says = format!("`{text}` is none: {}.", sheet::NoMoment);
    let next = html! { p { a class="action" href=(link::path(stream)) { "See it as it is now" } } };
    plainly(StatusCode::BAD_REQUEST, "That is no moment", Some(here), &says, &next)
}

/// Which release is looked at, as of which moment, and by whom; else the page that he gets instead.
async fn looked_at<H: Hub, D: Doorway>(
    pages: &Pages<H, D>,
    request: Request,
) -> Result<(Wanted, Stream, Moment), Response> {
    let wanted = pages.wanted(request.headers(), request.uri()).await?;
    let Some(stream) = wanted.stream::<H>() else { return Err(no_release(&wanted.here)) };
    match wanted.moment() {
        Ok(at) => Ok((wanted, stream, at)),
        Err(text) => Err(no_moment(&wanted.here, &stream, &text)),
    }
}

async fn release<H: Hub, D: Doorway>(State(pages): Shared<H, D>, request: Request) -> Response {
    let (wanted, stream, at) = match looked_at(&pages, request).await {
        Ok(found) => found,
        Err(response) => return response,
    };
    let here = &wanted.here;
    let did = match wanted.parameters.get("did").filter(|_| at == Moment::Last) {
        Some(did) => match pages.desk.became(&stream, &here.visitor.account, did).await {
            Ok(became) => became.as_ref().map(act::told),
            Err(fault) => return pages.unread(here, &fault.to_string()),
        },
        None => None,
    };
    // The page's own future is large, and this one would be larger.
    Box::pin(pages.show(here, &stream, at, (StatusCode::OK, did, &act::Typed::default()))).await
}

async fn receipt<H: Hub, D: Doorway>(State(pages): Shared<H, D>, request: Request) -> Response {
    let (wanted, stream, at) = match looked_at(&pages, request).await {
        Ok(found) => found,
        Err(response) => return response,
    };
    let here = &wanted.here;
    match pages.desk.receipt(&stream, at).await {
        Ok(Some((entry, bytes))) => {
            let mut response = guarded(bytes, "application/json");
            let name = HeaderValue::from_str(&format!("attachment; filename=\"receipt-{entry}.json\""));
            if let Ok(name) = name {
                response.headers_mut().insert(CONTENT_DISPOSITION, name);
            }
            response
        }
        Ok(None) => no_release(here),
        Err(NoReceipt::Gone(why)) => {
            let next = html! { p { a class="action" href=(link::path(&stream)) { "Back to the release" } } };
            plainly(StatusCode::GONE, "This decision has no receipt any more", Some(here), &why, &next)
        }
        Err(NoReceipt::Later(why)) => pages.busy(here, &why),
        Err(fault) => pages.unread(here, &fault.to_string()),
    }
}
