//! What is wrong with a policy, said all at once and at its place.

use std::fmt::Write as _;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::model::notable::shortened;

/// How many complaints about one file are shown. Each takes a walk through the
/// file, and nobody reads thousands.
const SHOWN: usize = 100;

/// A stretch of a file, in characters counted from 0, with the line and the
/// column (counted from 1) at which it begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The first character.
    pub start: usize,
    /// How many characters; 0 where only the beginning is known.
    pub length: usize,
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Span {
    pub(super) fn of(place: &serde_saphyr::Location) -> Self {
        let span = place.span();
        let number = |value: u64| usize::try_from(value).unwrap_or_default();
        Self {
            start: number(span.offset()),
            length: number(span.len()),
            line: number(place.line()),
            column: number(place.column()),
        }
    }

    /// A part of what stands here, `at` characters from its beginning.
    #[must_use]
    pub fn part(self, at: usize, length: usize) -> Self {
        Self { start: self.start + at, length, line: self.line, column: self.column + at }
    }
}

/// Declares the codes once, with what each means and what to do next.
macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal, $weight:ident, next $next:literal;)+) => {
        /// The stable code of a diagnostic.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code { $($(#[doc = $doc])+ $name,)+ }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The code as it is printed.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => $code),+ }
            }

            /// Whether the policy can be used all the same.
            #[must_use]
            pub fn weight(self) -> Weight {
                match self { $(Self::$name => Weight::$weight),+ }
            }

            /// What to do next, lower case, no full stop.
            #[must_use]
            pub fn next(self) -> &'static str {
                match self { $(Self::$name => $next),+ }
            }

            /// One sentence on what the code means.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+).trim_ascii()),+ }
            }
        }
    };
}

codes! {
    /// the file is not YAML that can be read safely
    NotYaml = "not-yaml", Error,
        next "mend the line: two spaces a level and no tabs, and quotes around a text that holds `: ` or ` #` or begins with a sign";
    /// a value or the file is beyond a limit
    BeyondLimit = "beyond-limit", Error,
        next "make it smaller, or split the policy into layers";
    /// a key is not known at its place
    UnknownKey = "unknown-key", Error,
        next "write a key that is known there, or take it out; `countersign schema policy` has all of them";
    /// a key that is needed is missing
    MissingKey = "missing-key", Error,
        next "add the key; `countersign schema policy` says what stands there";
    /// a value is not of the form that its key needs
    WrongForm = "wrong-form", Error,
        next "write a value of that form; `countersign schema policy` has the forms of all keys";
    /// the policy is for a version of the grammar that is not known
    UnknownVersion = "unknown-version", Error,
        next "write `version: 1`, or use a countersign that knows the version";
    /// an expression cannot be parsed or does not fit what it speaks of
    BadExpression = "bad-expression", Error,
        next "mend the expression; `countersign measures` lists the names that it may use";
    /// a name stands for something that the policy does not define
    UnknownName = "unknown-name", Error,
        next "write a name that the policy defines, or define this one";
    /// a glob cannot be parsed or leads out of the artifact folder
    BadGlob = "bad-glob", Error,
        next "write a pattern for paths below the artifact folder, such as `**/*.xml`";
    /// a gate says nothing that could be judged, or more than one thing
    BadGate = "bad-gate", Error,
        next "have the gate name what it judges, its files and what it requires of them, each once";
    /// a policy without gates decides nothing
    NoGates = "no-gates", Error,
        next "write a gate under `gates`, in this layer or in one around it";
    /// a parent cannot be read, or is not the one that was pinned
    BadParent = "bad-parent", Error,
        next "put the parent where the layer looks for it, and pin the SHA-256 of what it holds";
    /// a file that the policy names cannot be read
    MissingFile = "missing-file", Error,
        next "put the file where the policy looks for it, or mend its path";
    /// a layer stands in the wrong order
    LayerOrder = "layer-order", Error,
        next "name the layers in their order, outermost first";
    /// stand-ins or promotions lead in a circle
    Circle = "circle", Error,
        next "take out one of the links of the circle";
    /// a component has no accountable role, or more than one
    Accountability = "accountability", Error,
        next "leave exactly one role accountable";
    /// a waiver is broader than the policy allows
    BadWaiver = "bad-waiver", Error,
        next "name the gate and the environment that the waiver is for, and have it end in time";
    /// an inner layer loosens what a layer around it did not hand down
    Loosens = "loosens", Error,
        next "ask for no less than the layer around does, or have that layer hand the key down under `delegation`";
    /// two things that the policy says cannot both be
    Contradiction = "contradiction", Error,
        next "keep one of the two and change the other";
    /// a condition opens a way to more than may be let go by it
    TooWide = "too-wide", Error,
        next "narrow the condition to what may be let go by it";
    /// approvals are asked for that nobody can give
    Unsatisfiable = "unsatisfiable", Error,
        next "have more people hold the role, or ask for what they can give";
    /// the policy leaves out a case that usually matters
    Overlooked = "overlooked", Warning,
        next "say what holds in that case";
    /// something in the calendar cannot be read, contradicts itself or never happens
    BadCalendar = "bad-calendar", Error,
        next "mend the entry, so that it can be read and happens";
    /// the policy holds something that has no effect
    NoEffect = "no-effect", Warning,
        next "take it out, or mend what keeps it from having an effect";
    /// such reports have no place for what the gate asks of them, so a statement has to stand beside each
    NeedsStatement = "needs-statement", Warning,
        next "write a statement beside each report, or ask less of the gate";
}

