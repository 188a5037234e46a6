//! How the tables are laid out, as steps that only go forward. A step is one transaction in both databases, so one
//! that was killed never happened, and the next run takes it up.

use sha2::{Digest as _, Sha256};

use super::fault::Fault;
use super::session::Session;

/// One step.
struct Step {
    name: &'static str,
    statements: &'static [&'static str],
}

/// Every step, in order; its number is its place, counted from 1. A step that was released is never changed.
/// `{int}` and `{bytes}` are what each database calls those.
const STEPS: &[Step] = &[
    Step {
        name: "the log and what its entries point to",
        statements: &[
            // The one row whose lock orders all writers. `edge` holds the roots of the
            // complete subtrees, the largest first; `moved` says where the record went.
            "CREATE TABLE log_head (id {int} PRIMARY KEY CHECK (id = 1), origin TEXT NOT NULL, vkey TEXT NOT NULL, \
         size {int} NOT NULL, edge {bytes} NOT NULL, checkpoint TEXT NOT NULL, moved TEXT)",
            // The hash stands beside the entry so that one that was changed can be named.
            "CREATE TABLE log_entry (idx {int} PRIMARY KEY, hash {bytes} NOT NULL, entry {bytes} NOT NULL)",
            // Tiles from level 1 up; those of level 0 are the hashes above.
            "CREATE TABLE log_tile (level {int} NOT NULL, number {int} NOT NULL, hashes {bytes} NOT NULL, \
         PRIMARY KEY (level, number))",
            "CREATE TABLE log_checkpoint (size {int} PRIMARY KEY, note TEXT NOT NULL, at {int} NOT NULL)",
            // What was asked for once is done once.
            "CREATE TABLE log_once (once TEXT PRIMARY KEY, idx {int} NOT NULL, entries {int} NOT NULL, \
         digest {bytes} NOT NULL)",
            // By SHA-256 digest of the bytes as they came; `packed` is empty once they were deleted.
            "CREATE TABLE blob (digest {bytes} PRIMARY KEY, size {int} NOT NULL, packed {bytes}, at {int} NOT NULL)",
        ],
    },
    Step {
        name: "what a decision changes beside the log, and who may write",
        statements: &[
            // The last number that was given to a process that writes; each has its own.
            "CREATE TABLE fence (id {int} PRIMARY KEY CHECK (id = 1), epoch {int} NOT NULL)",
            // Who may write, until when by the database's own clock.
            "CREATE TABLE replica (epoch {int} PRIMARY KEY, name TEXT NOT NULL, until {int} NOT NULL)",
            // Where its bytes lie in a folder, `packed` is empty and `annexed` is 1; it is 2 where the file there is to go.
            "ALTER TABLE blob ADD COLUMN annexed {int} NOT NULL DEFAULT 0",
            // By the number of its entry; once by the forge's id.
            "CREATE TABLE delivery (idx {int} PRIMARY KEY, forge TEXT NOT NULL, id TEXT NOT NULL, digest {bytes} NOT NULL, \
         at {int} NOT NULL, UNIQUE (forge, id))",
            // One release on its way into one environment, and how often it was decided.
            "CREATE TABLE stream (name TEXT PRIMARY KEY, version {int} NOT NULL, idx {int} NOT NULL)",
            "CREATE TABLE decision (idx {int} PRIMARY KEY, stream TEXT NOT NULL, version {int} NOT NULL, \
         ruling TEXT NOT NULL, summary TEXT NOT NULL, now {int} NOT NULL, at {int} NOT NULL, facts {bytes} NOT NULL, \
         document {bytes} NOT NULL, UNIQUE (stream, version))",
            // Which deliveries a decision answers.
            "CREATE TABLE answer (delivery {int} NOT NULL, decision {int} NOT NULL, PRIMARY KEY (delivery, decision))",
            // What people did, as a decision first saw it: another digest under the same name is another row.
            "CREATE TABLE act (idx {int} PRIMARY KEY, stream TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, \
         account TEXT NOT NULL, at {int} NOT NULL, digest {bytes} NOT NULL, UNIQUE (stream, id, digest))",
            "CREATE TABLE obligation (id TEXT PRIMARY KEY, idx {int} NOT NULL, stream TEXT NOT NULL, kind TEXT NOT NULL, \
         role TEXT, due {int}, met {int})",
            "CREATE INDEX obligation_stream ON obligation (stream)",
            "CREATE TABLE policy (digest {bytes} PRIMARY KEY, idx {int} NOT NULL, at {int} NOT NULL)",
            // An effect that is to leave, in the order of its entry. `state` is waiting, done or dead.
            "CREATE TABLE outbox (idx {int} PRIMARY KEY, once TEXT NOT NULL UNIQUE, destination TEXT NOT NULL, \
         stream TEXT NOT NULL, body {bytes} NOT NULL, state TEXT NOT NULL, attempts {int} NOT NULL, due {int} NOT NULL, \
         said TEXT, ended {int})",
            "CREATE INDEX outbox_waiting ON outbox (destination, idx) WHERE state = 'waiting'",
            // One at a time sends to a destination: `holder` is its epoch. Nothing is sent before `opens`.
            "CREATE TABLE destination (name TEXT PRIMARY KEY, holder {int} NOT NULL, until {int} NOT NULL, \
         failures {int} NOT NULL, opens {int} NOT NULL)",
            // The next instant at which time alone can change what was decided.
            "CREATE TABLE timer (stream TEXT PRIMARY KEY, due {int} NOT NULL)",
            "CREATE INDEX timer_due ON timer (due)",
        ],
    },
    Step {
        name: "checkpoints that witnesses cosigned",
        statements: &["CREATE TABLE log_witnessed (size {int} PRIMARY KEY, note TEXT NOT NULL, at {int} NOT NULL)"],
    },
    Step {
        name: "evidence that jobs submitted",
        statements: &[
            // By the number of its entry; `repository` in lower case, `revision` the commit.
            "CREATE TABLE submitted (idx {int} PRIMARY KEY, forge TEXT NOT NULL, repository TEXT NOT NULL, \
         run {int} NOT NULL, attempt {int} NOT NULL, revision TEXT NOT NULL, pipeline TEXT NOT NULL, path TEXT NOT NULL, \
         digest {bytes} NOT NULL, size {int} NOT NULL, at {int} NOT NULL)",
            "CREATE INDEX submitted_run ON submitted (forge, repository, run)",
            "CREATE INDEX submitted_digest ON submitted (digest)",
        ],
    },
    Step {
        name: "submissions that are whole",
        statements: &[
            // By the number of its entry; `list` is the digest of its manifest, and `files` how many that lists.
            "CREATE TABLE closed (idx {int} PRIMARY KEY, forge TEXT NOT NULL, repository TEXT NOT NULL, \
         run {int} NOT NULL, attempt {int} NOT NULL, revision TEXT NOT NULL, pipeline TEXT NOT NULL, list {bytes} NOT NULL, \
         files {int} NOT NULL, at {int} NOT NULL)",
            "CREATE INDEX closed_run ON closed (forge, repository, run)",
        ],
    },
    Step {
        name: "deployments, and how they ended",
        statements: &[
            // By the forge's own name for each; `idx` is the number of the last entry about it, `decision` that of the
            // decision that let it in, `repository` in lower case, `revision` the commit.
            "CREATE TABLE deployed (forge TEXT NOT NULL, repository TEXT NOT NULL, id TEXT NOT NULL, idx {int} NOT NULL, \
         environment TEXT NOT NULL, revision TEXT NOT NULL, run {int}, began {int} NOT NULL, ended {int}, outcome TEXT, \
         decision {int}, let_in TEXT, at {int} NOT NULL, PRIMARY KEY (forge, repository, id))",
            "CREATE INDEX deployed_began ON deployed (forge, began)",
        ],
    },
    Step {
        name: "deployments that others tell of, and grants that were used",
        statements: &[
            // Who told of it, where the forge did not; what went, as he says, `components` a JSON list. `found` is 1 where no
            // decision had let it in when it was recorded.
            "ALTER TABLE deployed ADD COLUMN told_by TEXT",
            "ALTER TABLE deployed ADD COLUMN url TEXT",
            "ALTER TABLE deployed ADD COLUMN digest TEXT",
            "ALTER TABLE deployed ADD COLUMN components TEXT",
            "ALTER TABLE deployed ADD COLUMN found {int}",
            // By the digest of the grant and the run that used it; `decision` is empty where it did not hold.
            "CREATE TABLE granted (forge TEXT NOT NULL, repository TEXT NOT NULL, id TEXT NOT NULL, used_by TEXT NOT NULL, \
         idx {int} NOT NULL, environment TEXT NOT NULL, revision TEXT NOT NULL, used {int} NOT NULL, decision {int}, \
         at {int} NOT NULL, PRIMARY KEY (forge, repository, id, used_by))",
        ],
    },
    Step {
        name: "issues that are incidents",
        statements: &[
            // By the repository that has the issue, in lower case, as its label is; `idx` is the number of the entry that
            // says that it is one, `over` that of the entry that says that it is looked at no more.
            "CREATE TABLE incident (forge TEXT NOT NULL, repository TEXT NOT NULL, label TEXT NOT NULL, number {int} NOT NULL, \
         idx {int} NOT NULL, over {int}, at {int} NOT NULL, PRIMARY KEY (forge, repository, label, number))",
        ],
    },
    Step {
        name: "what processes share: tokens that were shown, who is logged in, how often",
        statements: &[
            // Each row is over at `until`, by the database's own clock.
            "CREATE TABLE token (digest {bytes} PRIMARY KEY, owner TEXT NOT NULL, until {int} NOT NULL)",
            "CREATE INDEX token_owner ON token (owner, until)",
            "CREATE INDEX token_until ON token (until)",
            // By SHA-256 digest of the session's key; `sealed` is opened by that key alone.
            "CREATE TABLE visit (digest {bytes} PRIMARY KEY, account TEXT NOT NULL, reads {int} NOT NULL, \
         sealed {bytes} NOT NULL, until {int} NOT NULL)",
            "CREATE INDEX visit_account ON visit (account)",
            "CREATE TABLE turn (name TEXT NOT NULL, until {int} NOT NULL)",
            "CREATE INDEX turn_name ON turn (name, until)",
        ],
    },
    Step {
        name: "when the app heard of what others told",
        statements: &[
            // By the app's own clock. What was told before is known by when it was last written about, which is no earlier.
            "ALTER TABLE deployed ADD COLUMN heard {int}",
            "ALTER TABLE deployed ADD COLUMN heard_ended {int}",
            "UPDATE deployed SET heard = at WHERE told_by IS NOT NULL",
            "UPDATE deployed SET heard_ended = at WHERE told_by IS NOT NULL AND ended IS NOT NULL",
        ],
    },
    Step {
        name: "every entry about a deployment",
        statements: &[
            // By the forge's own name for the deployment; `idx` is the number of an entry. Of those before, the last is known.
            "CREATE TABLE deployed_entry (forge TEXT NOT NULL, repository TEXT NOT NULL, id TEXT NOT NULL, \
         idx {int} NOT NULL, PRIMARY KEY (forge, repository, id, idx))",
            "INSERT INTO deployed_entry (forge, repository, id, idx) SELECT forge, repository, id, idx FROM deployed",
        ],
    },
];

