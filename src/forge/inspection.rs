//! An installation as it is inspected: what is asked of a forge about how it protects what is released from it.

use crate::forge::{Forge, Installations};
use crate::model::posture::{Hook, Posture};
use crate::model::wording::Wording;

/// What is asked of one repository.
#[derive(Clone, Debug, Default)]
pub struct Sought {
    /// The repository: `acme/payments`.
    pub repository: String,
    /// The branch that the policy is read from; left out: the default branch.
    pub branch: Option<String>,
    /// The accounts that the policy names, by their logins here.
    pub logins: Vec<String>,
    /// The groups that the policy names, as it does: `github:@acme/infra`.
    pub groups: Vec<String>,
}

/// A forge that can be asked how it protects what is released from it.
///
/// What cannot be read is said in its place: no answer here fails as a whole.
pub trait Inspect {
    /// Why it could not be asked.
    type Fault: std::error::Error + Send + Sync + 'static;
    /// The forge that the policy is read from.
    type Forge: Forge<Fault = Self::Fault>;
    /// What things are called there, and where they are mended.
    const WORDING: &'static Wording;

    /// The repositories that the app is installed on.
    fn repositories(&self) -> impl Future<Output = Result<Installations, Self::Fault>>;

    /// The forge under whose name one repository is read.
    fn forge(&self, repository: &str) -> impl Future<Output = Result<Self::Forge, Self::Fault>>;

    /// How it tells the app what happens; nothing where each repository has a hook of its own.
    fn hook(&self) -> impl Future<Output = Option<Hook>>;

    /// How it protects one repository.
    fn posture(&self, sought: &Sought) -> impl Future<Output = Posture>;
}
