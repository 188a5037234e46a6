//! One spelling for every way to write the same SPDX licence expression.
//!
//! An expression that parses (SPDX 2.3, annex D) gets one form: operators in
//! upper case, operands sorted and each once, parentheses only where they are
//! needed, and the deprecated GNU identifiers replaced by the ones that say what
//! they mean (`GPL-2.0+` is `GPL-2.0-or-later`). So a generator that writes the
//! operands in another order does not make a licence look new. What does not
//! parse stays as it is written; nothing is guessed.

use spdx::expression::{ExprNode, Operator};
use spdx::{Expression, LicenseItem, LicenseReq, ParseMode};

/// How long a text may be to be read as an expression. Sorting a hostile one
/// takes time in the square of its length.
const EXPRESSION_LIMIT: usize = 4096;

/// What the standard allows, deprecated identifiers included, and no guesses.
const MODE: ParseMode = ParseMode {
    allow_slash_as_or_operator: false,
    allow_imprecise_license_names: false,
    allow_postfix_plus_on_gpl: true,
    allow_deprecated: true,
};

/// The canonical form of an expression, or the text itself where it is none.
pub(super) fn normalised(text: &str) -> String {
    // Most are one identifier, which is its own canonical form unless it is a GNU one.
    let plain = spdx::license_id(text).is_some_and(|id| id.name == text && !id.is_gnu());
    if plain || text.len() > EXPRESSION_LIMIT {
        return text.to_owned();
    }
    Expression::parse_mode(text, MODE)
        .ok()
        .and_then(|expression| canonical(&expression))
        .unwrap_or_else(|| text.to_owned())
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
