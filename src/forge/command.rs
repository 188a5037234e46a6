//! Commands that people write in comments: `/countersign approve production as shop-owner: looks right`.
//!
//! One command a line, at the beginning of the line. What is not understood is no command, and does nothing else. But for a
//! rejection: whoever writes that he rejects is heard, however he writes the rest. [`form`] has the words.

mod form;

use crate::model::facts::Deed;
pub use form::FORMS;

/// The word that begins a command.
pub const WORD: &str = "/countersign";

/// A command, read.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// The environment that it names; none where a rejection names none, which is of every one.
    pub environment: Option<String>,
    /// The commit that it names, at least 7 hexadecimal digits.
    pub commit: Option<String>,
    /// What it does.
    pub does: Deed,
    /// Why, in the person's own words.
    pub reason: Option<String>,
}

/// Why a line is no command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{line}` is no command: {why}")]
pub struct NoCommand {
    /// The line.
    pub line: String,
    /// What was expected.
    pub why: &'static str,
}

/// What a line says that begins with [`WORD`].
#[derive(Clone, Debug, PartialEq)]
pub enum Spoken {
    /// It does something.
    Does(Command),
    /// It asks how things stand, before one environment or before all.
    Why(Option<String>),
    /// It asks what can be said.
    Help,
    /// It is no command.
    Not(NoCommand),
}

/// The lines of a comment that begin with [`WORD`], in order; quoted lines and blocks of code are somebody else's words.
fn lines(comment: &str) -> Vec<&str> {
    let own = prose(comment).map(str::trim_end);
    let says =
        |line: &&str| line.strip_prefix(WORD).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']));
    own.filter(says).collect()
}

/// The lines of a text that are in no fenced block of code.
pub fn prose(text: &str) -> impl Iterator<Item = &str> {
    fenced(text).filter(|(_, is_code)| !is_code).map(|(line, _)| line)
}

/// The lines of a text, each with whether it is of a fenced block of code, its fences included (CommonMark 0.31, 4.5). A line
/// of code within a sentence, though it begins with three backticks, opens none.
pub fn fenced(text: &str) -> impl Iterator<Item = (&str, bool)> {
    let mut fence: Option<(char, usize)> = None;
    text.lines().map(move |line| {
        let bare = line.trim_start_matches(' ');
        let indented = line.len() - bare.len() > 3;
        let mark = bare.chars().next().filter(|it| matches!(it, '`' | '~') && !indented);
        let Some(mark) = mark else { return (line, fence.is_some()) };
        let rest = bare.trim_start_matches(mark);
        let length = bare.len() - rest.len();
        let is_code = match fence {
            None if length >= 3 && !(mark == '`' && rest.contains('`')) => {
                fence = Some((mark, length));
                true
            }
            None => false,
            Some((open, least)) => {
                if mark == open && length >= least && rest.trim().is_empty() {
                    fence = None;
                }
                true
            }
        };
        (line, is_code)
    })
}

/// Every command of a comment, in order.
#[must_use]
pub fn commands(comment: &str, forge: &str) -> Vec<Result<Command, NoCommand>> {
    lines(comment).into_iter().map(|line| command(line, forge)).collect()
}

fn command(line: &str, forge: &str) -> Result<Command, NoCommand> {
    let rest = line.strip_prefix(WORD).unwrap_or(line);
    form::read(rest.trim(), forge).map_err(|why| NoCommand { line: line.to_owned(), why })
}

/// Everything that a comment says to us, each line with what it says.
#[must_use]
pub fn spoken(comment: &str, forge: &str) -> Vec<(String, Spoken)> {
    let one = |line: &str| {
        let mut words = line.strip_prefix(WORD).unwrap_or(line).split_whitespace();
        match words.next() {
            Some("why") => Spoken::Why(words.next().map(str::to_owned)),
            Some("help") => Spoken::Help,
            _ => command(line, forge).map_or_else(Spoken::Not, Spoken::Does),
        }
    };
    lines(comment).into_iter().map(|line| (line.to_owned(), one(line))).collect()
}
