//! What a requirement comes to, where some of what it speaks of may be unknown.
//!
//! The three values of S. C. Kleene's strong logic: a part that is unknown makes
//! the whole unknown unless the other parts settle it whatever the part may be.
//! `false && unknown` is false and `true || unknown` is true, in either order.
//! A calculation without an answer, such as a division by zero, is unknown.

use super::expression::{Arguments, Comparison, Operation, Question, Term};
use crate::model::measures::Measure;

/// Where names get their values.
pub trait Facts {
    /// What is known under a name.
    fn value(&self, name: &str) -> Option<Given<'_>>;
    /// The answer to a [`Term::Predicate`].
    fn holds(&self, _name: &str, _arguments: &Arguments) -> Truth {
        Truth::Unknown
    }
}

/// The value of a name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Given<'g> {
    /// A number.
    Number(f64),
    /// A length of time in seconds. It answers as a number does, for the check of
    /// an expression has kept them apart, and is shown to people with a unit.
    Seconds(f64),
    /// Yes or no.
    Flag(bool),
    /// A text.
    Text(&'g str),
    /// A list of texts.
    Names(&'g [String]),
}

impl<'g> From<&'g Measure> for Given<'g> {
    fn from(measure: &'g Measure) -> Self {
        match measure {
            Measure::Number(number) => Self::Number(*number),
            Measure::Seconds(seconds) => Self::Seconds(*seconds),
            Measure::Flag(flag) => Self::Flag(*flag),
            Measure::Text(text) => Self::Text(text),
            Measure::Names(names) => Self::Names(names),
        }
    }
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
#[derive(Clone, Debug)]
enum Value<'v> {
    Unknown,
    /// A number, or a length of time in seconds: the check has kept them apart.
    Number(f64),
    Flag(bool),
    Text(&'v str),
    /// A list that was given.
    Names(&'v [String]),
    /// A list that the expression states.
    Texts(Vec<&'v str>),
    /// A list of numbers, which only an expression states.
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

/// Evaluates a number or a length of time in seconds.
#[must_use]
pub fn number(term: &Term, facts: &dyn Facts) -> Option<f64> {
    match value(term, facts, None) {
        Value::Number(number) => Some(number),
        _ => None,
    }
}

/// What an unknown answer hangs on: the names without a value and the predicates
/// without an answer, each once. A known answer has none, and neither has one
/// that is unknown though everything is given, as after a division by zero.
#[must_use]
pub fn names_unknown<'t>(term: &'t Term, facts: &dyn Facts) -> Vec<&'t str> {
    let mut found = Vec::new();
    missing(term, facts, None, &mut found);
    found
}

fn missing<'t>(term: &'t Term, facts: &dyn Facts, bound: Bound<'_>, found: &mut Vec<&'t str>) {
    // A part that is known has no share in it, whatever is unknown within.
    if !matches!(value(term, facts, bound), Value::Unknown) {
        return;
    }
    let mut each = |terms: &[&'t Term]| {
        for term in terms {
            missing(term, facts, bound, found);
        }
    };
    match term {
        Term::Number(_) | Term::Seconds(_) | Term::Flag(_) | Term::Text(_) => {}
        Term::Name(name) | Term::Predicate { name, .. } => {
            if !found.contains(&name.as_str()) {
                found.push(name);
            }
        }
        Term::Not(a) | Term::Negate(a) | Term::Size(a) => each(&[a]),
        Term::List(all) | Term::And(all) | Term::Or(all) | Term::Least(all) | Term::Greatest(all) => {
            each(&all.iter().collect::<Vec<_>>());
        }
        Term::If(a, b, c) => each(&[a, b, c]),
        Term::Compare(_, a, b) | Term::Calculate(_, a, b) | Term::Ask(_, a, b) | Term::In(a, b) => each(&[a, b]),
        Term::Loop { list, name, condition, .. } => {
            each(&[list]);
            for entry in texts(&value(list, facts, bound)) {
                missing(condition, facts, Some((name, entry)), found);
            }
        }
    }
}

/// The one name that a loop gives a value.
type Bound<'b> = Option<(&'b str, &'b str)>;

fn value<'v>(term: &'v Term, facts: &'v dyn Facts, bound: Bound<'v>) -> Value<'v> {
    let of = |term: &'v Term| value(term, facts, bound);
    match term {
        Term::Number(number) | Term::Seconds(number) => Value::Number(*number),
        Term::Flag(flag) => Value::Flag(*flag),
        Term::Text(text) => Value::Text(text),
        Term::Name(name) => match bound {
            Some((variable, entry)) if variable == name => Value::Text(entry),
            _ => given(facts.value(name)),
        },
        Term::Predicate { name, arguments } => match facts.holds(name, arguments) {
            Truth::True => Value::Flag(true),
            Truth::False => Value::Flag(false),
            Truth::Unknown => Value::Unknown,
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
                (yes, no) if alike(&yes, &no) => yes,
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
            (Value::Text(text), list @ (Value::Names(_) | Value::Texts(_))) => {
                Value::Flag(texts(&list).any(|known| known == text))
            }
            (Value::Number(number), Value::Numbers(numbers)) => {
                Value::Flag(numbers.iter().any(|known| same(*known, number)))
            }
            _ => Value::Unknown,
        },
        Term::Ask(question, text, part) => match (of(text), of(part)) {
            (Value::Text(text), Value::Text(part)) => Value::Flag(match question {
                Question::StartsWith => text.starts_with(part),
                Question::EndsWith => text.ends_with(part),
                Question::Contains => text.contains(part),
            }),
            _ => Value::Unknown,
        },
        #[expect(clippy::cast_precision_loss, reason = "sizes stay far below 2^53")]
        Term::Size(term) => match of(term) {
            Value::Names(names) => Value::Number(names.len() as f64),
            Value::Texts(texts) => Value::Number(texts.len() as f64),
            Value::Numbers(numbers) => Value::Number(numbers.len() as f64),
            Value::Text(text) => Value::Number(text.chars().count() as f64),
            _ => Value::Unknown,
        },
        Term::Least(terms) => extreme(terms.iter().map(of), f64::min),
        Term::Greatest(terms) => extreme(terms.iter().map(of), f64::max),
        Term::Loop { every, list, name, condition } => match of(list) {
            list @ (Value::Names(_) | Value::Texts(_)) => {
                all(texts(&list).map(|entry| value(condition, facts, Some((name, entry)))), !every)
            }
            _ => Value::Unknown,
        },
    }
}

