//! Deployments that began, by the forge's own name for each: which run brought them, which decision let them in, and how
//! they ended. What was recorded stays, whatever becomes of the forge's list. Those that somebody else told of have a name
//! of ours, which no forge gives.

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
    /// The commit; empty where only the digest of an artifact was told, and no decision knows of which commit that is.
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
    /// Who told of it and what, where the forge did not.
    pub told: Option<Told>,
    /// Whether no decision had let it in when it was recorded, where people have to approve.
    pub found: bool,
}

/// What somebody who deploys told of a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Who: what the settings call his key, or the run whose job it was.
    pub by: String,
    /// Where people see it.
    pub url: String,
    /// SHA-256 of the artifact that went, `sha256:` and 64 lower-case digits; `None` where it is not told.
    pub digest: Option<String>,
    /// The components that went; empty: whatever the decision let go.
    pub components: Vec<String>,
    /// When the app first heard of it, by its own clock, microseconds of the Unix time.
    pub heard: i64,
    /// When it heard how it ended, likewise; `None` while it has not.
    pub heard_ended: Option<i64>,
}

impl Deployed {
    /// Whether it is known to be a deployment, and how it went: by a job of the forge, or by whoever may tell.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.run.is_some() || self.told.is_some()
    }

    /// From when on it counts where an earlier instant would open more, microseconds of the Unix time: of what somebody told,
    /// not before the app heard of it, for when it began is his word alone.
    #[must_use]
    pub fn counts_from(&self) -> i64 {
        self.told.as_ref().map_or(self.began, |told| told.heard.max(self.began))
    }

    /// From when on its end counts, likewise; `None` while it has not ended.
    #[must_use]
    pub fn ended_from(&self) -> Option<i64> {
        let ended = self.ended?;
        Some(self.told.as_ref().and_then(|told| told.heard_ended).map_or(ended, |heard| heard.max(ended)))
    }

    /// The statement that keeps it, under the number of its entry.
    pub(super) fn kept(&self, entry: u64, at: i64) -> Asked {
        let number = |number: Option<u64>| number.map_or(Value::Int(None), int);
        let components = self.told.as_ref().map(|told| serde_json::json!(told.components).to_string());
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
            ("told_by", Value::Text(self.told.as_ref().map(|told| told.by.clone()))),
            ("url", Value::Text(self.told.as_ref().map(|told| told.url.clone()))),
            ("digest", Value::Text(self.told.as_ref().and_then(|told| told.digest.clone()))),
            ("components", Value::Text(components)),
            ("found", Value::Int(self.found.then_some(1))),
            ("heard", Value::Int(self.told.as_ref().map(|told| told.heard))),
            ("heard_ended", Value::Int(self.told.as_ref().and_then(|told| told.heard_ended))),
        ];
        // Nothing that is known is lost by a later word that knows less. Of two who tell at once how it ended the first counts.
        let later = "ON CONFLICT (forge, repository, id) DO UPDATE SET idx = excluded.idx, \
                     revision = CASE WHEN deployed.revision = '' THEN excluded.revision ELSE deployed.revision END, \
                     run = COALESCE(excluded.run, deployed.run), \
                     ended = CASE WHEN deployed.told_by IS NULL THEN COALESCE(excluded.ended, deployed.ended) \
                     ELSE COALESCE(deployed.ended, excluded.ended) END, \
                     outcome = CASE WHEN deployed.told_by IS NULL THEN COALESCE(excluded.outcome, deployed.outcome) \
                     ELSE COALESCE(deployed.outcome, excluded.outcome) END, \
                     decision = COALESCE(excluded.decision, deployed.decision), \
                     let_in = COALESCE(excluded.let_in, deployed.let_in), \
                     heard = COALESCE(deployed.heard, excluded.heard), \
                     heard_ended = COALESCE(deployed.heard_ended, excluded.heard_ended), \
                     found = COALESCE(excluded.found, deployed.found), at = excluded.at";
        Asked::insert("deployed", row, later)
    }

    /// The statement that keeps that an entry is about it.
    pub(super) fn spoken_of(&self, entry: u64) -> Asked {
        spoken_of((&self.forge, &self.repository, &self.id), entry)
    }
}

/// The statement that keeps that an entry is about a deployment, by its forge, its repository and its name there.
pub(super) fn spoken_of((forge, repository, id): (&str, &str, &str), entry: u64) -> Asked {
    let row = [
        ("forge", forge.into()),
        ("repository", repository.to_lowercase().into()),
        ("id", id.into()),
        ("idx", int(entry)),
    ];
    Asked::insert("deployed_entry", row, "ON CONFLICT DO NOTHING")
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

/// What was decided of a release once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruled {
    /// The number of its entry.
    pub entry: u64,
    /// The release.
    pub stream: Stream,
    /// `proceed`, `hold` or `reject`.
    pub ruling: String,
    /// When it was recorded, microseconds of the Unix time.
    pub at: i64,
}