/// The layout that this version needs.
#[must_use]
pub fn latest() -> i64 {
    i64::try_from(STEPS.len()).unwrap_or(i64::MAX)
}

/// A step, and whether it has run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its number.
    pub number: i64,
    /// What it lays out.
    pub name: &'static str,
    /// Whether the database has it.
    pub done: bool,
}

impl Step {
    fn sql(&self, sqlite: bool) -> Vec<String> {
        let (int, bytes) = if sqlite { ("INTEGER", "BLOB") } else { ("BIGINT", "BYTEA") };
        self.statements.iter().map(|sql| sql.replace("{int}", int).replace("{bytes}", bytes)).collect()
    }

    fn digest(&self) -> Vec<u8> {
        let mut hasher = Sha256::new();
        for statement in self.statements {
            hasher.update(statement.as_bytes());
            hasher.update([0]);
        }
        hasher.finalize().to_vec()
    }
}

async fn exists(session: &mut Session) -> Result<bool, Fault> {
    let sql = if session.is_sqlite() {
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'migration'"
    } else {
        "SELECT 'migration'::text WHERE to_regclass('migration') IS NOT NULL"
    };
    Ok(session.row(sql, &[]).await?.is_some())
}

/// Whether the database holds no log yet: it is empty, or the power went while it was laid out. To lay it out is to
/// change nothing that is anybody's.
pub async fn is_vacant(session: &mut Session) -> Result<bool, Fault> {
    Ok(match layout(session).await? {
        0 => true,
        found if found < latest() => session.row("SELECT id FROM log_head WHERE id = 1", &[]).await?.is_none(),
        _ => false,
    })
}

