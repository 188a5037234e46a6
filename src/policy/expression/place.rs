//! Where in a policy's file a mistake within an expression stands.

use super::Mistake;
use crate::policy::diagnostics::{Code, Diagnostic, Span};

/// A mistake within an expression, at its place in the file.
pub(in crate::policy) fn placed(mistake: Mistake, source: &str, span: Span, text: &[char]) -> Diagnostic {
    let stated = text.get(span.start..).unwrap_or_default();
    let first = stated.first();
    let quote = usize::from(matches!(first, Some('"' | '\'')));
    let one_line = !matches!(first, Some('|' | '>'))
        && !stated.iter().take(span.length.max(1)).any(|character| *character == '\n');
    let span = if one_line {
        span.part(mistake.at + quote, mistake.length)
    } else {
        folded(&mistake, source, span, stated).unwrap_or(span)
    };
    Diagnostic::new(Code::BadExpression, span, mistake.message)
}

/// The place of a mistake in a text over several lines. YAML joins the lines of such a text and takes their indentation
/// away, and leaves all that is no white space as it stands; where it does not (an escape in quotes), there is no place.
fn folded(mistake: &Mistake, source: &str, span: Span, stated: &[char]) -> Option<Span> {
    let head = match stated.first()? {
        '|' | '>' => stated.iter().position(|c| *c == '\n')?,
        '"' | '\'' => 1,
        _ => 0,
    };
    let mut written = stated.iter().enumerate().skip(head).filter(|(_, c)| !c.is_whitespace());
    let (mut from, mut to) = (None, None);
    for (at, character) in source.chars().enumerate().take(mistake.at + mistake.length.max(1)) {
        if character.is_whitespace() {
            continue;
        }
        let (place, found) = written.next()?;
        if *found != character {
            return None;
        }
        if at >= mistake.at {
            from.get_or_insert(place);
            to = Some(place);
        }
    }
    let (from, to) = (from?, to?);
    let before = stated.get(..from)?;
    let lines = before.iter().filter(|c| **c == '\n').count();
    let column = before.iter().rev().take_while(|c| **c != '\n').count();
    let column = if lines == 0 { span.column + column } else { column + 1 };
    // What goes over several lines is pointed at to the end of its first.
    let length = stated.get(from..=to)?.iter().take_while(|c| **c != '\n').count();
    Some(Span { start: span.start + from, length, line: span.line + lines, column })
}
