//! Writes a decision where the place expects it.

use std::fs::{self, OpenOptions};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use super::environment::{self, Place};
use super::{complain, print};
use crate::model::answer::Answer;
use crate::model::decision::Decision;
use crate::report::{answer, github, gitlab, json, markdown, text};

/// How a decision is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// A table for a person.
    Text,
    /// The decision document, for programs.
    Json,
    /// A page for a job summary or a note.
    Markdown,
    /// What a GitHub job takes: summary, annotations and outputs.
    Github,
    /// What a GitLab job takes: dotenv, Code Quality and a note.
    Gitlab,
}

/// Takes away what an earlier run, or whoever made the artifacts, left in the places
/// that a decision will be written to: a run that ends without one must not seem to
/// have brought that one, and what is written must not be led elsewhere by a link.
///
/// What a person names may be a file of theirs: it is set aside until a decision is written, and not removed. Says where it is
/// then.
pub(super) fn clear(format: Format, output: Option<&Path>, artifacts: &[PathBuf]) -> Result<Option<Aside>, String> {
    if let Some((path, link)) = output.and_then(|path| Some((path, link_among(artifacts, path)?))) {
        return Err(format!(
            "`--output {}`: {} is a symbolic link among the artifacts, which may lead anywhere; remove it, or write the \
             decision elsewhere",
            path.display(),
            link.display()
        ));
    }
    let fixed: &[&str] = if format == Format::Gitlab { &[DOTENV, CODE_QUALITY, NOTE] } else { &[] };
    for path in fixed.iter().map(Path::new) {
        match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(format!("{} could not be removed: {error}", path.display()));
            }
            _ => {}
        }
    }
    // A person may name a device or a link; what lies behind it is theirs. A link among the artifacts was refused.
    let named = output.filter(|path| path.symlink_metadata().is_ok_and(|about| about.is_file()));
    named.map(Aside::put).transpose()
}

/// The link on the way to a file that lies in one of some folders and leads to another file, or out of the folder:
/// whoever made what is in there may have laid it.
fn link_among<'p>(folders: &[PathBuf], file: &'p Path) -> Option<&'p Path> {
    let folders: Vec<PathBuf> = folders.iter().filter_map(|folder| folder.canonicalize().ok()).collect();
    let laid = |path: &&Path| {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let around = parent.canonicalize().ok().and_then(|parent| folders.iter().find(|it| parent.starts_with(it)));
        let stays = |around: &PathBuf| path.canonicalize().is_ok_and(|target| target.starts_with(around));
        around.is_some_and(|around| path.is_symlink() && (*path == file || !stays(around)))
    };
    file.ancestors().filter(|path| !path.as_os_str().is_empty()).find(laid)
}

/// A file that was where a decision is to be written.
pub(super) struct Aside {
    was: PathBuf,
    is: PathBuf,
}

impl Aside {
    fn put(path: &Path) -> Result<Self, String> {
        let name = |number: u32| {
            let mut name = path.as_os_str().to_owned();
            name.push(format!(".earlier-{number}"));
            PathBuf::from(name)
        };
        let failed = |why: String| format!("{} could not be set aside: {why}", path.display());
        let free = (1..=MOST_ASIDE).map(name).find(|path| path.symlink_metadata().is_err());
        let is = free.ok_or_else(|| failed(format!("there are {MOST_ASIDE} of an earlier time; remove some")))?;
        fs::rename(path, &is).map_err(|error| failed(error.to_string()))?;
        Ok(Self { was: path.to_owned(), is })
    }

    /// Where it is now.
    fn path(&self) -> &Path {
        &self.is
    }

    /// Says where it is, for whoever misses it.
    pub(super) fn complain(&self) {
        complain(&format!("what was there before is kept as {}", self.path().display()));
    }

    /// Puts it back; says whether it is where it was.
    pub(super) fn restore(&self) -> bool {
        fs::rename(&self.is, &self.was).is_ok()
    }

    /// Removes it: a decision has taken its place.
    pub(super) fn forget(&self) {
        // What cannot be removed keeps nobody from going on.
        let _ = fs::remove_file(&self.is);
    }
}

/// How many files of one name are set aside.
const MOST_ASIDE: u32 = 100;

/// Writes the decision. An error says what could not be written.
pub(super) fn write(decision: &Decision, format: Format, output: Option<&Path>, place: Place) -> Result<(), String> {
    match format {
        Format::Text => document(&terminal(decision, output.is_none()), output),
        Format::Json => document(&json::pretty(decision).map_err(|error| error.to_string())?, output),
        Format::Markdown => document(&markdown::render(decision, markdown::LIMIT), output),
        Format::Github => github_job(decision, output, place),
        Format::Gitlab => gitlab_job(decision, output, place),
    }
}