/// The layout that the database has; 0 is none.
pub async fn layout(session: &mut Session) -> Result<i64, Fault> {
    if !exists(session).await? {
        return Ok(0);
    }
    let mut last = 0;
    for row in session.rows("SELECT number, digest FROM migration ORDER BY number", &[]).await? {
        let number = row.int(0)?;
        let step = usize::try_from(number - 1).ok().and_then(|at| STEPS.get(at));
        let Some(step) = step else { return Err(Fault::Newer { found: number, known: latest() }) };
        if number != last + 1 || row.bytes(1)? != step.digest() {
            return Err(Fault::OtherMigration(number));
        }
        last = number;
    }
    Ok(last)
}

/// Refuses a database that is not laid out as this version needs it.
pub async fn check(session: &mut Session) -> Result<(), Fault> {
    let (found, needed) = (layout(session).await?, latest());
    if found == needed { Ok(()) } else { Err(Fault::Behind { found, needed }) }
}

/// Every step, and whether it has run.
pub async fn status(session: &mut Session) -> Result<Vec<Status>, Fault> {
    let found = layout(session).await?;
    let steps = (1_i64..).zip(STEPS);
    Ok(steps.map(|(number, step)| Status { number, name: step.name, done: number <= found }).collect())
}

/// Runs the steps that have not run; what comes back is their numbers. `at` is microseconds of the Unix time.
pub async fn migrate(session: &mut Session, at: i64) -> Result<Vec<i64>, Fault> {
    let mut ran = Vec::new();
    loop {
        session.begin().await?;
        let done = step(session, at).await;
        match done {
            Ok(Some(number)) => {
                session.commit().await?;
                ran.push(number);
            }
            Ok(None) => {
                session.roll_back().await?;
                return Ok(ran);
            }
            Err(fault) => {
                // The first fault is the one to tell of.
                let _ = session.roll_back().await;
                return Err(fault);
            }
        }
    }
}

/// Runs the next step in the transaction that is open.
async fn step(session: &mut Session, at: i64) -> Result<Option<i64>, Fault> {
    let sqlite = session.is_sqlite();
    if !sqlite {
        // One at a time; the lock goes with the transaction.
        session.rows("SELECT pg_advisory_xact_lock(7165238111938250611)::text", &[]).await?;
    }
    let found = layout(session).await?;
    let Some(step) = usize::try_from(found).ok().and_then(|at| STEPS.get(at)) else { return Ok(None) };
    if found == 0 {
        let (int, bytes) = if sqlite { ("INTEGER", "BLOB") } else { ("BIGINT", "BYTEA") };
        let sql = format!(
            "CREATE TABLE migration (number {int} PRIMARY KEY, name TEXT NOT NULL, digest {bytes} NOT NULL, \
             at {int} NOT NULL)"
        );
        session.run_made(sql, &[]).await?;
    }
    for sql in step.sql(sqlite) {
        session.run_made(sql, &[]).await?;
    }
    let number = found + 1;
    let values = [number.into(), step.name.into(), step.digest().into(), at.into()];
    session.run("INSERT INTO migration (number, name, digest, at) VALUES ($1, $2, $3, $4)", &values).await?;
    Ok(Some(number))
}
