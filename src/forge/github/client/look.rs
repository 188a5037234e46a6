//! A look at something, as for one decision: each thing is read once in it, whoever asks for it, and what the look at the
//! same thing before has read is asked for at once when it begins, so that answers are waited for together and not one after
//! the other. Every answer is of this look: nothing is believed that was read before it began.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use reqwest::{Method, Url};
use tokio::sync::OnceCell;
use tracing::Instrument as _;

use super::fault::Fault;
use super::graphql::{Variables, body, question_of};
use super::newest::Newest;
use super::send::{Reply, Request, TRIES};
use super::together::{Together, together};
use super::{Client, Inner};

/// Of how many things is kept what was read of them.
const THINGS: usize = 32;
/// How many questions of one are kept, and how many bytes of them.
const MOST: usize = 64;
const BYTES: usize = 1 << 20;

/// Something that is only read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Asked {
    /// By its address.
    Get(Url),
    /// A GraphQL question with its variables.
    Graph(String),
}

impl Asked {
    fn bytes(&self) -> usize {
        match self {
            Self::Get(url) => url.as_str().len(),
            Self::Graph(body) => body.len(),
        }
    }
}

/// What was read in earlier looks, by what they were at.
pub(super) type Before = Mutex<HashMap<String, Vec<Asked>>>;

type Cell = Arc<OnceCell<Result<Reply, Fault>>>;

#[derive(Debug, Default)]
struct Read {
    cells: HashMap<Asked, Cell>,
    /// What somebody asked for, in the order in which it was.
    used: Vec<Asked>,
    /// What is asked together with others.
    groups: HashMap<Asked, Arc<Group>>,
    /// The questions of the look before, until it is known with what this one begins.
    before: Vec<String>,
}

/// The question with which a look at a release begins: what is asked of every one of them before anything else is known.
#[derive(Clone, Debug)]
pub(in crate::forge::github) struct Opening {
    /// The repository, `owner/name`.
    pub(in crate::forge::github) repository: String,
    /// The environment whose deployments it lists.
    pub(in crate::forge::github) environment: String,
    /// The commit whose history it lists.
    pub(in crate::forge::github) commit: String,
    /// The file of the default branch whose text it asks for.
    pub(in crate::forge::github) file: String,
    /// The question itself.
    pub(in crate::forge::github) text: String,
    /// What was known of the repository's activity when it began.
    pub(in crate::forge::github) activity: Newest,
}

/// Several questions that are sent as one.
#[derive(Debug)]
struct Group {
    asked: Asked,
    cell: Cell,
}

/// A look that goes on. When the last who looks is gone, what it read is known to the next.
#[derive(Debug)]
pub(super) struct Look {
    at: String,
    client: Weak<Inner>,
    read: Mutex<Read>,
    opening: OnceLock<Opening>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Look {
    fn cell(&self, asked: &Asked, is_used: bool) -> Cell {
        let mut read = lock(&self.read);
        if is_used && !read.used.contains(asked) {
            read.used.push(asked.clone());
        }
        read.cells.entry(asked.clone()).or_default().clone()
    }

    fn group(&self, asked: &Asked) -> Option<Arc<Group>> {
        lock(&self.read).groups.get(asked).cloned()
    }
}

impl Drop for Look {
    fn drop(&mut self) {
        let Some(client) = self.client.upgrade() else { return };
        let used = std::mem::take(&mut lock(&self.read).used);
        let bytes: usize = used.iter().map(Asked::bytes).sum();
        let mut before = lock(&client.looks);
        if self.at.is_empty() || used.is_empty() || used.len() > MOST || bytes > BYTES {
            before.remove(&self.at);
            return;
        }
        if before.len() >= THINGS && !before.contains_key(&self.at) {
            before.clear();
        }
        before.insert(self.at.clone(), used);
    }
}

impl Client {
    /// The same client, for a look that begins now. `at` is what it is at, as for the look before; an empty one
    /// is at something new each time.
    #[must_use]
    pub fn looking(&self, at: &str) -> Self {
        let look = Look {
            at: at.to_owned(),
            client: Arc::downgrade(&self.inner),
            read: Mutex::default(),
            opening: OnceLock::new(),
        };
        let client = Self { look: Some(Arc::new(look)), ..self.clone() };
        let before = lock(&self.inner.looks).get(at).cloned().unwrap_or_default();
        for asked in before {
            match (asked, &client.look) {
                // Those go with the question with which this look begins.
                (Asked::Graph(body), Some(look)) => lock(&look.read).before.push(body),
                (asked, _) => client.begin(asked),
            }
        }
        client
    }