/// Whether a diagnostic stops the policy from being used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// It does.
    Error,
    /// It does not.
    Warning,
}

/// One complaint about a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Its code.
    pub code: Code,
    /// Where it is.
    pub span: Span,
    /// What is wrong and what to do, lower case, no full stop.
    pub message: String,
}

impl Diagnostic {
    /// A complaint.
    #[must_use]
    pub fn new(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self { code, span, message: brief(message.into()) }
    }

    /// Whether the policy cannot be used because of it.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.code.weight() == Weight::Error
    }
}

/// A message of which nothing that it quotes fills a log: a policy may hold a megabyte where a word was expected.
fn brief(message: String) -> String {
    const QUOTED: usize = 400;
    if message.len() <= QUOTED || message.split('`').all(|part| part.len() <= QUOTED) {
        return message;
    }
    message.split('`').map(|part| shortened(part, QUOTED)).collect::<Vec<_>>().join("`")
}

/// Complaints about one file, with the text that they are about.
#[derive(Clone, Debug)]
pub struct Complaints {
    /// The file as it was named.
    pub path: String,
    /// Its text.
    pub text: String,
    /// The complaints, in the order of the file.
    pub list: Vec<Diagnostic>,
    /// Whether there may be more, which is only looked for once the mistakes are mended.
    pub unfinished: bool,
}

impl Complaints {
    /// The complaints as a person reads them, each with its line of the file. Of
    /// more than a hundred the first are shown, errors before warnings, and the
    /// others are counted.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let path = crate::model::notable::visible(&self.path);
        let text = crate::model::notable::visible_lines(&self.text);
        let mut out = String::new();
        let mut shown: Vec<_> = self.list.iter().collect();
        if shown.len() > SHOWN {
            shown.sort_by_key(|diagnostic| !diagnostic.is_error());
            shown.truncate(SHOWN);
        }
        let mut advised = Vec::new();
        for diagnostic in &shown {
            let level = match diagnostic.code.weight() {
                Weight::Error => Level::ERROR,
                Weight::Warning => Level::WARNING,
            };
            let message = crate::model::notable::visible(&diagnostic.message);
            let group = level.primary_title(message.as_str()).id(diagnostic.code.word());
            let group = if diagnostic.span.line == 0 {
                group.element(annotate_snippets::Origin::path(path.as_str()))
            } else {
                let range = bytes(&text, diagnostic.span);
                let annotation = AnnotationKind::Primary.span(range);
                group.element(Snippet::source(text.as_str()).path(path.as_str()).annotation(annotation))
            };
            // What to do about many mistakes of one kind is said once.
            let first = !advised.contains(&diagnostic.code);
            let told = if first {
                advised.push(diagnostic.code);
                renderer.render(&[group.element(Level::HELP.message(diagnostic.code.next()))])
            } else {
                renderer.render(&[group])
            };
            out.push_str(&told);
            out.push_str("\n\n");
        }
        if let Some(more) = self.list.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            // Writing to a string does not fail.
            let _ = write!(out, "and {more} more in {path}, which are not shown; mend these first\n\n");
        }
        out
    }
}

/// The bytes of a span in a text; always a range that the text has.
fn bytes(text: &str, span: Span) -> std::ops::Range<usize> {
    let mut offsets = text.char_indices().map(|(at, _)| at).chain(std::iter::once(text.len()));
    let start = offsets.nth(span.start).unwrap_or(text.len());
    let end = match span.length {
        0 => text.get(start..).and_then(|rest| rest.chars().next()).map_or(start, |c| start + c.len_utf8()),
        length => offsets.nth(length - 1).unwrap_or(text.len()),
    };
    start..end
}
