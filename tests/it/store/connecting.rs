//! How a database is spoken to: what every session is set to, and that nothing goes in the clear where TLS was asked for.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use countersign::store::address::Address;
use countersign::store::fault::Fault;
use countersign::store::session::{Session, Value};

use super::{Database, runtime};

/// What a query of one text answers.
async fn said(session: &mut Session, sql: &'static str) -> String {
    session.row(sql, &[]).await.unwrap().unwrap().text(0).unwrap()
}

#[test]
fn sqlite_is_one_without_the_known_flaw_of_its_write_ahead_log_and_waits_for_the_disk() {
    let database = Database::sqlite();
    database.runtime.block_on(async {
        let mut session = Session::open(&database.address, true).await.unwrap();
        let version = said(&mut session, "SELECT sqlite_version()").await;
        let version: Vec<u32> = version.split('.').map(|part| part.parse().unwrap()).collect();
        assert!(version >= vec![3, 51, 3], "{version:?}");
        assert_eq!(said(&mut session, "PRAGMA journal_mode").await, "wal");
        for (pragma, value) in [
            ("PRAGMA synchronous", 2),
            ("PRAGMA foreign_keys", 1),
            ("PRAGMA trusted_schema", 0),
            ("PRAGMA busy_timeout", 10_000),
        ] {
            assert_eq!(session.row(pragma, &[]).await.unwrap().unwrap().int(0).unwrap(), value, "{pragma}");
        }
        session.close().await.unwrap();
    });
}

#[test]
fn a_value_goes_to_the_place_of_its_number_and_comes_back_as_it_was() {
    for database in Database::each() {
        database.runtime.block_on(async {
            let mut session = Session::open(&database.address, true).await.unwrap();
            let values = ["two".into(), Value::Bytes(None), vec![0, 255].into(), i64::MIN.into(), Value::Text(None)];
            let sql = "SELECT CAST($4 AS BIGINT), $1, $3, $2, $1, $5";
            // Twice: the second time it is prepared already.
            for _ in 0..2 {
                let row = session.row(sql, &values).await.unwrap().unwrap();
                assert_eq!((row.int(0).unwrap(), row.text(1).unwrap()), (i64::MIN, "two".to_owned()));
                assert_eq!((row.bytes(2).unwrap(), row.maybe_bytes(3).unwrap()), (vec![0, 255], None));
                assert_eq!((row.text(4).unwrap(), row.maybe_text(5).unwrap()), ("two".to_owned(), None));
                row.int(1).unwrap_err();
                row.text(5).unwrap_err();
                row.text(6).unwrap_err();
            }
            session.rows(sql, &values[..4]).await.unwrap_err();
            session.run("NONSENSE", &[]).await.unwrap_err();
            assert_eq!(said(&mut session, "SELECT 'goes on'").await, "goes on");
        });
    }
}

#[test]
fn many_that_ask_sqlite_at_once_do_not_keep_each_other_from_going_on() {
    let database = Database::sqlite();
    // One thread for every task: had SQLite waited on it, nobody could give way.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut first = Session::open(&database.address, true).await.unwrap();
        let mut second = Session::open(&database.address, true).await.unwrap();
        first.run("CREATE TABLE held (number INTEGER)", &[]).await.unwrap();
        first.begin().await.unwrap();
        let waiting = tokio::spawn(async move {
            second.begin().await.unwrap();
            second.rows("SELECT number FROM held", &[]).await.unwrap().len()
        });
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        assert!(!waiting.is_finished());
        first.run("INSERT INTO held VALUES (1)", &[]).await.unwrap();
        first.commit().await.unwrap();
        assert_eq!(waiting.await.unwrap(), 1);
    });
}

