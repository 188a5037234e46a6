//! What somebody can do on the page of a release: its forms, and what becomes of one that was sent.
//!
//! A form changes something only where it was sent from a page of ours, by whoever is logged in, with his session's token in
//! it, and names the decision that he was shown. Nothing is done by opening an address.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use chrono_tz::Tz;
use maud::{Markup, html};
use serde_json::json;

use super::frame::{guarded, plainly};
use super::said::{instant, name, names, said};
use super::{Pages, Shared, more, no_release, session};
use crate::flow::app::acting::{Became, NotDone, Offers, Unlooked, WORDS, Wish};
use crate::flow::app::link;
use crate::flow::append::Failed;
use crate::flow::sheet::{Moment, Sheet};
use crate::flow::visits::Here;
use crate::forge::{Doorway, Hub};
use crate::model::facts::Deed;
use crate::report::reply::Outcome;
use crate::store::change::Stream;

/// What somebody wrote into a form that came to nothing, so that he need not write it again.
#[derive(Clone, Debug, Default)]
pub struct Typed {
    does: String,
    role: String,
    reason: String,
}

impl Typed {
    /// What was written into the form of a deed, and of nothing else.
    pub fn reason_of(&self, does: &str) -> &str {
        if self.does == does { &self.reason } else { "" }
    }
}

/// What a page says above all else.
#[derive(Clone, Debug)]
pub struct Notice {
    /// The headline.
    pub title: &'static str,
    /// Whether something was done.
    pub is_done: bool,
    /// In sentences.
    pub says: Vec<String>,
}

impl Notice {
    pub fn shown(&self) -> Markup {
        html! {
            section class={ "notice " (if self.is_done { "proceed" } else { "reject" }) } aria-labelledby="notice" {
                h2 id="notice" { (self.title) }
                @for line in &self.says { p { (said(line)) } }
            }
        }
    }
}

/// What a form has in it: who sends it, and of which decision it is.
fn hidden(sheet: &Sheet, here: &Here) -> Markup {
    let stream = &sheet.stream;
    html! {
        input type="hidden" name="token" value=(here.token);
        input type="hidden" name="repository" value=(stream.repository);
        input type="hidden" name="release" value=(stream.release);
        input type="hidden" name="environment" value=(stream.environment);
        input type="hidden" name="shown" value=(sheet.shown.document.to_string());
    }
}

pub fn words(id: &str, label: &Markup, least: Option<usize>, typed: &str) -> Markup {
    html! {
        p {
            label for=(id) { (label) }
            textarea id=(id) name="reason" rows="2" maxlength=(WORDS / 4) minlength=[least] required[least.is_some()] { (typed) }
        }
    }
}

/// Everything that somebody can do of a release.
pub fn acts(sheet: &Sheet, offers: &Offers, here: &Here, typed: &Typed, zone: Tz) -> Markup {
    let before = |does: &str, role: &str| {
        if typed.does == does && typed.role == role { typed.reason.as_str() } else { "" }
    };
    html! {
        section class="screen" aria-labelledby="acts" {
            h2 id="acts" { "What you can do" }
            @if let Some(why) = &offers.no_approval { p { "You cannot approve it: " (said(why)) } }
            @if offers.is_empty() {
                @if offers.no_approval.is_none() { p { "Nothing is asked of you here." } }
            } @else {
                p {
                    "What you do is recorded in your name with its time, your reason and the digest of the decision that you see \
                     here. It is judged like everything else that people do; an approval or a rejection can be taken back until the last word is said."
                }
                @if offers.went {
                    p { "It went, and nothing more is asked for it. What you can do here lasts beyond it." }
                } @else if !offers.waits {
                    p { "No run is known to wait for it now. What you do counts once one asks for it." }
                }
            }
            @for (at, seat) in offers.approve.iter().enumerate() {
                form class="act" method="post" action="/act" {
                    h3 { "Approve as " (name(&seat.role)) }
                    (hidden(sheet, here))
                    input type="hidden" name="role" value=(seat.role);
                    @if let Some(accepts) = &seat.accepts {
                        input type="hidden" name="accepts" value=(accepts);
                        p {
                            input id={ "declared" (at) } type="checkbox" name="declared" value="yes" required;
                            " "
                            label for={ "declared" (at) } { "I declare: " (said(accepts)) }
                        }
                    }
                    (words(&format!("approve{at}"), &html! { "Why, if you want to say it" }, None, before("approve", &seat.role)))
                    button type="submit" name="does" value="approve" { "Approve as " (name(&seat.role)) }
                }
            }
            @if !offers.ticks.is_empty() {
                h3 { "Tick off" }
                ul class="cards" { @for it in &offers.ticks { li {
                    form class="act" method="post" action="/act" {
                        (hidden(sheet, here))
                        input type="hidden" name="gate" value=(it.gate);
                        input type="hidden" name="item" value=(it.item);
                        p { (said(&it.item)) span class="faint" { ", of " (name(it.gate.rsplit('/').next().unwrap_or(&it.gate))) } }
                        button type="submit" name="does" value="tick" { "Tick off “" (name(&it.item)) "”" }
                    }
                } } }
            }
            @if let Some(least) = offers.reject {
                form class="act" method="post" action="/act" {
                    h3 { "Reject" }
                    (hidden(sheet, here))
                    @if offers.ends_it { p { strong { "Yours is the last word: its run fails, and it never goes." } } }
                    (words("reject", &html! {
                        "Why, for whoever made it"
                        @if least > 1 { ": at least " (least) " characters" }
                    }, Some(least.max(1)), before("reject", "")))
                    button type="submit" name="does" value="reject" { "Reject" }
                }
            }
            (more::forms(&offers.more, &hidden(sheet, here), typed))
            @for back in &offers.back {
                form class="act" method="post" action="/act" {
                    (hidden(sheet, here))
                    input type="hidden" name="of" value=(back.id);
                    p { "Your " (if back.rejects { "rejection" } else { "approval" }) ", " (instant(back.at, zone))
                        @if !back.is_looked_at { ": it is in the record, and no decision has looked at it yet" }
                    }
                    button type="submit" name="does" value="withdraw" {
                        "Take back your " (if back.rejects { "rejection" } else { "approval" })
                    }
                }
            }
        }
    }
}

