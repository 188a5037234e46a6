//! Expressions: what a requirement says, parsed and checked when a policy is loaded.
//!
//! The grammar is the Common Expression Language's (CEL). What is different is
//! what people who write policies need:
//!
//! - There is one kind of number. `failed / total < 0.01` divides as people do,
//!   and `1`, `1.0` and a count compare without conversion.
//! - Names and types are checked here, so that a misspelled measure is an error
//!   at its line with a suggestion, before anything runs.
//! - The language is total: no recursion, no regular expressions, and the only
//!   loops are `exists` and `all` over lists of names, one level deep.
//!
//! The checked form is a small tree of our own, and its evaluator
//! ([`super::evaluate`]) knows unknown values.

mod check;
mod clash;
mod needs;
mod parse;
mod place;
mod slips;
mod tokens;

pub(super) use place::placed;
pub use slips::nearest;

use std::cmp::Ordering;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::repository_path;
use crate::model::catalogue::Type;

/// How many bytes an expression may have.
pub const LENGTH_LIMIT: usize = 4096;
/// How deep an expression may nest.
pub const DEPTH_LIMIT: u16 = 48;

/// An expression that was parsed and checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    /// As the policy states it.
    pub source: String,
    /// The checked form.
    pub term: Term,
}

impl Expression {
    /// Whether it holds for no facts at all, as far as that can be proven.
    #[must_use]
    pub fn never_holds(&self) -> bool {
        clash::never(&[&self.term])
    }

    /// Whether it holds for no facts for which another one does.
    #[must_use]
    pub fn excludes(&self, other: &Self) -> bool {
        clash::never(&[&self.term, &other.term])
    }

    /// Whether it holds only where one of these questions, such as `release.fixes`, is answered with yes.
    #[must_use]
    pub fn needs(&self, questions: &[&str]) -> bool {
        needs::needs(&self.term, true, questions)
    }

    /// Whether it holds whatever the facts say, as far as that can be proven.
    #[must_use]
    pub fn always_holds(&self) -> bool {
        needs::always(&self.term)
    }

    /// The comparisons of a name with a number, each as it reads with the name first.
    #[must_use]
    pub fn compared_with(&self, name: &str) -> Vec<(String, Comparison, f64)> {
        let mut found = Vec::new();
        clash::compared(&self.term, name, &mut found);
        found.into_iter().map(|(how, number)| (format!("{name} {} {number}", how.sign()), how, number)).collect()
    }

    /// Whether another one holds wherever this one is answered with no.
    #[must_use]
    pub fn otherwise_implies(&self, other: &Self) -> bool {
        clash::implies(&Term::Not(Box::new(self.term.clone())), &other.term)
    }

    /// Whether another one holds wherever it does.
    #[must_use]
    pub fn implies(&self, other: &Self) -> bool {
        clash::implies(&self.term, &other.term)
    }
}

/// A checked expression's tree.
#[derive(Clone, Debug, PartialEq)]
pub enum Term {
    /// A number.
    Number(f64),
    /// A length of time, in seconds.
    Seconds(f64),
    /// `true` or `false`.
    Flag(bool),
    /// A text.
    Text(String),
    /// A list of texts or numbers.
    List(Vec<Term>),
    /// A name that the caller gives a value: a measure, or a variable of a loop.
    Name(String),
    /// `!a`
    Not(Box<Term>),
    /// `a && b && …`
    And(Vec<Term>),
    /// `a || b || …`
    Or(Vec<Term>),
    /// `a ? b : c`
    If(Box<Term>, Box<Term>, Box<Term>),
    /// A comparison.
    Compare(Comparison, Box<Term>, Box<Term>),
    /// A calculation.
    Calculate(Operation, Box<Term>, Box<Term>),
    /// `-a`
    Negate(Box<Term>),
    /// `a in b`
    In(Box<Term>, Box<Term>),
    /// A function that asks something of a text: `a.startsWith(b)` and its like.
    Ask(Question, Box<Term>, Box<Term>),
    /// The number of entries of a list, or of characters of a text.
    Size(Box<Term>),
    /// The least of several numbers.
    Least(Vec<Term>),
    /// The greatest of several numbers.
    Greatest(Vec<Term>),
    /// `list.exists(name, condition)` or, with `every`, `list.all(name, condition)`.
    Loop {
        /// Whether the condition must hold for every entry rather than for one.
        every: bool,
        /// The list.
        list: Box<Term>,
        /// The name that stands for an entry.
        name: String,
        /// What is asked of an entry.
        condition: Box<Term>,
    },
    /// A question that is answered as a whole, by [`Facts::holds`](super::evaluate::Facts::holds).
    Predicate {
        /// Its name with what stands before it: `change.only`.
        name: String,
        /// What it is asked of.
        arguments: Arguments,
    },
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

impl Comparison {
    /// Whether it holds of two values of which the first stands so to the second.
    #[must_use]
    pub fn answers(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::NotEqual => ordering.is_ne(),
            Self::Less => ordering.is_lt(),
            Self::AtMost => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::AtLeast => ordering.is_ge(),
        }
    }

