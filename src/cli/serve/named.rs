//! By what the app is known to its forges: the App on GitHub, the account on GitLab, or both.

use std::path::PathBuf;

use super::{Arguments, Configured, Registered, Set, gitlab, needed, pages, set, setup};
use crate::cli::facts::{Failure, secret, usage};
use crate::flow::app::watch::Journal;
use crate::flow::setup::{Folder, Holds};
use crate::forge::github::app::App;
use crate::forge::github::client::AppKey;
use crate::forge::github::login::Door;
use crate::forge::github::oidc;
use crate::forge::github::signature::WebhookSecret;
use crate::forge::token::Issuer;
use crate::web::pages::{BACK, Origin, chosen};

/// The app as it is named: on GitHub, on GitLab, or on both.
pub(super) struct Named {
    pub(super) github: Option<OnGithub>,
    pub(super) gitlab: Option<Box<gitlab::Named>>,
}

/// The App as it is named.
pub(super) enum OnGithub {
    /// By its files.
    Files(Files),
    /// By the folder that keeps it, or is to.
    Folder(Folder, Holds, Option<u64>),
}

impl Named {
    /// The forges that are served.
    pub(super) fn forges(&self) -> Vec<&'static str> {
        let named = [("github", self.github.is_some()), ("gitlab", self.gitlab.is_some())];
        named.into_iter().filter(|(_, is)| *is).map(|(forge, _)| forge).collect()
    }

    /// Where browsers come back from GitLab: beside GitHub to a path of its own.
    pub(super) fn back_from_gitlab(&self) -> String {
        if self.github.is_some() { chosen::back("gitlab") } else { BACK.to_owned() }
    }
}

/// The files that the App is named by.
pub(super) struct Files {
    pub(super) id: String,
    pub(super) key: PathBuf,
    pub(super) hook: PathBuf,
    pub(super) pages: Option<pages::Named>,
}

/// What the app is named by.
pub(super) fn named(arguments: &Arguments, file: &mut Configured, public: Option<&Origin>) -> Result<Named, Failure> {
    let gitlab = gitlab::named(&arguments.gitlab, file.gitlab())?;
    let folder = set(arguments.app_folder.as_ref(), "COUNTERSIGN_APP_FOLDER", file.app_folder.take())?;
    let app = set(arguments.app.as_ref(), "COUNTERSIGN_APP", file.app.take())?;
    let key = set(arguments.app_key.as_ref(), "COUNTERSIGN_APP_KEY", file.app_key.take())?;
    let hook = file.webhook_secret_file.take();
    let hook = set(arguments.webhook_secret_file.as_ref(), "COUNTERSIGN_WEBHOOK_SECRET_FILE", hook)?;
    let stated = pages::Stated {
        client_id: file.client_id.take(),
        client_secret_file: file.client_secret_file.take(),
        recheck: file.recheck,
    };
    let (pages, recheck) = pages::named(&arguments.pages, stated)?;
    let on_github = folder.is_some() || app.is_some() || key.is_some() || hook.is_some();
    let gitlab = match gitlab {
        Some(gitlab) if !on_github => {
            if pages.is_some() && gitlab.has_pages() {
                return Err(usage(
                    "GitLab's application is named by `--client-id` and by `--gitlab-client-id`: name it once",
                ));
            }
            let gitlab = if pages.is_some() { gitlab.with_pages(pages) } else { gitlab.asking_again(recheck) };
            return Ok(Named { github: None, gitlab: Some(Box::new(gitlab)) });
        }
        gitlab => gitlab.map(|gitlab| Box::new(gitlab.asking_again(recheck))),
    };
    let Some(folder) = folder else {
        let says = "name the App with `--app`: its id, or its client id; or name a folder with `--app-folder` in which it is \
                    to be set up";
        let files = Files {
            id: needed(app, says)?,
            key: needed(key, "name the file with the App's private key with `--app-key`")?,
            hook: needed(hook, "name the file with the webhook's secret with `--webhook-secret-file`")?,
            pages,
        };
        return Ok(Named { github: Some(OnGithub::Files(files)), gitlab });
    };
    if app.is_some() || key.is_some() || hook.is_some() || pages.is_some() {
        return Err(usage(
            "the App is named by its folder, `--app-folder`, and by something else as well: name it once",
        ));
    }
    let folder = setup::folder(folder);
    let holds = folder.holds().map_err(usage)?;
    if holds == Holds::Nothing {
        let says = "an App is set up for the address under which it is reached: name it with `--public-url`";
        needed(public, says)?;
        folder.prepare().map_err(usage)?;
    }
    Ok(Named { github: Some(OnGithub::Folder(folder, holds, recheck)), gitlab })
}

/// Reads what the App is named by.
pub(super) fn registered(files: &Files, set: &Set) -> Result<Registered, Failure> {
    let (base, public) = (&set.base, set.public.as_ref());
    let key = AppKey::read(&files.id, &secret(&files.key)?).map_err(usage)?;
    let issuer = public.map(|public| Issuer::new(&set.issuer, oidc::KEYS, &public.address));
    let issuer = issuer.transpose().map_err(usage)?;
    let runners = if set.own_runners { oidc::Runners::Any } else { oidc::Runners::Hosted };
    let door = |id: &str, secret, back: &str| Door::new(base.clone(), id, secret, back);
    Ok(Registered {
        app: App::new(base.clone(), key).map_err(usage)?.with_issuer(issuer, runners),
        secret: WebhookSecret::new(&secret(&files.hook)?).map_err(usage)?,
        pages: files.pages.as_ref().map(|named| pages::settings(named, public, BACK, door)).transpose()?,
    })
}

/// The App on GitHub, once there is one; `None` where the process was told to end before.
pub(super) async fn known(
    named: &OnGithub,
    set: &Set,
    listener: &std::net::TcpListener,
    journal: &Journal,
) -> Result<Option<Registered>, Failure> {
    match named {
        OnGithub::Files(files) => registered(files, set).map(Some),
        OnGithub::Folder(folder, holds, recheck) => {
            if *holds == Holds::Nothing && !setup::until_kept(set, folder, listener, journal).await? {
                return Ok(None);
            }
            registered(&setup::files(folder, set.public.is_some(), *recheck)?, set).map(Some)
        }
    }
}