/// What is said to somebody who did something.
pub fn told(became: &Became) -> Notice {
    let what = match &became.act.does {
        Deed::Approve { role: Some(role), .. } => format!("your approval as {role}"),
        Deed::Approve { role: None, .. } => "your approval".to_owned(),
        Deed::Reject {} => "your rejection".to_owned(),
        Deed::Tick { item, .. } => format!("your tick of `{item}`"),
        Deed::Withdraw { of } => format!("that you take back `{of}`"),
        Deed::Waive { gate, .. } => format!("your waiver of `{gate}`"),
        Deed::Delegate { role, to, .. } => format!("that {} stands in for you as {role}", to.login()),
        Deed::Away { .. } => "that you are away".to_owned(),
        Deed::ClaimEmergency {} => "that it is an emergency".to_owned(),
        Deed::Complete { obligation, .. } => format!("what you did for `{obligation}`"),
        _ => "what you did".to_owned(),
    };
    let recorded = format!("Recorded, entry {}: {what}.", became.entry);
    let outcome = match &became.outcome {
        Err(Unlooked::Soon) => "It is being decided upon. Load this page again in a moment.".to_owned(),
        Err(Unlooked::Kept) => {
            "No run waits for this release now, and so nothing is decided. It is kept, and is judged once \
                                a run asks."
                .to_owned()
        }
        Err(Unlooked::Lasts) => "It counts from now on, for every release that it concerns.".to_owned(),
        Err(Unlooked::Met) => "It is met.".to_owned(),
        Err(Unlooked::Towards) => {
            "It is being looked at, and stands below beside what is owed. Where several have to say so, it is met \
                                   once enough of them have."
                .to_owned()
        }
        Ok(Outcome::Refused { why, instead }) => {
            let who = if instead.is_empty() { String::new() } else { format!(" Who can: {}.", names(instead)) };
            format!("It does not count: {why}.{who}")
        }
        Ok(Outcome::Counts | Outcome::Told { .. } | Outcome::Listed(_)) => {
            "It counts. What the release still needs stands below.".to_owned()
        }
    };
    Notice { title: "Done", is_done: true, says: vec![recorded, outcome] }
}

/// What a form asks for; else what is missing in it.
fn wish(fields: &BTreeMap<String, String>, forge: &str) -> Result<Wish, &'static str> {
    let of =
        |name: &str| fields.get(name).map(|text| text.replace("\r\n", "\n")).filter(|text| !text.trim().is_empty());
    let does = match fields.get("does").map(String::as_str) {
        Some("approve") => {
            let accepts = of("accepts");
            if accepts.is_some() && fields.get("declared").map(String::as_str) != Some("yes") {
                return Err("You did not declare what the role makes its holder declare: tick the box beside it.");
            }
            Deed::Approve { role: Some(of("role").ok_or("It does not say in which role you approve.")?), accepts }
        }
        Some("reject") => Deed::Reject {},
        Some("tick") => Deed::Tick {
            gate: of("gate").ok_or("It does not say of which gate the item is.")?,
            item: of("item").ok_or("It does not say which item is ticked off.")?,
            proof: None,
        },
        Some("withdraw") => Deed::Withdraw { of: of("of").ok_or("It does not say what is taken back.")? },
        Some(does) => more::deed(does, fields, forge).ok_or("It does not say what is to be done.")??,
        None => return Err("It does not say what is to be done."),
    };
    Ok(Wish { does, reason: of("reason"), shown: of("shown").unwrap_or_default() })
}

