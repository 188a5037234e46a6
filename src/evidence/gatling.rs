//! Reads the results of Gatling: `global_stats.json` and `stats.json` of its
//! report, and the text form of `simulation.log` (2.0 to 3.9).
//!
//! Of a log, every `REQUEST` line is a sample; it took from its first instant to its
//! last. Lines of users and groups are passed over, and so are errors, which are
//! of the simulation and not of a request. Gatling ends every line, so a last line without
//! its end is cut short and refused. The log of 3.10 and later is binary,
//! undocumented and changes between versions; it is told apart and refused.
//!
//! In the statistics, percentiles stand by their place and not by their number: the
//! four are taken as 50, 75, 95 and 99, which is what Gatling computes unless its
//! `gatling.conf` is changed. Who changes it gives the log. Times are in milliseconds. The
//! requests that the report breaks down must add up to its total.
//!
//! A log states the version and when the requests were made, the statistics do not.

use super::json::{self, Error, Node, Step, refuse};
use super::load::{LoadTally, Outcomes, Percentiles, Sample, Samples, Summary, milliseconds, place_of};
use super::rows;
use crate::model::notable::shortened;
use crate::model::report::{About, Fault, Place};

/// Reads one report.
pub fn read(bytes: &[u8], tally: &mut LoadTally, about: &mut About) -> Result<(), Fault> {
    if let Some(version) = binary_version(bytes) {
        return Err(Fault::malformed(
            Place::Whole,
            format!(
                "this is the binary simulation log of Gatling {version}, which is not read; give the gate \
                 `js/global_stats.json` of its report"
            ),
        ));
    }
    if bytes.trim_ascii_start().starts_with(b"{") {
        read_statistics(bytes, tally, about)
    } else {
        read_log(bytes, tally, about)
    }
}

/// The version that a binary simulation log begins with: a zero, a length, and the version's text.
#[must_use]
pub fn binary_version(bytes: &[u8]) -> Option<&str> {
    let length = match bytes.get(..5)? {
        [0, 0, 0, 0, length @ 3..=40] => usize::from(*length),
        _ => return None,
    };
    let version = std::str::from_utf8(bytes.get(5..5 + length)?).ok()?;
    let plausible = version.starts_with(|first: char| first.is_ascii_digit()) && version.contains('.');
    (plausible && version.bytes().all(|byte| byte.is_ascii_graphic())).then_some(version)
}

fn read_log(bytes: &[u8], tally: &mut LoadTally, about: &mut About) -> Result<(), Fault> {
    let bounds = tally.bounds;
    let mut samples = Samples::new()?;
    let mut begun = false;
    for line in rows::lines(bytes, &bounds) {
        let (number, line) = line?;
        let malformed = |message: String| Fault::malformed(Place::Line(number, 0), message);
        // 2.0 and 2.1 wrote the kind of a line third, later versions first.
        let kinds = ["RUN", "USER", "REQUEST", "GROUP", "ERROR", "ASSERTION"];
        let mut heads = line.split('\t').take(3).map(str::trim);
        let kind = if line.trim().is_empty() { "" } else { heads.find(|head| kinds.contains(head)).unwrap_or("?") };
        match kind {
            "REQUEST" => {
                let sample = request(line).map_err(malformed)?;
                samples.note(&sample).map_err(malformed)?;
            }
            "RUN" => {
                begun = true;
                let version = line.rsplit('\t').next().unwrap_or_default().trim();
                about.by(format!("Gatling {}", shortened(version, 40)));
            }
            "?" => {
                let found = shortened(line, 60);
                return Err(malformed(format!("expected a line of a Gatling log such as `REQUEST`, found `{found}`")));
            }
            _ => {}
        }
    }
    rows::ended(bytes)?;
    if !begun {
        return Err(Fault::malformed(Place::Whole, "the log has no line `RUN`; give the whole `simulation.log`"));
    }
    if samples.count() == 0 {
        return Err(nothing());
    }
    #[expect(clippy::cast_possible_truncation, reason = "a cast to i64 saturates, and chrono refuses what is no date")]
    if let Some(at) = samples.ended_ms().and_then(|at| chrono::DateTime::from_timestamp_millis(at as i64)) {
        about.made(at);
    }
    tally.add_samples(samples)
}

fn nothing() -> Fault {
    Fault::empty("the report counts no requests; did the simulation send any?")
}

/// The sample of a `REQUEST` line. What stands before its instants changed between
/// versions; the instants themselves, two or (2.0 and 2.1) four of them, and the
/// outcome behind them did not.
fn request(line: &str) -> Result<Sample, String> {
    let mut run: [Option<u64>; 2] = [None, None];
    for field in line.split('\t').map(str::trim) {
        let instant = field.parse::<u64>().ok().filter(|_| (12..=14).contains(&field.len()));
        match (instant, run, field) {
            (Some(at), [None, _], _) => run = [Some(at), None],
            (Some(at), [first, _], _) => run = [first, Some(at)],
            (None, [Some(from), Some(to)], "OK" | "KO") => {
                let elapsed_ms = to
                    .checked_sub(from)
                    .ok_or_else(|| format!("the request ends at {to}, before it began at {from}"))?;
                #[expect(clippy::cast_precision_loss, reason = "at most 14 digits")]
                let began_ms = Some(from as f64);
                return Ok(Sample { elapsed_ms, began_ms, failed: Some(field == "KO") });
            }
            // a name that looks like an instant
            (None, ..) => run = [None, None],
        }
    }
    Err(format!("expected when a request began and ended, and `OK` or `KO`, found `{}`", shortened(line, 80)))
}

