//! The layer of the policy that a repository keeps for all others, on a branch that is protected.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Desk;
use super::policy::{self, NoPolicy, Outer, Read};
use crate::forge::Hub;
use crate::workspace::layers::PLACES;

/// How long the layer is believed before it is read again, and how long it is believed that it cannot be read.
const AGE: Duration = Duration::from_mins(1);
const AGAIN: Duration = Duration::from_secs(10);

/// Where the layer is kept: `acme/policy`, `acme/policy@main`, `acme/policy@main:org/policy.yml`, each with `github:` or
/// `gitlab:` before it where the app serves both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The forge; left out: the only one.
    pub forge: Option<String>,
    /// The repository.
    pub repository: String,
    /// The branch, which has to be protected; left out: the default branch.
    pub branch: Option<String>,
    /// The file; left out: the usual places.
    pub path: Option<String>,
}

impl Kept {
    /// Where the layer may be, in the order in which it is looked for.
    pub(super) fn places(&self) -> Vec<&str> {
        self.path.as_deref().map_or_else(|| PLACES.to_vec(), |path| vec![path])
    }
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.forge.iter().try_for_each(|forge| write!(f, "{forge}:"))?;
        f.write_str(&self.repository)?;
        self.branch.iter().try_for_each(|branch| write!(f, "@{branch}"))?;
        self.path.iter().try_for_each(|path| write!(f, ":{path}"))
    }
}

/// That a text names no place where a layer is kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no layer; write `acme/policy`, or `acme/policy@main:org/policy.yml`")]
pub struct NoPlace(String);

impl FromStr for Kept {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let wrong = || NoPlace(text.to_owned());
        let part = |part: &str| (!part.is_empty() && !part.contains(char::is_whitespace)).then(|| part.to_owned());
        // What stands before a repository's name is no repository.
        let (forge, rest) = match text.split_once(':') {
            Some((forge, rest)) if !forge.contains('/') => (Some(forge), rest),
            Some(_) | None => (None, text),
        };
        if forge.is_some_and(|forge| !matches!(forge, "github" | "gitlab")) {
            return Err(wrong());
        }
        let (place, path) = match rest.split_once(':') {
            Some((place, path)) => (place, Some(part(path).ok_or_else(wrong)?)),
            None => (rest, None),
        };
        let (repository, branch) = match place.split_once('@') {
            Some((repository, branch)) => (repository, Some(part(branch).ok_or_else(wrong)?)),
            None => (place, None),
        };
        let inside = |path: &String| !path.starts_with('/') && path.split('/').all(|it| !matches!(it, "" | "." | ".."));
        if repository.split('/').count() < 2 || !inside(&repository.to_owned()) || !path.iter().all(inside) {
            return Err(wrong());
        }
        let forge = forge.map(str::to_owned);
        Ok(Self { forge, repository: part(repository).ok_or_else(wrong)?, branch, path })
    }
}

/// The layers around every repository's own, as they were read last.
pub(super) type Around = tokio::sync::Mutex<Option<(Instant, Result<Arc<Outer>, NoPolicy>)>>;

impl<H: Hub> Desk<H> {
    /// By which policy the releases of a repository are decided now.
    pub(super) async fn policy(&self, forge: &H::Forge, repository: &str) -> Result<Read, NoPolicy> {
        match &self.settings.kept {
            Some(kept) => {
                let around = match &kept.forge {
                    Some(other) if other != H::NAME => match self.settings.desks.of(other) {
                        Some(desk) => desk.around(kept).await,
                        None => {
                            Err(NoPolicy::Unread(format!("the layer in `{kept}` is on a forge that is not served")))
                        }
                    },
                    Some(_) | None => self.around_by(kept).await,
                };
                policy::read(forge, repository, &*around?).await
            }
            None => policy::read(forge, repository, &self.settings.outer).await,
        }
    }

    pub(super) async fn around_by(&self, kept: &Kept) -> Result<Arc<Outer>, NoPolicy> {
        let mut known = self.around.lock().await;
        if let Some((at, read)) = &*known
            && at.elapsed() < if read.is_ok() { AGE } else { AGAIN }
        {
            return read.clone();
        }
        let read = match self.hub.of(&kept.repository).await {
            Ok(forge) => policy::around(&forge, &self.settings.outer, kept).await.map(Arc::new),
            Err(fault) => Err(NoPolicy::Unread(format!("the layer in `{kept}` could not be read: {fault}"))),
        };
        *known = Some((Instant::now(), read.clone()));
        read
    }
}
