//! Expressions: what a requirement says, parsed and checked when a policy is loaded.
//!
//! The grammar is the Common Expression Language's (CEL), read by the `cel`
//! crate. What is different is what people who write policies need:
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

use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, IdedExpr, LiteralValue, SourceInfo, operators};
use cel::parser::Parser;

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

/// The names that an expression may use.
pub trait Scope {
    /// The type of a name, or `None` when there is no such name.
    fn type_of(&self, name: &str) -> Option<Type>;
    /// Every name there is, to suggest one from.
    fn names(&self) -> Vec<&str>;
}

impl Expression {
    /// Parses and checks an expression that must say yes or no.
    pub fn condition(source: &str, scope: &dyn Scope) -> Result<Self, Vec<Mistake>> {
        if source.len() > LENGTH_LIMIT {
            return Err(vec![Mistake::whole(source, format!("an expression has at most {LENGTH_LIMIT} bytes"))]);
        }
        let (tree, places) = Parser::new()
            .max_recursion_depth(DEPTH_LIMIT)
            .error_recovery_limit(4)
            .parse_with_source_info(source)
            .map_err(|errors| unparsed(source, &errors))?;
        let mut check = Check { source, places: &places, scope, bound: Vec::new(), mistakes: Vec::new() };
        let (term, kind) = check.term(&tree, 0);
        if check.mistakes.is_empty() && kind != Kind::Is(Type::Flag) {
            check.mistake(&tree, format!("expected a condition, which is true or false; this is a {}", kind.title()));
        }
        if check.mistakes.is_empty() { Ok(Self { source: source.to_owned(), term }) } else { Err(check.mistakes) }
    }

    /// The names that the expression uses, each once, in the order of their first use.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.term.names(&mut Vec::new(), &mut names);
        names
    }
}

impl Term {
    fn names<'t>(&'t self, bound: &mut Vec<&'t str>, found: &mut Vec<&'t str>) {
        match self {
            Self::Number(_) | Self::Seconds(_) | Self::Flag(_) | Self::Text(_) => {}
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

/// The type of a term while it is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Is(Type),
    Numbers,
    /// A mistake was already told; what stands around it is not to be blamed too.
    Unclear,
}

impl Kind {
    fn title(self) -> &'static str {
        match self {
            Self::Is(kind) => kind.title(),
            Self::Numbers => "list of numbers",
            Self::Unclear => "term with a mistake",
        }
    }

    fn may_be(self, other: Type) -> bool {
        self == Self::Unclear || self == Self::Is(other)
    }
}

struct Check<'c> {
    source: &'c str,
    places: &'c SourceInfo,
    scope: &'c dyn Scope,
    bound: Vec<String>,
    mistakes: Vec<Mistake>,
}

/// What stands in for a term that has a mistake; the expression is refused anyway.
const UNCLEAR: (Term, Kind) = (Term::Flag(false), Kind::Unclear);

