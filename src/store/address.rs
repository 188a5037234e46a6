//! Which database: `sqlite:FILE`, or `postgres://…` as PostgreSQL's own tools take it.

use std::path::PathBuf;

use super::fault::Fault;

/// A database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A file of SQLite.
    Sqlite(PathBuf),
    /// A server of PostgreSQL, by its URL.
    Postgres(String),
}

impl Address {
    /// Reads an address.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let path = text.strip_prefix("sqlite://").or_else(|| text.strip_prefix("sqlite:"));
        if let Some(path) = path.filter(|path| !path.is_empty() && *path != ":memory:" && !path.contains('?')) {
            return Ok(Self::Sqlite(path.into()));
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(text.to_owned()));
        }
        let shown = text.split("://").next().unwrap_or_default();
        Err(Fault::Address(shown.chars().take(60).collect()))
    }
}

impl std::fmt::Display for Address {
    /// Without a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => {
                let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
                let (before, after) = rest.split_once('?').map_or((rest, ""), |(before, after)| (before, after));
                let place = before.rsplit_once('@').map_or(before, |(_, place)| place);
                // A socket's folder says where; other parameters may hold secrets.
                let socket = after.split('&').find(|parameter| parameter.starts_with("host="));
                write!(f, "postgres://{place}{}", socket.map(|host| format!("?{host}")).unwrap_or_default())
            }
        }
    }
}
