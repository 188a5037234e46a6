//! How things stand in the record: what a decision is made upon, which is read from the writer only, and the tables that
//! people read.

use std::collections::BTreeSet;

use super::change::{self, Stream};
use super::fault::Fault;
use super::reader::Reader;
use super::session::{Cell, Session, digest};
use super::transaction::anew;
use super::writer::Writer;

/// How one release on its way into one environment stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stands {
    /// How often it was decided.
    pub version: u64,
    /// The number of the entry of its last decision; `None` where it was never decided.
    pub last: Option<u64>,
    /// What people did that the record has: its name there and the digest of the act.
    pub acts: BTreeSet<(String, [u8; 32])>,
    /// The obligations that it opened, met or not.
    pub obligations: BTreeSet<String>,
    /// When those are due that are not met, microseconds of the Unix time.
    pub due: Vec<i64>,
}

impl Writer {
    /// How a release stands. Whoever decides upon it says which version that was, and is refused where it is another by
    /// then.
    pub async fn stands(&mut self, stream: &Stream) -> Result<Stands, Fault> {
        let name = stream.to_string();
        anew!(self.transaction(async |_, session, _| Ok((stands(session, &name).await?, None))))
    }

    /// Which of those obligations the record has, and nobody has met.
    pub async fn open_obligations(&mut self, of: &[String]) -> Result<Vec<String>, Fault> {
        anew!(self.transaction(async |_, session, _| {
            let mut open = Vec::new();
            for id in of {
                let sql = "SELECT id FROM obligation WHERE id = $1 AND met IS NULL";
                for row in session.rows(sql, &[id.as_str().into()]).await? {
                    open.push(row.text(0)?);
                }
            }
            Ok((open, None))
        }))
    }
}

async fn stands(session: &mut Session, name: &str) -> Result<Stands, Fault> {
    let mut stands = Stands { version: change::version(session, name).await?, ..Stands::default() };
    if let Some(row) = session.row("SELECT idx FROM stream WHERE name = $1", &[name.into()]).await? {
        stands.last = Some(row.count(0)?);
    }
    for row in session.rows("SELECT id, digest FROM act WHERE stream = $1", &[name.into()]).await? {
        stands.acts.insert((row.text(0)?, digest(&row, 1)?.0));
    }
    for row in session.rows("SELECT id, due, met FROM obligation WHERE stream = $1", &[name.into()]).await? {
        stands.obligations.insert(row.text(0)?);
        if row.maybe_int(2)?.is_none() {
            stands.due.extend(row.maybe_int(1)?);
        }
    }
    Ok(stands)
}

/// What a column of a table says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    /// A number.
    Number,
    /// A text.
    Text,
    /// An instant, microseconds of the Unix time.
    Instant,
    /// A SHA-256 digest.
    Digest,
}
use Says::{Digest, Instant, Number, Text};

/// Declares the tables once, each with its word, what it lists, its columns and its query.
macro_rules! tables {
    ($($(#[doc = $doc:literal])+ $name:ident = $word:literal, $columns:expr, $sql:literal;)+) => {
        /// A table that people read.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Table { $($(#[doc = $doc])+ $name,)+ }

        impl Table {
            /// Every table.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Its word.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => $word),+ }
            }

            /// What it lists.
            #[must_use]
            pub fn lists(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+).trim_ascii()),+ }
            }

            /// Its columns, each with what it says.
            #[must_use]
            pub fn columns(self) -> &'static [(&'static str, Says)] {
                match self { $(Self::$name => &$columns),+ }
            }

            fn sql(self) -> &'static str {
                match self { $(Self::$name => $sql),+ }
            }
        }
    };
}

