//! `countersign demo`: the app beside a sandbox of GitHub or GitLab, both on this machine alone, and a walk through what they do.

mod acme;
mod clock;
mod fronts;
mod seen;
mod story;
mod visitor;

use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use chrono::Utc;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};

use super::facts::{Failure, roster, usage};
use super::log::key;
use super::serve::{Fronts, works, written};
use super::{PROCEED, UNKNOWN, USAGE, complain, print};
use crate::connect::feed::Feeds;
use crate::flow::app::Settings;
use crate::flow::app::beside::Desks;
use crate::flow::app::clock::Clock as AppClock;
use crate::flow::app::outside::Outside;
use crate::flow::app::policy::Outer;
use crate::flow::app::watch::Journal;
use crate::flow::messages::Channels;
use crate::sandbox::world::REPOSITORY;
use crate::sandbox::{Kind, Sandbox};
use crate::store::address::Address;
use crate::store::outbox::Backoff;
use crate::store::signatory::Signatory;
use crate::web::serve::{Limits, ended, serve};
use clock::Clock;
use story::{Differs, Stage};

/// Every exit code, with what it means.
pub(super) const EXIT_CODES: [(u8, &str); 3] = [
    (PROCEED, "it was told to end, or with `--once`: everything was as the walk says"),
    (USAGE, "the command is wrong, or the folder or the port cannot be used"),
    (UNKNOWN, "something was not as the walk says, which is told, or the app could not go on"),
];

/// The log's name.
const LOG: &str = "log.example/demo";

fn after_help() -> String {
    let codes: Vec<String> = EXIT_CODES.iter().map(|(code, meaning)| format!("  {code:2}  {meaning}\n")).collect();
    format!(
        "Exit codes:\n{}\nNothing leaves this machine, and nothing but the folder is written. The app is the one of `serve`, with \
         the record in SQLite; the GitHub beside it, or with `--gitlab` the GitLab, is a sandbox of this program's own, which sends \
         signed deliveries in that forge's shapes. The clock is the demo's: it begins on a Thursday and goes on to the Monday after. Whoever opens a \
         page chooses at the sandbox who he is.",
        codes.concat()
    )
}

/// How the demo is run.
#[derive(clap::Args)]
#[command(after_help = after_help())]
pub(super) struct Arguments {
    /// Serve the app's pages at this port of 127.0.0.1. Left out: any that is free.
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    port: u16,
    /// Keep the record, its key and the app's log in this folder, which must be empty or not there yet. Left out: in a new
    /// one among the temporary files.
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Take the walk on a sandbox of GitLab instead of GitHub's: the same people, policy and releases.
    #[arg(long)]
    gitlab: bool,
    /// End after the walk, with an exit code that says whether everything was as it says.
    #[arg(long)]
    once: bool,
}

pub(super) fn run(arguments: &Arguments) -> u8 {
    match shown(arguments) {
        Ok(code) => code,
        Err(Failure(code, words)) => {
            complain(&words);
            code
        }
    }
}

/// The folder that the demo's files lie in.
fn folder(named: Option<&Path>) -> Result<PathBuf, Failure> {
    let Some(path) = named else {
        let made = tempfile::Builder::new().prefix("countersign-demo-").tempdir();
        return Ok(made.map_err(|error| usage(format!("no temporary folder can be made: {error}")))?.keep());
    };
    let wrong = |error: std::io::Error| {
        usage(format!("the folder `{}` cannot be used: {error}; name another with `--folder`", path.display()))
    };
    std::fs::create_dir_all(path).map_err(wrong)?;
    if std::fs::read_dir(path).map_err(wrong)?.next().is_some() {
        return Err(usage(format!("the folder `{}` is not empty: name a new one for each demo", path.display())));
    }
    path.canonicalize().map_err(wrong)
}

/// What the app logs goes into a file.
fn journal(folder: &Path) -> Result<Journal, Failure> {
    let path = folder.join("app.log");
    let file = OpenOptions::new().create_new(true).append(true).open(&path);
    let file = file.map_err(|error| usage(format!("`{}` cannot be written: {error}", path.display())))?;
    let file = Mutex::new(file);
    Ok(written(move |line| drop(file.lock().unwrap_or_else(PoisonError::into_inner).write_all(line))))
}

