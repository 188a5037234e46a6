//! The pages of an app that serves several forges: a request is for the forge through which whoever sends it is logged in. A
//! link says on which forge its release is, and whoever came through another one is asked to come through that.
//!
//! One login at a time: whoever comes in through one forge has left the other. What is shown is what that forge lets him read,
//! and what he does is done by his account there.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use maud::{Markup, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::frame::plainly;
use super::{BACK, Origin, key, login_link, parameters, way};
use crate::flow::visits::Register;
use crate::web::forges::passed;

/// A forge through which people come in.
pub struct Way {
    /// What it is called in facts: `gitlab`.
    pub forge: &'static str,
    /// What people call it: `GitLab`.
    pub title: &'static str,
    /// Its pages.
    pub pages: Router,
}

struct Ways {
    all: Vec<Way>,
    register: Register,
    origin: Origin,
}

/// The path at which browsers come back from a forge, of several. To each they come at a path of its own, so that no code of one
/// is traded at another.
#[must_use]
pub fn back(forge: &str) -> String {
    format!("{BACK}/{forge}")
}

/// The pages of several forges.
pub fn router(ways: Vec<Way>, register: Register, origin: Origin) -> Router {
    Router::new().fallback(shown).with_state(Arc::new(Ways { all: ways, register, origin }))
}

/// The forge that an address names: of its own, or of the page to which it leads back.
fn named(uri: &Uri) -> Option<String> {
    let asked = parameters(uri.query().unwrap_or_default())?;
    let back = asked.get("to").map(|to| way(to).split_once('?').map_or("", |(_, query)| query).to_owned());
    let of = |asked: &BTreeMap<String, String>| asked.get("forge").cloned();
    of(&asked).or_else(|| of(&parameters(&back?)?))
}

impl Ways {
    fn of(&self, forge: &str) -> Option<&Way> {
        self.all.iter().find(|way| way.forge == forge)
    }

    /// Where somebody logs in through each forge, who then comes back to a page.
    fn doors(&self, to: &str) -> Markup {
        let to = utf8_percent_encode(way(to), NON_ALPHANUMERIC);
        html! {
            @for way in &self.all {
                p { a class="action" href={ "/login?forge=" (way.forge) "&to=" (to) } { "Log in through " (way.title) } }
            }
        }
    }
}

async fn shown(State(ways): State<Arc<Ways>>, mut request: Request) -> Response {
    let nowhere = || {
        let next = html! { p { a class="action" href="/" { "All releases" } } };
        plainly(StatusCode::NOT_FOUND, "There is no such page", None, "The address is none of this app's.", &next)
    };
    let Some(first) = ways.all.first() else { return nowhere() };
    let uri = request.uri().clone();
    if let Some(forge) = uri.path().strip_prefix(BACK).and_then(|rest| rest.strip_prefix('/')) {
        let Some(way) = ways.of(forge) else { return nowhere() };
        let query = uri.query().map_or_else(String::new, |query| format!("?{query}"));
        let Ok(back) = format!("{BACK}{query}").parse() else { return nowhere() };
        *request.uri_mut() = back;
        return passed(way.pages.clone(), request).await;
    }
    let named = named(&uri);
    if uri.path() == "/login" {
        if let Some(way) = named.as_deref().and_then(|forge| ways.of(forge)) {
            return passed(way.pages.clone(), request).await;
        }
        let asked = parameters(uri.query().unwrap_or_default()).unwrap_or_default();
        let doors = ways.doors(asked.get("to").map_or("/", String::as_str));
        let says = "Releases are shown to those who may read their repository. Its forge says who you are.";
        return plainly(StatusCode::OK, "Log in", None, says, &doors);
    }
    let session = match key(request.headers(), &ways.origin) {
        Some(key) => ways.register.forge_of(&key).await,
        None => Ok(None),
    };
    let Ok(session) = session else {
        let says = "The record cannot be asked now who is logged in, and so nothing is shown. Load the page again in a minute; \
                    if it stays so, whoever runs the app finds the reason in its log.";
        return plainly(StatusCode::SERVICE_UNAVAILABLE, "The record cannot be read", None, says, &html! {});
    };
    let here = session.and_then(|forge| ways.of(&forge));
    match (here, named.as_deref()) {
        (Some(here), Some(other)) if here.forge != other => match ways.of(other) {
            Some(way) => {
                let says = format!(
                    "This is on {}, and you are logged in through {}. Whoever logs in through one is logged out of the other.",
                    way.title, here.title
                );
                let title = format!("Log in through {}", way.title);
                let next = html! { p { a class="action" href=(login_link(&uri)) { (title) } } };
                plainly(StatusCode::FORBIDDEN, &title, None, &says, &next)
            }
            None => nowhere(),
        },
        (Some(here), _) => passed(here.pages.clone(), request).await,
        (None, Some(forge)) => match ways.of(forge) {
            Some(way) => passed(way.pages.clone(), request).await,
            None => nowhere(),
        },
        // Whoever is nobody yet is told so by any.
        (None, None) => passed(first.pages.clone(), request).await,
    }
}
