//! What is to be made of a deployment that no decision let in, and whose job could have asked for one by itself, or told of it.

use chrono::{DateTime, TimeDelta, Utc};

use super::imported::APART;
use super::ledger::word;
use crate::model::facts::Outcome;
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
    /// Its job asked in time, was not told that it may go on, and ended. That it did nothing until then is its own word.
    Stopped,
}

/// What a job is that nobody let in. `asked` is when it did first, where it did not succeed, microseconds of the Unix time.
pub(super) fn of_job(row: &Deployed, asked: Option<i64>, now: DateTime<Utc>) -> Undecided {
    let in_time = |at: i64| at <= row.began.saturating_add(micros(MAY_ASK)).saturating_add(APART);
    let began_within = |time: TimeDelta| row.began > (now - time).timestamp_micros();
    match row.outcome.as_deref() {
        None if asked.is_some() || began_within(MAY_ASK) => Undecided::Asks,
        None if began_within(MAY_ASK_LATE) => Undecided::Late,
        // Whoever asks once everything is done asks for nothing.
        Some(_) if asked.is_some_and(in_time) => Undecided::Stopped,
        _ => Undecided::Past,
    }
}

fn micros(time: TimeDelta) -> i64 {
    time.num_microseconds().unwrap_or(i64::MAX)
}

/// What is to be made of what somebody told of, and no decision let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// What the forge says of its job, or will say, comes first.
    Waits,
    /// It is found, and taken up once the forge had its time.
    Found,
    /// It is found and taken up.
    Past,
    /// It was taken up as what the forge says of its job.
    TakenUp,
}

/// What that is. A job's own word waits for the forge's: that alone says who let the job in. `own` is the forge's own of the same
/// job, and whether that was taken up.
pub(super) fn of_told(row: &Deployed, own: Option<(&Deployed, bool)>, now: DateTime<Utc>) -> Heard {
    let is_older = |time: TimeDelta| row.counts_from() <= (now - time).timestamp_micros();
    match own {
        _ if row.run.is_none() => Heard::Past,
        None if is_older(MAY_ASK_LATE) => Heard::Past,
        None if is_older(MAY_ASK) => Heard::Found,
        // It told of more than what it was let in for.
        Some((own, _)) if own.decision.is_some() => Heard::Past,
        Some((_, true)) => Heard::TakenUp,
        // The forge's says that it went nowhere, and it says that it went.
        Some(_) if is_older(MAY_ASK_LATE) && row.outcome.as_deref() == Some(word(Outcome::Succeeded)) => Heard::Past,
        None | Some(_) => Heard::Waits,
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};

    use super::{Heard, Undecided, of_job, of_told};
    use crate::store::deployed::{Deployed, Told};

    fn row(now: DateTime<Utc>, minutes: i64, outcome: Option<&str>) -> Deployed {
        Deployed {
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
        }
    }

    #[test]
    fn who_asks_late_is_found_and_went_past_nobody_until_it_ends_or_an_hour_is_over() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        // How many minutes ago it began, and after how many of them it asked.
        for (minutes, outcome, asked, is) in [
            (1, None, None, Undecided::Asks),
            (3, None, None, Undecided::Late),
            (3, None, Some(3), Undecided::Asks),
            (6, Some("failed"), Some(1), Undecided::Stopped),
            (6, Some("failed"), Some(3), Undecided::Stopped),
            (6, Some("failed"), Some(5), Undecided::Past),
            (3, Some("failed"), None, Undecided::Past),
            (1, Some("succeeded"), None, Undecided::Past),
            (61, None, None, Undecided::Past),
            (61, None, Some(59), Undecided::Asks),
        ] {
            let row = row(now, minutes, outcome);
            let asked = asked.map(|after| row.began + TimeDelta::minutes(after).num_microseconds().unwrap());
            assert_eq!(of_job(&row, asked, now), is, "{minutes} {outcome:?} {asked:?}");
        }
    }

    #[test]
    fn what_a_job_tells_of_itself_waits_for_what_the_forge_says_of_it() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let told = |minutes: i64, outcome: Option<&str>| {
            let row = row(now, minutes, outcome);
            let told = Told {
                by: "github run 900".to_owned(),
                url: "https://github.com/acme/shop".to_owned(),
                digest: None,
                components: Vec::new(),
                heard: row.began,
                heard_ended: row.ended,
            };
            Deployed { told: Some(told), ..row }
        };
        let held = row(now, 1, None);
        let let_in = Deployed { decision: Some(7), ..held.clone() };
        for (minutes, outcome, own, is) in [
            (1, None, None, Heard::Waits),
            (1, Some("succeeded"), None, Heard::Waits),
            (3, None, None, Heard::Found),
            (61, None, None, Heard::Past),
            (1, None, Some((&held, false)), Heard::Waits),
            (61, None, Some((&held, false)), Heard::Waits),
            (61, Some("failed"), Some((&held, false)), Heard::Waits),
            (1, Some("succeeded"), Some((&held, false)), Heard::Waits),
            (61, Some("succeeded"), Some((&held, false)), Heard::Past),
            (1, None, Some((&held, true)), Heard::TakenUp),
            (1, None, Some((&let_in, false)), Heard::Past),
        ] {
            assert_eq!(of_told(&told(minutes, outcome), own, now), is, "{minutes} {outcome:?} {own:?}");
        }
        // Nobody but he says anything of what no job of the forge's did.
        let outside = Deployed { run: None, ..told(0, None) };
        assert_eq!(of_told(&outside, None, now), Heard::Past);
    }
}
