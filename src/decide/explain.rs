//! Why a condition holds or does not, in words: the part that decides it, and
//! the measured values of what it speaks of.

use std::borrow::Cow;

use crate::model::notable::shortened;
use crate::policy::evaluate::{Facts, Given, Truth, condition, number};
use crate::policy::expression::{Operation, Question, Term};

/// How many parts are told; more would not be read.
const PARTS: usize = 6;

/// The parts of a condition that keep it from holding, each with its values. A
/// condition that holds has none.
#[must_use]
pub fn unmet(term: &Term, facts: &dyn Facts) -> Vec<String> {
    let mut parts = Vec::new();
    collect(term, facts, &mut parts);
    let more = parts.len().saturating_sub(PARTS);
    parts.truncate(PARTS);
    if more > 0 {
        parts.push(format!("and {more} more"));
    }
    parts
}

fn collect(term: &Term, facts: &dyn Facts, parts: &mut Vec<String>) {
    match term {
        Term::And(terms) => {
            for term in terms {
                collect(term, facts, parts);
            }
        }
        _ => match condition(term, facts) {
            Truth::True => {}
            Truth::False => parts.push(format!("`{}` is not met: {}", Words(term), values(term, facts))),
            Truth::Unknown => parts.push(format!("`{}` cannot be told: {}", Words(term), values(term, facts))),
        },
    }
}

/// The values of the names that a term speaks of: `tests.failed is 3, tests.total is 412`.
#[must_use]
pub fn values(term: &Term, facts: &dyn Facts) -> String {
    let (mut told, mut named) = (String::with_capacity(96), Vec::with_capacity(4));
    let mut tell = |parts: &[&str]| {
        told.push_str(if told.is_empty() { "" } else { ", " });
        told.extend(parts.iter().copied());
    };
    each_name(term, &mut |name| {
        if !named.contains(&name) {
            named.push(name);
            let value = facts.value(name).map_or(Cow::Borrowed("unknown"), |value| Cow::Owned(shown(value)));
            tell(&[name, " is ", &value]);
        }
    });
    if undefined(term, facts) {
        tell(&["a division by zero has no answer"]);
    }
    if told.is_empty() { "it speaks of nothing measured".to_owned() } else { told }
}

/// Whether a division by zero stands in a part of a term that is looked at.
fn undefined(term: &Term, facts: &dyn Facts) -> bool {
    match term {
        Term::Calculate(Operation::Divide, _, by) if number(by, facts).is_some_and(|number| number == 0.0) => true,
        Term::If(asked, one, other) => {
            undefined(asked, facts)
                || match condition(asked, facts) {
                    Truth::True => undefined(one, facts),
                    Truth::False => undefined(other, facts),
                    Truth::Unknown => false,
                }
        }
        Term::Loop { list, condition, .. } => undefined(list, facts) || undefined(condition, facts),
        _ => {
            let mut found = false;
            each_part(term, &mut |part| found = found || undefined(part, facts));
            found
        }
    }
}

/// What a term is made of; not what a loop asks of its entries, whose names are its own.
fn each_part<'t>(term: &'t Term, each: &mut dyn FnMut(&'t Term)) {
    match term {
        Term::Number(_) | Term::Seconds(_) | Term::Flag(_) | Term::Text(_) | Term::Name(_) | Term::Predicate { .. } => {
        }
        Term::Not(a) | Term::Negate(a) | Term::Size(a) => each(a),
        Term::List(all) | Term::And(all) | Term::Or(all) | Term::Least(all) | Term::Greatest(all) => {
            all.iter().for_each(each);
        }
        Term::If(a, b, c) => {
            each(a);
            each(b);
            each(c);
        }
        Term::Compare(_, a, b) | Term::Calculate(_, a, b) | Term::Ask(_, a, b) | Term::In(a, b) => {
            each(a);
            each(b);
        }
        Term::Loop { list, .. } => each(list),
    }
}

fn each_name<'t>(term: &'t Term, each: &mut dyn FnMut(&'t str)) {
    if let Term::Name(name) = term {
        each(name);
    }
    each_part(term, &mut |part| each_name(part, each));
}

/// A value as people read it, with its unit where the name does not say it.
#[must_use]
pub fn shown(value: Given<'_>) -> String {
    match value {
        Given::Number(number) => round(number),
        Given::Seconds(seconds) => length(seconds),
        Given::Flag(flag) => if flag { "true" } else { "false" }.to_owned(),
        Given::Text(text) => format!("`{}`", shortened(text, 120)),
        Given::Names([]) => "empty".to_owned(),
        Given::Names(names) => {
            let first: Vec<_> = names.iter().take(3).map(|entry| format!("`{}`", shortened(entry, 80))).collect();
            let more = names.len().saturating_sub(3);
            let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("{}{rest}", first.join(", "))
        }
    }
}

