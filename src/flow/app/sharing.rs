//! What several processes share that are one app: each token is taken once by all together, rates are counted by all together,
//! and what the forge takes in a while is divided among them.
//!
//! What is each process's own, because the record sees to it that nothing comes of it twice: what waits in the docket, what
//! was answered on changes and how often, the answers that were just given to a run, what the forge said of a visitor.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use serde_json::json;

use super::Desk;
use crate::forge::Hub;
use crate::forge::job::{Job, Unknown};
use crate::forge::token::{Name, Refused, SHOWN};
use crate::log::receipt::sha256;
use crate::log::tree::Hash;
use crate::store::fault::Fault;
use crate::store::shared::{Showing, Token};

/// How often is looked how many processes there are. Whoever begins counts itself and those who were there at once.
const LOOK: Duration = Duration::from_secs(5);
/// After how many looks what is over is forgotten.
const FORGET: u32 = 60;
/// After how many looks what was given up is counted again, which else is whenever something is.
const COUNT: u32 = 60;

/// How a token is remembered: two issuers, and two repositories, may use one id.
fn token(name: &Name) -> Option<Token> {
    let of = json!([name.issuer, name.repository, name.id]).to_string();
    let owner = json!([name.issuer, name.repository]).to_string();
    Some(Token { digest: Hash::parse(&sha256(of.as_bytes()))?, owner, until: name.until.saturating_mul(1_000_000) })
}

impl<H: Hub> Desk<H> {
    /// The job that a token proves. One that is to be remembered counts once, to whichever process it is shown.
    pub async fn job(&self, shown: &str) -> Result<Job, Unknown> {
        // A token is issued by the clock of the world outside.
        let job = self.hub().job(shown, Utc::now()).await?;
        let Some(name) = &job.token else { return Ok(job) };
        let fault = |why: String| Unknown::Fault(format!("{why}; try again in a few minutes"));
        let token = token(name).ok_or_else(|| fault("the token cannot be remembered".to_owned()))?;
        match self.sequencer.shown(token, SHOWN).await {
            Ok(Showing::First) => Ok(job),
            Ok(Showing::Again) => Err(Refused::Again.into()),
            Ok(Showing::Full) => Err(fault("too many tokens of this repository are remembered".to_owned())),
            Err(why) => Err(fault(format!("it is not known whether the token was shown before: {why}"))),
        }
    }

    /// Keeps what is shared, for ever.
    pub(super) async fn share(self: Arc<Self>) {
        let mut looks = 0_u32;
        loop {
            let done = async {
                let mut reader = self.reader().await?;
                self.hub.beside(reader.writers().await?);
                reader.close().await?;
                if looks.is_multiple_of(FORGET) { self.sequencer.forget().await } else { Ok(()) }
            };
            let done: Result<(), Fault> = done.await;
            // What was given up long ago is counted no more.
            if looks.is_multiple_of(COUNT) {
                self.count_given_up().await;
            }
            if let Err(fault) = done {
                self.say("shared_unread", &json!({ "fault": fault.to_string() }));
            }
            looks = looks.wrapping_add(1);
            tokio::time::sleep(LOOK).await;
        }
    }
}
