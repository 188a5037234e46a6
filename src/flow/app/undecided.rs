//! What is to be made of a deployment that no decision let in, and whose job could have asked for one by itself.

use chrono::{DateTime, TimeDelta, Utc};

use crate::store::deployed::Deployed;

/// How long a job that nobody let in at the forge is waited for to ask whether it may go on.
pub(super) const MAY_ASK: TimeDelta = TimeDelta::minutes(2);
/// How long one that did not ask in that time is only found, as long as it runs: it may be building still.
const MAY_ASK_LATE: TimeDelta = TimeDelta::hours(1);

/// What is to be made of a deployment that no decision let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Undecided {
    /// It went past us.
    Past,
    /// Its job may still ask, or asked and waits.
    Asks,
    /// Its job runs, and should have asked by now.
    Late,
    /// Its job asked, was not told that it may go on, and ended. That it did nothing until then is its own word.
    Stopped,
}

/// What a job is that nobody let in. `asked` is whether it did, where it did not succeed.
pub(super) fn of_job(row: &Deployed, asked: bool, now: DateTime<Utc>) -> Undecided {
    let began_within = |time: TimeDelta| row.began > (now - time).timestamp_micros();
    match row.outcome.as_deref() {
        None if asked || began_within(MAY_ASK) => Undecided::Asks,
        None if began_within(MAY_ASK_LATE) => Undecided::Late,
        Some(_) if asked => Undecided::Stopped,
        _ => Undecided::Past,
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::{Undecided, of_job};
    use crate::store::deployed::Deployed;

    #[test]
    fn who_asks_late_is_found_and_went_past_nobody_until_it_ends_or_an_hour_is_over() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let row = |minutes: i64, outcome: Option<&str>| Deployed {
            forge: "github".to_owned(),
            repository: "acme/shop".to_owned(),
            environment: "production".to_owned(),
            id: "DE_1".to_owned(),
            commit: "51".to_owned(),
            run: Some(900),
            began: (now - TimeDelta::minutes(minutes)).timestamp_micros(),
            ended: outcome.map(|_| now.timestamp_micros()),
            outcome: outcome.map(str::to_owned),
            decision: None,
            let_in: Some("[]".to_owned()),
            told: None,
            found: false,
        };
        for (minutes, outcome, asked, is) in [
            (1, None, false, Undecided::Asks),
            (3, None, false, Undecided::Late),
            (3, None, true, Undecided::Asks),
            (3, Some("failed"), true, Undecided::Stopped),
            (3, Some("failed"), false, Undecided::Past),
            (1, Some("succeeded"), false, Undecided::Past),
            (61, None, false, Undecided::Past),
            (61, None, true, Undecided::Asks),
        ] {
            assert_eq!(of_job(&row(minutes, outcome), asked, now), is, "{minutes} {outcome:?} {asked}");
        }
    }
}
