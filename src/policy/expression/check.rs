//! Checks an expression's names and types, and makes the tree that is evaluated.

use super::clash::Said;
use super::parse::{Node, Syntax, parse};
use super::slips::{meant, nearest, suggestion};
use super::{Arguments, Comparison, DEPTH_LIMIT, Mistake, Operation, Parameters, Question, Scope, Term};
use crate::model::catalogue::Type;

/// Parses and checks an expression that must say yes or no.
pub(super) fn condition(source: &str, scope: &dyn Scope) -> Result<Term, Vec<Mistake>> {
    whole(source, scope, Type::Flag, "a condition, which is true or false")
}

/// Parses and checks an expression that must come to a number.
pub(super) fn number(source: &str, scope: &dyn Scope) -> Result<Term, Vec<Mistake>> {
    whole(source, scope, Type::Number, "a number")
}

fn whole(source: &str, scope: &dyn Scope, wanted: Type, title: &str) -> Result<Term, Vec<Mistake>> {
    let tree = parse(source).map_err(|mistake| vec![percent(source).unwrap_or(mistake)])?;
    let mut check = Check { source, scope, bound: None, looped: None, mistakes: Vec::new() };
    let (term, kind) = check.term(&tree, 0);
    if check.mistakes.is_empty() && kind != Kind::Is(wanted) {
        check.mistake(&tree, format!("expected {title}; this is a {}", kind.title()));
    }
    if check.mistakes.is_empty() { Ok(term) } else { Err(check.mistakes) }
}

/// The first number with a percent sign outside of quotes, which reads as the beginning of a remainder.
fn percent(source: &str) -> Option<Mistake> {
    let characters: Vec<char> = source.chars().collect();
    let mut quote = None;
    for (at, character) in characters.iter().enumerate() {
        match (quote, character) {
            (None, '\'' | '"') => quote = Some(*character),
            (Some(open), character) if open == *character => quote = None,
            (None, '%') => {
                let before = characters.get(..at)?;
                let digits = before.iter().rev().take_while(|c| c.is_ascii_digit() || **c == '.').count();
                let written: String = before.get(at - digits..)?.iter().collect();
                let Ok(number) = written.parse::<f64>() else { continue };
                let message = format!("a share is written `{}`, not `{written}%`", share(number));
                return Some(Mistake { at: at - digits, length: digits + 1, message });
            }
            _ => {}
        }
    }
    None
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
    scope: &'c dyn Scope,
    /// The name that a loop gives a value.
    bound: Option<&'c str>,
    /// The name of the list whose entries those are.
    looped: Option<String>,
    mistakes: Vec<Mistake>,
}

/// What stands in for a term that has a mistake; the expression is refused anyway.
const UNCLEAR: (Term, Kind) = (Term::Flag(false), Kind::Unclear);

impl<'c> Check<'c> {
    fn mistake(&mut self, at: &Syntax, message: String) -> (Term, Kind) {
        self.mistakes.push(Mistake { at: at.from, length: at.to.saturating_sub(at.from).max(1), message });
        UNCLEAR
    }

    fn term(&mut self, tree: &'c Syntax, depth: u16) -> (Term, Kind) {
        if depth > DEPTH_LIMIT {
            return self.mistake(tree, format!("an expression nests at most {DEPTH_LIMIT} deep"));
        }
        let flag = Kind::Is(Type::Flag);
        match &tree.node {
            Node::Number(number) => self.number(tree, *number),
            Node::Text(text) => (Term::Text(text.clone()), Kind::Is(Type::Text)),
            Node::Flag(value) => (Term::Flag(*value), flag),
            Node::Odd => self.mistake(tree, "expected a number, a text, true or false".to_owned()),
            Node::Name(name) => self.name(tree, name),
            Node::Member => self.mistake(tree, "only names have parts, as in `a.b`".to_owned()),
            Node::Index => self.mistake(tree, "entries have no position here; use `in`, `exists` or `all`".to_owned()),
            Node::List(elements) => self.list(tree, elements, depth),
            Node::Call { name, target, arguments } => self.call(tree, name, target.as_deref(), arguments, depth),
            Node::Not(one) => (Term::Not(Box::new(self.wanted(one, Type::Flag, depth))), flag),
            Node::Negate(one) => {
                let term = match self.wanted(one, Type::Number, depth) {
                    Term::Number(number) => Term::Number(-number),
                    term => Term::Negate(Box::new(term)),
                };
                (term, Kind::Is(Type::Number))
            }
            Node::Chain(sign, parts) => {
                let before = self.mistakes.len();
                let terms: Vec<Term> = parts.iter().map(|part| self.wanted(part, Type::Flag, depth)).collect();
                if *sign == "||" {
                    return (Term::Or(terms), flag);
                }
                // A part that has a mistake of its own is not to be blamed for another.
                if before == self.mistakes.len() {
                    self.together(parts, &terms);
                }
                (Term::And(terms), flag)
            }
            Node::Pair("in", one, list) => self.membership(one, list, depth),
            Node::Pair("%", ..) => self.mistake(tree, "`%` is not available; divide and compare instead".to_owned()),
            Node::Pair(sign, left, right) => match (comparison(sign), operation(sign)) {
                (Some(how), _) => self.comparison(tree, how, left, right, depth),
                (_, Some(how)) => self.calculation(how, left, right, depth),
                _ => self.mistake(tree, format!("`{sign}` is not available")),
            },
            Node::If(condition, yes, no) => {
                let condition = self.wanted(condition, Type::Flag, depth);
                let (yes, kind) = self.term(yes, depth + 1);
                let (otherwise, other) = self.term(no, depth + 1);
                if kind != other && kind != Kind::Unclear && other != Kind::Unclear {
                    return self
                        .mistake(no, format!("both answers of `?:` are of one type; this is a {}", other.title()));
                }
                (Term::If(Box::new(condition), Box::new(yes), Box::new(otherwise)), kind)
            }
        }
    }

