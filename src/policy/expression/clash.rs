//! Conditions that can never hold together, whatever the facts say: `tests.failed > 3 && tests.failed < 2`.
//!
//! What is compared is one name with constants: of a number an interval and what is left out of it, of a text or a flag
//! what it can still be. Everything else says nothing here, so that nothing is refused that could hold; only the very same
//! question with and without `!` is seen as well. A name without a value makes each part unknown, and none of them true.

use std::collections::BTreeMap;

use super::{Comparison, Term};

/// What stands beside a name in a comparison.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Constant<'t> {
    /// A number, or a length of time in seconds: the check has kept them apart.
    Number(f64),
    Text(&'t str),
    Flag(bool),
}

/// What one name can be where all that was said so far holds.
#[derive(Debug)]
struct Possible<'t> {
    /// The least it can be, and whether that itself is left out.
    least: (f64, bool),
    /// The most.
    most: (f64, bool),
    /// All that it can be, where that is a list.
    only: Option<Vec<Constant<'t>>>,
    /// What it cannot be.
    never: Vec<Constant<'t>>,
}

/// Whether conditions never hold together.
pub(super) fn never(terms: &[&Term]) -> bool {
    let mut said = Said::default();
    for term in terms {
        said.add(term, true, &|_| None);
    }
    said.clashes()
}

/// Whether one condition never holds without another.
pub(super) fn implies(one: &Term, other: &Term) -> bool {
    if let Term::And(all) = other {
        return all.iter().all(|part| implies(one, part));
    }
    let mut said = Said::default();
    said.add(one, true, &|_| None);
    said.add(other, false, &|_| None);
    said.clashes()
}

/// The comparisons of a name with numbers, with the name first.
pub(super) fn compared(term: &Term, name: &str, found: &mut Vec<(Comparison, f64)>) {
    match term {
        Term::Compare(how, one, other) => match (one.as_ref(), other.as_ref()) {
            (Term::Name(known), Term::Number(number)) if known == name => found.push((*how, *number)),
            (Term::Number(number), Term::Name(known)) if known == name => found.push((turned(*how), *number)),
            _ => {}
        },
        Term::Not(of) => compared(of, name, found),
        Term::And(all) | Term::Or(all) => all.iter().for_each(|one| compared(one, name, found)),
        Term::If(asked, then, otherwise) => {
            for one in [asked, then, otherwise] {
                compared(one, name, found);
            }
        }
        _ => {}
    }
}

/// What several conditions say together.
#[derive(Debug, Default)]
pub(super) struct Said<'t> {
    names: BTreeMap<&'t str, Possible<'t>>,
    /// Conditions as they stand, each with whether it holds.
    whole: Vec<(&'t Term, bool)>,
    clash: bool,
}

impl<'t> Said<'t> {
    /// Whether all that was said can never hold together.
    pub(super) fn clashes(&self) -> bool {
        self.clash || self.names.values().any(Possible::is_nothing)
    }

    /// Adds a condition that holds, or does not. `values` lists all that a name can be, where that is known.
    pub(super) fn add(&mut self, term: &'t Term, holds: bool, values: &dyn Fn(&str) -> Option<Vec<&'t str>>) {
        match (term, holds) {
            (Term::Not(of), _) => return self.add(of, !holds, values),
            (Term::And(all), true) | (Term::Or(all), false) => {
                return all.iter().for_each(|one| self.add(one, holds, values));
            }
            (Term::Name(name), _) => self.about(name, values).only(vec![Constant::Flag(holds)]),
            (Term::In(one, list), _) => {
                if let (Term::Name(name), Term::List(list)) = (one.as_ref(), list.as_ref())
                    && let Some(list) = list.iter().map(constant).collect::<Option<Vec<_>>>()
                {
                    let about = self.about(name, values);
                    if holds { about.only(list) } else { about.never.extend(list) }
                }
            }
            (Term::Compare(how, one, other), _) => {
                let (name, how, value) = match (one.as_ref(), other.as_ref()) {
                    (Term::Name(name), other) => (name, *how, constant(other)),
                    (other, Term::Name(name)) => (name, turned(*how), constant(other)),
                    _ => return self.whole(term, holds),
                };
                let Some(value) = value else { return self.whole(term, holds) };
                self.about(name, values).compared(if holds { how } else { otherwise(how) }, value);
            }
            _ => {}
        }
        self.whole(term, holds);
    }

