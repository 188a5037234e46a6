//! The demo's clock: the machine's, set ahead to a Thursday morning, and in the walk to the Monday after. It never goes back,
//! and exists in no other command.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Datelike as _, Days, NaiveTime, TimeDelta, TimeZone as _, Utc, Weekday};
use chrono_tz::Europe::London;

/// An hour and a minute of a day of the week, in London.
pub(super) type Moment = (Weekday, u32, u32);
/// When the walk begins.
pub(super) const THURSDAY: Moment = (Weekday::Thu, 10, 0);
/// When something goes that does not run.
pub(super) const FRIDAY_MORNING: Moment = (Weekday::Fri, 11, 30);
/// When it goes back, in closed hours.
pub(super) const FRIDAY_NOON: Moment = (Weekday::Fri, 12, 20);
/// When something is held because it is a Friday afternoon.
pub(super) const FRIDAY: Moment = (Weekday::Fri, 14, 30);
/// When it ends.
pub(super) const MONDAY: Moment = (Weekday::Mon, 9, 30);

/// The clock.
#[derive(Clone, Debug, Default)]
pub(super) struct Clock {
    /// How far it is ahead of the machine's, in microseconds.
    ahead: Arc<AtomicI64>,
}

impl Clock {
    /// A clock that says that it is the next Thursday morning.
    pub(super) fn new() -> Self {
        let clock = Self::default();
        clock.forward(THURSDAY);
        clock
    }

    /// What time it is, UTC.
    pub(super) fn now(&self) -> DateTime<Utc> {
        Utc::now() + TimeDelta::microseconds(self.ahead.load(Ordering::SeqCst))
    }

    /// Sets it forward to the next such moment.
    pub(super) fn forward(&self, (day, hour, minute): Moment) {
        let now = self.now();
        let today = now.with_timezone(&London).date_naive();
        let dates = (0..8).filter_map(|days| today.checked_add_days(Days::new(days)));
        let time = NaiveTime::from_hms_opt(hour, minute, 0).unwrap_or_default();
        let moments = dates.filter(|date| date.weekday() == day).filter_map(|date| {
            London.from_local_datetime(&date.and_time(time)).earliest().map(|it| it.with_timezone(&Utc))
        });
        if let Some(next) = moments.into_iter().find(|next| *next > now) {
            let more = (next - now).num_microseconds().unwrap_or_default();
            self.ahead.fetch_add(more, Ordering::SeqCst);
        }
    }
}
