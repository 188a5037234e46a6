//! How a log goes on: under another key that the old one vouches for, and in a database that had lost the newest entries.

use chrono::{DateTime, Utc};
use serde_json::Map;

use super::batch::Batch;
use super::fault::Fault;
use super::reader::{self, rotation_key};
use super::session::{Asked, Part, Session};
use super::signatory::Signatory;
use super::transaction::{Head, Rest, Signed, advance};
use super::writer::{Appended, Writer, happens_once};
use crate::log::checkpoint::Checkpoint;
use crate::log::entry::{Entry, Kind};
use crate::log::keys::Rotation;

impl Writer {
    /// Puts another key in the place of the log's: an entry that both sign, under a checkpoint that both sign. From then
    /// on the new one signs.
    pub async fn rotate(&mut self, to: Signatory, now: DateTime<Utc>) -> Result<Appended, Fault> {
        if let Some(known) = to.remembered()? {
            return Err(Fault::NoSuccessor(format!("it has signed a log of {} entries already", known.size)));
        }
        let signed = self
            .transaction(async |writer, session, head| {
                let (signed, asked) = writer.rotated(session, head, &to, now).await?;
                Ok((signed.clone(), Some(Rest { asked, signed: Some(signed) })))
            })
            .await?;
        self.signer = to;
        self.remember(&signed)?;
        let Signed { edge, checkpoint } = signed;
        Ok(Appended { first: edge.size().saturating_sub(1), entries: 1, before: false, checkpoint })
    }

    async fn rotated(
        &self,
        session: &mut Session,
        head: Head,
        to: &Signatory,
        now: DateTime<Utc>,
    ) -> Result<(Signed, Vec<Asked>), Fault> {
        let Head { mut edge, .. } = head;
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
        let mut new = Batch::from(index);
        new.add(&mut edge, &entry);
        let mut asked = new.written(session).await?;
        let number = reader::rotations(session).await?.len() as u64 + 1;
        asked.push(rotates(number, index));
        let mut checkpoint = self.sign(&edge).await?;
        to.sign_note(&mut checkpoint).await?;
        let signed = Signed { edge, checkpoint: checkpoint.to_string() };
        asked.extend(advance(&signed, to.verifier(), now.timestamp_micros()));
        Ok((signed, asked))
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
        self.transaction_as_it_is(async |writer, session, head| {
            let from = head.edge.size();
            let rest = writer.recovered(session, head, entries, signed, note, now).await?;
            Ok((signed.size - from, Some(rest)))
        })
        .await
    }

    async fn recovered(
        &self,
        session: &mut Session,
        head: Head,
        entries: impl IntoIterator<Item = Vec<u8>>,
        signed: &Checkpoint,
        note: &str,
        now: DateTime<Utc>,
    ) -> Result<Rest, Fault> {
        let Head { mut edge, .. } = head;
        let from = edge.size();
        let mut new = Batch::from(from);
        let mut asked = Vec::new();
        let mut rotated = reader::rotations(session).await?.len() as u64;
        for entry in entries {
            if Entry::parse(&entry).is_ok_and(|entry| entry.kind == Kind::KeyRotation) {
                rotated += 1;
                asked.push(rotates(rotated, edge.size()));
            }
            new.add(&mut edge, &entry);
        }
        if edge.size() != signed.size || edge.root() != signed.root {
            return Err(Fault::Damaged(
                "what was brought back is not what follows the database's own entries".to_owned(),
            ));
        }
        let signed = Signed { edge, checkpoint: note.to_owned() };
        asked.extend(new.written(session).await?);
        if signed.edge.size() > from {
            asked.extend(advance(&signed, self.signer.verifier(), now.timestamp_micros()));
        }
        // What is brought back must be there before it can be seen whether it goes on from what was signed.
        session.all(Part::Inner, asked).await?;
        self.goes_on(session, &signed.edge).await?;
        Ok(Rest { asked: Vec::new(), signed: Some(signed) })
    }
}

/// What lets a rotation be found by its number.
fn rotates(number: u64, index: u64) -> Asked {
    happens_once(&rotation_key(number), index, 1, [0; 32])
}