fn read_statistics(bytes: &[u8], tally: &mut LoadTally, about: &mut About) -> Result<(), Fault> {
    let bounds = tally.bounds;
    let mut whole = Entry::default();
    json::walk_within(bytes, &bounds, |root| whole.read(root, 0))?;
    about.by("Gatling");
    let Some(requests) = whole.stats.requests else {
        return Err(Fault::malformed(Place::Whole, "expected the statistics of Gatling with `numberOfRequests`"));
    };
    if requests.total != requests.ok.saturating_add(requests.failed) {
        return Err(Fault::contradictory(format!(
            "the report counts {} requests, {} of them passed and {} failed",
            requests.total, requests.ok, requests.failed
        )));
    }
    if whole.has_parts && whole.in_parts != requests.total {
        return Err(Fault::contradictory(format!(
            "the report counts {} requests in all, and its parts add up to {}",
            requests.total, whole.in_parts
        )));
    }
    if requests.total == 0 {
        return Err(nothing());
    }
    let mut percentiles = Percentiles::default();
    for (number, value) in ["50", "75", "95", "99"].into_iter().zip(whole.stats.percentiles) {
        if let Some(slot) = place_of(number).and_then(|place| percentiles.get_mut(place)) {
            *slot = value;
        }
    }
    tally.add(Summary {
        requests: Some(requests.total),
        outcomes: Some(Outcomes { failed: requests.failed, of: requests.total }),
        throughput: whole.stats.throughput,
        mean_ms: whole.stats.mean_ms,
        min_ms: whole.stats.min_ms,
        max_ms: whole.stats.max_ms,
        percentiles,
        ..Summary::default()
    })
}

/// How many requests there were.
#[derive(Clone, Copy, Default)]
struct Requests {
    total: u64,
    ok: u64,
    failed: u64,
}

/// The statistics of one entry: of all requests, a group, or one request.
#[derive(Default)]
struct Stats {
    requests: Option<Requests>,
    throughput: Option<f64>,
    mean_ms: Option<f64>,
    min_ms: Option<f64>,
    max_ms: Option<f64>,
    percentiles: [Option<f64>; 4],
}

/// An entry of `stats.json`; `global_stats.json` is the statistics alone.
#[derive(Default)]
struct Entry {
    stats: Stats,
    /// Whether the report breaks its requests down, and the sum of them if so.
    has_parts: bool,
    in_parts: u64,
}

impl Entry {
    fn read(&mut self, node: &mut Node<'_, '_>, depth: usize) -> Step {
        node.object(|key, value| match key {
            "stats" => value.object(|key, value| self.stats.take(key, value)),
            "contents" => value.object(|_, part| {
                self.has_parts = true;
                let mut entry = Self::default();
                entry.read(part, depth + 1)?;
                let own = entry.stats.requests.map_or(0, |requests| requests.total);
                // A group's own statistics are of the group as a whole: its parts are the requests.
                let sum = if entry.has_parts { entry.in_parts } else { own };
                self.in_parts = self.in_parts.saturating_add(sum);
                Ok(())
            }),
            _ if depth == 0 => self.stats.take(key, value),
            _ => Ok(()),
        })
    }
}

impl Stats {
    fn take(&mut self, key: &str, value: &mut Node<'_, '_>) -> Step {
        match key {
            "numberOfRequests" => {
                let mut requests = Requests::default();
                value.object(|key, value| {
                    let slot = match key {
                        "total" => &mut requests.total,
                        "ok" => &mut requests.ok,
                        "ko" => &mut requests.failed,
                        _ => return Ok(()),
                    };
                    *slot = value.count()?.ok_or_else(|| refuse("expected a count, found null"))?;
                    Ok(())
                })?;
                self.requests = Some(requests);
            }
            "minResponseTime" => self.min_ms = of_all(value)?,
            "maxResponseTime" => self.max_ms = of_all(value)?,
            "meanResponseTime" => self.mean_ms = of_all(value)?,
            "percentiles1" | "percentiles2" | "percentiles3" | "percentiles4" => {
                let place = key.bytes().next_back().map_or(0, |digit| usize::from(digit - b'1'));
                if let Some(slot) = self.percentiles.get_mut(place) {
                    *slot = of_all(value)?;
                }
            }
            "meanNumberOfRequestsPerSecond" => {
                self.throughput = total(value)?;
                if let Some(wrong) = self.throughput.filter(|number| *number < 0.0) {
                    return Err(refuse(format_args!("expected requests a second, found {wrong}")));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// The number for all requests, beside those for passed and failed ones.
fn total(value: &mut Node<'_, '_>) -> Result<Option<f64>, Error> {
    let mut total = None;
    value.object(|key, value| {
        if key == "total" {
            total = value.number()?;
        }
        Ok(())
    })?;
    Ok(total)
}

fn of_all(value: &mut Node<'_, '_>) -> Result<Option<f64>, Error> {
    total(value)?.map(milliseconds).transpose().map_err(refuse)
}
