//! Checks an expression's names and types, and makes the tree that is evaluated.

use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, IdedExpr, LiteralValue, SourceInfo, operators};
use cel::parser::Parser;

use super::slips::{nearest, suggestion, unparsed};
use super::{Comparison, DEPTH_LIMIT, Mistake, Operation, Question, Scope, Term};
use crate::model::catalogue::Type;

/// Parses and checks an expression that must say yes or no.
pub(super) fn condition(source: &str, scope: &dyn Scope) -> Result<Term, Vec<Mistake>> {
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
    if check.mistakes.is_empty() { Ok(term) } else { Err(check.mistakes) }
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
        match crate::policy::duration::seconds(text.inner()) {
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