#[test]
fn what_somebody_put_into_sqlite_that_does_not_belong_there_is_damage() {
    let database = Database::sqlite();
    database.append(0, 1);
    for sql in [
        "UPDATE log_head SET checkpoint = x'ff'",
        "UPDATE log_head SET checkpoint = CAST(x'ff' AS TEXT)",
        "UPDATE log_head SET vkey = 1.5, checkpoint = 'none'",
    ] {
        assert_eq!(database.tamper(sql), 1);
        let found = database.runtime.block_on(database.reader().head());
        let foreign = sql.contains("1.5");
        // A text column makes a text of a number.
        assert!(matches!(found, Err(Fault::Damaged(_))) != foreign, "{sql}: {found:?}");
    }
    database.tamper("CREATE TABLE other (fraction)");
    database.tamper("INSERT INTO other VALUES (1.5)");
    database.runtime.block_on(async {
        let mut session = Session::open(&database.address, false).await.unwrap();
        let found = session.rows("SELECT fraction FROM other", &[]).await;
        assert!(matches!(found, Err(Fault::Damaged(_))), "{found:?}");
    });
}

/// An address of the test server, with another host and more parameters.
fn server(host: &str, parameters: &str) -> Option<Address> {
    let url = std::env::var("TEST_POSTGRES").ok()?;
    assert!(url.contains("@127.0.0.1:"), "{url}");
    Some(Address::Postgres(format!("{}?{parameters}", url.replace("127.0.0.1", host))))
}

#[test]
fn a_session_of_postgresql_is_set_up_whatever_the_url_says() {
    let Some(address) = server("127.0.0.1", "options=-c%20synchronous_commit%3Doff%20-c%20search_path%3Dother") else {
        return;
    };
    runtime().block_on(async {
        let mut session = Session::open(&address, false).await.unwrap();
        for (sql, value) in [
            ("SHOW synchronous_commit", "on"),
            ("SHOW idle_in_transaction_session_timeout", "5s"),
            ("SHOW lock_timeout", "10s"),
            ("SHOW statement_timeout", "2min"),
            ("SHOW application_name", "countersign"),
            ("SHOW search_path", "other"),
        ] {
            assert_eq!(said(&mut session, sql).await, value, "{sql}");
        }
        session.close().await.unwrap();
    });
}

/// Whether a session goes over TLS, or why there is none.
fn over_tls(host: &str, parameters: &str) -> Result<bool, String> {
    let address = server(host, parameters).unwrap();
    runtime().block_on(async {
        let mut session = Session::open(&address, false).await.map_err(|fault| fault.to_string())?;
        let sql = "SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
        Ok(said(&mut session, sql).await == "true")
    })
}

#[test]
fn sslmode_asks_for_what_libpq_says_that_it_does() {
    let Ok(authority) = std::env::var("TEST_POSTGRES_CA") else {
        eprintln!("skipped: PostgreSQL is not there; run `tests/postgres cargo test`");
        return;
    };
    let ours = format!("sslrootcert={}", authority.replace('/', "%2F"));
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    let empty = format!("sslrootcert={}", empty.display());
    // To this machine itself; the certificate is for `localhost`, and no system knows who signed it.
    for (host, parameters, expected) in [
        ("127.0.0.1", "", Ok(false)),
        ("127.0.0.1", "sslmode=disable", Ok(false)),
        ("127.0.0.1", "sslmode=prefer", Ok(true)),
        ("127.0.0.1", "sslmode=require", Ok(true)),
        ("127.0.0.1", "sslmode=require&sslrootcert=system", Ok(true)),
        ("127.0.0.1", &format!("sslmode=require&{ours}"), Ok(true)),
        ("127.0.0.1", &format!("sslmode=verify-ca&{ours}"), Ok(true)),
        ("localhost", &format!("sslmode=verify-full&{ours}"), Ok(true)),
        ("127.0.0.1", &format!("{ours}&sslmode=verify-full"), Err("not valid for name")),
        ("localhost", "sslmode=verify-full", Err("UnknownIssuer")),
        ("127.0.0.1", "sslmode=verify-ca", Err("UnknownIssuer")),
        // Not this machine by its name, and so nothing less than everything.
        ("0.0.0.0", "", Err("UnknownIssuer")),
        ("0.0.0.0", &ours, Err("not valid for name")),
        ("127.0.0.1", &format!("sslmode=require&{empty}"), Err("no certificate in it")),
        ("127.0.0.1", "sslmode=verify-full&sslrootcert=/nowhere.pem", Err("/nowhere.pem")),
    ] {
        let found = over_tls(host, parameters);
        match expected {
            Ok(tls) => assert_eq!(found, Ok(tls), "{host} {parameters}"),
            Err(words) => assert!(found.as_ref().is_err_and(|it| it.contains(words)), "{host} {parameters}: {found:?}"),
        }
    }
    let unknown = over_tls("localhost", "sslmode=verify-full").unwrap_err();
    assert!(unknown.contains("`sslrootcert=FILE` in the URL names the authority"), "{unknown}");
}