impl Check<'_> {
    fn mistake(&mut self, at: &IdedExpr, message: String) -> (Term, Kind) {
        let (start, end) = self.extent(at);
        self.mistakes.push(Mistake { at: start, length: end.saturating_sub(start).max(1), message });
        UNCLEAR
    }

    /// The characters that a part of the expression covers. The parser places a
    /// selection at its dot and a call at its operator, so the parts are asked too.
    fn extent(&self, tree: &IdedExpr) -> (usize, usize) {
        let mut start = usize::MAX;
        let mut end = 0;
        let mut widen = |id: u64| {
            if let Some((from, to)) = self.places.offset_for(id) {
                start = start.min(from as usize);
                end = end.max(to as usize + 1);
            }
        };
        widen(tree.id);
        match &tree.expr {
            Expr::Select(select) => {
                let (from, to) = self.extent(&select.operand);
                let to = (to + 1 + select.field.chars().count()).max(end);
                return (from.min(start), to);
            }
            Expr::Call(call) => {
                for part in call.target.iter().map(AsRef::as_ref).chain(&call.args) {
                    let (from, to) = self.extent(part);
                    start = start.min(from);
                    end = end.max(to);
                }
            }
            Expr::Ident(name) => end = end.max(start.saturating_add(name.chars().count())),
            _ => {}
        }
        let length = self.source.chars().count();
        if start == usize::MAX { (0, length) } else { (start, end.min(length)) }
    }

    fn term(&mut self, tree: &IdedExpr, depth: u16) -> (Term, Kind) {
        if depth > DEPTH_LIMIT {
            return self.mistake(tree, format!("an expression nests at most {DEPTH_LIMIT} deep"));
        }
        match &tree.expr {
            Expr::Literal(literal) => self.literal(tree, literal),
            Expr::Ident(_) | Expr::Select(_) => self.name(tree),
            Expr::List(list) => self.list(tree, &list.elements, depth),
            Expr::Call(call) => self.call(tree, call, depth),
            Expr::Comprehension(each) => self.each(tree, each, depth),
            Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => {
                self.mistake(tree, "expected a value, a name or a comparison".to_owned())
            }
        }
    }

    fn literal(&mut self, tree: &IdedExpr, literal: &LiteralValue) -> (Term, Kind) {
        #[expect(clippy::cast_precision_loss, reason = "there is one kind of number; literals beyond 2^53 are refused")]
        let number = match literal {
            LiteralValue::Boolean(value) => return (Term::Flag(*value.inner()), Kind::Is(Type::Flag)),
            LiteralValue::String(value) => return (Term::Text(value.inner().to_owned()), Kind::Is(Type::Text)),
            LiteralValue::Int(value) => *value.inner() as f64,
            LiteralValue::UInt(value) => *value.inner() as f64,
            LiteralValue::Double(value) => *value.inner(),
            LiteralValue::Bytes(_) | LiteralValue::Null => {
                return self.mistake(tree, "expected a number, a text, true or false".to_owned());
            }
        };
        if !number.is_finite() || number.abs() >= 9_007_199_254_740_992.0 {
            return self.mistake(tree, "a number is beyond 2^53, up to which counting is exact".to_owned());
        }
        (Term::Number(number), Kind::Is(Type::Number))
    }

    fn name(&mut self, tree: &IdedExpr) -> (Term, Kind) {
        let Some(name) = dotted(tree) else {
            return self.mistake(tree, "expected the name of a measure, such as `tests.failed`".to_owned());
        };
        if self.bound.contains(&name) {
            return (Term::Name(name), Kind::Is(Type::Text));
        }
        if let Some(kind) = self.scope.type_of(&name) {
            return (Term::Name(name), Kind::Is(kind));
        }
        let hint = match suggestion(&name, self.scope) {
            Some(near) => format!("; did you mean `{near}`?"),
            None => String::new(),
        };
        self.mistake(tree, format!("there is no measure `{name}` here{hint}"))
    }

    fn list(&mut self, tree: &IdedExpr, elements: &[IdedExpr], depth: u16) -> (Term, Kind) {
        let mut terms = Vec::new();
        let mut whole = None;
        for element in elements {
            let (term, kind) = self.term(element, depth + 1);
            let of = match kind {
                Kind::Is(Type::Text) => Kind::Is(Type::Names),
                Kind::Is(Type::Number) => Kind::Numbers,
                Kind::Unclear => return UNCLEAR,
                other => {
                    return self.mistake(element, format!("a list holds texts or numbers, not a {}", other.title()));
                }
            };
            if *whole.get_or_insert(of) != of {
                return self.mistake(element, "a list holds texts or numbers, not both".to_owned());
            }
            terms.push(term);
        }
        match whole {
            Some(kind) => (Term::List(terms), kind),
            None => self.mistake(tree, "an empty list says nothing".to_owned()),
        }
    }

    fn call(&mut self, tree: &IdedExpr, call: &CallExpr, depth: u16) -> (Term, Kind) {
        let flag = Kind::Is(Type::Flag);
        match (call.func_name.as_str(), call.target.as_deref(), call.args.as_slice()) {
            (operators::LOGICAL_AND, None, [left, right]) => {
                let mut terms = Vec::new();
                self.joined(operators::LOGICAL_AND, left, depth, &mut terms);
                self.joined(operators::LOGICAL_AND, right, depth, &mut terms);
                (Term::And(terms), flag)
            }
            (operators::LOGICAL_OR, None, [left, right]) => {
                let mut terms = Vec::new();
                self.joined(operators::LOGICAL_OR, left, depth, &mut terms);
                self.joined(operators::LOGICAL_OR, right, depth, &mut terms);
                (Term::Or(terms), flag)
            }
            (operators::LOGICAL_NOT, None, [one]) => (Term::Not(Box::new(self.wanted(one, Type::Flag, depth))), flag),
            (operators::NEGATE, None, [one]) => {
                (Term::Negate(Box::new(self.wanted(one, Type::Number, depth))), Kind::Is(Type::Number))
            }
            (operators::CONDITIONAL, None, [condition, yes, no]) => {
                let condition = self.wanted(condition, Type::Flag, depth);
                let (yes, kind) = self.term(yes, depth + 1);
                let (otherwise, other) = self.term(no, depth + 1);
                if kind != other && kind != Kind::Unclear && other != Kind::Unclear {
                    return self
                        .mistake(no, format!("both answers of `?:` are of one type; this is a {}", other.title()));
                }
                (Term::If(Box::new(condition), Box::new(yes), Box::new(otherwise)), kind)
            }
            (operators::IN, None, [one, list]) => self.membership(one, list, depth),
            (name, None, [left, right]) if comparison(name).is_some() => {
                self.comparison(tree, name, left, right, depth)
            }
            (name, None, [left, right]) if operation(name).is_some() => self.calculation(name, left, right, depth),
            (operators::MODULO, ..) => {
                self.mistake(tree, "`%` is not available; divide and compare instead".to_owned())
            }
            (operators::INDEX, ..) => {
                self.mistake(tree, "entries have no position here; use `in`, `exists` or `all`".to_owned())
            }
            ("size", None, [one]) | ("size", Some(one), []) => {
                let (term, kind) = self.term(one, depth + 1);
                match kind {
                    Kind::Is(Type::Names | Type::Text) | Kind::Numbers => {
                        (Term::Size(Box::new(term)), Kind::Is(Type::Number))
                    }
                    Kind::Unclear => UNCLEAR,
                    other @ Kind::Is(_) => {
                        self.mistake(one, format!("`size` counts a list or a text, not a {}", other.title()))
                    }
                }
            }
            ("duration", None, [one]) => self.duration(one),
            ("startsWith", Some(text), [part]) => self.ask(Question::StartsWith, text, part, depth),
            ("endsWith", Some(text), [part]) => self.ask(Question::EndsWith, text, part, depth),
            ("contains", Some(text), [part]) => self.ask(Question::Contains, text, part, depth),
            (name @ ("least" | "greatest"), Some(target), numbers) if dotted(target).as_deref() == Some("math") => {
                let terms: Vec<_> = numbers.iter().map(|number| self.wanted(number, Type::Number, depth)).collect();
                if terms.is_empty() {
                    return self.mistake(tree, format!("`math.{name}` needs at least one number"));
                }
                let term = if name == "least" { Term::Least(terms) } else { Term::Greatest(terms) };
                (term, Kind::Is(Type::Number))
            }
            ("double" | "int" | "uint", None, [one]) => {
                let (term, kind) = self.term(one, depth + 1);
                if kind.may_be(Type::Number) {
                    (term, kind)
                } else {
                    self.mistake(one, format!("expected a number, this is a {}", kind.title()))
                }
            }
            (name, ..) => {
                let known = [
                    "size",
                    "duration",
                    "startsWith",
                    "endsWith",
                    "contains",
                    "exists",
                    "all",
                    "math.least",
                    "math.greatest",
                ];
                let hint = nearest(name, &known).map_or_else(
                    || format!("; there are {}", known.map(|name| format!("`{name}`")).join(", ")),
                    |near| format!("; did you mean `{near}`?"),
                );
                self.mistake(tree, format!("there is no function `{name}`{hint}"))
            }
        }
    }

    /// The parts of `a && b && c` as one list, so that each can be explained alone.
    fn joined(&mut self, operator: &str, tree: &IdedExpr, depth: u16, into: &mut Vec<Term>) {
        match &tree.expr {
            Expr::Call(call) if call.func_name == operator && call.args.len() == 2 && depth < DEPTH_LIMIT => {
                for part in &call.args {
                    self.joined(operator, part, depth + 1, into);
                }
            }
            _ => {
                let term = self.wanted(tree, Type::Flag, depth);
                into.push(term);
            }
        }
    }

    fn wanted(&mut self, tree: &IdedExpr, wanted: Type, depth: u16) -> Term {
        let (term, kind) = self.term(tree, depth + 1);
        if kind.may_be(wanted) {
            term
        } else {
            self.mistake(tree, format!("expected a {}, this is a {}", wanted.title(), kind.title())).0
        }
    }

    fn membership(&mut self, one: &IdedExpr, list: &IdedExpr, depth: u16) -> (Term, Kind) {
        let (needle, kind) = self.term(one, depth + 1);
        let (hay, of) = self.term(list, depth + 1);
        match (kind, of) {
            (Kind::Unclear, _) | (_, Kind::Unclear) => UNCLEAR,
            (Kind::Is(Type::Text), Kind::Is(Type::Names)) | (Kind::Is(Type::Number), Kind::Numbers) => {
                (Term::In(Box::new(needle), Box::new(hay)), Kind::Is(Type::Flag))
            }
            (kind, of) => self.mistake(
                list,
                format!("`in` asks for an entry of a list; this is a {} in a {}", kind.title(), of.title()),
            ),
        }
    }

    fn comparison(
        &mut self,
        tree: &IdedExpr,
        name: &str,
        left: &IdedExpr,
        right: &IdedExpr,
        depth: u16,
    ) -> (Term, Kind) {
        let Some(how) = comparison(name) else { return UNCLEAR };
        let (a, one) = self.term(left, depth + 1);
        let (b, other) = self.term(right, depth + 1);
        if one == Kind::Unclear || other == Kind::Unclear {
            return UNCLEAR;
        }
        if one != other {
            let hint = match (one, other) {
                (Kind::Is(Type::Duration), _) | (_, Kind::Is(Type::Duration)) => {
                    "; write a length of time as `duration('4h')`"
                }
                _ => "",
            };
            return self.mistake(tree, format!("a {} is compared with a {}{hint}", one.title(), other.title()));
        }
        let ordered = !matches!(how, Comparison::Equal | Comparison::NotEqual);
        match one {
            Kind::Is(Type::Number | Type::Duration) => {}
            Kind::Is(Type::Flag | Type::Text) if !ordered => {}
            _ => return self.mistake(tree, format!("a {} cannot be compared this way", one.title())),
        }
        (Term::Compare(how, Box::new(a), Box::new(b)), Kind::Is(Type::Flag))
    }

    fn calculation(&mut self, name: &str, left: &IdedExpr, right: &IdedExpr, depth: u16) -> (Term, Kind) {
        let Some(how) = operation(name) else { return UNCLEAR };
        let (a, one) = self.term(left, depth + 1);
        let (b, other) = self.term(right, depth + 1);
        let (number, duration) = (Kind::Is(Type::Number), Kind::Is(Type::Duration));
        let kind = match (how, one, other) {
            (_, Kind::Unclear, _) | (_, _, Kind::Unclear) => return UNCLEAR,
            (_, one, other) if one == number && other == number => number,
            (Operation::Add | Operation::Subtract, one, other) if one == duration && other == duration => duration,
            (Operation::Multiply | Operation::Divide, one, other) if one == duration && other == number => duration,
            (Operation::Multiply, one, other) if one == number && other == duration => duration,
            (Operation::Divide, one, other) if one == duration && other == duration => number,
            (_, one, other) => {
                let blamed = if one == number || one == duration { right } else { left };
                return self.mistake(
                    blamed,
                    format!("a {} and a {} cannot be put together this way", one.title(), other.title()),
                );
            }
        };
        (Term::Calculate(how, Box::new(a), Box::new(b)), kind)
    }

    fn ask(&mut self, question: Question, text: &IdedExpr, part: &IdedExpr, depth: u16) -> (Term, Kind) {
        let text = self.wanted(text, Type::Text, depth);
        let part = self.wanted(part, Type::Text, depth);
        (Term::Ask(question, Box::new(text), Box::new(part)), Kind::Is(Type::Flag))
    }

    fn duration(&mut self, one: &IdedExpr) -> (Term, Kind) {
        let Expr::Literal(LiteralValue::String(text)) = &one.expr else {
            return self.mistake(one, "expected a length of time in quotes, such as `duration('4h')`".to_owned());
        };
        match super::duration::seconds(text.inner()) {
            Some(seconds) => (Term::Seconds(seconds), Kind::Is(Type::Duration)),
            None => self.mistake(
                one,
                format!("`{}` is no length of time; write one such as '90s', '15min', '4h', '2d'", text.inner()),
            ),
        }
    }

    fn each(&mut self, tree: &IdedExpr, each: &ComprehensionExpr, depth: u16) -> (Term, Kind) {
        // The parser writes `exists` and `all` out; they are told by the value they begin with.
        let every = match (&each.accu_init.expr, &each.loop_step.expr, &each.iter_var2) {
            (Expr::Literal(LiteralValue::Boolean(start)), Expr::Call(step), None)
                if step.func_name == operators::LOGICAL_OR && !*start.inner() =>
            {
                Some((false, step))
            }
            (Expr::Literal(LiteralValue::Boolean(start)), Expr::Call(step), None)
                if step.func_name == operators::LOGICAL_AND && *start.inner() =>
            {
                Some((true, step))
            }
            _ => None,
        };
        let Some((every, step)) = every else {
            return self.mistake(tree, "of the loops over a list only `exists` and `all` are available".to_owned());
        };
        if !self.bound.is_empty() {
            return self.mistake(tree, "a loop within a loop is not available".to_owned());
        }
        let list = self.wanted(&each.iter_range, Type::Names, depth);
        let Some(condition) = step.args.last() else { return UNCLEAR };
        self.bound.push(each.iter_var.clone());
        let condition = self.wanted(condition, Type::Flag, depth);
        self.bound.pop();
        let term =
            Term::Loop { every, list: Box::new(list), name: each.iter_var.clone(), condition: Box::new(condition) };
        (term, Kind::Is(Type::Flag))
    }
}

