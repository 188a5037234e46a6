//! What is read of one release: its decisions at every moment, and the entries that are its own.

use chrono::TimeDelta;
use countersign::flow::sheet::{self, Moment};
use countersign::store::change::Stream;
use countersign::store::reader::Reader;

use super::fencing::{decision, stream};
use super::{Database, now};

#[test]
fn every_moment_of_a_release_has_the_decision_that_stood_then() {
    for database in Database::each() {
        let mut writer = database.writer();
        database.runtime.block_on(async {
            let mut entries = Vec::new();
            for (second, (release, after)) in [("1.0", 0), ("2.0", 0), ("1.0", 1), ("1.0", 2)].into_iter().enumerate() {
                let at = now() + TimeDelta::seconds(i64::try_from(second).unwrap());
                let effect = format!("{release} {after}");
                let append = decision(release, after, &[(&effect, "forge")], None);
                entries.push(writer.append(&[append], at).await.unwrap().remove(0).unwrap().first);
            }
            let [first, other, second, third] = entries.as_slice() else { panic!("{entries:?}") };
            let of = stream("1.0");
            let mut reader = Reader::open(&database.address).await.unwrap();
            let history = reader.history(&of, 10).await.unwrap();
            assert_eq!(history.iter().map(|past| past.entry).collect::<Vec<_>>(), [*third, *second, *first]);
            assert_eq!(history.iter().map(|past| past.version).collect::<Vec<_>>(), [3, 2, 1]);
            assert_eq!(reader.history(&of, 2).await.unwrap().len(), 2);
            let mut stood = async |at: Moment| {
                let past = sheet::stood(&mut reader, &of, at).await.unwrap();
                past.map(|past| past.entry)
            };
            assert_eq!(stood(Moment::Last).await, Some(*third));
            assert_eq!(stood(Moment::Entry(*first)).await, Some(*first));
            assert_eq!(stood(Moment::Entry(*other)).await, Some(*first));
            assert_eq!(stood(Moment::Entry(second - 1)).await, Some(*first));
            assert_eq!(stood(Moment::Entry(*second)).await, Some(*second));
            assert_eq!(stood(Moment::Entry(u64::MAX)).await, Some(*third));
            let seconds = |seconds: i64| Moment::Instant(now() + TimeDelta::seconds(seconds));
            for (at, entry) in [(-1, None), (0, Some(*first)), (1, Some(*first)), (2, Some(*second)), (9, Some(*third))]
            {
                assert_eq!(stood(seconds(at)).await, entry, "{at}");
            }
            if let Some(before) = first.checked_sub(1) {
                assert_eq!(stood(Moment::Entry(before)).await, None);
            }
            // Its own entries and no other's: what is to leave for it too.
            let own = reader.entries_of((&of, ""), None, 100).await.unwrap();
            let own: Vec<u64> = own.into_iter().map(|(number, _)| number).collect();
            for entry in [first, second, third] {
                assert!(own.contains(entry), "{own:?}");
            }
            assert!(!own.contains(other), "{own:?}");
            assert!(own.is_sorted_by(|one, next| one > next), "{own:?}");
            let before = reader.entries_of((&of, ""), Some(*second), 100).await.unwrap();
            assert!(before.iter().all(|(number, _)| number < second) && !before.is_empty());
            assert_eq!(reader.entries_of((&of, ""), None, 1).await.unwrap().len(), 1);
            assert!(reader.left_by(&of).await.unwrap().is_empty());
            assert!(reader.history(&stream("3.0"), 10).await.unwrap().is_empty());
        });
    }
}

#[test]
fn releases_that_somebody_may_not_see_take_no_room_from_those_that_he_may() {
    for database in Database::each() {
        let mut writer = database.writer();
        database.runtime.block_on(async {
            let appends: Vec<_> = (0..450).map(|number| decision(&format!("r{number}"), 0, &[], None)).collect();
            for answer in writer.append(&appends, now()).await.unwrap() {
                answer.unwrap();
            }
            let mut reader = Reader::open(&database.address).await.unwrap();
            let may_see = |stream: &Stream| stream.release.ends_with('7');
            let mut seen = Vec::new();
            let mut before = None;
            for _ in 0..20 {
                let page = sheet::releases(&mut reader, may_see, before, 10).await.unwrap();
                assert!(page.found.len() <= 10);
                seen.extend(page.found.iter().map(|it| it.latest.stream.release.clone()));
                before = page.more;
                if before.is_none() {
                    break;
                }
            }
            let wanted: Vec<String> =
                (0..450).rev().map(|number| format!("r{number}")).filter(|it| it.ends_with('7')).collect();
            assert_eq!(seen, wanted);
        });
    }
}
