//! Storey 7: the stories. Here what decides and what acts meet.
//!
//! A gate run ([`gate_run`]) gathers for each gate what was found: reports,
//! signatures, checklists, each in a file of its own. It judges nothing itself:
//! what was found goes down to `decide`. What a forge knows of a release becomes the
//! facts that it is decided by (`facts`). The record is read by whoever doubts it
//! ([`record`]), and written to when something happened (`append`); what follows
//! from a decision is written with it (`decided`) and leaves afterwards (`send`). A
//! decision leaves it with a receipt (`receipt`), and can be made again ([`replay`]).
//! It goes on under new keys (`succession`), and lets go what its time is over
//! (`retention`). What is large lies beside the database (`evidence`). Many read it at once
//! (`shelf`), and others see it (`witnessing`). What it has of one release is shown to people (`sheet`), who come
//! through the forge (`visits`). A step submits raw evidence ([`submit`], in the form of [`submission`]), and the app
//! reads it again (`submitted`); a job asks it for its decision ([`ask`]), whoever deploys elsewhere tells it of that
//! ([`deployment`]), all through a [`courier`]; where it cannot be reached, a grant is used
//! ([`grant`]), which the app is told of once it is back ([`grant_report`]). The app is the
//! story that never ends (`app`):
//! told of something, it reads, decides, records and tells; what people are told elsewhere goes through `messages`. It is made known to the forge once (`setup`), and how it is
//! protected from being gone round is looked at from outside (`inspection`). What the record says of a period is told to those
//! who audit ([`audit`]).
//!
//! Invariant: what could not be gathered is a fault, and reaches the gate as one.

#[cfg(feature = "app")]
pub mod app;
#[cfg(feature = "app")]
pub mod append;
pub mod ask;
#[cfg(feature = "app")]
pub mod audit;
mod baseline;
mod checklists;
pub mod courier;
#[cfg(feature = "app")]
pub mod decided;
pub mod deployment;
#[cfg(feature = "app")]
pub mod evidence;
pub mod facts;
pub mod flawed;
pub mod gate_run;
mod gathered;
pub mod grant;
pub mod grant_report;
#[cfg(feature = "app")]
pub mod inspection;
#[cfg(feature = "app")]
pub mod messages;
#[cfg(feature = "app")]
pub mod receipt;
pub mod record;
#[cfg(feature = "app")]
mod recorded;
pub mod replay;
mod reports;
pub mod request;
#[cfg(feature = "app")]
pub mod retention;
#[cfg(feature = "app")]
pub mod send;
#[cfg(feature = "app")]
pub mod setup;
#[cfg(feature = "app")]
pub mod sheet;
#[cfg(feature = "app")]
pub mod shelf;
mod signatures;
mod statements;
pub mod submission;
pub mod submit;
#[cfg(feature = "app")]
mod submitted;
#[cfg(feature = "app")]
pub mod succession;
#[cfg(feature = "app")]
pub mod visits;
#[cfg(feature = "app")]
pub mod witnessing;
