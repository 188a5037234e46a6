//! The app on GitLab: which server, by which account, and for which projects.

use std::path::PathBuf;
use std::sync::Arc;

use super::front::{self, Front, Shown};
use super::{Set, listed, needed, pages, set};
use crate::cli::facts::{Failure, authorities, secret, usage};
use crate::flow::app::Desk;
use crate::forge::gitlab::app::App;
use crate::forge::gitlab::client::{Base, Client};
use crate::forge::gitlab::login::Door;
use crate::forge::gitlab::oidc::{KEYS, Runners};
use crate::forge::gitlab::signature::HookSecret;
use crate::forge::token::Issuer;
use crate::web::hooks::{self, Intake as _, gitlab::Gitlab};

/// The app's place on GitLab.
#[derive(clap::Args)]
#[expect(clippy::struct_field_names, reason = "they are the options' names")]
pub(super) struct GitlabArguments {
    /// Serve projects on GitLab: where it is, as people open it, with the path that it may be below, such as
    /// `https://gitlab.com`; or COUNTERSIGN_GITLAB_URL. It delivers to `/hooks/gitlab`. With an App on GitHub as well, the app
    /// serves both: over one record, and by the same layers of the policy.
    #[arg(long, value_name = "URL")]
    gitlab_url: Option<String>,
    /// A file with a token of the app's own account there, of the scope `api`; or COUNTERSIGN_GITLAB_TOKEN_FILE. Let the account
    /// be a maintainer of the projects, or of a group above them, that may deploy and is named by an approval rule of its own. A
    /// developer may vote and play, and not read what pipelines were given as variables. What it plays runs with its rights.
    #[arg(long, value_name = "FILE")]
    gitlab_token_file: Option<PathBuf>,
    /// A file with the secret token of the webhooks, or with their signing key, which begins with `whsec_`; or
    /// COUNTERSIGN_GITLAB_WEBHOOK_SECRET_FILE.
    #[arg(long, value_name = "FILE")]
    gitlab_webhook_secret_file: Option<PathBuf>,
    /// A project, or a group with all that is in it, that is served where the account is a developer of it; repeat it; or
    /// COUNTERSIGN_GITLAB_PROJECT, one a line. Nothing else is: anybody can make the account a member of a project of his own.
    #[arg(long, value_name = "GROUP[/NAME]")]
    gitlab_project: Vec<String>,
    /// The name of a variable that pipelines may be started with; repeat it; or COUNTERSIGN_GITLAB_VARIABLE, one a line. `*` is any.
    /// Whoever may start a pipeline says by it what the jobs do, whatever was approved: left out, none may.
    #[arg(long, value_name = "NAME")]
    gitlab_variable: Vec<String>,
    /// The id of an OAuth application there, by which people log in where the app serves GitHub as well; or
    /// COUNTERSIGN_GITLAB_CLIENT_ID. Its redirect URI is the public address with `/login/back/gitlab`. An app that serves GitLab
    /// alone takes `--client-id`, and `/login/back`.
    #[arg(long, value_name = "ID")]
    gitlab_client_id: Option<String>,
    /// A file with the secret of that application; or COUNTERSIGN_GITLAB_CLIENT_SECRET_FILE.
    #[arg(long, value_name = "FILE")]
    gitlab_client_secret_file: Option<PathBuf>,
    /// Certificates of authorities that are believed beside the system's, a PEM file; or COUNTERSIGN_GITLAB_CA.
    #[arg(long, value_name = "FILE")]
    gitlab_ca: Option<PathBuf>,
}

/// The same as the file of settings states it.
#[derive(Default)]
pub(super) struct Stated {
    pub(super) url: Option<String>,
    pub(super) token_file: Option<PathBuf>,
    pub(super) webhook_secret_file: Option<PathBuf>,
    pub(super) projects: Vec<String>,
    pub(super) variables: Vec<String>,
    pub(super) authorities: Option<PathBuf>,
    pub(super) client_id: Option<String>,
    pub(super) client_secret_file: Option<PathBuf>,
}

/// The app's place as it is named.
pub(super) struct Named {
    base: Base,
    token: PathBuf,
    hook: PathBuf,
    projects: Vec<String>,
    variables: Vec<String>,
    authorities: Option<PathBuf>,
    pages: Option<pages::Named>,
}

impl Named {
    /// The same, with an OAuth application by which people log in.
    pub(super) fn with_pages(mut self, pages: Option<pages::Named>) -> Self {
        self.pages = pages;
        self
    }

    /// Whether an application is named that is GitLab's alone.
    pub(super) fn has_pages(&self) -> bool {
        self.pages.is_some()
    }

    /// The same, that asks again as soon as the pages of GitHub do.
    pub(super) fn asking_again(mut self, recheck: Option<u64>) -> Self {
        if let Some(pages) = &mut self.pages {
            pages.recheck = recheck;
        }
        self
    }

