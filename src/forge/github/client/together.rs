//! Several GraphQL questions about one repository as one: each takes its own part of the answer, by its names. Questions that
//! call different things by the same name stay apart.

/// What several questions come to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Together {
    /// One question that asks what each of them asks.
    One(String),
    /// They call different things by one name.
    Differ,
    /// One of them is of another form.
    Other,
}

const BEGIN: &str = "query($owner: String!, $name: String!) {";
const REPOSITORY: &str = "repository(owner: $owner, name: $name) {";

/// What is asked for, by its name in the answer.
type Fields<'q> = Vec<(&'q str, &'q str)>;

struct Parts<'q> {
    repository: Fields<'q>,
    outside: Fields<'q>,
    fragment: &'q str,
}

/// Makes one question of several that have the same variables.
pub(super) fn together(questions: &[&str]) -> Together {
    let (mut repository, mut outside, mut fragments) = (Fields::new(), Fields::new(), Vec::new());
    for question in questions {
        let Some(parts) = split(question) else { return Together::Other };
        for (into, from) in [(&mut repository, parts.repository), (&mut outside, parts.outside)] {
            for (name, text) in from {
                match into.iter().find(|(known, _)| *known == name) {
                    Some((_, known)) if *known == text => {}
                    Some(_) => return Together::Differ,
                    None => into.push((name, text)),
                }
            }
        }
        if !parts.fragment.is_empty() && !fragments.contains(&parts.fragment) {
            fragments.push(parts.fragment);
        }
    }
    let all = |fields: &Fields<'_>| fields.iter().map(|(_, text)| *text).collect::<Vec<_>>().join(" ");
    let (repository, outside) = (all(&repository), all(&outside));
    Together::One(format!("{BEGIN} {REPOSITORY} {repository} }} {outside} }} {}", fragments.join(" ")))
}

fn split(question: &str) -> Option<Parts<'_>> {
    let rest = question.strip_prefix(BEGIN)?.trim_start().strip_prefix(REPOSITORY)?;
    let (repository, rest) = until(rest, '{', '}')?;
    let (outside, fragment) = until(rest, '{', '}')?;
    Some(Parts { repository: fields(repository)?, outside: fields(outside)?, fragment: fragment.trim() })
}

/// What stands before the end of something that was opened, and what after it. What texts say opens and ends nothing.
fn until(text: &str, open: char, close: char) -> Option<(&str, &str)> {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for (at, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if in_text => escaped = true,
            '"' => in_text = !in_text,
            _ if in_text => {}
            _ if letter == open => depth += 1,
            _ if letter == close => match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => return Some((text.get(..at)?, text.get(at + letter.len_utf8()..)?)),
            },
            _ => {}
        }
    }
    None
}

/// The fields of a selection, each by the name that it has in the answer.
fn fields(selection: &str) -> Option<Fields<'_>> {
    let mut found = Vec::new();
    let mut rest = selection.trim();
    while !rest.is_empty() {
        let begin = rest;
        let (name, after) = word(rest)?;
        rest = after;
        if let Some(after) = rest.strip_prefix(':') {
            rest = word(after.trim_start())?.1;
        }
        for (open, close) in [('(', ')'), ('{', '}')] {
            if let Some(after) = rest.strip_prefix(open) {
                rest = until(after, open, close)?.1.trim_start();
            }
        }
        found.push((name, begin.get(..begin.len() - rest.len())?.trim_end()));
    }
    Some(found)
}

/// A name, and what comes after it.
fn word(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    (!name.is_empty()).then(|| (name, rest.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(repository: &str, outside: &str, fragment: &str) -> String {
        format!("{BEGIN} {REPOSITORY} nameWithOwner {repository} }} {outside} }} {fragment}")
    }

    #[test]
    fn questions_about_one_repository_become_one() {
        let one =
            question(r#"a: object(expression: "x}y\"{") { oid ...commit }"#, "", "fragment commit on Commit { oid }");
        let other = question(
            "defaultBranchRef { name target { oid } }",
            r#"g0: organization(login: "acme") { team(slug: "x") { members(first: 100, after: "{") { nodes { login } } } }"#,
            "fragment commit on Commit { oid }",
        );
        let Together::One(both) = together(&[&one, &other]) else { panic!("they go together") };
        let wanted = question(
            r#"a: object(expression: "x}y\"{") { oid ...commit } defaultBranchRef { name target { oid } }"#,
            r#"g0: organization(login: "acme") { team(slug: "x") { members(first: 100, after: "{") { nodes { login } } } }"#,
            "fragment commit on Commit { oid }",
        );
        assert_eq!(both, wanted);
        // Said twice is said once.
        assert_eq!(together(&[&both, &one, &other]), Together::One(wanted));
    }

    #[test]
    fn those_that_differ_and_those_of_another_form_do_not() {
        let of = |number: u64| question(&format!("p: pullRequest(number: {number}) {{ number }}"), "", "");
        assert_eq!(together(&[&of(1), &of(2)]), Together::Differ);
        assert_eq!(together(&[&of(1), "query { viewer { login } }"]), Together::Other);
        assert_eq!(together(&[&of(1), &of(2).replace("p:", "...")]), Together::Other);
    }
}
