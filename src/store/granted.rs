//! Break-glass grants that were used while the app could not be reached, as somebody told afterwards: by the digest of the
//! grant and the run that used it.

use super::fault::Fault;
use super::reader::Reader;
use super::session::{Asked, Row, Value, int};

/// One use of a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// The forge.
    pub forge: String,
    /// The repository, by the forge's name for it.
    pub repository: String,
    /// SHA-256 of the grant's signed text, hexadecimal.
    pub grant: String,
    /// The run that used it, as the job called it.
    pub used_by: String,
    /// The environment.
    pub environment: String,
    /// The commit.
    pub commit: String,
    /// When it was used, microseconds of the Unix time.
    pub used: i64,
    /// The number of the entry of the decision by which it held; `None` where it did not.
    pub decision: Option<u64>,
}

impl Granted {
    /// The statement that keeps it, under the number of its entry.
    pub(super) fn kept(&self, entry: u64, at: i64) -> Asked {
        let row = [
            ("forge", self.forge.as_str().into()),
            ("repository", self.repository.to_lowercase().into()),
            ("id", self.grant.as_str().into()),
            ("used_by", self.used_by.as_str().into()),
            ("idx", int(entry)),
            ("environment", self.environment.as_str().into()),
            ("revision", self.commit.as_str().into()),
            ("used", self.used.into()),
            ("decision", self.decision.map_or(Value::Int(None), int)),
            ("at", at.into()),
        ];
        // One that could not be judged for want of facts may be later; one that held stays so.
        let later = "ON CONFLICT (forge, repository, id, used_by) DO UPDATE SET idx = excluded.idx, \
                     decision = COALESCE(granted.decision, excluded.decision), at = excluded.at";
        Asked::insert("granted", row, later)
    }
}

fn granted(row: &Row) -> Result<Granted, Fault> {
    let decision = row.maybe_int(7)?.map(u64::try_from).transpose();
    Ok(Granted {
        forge: row.text(0)?,
        repository: row.text(1)?,
        grant: row.text(2)?,
        used_by: row.text(3)?,
        environment: row.text(4)?,
        commit: row.text(5)?,
        used: row.int(6)?,
        decision: decision.map_err(|_| Fault::Damaged("a negative number where an entry is named".to_owned()))?,
    })
}

impl Reader {
    /// The uses of grants for a repository, in that order.
    pub async fn granted(&mut self, forge: &str, repository: &str) -> Result<Vec<Granted>, Fault> {
        let sql = "SELECT forge, repository, id, used_by, environment, revision, used, decision FROM granted \
                   WHERE forge = $1 AND repository = $2 ORDER BY used, id, used_by";
        let values = [forge.into(), repository.to_lowercase().into()];
        self.session.rows(sql, &values).await?.iter().map(granted).collect()
    }
}
