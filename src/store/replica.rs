//! Who may write. Every process that writes to the record takes a number of its own, an epoch, and a lease that the
//! database keeps by its own clock. Each transaction that writes looks whether the lease still runs: a process that was
//! stopped for longer than that (by SIGSTOP, a machine that slept, a long pause) is refused, whatever it still believes.
//!
//! A clock that is set forward ends leases early, and one that is set back ends them late; both cost time and neither
//! lets two write what contradicts, because what is written hangs on the head of the log and on each stream's version
//! as well.

use std::time::{Duration, Instant};

use super::fault::Fault;
use super::session::{Asked, Session};

/// How long a lease runs, unless it is renewed. Longer than PostgreSQL lets a transaction idle, so that one that was
/// begun under a lease cannot outlive it.
pub const LEASE: Duration = Duration::from_secs(15);
/// The shortest lease, for the same reason.
pub const SHORTEST: Duration = Duration::from_secs(6);

/// A number and a lease that were taken.
#[derive(Debug)]
pub(super) struct Replica {
    epoch: i64,
    lease: Duration,
    renewed: Instant,
}

impl Replica {
    /// Takes a number and a lease, in the transaction that is open.
    pub(super) async fn join(session: &mut Session, lease: Duration) -> Result<Self, Fault> {
        let lease = lease.max(SHORTEST);
        let renewed = Instant::now();
        let next = "INSERT INTO fence (id, epoch) VALUES (1, 1) \
                    ON CONFLICT (id) DO UPDATE SET epoch = fence.epoch + 1 RETURNING epoch";
        let row = session.row(next, &[]).await?;
        let epoch = row.ok_or_else(|| Fault::Damaged("no number is given to who writes".to_owned()))?.int(0)?;
        let clock = session.clock();
        session.run_made(format!("DELETE FROM replica WHERE until <= {clock}"), &[]).await?;
        let name = format!("process {}", std::process::id());
        let values = [epoch.into(), name.into(), micros(lease).into()];
        let join = format!("INSERT INTO replica (epoch, name, until) VALUES ($1, $2, {clock} + $3)");
        session.run_made(join, &values).await?;
        Ok(Self { epoch, lease, renewed })
    }

    /// Its number.
    pub(super) fn epoch(&self) -> i64 {
        self.epoch
    }

    /// How long it may be idle.
    pub(super) fn lease(&self) -> Duration {
        self.lease
    }

    /// Whether it is time to renew the lease.
    pub(super) fn is_due(&self) -> bool {
        self.renewed.elapsed() > self.lease / 3
    }

    /// What makes the lease run anew, where it still runs.
    pub(super) fn renewal(&self, session: &Session) -> Asked {
        let clock = session.clock();
        let sql =
            format!("UPDATE replica SET until = {clock} + $2 WHERE epoch = $1 AND until > {clock} RETURNING epoch");
        Asked::new(sql, [self.epoch.into(), micros(self.lease).into()])
    }

    /// What asks whether the lease still runs.
    pub(super) fn question(&self, session: &Session) -> Asked {
        let clock = session.clock();
        Asked::new(format!("SELECT epoch FROM replica WHERE epoch = $1 AND until > {clock}"), [self.epoch.into()])
    }

    /// Judges what came back from either.
    pub(super) fn judge(&self, rows: Option<&Vec<super::session::Row>>) -> Result<(), Fault> {
        if rows.is_some_and(|rows| !rows.is_empty()) { Ok(()) } else { Err(Fault::Fenced(self.lease)) }
    }

    /// Remembers that the lease was renewed by a transaction that is durable, and that began then.
    pub(super) fn renewed(&mut self, at: Instant) {
        self.renewed = at;
    }
}

pub(super) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
