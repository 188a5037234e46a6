//! Whether accounts that acted are still active: whether they may still come in here.
//!
//! A review outlasts whoever wrote it. On github.com an account that was removed has no permission on the repository any
//! longer; on an enterprise server one that is suspended keeps its seats, and says so itself.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::Reading;
use super::file::escaped;
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
    /// Asks of everybody who did something. Of nobody else it matters, and nothing is said.
    pub(super) async fn access(&mut self, acts: &Fact<Vec<Act>>) {
        let acted: BTreeSet<&Account> =
            acts.entries().iter().map(|act| &act.by).filter(|account| self.accounts.is_person(account)).collect();
        for account in acted {
            let active = self.is_active(account.login()).await;
            self.accounts.active(account, active);
        }
    }

    async fn is_active(&self, login: &str) -> Fact<bool> {
        let login = escaped(login);
        let path = format!("/repos/{}/collaborators/{login}/permission", self.repository.path());
        match self.client.get::<Permission>(&path).await {
            Ok(found) if found.permission == "none" => return Fact::Known(false),
            Ok(_) => {}
            Err(fault) => return fault.unavailable(),
        }
        if self.client.base().is_hosted() {
            return Fact::Known(true);
        }
        match self.client.get::<Profile>(&format!("/users/{login}")).await {
            Ok(profile) => Fact::Known(profile.suspended_at.is_none()),
            Err(fault) => fault.unavailable(),
        }
    }
}
