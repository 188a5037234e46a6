//! The stricter of two layers' words, and why it was kept.

use super::expression::{Expression, Term};
use super::length::Length;
use crate::model::stated::Stated;

/// What two layers say about one thing, outer first, while the stricter is chosen.
pub(super) struct Joint<'j> {
    /// Where the outer word stands; why it or the inner one was kept is noted there.
    pub(super) stated: &'j mut Stated,
    /// Where the inner word stands.
    pub(super) inner: &'j Stated,
}

impl Joint<'_> {
    /// Keeps the outer word where it is the stricter, else the inner one, and notes why.
    pub(super) fn keep<T: PartialEq>(
        &mut self,
        what: &str,
        outer: &mut T,
        inner: T,
        tell: impl Fn(&T) -> String,
        inner_is_stricter: impl Fn(&T, &T) -> bool,
    ) {
        if *outer == inner {
            return;
        }
        if inner_is_stricter(outer, &inner) {
            self.note(format!(
                "`{what}` {} in {} ({}:{}) is stricter than {} here",
                tell(&inner),
                self.inner.layer,
                self.inner.file,
                self.inner.line,
                tell(outer)
            ));
            *outer = inner;
        } else {
            self.note(format!("`{what}` {} is stricter than {} in {}", tell(outer), tell(&inner), self.inner.layer));
        }
    }

    /// Keeps the larger number.
    pub(super) fn larger<T: PartialOrd + std::fmt::Display>(&mut self, what: &str, outer: &mut T, inner: T) {
        self.keep(what, outer, inner, ToString::to_string, |outer, inner| inner > outer);
    }

    /// Keeps the smaller number.
    pub(super) fn smaller<T: PartialOrd + std::fmt::Display>(&mut self, what: &str, outer: &mut T, inner: T) {
        self.keep(what, outer, inner, ToString::to_string, |outer, inner| inner < outer);
    }

    /// Keeps the longer time.
    pub(super) fn longer(&mut self, what: &str, outer: &mut Length, inner: Length) {
        self.keep(what, outer, inner, ToString::to_string, |outer, inner| roughly(*inner) > roughly(*outer));
    }

    /// Keeps the shorter time.
    pub(super) fn shorter(&mut self, what: &str, outer: &mut Length, inner: Length) {
        self.keep(what, outer, inner, ToString::to_string, |outer, inner| roughly(*inner) < roughly(*outer));
    }

    /// Keeps the shorter of two times of which one or both may be unlimited.
    pub(super) fn shorter_of(&mut self, what: &str, outer: &mut Option<Length>, inner: Option<Length>) {
        match (outer.as_mut(), inner) {
            (Some(outer), Some(inner)) => self.shorter(what, outer, inner),
            (None, Some(inner)) => {
                self.note(format!(
                    "`{what}` {inner} is of {} ({}:{})",
                    self.inner.layer, self.inner.file, self.inner.line
                ));
                *outer = Some(inner);
            }
            (_, None) => {}
        }
    }

    /// Keeps `true` where either layer says it.
    pub(super) fn either(&mut self, what: &str, outer: &mut bool, inner: bool) {
        self.keep(what, outer, inner, ToString::to_string, |_, inner| *inner);
    }

    /// Keeps `true` only where both layers say it.
    pub(super) fn both(&mut self, what: &str, outer: &mut bool, inner: bool) {
        self.keep(what, outer, inner, ToString::to_string, |_, inner| !*inner);
    }

    /// Adds what the outer layer does not have.
    pub(super) fn union(&mut self, what: &str, outer: &mut Vec<String>, inner: &[String]) {
        let new: Vec<String> = inner.iter().filter(|name| !outer.contains(name)).cloned().collect();
        if !new.is_empty() {
            self.note(format!(
                "`{what}` {} added by {} ({}:{})",
                new.join(", "),
                self.inner.layer,
                self.inner.file,
                self.inner.line
            ));
            outer.extend(new);
        }
    }

    /// Leaves what both layers have. Returns whether anything is left.
    pub(super) fn intersection<T: PartialEq>(&mut self, what: &str, outer: &mut Vec<T>, inner: &[T]) -> bool {
        let before = outer.len();
        outer.retain(|name| inner.contains(name));
        if outer.len() != before || inner.len() != before {
            self.note(format!("`{what}` is what this layer and {} both name", self.inner.layer));
        }
        !outer.is_empty()
    }

    /// Adds to why this word holds.
    pub(super) fn note(&mut self, note: impl AsRef<str>) {
        let kept = self.stated.kept.get_or_insert_default();
        if !kept.is_empty() {
            kept.push_str("; ");
        }
        kept.push_str(note.as_ref());
    }
}

/// How long a time is on average, in seconds: for times that are counted in different ways, which no calendar could
/// put in order for every day. A week has five business days and forty business hours.
pub(super) fn roughly(length: Length) -> f64 {
    const WEEK: f64 = 604_800.0;
    match length {
        #[expect(clippy::cast_precision_loss, reason = "bounded by the reader of lengths")]
        Length::Seconds(seconds) => seconds as f64,
        Length::BusinessHours(hours) => f64::from(hours) * WEEK / 40.0,
        Length::BusinessDays(days) => f64::from(days) * WEEK / 5.0,
    }
}

/// A condition that holds where both do; a missing one always holds.
pub(super) fn both(outer: Option<Expression>, inner: Option<Expression>) -> Option<Expression> {
    joined(outer, inner, "&&", Term::And)
}

/// A condition that holds where either does.
pub(super) fn either(outer: Expression, inner: Expression) -> Expression {
    if outer == inner {
        return outer;
    }
    Expression {
        source: format!("({}) || ({})", outer.source, inner.source),
        term: Term::Or(vec![outer.term, inner.term]),
    }
}

fn joined(
    outer: Option<Expression>,
    inner: Option<Expression>,
    word: &str,
    term: fn(Vec<Term>) -> Term,
) -> Option<Expression> {
    match (outer, inner) {
        (Some(outer), Some(inner)) if outer != inner => Some(Expression {
            source: format!("({}) {word} ({})", outer.source, inner.source),
            term: term(vec![outer.term, inner.term]),
        }),
        (outer, inner) => outer.or(inner),
    }
}

/// The opposite of a condition.
pub(super) fn not(condition: Expression) -> Expression {
    Expression { source: format!("!({})", condition.source), term: Term::Not(Box::new(condition.term)) }
}
