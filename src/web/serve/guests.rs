//! Who is connected, and who is let go of where there is no room: whoever keeps us waiting, of the address that holds most.
//! So nobody needs to say how many connections an address may have, which a proxy before the app would make wrong.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// How long somebody must have kept us waiting before another one is taken in his stead.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long is waited before it is looked anew who may be let go of.
const BREATH: Duration = Duration::from_millis(50);

/// All who are connected.
#[derive(Debug)]
pub(super) struct Guests {
    room: Arc<Semaphore>,
    inside: Mutex<(u64, BTreeMap<u64, Arc<Guest>>)>,
}

/// Somebody who is connected.
#[derive(Debug)]
pub(super) struct Guest {
    from: IpAddr,
    stands: Mutex<Stands>,
    leave: Notify,
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug, Default)]
struct Stands {
    /// We are at work for him.
    at_work: bool,
    /// Since when he has sent nothing that we wait for, and taken nothing that we send.
    waits: Option<Instant>,
}

/// A guest's room, for as long as he is here.
#[derive(Debug)]
pub(super) struct Seat {
    guests: Arc<Guests>,
    number: u64,
    pub(super) guest: Arc<Guest>,
    _room: OwnedSemaphorePermit,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.guests.inside().1.remove(&self.number);
    }
}

impl Guest {
    fn new(from: IpAddr) -> Self {
        Self { from: household(from), stands: Mutex::default(), leave: Notify::new() }
    }

    fn stands(&self) -> MutexGuard<'_, Stands> {
        self.stands.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request of his is worked at, or the next part of its body.
    pub(super) fn works(&self) {
        *self.stands() = Stands { at_work: true, waits: None };
    }

    /// His request is answered; what he makes of the answer is his.
    pub(super) fn answered(&self) {
        *self.stands() = Stands::default();
    }

    /// More of a body is wanted, and is not there.
    pub(super) fn owes(&self) {
        let mut stands = self.stands();
        stands.at_work = false;
        stands.waits.get_or_insert_with(Instant::now);
    }

    /// Nothing could be read or written.
    pub(super) fn still(&self) {
        let mut stands = self.stands();
        if !stands.at_work {
            stands.waits.get_or_insert_with(Instant::now);
        }
    }

    /// Something was read or written.
    pub(super) fn moves(&self) {
        self.stands().waits = None;
    }

    /// Waits until he is let go of.
    pub(super) async fn leaves(&self) {
        self.leave.notified().await;
    }
}

/// Whose an address is: of version 6 one gets 64 bits to oneself.
fn household(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V6(six) => IpAddr::V6(Ipv6Addr::from_bits(six.to_bits() >> 64 << 64)),
        IpAddr::V4(four) => IpAddr::V4(four),
    }
}

impl Guests {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { room: Arc::new(Semaphore::new(most)), inside: Mutex::default() })
    }

    fn inside(&self) -> MutexGuard<'_, (u64, BTreeMap<u64, Arc<Guest>>)> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes somebody in, as soon as there is room; `None` where nobody is taken in any more.
    pub(super) async fn enter(self: &Arc<Self>, from: IpAddr) -> Option<Seat> {
        let room = loop {
            if let Ok(room) = self.room.clone().try_acquire_owned() {
                break room;
            }
            self.let_go(Instant::now());
            if let Ok(room) = tokio::time::timeout(BREATH, self.room.clone().acquire_owned()).await {
                break room.ok()?;
            }
        };
        let guest = Arc::new(Guest::new(from));
        let mut inside = self.inside();
        inside.0 += 1;
        let number = inside.0;
        inside.1.insert(number, guest.clone());
        drop(inside);
        Some(Seat { guests: self.clone(), number, guest, _room: room })
    }

    /// Lets go of one, where anybody has kept us waiting for long enough.
    fn let_go(&self, now: Instant) {
        let mut inside = self.inside();
        if let Some(number) = chosen(&inside.1, now)
            && let Some(guest) = inside.1.remove(&number)
        {
            // It is kept for him, where he does not listen just now.
            guest.leave.notify_one();
        }
    }
}

/// Who is let go of: of those who keep us waiting, of the address with most connections, who has done so for longest.
fn chosen(inside: &BTreeMap<u64, Arc<Guest>>, now: Instant) -> Option<u64> {
    let mut held: BTreeMap<IpAddr, usize> = BTreeMap::new();
    for guest in inside.values() {
        *held.entry(guest.from).or_default() += 1;
    }
    let waiting = inside.iter().filter_map(|(number, guest)| {
        let waited = now.saturating_duration_since(guest.stands().waits?);
        (waited >= PATIENCE).then(|| (held.get(&guest.from).copied(), waited, *number))
    });
    waiting.max_by_key(|(held, waited, _)| (*held, *waited)).map(|(.., number)| number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guest(from: &str, waits: Option<u64>, now: Instant) -> Arc<Guest> {
        let guest = Guest::new(from.parse().unwrap());
        guest.stands().waits = waits.map(|seconds| now.checked_sub(Duration::from_secs(seconds)).unwrap());
        Arc::new(guest)
    }

    #[test]
    fn who_waits_for_longest_of_the_address_that_holds_most_is_let_go_of() {
        let now = Instant::now() + Duration::from_hours(1);
        let all = |guests: Vec<Arc<Guest>>| (0..).zip(guests).collect::<BTreeMap<u64, _>>();
        let inside = all(vec![
            guest("192.0.2.1", Some(90), now),
            guest("192.0.2.2", Some(3), now),
            guest("192.0.2.2", Some(7), now),
            guest("192.0.2.2", None, now),
        ]);
        assert_eq!(chosen(&inside, now), Some(2));
        // Addresses of one network of version 6 are one.
        let inside = all(vec![
            guest("192.0.2.1", Some(90), now),
            guest("2001:db8::1", Some(2), now),
            guest("2001:db8::2", Some(3), now),
            guest("2001:db8:0:1::2", Some(4), now),
        ]);
        assert_eq!(chosen(&inside, now), Some(2));
        // Whom we work for, and who has just come, stays.
        let inside = all(vec![guest("192.0.2.1", None, now), guest("192.0.2.1", Some(0), now)]);
        assert_eq!(chosen(&inside, now), None);
    }

    #[test]
    fn nobody_waits_while_we_work_for_him() {
        let guest = Guest::new("192.0.2.1".parse().unwrap());
        guest.works();
        guest.still();
        assert!(guest.stands().waits.is_none());
        guest.owes();
        assert!(guest.stands().waits.is_some());
        guest.works();
        guest.answered();
        assert!(guest.stands().waits.is_none());
        guest.still();
        assert!(guest.stands().waits.is_some());
        guest.moves();
        assert!(guest.stands().waits.is_none());
    }
}