/// What is told where the record did not answer in the end.
const UNKNOWN: &str = "The record was lost while it took what you did, and nobody can tell yet whether it has it. It will be \
    looked at when the release is decided again. Look at the page of the release in a minute: if what you did stands under \
    what people did, it was done; else do it again. Doing it twice does it once.";

/// Somebody sent a form of a release's page.
pub async fn act<H: Hub, D: Doorway>(State(pages): Shared<H, D>, request: Request) -> Response {
    let (_, here, fields) = match session::form(&pages, request, session::Visit::Acts).await {
        Ok(form) => form,
        Err(response) => return response,
    };
    let of = |name: &str| fields.get(name).cloned().unwrap_or_default();
    let stream = Stream {
        forge: H::NAME.to_owned(),
        repository: of("repository"),
        release: of("release"),
        environment: of("environment"),
    };
    if !here.visitor.may_read(&stream.forge, &stream.repository) {
        return no_release(&here);
    }
    let done = match wish(&fields, H::NAME) {
        Ok(wish) => Box::pin(pages.desk.act(&stream, &here.visitor.account, wish)).await,
        Err(says) => {
            return Box::pin(nothing(
                &pages,
                &here,
                &stream,
                (StatusCode::BAD_REQUEST, vec![says.to_owned()]),
                &fields,
            ))
            .await;
        }
    };
    let no = match done {
        Ok(id) => {
            let mut response = guarded((StatusCode::SEE_OTHER, Body::empty()), "text/plain; charset=utf-8");
            let location = HeaderValue::from_str(&format!("{}&did={id}", link::path(&stream)));
            response.headers_mut().insert(LOCATION, location.unwrap_or(HeaderValue::from_static("/")));
            return response;
        }
        Err(NotDone::Nowhere) => return no_release(&here),
        Err(no @ NotDone::Failed(Failed::Batch(_))) => {
            pages.desk.say("act_unknown", &json!({ "fault": no.to_string() }));
            return plainly(
                StatusCode::SERVICE_UNAVAILABLE,
                "It is not known whether it was done",
                Some(&here),
                UNKNOWN,
                &html! {
                    p { a class="action" href=(link::path(&stream)) { "Look at the release" } }
                },
            );
        }
        Err(no @ (NotDone::Record(_) | NotDone::Failed(_))) => {
            pages.desk.say("act_unrecorded", &json!({ "fault": no.to_string() }));
            let says = "The record takes nothing now, and so nothing was done. Try again; if it stays so, whoever runs the \
                        app finds the reason in its log.";
            return plainly(StatusCode::SERVICE_UNAVAILABLE, "Nothing was done", Some(&here), says, &super::to_all());
        }
        Err(no) => no,
    };
    let why = match no {
        NotDone::Changed(changes) => {
            let first =
                "It is not what you were shown any more. Look at it again, and decide again. What changed:".to_owned();
            (StatusCode::CONFLICT, std::iter::once(first).chain(changes).collect())
        }
        NotDone::Refused { why, instead } => {
            let who = if instead.is_empty() { String::new() } else { format!(" Who can: {}.", names(&instead)) };
            (StatusCode::FORBIDDEN, vec![format!("It would not count: {why}.{who}")])
        }
        NotDone::Over(why) => (StatusCode::CONFLICT, vec![format!("It is over: {why}.")]),
        NotDone::Often => (StatusCode::TOO_MANY_REQUESTS, vec![format!("You did {no} here. Wait some minutes.")]),
        NotDone::Long => (StatusCode::PAYLOAD_TOO_LARGE, vec![format!("It was not taken: {no}.")]),
        other => (StatusCode::CONFLICT, vec![format!("It cannot be judged: {other}.")]),
    };
    Box::pin(nothing(&pages, &here, &stream, why, &fields)).await
}

/// The page of the release as it is now, which says above all why nothing was done.
async fn nothing<H: Hub, D: Doorway>(
    pages: &Pages<H, D>,
    here: &Here,
    stream: &Stream,
    (status, says): (StatusCode, Vec<String>),
    fields: &BTreeMap<String, String>,
) -> Response {
    let of = |name: &str| fields.get(name).cloned().unwrap_or_default();
    let typed = Typed { does: of("does"), role: of("role"), reason: of("reason") };
    let notice = Notice { title: "Nothing was done", is_done: false, says };
    Box::pin(pages.show(here, stream, Moment::Last, (status, Some(notice), &typed))).await
}