#[test]
fn a_socket_needs_no_tls() {
    let Ok(url) = std::env::var("TEST_POSTGRES") else { return };
    let port = url.rsplit_once(':').unwrap().1.split('/').next().unwrap();
    runtime().block_on(async {
        let mut session = Session::open(&Address::Postgres(url.clone()), false).await.unwrap();
        let folder = said(&mut session, "SHOW unix_socket_directories").await;
        let through = format!("postgres://test@/postgres?host={folder}&port={port}&sslmode=verify-full");
        let mut session = Session::open(&Address::Postgres(through), false).await.unwrap();
        assert_eq!(said(&mut session, "SELECT COALESCE(inet_server_port()::text, 'socket')").await, "socket");
    });
}

/// What a server without TLS hears from somebody with these parameters, after it has said that it has none.
fn heard(host: &str, parameters: &str) -> (Vec<u8>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let listening = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = [0; 8];
        stream.read_exact(&mut asked).unwrap();
        assert_eq!(asked, [0, 0, 0, 8, 4, 210, 22, 47], "it asks for TLS first");
        stream.write_all(b"N").unwrap();
        let mut rest = [0; 4];
        let length = stream.read(&mut rest).unwrap();
        rest[..length].to_vec()
    });
    let address = Address::Postgres(format!("postgres://ana:secret@{host}:{port}/record?{parameters}"));
    let refused = runtime().block_on(Session::open(&address, false)).unwrap_err().to_string();
    (listening.join().unwrap(), refused)
}

#[test]
fn where_tls_was_asked_for_nothing_goes_in_the_clear() {
    for (host, parameters) in [
        ("127.0.0.1", "sslmode=require"),
        ("127.0.0.1", "sslmode=verify-ca"),
        ("127.0.0.1", "sslmode=verify-full"),
        ("127.0.0.1", "sslmode=prefer&sslmode=require"),
        // Nothing was said, and it is not this machine by its name.
        ("0.0.0.0", ""),
    ] {
        let (rest, refused) = heard(host, parameters);
        assert_eq!(rest, b"", "{host} {parameters}");
        assert!(refused.contains("server does not support TLS"), "{refused}");
        assert!(!refused.contains("secret"), "{refused}");
    }
    let (rest, _) = heard("127.0.0.1", "sslmode=prefer");
    assert_ne!(rest, b"", "it goes on without");
}

#[test]
fn a_url_that_cannot_be_used_says_so_without_its_password() {
    for (url, words) in [
        (
            "postgres://ana:secret@db.example/record?sslmode=allow",
            "`sslmode=allow` is none that is taken; name `disable`",
        ),
        ("postgres://ana:secret@db.example/record?sslmode=", "`sslmode=` is none that is taken"),
        ("postgres://ana:secret@db.example/record?sslkey=key.pem", "unknown option `sslkey`"),
        ("postgres://ana:secret@db.example:port/record", "invalid value for option `port`"),
        ("postgres://ana:secret@db.example/record?sslrootcert=%FF", "`sslrootcert` is not UTF-8"),
    ] {
        let refused = runtime().block_on(Session::open(&Address::Postgres(url.to_owned()), false)).unwrap_err();
        assert!(matches!(refused, Fault::Url(_)), "{url}: {refused:?}");
        let refused = refused.to_string();
        assert!(refused.starts_with("the URL of PostgreSQL cannot be used: ") && refused.contains(words), "{refused}");
        assert!(!refused.contains("secret"), "{refused}");
    }
}
