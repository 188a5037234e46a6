//! How a log goes on: under another key that the old one vouches for, and in a database that had lost the newest entries.

use chrono::{DateTime, Utc};
use serde_json::Map;

use super::fault::Fault;
use super::reader::{self, rotation_key};
use super::session::{Session, int};
use super::signatory::Signatory;
use super::writer::{Appended, Batch, Head, Writer, advance};
use crate::log::checkpoint::Checkpoint;
use crate::log::entry::{Entry, Kind};
use crate::log::keys::Rotation;
use crate::log::tree::Edge;

/// What a transaction leaves behind once it is durable.
pub(super) struct Signed {
    pub(super) edge: Edge,
    pub(super) checkpoint: String,
}

impl Writer {
    /// Puts another key in the place of the log's: an entry that both sign, under a checkpoint that both sign. From then
    /// on the new one signs.
    pub async fn rotate(&mut self, to: Signatory, now: DateTime<Utc>) -> Result<Appended, Fault> {
        if let Some(known) = to.remembered()? {
            return Err(Fault::NoSuccessor(format!("it has signed a log of {} entries already", known.size)));
        }
        let mut session = self.session().await?;
        let done = match session.begin().await {
            Ok(()) => self.rotated(&mut session, &to, now).await,
            Err(fault) => Err(fault),
        };
        let Signed { edge, checkpoint } = self.durable(session, done).await?;
        self.remember(edge.size(), edge.root(), &checkpoint)?;
        self.signer = to;
        self.remember(edge.size(), edge.root(), &checkpoint)?;
        Ok(Appended { first: edge.size().saturating_sub(1), entries: 1, before: false, checkpoint })
    }

    async fn rotated(&self, session: &mut Session, to: &Signatory, now: DateTime<Utc>) -> Result<Signed, Fault> {
        let Head { mut edge, .. } = self.head(session).await?;
        let index = edge.size();
        let rotation = Rotation { index, from: self.signer.verifier().clone(), to: to.verifier().clone() };
        let Some(mut note) = rotation.note() else {
            let name = self.signer.verifier().name();
            return Err(Fault::NoSuccessor(format!("it must be another key, and of the log's own name `{name}`")));
        };
        self.signer.sign_note(&mut note).await?;
        to.sign_note(&mut note).await?;
        let text = note.to_string();
        // Whoever follows the keys later must come to this one.
        Rotation::open(&text)?;
        let mut body = Map::new();
        body.insert("from".to_owned(), rotation.from.to_string().into());
        body.insert("note".to_owned(), text.into());
        body.insert("to".to_owned(), rotation.to.to_string().into());
        let entry = Entry { kind: Kind::KeyRotation, at: now, body }.bytes()?;
        let mut new = Batch::default();
        new.add(&mut edge, &entry);
        new.insert(session, index).await?;
        let number = reader::rotations(session).await?.len() as u64 + 1;
        once(session, number, index).await?;
        let mut checkpoint = self.signed(&edge).await?;
        to.sign_note(&mut checkpoint).await?;
        let checkpoint = checkpoint.to_string();
        advance(session, &edge, &checkpoint, to.verifier(), now.timestamp_micros()).await?;
        Ok(Signed { edge, checkpoint })
    }

    /// Takes back entries that the database had lost, with the checkpoint that was signed over them then. What comes back
    /// is how many they were. `entries` begins with the one after the database's last.
    pub async fn recover(
        &mut self,
        entries: impl IntoIterator<Item = Vec<u8>>,
        signed: &Checkpoint,
        note: &str,
        now: DateTime<Utc>,
    ) -> Result<u64, Fault> {
        let mut session = self.session().await?;
        let done = match session.begin().await {
            Ok(()) => self.recovered(&mut session, entries, signed, note, now).await,
            Err(fault) => Err(fault),
        };
        let (Signed { edge, checkpoint }, count) = match done {
            Ok((signed, count)) => (self.durable(session, Ok(signed)).await?, count),
            Err(fault) => (self.durable(session, Err(fault)).await?, 0),
        };
        self.remember(edge.size(), edge.root(), &checkpoint)?;
        Ok(count)
    }

    async fn recovered(
        &self,
        session: &mut Session,
        entries: impl IntoIterator<Item = Vec<u8>>,
        signed: &Checkpoint,
        note: &str,
        now: DateTime<Utc>,
    ) -> Result<(Signed, u64), Fault> {
        let mut edge = self.head_as_it_is(session).await?.edge;
        let from = edge.size();
        let mut new = Batch::default();
        let mut rotated = reader::rotations(session).await?.len() as u64;
        for entry in entries {
            if Entry::parse(&entry).is_ok_and(|entry| entry.kind == Kind::KeyRotation) {
                rotated += 1;
                once(session, rotated, edge.size()).await?;
            }
            new.add(&mut edge, &entry);
        }
        if edge.size() != signed.size || edge.root() != signed.root {
            return Err(Fault::Damaged(
                "what was brought back is not what follows the database's own entries".to_owned(),
            ));
        }
        if edge.size() > from {
            new.insert(session, from).await?;
            advance(session, &edge, note, self.signer.verifier(), now.timestamp_micros()).await?;
        }
        self.goes_on(session, &edge).await?;
        Ok((Signed { edge: edge.clone(), checkpoint: note.to_owned() }, edge.size() - from))
    }

    /// Commits a transaction that was filled, or gives it up.
    pub(super) async fn durable(&mut self, mut session: Session, done: Result<Signed, Fault>) -> Result<Signed, Fault> {
        let signed = match done {
            Ok(signed) => signed,
            Err(fault) => return Err(self.not_committed(session, fault).await),
        };
        match session.commit().await {
            Ok(()) => {
                self.session = Some(session);
                Ok(signed)
            }
            Err(fault) if fault.may_have_committed() => Err(Fault::Uncertain),
            Err(fault) => Err(self.not_committed(session, fault).await),
        }
    }
}

/// Lets a rotation be found by its number.
async fn once(session: &mut Session, number: u64, index: u64) -> Result<(), Fault> {
    let values = [rotation_key(number).into(), int(index), int(1), vec![0; 32].into()];
    session.run("INSERT INTO log_once (once, idx, entries, digest) VALUES ($1, $2, $3, $4)", &values).await?;
    Ok(())
}
