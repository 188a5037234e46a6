//! What the files of changes say of a release: whether it brings a migration that cannot be reverted, and whether notes say what
//! it does. By their names alone, which stand in the change that people review.

use std::collections::BTreeSet;

use super::history::once;
use super::past::Went;
use super::{Desk, imported, ledger};
use crate::forge::Hub;
use crate::model::facts::{Fact, Facts, Outcome, Release};
use crate::store::fault::Fault as DatabaseFault;
use crate::store::reader::Reader;

/// The word in a file's name that says that it cannot be reverted: `V12__drop_prices.irreversible.sql`.
const IRREVERSIBLE: &str = "irreversible";
/// What files of notes are called, without what follows a full stop, and the folders that hold one for each change.
const NOTES: [&str; 6] = ["changelog", "changes", "history", "news", "release-notes", "release_notes"];
const FOLDERS: [&str; 6] =
    [".changeset", "changelog.d", "changes.d", "newsfragments", "release-notes", "release_notes"];

/// Whether a file says by its name that it cannot be reverted.
fn is_irreversible(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word.eq_ignore_ascii_case(IRREVERSIBLE))
}

/// Whether a file is one of notes on what changed.
fn is_notes(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", &path));
    let stem = name.split('.').next().unwrap_or(name);
    NOTES.contains(&stem) || folders.split('/').any(|folder| FOLDERS.contains(&folder))
}

/// The files that a release's changes touch, change by change; absent where nothing changes.
fn files(release: &Release) -> Fact<Vec<&[String]>> {
    let changes = match &release.changes {
        Fact::Known(changes) => changes,
        Fact::Absent => return Fact::Absent,
        Fact::Unavailable(why) => return Fact::Unavailable(why.clone()),
    };
    let mut all = Vec::new();
    for change in changes {
        match change.known_files() {
            Some(files) => all.push(files),
            None => return Fact::Unavailable(format!("which files {} touches is not known", change.id).into()),
        }
    }
    Fact::Known(all)
}

/// The migrations of a release's own changes that cannot be reverted.
pub(super) fn irreversible(release: &Release) -> Fact<Vec<String>> {
    match files(release) {
        Fact::Known(all) => {
            let marked = all.into_iter().flatten().filter(|path| is_irreversible(path));
            listed(marked.cloned().collect())
        }
        Fact::Absent => Fact::Absent,
        Fact::Unavailable(why) => Fact::Unavailable(why),
    }
}

fn listed(found: BTreeSet<String>) -> Fact<Vec<String>> {
    if found.is_empty() { Fact::Absent } else { Fact::Known(found.into_iter().collect()) }
}

/// Whether every change of a release says in a file of notes what it does.
fn documented(release: &Release) -> Fact<bool> {
    match files(release) {
        Fact::Known(all) => Fact::Known(all.into_iter().all(|files| files.iter().any(|path| is_notes(path)))),
        Fact::Absent => Fact::Absent,
        Fact::Unavailable(why) => Fact::Unavailable(why),
    }
}

impl<H: Hub> Desk<H> {
    /// Adds to the facts what files say. Where what goes ran here before, what came after it is on the way back as well.
    pub(super) async fn with_marks(&self, reader: &mut Reader, facts: &mut Facts) -> Result<(), DatabaseFault> {
        let known = self.settings.known.as_ref().and_then(|known| known.get("release"));
        let is_stated = |name: &str| known.is_some_and(|known| known.get(name).is_some());
        if !is_stated("documented") {
            facts.release.documented = documented(&facts.release);
        }
        if !is_stated("irreversible") {
            let own = irreversible(&facts.release);
            let (before, since) = self.brought(reader, &facts.release).await?;
            facts.release.irreversible = match (own, since) {
                (Fact::Unavailable(why), _) | (_, Fact::Unavailable(why)) => Fact::Unavailable(why),
                (own, since) => {
                    // What it brings itself for the first time is on the way forward.
                    let again = own.entries().iter().filter(|path| before.contains(*path));
                    listed(again.chain(since.entries()).cloned().collect())
                }
            };
        }
        Ok(())
    }

    /// The migrations that cannot be reverted which other releases brought here, as far as that is known; and those since this
    /// very commit ran, absent where it never did.
    async fn brought(
        &self,
        reader: &mut Reader,
        release: &Release,
    ) -> Result<(BTreeSet<String>, Fact<Vec<String>>), DatabaseFault> {
        let mut here = once(reader.deployed(H::NAME, &release.repository).await?);
        here.retain(|row| row.environment == release.environment);
        let outcome = |row: &crate::store::deployed::Deployed| row.outcome.as_deref().and_then(ledger::outcome);
        let is_it = |row: &&crate::store::deployed::Deployed| {
            row.commit.eq_ignore_ascii_case(&release.commit) && outcome(row) == Some(Outcome::Succeeded)
        };
        let then = here.iter().filter(is_it).map(|row| row.began).max();
        let (mut all, mut found, mut unknown) = (BTreeSet::new(), BTreeSet::new(), None);
        for row in &here {
            if row.commit.eq_ignore_ascii_case(&release.commit) || outcome(row) == Some(Outcome::Cancelled) {
                continue;
            }
            let is_since = then.is_some_and(|then| row.counts_from() > then);
            let decision = match row.decision {
                Some(decision) => Some(decision),
                None => imported::decision(reader, H::NAME, row).await?,
            };
            let went = match decision {
                Some(decision) => self.went(reader, decision).await?,
                None => None,
            };
            match went.as_deref().map(|went: &Went| &went.irreversible) {
                Some(Fact::Known(marked)) => {
                    all.extend(marked.iter().cloned());
                    found.extend(marked.iter().filter(|_| is_since).cloned());
                }
                Some(Fact::Unavailable(why)) if is_since => unknown = Some(Fact::Unavailable(why.clone())),
                None if is_since => {
                    let why = format!("what {} brought here is not known to the record", row.commit);
                    unknown = Some(Fact::Unavailable(why.into()));
                }
                Some(Fact::Absent | Fact::Unavailable(_)) | None => {}
            }
        }
        Ok((all, unknown.unwrap_or_else(|| listed(found))))
    }
}

/// The names of changes, as decisions have them.
pub(super) fn changes(release: &Release) -> Vec<String> {
    release.changes.entries().iter().map(|change| change.id.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::{is_irreversible, is_notes};

    #[test]
    fn a_file_says_by_its_own_name_that_it_cannot_be_reverted() {
        for marked in ["db/V12__drop_prices.irreversible.sql", "0042_irreversible_drop.py", "IRREVERSIBLE-1.sql"] {
            assert!(is_irreversible(marked), "{marked}");
        }
        for plain in ["irreversible/V1.sql", "db/irreversibly.sql", "db/V12__drop_prices.sql", ""] {
            assert!(!is_irreversible(plain), "{plain}");
        }
    }

    #[test]
    fn notes_are_told_by_their_names() {
        for notes in
            ["CHANGELOG.md", "web/CHANGES", "NEWS.rst", ".changeset/brave-cats.md", "docs/release-notes/2.4.md"]
        {
            assert!(is_notes(notes), "{notes}");
        }
        for other in ["src/changelogs.rs", "README.md", "src/news/mod.rs", ""] {
            assert!(!is_notes(other), "{other}");
        }
    }
}
