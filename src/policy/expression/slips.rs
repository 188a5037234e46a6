//! Slips: what was probably meant, and what the parser stumbled over, in words.

use super::{Mistake, Scope};

/// The name that is meant most likely, if any is near enough to be a slip.
#[must_use]
pub fn nearest<'n>(name: &str, names: &[&'n str]) -> Option<&'n str> {
    // Names are short; what is not is no slip of one.
    let name: String = name.chars().take(80).collect();
    let distances = names.iter().map(|known| (strsim::osa_distance(&name, known), *known));
    let (distance, near) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance <= 1 + name.chars().count() / 4).then_some(near)
}

/// The name that was probably meant. What a baseline measured has the measure's
/// name without its first word.
pub(super) fn suggestion(name: &str, scope: &dyn Scope) -> Option<String> {
    let names = scope.names();
    if !name.starts_with("baseline.") {
        return nearest(name, &names).map(str::to_owned);
    }
    let known = names.iter().filter_map(|known| Some(format!("baseline.{}", known.split_once('.')?.1)));
    let known: Vec<String> = known.filter(|known| scope.type_of(known).is_some()).collect();
    nearest(name, &known.iter().map(String::as_str).collect::<Vec<_>>()).map(str::to_owned)
}

/// What the parser stumbled over.
pub(super) fn unparsed(source: &str, errors: &cel::ParseErrors) -> Vec<Mistake> {
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
