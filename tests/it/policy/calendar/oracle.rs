//! Plain walks, minute by minute, that agree with what is computed by stretches.

use chrono::{
    DateTime, Datelike as _, Duration, NaiveDate, NaiveDateTime, Offset as _, TimeZone as _, Timelike as _, Utc,
};
use chrono_tz::{TZ_VARIANTS, Tz};
use countersign::policy::calendar::{self, Hours};
use countersign::policy::length::Length;
use proptest::prelude::*;

const ZONES: [Tz; 18] = [
    Tz::UTC,
    Tz::Europe__London,
    Tz::America__New_York,
    Tz::Australia__Lord_Howe,
    Tz::Asia__Kathmandu,
    Tz::Pacific__Apia,
    Tz::America__St_Johns,
    Tz::America__Sao_Paulo,
    Tz::America__Havana,
    Tz::Africa__Casablanca,
    Tz::Africa__Cairo,
    Tz::Asia__Beirut,
    Tz::Asia__Tehran,
    Tz::Antarctica__Troll,
    Tz::Antarctica__Casey,
    Tz::Atlantic__Azores,
    Tz::Pacific__Chatham,
    Tz::Asia__Gaza,
];

/// The date to which an open minute belongs, and its minute from that date's midnight.
fn owner(hours: &Hours, holidays: &[NaiveDate], at: DateTime<Utc>) -> Option<(NaiveDate, u32)> {
    let local = at.with_timezone(&hours.zone);
    let today = local.date_naive();
    let minute = local.hour() * 60 + local.minute();
    for (day, minute) in [(today.pred_opt().unwrap(), minute + 1440), (today, minute)] {
        let off = hours.holidays && holidays.contains(&day);
        let stretches = &hours.week[day.weekday().num_days_from_monday() as usize];
        if !off && stretches.iter().any(|stretch| stretch.0 <= minute && minute < stretch.1) {
            return Some((day, minute));
        }
    }
    None
}

