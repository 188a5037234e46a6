//! Incidents that are issues, by their numbers: what was one once is looked at until it is over by a word that counts,
//! whatever becomes of its label, and however much else is decided meanwhile.

use super::fault::Fault;
use super::reader::Reader;
use super::session::{Asked, Row, Value, int};

/// An issue that is an incident, by a label of its repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// The forge.
    pub forge: String,
    /// The repository that has the issue, by the forge's name for it.
    pub repository: String,
    /// The label that made it one.
    pub label: String,
    /// The number.
    pub number: u64,
}

/// What the record knows of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// The number.
    pub number: u64,
    /// The number of the entry that says that it is one.
    pub found: u64,
    /// The number of the entry that says that it is looked at no more.
    pub over: Option<u64>,
}

impl Incident {
    /// The statement that keeps it, under the number of its entry: found, or over.
    pub(super) fn kept(&self, is_over: bool, entry: u64, at: i64) -> Asked {
        let row = [
            ("forge", self.forge.as_str().into()),
            ("repository", self.repository.to_lowercase().into()),
            ("label", self.label.to_lowercase().into()),
            ("number", int(self.number)),
            ("idx", int(entry)),
            ("over", if is_over { int(entry) } else { Value::Int(None) }),
            ("at", at.into()),
        ];
        let later = if is_over {
            "ON CONFLICT (forge, repository, label, number) DO UPDATE SET over = excluded.over, at = excluded.at"
        } else {
            "ON CONFLICT (forge, repository, label, number) DO UPDATE SET idx = excluded.idx, over = NULL, at = excluded.at"
        };
        Asked::insert("incident", row, later)
    }
}

fn known(row: &Row) -> Result<Known, Fault> {
    let over = row.maybe_int(2)?.map(u64::try_from).transpose();
    let over = over.map_err(|_| Fault::Damaged("a negative number where an entry is named".to_owned()))?;
    Ok(Known { number: row.count(0)?, found: row.count(1)?, over })
}

impl Reader {
    /// The issues of a repository that were incidents by a label, over or not, by number.
    pub async fn incidents(&mut self, forge: &str, repository: &str, label: &str) -> Result<Vec<Known>, Fault> {
        let sql = "SELECT number, idx, over FROM incident WHERE forge = $1 AND repository = $2 AND label = $3 ORDER BY number";
        let values = [forge.into(), repository.to_lowercase().into(), label.to_lowercase().into()];
        self.session.rows(sql, &values).await?.iter().map(known).collect()
    }
}