fn settings(folder: &Path, kind: Kind, clock: Clock, running: &str) -> Result<Settings, Failure> {
    let members = folder.join("roster.yml");
    let kept = std::fs::write(&members, acme::roster(kind));
    kept.map_err(|error| usage(format!("`{}` cannot be written: {error}", members.display())))?;
    let address = format!("sqlite:{}", folder.join("record.db").display());
    let place = (REPOSITORY.to_owned(), "production".to_owned());
    Ok(Settings {
        address: Address::parse(&address).map_err(usage)?,
        folder: None,
        outer: Outer::default(),
        kept: None,
        // Nothing of it migrates anything, which no forge knows.
        known: Some(json!({"release": {"irreversible": null}})),
        roster: roster(Some(&members))?,
        without_artifacts: vec!["checkout".to_owned()],
        submissions: true,
        since: [(place, [(String::new(), running.to_owned())].into())].into(),
        sweep: Duration::from_secs(5),
        backoff: Backoff::new(Utc::now().timestamp_subsec_nanos().into()),
        pages: None,
        outside: Outside::default(),
        channels: Arc::new(Channels::none().map_err(usage)?),
        feeds: Arc::new(Feeds::new([]).map_err(usage)?),
        clock: AppClock::by(move || clock.now()),
        desks: Desks::of_forges(&[kind.word()]),
    })
}

/// Says on every page, in its style sheet, that none of this is real and what time it is.
async fn marked((kind, clock): (Kind, Clock), request: Request, next: Next) -> Response {
    let is_style = request.uri().path() == "/style.css";
    let response = next.run(request).await;
    if !is_style {
        return response;
    }
    let (parts, body) = response.into_parts();
    let style = axum::body::to_bytes(body, 1 << 20).await.unwrap_or_default();
    let now = clock.now().with_timezone(&chrono_tz::Europe::London).format("%A %-d %B %Y, %H:%M");
    let banner = format!(
        "\nbody::before {{ content: \"Demo on a sandbox of {}: people, code and time are made up. It is {now} in London.\"; \
         display: block; background: #fff3cd; color: #1f2328; border-bottom: 1px solid #d4a72c; padding: .5rem 1rem; }}\n",
        kind.name()
    );
    (parts, [style.as_ref(), banner.as_bytes()].concat()).into_response()
}

/// Why the app does not work any more, for whoever sits before it.
fn stopped(why: &str, log: &Path) -> String {
    format!(
        "the demo has ended: {why}. A machine that slept, or stood still for more than some seconds, comes to this: an app that \
         was cut off writes nothing more, because another may have taken its place; see {}",
        log.display()
    )
}

async fn until(mut ends: watch::Receiver<bool>) {
    let _ = ends.wait_for(|ends| *ends).await;
}

fn told(stage: &Stage, once: bool) -> String {
    let (folder, app, forge) = (stage.folder.display(), &stage.app, stage.sandbox.address());
    let record = format!(
        "\nThe record, its key and the app's log are in {folder}. Whether the record is what was signed says\n  \
         countersign log verify --database sqlite:{folder}/record.db --log-key {folder}/log.pub\n"
    );
    if once {
        return record;
    }
    format!(
        "{record}\nNow it is yours, until you press Ctrl-C. Log in as whom you like: the sandbox asks who you are.\n  \
         {app}/  the releases, and what you can do with each\n  \
         {forge}/  the sandbox: changes, runs, people, the policy\n"
    )
}

