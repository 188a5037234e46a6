//! Where the page of a release is found: its path, and the whole address where the app knows under which it is reached.

use crate::flow::receipt::plain;
use crate::store::change::Stream;

/// The path of a release's page with its query. Who came through another forge is told to come through this one.
#[must_use]
pub fn path(of: &Stream) -> String {
    format!("/release?{}", query(of))
}

/// What says in a query which release is meant.
#[must_use]
pub fn query(of: &Stream) -> String {
    let Stream { forge, repository, release, environment } = of;
    let of = format!("repository={}&release={}&environment={}", plain(repository), plain(release), plain(environment));
    format!("{of}&forge={}", plain(forge))
}

/// The path of the reports of a repository.
#[must_use]
pub fn reports(repository: &str) -> String {
    format!("/reports?repository={}", plain(repository))
}

/// The path of the survey of a repository and a period.
#[must_use]
pub fn survey(repository: &str, period: &str) -> String {
    format!("/survey?repository={}&period={}", plain(repository), plain(period))
}

/// The path of the list of a repository's releases.
#[must_use]
pub fn releases(repository: &str) -> String {
    format!("/?repository={}", plain(repository))
}

/// The same as people are sent there from elsewhere, who may have come through another forge last.
#[must_use]
pub fn releases_of(forge: &str, repository: &str) -> String {
    format!("{}&forge={}", releases(repository), plain(forge))
}
