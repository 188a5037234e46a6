//! What a requirement comes to, where some of what it speaks of may be unknown.
//!
//! The three values of S. C. Kleene's strong logic: a part that is unknown makes
//! the whole unknown unless the other parts settle it whatever the part may be.
//! `false && unknown` is false and `true || unknown` is true, in either order.
//! A calculation without an answer, such as a division by zero, is unknown.

use super::expression::{Comparison, Operation, Question, Term};
use crate::model::measures::Measure;

/// Where names get their values.
pub trait Facts {
    /// What is known under a name.
    fn value(&self, name: &str) -> Option<&Measure>;
}

/// The answer to a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// What is known does not settle it.
    Unknown,
}

/// The value of a term.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Unknown,
    /// A number, or a length of time in seconds: the check has kept them apart.
    Number(f64),
    Flag(bool),
    Text(String),
    Names(Vec<String>),
    Numbers(Vec<f64>),
}

/// Evaluates a condition.
#[must_use]
pub fn condition(term: &Term, facts: &dyn Facts) -> Truth {
    match value(term, facts, None) {
        Value::Flag(true) => Truth::True,
        Value::Flag(false) => Truth::False,
        _ => Truth::Unknown,
    }
}

/// Evaluates a number or a length of time in seconds, for an explanation.
#[must_use]
pub fn number(term: &Term, facts: &dyn Facts) -> Option<f64> {
    match value(term, facts, None) {
        Value::Number(number) => Some(number),
        _ => None,
    }
}

/// The one name that a loop gives a value.
type Bound<'b> = Option<(&'b str, &'b str)>;

fn value(term: &Term, facts: &dyn Facts, bound: Bound<'_>) -> Value {
    let of = |term: &Term| value(term, facts, bound);
    match term {
        Term::Number(number) | Term::Seconds(number) => Value::Number(*number),
        Term::Flag(flag) => Value::Flag(*flag),
        Term::Text(text) => Value::Text(text.clone()),
        Term::Name(name) => match bound {
            Some((variable, entry)) if variable == name => Value::Text(entry.to_owned()),
            _ => measured(facts.value(name)),
        },
        Term::List(terms) => list(terms.iter().map(of)),
        Term::Not(term) => match of(term) {
            Value::Flag(flag) => Value::Flag(!flag),
            _ => Value::Unknown,
        },
        Term::And(terms) => all(terms.iter().map(of), false),
        Term::Or(terms) => all(terms.iter().map(of), true),
        Term::If(condition, yes, no) => match of(condition) {
            Value::Flag(true) => of(yes),
            Value::Flag(false) => of(no),
            // Where both ways lead to the same answer, the way does not matter.
            _ => match (of(yes), of(no)) {
                (yes, no) if yes == no => yes,
                _ => Value::Unknown,
            },
        },
        Term::Compare(how, left, right) => compare(*how, &of(left), &of(right)),
        Term::Calculate(how, left, right) => match (of(left), of(right)) {
            (Value::Number(a), Value::Number(b)) => finite(match how {
                Operation::Add => a + b,
                Operation::Subtract => a - b,
                Operation::Multiply => a * b,
                Operation::Divide => a / b,
            }),
            _ => Value::Unknown,
        },
        Term::Negate(term) => match of(term) {
            Value::Number(number) => Value::Number(-number),
            _ => Value::Unknown,
        },
        Term::In(one, list) => match (of(one), of(list)) {
            (Value::Text(text), Value::Names(names)) => Value::Flag(names.contains(&text)),
            (Value::Number(number), Value::Numbers(numbers)) => {
                Value::Flag(numbers.iter().any(|known| same(*known, number)))
            }
            _ => Value::Unknown,
        },
        Term::Ask(question, text, part) => match (of(text), of(part)) {
            (Value::Text(text), Value::Text(part)) => Value::Flag(match question {
                Question::StartsWith => text.starts_with(&part),
                Question::EndsWith => text.ends_with(&part),
                Question::Contains => text.contains(&part),
            }),
            _ => Value::Unknown,
        },
        #[expect(clippy::cast_precision_loss, reason = "sizes stay far below 2^53")]
        Term::Size(term) => match of(term) {
            Value::Names(names) => Value::Number(names.len() as f64),
            Value::Numbers(numbers) => Value::Number(numbers.len() as f64),
            Value::Text(text) => Value::Number(text.chars().count() as f64),
            _ => Value::Unknown,
        },
        Term::Least(terms) => extreme(terms.iter().map(of), f64::min),
        Term::Greatest(terms) => extreme(terms.iter().map(of), f64::max),
        Term::Loop { every, list, name, condition } => match of(list) {
            Value::Names(names) => all(names.iter().map(|entry| value(condition, facts, Some((name, entry)))), !every),
            _ => Value::Unknown,
        },
    }
}

fn measured(measure: Option<&Measure>) -> Value {
    match measure {
        Some(Measure::Number(number) | Measure::Seconds(number)) => finite(*number),
        Some(Measure::Flag(flag)) => Value::Flag(*flag),
        Some(Measure::Text(text)) => Value::Text(text.clone()),
        Some(Measure::Names(names)) => Value::Names(names.clone()),
        None => Value::Unknown,
    }
}

fn finite(number: f64) -> Value {
    if number.is_finite() { Value::Number(number) } else { Value::Unknown }
}

/// Joins conditions: the first that equals `settles` settles it, whatever else is unknown.
fn all(values: impl Iterator<Item = Value>, settles: bool) -> Value {
    let mut joined = Value::Flag(!settles);
    for value in values {
        match value {
            Value::Flag(flag) if flag == settles => return Value::Flag(settles),
            Value::Flag(_) => {}
            _ => joined = Value::Unknown,
        }
    }
    joined
}

fn list(values: impl Iterator<Item = Value>) -> Value {
    let (mut names, mut numbers) = (Vec::new(), Vec::new());
    for value in values {
        match value {
            Value::Text(text) => names.push(text),
            Value::Number(number) => numbers.push(number),
            _ => return Value::Unknown,
        }
    }
    match (names.is_empty(), numbers.is_empty()) {
        (false, true) => Value::Names(names),
        (true, false) => Value::Numbers(numbers),
        _ => Value::Unknown,
    }
}

fn extreme(values: impl Iterator<Item = Value>, pick: fn(f64, f64) -> f64) -> Value {
    let mut found: Option<f64> = None;
    for value in values {
        let Value::Number(number) = value else { return Value::Unknown };
        found = Some(found.map_or(number, |known| pick(known, number)));
    }
    found.map_or(Value::Unknown, Value::Number)
}

fn compare(how: Comparison, left: &Value, right: &Value) -> Value {
    let ordering = match (left, right) {
        (Value::Number(a), Value::Number(b)) => a.partial_cmp(b),
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (Value::Flag(a), Value::Flag(b)) => Some(a.cmp(b)),
        _ => None,
    };
    ordering.map_or(Value::Unknown, |ordering| {
        Value::Flag(match how {
            Comparison::Equal => ordering.is_eq(),
            Comparison::NotEqual => ordering.is_ne(),
            Comparison::Less => ordering.is_lt(),
            Comparison::AtMost => ordering.is_le(),
            Comparison::Greater => ordering.is_gt(),
            Comparison::AtLeast => ordering.is_ge(),
        })
    })
}

fn same(a: f64, b: f64) -> bool {
    a.partial_cmp(&b).is_some_and(std::cmp::Ordering::is_eq)
}
