//! What must hold for any requirement: more knowledge never turns an answer round.

use std::collections::BTreeMap;

use countersign::model::catalogue::{self, Type};
use countersign::model::kind::Kind;
use countersign::model::measures::Measure;
use countersign::policy::evaluate::{Facts, Given, Truth, condition};
use countersign::policy::expression::{Expression, LENGTH_LIMIT, Scope};

use crate::memory;

const KINDS: [Kind; 7] =
    [Kind::Tests, Kind::Findings, Kind::Coverage, Kind::Load, Kind::Sbom, Kind::Signature, Kind::Checklist];

/// Every measure that there is.
struct Everything;

fn entries() -> impl Iterator<Item = (&'static str, Type)> {
    KINDS.into_iter().flat_map(catalogue::measures).map(|entry| (entry.name, entry.kind))
}

impl Scope for Everything {
    fn type_of(&self, name: &str) -> Option<Type> {
        entries().find(|(known, _)| *known == name).map(|(_, kind)| kind)
    }

    fn names(&self) -> Vec<&str> {
        entries().map(|(name, _)| name).collect()
    }
}

#[derive(Default)]
struct World(BTreeMap<&'static str, Measure>);

impl Facts for World {
    fn value(&self, name: &str) -> Option<Given<'_>> {
        self.0.get(name).map(Given::from)
    }
}

/// The text up to the first NUL is an expression; what follows says what is measured.
pub fn is_monotonic(bytes: &[u8]) {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let (source, numbers) = bytes.split_at(end);
    let Ok(source) = std::str::from_utf8(source) else { return };
    let read = memory::bounded(bytes.len(), || Expression::condition(source, &Everything));
    let expression = match read {
        Ok(expression) => expression,
        Err(mistakes) => {
            assert!(!mistakes.is_empty(), "refused without a reason");
            for mistake in mistakes {
                assert!(mistake.length >= 1 && mistake.at <= source.chars().count(), "{mistake:?}");
                assert!(!mistake.message.is_empty() && mistake.message.len() <= LENGTH_LIMIT + 1_000, "{mistake:?}");
            }
            return;
        }
    };
    // Measure after measure becomes known; once there is an answer, it stays.
    let mut world = World::default();
    let mut answer = condition(&expression.term, &world);
    let mut numbers = numbers.iter().skip(1).copied().cycle();
    let names: Vec<String> = expression.names().into_iter().map(str::to_owned).collect();
    for (name, kind) in entries().filter(|(name, _)| names.iter().any(|used| used == name)) {
        world.0.insert(name, measure(kind, numbers.next().unwrap_or_default()));
        let now = condition(&expression.term, &world);
        assert!(answer == Truth::Unknown || answer == now, "{answer:?} became {now:?} when `{name}` was known");
        assert_eq!(now, condition(&expression.term, &world), "a second evaluation differs");
        answer = now;
    }
}

fn measure(kind: Type, byte: u8) -> Measure {
    let value = match byte {
        250.. => f64::MAX / f64::from(byte),
        200.. => f64::from(byte) / 1_000.0,
        _ => f64::from(byte),
    };
    let word = |byte: u8| char::from(b'a' + byte % 26).to_string();
    match kind {
        Type::Number => Measure::Number(value),
        Type::Duration => Measure::Seconds(value),
        Type::Flag => Measure::Flag(byte % 2 == 1),
        Type::Text => Measure::Text(word(byte)),
        Type::Names => Measure::Names((0..byte % 4).map(word).collect()),
    }
}
