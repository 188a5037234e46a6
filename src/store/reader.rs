//! The reader: tiles, entries, checkpoints and blobs, from either database.

use super::address::Address;
use super::annex::Annex;
use super::blob;
use super::fault::Fault;
use super::migrations;
use super::session::{Session, Value, digest, int};
use crate::log::entry::{Entry, Kind};
use crate::log::tile::{self, Tile, Tiles, WIDTH};
use crate::log::tree::{Edge, Hash};

/// Reads the record.
#[derive(Debug)]
pub struct Reader {
    pub(super) session: Session,
    annex: Option<Annex>,
}

/// The log as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The log's own key, as the database states it: no reason to believe it.
    pub vkey: String,
    /// The last signed checkpoint.
    pub checkpoint: String,
    /// Where the record was moved to.
    pub moved: Option<String>,
}

impl Reader {
    /// Opens the record for reading.
    pub async fn open(address: &Address) -> Result<Self, Fault> {
        if let Address::Sqlite(path) = address {
            // SQLite says no more than that it could not open it.
            std::fs::metadata(path).map_err(|error| Fault::file(path, error))?;
        }
        let mut session = Session::open(address, false).await?;
        migrations::check(&mut session).await?;
        Ok(Self { session, annex: None })
    }

    /// The log as it is now.
    pub async fn head(&mut self) -> Result<Head, Fault> {
        let row = self.session.row("SELECT vkey, checkpoint, moved FROM log_head WHERE id = 1", &[]).await?;
        let row = row.ok_or(Fault::NoLog)?;
        Ok(Head { vkey: row.text(0)?, checkpoint: row.text(1)?, moved: row.maybe_text(2)? })
    }

    /// How many entries the log has.
    pub async fn size(&mut self) -> Result<u64, Fault> {
        let row = self.session.row("SELECT size FROM log_head WHERE id = 1", &[]).await?;
        row.ok_or(Fault::NoLog)?.count(0)
    }

    /// The checkpoints that witnesses cosigned, the newest first, so many at most.
    pub async fn witnessed(&mut self, most: u64) -> Result<Vec<String>, Fault> {
        let sql = "SELECT note FROM log_witnessed ORDER BY size DESC LIMIT $1";
        self.session.rows(sql, &[int(most)]).await?.iter().map(|row| row.text(0)).collect()
    }

    /// The bytes of entries from a number on, with their numbers, so many at most.
    pub async fn entries(&mut self, from: u64, most: u64) -> Result<Vec<(u64, Vec<u8>)>, Fault> {
        let values = [int(from), int(most)];
        let sql = "SELECT idx, entry FROM log_entry WHERE idx >= $1 ORDER BY idx LIMIT $2";
        self.session.rows(sql, &values).await?.iter().map(|row| Ok((row.count(0)?, row.bytes(1)?))).collect()
    }

    /// The bytes of a tile or a bundle.
    pub async fn tile(&mut self, tile: Tile) -> Result<Vec<u8>, Fault> {
        read(&mut self.session, tile).await
    }

    /// The rotations of the log's keys, in order, each as the signed note that its entry has.
    pub async fn rotations(&mut self) -> Result<Vec<String>, Fault> {
        let mut notes = Vec::new();
        for index in rotations(&mut self.session).await? {
            let entries = self.entries(index, 1).await?;
            let entry = entries.first().filter(|(number, _)| *number == index);
            notes.push(rotation(index, entry.map(|(_, entry)| entry.as_slice()).unwrap_or_default())?);
        }
        Ok(notes)
    }

    /// Looks for what is large in an annex as well.
    #[must_use]
    pub fn with_annex(mut self, annex: Option<Annex>) -> Self {
        self.annex = annex;
        self
    }

    /// The bytes of a blob, checked against their digest; `None` where there are none by that digest, or no more.
    pub async fn blob(&mut self, digest: Hash) -> Result<Option<Vec<u8>>, Fault> {
        let sql = "SELECT size, packed, annexed FROM blob WHERE digest = $1";
        let row = self.session.row(sql, &[digest.into()]).await?;
        let Some(row) = row else { return Ok(None) };
        let size = row.count(0)?;
        if let Some(packed) = row.maybe_bytes(1)? {
            let bytes = blob::unpacked(&packed, size, digest);
            let other = || Fault::Damaged(format!("what is kept as sha256:{digest} has another digest"));
            return bytes.ok_or_else(other).map(Some);
        }
        if row.int(2)? != 1 {
            return Ok(None);
        }
        let annex = self.annex.as_ref().ok_or_else(|| Fault::NoAnnex(digest.to_string()))?;
        let bytes = blob::unpacked(&annex.read(digest, size).await?, size, digest);
        bytes.ok_or_else(|| annex.wrong(digest, "it has another digest".to_owned())).map(Some)
    }

    /// Whether the bytes of a digest are there.
    pub async fn has(&mut self, digest: Hash) -> Result<bool, Fault> {
        let sql = "SELECT size FROM blob WHERE digest = $1 AND (packed IS NOT NULL OR annexed = 1)";
        Ok(self.session.row(sql, &[digest.into()]).await?.is_some())
    }

