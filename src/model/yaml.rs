//! Why a text cannot be read as YAML, in the words of people who write it by hand, and the tags that it may not have.

use serde_saphyr::Error;
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::granit_parser::{ErrorKind, Scanner, StrInput, TokenType};
use serde_saphyr::localizer::ExternalMessageSource;

/// What is wrong and what to do, lower case, no full stop; `line` is the line at which the reader stopped.
#[must_use]
pub fn why(error: &Error, line: &str) -> String {
    if line.chars().take_while(|c| c.is_whitespace()).any(|c| c == '\t') {
        return "a tab indents this line; indent with spaces".to_owned();
    }
    match error.without_snippet() {
        Error::ExternalMessage { source, .. } => match source.as_ref() {
            ExternalMessageSource::Parser(fault) => syntax(fault.kind()),
            _ => OTHER.to_owned(),
        },
        Error::Eof { .. } => "the text ends too early; complete it".to_owned(),
        Error::MultipleDocuments { .. } | Error::Budget { breach: BudgetBreach::Documents { .. }, .. } => {
            "a second document follows; put all of it into one, without `---` between".to_owned()
        }
        Error::Budget { breach, .. } => beyond(breach),
        Error::MergeKeyNotAllowed { .. } | Error::MergeValueNotMapOrSeqOfMaps { .. } => {
            "`<<` is not read here; write the entries out".to_owned()
        }
        Error::DuplicateMappingKey { key, .. } => {
            let key = key.as_deref().map(|key| format!(" `{}`", super::notable::shortened(key, 60)));
            let key = key.unwrap_or_default();
            format!("the key{key} stands twice; leave one, or make one of both")
        }
        Error::InvalidBooleanStrict { .. } => "only `true` and `false` say yes and no".to_owned(),
        Error::NonFiniteFloat { .. } => "a number without end is none; write the number that is meant".to_owned(),
        Error::UnsupportedTag { tag, .. } => untaggable(tag),
        Error::TaggedScalarCannotDeserializeIntoString { .. } => {
            "a tag stands where a text is expected; leave it out, or put the text in quotes".to_owned()
        }
        Error::AliasError { error, .. } => why(error, line),
        Error::UnknownAnchor { .. } => syntax(&ErrorKind::UnknownAnchor),
        Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::RecursiveReferencesRequireWeakTypes { .. } => {
            "aliases (`*name`) make more of this than is read; write out what they stand for".to_owned()
        }
        Error::ContainerEndMismatch { .. } => "a bracket is closed by another kind; close each by its own".to_owned(),
        // What a visitor of ours expected, in our words already.
        other => {
            let text = other.to_string();
            // A key that is no text, in the words of the reader.
            if text.contains("null into string") || text.contains("expected string scalar") {
                return "a key is a text here; write one, and in quotes where it looks like something else".to_owned();
            }
            text.rsplit_once(" at line ")
                .map_or(text.as_str(), |(message, _)| message)
                .trim_end_matches(" at")
                .to_owned()
        }
    }
}

/// A tag that stands in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// The character at which it begins, counted from 0.
    pub start: usize,
    /// How many characters it has.
    pub length: usize,
    /// The line, counted from 1.
    pub line: usize,
    /// The column, counted from 1.
    pub column: usize,
    /// What is wrong with it.
    pub message: String,
}

/// The tags of a text, of YAML's own types (`!!str`) as of others, in their order. None is read here: what a value is
/// shows in how it is written, and a tag that says otherwise would have two readers see two things.
#[must_use]
pub fn tags(text: &str) -> Vec<Tag> {
    if !text.contains('!') {
        return Vec::new();
    }
    // What the scanner stumbles over is for the reader to say.
    let tokens = Scanner::new(StrInput::new(text)).map_while(Result::ok);
    let tag = |token: serde_saphyr::granit_parser::Token<'_>| match token.into_parts() {
        (span, TokenType::Tag(handle, suffix)) => Some(Tag {
            start: span.start.index(),
            length: span.end.index().saturating_sub(span.start.index()),
            line: span.start.line(),
            column: span.start.col() + 1,
            message: untaggable(&format!("{handle}{suffix}")),
        }),
        _ => None,
    };
    tokens.filter_map(tag).take(TAGS).collect()
}

/// How many tags are told.
const TAGS: usize = 100;

fn untaggable(tag: &str) -> String {
    let tag = super::notable::shortened(tag, 60);
    format!("the tag `{tag}` is not read here; leave it out, or put the text in quotes")
}

/// Where nothing better can be said.
const OTHER: &str = "this is not YAML; look at this line and the one before it";

/// Too much of something.
fn beyond(breach: &BudgetBreach) -> String {
    let what = match breach {
        BudgetBreach::Depth { .. } => "nested deeper than is read; take levels out",
        BudgetBreach::Anchors { .. } | BudgetBreach::Aliases { .. } | BudgetBreach::AliasAnchorRatio { .. } => {
            "more anchors (`&name`) and aliases (`*name`) than are read; write out what they stand for"
        }
        _ => "more entries than are read; take out what is not needed",
    };
    what.to_owned()
}

