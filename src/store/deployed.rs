//! Deployments that began, by the forge's own name for each: which run brought them, which decision let them in, and how
//! they ended. What was recorded stays, whatever becomes of the forge's list.

use super::change::Stream;
use super::fault::Fault;
use super::reader::Reader;
use super::session::{Asked, Row, Value, digest, int};
use crate::log::tree::Hash;

/// A deployment that began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployed {
    /// The forge.
    pub forge: String,
    /// The repository, by the forge's name for it.
    pub repository: String,
    /// The environment, exactly as the forge names it.
    pub environment: String,
    /// The forge's own name for the deployment.
    pub id: String,
    /// The commit.
    pub commit: String,
    /// The run whose job it is; `None` where no job of the forge's own pipeline is known to be it.
    pub run: Option<u64>,
    /// When it began, microseconds of the Unix time.
    pub began: i64,
    /// When it ended, likewise; `None` while it has not, or that is not known.
    pub ended: Option<i64>,
    /// How it ended: `succeeded`, `failed` or `cancelled`; `None` with `ended`.
    pub outcome: Option<String>,
    /// The number of the entry of the decision that let it in; `None` where none of this record did.
    pub decision: Option<u64>,
    /// Who let it in at the forge where no decision did, each with his review, as a JSON list; `None` where that is not known.
    pub let_in: Option<String>,
}

impl Deployed {
    /// The statement that keeps it, under the number of its entry.
    pub(super) fn kept(&self, entry: u64, at: i64) -> Asked {
        let number = |number: Option<u64>| number.map_or(Value::Int(None), int);
        let row = [
            ("forge", self.forge.as_str().into()),
            ("repository", self.repository.to_lowercase().into()),
            ("id", self.id.as_str().into()),
            ("idx", int(entry)),
            ("environment", self.environment.as_str().into()),
            ("revision", self.commit.as_str().into()),
            ("run", number(self.run)),
            ("began", self.began.into()),
            ("ended", Value::Int(self.ended)),
            ("outcome", Value::Text(self.outcome.clone())),
            ("decision", number(self.decision)),
            ("let_in", Value::Text(self.let_in.clone())),
            ("at", at.into()),
        ];
        // Nothing that is known is lost by a later word that knows less.
        let later = "ON CONFLICT (forge, repository, id) DO UPDATE SET idx = excluded.idx, \
                     run = COALESCE(excluded.run, deployed.run), ended = COALESCE(excluded.ended, deployed.ended), \
                     outcome = COALESCE(excluded.outcome, deployed.outcome), \
                     decision = COALESCE(excluded.decision, deployed.decision), \
                     let_in = COALESCE(excluded.let_in, deployed.let_in), at = excluded.at";
        Asked::insert("deployed", row, later)
    }
}

/// A decision that let a release go, with the answer that left for it, or is to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetGo {
    /// The number of its entry.
    pub entry: u64,
    /// The release.
    pub stream: Stream,
    /// When it was recorded, microseconds of the Unix time.
    pub at: i64,
    /// SHA-256 of the facts.
    pub facts: Hash,
    /// SHA-256 of the decision document.
    pub document: Hash,
    /// SHA-256 of what was sent.
    pub body: Hash,
    /// Whether the answer arrived.
    pub arrived: bool,
}

const COLUMNS: &str =
    "forge, repository, environment, id, revision, run, began, ended, outcome, decision, let_in FROM deployed";

fn count(row: &Row, at: usize) -> Result<Option<u64>, Fault> {
    let number = row.maybe_int(at)?.map(u64::try_from).transpose();
    number.map_err(|_| Fault::Damaged("a negative number where something is counted".to_owned()))
}

fn deployed(row: &Row) -> Result<Deployed, Fault> {
    Ok(Deployed {
        forge: row.text(0)?,
        repository: row.text(1)?,
        environment: row.text(2)?,
        id: row.text(3)?,
        commit: row.text(4)?,
        run: count(row, 5)?,
        began: row.int(6)?,
        ended: row.maybe_int(7)?,
        outcome: row.maybe_text(8)?,
        decision: count(row, 9)?,
        let_in: row.maybe_text(10)?,
    })
}

fn let_go(row: &Row) -> Result<LetGo, Fault> {
    let name = row.text(1)?;
    let stream = Stream::parse(&name).ok_or_else(|| Fault::Damaged(format!("`{name}` names no release")))?;
    Ok(LetGo {
        entry: row.count(0)?,
        stream,
        at: row.int(2)?,
        facts: digest(row, 3)?,
        document: digest(row, 4)?,
        body: digest(row, 5)?,
        arrived: row.text(6)? == "done",
    })
}

/// Of a decision `d` and what leaves `o`: it let its release go, and this is its answer, which was not given up.
const LET_GO: &str = "SELECT d.idx, d.stream, d.at, d.facts, d.document, o.body, o.state FROM decision d \
     JOIN outbox o ON o.stream = d.stream AND o.idx > d.idx AND o.once LIKE 'decision %' AND o.state <> 'dead' \
     WHERE d.ruling = 'proceed' AND NOT EXISTS (\
     SELECT 1 FROM decision e WHERE e.stream = d.stream AND e.idx > d.idx AND e.idx < o.idx)";

impl Reader {
    /// The deployments of a repository that began, in that order.
    pub async fn deployed(&mut self, forge: &str, repository: &str) -> Result<Vec<Deployed>, Fault> {
        let sql = format!("SELECT {COLUMNS} WHERE forge = $1 AND repository = $2 ORDER BY began, id");
        let values = [forge.into(), repository.to_lowercase().into()];
        self.session.rows_made(sql, &values).await?.iter().map(deployed).collect()
    }

    /// The deployments of all repositories of an owner that began since an instant, microseconds of the Unix time, in that
    /// order.
    pub async fn deployed_since(&mut self, forge: &str, owner: &str, since: i64) -> Result<Vec<Deployed>, Fault> {
        let sql = format!("SELECT {COLUMNS} WHERE forge = $1 AND began >= $2 ORDER BY began, id");
        let rows = self.session.rows_made(sql, &[forge.into(), since.into()]).await?;
        let all = rows.iter().map(deployed);
        let his = |it: &Deployed| it.repository.split('/').next().is_some_and(|name| name.eq_ignore_ascii_case(owner));
        all.filter(|it| it.as_ref().map_or(true, his)).collect()
    }

    /// The decisions since an instant, microseconds of the Unix time, that let releases of a repository go, one for each
    /// answer, in the order of the record.
    pub async fn let_go(&mut self, forge: &str, repository: &str, since: i64) -> Result<Vec<LetGo>, Fault> {
        let sql = format!("{LET_GO} AND d.at >= $1 ORDER BY d.idx");
        let all = self.session.rows_made(sql, &[since.into()]).await?;
        let here = |it: &LetGo| it.stream.forge == forge && it.stream.repository.eq_ignore_ascii_case(repository);
        all.iter().map(let_go).filter(|it| it.as_ref().map_or(true, here)).collect()
    }

    /// Whether something was recorded under a key.
    pub async fn is_recorded(&mut self, once: &str) -> Result<bool, Fault> {
        Ok(self.recorded_as(once).await?.is_some())
    }

    /// The number of the entry that was recorded under a key.
    pub async fn recorded_as(&mut self, once: &str) -> Result<Option<u64>, Fault> {
        let row = self.session.row("SELECT idx FROM log_once WHERE once = $1", &[once.into()]).await?;
        row.map(|row| row.count(0)).transpose()
    }
}
