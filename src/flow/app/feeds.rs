//! The meetings of the board by the feed that a policy names: read, believed for a while, and unknown where nobody could read
//! it for long.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::Desk;
use crate::connect::feed;
use crate::forge::Hub;
use crate::model::facts::Fact;
use crate::policy::calendar::Recurrence;

/// For how long a feed is believed before it is read again.
const AGE: Duration = Duration::from_mins(5);
/// For how long what was read is believed while it cannot be read again.
const OLDEST: Duration = Duration::from_hours(1);
/// How soon one is read again that could not be.
const AGAIN: Duration = Duration::from_secs(30);
/// How far ahead of a release's first request its meetings are told, and how many of them. By the release and not by the
/// clock, so that its facts stay the same while the feed does.
const AHEAD: TimeDelta = TimeDelta::days(366);
const LISTED: usize = 1_000;
/// How many feeds are remembered.
const REMEMBERED: usize = 200;

/// A feed as it was read last.
#[derive(Clone, Debug)]
struct Known {
    /// When somebody last began to read it.
    tried: Instant,
    /// Why that came to nothing, where it did.
    why: Option<String>,
    /// The meetings, and when they were read.
    read: Option<(Instant, Arc<Vec<Recurrence>>)>,
}

/// The feeds, by their addresses and the zone of times that name none.
#[derive(Debug)]
pub(super) struct Kept {
    feeds: Arc<feed::Feeds>,
    known: Mutex<BTreeMap<(String, String), Known>>,
}

impl Kept {
    pub(super) fn new(feeds: Arc<feed::Feeds>) -> Self {
        Self { feeds, known: Mutex::default() }
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<(String, String), Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is believed of a feed, if it is.
    fn believed(&self, place: &(String, String)) -> Option<Result<Arc<Vec<Recurrence>>, String>> {
        let mut all = self.known();
        let known = all.get_mut(place)?;
        let soon = if known.why.is_some() { AGAIN } else { AGE };
        let read = known.read.as_ref().filter(|(at, _)| at.elapsed() < OLDEST).map(|(_, read)| read.clone());
        if known.tried.elapsed() >= soon {
            // Whoever comes meanwhile takes what is there.
            known.tried = Instant::now();
            return None;
        }
        match (read, &known.why) {
            (Some(read), _) => Some(Ok(read)),
            (None, Some(why)) => Some(Err(why.clone())),
            (None, None) => None,
        }
    }

    /// When a board meets by its feed, from an instant on.
    pub(super) async fn meetings(&self, address: &str, zone: Tz, from: DateTime<Utc>) -> Fact<Vec<DateTime<Utc>>> {
        let place = (address.to_owned(), zone.name().to_owned());
        let read = match self.believed(&place) {
            Some(read) => read,
            None => self.read(place, zone).await,
        };
        match read {
            Ok(rules) => Fact::Known(from_on(&rules, from)),
            Err(why) => Fact::Unavailable(why.into()),
        }
    }

    async fn read(&self, place: (String, String), zone: Tz) -> Result<Arc<Vec<Recurrence>>, String> {
        let began = Instant::now();
        let read = match self.feeds.read(&place.0).await {
            Ok(text) => Recurrence::file(&text, zone).map_err(|why| format!("the feed of its meetings: {why}")),
            Err(fault) => Err(format!("the feed of its meetings: {fault}")),
        };
        let mut all = self.known();
        if all.len() >= REMEMBERED && !all.contains_key(&place) {
            all.clear();
        }
        let known = all.entry(place).or_insert_with(|| Known { tried: began, why: None, read: None });
        match read {
            Ok(rules) => {
                let rules = Arc::new(rules);
                (known.why, known.read) = (None, Some((began, rules.clone())));
                Ok(rules)
            }
            Err(why) => {
                known.why = Some(why.clone());
                let before = known.read.as_ref().filter(|(at, _)| at.elapsed() < OLDEST);
                before.map(|(_, rules)| rules.clone()).ok_or(why)
            }
        }
    }
}

/// The meetings from an instant on, each once, in their order.
fn from_on(rules: &[Recurrence], from: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    let until = from + AHEAD;
    let of = |rule: &Recurrence| rule.from(from).take_while(|at| *at <= until).take(LISTED).collect::<Vec<_>>();
    let mut all: Vec<DateTime<Utc>> = rules.iter().flat_map(of).collect();
    all.sort_unstable();
    all.dedup();
    all.truncate(LISTED);
    all
}

impl<H: Hub> Desk<H> {
    /// When a board meets by its feed, from when a release was asked for on.
    pub(super) async fn meetings(&self, address: &str, zone: Tz, from: DateTime<Utc>) -> Fact<Vec<DateTime<Utc>>> {
        self.feeds.meetings(address, zone, from).await
    }
}
