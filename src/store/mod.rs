//! Storey 6: where the record is kept, in SQLite or PostgreSQL, or as files.
//!
//! [`address`] says which database, [`session`] makes the two alike, [`migrations`]
//! lays out the tables. [`writer`] turns a batch of entries into one durable
//! write with one signed checkpoint by a [`signatory`], [`sequencer`] gathers what
//! many ask for into such batches, [`reader`] hands out tiles, entries and blobs,
//! [`copy`] takes a whole record from one database to another, [`erasure`] lets go
//! bytes whose time is over. [`folder`] reads and writes a log as the files of the
//! C2SP specification `tlog-tiles`.
//!
//! Beside the log, and in the same transaction, [`change`] writes what follows
//! from an entry: deliveries, decisions, obligations, effects, timers; [`stands`]
//! and [`latest`] read it, [`history`] how it came to be, [`submitted`] says what jobs submitted, [`deployed`] what was deployed, [`granted`] which grants were used, [`incident`] which issues are incidents, [`acted`] what people did on pages, [`standing`] how far
//! behind it is. [`replica`] says who may write, [`shared`] keeps what they share beside the log, [`outbox`] hands out effects and keeps those that fail, [`timers`] wakes. [`blob`]
//! keeps bytes by digest, [`annex`] the large ones of them in a folder or a bucket.
//!
//! Never here: a rule, a word to a person other than a fault.
//!
//! Invariant: nobody is told of an entry, and no checkpoint leaves, before the
//! transaction that holds both is durable.

#[cfg(feature = "app")]
pub mod acted;
#[cfg(feature = "app")]
pub mod address;
#[cfg(feature = "app")]
pub mod annex;
#[cfg(feature = "app")]
mod batch;
#[cfg(feature = "app")]
pub mod blob;
#[cfg(feature = "app")]
pub mod change;
#[cfg(feature = "app")]
pub mod copy;
#[cfg(feature = "app")]
pub mod dead;
#[cfg(feature = "app")]
pub mod deployed;
#[cfg(feature = "app")]
pub mod erasure;
#[cfg(feature = "app")]
pub mod fault;
pub mod folder;
#[cfg(feature = "app")]
pub mod granted;
#[cfg(feature = "app")]
pub mod history;
#[cfg(feature = "app")]
pub mod incident;
#[cfg(feature = "app")]
pub mod latest;
#[cfg(feature = "app")]
mod lock;
#[cfg(feature = "app")]
pub mod migrations;
#[cfg(feature = "app")]
pub mod outbox;
#[cfg(feature = "app")]
mod postgres;
#[cfg(feature = "app")]
pub mod reader;
#[cfg(feature = "app")]
pub mod replica;
#[cfg(feature = "app")]
pub mod sequencer;
#[cfg(feature = "app")]
pub mod session;
#[cfg(feature = "app")]
pub mod shared;
#[cfg(feature = "app")]
pub mod signatory;
#[cfg(feature = "app")]
mod sqlite;
#[cfg(feature = "app")]
pub mod standing;
#[cfg(feature = "app")]
pub mod stands;
#[cfg(feature = "app")]
pub mod submitted;
#[cfg(feature = "app")]
mod succession;
#[cfg(feature = "app")]
pub mod timers;
#[cfg(feature = "app")]
mod tls;
#[cfg(feature = "app")]
mod transaction;
#[cfg(feature = "app")]
pub mod witnessed;
#[cfg(feature = "app")]
pub mod writer;