    /// As policies write it.
    #[must_use]
    pub fn sign(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
        }
    }
}

/// What is done with two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
}

/// What is asked of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Question {
    StartsWith,
    EndsWith,
    Contains,
}

/// What is wrong with an expression, and where in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The character at which it begins, counted from 0.
    pub at: usize,
    /// How many characters it covers; at least 1.
    pub length: usize,
    /// What is wrong and what to do, lower case, no full stop.
    pub message: String,
}

/// What a function of a [`Scope`] is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parameters {
    /// Globs over paths in quotes, one or more.
    Globs,
    /// One of these names, as such and not for its value.
    Name(&'static [&'static str]),
}

/// What a question is asked of: globs, compiled once with the expression, or the one name.
#[derive(Clone, Debug, Default)]
pub struct Arguments {
    /// As written.
    pub written: Vec<String>,
    globs: GlobSet,
}

impl PartialEq for Arguments {
    /// What is compiled follows from what is written.
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl Arguments {
    /// One name.
    #[must_use]
    pub fn name(name: &str) -> Self {
        Self { written: vec![name.to_owned()], globs: GlobSet::empty() }
    }

    /// Globs, by which `*` and `?` stay within a folder; the number of the first that is none, and why.
    pub fn globs(written: Vec<String>) -> Result<Self, (usize, String)> {
        let mut builder = GlobSetBuilder::new();
        for (at, text) in written.iter().enumerate() {
            if let Some(mistake) = repository_path::mistake(text) {
                return Err((at, mistake));
            }
            if repository_path::everything(text) {
                return Err((
                    at,
                    format!("`{text}` is every file, so this asks nothing; name the files that are meant"),
                ));
            }
            let glob = GlobBuilder::new(text).literal_separator(true).build();
            builder.add(glob.map_err(|error| (at, format!("`{text}` is no glob: {}", error.kind())))?);
        }
        let globs = builder.build().map_err(|error| (0, format!("the globs cannot be used: {}", error.kind())))?;
        Ok(Self { written, globs })
    }

    /// Whether a path is one of the globs'.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        self.globs.is_match(path)
    }
}

/// The names that an expression may use.
pub trait Scope {
    /// The type of a name, or `None` when there is no such name.
    fn type_of(&self, name: &str) -> Option<Type>;
    /// Every name there is, to suggest one from.
    fn names(&self) -> Vec<&str>;
    /// Every text that a name can be, or that its list can hold, where that is known: a text that it never is would
    /// switch off the rule that asks for it.
    fn values(&self, _name: &str) -> Option<Vec<&str>> {
        None
    }
    /// How the texts of a name or of its list are written, where a text can be written in several ways and only one
    /// is ever found.
    fn spelling(&self, _name: &str, _text: &str) -> Option<String> {
        None
    }
    /// Whether a name stands for a share, which goes from 0 to 1.
    fn is_share(&self, _name: &str) -> bool {
        false
    }
    /// The least that a name's number can be, where it has one: a count is never below 0.
    fn least(&self, _name: &str) -> Option<f64> {
        None
    }
    /// Where a name is one that is none here, as a sentence goes on.
    fn elsewhere(&self, _name: &str) -> Option<String> {
        None
    }
    /// What its names stand for, as a sentence says it.
    fn noun(&self) -> &'static str {
        "measure"
    }
    /// What a function of that name is given, or `None` when there is no such
    /// function. It answers yes or no, and its name may have parts.
    fn function(&self, _name: &str) -> Option<Parameters> {
        None
    }
    /// Every function there is, to suggest one from.
    fn functions(&self) -> Vec<&str> {
        Vec::new()
    }
}

