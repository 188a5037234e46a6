//! Globs over the files of a repository, as `components.paths`, `change.only` and `change.touches` take them, and over its
//! branches and tags: one that can match nothing is refused with the one that was meant.
//!
//! Paths are counted from the repository's root, as git names them: `services/payments/pay.rs`. What people know from
//! CODEOWNERS and `.gitignore`, `/services/payments/` and `services/payments`, means nothing or something else there, and a
//! component that no file belongs to asks nobody.

/// What a glob over files can never match, and what to write instead, lower case, no full stop.
pub(super) fn mistake(glob: &str) -> Option<String> {
    if glob.trim().is_empty() {
        return Some("an empty glob matches no file; write one such as `services/payments/**`".to_owned());
    }
    if glob.trim() != glob {
        return Some(format!("`{glob}` begins or ends with a space, as no file does; write `{}`", glob.trim()));
    }
    if glob.contains('\\') {
        return Some(format!(
            "`{glob}` holds a backslash; write `/` between the parts of a path, and `[*]` for a star that is one"
        ));
    }
    if glob.starts_with('!') {
        return Some(format!("`{glob}` would take files away, and a glob only names files; name those that count"));
    }
    let parts: Vec<&str> = glob.split('/').collect();
    if parts.contains(&"..") {
        return Some(format!("`{glob}` leads out of the repository; write a path from its root"));
    }
    if parts.iter().any(|part| part.is_empty() || *part == ".") {
        let meant: Vec<&str> = parts.iter().copied().filter(|part| !part.is_empty() && *part != ".").collect();
        let meant = if glob.ends_with('/') { [meant.join("/"), "**".to_owned()].join("/") } else { meant.join("/") };
        let meant = meant.trim_start_matches('/');
        return Some(format!(
            "`{glob}` matches no file: paths are counted from the repository's root, as in `services/payments/**`; write `{meant}`"
        ));
    }
    None
}

/// What a glob over files matches where a folder was probably meant: one file of that name, and nothing below it.
pub(super) fn folder(glob: &str) -> Option<String> {
    let last = glob.rsplit('/').next().unwrap_or_default();
    // A file of such a name mostly has an ending, or a capital: `Makefile`, `LICENSE`.
    let like_a_folder = last.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_'));
    (!last.is_empty() && like_a_folder).then(|| {
        format!("`{glob}` is one file of that name, and nothing in a folder; if it is a folder, write `{glob}/**`")
    })
}

/// What a glob over branches or tags can never match, as git allows no such name.
pub(super) fn no_reference(glob: &str) -> Option<String> {
    let never = glob.is_empty()
        || glob.starts_with('/')
        || glob.ends_with('/')
        || glob.contains("//")
        || glob.contains("..")
        || glob.contains('\\')
        || glob.contains(' ');
    never.then(|| format!("no branch and no tag is called as in `{glob}`; write a name such as `main` or `release/*`"))
}

/// A file that a glob means, with `x` for whatever it leaves open; `None` where that is not plain.
pub(super) fn witness(glob: &str) -> Option<String> {
    let mut found = String::new();
    let mut characters = glob.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '*' => {
                while characters.next_if_eq(&'*').is_some() {}
                found.push('x');
            }
            '?' => found.push('x'),
            '{' => {
                let inside: String = characters.by_ref().take_while(|c| *c != '}').collect();
                found.push_str(&witness(inside.split(',').next().unwrap_or_default())?);
            }
            '[' | ']' | '}' => return None,
            other => found.push(other),
        }
    }
    Some(found)
}

/// Whether a glob means every file there is.
pub(super) fn everything(glob: &str) -> bool {
    matches!(glob, "**" | "**/*" | "**/**" | "**/**/*" | "{**}")
}