/// What was written by a process that knew no place for when it was heard was heard when that was written.
const COLUMNS: &str = "forge, repository, environment, id, revision, run, began, ended, outcome, decision, let_in, \
     told_by, url, digest, components, found, COALESCE(heard, at), \
     CASE WHEN ended IS NULL THEN NULL ELSE COALESCE(heard_ended, at) END FROM deployed";

fn count(row: &Row, at: usize) -> Result<Option<u64>, Fault> {
    let number = row.maybe_int(at)?.map(u64::try_from).transpose();
    number.map_err(|_| Fault::Damaged("a negative number where something is counted".to_owned()))
}

fn told(row: &Row) -> Result<Option<Told>, Fault> {
    let (Some(by), Some(url)) = (row.maybe_text(11)?, row.maybe_text(12)?) else { return Ok(None) };
    let components = row.maybe_text(14)?.unwrap_or_else(|| "[]".to_owned());
    let components = serde_json::from_str(&components);
    let components = components.map_err(|_| Fault::Damaged("the components of a deployment are no list".to_owned()))?;
    let heard = row.maybe_int(16)?;
    let heard =
        heard.ok_or_else(|| Fault::Damaged("a deployment that was told of, and nothing says when".to_owned()))?;
    Ok(Some(Told { by, url, digest: row.maybe_text(13)?, components, heard, heard_ended: row.maybe_int(17)? }))
}

fn of_release(row: &Row, at: usize) -> Result<Stream, Fault> {
    let name = row.text(at)?;
    Stream::parse(&name).ok_or_else(|| Fault::Damaged(format!("`{name}` names no release")))
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
        told: told(row)?,
        found: row.maybe_int(15)?.is_some(),
    })
}

fn let_go(row: &Row) -> Result<LetGo, Fault> {
    Ok(LetGo {
        entry: row.count(0)?,
        stream: of_release(row, 1)?,
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

    /// The numbers of the entries that were recorded under any of some keys, in their order.
    pub async fn recorded_under(&mut self, keys: &[String]) -> Result<Vec<u64>, Fault> {
        let marks: Vec<String> = (1..=keys.len()).map(|number| format!("${number}")).collect();
        let sql = format!("SELECT idx FROM log_once WHERE once IN ({}) ORDER BY idx", marks.join(", "));
        let keys: Vec<Value> = keys.iter().map(|key| key.as_str().into()).collect();
        self.session.rows_made(sql, &keys).await?.iter().map(|row| row.count(0)).collect()
    }

    /// What was decided since an instant, microseconds of the Unix time, of releases of a repository on their way into an
    /// environment, in the order of the record.
    pub async fn ruled(
        &mut self,
        (forge, repository, environment): (&str, &str, &str),
        since: i64,
    ) -> Result<Vec<Ruled>, Fault> {
        let sql = "SELECT idx, stream, ruling, at FROM decision WHERE at >= $1 ORDER BY idx";
        let rows = self.session.rows(sql, &[since.into()]).await?;
        let ruled = |row: &Row| {
            Ok(Ruled { entry: row.count(0)?, stream: of_release(row, 1)?, ruling: row.text(2)?, at: row.int(3)? })
        };
        let here = |it: &Ruled| {
            let Stream { forge: of, repository: its, environment: at, .. } = &it.stream;
            of == forge && its.eq_ignore_ascii_case(repository) && at == environment
        };
        rows.iter().map(ruled).filter(|it: &Result<Ruled, Fault>| it.as_ref().map_or(true, here)).collect()
    }

    /// The deployments since an instant, microseconds of the Unix time, that were recorded without a decision that let them
    /// in, and for which none was found since: the newest first, so many at most. What somebody told of is as new as when
    /// the app heard of it.
    pub async fn undecided(&mut self, forge: &str, since: i64, most: u64) -> Result<Vec<Deployed>, Fault> {
        let sql = format!(
            "SELECT {COLUMNS} WHERE forge = $1 AND COALESCE(heard, began) >= $2 AND found = 1 AND decision IS NULL \
             ORDER BY COALESCE(heard, began) DESC, id LIMIT $3"
        );
        let values = [forge.into(), since.into(), int(most)];
        self.session.rows_made(sql, &values).await?.iter().map(deployed).collect()
    }
}
