//! All releases that somebody may see: what waits first, then what went.

use chrono_tz::Tz;
use maud::{Markup, html};

use super::said::{micros, name, outcome as outcome_of, ruling, said};
use crate::flow::app::docket::Key;
use crate::flow::app::link;
use crate::flow::sheet::{Listed, Releases, is_of};
use crate::store::change::Stream;
use crate::store::deployed::Deployed;
use crate::store::latest::Latest;

/// How many titles of a release's changes are shown.
const TITLES: usize = 5;

/// The releases, of one repository where it is named, under what became of them; first those that wait and cannot be decided.
pub fn index(
    releases: &Releases,
    (undecided, found): (&[Key], &[Deployed]),
    (only, is_first): (Option<&str>, bool),
    waits: impl Fn(&Stream) -> bool,
) -> Markup {
    let newest = only.map_or_else(|| "/".to_owned(), link::releases);
    // What is held, and went all the same, waits for nobody.
    let went_past =
        |it: &Latest| it.ruling == "hold" && found.iter().any(|row| is_of(row, &it.stream)) && !waits(&it.stream);
    let (past, others): (Vec<_>, Vec<_>) = releases.found.iter().partition(|it| went_past(&it.latest));
    let of = |word: &str| others.iter().copied().filter(|it| it.latest.ruling == word).collect::<Vec<_>>();
    html! {
        h1 { "Releases" @if let Some(only) = only { " of " (name(only)) } }
        @if only.is_some() { p class="screen" { a href="/" { "Those of all repositories" } } }
        @if releases.found.is_empty() && undecided.is_empty() && found.is_empty() { (none(is_first)) }
        @if is_first && !found.is_empty() {
            h2 { "Deployed without a decision" }
            p {
                "Nothing here let these in, in the last 35 days. Those whose commit is known are taken up as emergencies, \
                 but for those whose job was told to wait, and ended."
            }
            ul { @for row in found { li { (deployed(row, releases)) } } }
        }
        @if !undecided.is_empty() {
            h2 { "Cannot be decided now" }
            p { "They wait until they can be. The run at the forge says why, and so does the app's log." }
            ul { @for key in undecided { li {
                (name(&key.repository)) ", to " (name(&key.environment)) ": commit " code { (name(&key.commit)) }
            } } }
        }
        (section("Waiting", &of("hold")))
        (section("Went past a decision", &past))
        (section("Went", &of("proceed")))
        (section("Rejected", &of("reject")))
        @if let Some(before) = releases.more {
            p class="screen" { a href={ (newest) (if only.is_some() { "&" } else { "?" }) "before=" (before) } { "Older releases" } }
        }
        @if !is_first { p class="screen" { a href=(newest) { "The newest releases" } } }
        p class="screen" { a href=(super::agendas::PATH) { "Agendas of the board" } }
        p class="screen" { a href=(super::reports::PATH) { "Reports for those who audit" } }
        p class="screen" { a href=(super::given_up::PATH) { "What was given up, for those who administer a repository" } }
    }
}

/// A deployment that no decision let in. Where somebody told of it, what he told is shown as his word.
fn deployed(row: &Deployed, releases: &Releases) -> Markup {
    let listed = releases.found.iter().find(|it| is_of(row, &it.latest.stream));
    let zone = listed.and_then(|it| it.zone).unwrap_or(Tz::UTC);
    html! {
        (name(&row.repository)) ", to " (name(&row.environment)) ", " (micros(row.began, zone)) ": "
        @if let Some(Listed { latest, .. }) = listed {
            a href=(link::path(&latest.stream)) { (name(&latest.stream.release)) } " "
        } @else if !row.commit.is_empty() { "commit " code { (name(&row.commit)) } " " }
        @if let Some(digest) = row.told.as_ref().and_then(|told| told.digest.as_ref()) { "artifact " code { (name(digest)) } " " }
        @match (&row.told, row.run) {
            (Some(told), _) => { "by " (name(&told.by)) ", " code { (name(&told.url)) } }
            (None, Some(run)) => { "by run " (run) }
            (None, None) => {}
        }
        @if let Some(outcome) = &row.outcome { ", " (outcome_of(outcome)) }
    }
}

fn none(is_first: bool) -> Markup {
    html! {
        @if is_first {
            p {
                "No release has been asked for yet in a repository that you may read. As soon as a run waits at an environment \
                 that has this App as its protection rule, it stands here."
            }
            p {
                "Is one missing? Add the rule in the repository under Settings, Environments, and see that the App is \
                 installed there and that you can open the repository."
            }
        } @else {
            p { "There are no older releases." }
        }
    }
}

fn section(title: &str, releases: &[&Listed]) -> Markup {
    html! {
        @if !releases.is_empty() {
            h2 { (title) }
            ul class="cards" { @for listed in releases { li { (card(listed)) } } }
        }
    }
}

fn card(listed: &Listed) -> Markup {
    let (latest, zone) = (&listed.latest, listed.zone.unwrap_or(Tz::UTC));
    let stream = &latest.stream;
    let more = listed.titles.len().saturating_sub(TITLES);
    html! {
        h3 { a href=(link::path(stream)) { (name(&stream.release)) " to " (name(&stream.environment)) } }
        @if !listed.titles.is_empty() {
            p {
                @for (at, title) in listed.titles.iter().take(TITLES).enumerate() { @if at > 0 { "; " } (name(title)) }
                @if more > 0 { "; and " (more) " more" }
            }
        }
        p { (ruling(&latest.ruling)) " " (said(&latest.summary)) }
        @if let Some(row) = &listed.deployed {
            p {
                "Its deployment " strong { (outcome_of(row.outcome.as_deref().unwrap_or("began"))) } ", "
                (micros(row.ended.unwrap_or(row.began), zone))
            }
        }
        p class="faint" {
            (name(&stream.repository)) ", decided " (micros(latest.at, zone)) ", decision " (latest.version)
        }
    }
}
