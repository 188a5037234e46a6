//! How an app comes to be known to a forge: somebody is sent there with what it is to be, and comes back with a code that is
//! traded for its keys, once.

/// What the app is to be.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// The address under which it is reached, without a path: `https://countersign.example.com`.
    pub address: String,
    /// The organisation that it is to belong to; left out: to whoever makes it.
    pub organisation: Option<String>,
}

/// Where a browser takes the proposal, and what it takes there.
#[derive(Clone, Debug)]
pub struct Errand {
    /// The address that a form is sent to.
    pub address: String,
    /// The one field of that form, by its name.
    pub field: (&'static str, String),
}

/// Where the forge and people come back to, below the app's address.
#[derive(Clone, Copy, Debug)]
pub struct Places {
    /// Where whoever makes the app is sent back to with a code.
    pub back: &'static str,
    /// Where whoever logs in is sent back to.
    pub login: &'static str,
    /// Where the forge delivers to.
    pub hook: &'static str,
}

/// An app that was made.
pub trait Made: Send {
    /// What it is called on the forge.
    fn name(&self) -> &str;
    /// Its page there, from which it is installed.
    fn page(&self) -> &str;
    /// What is to be kept: the name of each file, and what belongs into it. The last one is its number.
    fn kept(&self) -> [(&'static str, &str); 5];
}

/// A forge that apps are made at.
pub trait Registrar: Send + Sync + 'static {
    /// Why it did not.
    type Fault: std::error::Error + Send + Sync + 'static;
    /// What it makes.
    type Made: Made;

    /// The origin that forms are sent to: `https://github.com`.
    fn origin(&self) -> String;

    /// What somebody takes there. `state` is handed back unread, so that the answer is known to belong to this question. A
    /// fault is that there can be no such organisation.
    fn errand(&self, proposal: &Proposal, places: &Places, state: &str) -> Result<Errand, Self::Fault>;

    /// Trades the code that somebody came back with. It counts once.
    fn redeem(&self, code: &str) -> impl Future<Output = Result<Self::Made, Self::Fault>> + Send;
}