fn given(given: Option<Given<'_>>) -> Value<'_> {
    match given {
        Some(Given::Number(number) | Given::Seconds(number)) => finite(number),
        Some(Given::Flag(flag)) => Value::Flag(flag),
        Some(Given::Text(text)) => Value::Text(text),
        Some(Given::Names(names)) => Value::Names(names),
        None => Value::Unknown,
    }
}

/// The entries of a list of texts, wherever it comes from.
fn texts<'v>(list: &Value<'v>) -> impl Iterator<Item = &'v str> {
    let (given, stated) = match list {
        Value::Names(names) => (*names, [].as_slice()),
        Value::Texts(texts) => ([].as_slice(), texts.as_slice()),
        _ => ([].as_slice(), [].as_slice()),
    };
    given.iter().map(String::as_str).chain(stated.iter().copied())
}

/// Whether two values are one and the same, and known.
fn alike(one: &Value<'_>, other: &Value<'_>) -> bool {
    match (one, other) {
        (Value::Number(a), Value::Number(b)) => same(*a, *b),
        (Value::Flag(a), Value::Flag(b)) => a == b,
        (Value::Text(a), Value::Text(b)) => a == b,
        (Value::Numbers(a), Value::Numbers(b)) => a == b,
        (Value::Names(_) | Value::Texts(_), Value::Names(_) | Value::Texts(_)) => texts(one).eq(texts(other)),
        _ => false,
    }
}

fn finite(number: f64) -> Value<'static> {
    if number.is_finite() { Value::Number(number) } else { Value::Unknown }
}

/// Joins conditions: the first that equals `settles` settles it, whatever else is unknown.
fn all<'v>(values: impl Iterator<Item = Value<'v>>, settles: bool) -> Value<'v> {
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

fn list<'v>(values: impl Iterator<Item = Value<'v>>) -> Value<'v> {
    let (mut texts, mut numbers) = (Vec::new(), Vec::new());
    for value in values {
        match value {
            Value::Text(text) => texts.push(text),
            Value::Number(number) => numbers.push(number),
            _ => return Value::Unknown,
        }
    }
    match (texts.is_empty(), numbers.is_empty()) {
        (false, true) => Value::Texts(texts),
        (true, false) => Value::Numbers(numbers),
        _ => Value::Unknown,
    }
}

fn extreme<'v>(values: impl Iterator<Item = Value<'v>>, pick: fn(f64, f64) -> f64) -> Value<'v> {
    let mut found: Option<f64> = None;
    for value in values {
        let Value::Number(number) = value else { return Value::Unknown };
        found = Some(found.map_or(number, |known| pick(known, number)));
    }
    found.map_or(Value::Unknown, Value::Number)
}

fn compare<'v>(how: Comparison, left: &Value<'v>, right: &Value<'v>) -> Value<'v> {
    let ordering = match (left, right) {
        (Value::Number(a), Value::Number(b)) => a.partial_cmp(b),
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (Value::Flag(a), Value::Flag(b)) => Some(a.cmp(b)),
        _ => None,
    };
    ordering.map_or(Value::Unknown, |ordering| Value::Flag(how.answers(ordering)))
}

fn same(a: f64, b: f64) -> bool {
    a.partial_cmp(&b).is_some_and(std::cmp::Ordering::is_eq)
}
