//! What processes that write to one record share beside the log, so that it holds whichever of them is asked, and after a
//! restart: the tokens that jobs have shown, who is logged in on the pages, and how often something was done of late.
//!
//! None of it is part of what is proven, and all of it ends by itself. It ends by the database's own clock, for whoever
//! shares it may have another. Each change is a transaction behind the lock of the log's head, so that two never count at
//! once.

use std::time::Duration;

use super::fault::Fault;
use super::reader::Reader;
use super::replica::micros;
use super::session::{Asked, Row, Session, digest, int};
use super::transaction::{Rest, anew};
use super::writer::Writer;
use crate::log::tree::Hash;

/// A token that was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What tells it from every other, as a digest.
    pub digest: Hash,
    /// Whose it is: so many of one are remembered.
    pub owner: String,
    /// From when on nobody takes it any more, microseconds of the Unix time.
    pub until: i64,
}

/// What is known of a token that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Showing {
    /// Nobody has shown it before; from now on somebody has.
    First,
    /// It was shown before.
    Again,
    /// Too many of its owner are remembered, and it is not.
    Full,
}

/// Somebody who is logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// SHA-256 of the session's key.
    pub digest: Hash,
    /// His account.
    pub account: String,
    /// Whether he could read something when he came.
    pub reads: bool,
    /// What the forge gave for him, sealed with a key that is not here.
    pub sealed: Vec<u8>,
}

/// How many are logged in at once, in all and of one account, and for how long. Whoever comes then ends the oldest: of his
/// own, and where there are too many in all first of those who could read nothing. So nobody logs others out by logging in.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// In all.
    pub most: u64,
    /// Of one account.
    pub of_one: u64,
    /// How long a session lasts.
    pub life: Duration,
}

/// How often something may be done.
#[derive(Clone, Copy, Debug)]
pub struct Often {
    /// So many times at most,
    pub most: u64,
    /// within so long.
    pub within: Duration,
}

async fn number(session: &mut Session, sql: String, values: &[super::session::Value]) -> Result<u64, Fault> {
    session.rows_made(sql, values).await?.first().map_or(Ok(0), |row| row.count(0))
}

impl Writer {
    /// Remembers a token, so many of one owner at most, and says whether it was shown before.
    pub async fn shown(&mut self, token: &Token, most: u64) -> Result<Showing, Fault> {
        anew!(self.transaction(async |_, session, _| {
            let known = "SELECT until FROM token WHERE digest = $1";
            if session.row(known, &[token.digest.into()]).await?.is_some() {
                return Ok((Showing::Again, None));
            }
            let clock = session.clock();
            let of_one = format!("SELECT COUNT(*) FROM token WHERE owner = $1 AND until > {clock}");
            if number(session, of_one, &[token.owner.as_str().into()]).await? >= most {
                return Ok((Showing::Full, None));
            }
            let row = [
                ("digest", token.digest.into()),
                ("owner", token.owner.as_str().into()),
                ("until", token.until.into()),
            ];
            Ok((Showing::First, Some(Rest::from(vec![Asked::insert("token", row, "")]))))
        }))
    }

    /// Lets somebody in.
    pub async fn enter(&mut self, visit: &Visit, room: Room) -> Result<(), Fault> {
        anew!(self.transaction(async |_, session, _| {
            let clock = session.clock();
            let account = [visit.account.as_str().into()];
            let over = format!("DELETE FROM visit WHERE until <= {clock}");
            session.run_made(over, &[]).await?;
            let his = number(session, "SELECT COUNT(*) FROM visit WHERE account = $1".to_owned(), &account).await?;
            let too_many = (his + 1).saturating_sub(room.of_one);
            let oldest = "DELETE FROM visit WHERE digest IN (SELECT digest FROM visit WHERE account = $1 \
                          ORDER BY until, digest LIMIT $2)";
            session.run(oldest, &[visit.account.as_str().into(), int(too_many)]).await?;
            let all = number(session, "SELECT COUNT(*) FROM visit".to_owned(), &[]).await?;
            let too_many = (all + 1).saturating_sub(room.most);
            let first =
                "DELETE FROM visit WHERE digest IN (SELECT digest FROM visit ORDER BY reads, until, digest LIMIT $1)";
            session.run(first, &[int(too_many)]).await?;
            let came = Asked::new(
                format!(
                    "INSERT INTO visit (digest, account, reads, sealed, until) VALUES ($1, $2, $3, $4, {clock} + $5)"
                ),
                [
                    visit.digest.into(),
                    visit.account.as_str().into(),
                    i64::from(visit.reads).into(),
                    visit.sealed.clone().into(),
                    micros(room.life).into(),
                ],
            );
            Ok(((), Some(Rest::from(vec![came]))))
        }))
    }

    /// Keeps something else of what the forge gave for somebody who is logged in.
    pub async fn reseal(&mut self, key: Hash, sealed: &[u8]) -> Result<(), Fault> {
        anew!(self.transaction(async |_, _, _| {
            let sealed = sealed.to_vec();
            let kept = Asked::new("UPDATE visit SET sealed = $2 WHERE digest = $1", [key.into(), sealed.into()]);
            Ok(((), Some(Rest::from(vec![kept]))))
        }))
    }

    /// Lets somebody go, who may have gone.
    pub async fn leave(&mut self, key: Hash) -> Result<(), Fault> {
        anew!(self.transaction(async |_, _, _| {
            let gone = Asked::new("DELETE FROM visit WHERE digest = $1", [key.into()]);
            Ok(((), Some(Rest::from(vec![gone]))))
        }))
    }

    /// Whether something may be done once more, of what goes by that name; then it is counted.
    pub async fn may(&mut self, name: &str, often: Often) -> Result<bool, Fault> {
        anew!(self.transaction(async |_, session, _| {
            let clock = session.clock();
            let done = format!("SELECT COUNT(*) FROM turn WHERE name = $1 AND until > {clock}");
            if number(session, done, &[name.into()]).await? >= often.most {
                return Ok((false, None));
            }
            let one_more = format!("INSERT INTO turn (name, until) VALUES ($1, {clock} + $2)");
            let one_more = Asked::new(one_more, [name.into(), micros(often.within).into()]);
            Ok((true, Some(Rest::from(vec![one_more]))))
        }))
    }

    /// Forgets what is over.
    pub async fn forget(&mut self) -> Result<(), Fault> {
        anew!(self.transaction(async |_, session, _| {
            let clock = session.clock();
            let over = ["token", "visit", "turn"];
            let over = over.map(|table| Asked::new(format!("DELETE FROM {table} WHERE until <= {clock}"), []));
            Ok(((), Some(Rest::from(over.to_vec()))))
        }))
    }
}

impl Reader {
    /// Who is logged in by the digest of a session's key.
    pub async fn visit(&mut self, key: Hash) -> Result<Option<Visit>, Fault> {
        let clock = self.session.clock();
        let sql = format!("SELECT digest, account, reads, sealed FROM visit WHERE digest = $1 AND until > {clock}");
        let visit = |row: &Row| {
            Ok(Visit { digest: digest(row, 0)?, account: row.text(1)?, reads: row.int(2)? != 0, sealed: row.bytes(3)? })
        };
        self.session.rows_made(sql, &[key.into()]).await?.first().map(visit).transpose()
    }

    /// How many processes may write to the record at this instant.
    pub async fn writers(&mut self) -> Result<u64, Fault> {
        let clock = self.session.clock();
        number(&mut self.session, format!("SELECT COUNT(*) FROM replica WHERE until > {clock}"), &[]).await
    }
}