impl Expression {
    /// Parses and checks an expression that must say yes or no.
    pub fn condition(source: &str, scope: &dyn Scope) -> Result<Self, Vec<Mistake>> {
        Self::read(source, scope, check::condition)
    }

    /// Parses and checks an expression that must come to a number.
    pub fn number(source: &str, scope: &dyn Scope) -> Result<Self, Vec<Mistake>> {
        Self::read(source, scope, check::number)
    }

    fn read(
        source: &str,
        scope: &dyn Scope,
        check: fn(&str, &dyn Scope) -> Result<Term, Vec<Mistake>>,
    ) -> Result<Self, Vec<Mistake>> {
        if source.len() > LENGTH_LIMIT {
            return Err(vec![Mistake::whole(source, format!("an expression has at most {LENGTH_LIMIT} bytes"))]);
        }
        Ok(Self { term: check(source, scope)?, source: source.to_owned() })
    }

    /// The names that the expression uses, each once, in the order of their first use.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.term.names(&mut Vec::new(), &mut names);
        names
    }
}

impl Expression {
    /// What the expression asks as a whole, such as `change.only("docs/**")`: each name with what it is given.
    #[must_use]
    pub fn predicates(&self) -> Vec<(&str, &[String])> {
        let mut found = Vec::new();
        self.term.predicates(&mut found);
        found
    }
}

impl Term {
    fn predicates<'t>(&'t self, found: &mut Vec<(&'t str, &'t [String])>) {
        match self {
            Self::Predicate { name, arguments } => found.push((name, &arguments.written)),
            Self::Number(_) | Self::Seconds(_) | Self::Flag(_) | Self::Text(_) | Self::Name(_) => {}
            Self::Not(a) | Self::Negate(a) | Self::Size(a) => a.predicates(found),
            Self::List(all) | Self::And(all) | Self::Or(all) | Self::Least(all) | Self::Greatest(all) => {
                for term in all {
                    term.predicates(found);
                }
            }
            Self::If(a, b, c) => {
                for term in [a, b, c] {
                    term.predicates(found);
                }
            }
            Self::Compare(_, a, b) | Self::Calculate(_, a, b) | Self::Ask(_, a, b) | Self::In(a, b) => {
                a.predicates(found);
                b.predicates(found);
            }
            Self::Loop { list, condition, .. } => {
                list.predicates(found);
                condition.predicates(found);
            }
        }
    }

    fn names<'t>(&'t self, bound: &mut Vec<&'t str>, found: &mut Vec<&'t str>) {
        match self {
            Self::Number(_) | Self::Seconds(_) | Self::Flag(_) | Self::Text(_) | Self::Predicate { .. } => {}
            Self::Name(name) => {
                if !bound.contains(&name.as_str()) && !found.contains(&name.as_str()) {
                    found.push(name);
                }
            }
            Self::Not(a) | Self::Negate(a) | Self::Size(a) => a.names(bound, found),
            Self::List(all) | Self::And(all) | Self::Or(all) | Self::Least(all) | Self::Greatest(all) => {
                for term in all {
                    term.names(bound, found);
                }
            }
            Self::If(a, b, c) => {
                for term in [a, b, c] {
                    term.names(bound, found);
                }
            }
            Self::Compare(_, a, b) | Self::Calculate(_, a, b) | Self::Ask(_, a, b) | Self::In(a, b) => {
                a.names(bound, found);
                b.names(bound, found);
            }
            Self::Loop { list, name, condition, .. } => {
                list.names(bound, found);
                bound.push(name);
                condition.names(bound, found);
                bound.pop();
            }
        }
    }
}

impl Mistake {
    fn whole(source: &str, message: impl Into<String>) -> Self {
        Self { at: 0, length: source.chars().count().max(1), message: message.into() }
    }
}
