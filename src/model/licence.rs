//! One spelling for every way to write the same SPDX licence expression, and the
//! identifiers that it names.
//!
//! An expression that parses (SPDX 2.3, annex D) gets one form: identifiers in the
//! case of the SPDX list, operators in upper case, operands sorted and each once,
//! parentheses only where they are needed, and the deprecated GNU identifiers
//! replaced by the ones that say what they mean (`GPL-2.0+` is `GPL-2.0-or-later`).
//! So a generator that writes the operands in another order does not make a licence
//! look new. What does not parse stays as it is written; nothing is guessed.
//!
//! Who forbids a licence names its identifier. So every identifier within an
//! expression is named beside it, and those of exceptions; of a text that is no
//! expression, every word that is an identifier.

use std::collections::HashMap;
use std::sync::LazyLock;

use smallvec::SmallVec;
use spdx::expression::{ExprNode, Operator};
use spdx::identifiers::{EXCEPTIONS, LICENSES};
use spdx::{AdditionItem, Expression, LicenseItem, LicenseReq, ParseMode};

/// How long a text may be to be read as an expression. Sorting a hostile one
/// takes time in the square of its length.
pub const EXPRESSION_LIMIT: usize = 4096;

/// What the standard allows, deprecated identifiers included, and no guesses.
const MODE: ParseMode = ParseMode {
    allow_slash_as_or_operator: false,
    allow_imprecise_license_names: false,
    allow_postfix_plus_on_gpl: true,
    allow_deprecated: true,
};

/// The identifiers of licences and exceptions by their lower case: SPDX has no two
/// that differ in case alone.
static LISTED: LazyLock<HashMap<String, &'static str>> = LazyLock::new(|| {
    let names = LICENSES.iter().map(|(name, ..)| *name).chain(EXCEPTIONS.iter().map(|(name, _)| *name));
    names.map(|name| (name.to_ascii_lowercase(), name)).collect()
});

/// A licence as a component states it.
pub struct Licence {
    /// The canonical form of an expression, or the text itself where it is none.
    pub text: String,
    /// The identifiers within, the text itself not among them.
    within: SmallVec<[String; 2]>,
}

impl Licence {
    /// Reads what a component, or a policy, states.
    #[must_use]
    pub fn read(text: &str) -> Self {
        // Most are one identifier, which is its own canonical form unless it is a GNU one.
        if spdx::license_id(text).is_some_and(|id| id.name == text && !id.is_gnu()) {
            return Self { text: text.to_owned(), within: SmallVec::new() };
        }
        let expression = (text.len() <= EXPRESSION_LIMIT).then(|| {
            let parse = |text: &str| Expression::parse_mode(text, MODE).ok();
            parse(text).or_else(|| parse(&as_listed(text)))
        });
        let known = expression.flatten().and_then(|expression| Some((canonical(&expression)?, expression)));
        let mut named = Named::default();
        let text = if let Some((form, expression)) = known {
            expression.requirements().for_each(|licence| named.requirement(&licence.req));
            form
        } else {
            named.words(text);
            text.to_owned()
        };
        named.within.retain(|name| *name != text);
        Self { text, within: named.within }
    }

    /// The text, and every identifier within.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.text.as_str()).chain(self.within.iter().map(String::as_str))
    }
}

/// The identifier of the SPDX list that a word is in any case, without its `+`.
fn listed(word: &str) -> Option<&'static str> {
    let bare = word.trim_end_matches('+');
    // No identifier is longer, and a hostile word is not copied.
    if bare.len() > 64 { None } else { LISTED.get(&bare.to_ascii_lowercase()).copied() }
}

/// Splits a text at what stands between the words of expressions, and of lists that people write.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || "()/,;|&".contains(c)).filter(|word| !word.is_empty())
}

fn is_operator(word: &str) -> bool {
    ["AND", "OR", "WITH"].iter().any(|operator| word.eq_ignore_ascii_case(operator))
}

