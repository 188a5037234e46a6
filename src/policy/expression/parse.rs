//! The grammar of expressions: that of the Common Expression Language
//! (<https://github.com/google/cel-spec/blob/master/doc/langdef.md>), without
//! maps and messages. What it takes and has no meaning here, such as `%` or an
//! index, is refused by the check, which knows what to say instead.
//!
//! From the loosest to the tightest: `?:`, `||`, `&&`, relations and `in`, `+`
//! and `-`, `*` and `/` and `%`, `!` and `-` before a term, members and calls.

use super::tokens::{Token, Tokens, What};
use super::{DEPTH_LIMIT, Mistake};

/// A part of an expression, and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Syntax {
    pub(super) node: Node,
    /// The character at which it begins, counted from 0.
    pub(super) from: usize,
    /// The character after its last.
    pub(super) to: usize,
}

/// What a part of an expression is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    /// A number; infinite where it is too large to be told.
    Number(f64),
    Text(String),
    Flag(bool),
    /// `null` or bytes.
    Odd,
    /// `a.b.c`
    Name(String),
    /// A member of what is no name: `f().a`
    Member,
    /// `a[b]`
    Index,
    List(Vec<Syntax>),
    /// `f(a, b)`, or of a target, `a.f(b)`
    Call {
        name: String,
        target: Option<Box<Syntax>>,
        arguments: Vec<Syntax>,
    },
    Not(Box<Syntax>),
    Negate(Box<Syntax>),
    /// Two parts with a sign between them.
    Pair(&'static str, Box<Syntax>, Box<Syntax>),
    /// `a && b && …` or `a || b || …`, however it is bracketed: by its sign.
    Chain(&'static str, Vec<Syntax>),
    /// `a ? b : c`
    If(Box<Syntax>, Box<Syntax>, Box<Syntax>),
}

/// Words that the language keeps for the languages around it.
const RESERVED: [&str; 17] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "namespace",
    "package",
    "return",
    "var",
    "void",
    "while",
];

/// Signs between two parts, the loosest first; those of one level join from the left.
const LEVELS: [&[&str]; 5] =
    [&["||"], &["&&"], &["<", "<=", ">", ">=", "==", "!=", "in"], &["+", "-"], &["*", "/", "%"]];

/// Reads an expression.
pub(super) fn parse(source: &str) -> Result<Syntax, Mistake> {
    let characters: Vec<char> = source.chars().collect();
    let mut tokens = Tokens::new(&characters);
    let next = tokens.next();
    let mut parser = Parser { tokens, next, end: 0, after_number: false, depth: 0 };
    let whole = parser.expression()?;
    if parser.next.what == What::End { Ok(whole) } else { Err(parser.unexpected()) }
}

struct Parser<'c> {
    tokens: Tokens<'c>,
    next: Token,
    /// Where the last token that was taken ends, and whether it was a number.
    end: usize,
    after_number: bool,
    depth: u16,
}