    /// Begins to read what is going to be asked for in this look; nothing, where nobody looks.
    pub(in crate::forge::github) fn ahead(&self, path: &str) {
        if let Ok(url) = self.url(path) {
            self.begin(Asked::Get(url));
        }
    }

    /// Begins to ask questions about one repository, as one where that can be.
    pub(in crate::forge::github) fn ask_together(&self, questions: &[&str], variables: &Variables) {
        let Some(look) = &self.look else { return };
        let asked: Vec<Asked> = questions.iter().map(|question| Asked::Graph(body(question, variables))).collect();
        if let ([_, _, ..], Together::One(all)) = (questions, together(questions)) {
            let group = Arc::new(Group { asked: Asked::Graph(body(&all, variables)), cell: Cell::default() });
            let mut read = lock(&look.read);
            read.groups.extend(asked.iter().map(|asked| (asked.clone(), group.clone())));
        }
        for asked in asked {
            self.begin(asked);
        }
    }

    /// Begins a look with a question that whoever reads in it takes his part of, with others beside it. What the look before
    /// asked goes with them: the first of its further questions in the same call, for GitHub bounds what one may list.
    pub(in crate::forge::github) fn opens_with(&self, opening: Opening, more: Option<&str>, variables: &Variables) {
        let Some(look) = &self.look else { return };
        let before = std::mem::take(&mut lock(&look.read).before);
        let before: Vec<String> = before.iter().filter_map(|body| question_of(body, variables)).collect();
        let own: Vec<&str> = std::iter::once(opening.text.as_str()).chain(more).collect();
        let mut first = own.clone();
        for question in before.iter().map(String::as_str).filter(|question| !own.contains(question)) {
            let with = [own.as_slice(), &[question]].concat();
            match together(&with) {
                Together::One(_) if first.len() == own.len() => first.push(question),
                Together::One(_) | Together::Other => self.begin(Asked::Graph(body(question, variables))),
                // It asked what is asked otherwise now.
                Together::Differ => {}
            }
        }
        self.ask_together(&first, variables);
        let _ = look.opening.set(opening);
    }

    /// The question with which this look began, where it has one.
    pub(in crate::forge::github) fn opening(&self) -> Option<&Opening> {
        self.look.as_ref()?.opening.get()
    }

    /// The same client in a look, which may begin here.
    pub(in crate::forge::github) fn in_a_look(&self) -> Self {
        if self.look.is_some() { self.clone() } else { self.looking("") }
    }

    fn begin(&self, asked: Asked) {
        let Some(look) = &self.look else { return };
        let (cell, group) = (look.cell(&asked, false), look.group(&asked));
        let client = Self { look: None, ..self.clone() };
        let read = async move { cell.get_or_init(|| client.fetched(&asked, group)).await.is_ok() };
        tokio::spawn(read.in_current_span());
    }

    /// Reads something, with others where it goes with them. What cannot be had of all together is asked for by itself.
    async fn fetched(&self, asked: &Asked, group: Option<Arc<Group>>) -> Result<Reply, Fault> {
        if let Some(group) = group {
            // What is too much for one answer is not asked for again and again.
            let all = group.cell.get_or_init(|| self.tried(&group.asked, 1)).await;
            if let Some(reply) = all.as_ref().ok().filter(|reply| reply.answers()) {
                return Ok(reply.clone());
            }
        }
        self.sent(asked).await
    }

    /// Reads something; in a look, once.
    pub(super) async fn once(&self, asked: &Asked) -> Result<Reply, Fault> {
        match &self.look {
            Some(look) => {
                let group = look.group(asked);
                look.cell(asked, true).get_or_init(|| self.fetched(asked, group)).await.clone()
            }
            None => self.sent(asked).await,
        }
    }

    /// Reads something anew.
    pub(super) async fn sent(&self, asked: &Asked) -> Result<Reply, Fault> {
        self.tried(asked, TRIES).await
    }

    /// The same, tried so often at most.
    async fn tried(&self, asked: &Asked, tries: u32) -> Result<Reply, Fault> {
        let (mut request, what) = match asked {
            Asked::Get(url) => {
                let what = self.inner.base.path_of(url).unwrap_or_default();
                (super::reading(url.clone()), what)
            }
            Asked::Graph(body) => {
                let url = self.inner.base.graphql().clone();
                let request =
                    Request { method: Method::POST, url, body: Some(body.clone()), graphql: true, reads: true, tries };
                (request, super::graphql::WHAT.to_owned())
            }
        };
        request.tries = tries;
        self.send(&request, &what).await
    }
}