fn minutes(from: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> {
    (0..).map(move |n| from + Duration::minutes(n))
}

const WEEKS: usize = 5 * 7 * 1440;

fn walk_to_change(hours: &Hours, holidays: &[NaiveDate], from: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let open = owner(hours, holidays, from).is_some();
    minutes(from).take(WEEKS).find(|at| owner(hours, holidays, *at).is_some() != open)
}

fn walk_hours(hours: &Hours, holidays: &[NaiveDate], from: DateTime<Utc>, length: u32) -> Option<DateTime<Utc>> {
    let mut open = minutes(from).take(WEEKS).filter(|at| owner(hours, holidays, *at).is_some());
    open.nth(length as usize * 60 - 1).map(|last| last + Duration::minutes(1))
}

fn walk_days(hours: &Hours, holidays: &[NaiveDate], from: DateTime<Utc>, length: usize) -> Option<DateTime<Utc>> {
    let open: Vec<_> = minutes(from)
        .take(WEEKS)
        .filter_map(|at| owner(hours, holidays, at).map(|(day, minute)| (at, day, minute)))
        .collect();
    let (_, first, clock) = *open.first()?;
    let mut days: Vec<NaiveDate> = open.iter().map(|(_, day, _)| *day).filter(|day| *day > first).collect();
    days.sort();
    days.dedup();
    // The last day may be cut off by the end of the walk.
    let day = *days.get(length - 1).filter(|_| days.len() > length)?;
    let of_day: Vec<_> = open.iter().filter(|(_, other, _)| *other == day).collect();
    let then = of_day.iter().find(|(_, _, minute)| *minute >= clock);
    Some(then.map_or_else(|| of_day.last().unwrap().0 + Duration::minutes(1), |(at, ..)| *at))
}

/// The instants at which the clocks of a zone were changed in a year.
fn changes(zone: Tz, year: i32) -> Vec<DateTime<Utc>> {
    let offset = |at: DateTime<Utc>| at.with_timezone(&zone).naive_local() - at.naive_utc();
    let begin = Utc.with_ymd_and_hms(year, 1, 1, 0, 0, 0).unwrap();
    let halves = (0..366 * 2).map(|n| begin + Duration::hours(12 * n));
    let changed = halves.filter(|at| offset(*at) != offset(*at + Duration::hours(12)));
    let quarters = changed.flat_map(|half| (1..=48).map(move |n| half + Duration::minutes(15 * n)));
    quarters.filter(|at| offset(*at) != offset(*at - Duration::minutes(15))).collect()
}

fn zones() -> impl Strategy<Value = Tz> {
    proptest::sample::select(ZONES.to_vec())
}

/// Days of up to three stretches apart, of which the last may reach into the next day.
fn week() -> impl Strategy<Value = [Vec<(u32, u32)>; 7]> {
    let edges = proptest::collection::btree_set(
        prop_oneof![3 => (0_u32..96).prop_map(|quarter| quarter * 15), 1 => 0_u32..1440],
        0..=6,
    );
    let day = (edges, proptest::option::weighted(0.3, 0_u32..1440)).prop_map(|(edges, over)| {
        let edges: Vec<u32> = edges.into_iter().collect();
        let mut day: Vec<(u32, u32)> = edges.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
        if let (Some(over), Some(last)) = (over, day.last_mut()) {
            last.1 = 1440 + over.min(last.0);
        }
        day
    });
    let plain = proptest::sample::select(vec![
        Vec::new(),
        vec![(0, 1440)],
        vec![(540, 1050)],
        vec![(1320, 1560)],
        vec![(60, 120)],
        vec![(0, 60), (90, 180)],
    ]);
    proptest::array::uniform7(prop_oneof![1 => day, 1 => plain])
}

/// A calendar and an instant, often close to a change of clocks.
fn situation() -> impl Strategy<Value = (Hours, Vec<NaiveDate>, DateTime<Utc>)> {
    let when =
        (1990_i32..2060, any::<proptest::sample::Index>(), -5 * 1440_i64..3 * 1440, 0_i64..366 * 1440, any::<bool>());
    let days = proptest::collection::btree_set(-3_i64..25, 0..8);
    (week(), zones(), when, days, any::<bool>()).prop_map(|(week, zone, when, days, holidays)| {
        let (year, which, around, anywhen, close) = when;
        let changes = changes(zone, year);
        let at = if close && !changes.is_empty() {
            *which.get(&changes) + Duration::minutes(around)
        } else {
            Utc.with_ymd_and_hms(year, 1, 1, 0, 0, 0).unwrap() + Duration::minutes(anywhen)
        };
        let today = at.with_timezone(&zone).date_naive();
        let days = days.into_iter().map(|ahead| today + Duration::days(ahead)).collect();
        (Hours { written: String::new(), week, zone, holidays }, days, at)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_walk_finds_the_same_openings((hours, holidays, from) in situation(), ahead in 0_i64..20_000) {
        let at = from + Duration::minutes(ahead);
        prop_assert_eq!(hours.is_open(at, &holidays), owner(&hours, &holidays, at).is_some());
        let walked = walk_to_change(&hours, &holidays, from);
        let computed = hours.next_change(from, &holidays);
        match walked {
            Some(_) => prop_assert_eq!(computed, walked),
            None => prop_assert!(computed.is_none_or(|at| at >= from + Duration::days(35))),
        }
        // A part of a minute on, nothing else comes next.
        if let Some(change) = walked {
            let shortly = from + (change - from) / 3;
            prop_assert_eq!(hours.next_change(shortly, &holidays), walked);
        }
    }

    #[test]
    fn a_walk_finds_the_same_ends_of_business_hours((hours, holidays, from) in situation(), length in 1_u32..60) {
        if let Some(walked) = walk_hours(&hours, &holidays, from, length) {
            prop_assert_eq!(hours.after(from, Length::BusinessHours(length), &holidays), walked);
        }
    }

    #[test]
    fn a_walk_finds_the_same_ends_of_business_days((hours, holidays, from) in situation(), length in 1_usize..7) {
        if let Some(walked) = walk_days(&hours, &holidays, from, length) {
            prop_assert_eq!(hours.after(from, Length::BusinessDays(u32::try_from(length).unwrap()), &holidays), walked);
        }
    }

    #[test]
    fn what_begins_later_ends_no_earlier(
        (hours, holidays, from) in situation(),
        later in 0_i64..3 * 86_400_000,
        length in prop_oneof![
            (1_u32..100).prop_map(Length::BusinessHours),
            (1_u32..20).prop_map(Length::BusinessDays),
            (0_i64..1_000_000).prop_map(Length::Seconds),
        ],
    ) {
        let second = from + Duration::milliseconds(later);
        // In an hour that comes twice the clock itself goes back.
        let clock = |at: DateTime<Utc>| at.with_timezone(&hours.zone).naive_local();
        let forward = clock(second) - clock(from) >= Duration::zero();
        let (first_end, second_end) = (hours.after(from, length, &holidays), hours.after(second, length, &holidays));
        prop_assert!(!forward || first_end <= second_end, "{first_end} {second_end}");
        prop_assert!(first_end >= from && (first_end > from || length == Length::Seconds(0)));
    }

    #[test]
    fn the_last_start_is_the_last_one_that_ends_in_time((hours, holidays, to) in situation(), length in 1_u32..60) {
        let length = Length::BusinessHours(length);
        let start = hours.before(to, length, &holidays);
        if start > DateTime::UNIX_EPOCH {
            prop_assert!(hours.after(start, length, &holidays) <= to);
            prop_assert!(hours.after(start + Duration::seconds(1), length, &holidays) > to);
        }
    }

    #[test]
    fn a_clock_time_becomes_the_first_instant_at_which_it_is_reached(
        zone in zones(),
        year in 1990_i32..2060,
        which in any::<proptest::sample::Index>(),
        around in -1500_i64..1500,
    ) {
        let mut changes = changes(zone, year);
        changes.push(Utc.with_ymd_and_hms(year, 7, 1, 0, 0, 0).unwrap());
        let change = *which.get(&changes);
        let clock: NaiveDateTime = change.with_timezone(&zone).naive_local() + Duration::minutes(around);
        let found = calendar::instant(clock, zone);
        let shows = |at: DateTime<Utc>| at.with_timezone(&zone).naive_local();
        let mut walk = minutes(change - Duration::minutes(3500)).take(7000);
        let exact = walk.find(|at| shows(*at) == clock);
        // Where no clock ever shows it, the first instant at which they are past it after not having reached it.
        let walked = exact.or_else(|| {
            minutes(change - Duration::minutes(3500)).take(7000).find(|at| shows(*at) > clock && shows(*at - Duration::minutes(1)) < clock)
        });
        prop_assert_eq!(Some(found), walked);
    }
}

#[test]
fn no_zone_changes_its_clocks_twice_within_six_days() {
    for zone in TZ_VARIANTS {
        let offset =
            |at: i64| zone.offset_from_utc_datetime(&DateTime::from_timestamp(at, 0).unwrap().naive_utc()).fix();
        // From 1990 to 2040, in steps of six hours.
        let mut before = offset(631_152_000);
        let mut last = 0;
        for at in (0..50 * 366 * 4).map(|n| 631_152_000 + n * 6 * 3600) {
            let now = offset(at);
            if now != before {
                assert!(at - last > 6 * 86_400, "{zone} at {at}");
                (before, last) = (now, at);
            }
        }
    }
}