    /// The same question cannot be answered both ways.
    fn whole(&mut self, term: &'t Term, holds: bool) {
        self.clash |= self.whole.iter().any(|(known, other)| *known == term && *other != holds);
        self.whole.push((term, holds));
    }

    fn about(&mut self, name: &'t str, values: &dyn Fn(&str) -> Option<Vec<&'t str>>) -> &mut Possible<'t> {
        self.names.entry(name).or_insert_with(|| {
            let only = values(name).map(|texts| texts.into_iter().map(Constant::Text).collect());
            Possible { least: (f64::NEG_INFINITY, false), most: (f64::INFINITY, false), only, never: Vec::new() }
        })
    }
}

impl<'t> Possible<'t> {
    fn only(&mut self, list: Vec<Constant<'t>>) {
        match &mut self.only {
            Some(only) => only.retain(|one| list.contains(one)),
            None => self.only = Some(list),
        }
    }

    fn compared(&mut self, how: Comparison, value: Constant<'t>) {
        match (how, value) {
            (Comparison::Equal, value) => self.only(vec![value]),
            (Comparison::NotEqual, Constant::Flag(flag)) => self.only(vec![Constant::Flag(!flag)]),
            (Comparison::NotEqual, value) => self.never.push(value),
            (Comparison::Less, Constant::Number(number)) => self.at_most(number, true),
            (Comparison::AtMost, Constant::Number(number)) => self.at_most(number, false),
            (Comparison::Greater, Constant::Number(number)) => self.at_least(number, true),
            (Comparison::AtLeast, Constant::Number(number)) => self.at_least(number, false),
            // Nothing else has an order.
            (_, Constant::Text(_) | Constant::Flag(_)) => {}
        }
    }

    fn at_most(&mut self, number: f64, out: bool) {
        if number < self.most.0 || (number <= self.most.0 && out) {
            self.most = (number, out);
        }
    }

    fn at_least(&mut self, number: f64, out: bool) {
        if number > self.least.0 || (number >= self.least.0 && out) {
            self.least = (number, out);
        }
    }

    fn within(&self, number: f64) -> bool {
        let above = if self.least.1 { number > self.least.0 } else { number >= self.least.0 };
        above && if self.most.1 { number < self.most.0 } else { number <= self.most.0 }
    }

    fn is_nothing(&self) -> bool {
        let may_be = |one: &Constant<'_>| {
            let within = if let Constant::Number(number) = one { self.within(*number) } else { true };
            within && !self.never.contains(one)
        };
        match &self.only {
            Some(only) => !only.iter().any(may_be),
            // Between two different numbers there are always others.
            None if self.least.0 < self.most.0 => false,
            None => !may_be(&Constant::Number(self.least.0)),
        }
    }
}

fn constant(term: &Term) -> Option<Constant<'_>> {
    match term {
        Term::Number(number) | Term::Seconds(number) => Some(Constant::Number(*number)),
        Term::Text(text) => Some(Constant::Text(text)),
        Term::Flag(flag) => Some(Constant::Flag(*flag)),
        _ => None,
    }
}

/// The same comparison with its sides exchanged.
pub(super) fn turned(how: Comparison) -> Comparison {
    match how {
        Comparison::Less => Comparison::Greater,
        Comparison::AtMost => Comparison::AtLeast,
        Comparison::Greater => Comparison::Less,
        Comparison::AtLeast => Comparison::AtMost,
        Comparison::Equal | Comparison::NotEqual => how,
    }
}

/// The comparison that holds where another does not.
fn otherwise(how: Comparison) -> Comparison {
    match how {
        Comparison::Equal => Comparison::NotEqual,
        Comparison::NotEqual => Comparison::Equal,
        Comparison::Less => Comparison::AtLeast,
        Comparison::AtMost => Comparison::Greater,
        Comparison::Greater => Comparison::AtMost,
        Comparison::AtLeast => Comparison::Less,
    }
}