    /// Which digests that begin with a byte the record says lie in the annex.
    pub async fn annexed(&mut self, first: u8) -> Result<Vec<Hash>, Fault> {
        let mut range = vec![Value::from(vec![first])];
        range.extend(first.checked_add(1).map(|next| Value::from(vec![next])));
        let below = if range.len() > 1 { "AND digest < $2" } else { "" };
        let sql = format!("SELECT digest FROM blob WHERE annexed = 1 AND digest >= $1 {below} ORDER BY digest");
        let rows = self.session.rows_made(sql, &range).await?;
        rows.iter().map(|row| digest(row, 0)).collect()
    }

    /// Closes the database in order.
    pub async fn close(self) -> Result<(), Fault> {
        self.session.close().await
    }
}

/// What is recorded once for a rotation of the log's key; the first is number 1.
pub(super) fn rotation_key(number: u64) -> String {
    format!("log key rotation {number}")
}

/// The numbers of the entries that record rotations, in order.
pub(super) async fn rotations(session: &mut Session) -> Result<Vec<u64>, Fault> {
    let mut found = Vec::new();
    for number in 1.. {
        let key = rotation_key(number);
        let Some(row) = session.row("SELECT idx FROM log_once WHERE once = $1", &[key.into()]).await? else { break };
        found.push(row.count(0)?);
    }
    Ok(found)
}

/// The signed note that an entry of a rotation has.
fn rotation(index: u64, bytes: &[u8]) -> Result<String, Fault> {
    let entry = Entry::parse(bytes).ok().filter(|entry| entry.kind == Kind::KeyRotation);
    let note = entry.and_then(|mut entry| match entry.body.remove("note")? {
        serde_json::Value::String(note) => Some(note),
        _ => None,
    });
    note.ok_or_else(|| Fault::Damaged(format!("entry {index} is no rotation of the log's key")))
}

/// The bytes of a tile or a bundle.
async fn read(session: &mut Session, tile: Tile) -> Result<Vec<u8>, Fault> {
    let first = tile.number.saturating_mul(WIDTH);
    let range = [int(first), int(first.saturating_add(tile.width))];
    let whole = usize::try_from(tile.width * 32).unwrap_or(usize::MAX);
    match tile.level {
        None => {
            let sql = "SELECT idx, entry FROM log_entry WHERE idx >= $1 AND idx < $2 ORDER BY idx";
            let rows = session.rows(sql, &range).await?;
            let mut entries = Vec::with_capacity(rows.len());
            for (row, index) in rows.iter().zip(first..) {
                expect(row.count(0)?, index)?;
                entries.push(row.bytes(1)?);
            }
            expect_all(entries.len(), tile, first)?;
            let bundle = tile::bundle(entries.iter().map(Vec::as_slice));
            bundle.ok_or_else(|| Fault::Damaged(format!("an entry of `{}` is too long", tile.path())))
        }
        Some(0) => {
            let sql = "SELECT idx, hash FROM log_entry WHERE idx >= $1 AND idx < $2 ORDER BY idx";
            let rows = session.rows(sql, &range).await?;
            let mut hashes = Vec::with_capacity(whole);
            for (row, index) in rows.iter().zip(first..) {
                expect(row.count(0)?, index)?;
                let hash: [u8; 32] = row
                    .bytes(1)?
                    .try_into()
                    .map_err(|_| Fault::Damaged(format!("the hash of entry {index} has not 32 bytes")))?;
                hashes.extend_from_slice(&hash);
            }
            expect_all(hashes.len() / 32, tile, first)?;
            Ok(hashes)
        }
        Some(level) => {
            let key = [i64::from(level).into(), int(tile.number)];
            let row = session.row("SELECT hashes FROM log_tile WHERE level = $1 AND number = $2", &key).await?;
            let row = row.ok_or_else(|| Fault::Damaged(format!("`{}` is missing", tile.path())))?;
            let mut bytes = row.bytes(0)?;
            bytes.truncate(whole);
            Ok(bytes)
        }
    }
}

/// The growing edge that the tree had at a size, by what is kept of it now.
pub(super) async fn edge_at(session: &mut Session, size: u64, now: u64) -> Result<Edge, Fault> {
    let mut roots = Vec::new();
    for level in (0..u64::BITS).rev().filter(|level| size >> level & 1 == 1) {
        let (tile, within, first) = tile::of_node(level, (size >> level) - 1, now);
        let row = tile::hashes(&read(session, tile).await?, tile.width);
        let root = row.and_then(|row| tile::node_within(&row, first, within));
        roots.push(root.ok_or_else(|| Fault::Damaged(format!("`{}` is not whole", tile.path())))?);
    }
    // There is one root for each bit.
    Ok(Edge::of(size, roots).unwrap_or_default())
}

fn expect(found: u64, index: u64) -> Result<(), Fault> {
    if found == index { Ok(()) } else { Err(Fault::Damaged(format!("entry {index} is missing"))) }
}

fn expect_all(found: usize, tile: Tile, first: u64) -> Result<(), Fault> {
    let found = found as u64;
    if found >= tile.width { Ok(()) } else { Err(Fault::Damaged(format!("entry {} is missing", first + found))) }
}

/// A reader for those who do not wait asynchronously: tiles one after another, on a runtime of its own.
#[derive(Debug)]
pub struct Blocking<'r> {
    /// The runtime.
    pub runtime: &'r tokio::runtime::Runtime,
    /// The reader.
    pub reader: &'r mut Reader,
}

impl Tiles for Blocking<'_> {
    type Error = Fault;

    fn read(&mut self, tile: Tile) -> Result<Vec<u8>, Fault> {
        self.runtime.block_on(self.reader.tile(tile))
    }
}
