//! Which repositories an installation has: the one list that a delivery is compared with.

use serde::Deserialize;

use crate::forge::github::client::{Client, Fault};
use crate::forge::github::event::Installed;

#[derive(Deserialize)]
struct Page {
    repositories: Vec<Repository>,
}

#[derive(Deserialize)]
struct Repository {
    id: u64,
    full_name: String,
    owner: Owner,
}

#[derive(Deserialize)]
struct Owner {
    id: u64,
}

/// The repositories of an installation under whose token the client asks, to the last page.
pub async fn repositories(client: &Client, installation: u64) -> Result<Installed, Fault> {
    let (repositories, _) = client
        .list_in("/installation/repositories", |mut page: Page| (std::mem::take(&mut page.repositories), page))
        .await?;
    let repositories = repositories.into_entries();
    let owners = repositories.iter().map(|it| (it.id, it.owner.id)).collect();
    let repositories = repositories.into_iter().map(|it| (it.id, it.full_name)).collect();
    Ok(Installed { installation, repositories, owners })
}
