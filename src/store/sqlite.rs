//! A file of SQLite, in a thread of its own. SQLite waits for the disk and for locks where it is called, and whoever
//! asks it must not keep the other tasks of the runtime from going on meanwhile.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Statement};
use tokio::sync::oneshot;

use super::fault::Fault;
use super::session::{Asked, Cell, Part, Value};

/// How long a statement waits for somebody else's lock.
const PATIENCE: Duration = Duration::from_secs(10);
/// After how many pages of its journal SQLite takes it into the file itself, within whichever transaction comes then: 64 MiB,
/// so that hardly anybody waits for that. Where nobody asks it is done before ([`super::writer::Writer::tidy`]).
const JOURNAL: u32 = 16_384;
/// How many statements are kept prepared.
const PREPARED: usize = 64;

/// What comes back from a statement.
type Answer<T> = oneshot::Sender<Result<T, Fault>>;
/// The rows of a statement, each with its cells.
type Rows = Vec<Vec<Cell>>;

/// What the thread is asked to do. It ends when nobody can ask any more.
enum Job {
    Run(Cow<'static, str>, Vec<Value>, Answer<u64>),
    Rows(Cow<'static, str>, Vec<Value>, Answer<Rows>),
    All(Part, Vec<Asked>, Answer<Vec<Rows>>),
    Close(Answer<()>),
}

/// An open file.
#[derive(Debug)]
pub struct File {
    jobs: mpsc::Sender<Job>,
    /// What is being done while whoever asked goes on.
    ahead: Vec<oneshot::Receiver<Result<Vec<Rows>, Fault>>>,
}

impl File {
    /// Opens a file, or makes one where `create` says so and there is none.
    pub(super) async fn open(path: &Path, create: bool) -> Result<Self, Fault> {
        // SQLite takes a name that begins with `file:` for an address with options; an absolute path never does.
        let path = std::path::absolute(path).map_err(|error| Fault::file(path, error))?;
        let (jobs, asked) = mpsc::channel();
        let (opened, answered) = oneshot::channel::<Result<(), Fault>>();
        let thread = std::thread::Builder::new().name("sqlite".to_owned());
        let started = thread.spawn(move || match open(&path, create) {
            Ok(connection) => {
                if opened.send(Ok(())).is_ok() {
                    work(connection, &asked);
                }
            }
            // Nobody waits for it any more, then.
            Err(error) => drop(opened.send(Err(error.into()))),
        });
        started.map_err(Fault::Thread)?;
        answered.await.map_err(|_| Fault::Stopped)??;
        Ok(Self { jobs, ahead: Vec::new() })
    }

    /// Has statements run while whoever asks goes on. Where one of them failed, the next that is asked is not done, and
    /// says why.
    pub(super) fn ahead(&mut self, asked: Vec<Asked>) -> Result<(), Fault> {
        let (answer, answered) = oneshot::channel();
        self.jobs.send(Job::All(Part::Inner, asked, answer)).map_err(|_| Fault::Stopped)?;
        self.ahead.push(answered);
        Ok(())
    }

    async fn ask<T>(&mut self, job: impl FnOnce(Answer<T>) -> Job) -> Result<T, Fault> {
        let mut before = Ok(());
        for answered in std::mem::take(&mut self.ahead) {
            before = before.and(answered.await.map_err(|_| Fault::Stopped).and_then(|done| done.map(drop)));
        }
        before?;
        let (answer, answered) = oneshot::channel();
        self.jobs.send(job(answer)).map_err(|_| Fault::Stopped)?;
        answered.await.map_err(|_| Fault::Stopped)?
    }

    /// Runs a statement; what comes back is how many rows it changed.
    pub(super) async fn run(&mut self, sql: Cow<'static, str>, values: Vec<Value>) -> Result<u64, Fault> {
        self.ask(|answer| Job::Run(sql, values, answer)).await
    }

    /// Runs a query.
    pub(super) async fn rows(&mut self, sql: Cow<'static, str>, values: Vec<Value>) -> Result<Rows, Fault> {
        self.ask(|answer| Job::Rows(sql, values, answer)).await
    }

    /// Runs several statements, one after another; what comes back are the rows of each.
    pub(super) async fn all(&mut self, part: Part, asked: Vec<Asked>) -> Result<Vec<Rows>, Fault> {
        self.ask(|answer| Job::All(part, asked, answer)).await
    }

    /// Closes it in order.
    pub(super) async fn close(mut self) -> Result<(), Fault> {
        self.ask(Job::Close).await
    }
}

fn open(path: &Path, create: bool) -> rusqlite::Result<Connection> {
    // One thread has the connection, so that SQLite needs no lock about it.
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    flags.set(OpenFlags::SQLITE_OPEN_CREATE, create);
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF")?;
    connection.pragma_update(None, "wal_autocheckpoint", JOURNAL)?;
    Ok(connection)
}

fn work(connection: Connection, jobs: &mpsc::Receiver<Job>) {
    let closed = {
        let mut prepared = HashMap::new();
        loop {
            // Whoever no longer waits for an answer has what was asked done all the same.
            match jobs.recv() {
                Ok(Job::Run(sql, values, answer)) => drop(answer.send(run(&connection, &mut prepared, sql, &values))),
                Ok(Job::Rows(sql, values, answer)) => drop(answer.send(rows(&connection, &mut prepared, sql, &values))),
                Ok(Job::All(part, asked, answer)) => drop(answer.send(all(&connection, &mut prepared, part, asked))),
                Ok(Job::Close(answer)) => break Some(answer),
                Err(mpsc::RecvError) => break None,
            }
        }
    };
    let done = connection.close().map_err(|(_, error)| error.into());
    if let Some(answer) = closed {
        drop(answer.send(done));
    }
}

/// A statement that was prepared, with the place among the values of each that it takes.
struct Prepared<'c> {
    statement: Statement<'c>,
    places: Vec<usize>,
}

impl<'c> Prepared<'c> {
    fn new(connection: &'c Connection, sql: &str) -> Result<Self, Fault> {
        let statement = connection.prepare(sql)?;
        // To SQLite `$2` is a name, which it numbers by where it comes first.
        let place = |at| statement.parameter_name(at)?.strip_prefix('$')?.parse::<usize>().ok()?.checked_sub(1);
        let places = (1..=statement.parameter_count()).map(|at| place(at).unwrap_or(usize::MAX)).collect();
        Ok(Self { statement, places })
    }

