//! A server of PostgreSQL.

use std::borrow::Cow;
use std::collections::HashMap;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error, NoTls, Row, Statement};

use super::fault::Fault;
use super::session::{Asked, Part, Value};
use super::tls;

/// How long a server may take to answer that it is there.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many statements are kept prepared.
const PREPARED: usize = 64;

/// What every session is set to. Whoever stops in the middle of a transaction is cut off, and its commit fails: the
/// others go on without it.
const SETTINGS: &str = "-c synchronous_commit=on -c idle_in_transaction_session_timeout=5s -c lock_timeout=10s \
                        -c statement_timeout=120s -c client_min_messages=warning";

/// An open connection.
#[derive(Debug)]
pub struct Server {
    client: Client,
    /// What carries the bytes; it ends with the connection, and knows why.
    running: Option<JoinHandle<Result<(), Error>>>,
    prepared: HashMap<Cow<'static, str>, Statement>,
}

impl Server {
    /// Connects to a server by its URL.
    pub(super) async fn open(url: &str) -> Result<Self, Fault> {
        let (mut config, tls) = tls::read(url)?;
        config.application_name("countersign");
        let settings = config.get_options().map_or(SETTINGS.to_owned(), |theirs| format!("{theirs} {SETTINGS}"));
        config.options(settings);
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(PATIENCE);
        }
        let (client, running) = match tls {
            None => {
                let (client, connection) = config.connect(NoTls).await?;
                (client, tokio::spawn(connection))
            }
            Some(tls) => {
                let (client, connection) = config.connect(tls).await?;
                (client, tokio::spawn(connection))
            }
        };
        Ok(Self { client, running: Some(running), prepared: HashMap::new() })
    }

    /// Runs a statement; what comes back is how many rows it changed.
    pub(super) async fn run(&mut self, sql: Cow<'static, str>, values: &[Value]) -> Result<u64, Fault> {
        let done = match self.statement(sql, values).await {
            Ok(statement) => self.client.execute(&statement, &parameters(values)).await,
            Err(error) => Err(error),
        };
        self.told(done).await
    }

    /// Runs a query.
    pub(super) async fn rows(&mut self, sql: Cow<'static, str>, values: &[Value]) -> Result<Vec<Row>, Fault> {
        let done = match self.statement(sql, values).await {
            Ok(statement) => self.client.query(&statement, &parameters(values)).await,
            Err(error) => Err(error),
        };
        self.told(done).await
    }

    /// Sends several statements at once, so that all of them cost one way to the server and back; what comes back are the
    /// rows of each. One that fails makes the server refuse those after it, and its commit roll back.
    pub(super) async fn all(&mut self, part: Part, asked: Vec<Asked>) -> Result<Vec<Vec<Row>>, Fault> {
        let mut statements = Vec::with_capacity(asked.len());
        for Asked { sql, values } in &asked {
            let prepared = self.statement(sql.clone(), values).await;
            statements.push(self.told(prepared).await?);
        }
        let client = &self.client;
        let word = |word: &'static str| -> Waiting<'_> {
            Box::pin(async move { client.batch_execute(word).await.map(|()| Vec::new()) })
        };
        let mut waiting = Vec::with_capacity(asked.len() + 1);
        if part == Part::First {
            waiting.push(word("BEGIN"));
        }
        for (statement, Asked { values, .. }) in statements.iter().zip(&asked) {
            waiting.push(Box::pin(async move { client.query(statement, &parameters(values)).await }));
        }
        if part == Part::Last {
            waiting.push(word("COMMIT"));
        }
        let done = together(waiting).await.into_iter().collect::<Result<Vec<_>, _>>();
        let mut answers = self.told(done).await?;
        match part {
            Part::First => drop(answers.remove(0)),
            Part::Inner => {}
            Part::Last => drop(answers.pop()),
        }
        Ok(answers)
    }

    /// Runs a word that takes no values and has no answer.
    pub(super) async fn word(&mut self, sql: &'static str) -> Result<(), Fault> {
        let done = self.client.batch_execute(sql).await;
        self.told(done).await
    }

    /// The statement, prepared.
    async fn statement(&mut self, sql: Cow<'static, str>, values: &[Value]) -> Result<Statement, Error> {
        if let Some(statement) = self.prepared.get(&sql) {
            return Ok(statement.clone());
        }
        if self.prepared.len() >= PREPARED {
            self.prepared.clear();
        }
        let types: Vec<Type> = values.iter().map(kind).collect();
        let statement = self.client.prepare_typed(&sql, &types).await?;
        self.prepared.insert(sql, statement.clone());
        Ok(statement)
    }

    /// An error with its cause: that a connection is closed does not say why.
    async fn told<T>(&mut self, done: Result<T, Error>) -> Result<T, Fault> {
        let error = match done {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        if error.is_closed()
            && let Some(running) = self.running.take()
            && let Ok(Err(cause)) = running.await
        {
            return Err(cause.into());
        }
        Err(error.into())
    }

    /// Closes it in order.
    pub(super) async fn close(self) -> Result<(), Fault> {
        let Self { client, running, prepared } = self;
        // Each says goodbye to the server as it goes.
        drop(prepared);
        drop(client);
        match running {
            Some(running) => Ok(running.await.map_err(|_| Fault::Stopped)??),
            None => Ok(()),
        }
    }
}

