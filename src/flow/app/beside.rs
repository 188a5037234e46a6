//! The desks of one app, one for each forge that it serves: over one record, and each with its own forge. What one needs of
//! another is only this: what waits there, that it looks again, and the layer of the policy that a repository there keeps.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use super::Desk;
use super::docket::Waits;
use super::kept::Kept;
use super::policy::{NoPolicy, Outer};
use crate::forge::Hub;

/// A repository of a forge; its name in lower case.
type Place = (String, String);

/// What one desk asks of another.
pub(in crate::flow) trait Neighbour: Send + Sync {
    /// The releases of a repository that wait before an environment.
    fn waiting(&self, repository: &str, environment: &str) -> Vec<Waits>;

    /// Looks again at what waits in a repository.
    fn look_again(&self, repository: &str);

    /// The layers around every repository's own, one of which a repository of its forge keeps.
    fn around<'n>(&'n self, kept: &'n Kept) -> Pin<Box<dyn Future<Output = Result<Arc<Outer>, NoPolicy>> + Send + 'n>>;
}

/// The desks by the names of their forges. Copies share them.
#[derive(Clone, Default)]
pub struct Desks(Arc<Mutex<Shared>>);

#[derive(Default)]
struct Shared {
    /// All forges that the app serves, whether their desks have begun or not.
    forges: Vec<&'static str>,
    /// Whoever ends is nobody's neighbour any more.
    desks: BTreeMap<&'static str, Weak<dyn Neighbour>>,
    /// By each repository those whose releases are parts of a package with one of its own.
    with: BTreeMap<Place, BTreeSet<Place>>,
}

impl std::fmt::Debug for Desks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.shared().desks.keys()).finish()
    }
}

fn place(forge: &str, repository: &str) -> Place {
    (forge.to_owned(), repository.to_ascii_lowercase())
}

impl Desks {
    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those of an app that serves these forges.
    #[must_use]
    pub fn of_forges(forges: &[&'static str]) -> Self {
        let desks = Self::default();
        desks.shared().forges = forges.to_vec();
        desks
    }

    /// A desk begins to work.
    pub(super) fn join<H: Hub>(&self, desk: &Arc<Desk<H>>) {
        let desk: Weak<Desk<H>> = Arc::downgrade(desk);
        self.shared().desks.insert(H::NAME, desk);
    }

    /// The forge that the app serves beside one; `None` where it serves that one alone.
    pub(super) fn other(&self, than: &str) -> Option<&'static str> {
        self.shared().forges.iter().copied().find(|forge| *forge != than)
    }

    /// The desk of a forge; `None` where the app does not serve it.
    pub(super) fn of(&self, forge: &str) -> Option<Arc<dyn Neighbour>> {
        self.shared().desks.get(forge)?.upgrade()
    }

    /// A release of the first place waits for one of the second: whatever happens there is looked at here.
    pub(super) fn waits_for(&self, (forge, repository): (&str, &str), (other, there): (&str, &str)) {
        self.shared().with.entry(place(other, there)).or_default().insert(place(forge, repository));
    }

    /// Something was recorded of a repository: whoever waits for a release of it looks again.
    pub(super) fn happened(&self, forge: &str, repository: &str) {
        let concerned = self.shared().with.get(&place(forge, repository)).cloned().unwrap_or_default();
        for (forge, repository) in concerned {
            if let Some(desk) = self.of(&forge) {
                desk.look_again(&repository);
            }
        }
    }
}

impl<H: Hub> Neighbour for Desk<H> {
    fn waiting(&self, repository: &str, environment: &str) -> Vec<Waits> {
        self.docket().waits_here(repository, environment)
    }

    fn look_again(&self, repository: &str) {
        self.docket().happened(Some(repository), None, false, Instant::now());
        self.to_decide.notify_one();
    }

    fn around<'n>(&'n self, kept: &'n Kept) -> Pin<Box<dyn Future<Output = Result<Arc<Outer>, NoPolicy>> + Send + 'n>> {
        Box::pin(self.around_by(kept))
    }
}