tables! {
    /// deliveries, each with the last decision that answers it
    Deliveries = "deliveries",
        [("entry", Number), ("forge", Text), ("id", Text), ("sha256", Digest), ("at", Instant), ("answered by", Number)],
        "SELECT idx, forge, id, digest, at, (SELECT MAX(decision) FROM answer WHERE delivery = idx) FROM delivery \
         ORDER BY idx";
    /// decisions
    Decisions = "decisions",
        [("entry", Number), ("release", Text), ("number", Number), ("ruling", Text), ("for", Instant),
         ("facts", Digest), ("document", Digest), ("why", Text)],
        "SELECT idx, stream, version, ruling, now, facts, document, summary FROM decision ORDER BY idx";
    /// approvals, rejections, withdrawals, ticks, what else people did, and what was refused
    Approvals = "approvals",
        [("entry", Number), ("release", Text), ("act", Text), ("kind", Text), ("by", Text), ("at", Instant),
         ("sha256", Digest)],
        "SELECT idx, stream, id, kind, account, at, digest FROM act WHERE kind <> 'waiver' ORDER BY idx";
    /// waivers
    Waivers = "waivers",
        [("entry", Number), ("release", Text), ("act", Text), ("kind", Text), ("by", Text), ("at", Instant),
         ("sha256", Digest)],
        "SELECT idx, stream, id, kind, account, at, digest FROM act WHERE kind = 'waiver' ORDER BY idx";
    /// obligations, each with the entry that says it is met
    Obligations = "obligations",
        [("entry", Number), ("release", Text), ("obligation", Text), ("kind", Text), ("by", Text), ("due", Instant),
         ("met by", Number)],
        "SELECT idx, stream, id, kind, role, due, met FROM obligation ORDER BY idx";
    /// policies that a decision was made by
    Policies = "policies",
        [("entry", Number), ("sha256", Digest), ("at", Instant)],
        "SELECT idx, digest, at FROM policy ORDER BY idx";
    /// evidence that jobs of pipelines submitted
    Evidence = "evidence",
        [("entry", Number), ("forge", Text), ("repository", Text), ("run", Number), ("attempt", Number),
         ("commit", Text), ("pipeline", Text), ("path", Text), ("sha256", Digest), ("bytes", Number), ("at", Instant)],
        "SELECT idx, forge, repository, run, attempt, revision, pipeline, path, digest, size, at FROM submitted ORDER BY idx";
    /// submissions of evidence that are whole, which alone count
    Submissions = "submissions",
        [("entry", Number), ("forge", Text), ("repository", Text), ("run", Number), ("attempt", Number),
         ("commit", Text), ("pipeline", Text), ("list", Digest), ("files", Number), ("at", Instant)],
        "SELECT idx, forge, repository, run, attempt, revision, pipeline, list, files, at FROM closed ORDER BY idx";
    /// deployments that began, each with the decision that let it in
    Deployments = "deployments",
        [("entry", Number), ("forge", Text), ("repository", Text), ("environment", Text), ("deployment", Text),
         ("commit", Text), ("run", Number), ("began", Instant), ("ended", Instant), ("outcome", Text),
         ("let in by", Number), ("at the forge by", Text), ("told by", Text), ("url", Text), ("sha256", Text),
         ("components", Text)],
        "SELECT idx, forge, repository, environment, id, revision, run, began, ended, outcome, decision, let_in, \
         told_by, url, digest, components FROM deployed ORDER BY began, id";
    /// uses of break-glass grants that were told of, each with the decision by which it held
    Grants = "grants",
        [("entry", Number), ("forge", Text), ("repository", Text), ("environment", Text), ("grant", Text),
         ("used by", Text), ("commit", Text), ("used", Instant), ("held by", Number)],
        "SELECT idx, forge, repository, environment, id, used_by, revision, used, decision \
         FROM granted ORDER BY used, id, used_by";
    /// effects that are to leave, or have left
    Outbox = "outbox",
        [("effect", Number), ("state", Text), ("to", Text), ("attempts", Number), ("due", Instant), ("key", Text),
         ("release", Text), ("body", Digest), ("ended by", Number), ("said", Text)],
        "SELECT idx, state, destination, attempts, due, once, stream, body, ended, said FROM outbox ORDER BY idx";
    /// destinations, and until when each is left alone
    Destinations = "destinations",
        [("to", Text), ("failures", Number), ("left alone until", Instant)],
        "SELECT name, failures, NULLIF(opens, 0) FROM destination ORDER BY name";
    /// instants at which time alone can change a decision
    Timers = "timers",
        [("due", Instant), ("release", Text)],
        "SELECT due, stream FROM timer ORDER BY due, stream";
}

impl Reader {
    /// The rows of a table.
    pub async fn table(&mut self, table: Table) -> Result<Vec<Vec<Cell>>, Fault> {
        let mut all = Vec::new();
        for row in self.session.rows(table.sql(), &[]).await? {
            let cell = |(at, (_, says)): (usize, &(&str, Says))| {
                Ok(match says {
                    Number | Instant => row.maybe_int(at)?.map_or(Cell::Null, Cell::Int),
                    Text => row.maybe_text(at)?.map_or(Cell::Null, Cell::Text),
                    Digest => Cell::Text(digest(&row, at)?.to_string()),
                })
            };
            all.push(table.columns().iter().enumerate().map(cell).collect::<Result<_, Fault>>()?);
        }
        Ok(all)
    }
}
