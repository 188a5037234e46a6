//! Whether accounts that acted are still active: whether they may still come in here.
//!
//! A review outlasts whoever wrote it. On github.com an account that was removed has no permission on the repository any
//! longer; on an enterprise server one that is suspended keeps its seats, and says so itself.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::file::escaped;
use super::people::RestUser;
use super::{Reading, Repository};
use crate::forge::github::client::Client;
use crate::forge::{Ranged, elsewhere};
use crate::model::facts::{Account, Act, Fact};

#[derive(Deserialize)]
struct Permission {
    permission: String,
}

#[derive(Deserialize)]
struct Profile {
    suspended_at: Option<DateTime<Utc>>,
}

impl Reading<'_> {
    /// What people did here with what they did elsewhere, the earliest first. Of whoever acted elsewhere GitHub is asked
    /// what he is, where nothing here told it yet.
    pub(super) async fn and_elsewhere(&mut self, acts: Fact<Vec<Act>>, changes: &Fact<Vec<Ranged>>) -> Fact<Vec<Act>> {
        let elsewhere = elsewhere(self.question, acts.entries(), changes);
        if elsewhere.is_empty() {
            return acts;
        }
        let mut found = match acts {
            Fact::Known(acts) => acts,
            Fact::Absent => Vec::new(),
            unknown @ Fact::Unavailable(_) => return unknown,
        };
        let who: BTreeSet<&Account> = elsewhere.iter().map(|act| &act.by).collect();
        for account in who.into_iter().filter(|account| account.system() == "github") {
            if self.accounts.is_told(account) {
                continue;
            }
            // Whoever is not there any longer stays unknown, and approves nothing.
            let user = self.client.get::<RestUser>(&format!("/users/{}", escaped(account.login()))).await;
            self.accounts.rest(user.ok().as_ref());
        }
        found.extend(elsewhere.into_iter().cloned());
        found.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
        Fact::Known(found)
    }

    /// Begins to ask whether these are active, and whoever signed something elsewhere.
    pub(super) fn access_ahead<'a>(&'a self, acted: impl Iterator<Item = &'a Account>) {
        for account in acted.chain(&self.question.signers).filter(|account| account.system() == "github") {
            self.client.ahead(&permission(&self.repository, account.login()));
            if !self.client.base().is_hosted() {
                self.client.ahead(&format!("/users/{}", escaped(account.login())));
            }
        }
    }

    /// Asks of everybody who did something here, or signed something elsewhere. Of nobody else it matters, and nothing is said.
    pub(super) async fn access(&mut self, acts: &Fact<Vec<Act>>) {
        let acted = acts.entries().iter().map(|act| &act.by).chain(&self.question.signers);
        let acted: BTreeSet<&Account> = acted.filter(|account| self.accounts.is_person(account)).collect();
        self.access_ahead(acted.iter().copied());
        for account in acted {
            let active = is_active(self.client, &self.repository, account.login()).await;
            self.accounts.active(account, active);
        }
    }
}

/// Where it lies what somebody may do here.
fn permission(repository: &Repository, login: &str) -> String {
    format!("/repos/{}/collaborators/{}/permission", repository.path(), escaped(login))
}

/// Whether an account may still come in.
pub(super) async fn is_active(client: &Client, repository: &Repository, login: &str) -> Fact<bool> {
    match client.get::<Permission>(&permission(repository, login)).await {
        Ok(found) if found.permission == "none" => return Fact::Known(false),
        Ok(_) => {}
        Err(fault) => return fault.unavailable(),
    }
    if client.base().is_hosted() {
        return Fact::Known(true);
    }
    match client.get::<Profile>(&format!("/users/{}", escaped(login))).await {
        Ok(profile) => Fact::Known(profile.suspended_at.is_none()),
        Err(fault) => fault.unavailable(),
    }
}