    fn number(&mut self, tree: &Syntax, number: f64) -> (Term, Kind) {
        if !number.is_finite() || number.abs() >= 9_007_199_254_740_992.0 {
            return self.mistake(tree, "a number is beyond 2^53, up to which counting is exact".to_owned());
        }
        (Term::Number(number), Kind::Is(Type::Number))
    }

    fn name(&mut self, tree: &Syntax, name: &str) -> (Term, Kind) {
        if self.bound == Some(name) {
            return (Term::Name(name.to_owned()), Kind::Is(Type::Text));
        }
        if let Some(kind) = self.scope.type_of(name) {
            return (Term::Name(name.to_owned()), Kind::Is(kind));
        }
        let hint = match suggestion(name, self.scope) {
            Some(near) => format!("; did you mean `{near}`?"),
            None => self.scope.elsewhere(name).map(|elsewhere| format!("; {elsewhere}")).unwrap_or_default(),
        };
        self.mistake(tree, format!("there is no {} `{name}` here{hint}", self.scope.noun()))
    }

    fn list(&mut self, tree: &'c Syntax, elements: &'c [Syntax], depth: u16) -> (Term, Kind) {
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

    fn call(
        &mut self,
        tree: &'c Syntax,
        name: &'c str,
        target: Option<&'c Syntax>,
        arguments: &'c [Syntax],
        depth: u16,
    ) -> (Term, Kind) {
        // What the scope has goes by one name, as in `change.only(…)`.
        let full = match target.map(|target| &target.node) {
            None => Some(name.to_owned()),
            Some(Node::Name(before)) => Some(format!("{before}.{name}")),
            Some(_) => None,
        };
        if let Some(full) = &full
            && let Some(parameters) = self.scope.function(full)
        {
            return self.predicate(tree, full, parameters, arguments);
        }
        match (name, target, arguments) {
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
            ("least" | "greatest", Some(_), numbers) if full.as_deref() == Some(&format!("math.{name}")) => {
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
            ("exists" | "all", Some(list), [variable, condition]) => {
                self.each(tree, name == "all", list, variable, condition, depth)
            }
            ("exists" | "all", Some(_), _) => {
                self.mistake(tree, format!("`{name}` takes a name and a condition: `{name}(entry, entry == 'a')`"))
            }
            ("exists_one" | "map" | "filter", Some(_), _) => {
                self.mistake(tree, "of the loops over a list only `exists` and `all` are available".to_owned())
            }
            ("has", None, _) => self.mistake(
                tree,
                "`has` is not available: what has no value is unknown, and so is the answer that depends on it"
                    .to_owned(),
            ),
            _ => self.unknown_function(tree, name, full.as_deref()),
        }
    }

    fn unknown_function(&mut self, tree: &Syntax, name: &str, full: Option<&str>) -> (Term, Kind) {
        let own =
            ["size", "duration", "startsWith", "endsWith", "contains", "exists", "all", "math.least", "math.greatest"];
        let all = [own.as_slice(), &self.scope.functions()].concat();
        // A function of a text or a list is one whatever stands before it.
        let (name, near) = match full.and_then(|full| Some((full, nearest(full, &all)?))) {
            Some((full, near)) => (full, Some(near)),
            None => (name, nearest(name, &own)),
        };
        let hint = match near {
            Some(near) => format!("; did you mean `{near}`?"),
            None => format!("; there are {}", quoted(&all)),
        };
        self.mistake(tree, format!("there is no function `{name}`{hint}"))
    }

    /// A question that whoever gives the names their values answers as a whole.
    fn predicate(&mut self, tree: &Syntax, name: &str, parameters: Parameters, arguments: &[Syntax]) -> (Term, Kind) {
        let term = |arguments| (Term::Predicate { name: name.to_owned(), arguments }, Kind::Is(Type::Flag));
        match parameters {
            Parameters::Globs => {
                let takes = format!("`{name}` takes globs in quotes, as in `{name}('docs/**', '*.md')`");
                let mut texts = Vec::new();
                for argument in arguments {
                    match &argument.node {
                        Node::Text(text) => texts.push(text.clone()),
                        _ => return self.mistake(argument, takes),
                    }
                }
                if texts.is_empty() {
                    return self.mistake(tree, takes);
                }
                match Arguments::globs(texts) {
                    Ok(globs) => term(globs),
                    Err((at, message)) => self.mistake(arguments.get(at).unwrap_or(tree), message),
                }
            }
            Parameters::Name(known) => {
                let takes = format!("`{name}` takes one of {}", quoted(known));
                match arguments {
                    [Syntax { node: Node::Name(given), .. }] if known.contains(&given.as_str()) => {
                        term(Arguments::name(given))
                    }
                    [argument @ Syntax { node: Node::Name(given) | Node::Text(given), .. }] => {
                        let near = nearest(given, known).map(|near| format!("; did you mean `{near}`?"));
                        self.mistake(argument, format!("{takes}{}", near.unwrap_or_default()))
                    }
                    [argument] => self.mistake(argument, takes),
                    _ => self.mistake(tree, takes),
                }
            }
        }
    }

    fn wanted(&mut self, tree: &'c Syntax, wanted: Type, depth: u16) -> Term {
        let (term, kind) = self.term(tree, depth + 1);
        if kind.may_be(wanted) {
            term
        } else {
            self.mistake(tree, format!("expected a {}, this is a {}", wanted.title(), kind.title())).0
        }
    }

    fn membership(&mut self, one: &'c Syntax, list: &'c Syntax, depth: u16) -> (Term, Kind) {
        let (needle, kind) = self.term(one, depth + 1);
        let (hay, of) = self.term(list, depth + 1);
        match (kind, of) {
            (Kind::Unclear, _) | (_, Kind::Unclear) => UNCLEAR,
            (Kind::Is(Type::Text), Kind::Is(Type::Names)) | (Kind::Is(Type::Number), Kind::Numbers) => {
                self.possible(&hay, one);
                if let Node::List(elements) = &list.node {
                    for element in elements {
                        self.possible(&needle, element);
                    }
                }
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
        tree: &Syntax,
        how: Comparison,
        left: &'c Syntax,
        right: &'c Syntax,
        depth: u16,
    ) -> (Term, Kind) {
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
        for (name, stated) in [(&a, right), (&b, left)] {
            self.possible(name, stated);
            self.share(name, stated);
        }
        (Term::Compare(how, Box::new(a), Box::new(b)), Kind::Is(Type::Flag))
    }

    /// Refuses a text that a name never is.
    fn possible(&mut self, name: &Term, stated: &Syntax) {
        let (Term::Name(name), Node::Text(text)) = (name, &stated.node) else { return };
        let bound = self.bound == Some(name.as_str());
        let list = self.looped.as_deref().filter(|_| bound);
        let scope = self.scope;
        let Some(asked) = list.or((!bound).then_some(name.as_str())) else { return };
        if let Some(written) = scope.spelling(asked, text).filter(|written| written != text) {
            self.mistake(stated, format!("`{asked}` never holds `{text}`: it is written `{written}` there"));
            return;
        }
        let Some(known) = scope.values(asked) else { return };
        if known.contains(&text.as_str()) {
            return;
        }
        let verb = if !bound && scope.type_of(name) == Some(Type::Names) { "holds" } else { "is" };
        let hint = meant(text, &known).map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        self.mistake(stated, format!("`{name}` {verb} {}, never `{text}`{hint}", one_of(&known)));
    }

    /// Refuses the first of several conditions that can never hold together with those before it.
    fn together(&mut self, parts: &[Syntax], terms: &[Term]) {
        let scope = self.scope;
        let (bound, looped) = (self.bound, self.looped.clone());
        let values = |name: &str| match (bound == Some(name), &looped) {
            (true, Some(list)) => scope.values(list),
            (true, None) => None,
            // A list of names is no text.
            (false, _) => scope.values(name).filter(|_| scope.type_of(name) == Some(Type::Text)),
        };
        let mut all = Said::default();
        for (at, (part, term)) in parts.iter().zip(terms).enumerate() {
            all.add(term, true, &values);
            if !all.clashes() {
                continue;
            }
            // The one condition that it clashes with, where one is enough.
            let with = parts.iter().zip(terms).take(at).find(|(_, other)| {
                let mut two = Said::default();
                two.add(other, true, &values);
                two.add(term, true, &values);
                two.clashes()
            });
            let with = match with {
                Some((other, _)) => format!("`{}`", self.written(other)),
                None if at == 0 => "itself".to_owned(),
                None => "all that stands before it".to_owned(),
            };
            let message = format!(
                "`{}` never holds together with {with}; write `||` where either is meant, or mend one of them",
                self.written(part)
            );
            self.mistake(part, message);
            return;
        }
    }

    /// A part as the policy writes it.
    fn written(&self, part: &Syntax) -> String {
        self.source.chars().skip(part.from).take(part.to.saturating_sub(part.from)).collect()
    }

    /// Refuses percent where a share is meant.
    fn share(&mut self, name: &Term, stated: &Syntax) {
        let (Term::Name(name), Node::Number(number)) = (name, &stated.node) else { return };
        if !self.scope.is_share(name) || *number <= 1.0 {
            return;
        }
        let hint = if *number <= 100.0 { format!(": `{}`", share(*number)) } else { String::new() };
        self.mistake(stated, format!("`{name}` is a share, and a share goes from 0 to 1{hint}"));
    }

    fn calculation(&mut self, how: Operation, left: &'c Syntax, right: &'c Syntax, depth: u16) -> (Term, Kind) {
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

    fn ask(&mut self, question: Question, text: &'c Syntax, part: &'c Syntax, depth: u16) -> (Term, Kind) {
        let text = self.wanted(text, Type::Text, depth);
        let part = self.wanted(part, Type::Text, depth);
        (Term::Ask(question, Box::new(text), Box::new(part)), Kind::Is(Type::Flag))
    }

    fn duration(&mut self, one: &Syntax) -> (Term, Kind) {
        let Node::Text(text) = &one.node else {
            return self.mistake(one, "expected a length of time in quotes, such as `duration('4h')`".to_owned());
        };
        match crate::policy::duration::seconds(text) {
            Some(seconds) => (Term::Seconds(seconds), Kind::Is(Type::Duration)),
            None => self
                .mistake(one, format!("`{text}` is no length of time; write one such as '90s', '15min', '4h', '2d'")),
        }
    }

    fn each(
        &mut self,
        tree: &Syntax,
        every: bool,
        list: &'c Syntax,
        variable: &'c Syntax,
        condition: &'c Syntax,
        depth: u16,
    ) -> (Term, Kind) {
        let name = match &variable.node {
            Node::Name(name) if !name.contains('.') => name,
            _ => return self.mistake(variable, "expected a name for an entry, a word of its own".to_owned()),
        };
        if self.bound.is_some() {
            return self.mistake(tree, "a loop within a loop is not available".to_owned());
        }
        let list = self.wanted(list, Type::Names, depth);
        self.bound = Some(name);
        self.looped = if let Term::Name(list) = &list { Some(list.clone()) } else { None };
        let condition = self.wanted(condition, Type::Flag, depth);
        (self.bound, self.looped) = (None, None);
        let term = Term::Loop { every, list: Box::new(list), name: name.clone(), condition: Box::new(condition) };
        (term, Kind::Is(Type::Flag))
    }
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// A few texts as a sentence names them; of many, how many they are.
fn one_of(texts: &[&str]) -> String {
    match texts {
        [one] => format!("`{one}`"),
        [before @ .., last] if before.len() < 8 => format!("{} or `{last}`", quoted(before)),
        _ => format!("one of {} names", texts.len()),
    }
}

/// Percent as the share that is meant.
fn share(percent: f64) -> String {
    let text = format!("{:.4}", percent / 100.0);
    let short = text.trim_end_matches('0');
    // Two digits are what people write of a share.
    text.get(..short.len().max(4)).unwrap_or(short).to_owned()
}

fn comparison(sign: &str) -> Option<Comparison> {
    Some(match sign {
        "==" => Comparison::Equal,
        "!=" => Comparison::NotEqual,
        "<" => Comparison::Less,
        "<=" => Comparison::AtMost,
        ">" => Comparison::Greater,
        ">=" => Comparison::AtLeast,
        _ => return None,
    })
}

fn operation(sign: &str) -> Option<Operation> {
    Some(match sign {
        "+" => Operation::Add,
        "-" => Operation::Subtract,
        "*" => Operation::Multiply,
        "/" => Operation::Divide,
        _ => return None,
    })
}