fn comparison(operator: &str) -> Option<Comparison> {
    Some(match operator {
        operators::EQUALS => Comparison::Equal,
        operators::NOT_EQUALS => Comparison::NotEqual,
        operators::LESS => Comparison::Less,
        operators::LESS_EQUALS => Comparison::AtMost,
        operators::GREATER => Comparison::Greater,
        operators::GREATER_EQUALS => Comparison::AtLeast,
        _ => return None,
    })
}

fn operation(operator: &str) -> Option<Operation> {
    Some(match operator {
        operators::ADD => Operation::Add,
        operators::SUBSTRACT => Operation::Subtract,
        operators::MULTIPLY => Operation::Multiply,
        operators::DIVIDE => Operation::Divide,
        _ => return None,
    })
}

/// `a.b.c` as one name.
fn dotted(tree: &IdedExpr) -> Option<String> {
    match &tree.expr {
        Expr::Ident(name) => Some(name.clone()),
        Expr::Select(select) if !select.test => Some(format!("{}.{}", dotted(&select.operand)?, select.field)),
        _ => None,
    }
}

/// The name that is meant most likely, if any is near enough to be a slip.
#[must_use]
pub fn nearest<'n>(name: &str, names: &[&'n str]) -> Option<&'n str> {
    let (distance, near) = names.iter().map(|known| (distance(name, known), *known)).min_by_key(|(far, _)| *far)?;
    (distance <= 1 + name.chars().count() / 4).then_some(near)
}

