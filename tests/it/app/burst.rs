//! Many deliveries at once: none that was acknowledged is lost, none is refused, however often the app is killed meanwhile; and
//! however many there are about the same, it is read once.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, RwLock};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{App, SECRET, ago, id, payload, shop, signature, until};
use crate::store::Database;
use crate::support::github::Github;
use crate::support::github::world::sha;
use crate::support::served::Served;

/// So many at once, as many connections.
const AT_ONCE: usize = 64;

/// What became of a burst.
#[derive(Default)]
struct Burst {
    /// How long each waited for its acknowledgement, from the request that was acknowledged.
    took: Vec<Duration>,
    /// What was answered otherwise.
    refused: Vec<u16>,
    /// How many requests ended without an answer, and were made again.
    cut: usize,
}

/// Delivers all of them, each until it is acknowledged, to whoever is served then,
/// and counts them.
fn burst(served: &RwLock<Option<Served>>, deliveries: &[(String, &str, Value)], taken: &AtomicUsize) -> Burst {
    let (next, burst) = (AtomicUsize::new(0), Mutex::new(Burst::default()));
    let work = || {
        while let Some((id, event, body)) = deliveries.get(next.fetch_add(1, Ordering::Relaxed)) {
            loop {
                let began = Instant::now();
                let address = served.read().unwrap().as_ref().map(|it| it.address.clone());
                let answer = address.and_then(|address| post(&address, event, id, body));
                let mut burst = burst.lock().unwrap();
                match answer {
                    Some(202) => {
                        burst.took.push(began.elapsed());
                        taken.fetch_add(1, Ordering::Relaxed);
                        break;
                    }
                    Some(other) => burst.refused.push(other),
                    None => burst.cut += 1,
                }
                drop(burst);
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    };
    std::thread::scope(|scope| (0..AT_ONCE).for_each(|_| drop(scope.spawn(work))));
    burst.into_inner().unwrap()
}

fn post(address: &str, event: &str, id: &str, body: &Value) -> Option<u16> {
    use std::io::Read as _;
    let body = body.to_string();
    let mut stream = std::net::TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    let head = format!(
        "POST /hooks/github HTTP/1.1\r\nhost: here\r\nconnection: close\r\nx-github-event: {event}\r\n\
         x-github-delivery: {id}\r\nx-hub-signature-256: {}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        signature(SECRET, body.as_bytes()),
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    std::str::from_utf8(answer.get(9..12)?).ok()?.parse().ok()
}

fn percentile(of: &mut [Duration], hundredths: usize) -> Duration {
    of.sort();
    of[(of.len() - 1) * hundredths / 100]
}

/// An app whose record is where the test says, and the server's database that goes with it.
fn app(github: &Github, postgres: bool) -> Option<(App, Option<Database>)> {
    let mut app = App::new(github);
    if !postgres {
        return Some((app, None));
    }
    let database = super::replicas::on_postgres(&mut app)?;
    Some((app, Some(database)))
}

/// `count` deliveries about pull requests, while the app is killed so often, each time when as many more were acknowledged.
fn killed(count: usize, kills: usize, postgres: bool) -> Option<Burst> {
    let github = shop();
    let (app, _database) = app(&github, postgres)?;
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut options = app.options_without("--listen");
    options.extend(["--listen".to_owned(), format!("127.0.0.1:{port}")]);
    let start = || app.start_with(&options, &["--sweep", "300"]);
    let served = RwLock::new(Some(start()));
    let body = |number: usize| payload(json!({"action": "labeled", "pull_request": {"number": 12 + number % 50}}));
    let deliveries: Vec<_> = (0..count).map(|number| (id(), "pull_request", body(number))).collect();
    let taken = AtomicUsize::new(0);
    let began = Instant::now();
    let burst = std::thread::scope(|scope| {
        scope.spawn(|| {
            for kill in 1..=kills {
                while taken.load(Ordering::Relaxed) < count * kill / (kills + 1) {
                    std::thread::sleep(Duration::from_millis(1));
                }
                // Another instant each time, and always at work.
                std::thread::sleep(Duration::from_millis(7 * (kill as u64 % 7)));
                // Its end is waited for, and then another takes its place.
                drop(served.write().unwrap().take());
                *served.write().unwrap() = Some(start());
            }
        });
        burst(&served, &deliveries, &taken)
    });
    let took = began.elapsed();
    drop(served);
    let listed = app.world.run(&["db", "list", "deliveries", "--database", &app.database]).out;
    let mut recorded: BTreeMap<&str, usize> = BTreeMap::new();
    for word in listed.split_whitespace() {
        *recorded.entry(word).or_default() += 1;
    }
    let lost = deliveries.iter().filter(|(id, ..)| recorded.get(id.as_str()) != Some(&1)).count();
    assert_eq!(lost, 0, "acknowledged, and not in the record");
    assert!(burst.refused.is_empty(), "refused: {:?}", burst.refused);
    assert_eq!(burst.took.len(), count);
    let verified = app.world.run(&["log", "verify", "--database", &app.database, "--log-key", "log.pub"]);
    assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);
    let mut burst = burst;
    let p99 = percentile(&mut burst.took, 99);
    eprintln!(
        "{count} deliveries, {kills} kills, {} in {took:.1?}: p99 {p99:?}, longest {:?}, cut {}",
        if postgres { "PostgreSQL" } else { "SQLite" },
        burst.took.last().unwrap(),
        burst.cut
    );
    Some(burst)
}

#[test]
fn f01_a_burst_of_deliveries_loses_none_and_refuses_none_while_the_app_is_killed() {
    killed(500, 5, false);
}

#[test]
fn f01_neither_does_one_on_postgresql() {
    killed(500, 5, true);
}

#[test]
#[ignore = "a hundred kills take a minute: `tests/postgres cargo test --release --test it app::burst -- --ignored`; five kills are in the ordinary run"]
fn f01_ten_thousand_deliveries_and_a_hundred_kills() {
    for postgres in [false, true] {
        let Some(mut burst) = killed(10_000, 100, postgres) else { continue };
        let p99 = percentile(&mut burst.took, 99);
        assert!(p99 < Duration::from_secs(1), "{p99:?}");
    }
}

/// The most memory that a process ever had, in MiB.
fn peak(served: &Served) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", served.child.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()).map_or(0, |kib| kib / 1024)
}

/// So many deliveries at once after the app was gone, while its forge is slow: each is acknowledged before the forge
/// gives up, what waited first is decided first, and memory does not grow with them.
fn backlog(count: usize) {
    let github = shop();
    let app = App::new(&github);
    let served = app.start(&["--sweep", "300"]);
    until("the first sweep", || served.ask("GET /readyz").0 == 200);
    github.far(Duration::from_millis(200));
    super::asks(&github);
    // What somebody's deployment hangs on came first.
    let mut deliveries = vec![(id(), "deployment_protection_rule", super::waits(&github))];
    // Each has some kilobytes, as those of GitHub do.
    let text = "x".repeat(8 << 10);
    deliveries.extend((1..count).map(|number| {
        let pull = json!({"number": 12 + number % 50, "body": text});
        (id(), "pull_request", payload(json!({"action": "labeled", "pull_request": pull})))
    }));
    let before = peak(&served);
    let served = RwLock::new(Some(served));
    let began = Instant::now();
    let burst = burst(&served, &deliveries, &AtomicUsize::new(0));
    let took = began.elapsed();
    let longest = burst.took.iter().max().copied().unwrap();
    let served = served.into_inner().unwrap().unwrap();
    let after = peak(&served);
    eprintln!("{count} deliveries in {took:.1?}, longest {longest:?}, {before} MiB before and {after} MiB at most");
    assert!(burst.refused.is_empty() && burst.cut == 0, "{:?}, {} cut", burst.refused, burst.cut);
    assert!(longest < Duration::from_secs(10), "{longest:?}");
    assert!(after < before + 200, "{before} MiB became {after} MiB");
    // The deployment was told while all the others came, and not after them.
    until("a report", || !super::told(&github).reports.is_empty());
    let reported = app.events("release_decided");
    let at = |event: &Value| event["at"].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    let last = app.events("delivery_answered").iter().map(at).max().unwrap();
    assert!(at(&reported[0]) < last, "{} after {last}", reported[0]);
}

#[test]
fn f19_a_backlog_is_taken_in_time_in_bounded_memory_and_the_oldest_is_decided_first() {
    backlog(6_000);
}

#[test]
#[ignore = "sixty thousand take a minute: `cargo test --release --test it app::burst -- --ignored`; six thousand are in the ordinary run"]
fn f19_so_is_one_of_sixty_thousand() {
    backlog(60_000);
}

/// How long it takes until the disk has a page, of so many.
fn synced(folder: &std::path::Path) -> Vec<Duration> {
    let mut file = std::fs::File::create(folder.join("synced")).unwrap();
    let mut took: Vec<Duration> = Vec::new();
    for _ in 0..500 {
        file.write_all(&[7; 4_096]).unwrap();
        let began = Instant::now();
        file.sync_data().unwrap();
        took.push(began.elapsed());
    }
    took
}

#[test]
#[ignore = "measures the machine's disk, and wants it quiet: `tests/postgres cargo test --release --test it app::burst -- --ignored`"]
fn an_acknowledgement_is_durable_and_takes_little_longer_than_the_disk() {
    let mut slow = Vec::new();
    for postgres in [false, true] {
        let github = shop();
        let Some((app, _database)) = app(&github, postgres) else { continue };
        let mut disk = synced(app.world.path());
        let served = RwLock::new(Some(app.start(&["--sweep", "300"])));
        let body = payload(json!({"action": "labeled", "pull_request": {"number": 12}}));
        let deliveries: Vec<_> = (0..5_000).map(|_| (id(), "pull_request", body.clone())).collect();
        let began = Instant::now();
        let mut burst = burst(&served, &deliveries, &AtomicUsize::new(0));
        let took = began.elapsed();
        // The same disk once more: what else the machine does is in both.
        disk.extend(synced(app.world.path()));
        let (disk, ours) = (percentile(&mut disk, 99), percentile(&mut burst.took, 99));
        let median = percentile(&mut burst.took, 50);
        let on = if postgres { "PostgreSQL" } else { "SQLite" };
        eprintln!("{on}: fdatasync p99 {disk:?}, acknowledgement p99 {ours:?}, median {median:?}, all in {took:.1?}");
        if ours > disk * 3 {
            slow.push(format!("{on}: {ours:?} is more than three times {disk:?}"));
        }
    }
    assert!(slow.is_empty(), "{slow:?}");
}

/// Fifty pull requests that are open, each of one commit.
fn fifty() -> Github {
    let github = shop();
    github.with(|world| {
        for number in 101..=150_u64 {
            let head = format!("e{number}");
            world.commit(&head, "bo", &["51"], &[("checkout/basket.rs", number.to_string().as_str())]);
            world.edit(&head, |it| it.date = ago(4));
            world.propose(number, "bo", "51", &[&head]);
            world.push(&ago(4), "51", &head, "push", "bo");
        }
    });
    github
}

/// What each pull request's check says in the end.
fn verdicts(github: &Github) -> Vec<(String, String)> {
    let mut said: Vec<(String, String)> = super::talk::written(github, "check-runs")
        .iter()
        .map(|check| (check["head_sha"].to_string(), check["output"]["title"].to_string()))
        .collect();
    said.sort();
    said.dedup();
    said
}

fn quiet(github: &Github) {
    let (mut last, mut since) = (github.asked().len(), Instant::now());
    while since.elapsed() < Duration::from_secs(8) {
        std::thread::sleep(Duration::from_millis(100));
        let now = github.asked().len();
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
}

#[test]
fn two_thousand_deliveries_about_fifty_changes_are_read_together_and_come_to_the_same() {
    let github = fifty();
    let app = App::new(&github);
    let served = RwLock::new(Some(app.start(&["--sweep", "300"])));
    let checked = || super::talk::written(&github, "check-runs").len() >= 50;
    until("the checks", checked);
    quiet(&github);
    github.forget();
    // Half of the way somebody approves each of them.
    let body = |number: usize| payload(json!({"action": "submitted", "pull_request": {"number": 101 + number % 50}}));
    let deliveries: Vec<_> = (0..2_000).map(|number| (id(), "pull_request_review", body(number))).collect();
    let (first, rest) = deliveries.split_at(1_000);
    burst(&served, first, &AtomicUsize::new(0));
    github.with(|world| {
        for number in 101..=150_u64 {
            let head = format!("e{number}");
            world.review(number, &format!("R{number}"), "carla", "APPROVED", &head, &ago(0));
        }
    });
    burst(&served, rest, &AtomicUsize::new(0));
    quiet(&github);
    let calls = github.asked().len();
    let together = verdicts(&github);
    assert_eq!(together.len(), 50, "{together:?}");

    // One who is told of each by itself comes to the same.
    let again = App::new(&github);
    let _served = again.start(&["--sweep", "300"]);
    quiet(&github);
    assert_eq!(verdicts(&github), together);
    eprintln!("{calls} calls for 2,000 deliveries about 50 changes");
    assert!(calls <= 500, "{calls} calls");
    assert!(together.iter().all(|(head, _)| head.contains(&sha("e101")[..1])), "{together:?}");
}