    fn bind(&mut self, values: &[Value]) -> Result<(), Fault> {
        for (at, place) in (1..).zip(&self.places) {
            match values.get(*place) {
                Some(Value::Int(value)) => self.statement.raw_bind_parameter(at, value)?,
                Some(Value::Text(value)) => self.statement.raw_bind_parameter(at, value)?,
                Some(Value::Bytes(value)) => self.statement.raw_bind_parameter(at, value)?,
                // Lists have no form in SQLite.
                Some(Value::Ints(_) | Value::Many(_)) | None => {
                    return Err(rusqlite::Error::InvalidParameterCount(values.len(), self.places.len()).into());
                }
            }
        }
        Ok(())
    }
}

/// The statement, prepared and bound.
fn bound<'p, 'c>(
    connection: &'c Connection,
    prepared: &'p mut HashMap<Cow<'static, str>, Prepared<'c>>,
    sql: Cow<'static, str>,
    values: &[Value],
) -> Result<&'p mut Statement<'c>, Fault> {
    if prepared.len() >= PREPARED && !prepared.contains_key(&sql) {
        prepared.clear();
    }
    let known = match prepared.entry(sql) {
        std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
        std::collections::hash_map::Entry::Vacant(new) => {
            let made = Prepared::new(connection, new.key())?;
            new.insert(made)
        }
    };
    known.bind(values)?;
    Ok(&mut known.statement)
}

fn run<'c>(
    connection: &'c Connection,
    prepared: &mut HashMap<Cow<'static, str>, Prepared<'c>>,
    sql: Cow<'static, str>,
    values: &[Value],
) -> Result<u64, Fault> {
    let changed = bound(connection, prepared, sql, values)?.raw_execute()?;
    Ok(changed as u64)
}

fn rows<'c>(
    connection: &'c Connection,
    prepared: &mut HashMap<Cow<'static, str>, Prepared<'c>>,
    sql: Cow<'static, str>,
    values: &[Value],
) -> Result<Rows, Fault> {
    let statement = bound(connection, prepared, sql, values)?;
    let columns = statement.column_count();
    let mut rows = statement.raw_query();
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let cells = (0..columns).map(|column| cell(row.get_ref(column)?)).collect::<Result<_, _>>()?;
        all.push(cells);
    }
    Ok(all)
}

fn all<'c>(
    connection: &'c Connection,
    prepared: &mut HashMap<Cow<'static, str>, Prepared<'c>>,
    part: Part,
    asked: Vec<Asked>,
) -> Result<Vec<Rows>, Fault> {
    if part == Part::First {
        run(connection, prepared, "BEGIN IMMEDIATE".into(), &[])?;
    }
    let mut answers = Vec::with_capacity(asked.len());
    for Asked { sql, values } in asked {
        answers.push(rows(connection, prepared, sql, &values)?);
    }
    if part == Part::Last {
        run(connection, prepared, "COMMIT".into(), &[])?;
    }
    Ok(answers)
}

fn cell(value: ValueRef<'_>) -> Result<Cell, Fault> {
    Ok(match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(number) => Cell::Int(number),
        ValueRef::Text(text) => match str::from_utf8(text) {
            Ok(text) => Cell::Text(text.to_owned()),
            Err(_) => return Err(Fault::Damaged("a text in it is not UTF-8".to_owned())),
        },
        ValueRef::Blob(bytes) => Cell::Bytes(bytes.to_vec()),
        ValueRef::Real(_) => return Err(Fault::Damaged("a fraction stands in it where none belongs".to_owned())),
    })
}
