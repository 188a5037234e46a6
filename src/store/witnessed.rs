//! Checkpoints that witnesses cosigned.

use std::time::Duration;

use super::address::Address;
use super::fault::Fault;
use super::lock;
use super::migrations;
use super::session::{Session, int};

/// Keeps a checkpoint with its cosignatures, and where it is still the newest, makes it the one that is handed out.
/// `wait` is how long another writer is waited for; `at` is microseconds of the Unix time.
pub async fn keep(address: &Address, size: u64, note: &str, wait: Duration, at: i64) -> Result<(), Fault> {
    let _lock = match address {
        Address::Sqlite(path) => Some(lock::lock(path, wait)?),
        Address::Postgres(_) => None,
    };
    let mut session = Session::open(address, false).await?;
    migrations::check(&mut session).await?;
    session.begin().await?;
    let values = [int(size), note.into(), at.into()];
    session
        .run(
            "INSERT INTO log_witnessed (size, note, at) VALUES ($1, $2, $3) \
             ON CONFLICT (size) DO UPDATE SET note = excluded.note, at = excluded.at",
            &values,
        )
        .await?;
    let [size, note, _] = values;
    session.run("UPDATE log_head SET checkpoint = $2 WHERE size = $1", &[size, note]).await?;
    session.commit().await?;
    session.close().await
}
