//! Setting up: where the App is kept, and the page on which it is made.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;

use super::named::Files;
use super::{Set, needed, pages};
use crate::cli::facts::{Failure, usage};
use crate::cli::{UNKNOWN, print};
use crate::flow::app::watch::Journal;
use crate::flow::setup::{Folder, Setup};
use crate::forge::github::manifest::{FILES, Github};
use crate::web::pages::setup::{PAGE, PLACES, router};
use crate::web::serve::{Limits, ended, serve};
use crate::workspace::open;

/// How many bytes an id may have.
const ID: u64 = 1_000;

/// The folder that keeps an App.
pub(in crate::cli) fn folder(path: PathBuf) -> Folder {
    Folder::new(path, FILES)
}

/// The number of the App that a folder keeps, and the file with its key.
pub(in crate::cli) fn identity(folder: &Folder) -> Result<(String, PathBuf), Failure> {
    let [key, .., id] = FILES;
    Ok((text(folder, id)?, folder.file(key)))
}

/// The files of an App that a folder keeps. Its pages are switched on where it has an address.
pub(super) fn files(folder: &Folder, pages: bool, recheck: Option<u64>) -> Result<Files, Failure> {
    let (id, key) = identity(folder)?;
    let [_, hook, client_id, client_secret, _] = FILES;
    let pages = if pages {
        Some(pages::Named { id: text(folder, client_id)?, secret: folder.file(client_secret), recheck })
    } else {
        None
    };
    Ok(Files { id, key, hook: folder.file(hook), pages })
}

fn text(folder: &Folder, name: &str) -> Result<String, Failure> {
    let path = folder.file(name);
    let wrong = |why: &dyn std::fmt::Display| usage(format!("`{}`: {why}", path.display()));
    let artifact = open::named(&path, ID).map_err(|fault| wrong(&fault))?;
    let text = std::str::from_utf8(&artifact).map_err(|error| wrong(&error))?;
    Ok(text.trim().to_owned())
}

/// Serves the page until an App is kept; whether one is.
pub(super) async fn until_kept(
    set: &Set,
    folder: &Folder,
    listener: &std::net::TcpListener,
    journal: &Journal,
) -> Result<bool, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure(UNKNOWN, format!("nothing can be set up: {error}"));
    let origin = needed(set.public.clone(), "an App is set up for its address: name it with `--public-url`")?;
    let registrar = Github::new(set.base.clone()).map_err(|fault| failed(&fault))?;
    let (setup, token) =
        Setup::begin(registrar, folder.clone(), origin.address.clone(), PLACES).map_err(|out| failed(&out))?;
    let setup = Arc::new(setup);
    // The same socket goes on to be listened on afterwards, so that nobody is turned away in between.
    let shared = listener.try_clone().and_then(tokio::net::TcpListener::from_std).map_err(|error| failed(&error))?;
    let address = listener.local_addr().map_err(|error| failed(&error))?;
    let ended = ended();
    // The token is for the terminal alone, and so in no log.
    let printed =
        format!("set up the App at {}{PAGE}?token={token}\nwaiting for it on http://{address}\n", origin.address);
    print(&printed).map_err(|error| failed(&error))?;
    journal("setup_begun", &json!({ "listen": address.to_string() }));
    let router = router(setup.clone(), origin, journal.clone());
    let mut kept = false;
    let end = async {
        tokio::select! {
            () = ended => {}
            () = setup.done() => kept = true,
        }
    };
    serve(shared, router, Limits::default(), end).await;
    Ok(kept)
}