fn shown(arguments: &Arguments) -> Result<u8, Failure> {
    let failed = |failure: super::log::Failure| Failure(failure.0, failure.1);
    let folder = folder(arguments.folder.as_deref())?;
    let private = folder.join("log.key");
    let public = key::made(LOG, &private).map_err(failed)?;
    let kept = std::fs::write(folder.join("log.pub"), format!("{public}\n"));
    kept.map_err(|error| usage(format!("`{}` cannot be written in: {error}", folder.display())))?;
    let signers = (key::signatory(&private).map_err(failed)?, vec![key::signatory(&private).map_err(failed)?]);
    let journal = journal(&folder)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure(UNKNOWN, format!("the machine has no room for another thread: {error}")))?;
    let kind = if arguments.gitlab { Kind::Gitlab } else { Kind::Github };
    runtime.block_on(async {
        let (here, app) = listens(arguments.port).await?;
        let (there, forge) = listens(0).await?;
        let clock = Clock::new();
        let (world, running) = acme::world(kind, clock.now());
        let says = clock.clone();
        let sandbox = Sandbox::new(kind, (&forge, &app), world, Arc::new(move || says.now()));
        let sandbox = sandbox.map_err(|fault| Failure(UNKNOWN, fault.to_string()))?;
        let settings = settings(&folder, kind, clock.clone(), &running)?;
        let stage = Stage { sandbox, app, clock, folder };
        let place = ((settings, signers), (here, there), &journal, arguments.once);
        let fronts = match kind {
            Kind::Github => fronts::on_github(&stage.sandbox, &stage.app)?.into(),
            Kind::Gitlab => fronts::on_gitlab(&stage.sandbox, &stage.app)?.into(),
        };
        Box::pin(at_work(fronts, &stage, place)).await
    })
}

/// What the app works with, where it and the sandbox listen, where it logs, and whether the walk is all.
type Place<'p> = ((Settings, (Signatory, Vec<Signatory>)), (TcpListener, TcpListener), &'p Journal, bool);

/// The app and the sandbox at work beside each other, and the walk.
async fn at_work(fronts: Fronts, stage: &Stage, (set, (here, there), journal, once): Place<'_>) -> Result<u8, Failure> {
    let (end, ends) = watch::channel(false);
    let (ready, begins) = oneshot::channel();
    let banner = (stage.sandbox.kind(), stage.clock.clone());
    let started = move |_: SocketAddr, pages: Router| {
        let _ = ready.send(());
        pages.layer(middleware::from_fn(move |request, next| marked(banner.clone(), request, next)))
    };
    let works = works(fronts, set, here, journal, started, until(ends.clone()));
    let (over, is_over) = oneshot::channel::<()>();
    let works = async {
        let worked = works.await;
        drop(over);
        worked
    };
    let forge = serve(there, stage.sandbox.router(), Limits::default(), until(ends));
    let walks = async {
        let walked = tokio::select! {
            walked = walked(stage, begins, once) => walked,
            () = ended() => Ok(()),
            // The app ends by itself where it can write nothing more.
            _ = is_over => Ok(()),
        };
        let _ = end.send(true);
        walked
    };
    let (worked, (), walked) = tokio::join!(works, forge, walks);
    // Why the app could not work says more than that nothing came of it.
    let log = stage.folder.join("app.log");
    let code = worked.map_err(|Failure(code, why)| Failure(code, stopped(&why, &log)))?;
    walked.map(|()| code)
}

/// Listens at a port of this machine, and says at which address.
async fn listens(port: u16) -> Result<(TcpListener, String), Failure> {
    let wrong = |error: std::io::Error| {
        usage(format!("port {port} of 127.0.0.1 cannot be listened on: {error}; name another with `--port`, or none"))
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(wrong)?;
    let address = format!("http://{}", listener.local_addr().map_err(wrong)?);
    Ok((listener, address))
}

/// Walks, and then leaves everything open, but where it is to be done `once`.
async fn walked(stage: &Stage, begins: oneshot::Receiver<()>, once: bool) -> Result<(), Failure> {
    if begins.await.is_err() {
        // Why the app does not work it says itself.
        return Ok(());
    }
    let greeting = format!(
        "Countersign's app, and a sandbox of {} beside it, both on this machine alone. The clock is the demo's.\n  \
         app      {}/\n  sandbox  {}/\n",
        stage.sandbox.kind().name(),
        stage.app,
        stage.sandbox.address()
    );
    // Whoever reads this may go away; the demo stays.
    let _ = print(&greeting);
    let differs = |Differs(why): Differs| {
        Failure(UNKNOWN, format!("this is not as the walk says: {why}; see {}/app.log", stage.folder.display()))
    };
    story::walk(stage).await.map_err(differs)?;
    let _ = print(&told(stage, once));
    if !once {
        std::future::pending::<()>().await;
    }
    Ok(())
}
