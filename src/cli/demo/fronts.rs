//! The app as it is registered at the sandbox: a GitHub App, or an account and an OAuth application of GitLab.

use std::time::Duration;

use crate::cli::facts::{Failure, usage};
use crate::cli::serve::front::Front;
use crate::cli::serve::{Registered, gitlab, pages};
use crate::forge::github::app::App;
use crate::forge::github::client::{AppKey, Base, Secret};
use crate::forge::github::login::Door;
use crate::forge::github::oidc;
use crate::forge::github::signature::WebhookSecret;
use crate::forge::gitlab as lab;
use crate::forge::token::Issuer;
use crate::sandbox::Sandbox;
use crate::sandbox::tokens::CLIENT;
use crate::sandbox::world::{APP, REPOSITORY};

/// How soon it is asked again what somebody may read.
const AGE: Duration = Duration::from_mins(1);

/// The App as the sandbox of GitHub hands it out.
pub(super) fn on_github(sandbox: &Sandbox, app: &str) -> Result<Front<App>, Failure> {
    let base = Base::parse(sandbox.address()).map_err(usage)?;
    let made = sandbox.registered();
    let key = AppKey::read(APP, &Secret::new(&made.pem)).map_err(usage)?;
    let jobs = base.issuer();
    let issuer = Issuer::new(&jobs, oidc::KEYS, app).map_err(usage)?;
    let door = Door::new(base.clone(), CLIENT, Secret::new(&made.client_secret), &made.callback).map_err(usage)?;
    let registered = Registered {
        app: App::new(base, key).map_err(usage)?.with_issuer(Some(issuer), oidc::Runners::Hosted),
        secret: WebhookSecret::new(&Secret::new(&made.hook)).map_err(usage)?,
        pages: Some(pages::Set { door, age: AGE, origin: pages::origin(app)? }),
    };
    Ok(registered.front(jobs))
}

/// The account, the application and the webhook as the sandbox of GitLab hands them out.
pub(super) fn on_gitlab(sandbox: &Sandbox, app: &str) -> Result<Front<lab::app::App>, Failure> {
    let base = lab::client::Base::parse(sandbox.address()).map_err(usage)?;
    let made = sandbox.registered();
    let client = lab::client::Client::of_app(base.clone(), Secret::new(&made.token), None).map_err(usage)?;
    let only = [REPOSITORY.to_owned()];
    let issuer = Issuer::new(&base.address(), lab::oidc::KEYS, app).map_err(usage)?;
    let ours = lab::app::App::new(client.clone(), &only);
    let door = lab::login::Door::new(ours, CLIENT, Secret::new(&made.client_secret), &made.callback);
    let shown = pages::Set { door: door.map_err(usage)?, age: AGE, origin: pages::origin(app)? };
    let secret = lab::signature::HookSecret::read(&Secret::new(&made.signing())).map_err(usage)?;
    let hub = lab::app::App::new(client, &only).with_issuer(Some(issuer), lab::oidc::Runners::Hosted);
    Ok(gitlab::fronted(hub, base.address(), secret, Some(shown)))
}