/// What the parser stumbled over.
fn syntax(kind: &ErrorKind) -> String {
    use ErrorKind as E;
    let what = match kind {
        E::UnexpectedEofFlowSequence | E::UnexpectedEofFlowMapping | E::UnexpectedEofImplicitFlowMapping => {
            "the text ends inside a bracket; close it"
        }
        E::UnexpectedEof | E::UnexpectedEofBlockSequence | E::UnexpectedEofBlockMapping => {
            "the text ends too early; complete it"
        }
        E::ExpectedFlowMappingSeparator => "a comma is missing before this, or a `{` is not closed",
        E::ExpectedFlowSequenceSeparator => "a comma is missing before this, or a `[` is not closed",
        E::UnclosedFlowCollection { open } => return format!("the bracket `{open}` is not closed; close it"),
        E::MismatchedFlowCollectionEnd { open, close } => {
            return format!("the bracket `{open}` is closed by `{close}`; close each by its own");
        }
        E::MisplacedFlowCollectionEnd => "a bracket is closed that was not opened; take it out, or open it",
        E::ExpectedBlockMappingKey => {
            "a key was expected; keys of one map are indented alike: look at this line and the ones before it"
        }
        E::ExpectedBlockSequenceEntry => {
            "`- ` was expected; entries of one list are indented alike: look at this line and the ones before it"
        }
        E::BlockEntryInFlowCollection => "`- ` stands inside a bracket; separate entries there by commas",
        E::BlockSequenceEntryNotAllowed | E::InvalidBlockEntryWhitespace => {
            "`- ` cannot begin an entry here; put it on a line of its own, with a space after it"
        }
        E::InvalidIndentation | E::InvalidFlowScalarIndent | E::InvalidQuotedScalarIndent => {
            "indented less than what it belongs to; indent it more"
        }
        E::InvalidBlockScalarIndent => "a line of this text is indented less than its first; indent all of them alike",
        E::TabNotAllowed
        | E::TabInBlockIndentation
        | E::TabInIndentation
        | E::TabAtBlockScalarStart
        | E::TabInPlainScalar => "a tab stands here; use spaces",
        E::SimpleKeyExpected | E::InvalidSimpleKey => {
            "`:` is missing after a key, or a text goes on here without belonging to anything; \
             write `key: value`, and indent the lines of a longer text more than its key"
        }
        E::MappingValueNotAllowed | E::MappingKeyNotAllowed | E::InvalidColonPlacement => {
            "`: ` makes a key of what stands before it, which cannot be here; \
             put a text that holds `: ` in quotes, and indent keys of one map alike"
        }
        E::InvalidMappingValueWhitespace | E::FlowMappingValueAdjacentCollection => "put a space after `:`",
        E::UnexpectedCharacter { character } => {
            let sign = character.escape_default();
            return format!("a text cannot begin with `{sign}`; put it in quotes");
        }
        E::PlainScalarStartsWithDashFlowIndicator | E::UnexpectedEndOfPlainScalar => {
            "this cannot be a text without quotes; put it in quotes"
        }
        E::UnknownAnchor => {
            "`*` stands for something that was named by `&` before, and nothing was; put a text that begins with `*` in quotes"
        }
        E::MissingAnchorOrAliasName => "a text that begins with `&` or `*` has to be in quotes",
        E::UnclosedQuotedScalar => "a quote is not closed; close it",
        E::DocumentIndicatorInQuotedScalar => "`---` or `...` stands inside quotes that are not closed; close them",
        E::InvalidTrailingSingleQuotedScalar | E::InvalidTrailingDoubleQuotedScalar => {
            "something follows a closed quote; put all of it inside the quotes"
        }
        E::UnknownQuotedScalarEscape
        | E::InvalidQuotedScalarHexEscape
        | E::InvalidLowSurrogateHexEscape
        | E::InvalidLowSurrogate
        | E::MissingLowSurrogate
        | E::UnpairedLowSurrogate
        | E::InvalidUnicodeEscape => {
            "`\\` begins an escape that is none; double it, or use single quotes, in which it is a character like any other"
        }
        E::CommentNotSeparated => "put a space before `#`, or quotes around a text that holds it",
        E::CommentInterceptedScalar => "a comment stands inside a text of several lines; move it before the text",
        E::ZeroBlockScalarIndent | E::InvalidBlockScalarHeader => {
            "nothing but a comment can follow `|` or `>`; begin the text on the next line"
        }
        E::MultipleDocumentsUnsupported
        | E::ExpectedDocumentStart
        | E::InvalidDocumentEnd
        | E::MissingDocumentEndBeforeDirective => {
            "something follows the end of the document; put all of it into one, without `---` or `...` between"
        }
        E::RecursionLimitExceeded => "nested deeper than is read; take levels out",
        E::BomInsideDocument => "a byte-order mark stands inside the text; take it out",
        E::DirectiveDisallowed
        | E::DuplicateVersionDirective
        | E::UnsupportedYamlMajorVersion
        | E::DuplicateTagDirective
        | E::MissingDirectiveName
        | E::InvalidDirectiveName
        | E::InvalidDirectiveTerminator
        | E::MissingYamlVersion
        | E::MissingYamlVersionSeparator
        | E::YamlVersionTooLong => {
            "lines that begin with `%` are not needed here; take it out, or put the text in quotes"
        }
        E::UndeclaredTagHandle
        | E::ExpectedTagBang
        | E::InvalidTagTerminator
        | E::InvalidGlobalTagCharacter
        | E::MissingTagUri
        | E::UnclosedVerbatimTag
        | E::InvalidTagEscape => "a text that begins with `!` has to be in quotes",
        _ => OTHER,
    };
    what.to_owned()
}