/// Writes a document where it was asked for.
pub(super) fn document(text: &str, output: Option<&Path>) -> Result<(), String> {
    match output {
        None => printed(text),
        Some(path) => put(path, text),
    }
}

fn terminal(decision: &Decision, to_terminal: bool) -> String {
    text::render(decision, style(to_terminal))
}

/// What can be shown where the text goes.
pub(super) fn style(to_terminal: bool) -> text::Style {
    let terminal = to_terminal && environment::stdout_is_terminal();
    text::Style {
        width: environment::width(),
        colour: environment::colour(terminal),
        ascii: terminal && environment::ascii_only(),
    }
}

/// The log has the table and the annotations, the summary the page, the outputs
/// the rest. Without a runner's files around it, only the log is written.
fn github_job(decision: &Decision, output: Option<&Path>, place: Place) -> Result<(), String> {
    printed(&terminal(decision, false))?;
    printed(&github::annotations(decision, place.workspace().as_deref()))?;
    if let Some(path) = environment::runner_file("GITHUB_STEP_SUMMARY") {
        add(&path, &markdown::render(decision, markdown::NOTE))?;
    }
    if let Some(path) = environment::runner_file("GITHUB_OUTPUT") {
        add(&path, &github::outputs(decision, &delimiter()).map_err(|error| error.to_string())?)?;
    }
    match output {
        Some(path) => put(path, &json::pretty(decision).map_err(|error| error.to_string())?),
        None => Ok(()),
    }
}

/// Tells a GitHub job's page why there is no decision. That it could not be told changes nothing: standard error and
/// the exit code have said it.
pub(super) fn undecided(format: Format, why: &str) {
    if format != Format::Github {
        return;
    }
    let _ = printed(&github::undecided(why));
    if let Some(path) = environment::runner_file("GITHUB_STEP_SUMMARY") {
        let _ = add(&path, &markdown::undecided(why));
    }
}

/// Names that the template collects as reports.
const DOTENV: &str = "countersign.env";
const CODE_QUALITY: &str = "gl-code-quality-report.json";
const NOTE: &str = "countersign-note.md";

fn gitlab_job(decision: &Decision, output: Option<&Path>, place: Place) -> Result<(), String> {
    printed(&terminal(decision, false))?;
    put(Path::new(DOTENV), &gitlab::dotenv(decision))?;
    let quality = gitlab::code_quality(decision, place.workspace().as_deref()).map_err(|error| error.to_string())?;
    put(Path::new(CODE_QUALITY), &quality)?;
    put(Path::new(NOTE), &markdown::render(decision, markdown::LIMIT))?;
    match output {
        Some(path) => put(path, &json::pretty(decision).map_err(|error| error.to_string())?),
        None => Ok(()),
    }
}

/// Writes what the app answered. An error says what could not be written.
pub(super) fn answered(answer: &Answer, format: Format, output: Option<&Path>) -> Result<(), String> {
    let whole = || answer::document(answer).map_err(|error| error.to_string());
    match format {
        Format::Text => return document(&answer::text(answer), output),
        Format::Json => return document(&whole()?, output),
        Format::Markdown => return document(&answer::markdown(answer), output),
        Format::Github | Format::Gitlab => printed(&answer::text(answer))?,
    }
    if format == Format::Gitlab {
        put(Path::new(DOTENV), &answer::dotenv(answer))?;
        put(Path::new(NOTE), &answer::markdown(answer))?;
    } else {
        if let Some(path) = environment::runner_file("GITHUB_STEP_SUMMARY") {
            add(&path, &answer::markdown(answer))?;
        }
        if let Some(path) = environment::runner_file("GITHUB_OUTPUT") {
            let outputs = answer::outputs(answer, &delimiter()).map_err(|error| error.to_string())?;
            add(&path, &outputs.ok_or_else(|| github::OutputFault::Delimiter.to_string())?)?;
        }
    }
    match output {
        Some(path) => put(path, &whole()?),
        None => Ok(()),
    }
}

fn printed(text: &str) -> Result<(), String> {
    print(text).map_err(|error| format!("standard output could not be written: {error}"))
}

fn put(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| unwritten(path, &error))
}

fn add(path: &Path, text: &str) -> Result<(), String> {
    let file = OpenOptions::new().append(true).create(true).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| unwritten(path, &error))
}

fn unwritten(path: &Path, error: &std::io::Error) -> String {
    format!(
        "{} could not be written: {error}; see that its folder is there, has room, and that this command may write to it",
        path.display()
    )
}

/// A word that nobody who wrote an artifact can have known.
fn delimiter() -> String {
    let word = || RandomState::new().hash_one(std::process::id());
    format!("countersign-{:016x}{:016x}", word(), word())
}