/// A number with so many decimals at most, and none that says nothing.
#[must_use]
pub(super) fn rounded(number: f64, most: usize) -> String {
    // Nearly all are whole, or short as they are, and both is found much sooner than a number of decimals that is given.
    if number.abs() < 1e9 {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole, and far below 2^63")]
        if number.fract() == 0.0 && (number != 0.0 || number.is_sign_positive()) {
            return (number as i64).to_string();
        }
        let shortest = number.to_string();
        if shortest.split_once('.').is_none_or(|(_, decimals)| decimals.len() <= most) {
            return shortest;
        }
    }
    if number.fract() == 0.0 {
        return format!("{number:.0}");
    }
    let text = format!("{number:.most$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A number with as many decimals as tell it apart, at most four.
#[must_use]
pub fn round(number: f64) -> String {
    // What is not nothing is not told as nothing.
    if number != 0.0 && number.abs() < 0.000_000_5 {
        return format!("{number:e}");
    }
    rounded(number, if number.abs() < 0.001 { 6 } else { 4 })
}

/// A length of time in the largest unit that keeps it readable.
#[must_use]
pub fn length(seconds: f64) -> String {
    let (by, unit) = match seconds.abs() {
        span if span >= 172_800.0 => (86_400.0, "d"),
        span if span >= 7200.0 => (3600.0, "h"),
        span if span >= 120.0 => (60.0, "min"),
        span if span >= 1.0 || span == 0.0 => (1.0, "s"),
        _ => (0.001, "ms"),
    };
    let rounded = (seconds / by * 10.0).round() / 10.0;
    format!("{} {unit}", round(rounded))
}

/// A term as a part of another, in brackets unless it binds at least so closely.
struct Within<'t>(&'t Term, u8);

impl std::fmt::Display for Within<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(term, least) = self;
        if closeness(term) < *least { write!(f, "({})", Words(term)) } else { write!(f, "{}", Words(term)) }
    }
}

/// How closely a term binds, by the grammar of CEL.
fn closeness(term: &Term) -> u8 {
    match term {
        Term::If(..) => 0,
        Term::Or(_) => 1,
        Term::And(_) => 2,
        Term::Compare(..) | Term::In(..) => 3,
        // Calculations in one another are always told in brackets.
        Term::Calculate(..) => 4,
        Term::Not(_) | Term::Negate(_) => 5,
        Term::Number(number) if *number < 0.0 => 5,
        _ => 6,
    }
}

/// A term written as policies write it.
struct Words<'t>(&'t Term);

impl std::fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let joined = |f: &mut std::fmt::Formatter<'_>, terms: &[Term], between: &str| {
            for (at, term) in terms.iter().enumerate() {
                let bracket = matches!(term, Term::And(_) | Term::Or(_) | Term::If(..));
                let (open, close) = if bracket { ("(", ")") } else { ("", "") };
                write!(f, "{}{open}{}{close}", if at > 0 { between } else { "" }, Words(term))?;
            }
            Ok(())
        };
        match self.0 {
            Term::Number(number) => f.write_str(&round(*number)),
            Term::Seconds(seconds) => write!(f, "duration('{}')", length(*seconds).replace(' ', "")),
            Term::Flag(flag) => write!(f, "{flag}"),
            Term::Text(text) => write!(f, "'{text}'"),
            Term::Name(name) => f.write_str(name),
            Term::List(terms) => {
                f.write_str("[")?;
                joined(f, terms, ", ")?;
                f.write_str("]")
            }
            Term::Not(term) => match **term {
                Term::Name(_) | Term::Flag(_) | Term::Ask(..) | Term::Loop { .. } | Term::Predicate { .. } => {
                    write!(f, "!{}", Words(term))
                }
                _ => write!(f, "!({})", Words(term)),
            },
            Term::And(terms) => joined(f, terms, " && "),
            Term::Or(terms) => joined(f, terms, " || "),
            Term::If(a, b, c) => write!(f, "{} ? {} : {}", Within(a, 1), Words(b), Words(c)),
            Term::Compare(how, a, b) => write!(f, "{} {} {}", Within(a, 4), how.sign(), Within(b, 4)),
            Term::Calculate(how, a, b) => {
                let sign = match how {
                    Operation::Add => "+",
                    Operation::Subtract => "-",
                    Operation::Multiply => "*",
                    Operation::Divide => "/",
                };
                write!(f, "{} {sign} {}", Within(a, 5), Within(b, 5))
            }
            Term::Negate(term) => write!(f, "-{}", Within(term, 6)),
            Term::In(a, b) => write!(f, "{} in {}", Within(a, 4), Within(b, 4)),
            Term::Ask(question, a, b) => {
                let name = match question {
                    Question::StartsWith => "startsWith",
                    Question::EndsWith => "endsWith",
                    Question::Contains => "contains",
                };
                write!(f, "{}.{name}({})", Within(a, 6), Words(b))
            }
            Term::Predicate { name, arguments } => {
                // What is asked of a name is not asked of a text, and names are of small letters.
                let is_name = |text: &String| text.chars().all(|part| matches!(part, 'a'..='z' | '_' | '.'));
                let told: Vec<_> = match arguments.written.as_slice() {
                    [name] if is_name(name) => vec![name.clone()],
                    texts => texts.iter().map(|text| format!("'{text}'")).collect(),
                };
                write!(f, "{name}({})", told.join(", "))
            }
            Term::Size(term) => write!(f, "size({})", Words(term)),
            Term::Least(terms) | Term::Greatest(terms) => {
                let name = if matches!(self.0, Term::Least(_)) { "least" } else { "greatest" };
                write!(f, "math.{name}(")?;
                joined(f, terms, ", ")?;
                f.write_str(")")
            }
            Term::Loop { every, list, name, condition } => {
                let verb = if *every { "all" } else { "exists" };
                write!(f, "{}.{verb}({name}, {})", Within(list, 6), Words(condition))
            }
        }
    }
}