impl Parser<'_> {
    fn advance(&mut self) -> What {
        let next = self.tokens.next();
        let taken = std::mem::replace(&mut self.next, next);
        self.end = taken.to;
        self.after_number = matches!(taken.what, What::Number(_));
        taken.what
    }

    fn take(&mut self, sign: &str) -> bool {
        let found = matches!(self.next.what, What::Sign(next) if next == sign);
        if found {
            self.advance();
        }
        found
    }

    fn expect(&mut self, sign: &str) -> Result<(), Mistake> {
        if self.take(sign) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn mistake(&self, message: impl Into<String>) -> Mistake {
        let Token { from, to, .. } = self.next;
        Mistake { at: from, length: to.saturating_sub(from).max(1), message: message.into() }
    }

    /// That the next token does not fit.
    fn unexpected(&self) -> Mistake {
        let written = self.tokens.between(self.next.from, self.next.to);
        let hint = match &self.next.what {
            What::End => return self.mistake("not an expression: it ends too early"),
            What::Bad(why) => return self.mistake(format!("not an expression: {why}")),
            What::Sign(">")
                if self.next.from == self.end && self.tokens.between(self.end.saturating_sub(1), self.end) == "<" =>
            {
                "; for `is not`, write `!=`"
            }
            What::Word(word) if word.starts_with('_') && self.after_number && self.next.from == self.end => {
                "; write a number without `_`"
            }
            What::Word(_) if self.after_number && self.next.from == self.end => {
                "; write a length of time as `duration('4h')`"
            }
            What::Word(word) if word == "and" => "; for `and`, write `&&`",
            What::Word(word) if word == "or" => "; for `or`, write `||`",
            _ => "",
        };
        self.mistake(format!("not an expression: unexpected `{written}`{hint}"))
    }

    /// Everything that nests comes through here.
    fn expression(&mut self) -> Result<Syntax, Mistake> {
        self.depth += 1;
        if self.depth > DEPTH_LIMIT {
            return Err(self.mistake(format!("an expression nests at most {DEPTH_LIMIT} deep")));
        }
        let mut whole = self.pairs(&LEVELS)?;
        if self.take("?") {
            let yes = self.pairs(&LEVELS)?;
            self.expect(":")?;
            let no = self.expression()?;
            let (from, to) = (whole.from, no.to);
            whole = Syntax { node: Node::If(Box::new(whole), Box::new(yes), Box::new(no)), from, to };
        }
        self.depth -= 1;
        Ok(whole)
    }

    fn pairs(&mut self, levels: &[&[&str]]) -> Result<Syntax, Mistake> {
        let Some((signs, tighter)) = levels.split_first() else { return self.signed() };
        let mut left = self.pairs(tighter)?;
        while let What::Sign(sign) = self.next.what
            && signs.contains(&sign)
        {
            self.advance();
            let right = self.pairs(tighter)?;
            let (from, to) = (left.from, right.to);
            let node = match sign {
                "&&" | "||" => Node::Chain(sign, chain(sign, [left, right])),
                _ => Node::Pair(sign, Box::new(left), Box::new(right)),
            };
            left = Syntax { node, from, to };
        }
        Ok(left)
    }

    /// A term with `!` or with `-` before it, any number of one of them.
    fn signed(&mut self) -> Result<Syntax, Mistake> {
        let from = self.next.from;
        let What::Sign(sign @ ("!" | "-")) = self.next.what else { return self.member() };
        let mut odd = false;
        while self.take(sign) {
            odd = !odd;
        }
        let term = self.member()?;
        let to = term.to;
        let node = match term.node {
            node if !odd => node,
            node if sign == "-" => Node::Negate(Box::new(Syntax { node, ..term })),
            node => Node::Not(Box::new(Syntax { node, ..term })),
        };
        Ok(Syntax { node, from, to })
    }

    fn member(&mut self) -> Result<Syntax, Mistake> {
        let mut whole = self.primary()?;
        loop {
            let from = whole.from;
            let node = if self.take(".") {
                let name = self.word()?;
                if self.take("(") {
                    Node::Call { name, target: Some(Box::new(whole)), arguments: self.arguments()? }
                } else if let Node::Name(before) = whole.node {
                    Node::Name(format!("{before}.{name}"))
                } else {
                    Node::Member
                }
            } else if self.take("[") {
                self.expression()?;
                self.expect("]")?;
                Node::Index
            } else {
                return Ok(whole);
            };
            whole = Syntax { node, from, to: self.end };
        }
    }

    fn word(&mut self) -> Result<String, Mistake> {
        if !matches!(self.next.what, What::Word(_)) {
            return Err(self.unexpected());
        }
        match self.advance() {
            What::Word(word) => Ok(word),
            _ => Ok(String::new()),
        }
    }

    fn primary(&mut self) -> Result<Syntax, Mistake> {
        let from = self.next.from;
        let node = match &self.next.what {
            What::Number(_) | What::Text(_) | What::Flag(_) | What::Odd => match self.advance() {
                What::Number(number) => Node::Number(number),
                What::Text(text) => Node::Text(text),
                What::Flag(flag) => Node::Flag(flag),
                _ => Node::Odd,
            },
            // After `!`, of the two signs, a number may have its own.
            What::Sign("-") => {
                self.advance();
                match self.next.what {
                    What::Number(number) => {
                        self.advance();
                        Node::Number(-number)
                    }
                    _ => return Err(self.unexpected()),
                }
            }
            What::Word(word) if RESERVED.contains(&word.as_str()) => {
                return Err(self.mistake(format!("not an expression: `{word}` is a reserved word")));
            }
            What::Word(_) => {
                let name = self.word()?;
                if self.take("(") {
                    Node::Call { name, target: None, arguments: self.arguments()? }
                } else {
                    Node::Name(name)
                }
            }
            What::Sign("(") => {
                self.advance();
                let inner = self.expression()?;
                self.expect(")")?;
                inner.node
            }
            What::Sign("[") => {
                self.advance();
                Node::List(self.entries()?)
            }
            What::Sign("{") => return Err(self.mistake("not an expression: there are no maps, only lists `[…]`")),
            _ => return Err(self.unexpected()),
        };
        Ok(Syntax { node, from, to: self.end })
    }

    /// What a call is given, after its opening bracket.
    fn arguments(&mut self) -> Result<Vec<Syntax>, Mistake> {
        let mut all = Vec::new();
        if self.take(")") {
            return Ok(all);
        }
        loop {
            all.push(self.expression()?);
            if !self.take(",") {
                self.expect(")")?;
                return Ok(all);
            }
        }
    }

    /// The entries of a list, after its opening bracket; a comma may follow the last, and in CEL's grammar also none.
    fn entries(&mut self) -> Result<Vec<Syntax>, Mistake> {
        let mut all = Vec::new();
        if self.take(",") {
            self.expect("]")?;
            return Ok(all);
        }
        while !self.take("]") {
            all.push(self.expression()?);
            if !self.take(",") {
                self.expect("]")?;
                break;
            }
        }
        Ok(all)
    }
}

/// The parts of two parts that a sign joins, so that a long chain is not deep.
fn chain(sign: &str, parts: [Syntax; 2]) -> Vec<Syntax> {
    let mut all = Vec::new();
    for part in parts {
        match part.node {
            // What is there already grows, so that a long chain does not take its length squared.
            Node::Chain(of, inner) if of == sign && all.is_empty() => all = inner,
            Node::Chain(of, inner) if of == sign => all.extend(inner),
            node => all.push(Syntax { node, ..part }),
        }
    }
    all
}
