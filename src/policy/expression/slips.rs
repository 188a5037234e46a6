//! Slips: what was probably meant.

use super::Scope;

/// The name that is meant most likely, if any is near enough to be a slip.
#[must_use]
pub fn nearest<'n>(name: &str, names: &[&'n str]) -> Option<&'n str> {
    // Names are short; what is not is no slip of one.
    let name: String = name.chars().take(80).collect();
    let distances = names.iter().map(|known| (strsim::osa_distance(&name, known), *known));
    let (distance, near) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance <= 1 + name.chars().count() / 4).then_some(near)
}

/// The text that was meant most likely, of those that there are: written with other capitals, misspelled, or in short.
pub(super) fn meant<'n>(text: &str, known: &[&'n str]) -> Option<&'n str> {
    let short = |known: &&&str| {
        let (text, known) = (text.to_lowercase(), known.to_lowercase());
        text.len() >= 3 && (known.starts_with(&text) || text.starts_with(&known))
    };
    let same = known.iter().find(|known| known.eq_ignore_ascii_case(text)).copied();
    same.or_else(|| nearest(text, known)).or_else(|| known.iter().find(short).copied())
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