/// The rows of a statement that was asked for.
type Waiting<'c> = Pin<Box<dyn Future<Output = Result<Vec<Row>, Error>> + Send + 'c>>;

/// Asks all, in order, and waits for all of them.
async fn together(mut waiting: Vec<Waiting<'_>>) -> Vec<Result<Vec<Row>, Error>> {
    let mut done: Vec<Option<Result<Vec<Row>, Error>>> = waiting.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (one, done) in waiting.iter_mut().zip(&mut done).filter(|(_, done)| done.is_none()) {
            if let Poll::Ready(answer) = one.as_mut().poll(context) {
                *done = Some(answer);
            }
        }
        if done.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}

/// Whether a commit that failed with this may have been made durable all the same: the connection went, and the server
/// did not say that it had cut it off before.
pub(super) fn may_have_committed(error: &Error) -> bool {
    let Some(said) = error.as_db_error() else { return true };
    let ended = matches!(said.severity(), "FATAL" | "PANIC");
    ended && *said.code() != SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT
}

/// Whether the server undid a transaction to let another through.
pub(super) fn is_passing(error: &Error) -> bool {
    let passing = [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED];
    error.code().is_some_and(|code| passing.contains(code))
}

/// An error in words.
pub(super) fn words(error: &Error) -> String {
    use std::error::Error as _;
    if let Some(said) = error.as_db_error() {
        let more = said.detail().into_iter().chain(said.hint()).fold(String::new(), |more, it| more + "; " + it);
        return format!("{}{more}", said.message());
    }
    let Some(cause) = error.source() else { return error.to_string() };
    let advice = if error.to_string().contains("TLS") {
        "; `sslrootcert=FILE` in the URL names the authority that signed the server's certificate, and `sslmode` says \
         how much of it is checked"
    } else {
        ""
    };
    format!("{error}: {cause}{advice}")
}

fn kind(value: &Value) -> Type {
    match value {
        Value::Int(_) => Type::INT8,
        Value::Text(_) => Type::TEXT,
        Value::Bytes(_) => Type::BYTEA,
        Value::Ints(_) => Type::INT8_ARRAY,
        Value::Many(_) => Type::BYTEA_ARRAY,
    }
}

fn parameters(values: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    values.iter().map(parameter).collect()
}

fn parameter(value: &Value) -> &(dyn ToSql + Sync) {
    match value {
        Value::Int(value) => value,
        Value::Text(value) => value,
        Value::Bytes(value) => value,
        Value::Ints(values) => values,
        Value::Many(values) => values,
    }
}