/// How many single-character edits, neighbours swapped included, lie between two names.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(80).collect(), b.chars().take(80).collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let at = |back: usize, column: usize| {
                rows.get(rows.len() - back).and_then(|row| row.get(column)).copied().unwrap_or(usize::MAX / 2)
            };
            let mut best = (at(1, j + 1) + 1).min(row.get(j).copied().unwrap_or(usize::MAX / 2) + 1);
            best = best.min(at(1, j) + usize::from(x != y));
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            if swapped {
                best = best.min(at(2, j - 1) + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows.last().and_then(|row| row.last()).copied().unwrap_or(usize::MAX)
}

fn unparsed(source: &str, errors: &cel::ParseErrors) -> Vec<Mistake> {
    let mistake = |error: &cel::ParseError| {
        let (line, column) = error.pos;
        let before: usize = source
            .split_inclusive('\n')
            .take(usize::try_from(line - 1).unwrap_or_default())
            .map(|line| line.chars().count())
            .sum();
        let at = before + usize::try_from(column - 1).unwrap_or_default();
        let text = error.msg.lines().next().unwrap_or_default();
        let text = text.strip_prefix("Syntax error: ").unwrap_or(text);
        // The parser lists every token that it would have taken, which helps nobody.
        let text = match text.split_once(" expecting ") {
            Some((found, _)) if found.contains("'<EOF>'") => "it ends too early".to_owned(),
            Some((found, _)) => {
                found.replace("mismatched input", "unexpected").replace("extraneous input", "unexpected")
            }
            None => text.strip_prefix("token recognition error at: '").map_or_else(|| text.to_owned(), unread),
        };
        Mistake { at, length: 1, message: format!("not an expression: {text}") }
    };
    // One slip makes the parser stumble several times; the first is the one to mend.
    errors
        .errors
        .first()
        .map_or_else(|| vec![Mistake::whole(source, "not an expression")], |error| vec![mistake(error)])
}

/// The name that was probably meant. What a baseline measured has the measure's
/// name without its first word.
fn suggestion(name: &str, scope: &dyn Scope) -> Option<String> {
    let names = scope.names();
    if !name.starts_with("baseline.") {
        return nearest(name, &names).map(str::to_owned);
    }
    let known = names.iter().filter_map(|known| Some(format!("baseline.{}", known.split_once('.')?.1)));
    let known: Vec<String> = known.filter(|known| scope.type_of(known).is_some()).collect();
    nearest(name, &known.iter().map(String::as_str).collect::<Vec<_>>()).map(str::to_owned)
}

/// What to say of characters that are no part of the language.
fn unread(text: &str) -> String {
    let found = text.trim_end_matches('\'').trim_end();
    let hint = match found.chars().next() {
        Some('=') => "; to compare, write `==`",
        Some('&') => "; for `and`, write `&&`",
        Some('|') => "; for `or`, write `||`",
        _ => "",
    };
    format!("`{found}` means nothing here{hint}")
}