    /// Who issues the tokens of jobs where nothing else is said: the server itself, at the address that people open.
    pub(super) fn issuer(&self) -> String {
        self.base.address()
    }
}

/// What the app is named by; `None` where it is not on GitLab.
pub(super) fn named(arguments: &GitlabArguments, file: Stated) -> Result<Option<Named>, Failure> {
    let url = set(arguments.gitlab_url.as_ref(), "COUNTERSIGN_GITLAB_URL", file.url)?;
    let token = set(arguments.gitlab_token_file.as_ref(), "COUNTERSIGN_GITLAB_TOKEN_FILE", file.token_file)?;
    let hook = set(
        arguments.gitlab_webhook_secret_file.as_ref(),
        "COUNTERSIGN_GITLAB_WEBHOOK_SECRET_FILE",
        file.webhook_secret_file,
    )?;
    let projects = listed(&arguments.gitlab_project, "COUNTERSIGN_GITLAB_PROJECT", file.projects);
    let variables = listed(&arguments.gitlab_variable, "COUNTERSIGN_GITLAB_VARIABLE", file.variables);
    let authorities = set(arguments.gitlab_ca.as_ref(), "COUNTERSIGN_GITLAB_CA", file.authorities)?;
    let id = set(arguments.gitlab_client_id.as_ref(), "COUNTERSIGN_GITLAB_CLIENT_ID", file.client_id)?;
    let secret_file = set(
        arguments.gitlab_client_secret_file.as_ref(),
        "COUNTERSIGN_GITLAB_CLIENT_SECRET_FILE",
        file.client_secret_file,
    )?;
    let pages = match (id, secret_file) {
        (None, None) => None,
        (id, secret) => Some(pages::Named {
            id: needed(id, "the pages need GitLab's client id too: name it with `--gitlab-client-id`")?,
            secret: needed(
                secret,
                "the pages need GitLab's client secret too: name the file that holds it with `--gitlab-client-secret-file`",
            )?,
            recheck: None,
        }),
    };
    let Some(url) = url else {
        if token.is_some() || hook.is_some() || !projects.is_empty() || pages.is_some() {
            return Err(usage("something is said of GitLab, and not where it is: name it with `--gitlab-url`"));
        }
        return Ok(None);
    };
    Ok(Some(Named {
        base: Base::parse(&url).map_err(usage)?,
        token: needed(token, "name the file with the token of the app's account with `--gitlab-token-file`")?,
        hook: needed(hook, "name the file with the webhooks' secret with `--gitlab-webhook-secret-file`")?,
        projects: needed(
            Some(projects).filter(|projects| !projects.is_empty()),
            "name the projects, or groups with all that is in them, with `--gitlab-project`: anybody can make the app's account a \
             member of a project of his own, and whatever the app plays there runs with its rights everywhere",
        )?,
        variables,
        authorities,
        pages,
    }))
}

/// The app as it works, and what it serves beside what every app does. Browsers come back from it to a path of the public
/// address.
pub(super) fn front(named: &Named, given: &Set, back: &str) -> Result<Front<App>, Failure> {
    let trusted = named.authorities.as_deref().map(authorities).transpose()?;
    let token = secret(&named.token)?;
    let client = Client::of_app_taking(named.base.clone(), token, trusted.as_deref(), named.variables.clone());
    let client = client.map_err(usage)?;
    let hook_secret = HookSecret::read(&secret(&named.hook)?).map_err(usage)?;
    let issuer = given.public.as_ref().map(|public| Issuer::new(&given.gitlab_issuer, KEYS, &public.address));
    let runners = if given.own_runners { Runners::Any } else { Runners::Hosted };
    let hook = given.public.as_ref().map(|public| format!("{}{}", public.address, Gitlab::PATH));
    let door = |id: &str, secret, back: &str| Door::new(App::new(client.clone(), &named.projects), id, secret, back);
    let shown =
        named.pages.as_ref().map(|named| pages::settings(named, given.public.as_ref(), back, door)).transpose()?;
    let hub = App::new(client, &named.projects).with_hook(hook);
    let hub = hub.with_issuer(issuer.transpose().map_err(usage)?, runners);
    Ok(fronted(hub, given.gitlab_issuer.clone(), hook_secret, shown))
}

/// The app with where GitLab delivers to and the pages of releases; `issuer` issues the tokens of its jobs.
pub(in crate::cli) fn fronted(
    hub: App,
    issuer: String,
    secret: HookSecret,
    shown: Option<pages::Set<Door>>,
) -> Front<App> {
    let address = shown.as_ref().map(|shown| shown.origin.address.clone());
    let routes = |desk: &Arc<Desk<App>>| Shown {
        pages: front::shown(desk, shown),
        hooks: hooks::router(desk.clone(), Gitlab(secret)),
    };
    Front { hub, title: "GitLab", issuer, pages: address, own: None, routes: Box::new(routes) }
}
