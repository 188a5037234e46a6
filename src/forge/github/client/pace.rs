//! When the next request may go: GitHub's limits, honoured before they are hit. Nothing is refused; it waits its turn,
//! and a deployment that waits goes before everything else.
//!
//! Two kinds of limits: the primary ones, an allowance an hour that every answer states (`x-ratelimit-*`), one for REST
//! and one for GraphQL; and the secondary ones, which are published as at most 80 posts a minute and 500 an hour, and
//! told by `retry-after` when they are hit. The first are shared by what every answer states, the second by how many
//! processes there are. Nothing here reads a clock: instants come in.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Who waits for the answer. The first goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// A deployment that waits.
    Deployment,
    /// Somebody's pull request, command or button.
    Person,
    /// What converges by itself.
    Sweep,
}

/// Which allowance a request is taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// REST.
    Core,
    /// GraphQL.
    Graphql,
}

/// The longest that is waited at one go, whatever an answer says: GitHub's own limits are over within an hour.
const LONGEST: Duration = Duration::from_hours(24);
/// Posts in a minute.
const A_MINUTE: usize = 80;
/// Posts in an hour.
const AN_HOUR: usize = 500;
/// Of so many posts one is kept for deployments that wait.
const KEPT_OF_POSTS: usize = 8;
/// What is kept of an hour's allowance for deployments that wait, and for people.
const KEPT_FROM_SWEEP: u64 = 500;
const KEPT_FROM_PEOPLE: u64 = 100;
/// How long is waited at least when GitHub says that a secondary limit is hit, and not for how long.
pub(super) const UNSTATED: Duration = Duration::from_mins(1);

/// One allowance.
#[derive(Clone, Copy, Debug, Default)]
struct Allowance {
    /// What is left, as it was stated last, less what went since.
    left: Option<u64>,
    /// The hour's whole.
    limit: u64,
    /// When it is full again.
    full_at: Option<Instant>,
    /// Nothing goes before then.
    closed_until: Option<Instant>,
}

/// What is known of all limits.
#[derive(Debug, Default)]
pub struct Pace {
    core: Allowance,
    graphql: Allowance,
    /// When the last posts went, the oldest first.
    posts: VecDeque<Instant>,
    /// How many others post under the same limits.
    others: u64,
}

impl Pace {
    fn of(&mut self, resource: Resource) -> &mut Allowance {
        match resource {
            Resource::Core => &mut self.core,
            Resource::Graphql => &mut self.graphql,
        }
    }

    /// Takes one request from the allowance, or says when to ask again.
    pub fn take(&mut self, now: Instant, resource: Resource, priority: Priority, posts: bool) -> Result<(), Instant> {
        let allowance = self.of(resource);
        if let Some(until) = allowance.closed_until.filter(|until| *until > now) {
            return Err(until);
        }
        if allowance.full_at.is_some_and(|at| at <= now) {
            *allowance = Allowance { limit: allowance.limit, ..Allowance::default() };
        }
        let kept = match priority {
            Priority::Deployment => 0,
            Priority::Person => KEPT_FROM_PEOPLE.min(allowance.limit / 20),
            Priority::Sweep => KEPT_FROM_SWEEP.min(allowance.limit / 5),
        };
        if let (Some(left), Some(full)) = (allowance.left, allowance.full_at)
            && left <= kept
        {
            return Err(full);
        }
        if posts {
            self.may_post(now, priority)?;
            self.posts.push_back(now);
        }
        let allowance = self.of(resource);
        allowance.left = allowance.left.map(|left| left.saturating_sub(1));
        Ok(())
    }

    /// How many processes post under the same limits, ours included: each has its part of them.
    pub fn shared(&mut self, processes: u64) {
        self.others = processes.saturating_sub(1);
    }

    /// Our part of what all may post.
    fn part(&self, most: usize) -> usize {
        let processes = usize::try_from(self.others.saturating_add(1)).unwrap_or(usize::MAX);
        (most / processes).max(1)
    }

    fn may_post(&mut self, now: Instant, priority: Priority) -> Result<(), Instant> {
        let hour = Duration::from_hours(1);
        while self.posts.front().is_some_and(|at| now.duration_since(*at) >= hour) {
            self.posts.pop_front();
        }
        let nth_last = |n: usize| self.posts.len().checked_sub(n).and_then(|at| self.posts.get(at)).copied();
        // The n-th last post has to lie a whole span back before another goes.
        // A deployment that waits finds room, whatever else was said before it.
        let ours = |most: usize| {
            let most = self.part(most);
            if priority == Priority::Deployment { most } else { (most - most / KEPT_OF_POSTS).max(1) }
        };
        let blocked = [(A_MINUTE, Duration::from_mins(1)), (AN_HOUR, hour)]
            .into_iter()
            .filter_map(|(most, span)| Some(nth_last(ours(most))? + span))
            .filter(|until| *until > now)
            .max();
        blocked.map_or(Ok(()), Err)
    }

    /// What an answer says of its allowance.
    pub fn stated(&mut self, now: Instant, resource: Resource, limit: u64, left: u64, full_in: Duration) {
        let allowance = self.of(resource);
        let full_at = now + full_in.min(LONGEST);
        // Answers overtake each other: within one hour what is left only gets less.
        let same_hour = allowance.full_at.is_some_and(|at| at.max(full_at) - at.min(full_at) < Duration::from_secs(5));
        allowance.left = match allowance.left {
            Some(before) if same_hour => Some(before.min(left)),
            _ => Some(left),
        };
        allowance.limit = limit;
        allowance.full_at = Some(full_at);
    }

    /// GitHub said to wait. A secondary limit closes everything, for it counts everything.
    pub fn close(&mut self, now: Instant, resource: Resource, wait: Duration, secondary: bool) {
        let until = now + wait.min(LONGEST);
        let shut = |allowance: &mut Allowance| {
            allowance.closed_until = Some(allowance.closed_until.map_or(until, |before| before.max(until)));
        };
        if secondary {
            shut(&mut self.core);
            shut(&mut self.graphql);
        } else {
            shut(self.of(resource));
        }
    }
}