/// The same text with identifiers in the case of the SPDX list and operators in upper case.
fn as_listed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for piece in text.split_inclusive(|c: char| c.is_whitespace() || "()".contains(c)) {
        let word = piece.trim_end_matches(|c: char| c.is_whitespace() || "()".contains(c));
        let (plus, rest) = (word.trim_end_matches('+').len(), piece.get(word.len()..).unwrap_or_default());
        match listed(word) {
            _ if is_operator(word) => out.push_str(&word.to_ascii_uppercase()),
            Some(name) => {
                out.push_str(name);
                out.push_str(word.get(plus..).unwrap_or_default());
            }
            None => out.push_str(word),
        }
        out.push_str(rest);
    }
    out
}

/// Identifiers, each once.
#[derive(Default)]
struct Named {
    within: SmallVec<[String; 2]>,
}

impl Named {
    fn add(&mut self, name: &str) {
        if !self.within.iter().any(|known| known == name) {
            self.within.push(name.to_owned());
        }
    }

    /// A licence with its exception, and each of the two.
    fn requirement(&mut self, req: &LicenseReq) {
        self.add(&requirement(req));
        let bare = LicenseReq { license: req.license.clone(), addition: None };
        self.add(&requirement(&bare));
        if let LicenseItem::Spdx { id, .. } = &req.license {
            self.identifier(id.name, requirement(&bare).ends_with('+'));
        }
        match &req.addition {
            Some(AdditionItem::Spdx(exception)) => self.add(exception.name),
            Some(other) => self.add(&other.to_string()),
            None => {}
        }
    }

    /// What an identifier of the list means today: the one of a licence where a
    /// deprecated one has its exception in its name, and the bare one of `…+`.
    fn identifier(&mut self, name: &'static str, plus: bool) {
        if let Some((licence, _)) = name.split_once("-with-") {
            if let Some(id) = spdx::gnu_license_id(licence, false) {
                self.add(id.name);
            }
        } else if plus {
            self.add(name);
        }
    }

    /// The words of a text that is no expression. Short words of the list are words
    /// of the language too, so where no operator stands they count as the list writes them.
    fn words(&mut self, text: &str) {
        let operators = words(text).any(is_operator);
        for word in words(text) {
            let Some(name) = listed(word) else { continue };
            let bare = word.trim_end_matches('+');
            if !(operators || bare == name || name.contains('-')) {
                continue;
            }
            match spdx::license_id(name).filter(|id| id.is_gnu()) {
                Some(id) => match spdx::gnu_license_id(id.name, bare != word) {
                    Some(current) => self.add(current.name),
                    None => self.add(name),
                },
                None => self.add(name),
            }
            self.identifier(name, false);
        }
    }
}

/// Terms that one operator joins; a single term has no operator.
struct Terms {
    operator: Option<Operator>,
    parts: Vec<String>,
}

/// `None` for an expression whose nodes do not add up, which the parser does not make.
fn canonical(expression: &Expression) -> Option<String> {
    let mut stack: Vec<Terms> = Vec::new();
    for node in expression.iter() {
        let terms = match node {
            ExprNode::Req(licence) => Terms { operator: None, parts: vec![requirement(&licence.req)] },
            ExprNode::Op(operator) => {
                let (right, left) = (stack.pop()?, stack.pop()?);
                let mut parts = left.under(*operator);
                parts.extend(right.under(*operator));
                Terms { operator: Some(*operator), parts }
            }
        };
        stack.push(terms);
    }
    Some(stack.pop()?.joined())
}

impl Terms {
    /// The operands that this contributes to an operator: its own where the operator is the same.
    fn under(self, operator: Operator) -> Vec<String> {
        match (self.operator, operator) {
            (Some(inner), outer) if inner == outer => self.parts,
            (Some(Operator::Or), Operator::And) => vec![format!("({})", self.joined())],
            _ => vec![self.joined()],
        }
    }

    fn joined(mut self) -> String {
        self.parts.sort_unstable();
        self.parts.dedup();
        self.parts.join(if self.operator == Some(Operator::Or) { " OR " } else { " AND " })
    }
}

fn requirement(req: &LicenseReq) -> String {
    let current = match &req.license {
        LicenseItem::Spdx { id, or_later } if id.is_gnu() => spdx::gnu_license_id(id.name, *or_later),
        _ => None,
    };
    match (current, &req.addition) {
        (Some(id), Some(addition)) => format!("{} WITH {addition}", id.name),
        (Some(id), None) => id.name.to_owned(),
        (None, _) => req.to_string(),
    }
}
