//! Our XML reader against `quick-xml`, which was written by others.
//!
//! What ours reads, both must tell alike. Ours is stricter on purpose: see [`STRICTER`].

use std::fmt::Write as _;

use countersign::evidence::xml::{Event, Xml};
use countersign::model::report::Fault;
use countersign::model::verdict::Reason;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event as Theirs};

/// What we refuse and `quick-xml` tells: what XML forbids and it does not look at, and what no report needs.
const STRICTER: [&str; 14] = [
    "expected the name of a",
    "expected an element, found",
    "expected `<!--`",
    "the document ends inside an element",
    "a second element stands after the document's root",
    "the character NUL",
    // A quote in it that is not closed; `quick-xml` minds none there.
    "a `<!DOCTYPE` that is not closed",
    "the document declares an internal DTD subset",
    "an entity that XML does not define itself",
    "no space stands after the attribute",
    "expected `</",
    "the attribute `",
    "expected the number of a character",
    // A character that XML does not allow, by its number.
    "`&#",
];

/// Fails where the two disagree; says whether ours read the document.
pub fn agrees(bytes: &[u8]) -> bool {
    match (told(bytes), told_by_quick_xml(bytes)) {
        (Ok(ours), theirs) => {
            assert_eq!(Some(ours), theirs, "{}", String::from_utf8_lossy(bytes));
            true
        }
        (Err(fault), theirs) => {
            let known = STRICTER.iter().any(|beginning| fault.message.starts_with(beginning));
            let beyond = fault.reason == Reason::BeyondLimit;
            assert!(theirs.is_none() || known || beyond, "refused: {fault}\n{}", String::from_utf8_lossy(bytes));
            false
        }
    }
}

/// All that a document tells: each opening with its name and attributes, each closing, and text as it stands
/// between them.
fn told(bytes: &[u8]) -> Result<String, Fault> {
    let mut xml = Xml::new(bytes);
    let (mut all, mut text) = (String::new(), String::new());
    loop {
        let event = xml.next()?;
        if let Event::Text(run) = &event {
            text.push_str(run);
            continue;
        }
        if !text.is_empty() {
            let _ = writeln!(all, "{:?}", std::mem::take(&mut text));
        }
        match event {
            Event::Open(tag) => {
                let _ = write!(all, "<{}", tag.name());
                tag.raw_attributes(&xml, |name, value| {
                    let _ = write!(all, " {name}={:?}", value.as_written());
                    Ok(())
                })?;
                all.push_str(">\n");
            }
            Event::Close => all.push_str("</>\n"),
            Event::Text(_) => {}
            Event::End => return Ok(all),
        }
    }
}

/// The same, as `quick-xml` tells it, which was written by others.
fn told_by_quick_xml(bytes: &[u8]) -> Option<String> {
    fn open(all: &mut String, tag: &BytesStart<'_>) -> Option<()> {
        let _ = write!(all, "<{}", tag.local_name().into_inner());
        for attribute in tag.attributes() {
            let attribute = attribute.ok()?;
            let _ = write!(all, " {}={:?}", attribute.key.local_name().into_inner(), attribute.value);
        }
        all.push_str(">\n");
        Some(())
    }

    let mut reader = quick_xml::Reader::from_reader(bytes);
    let (mut all, mut text) = (String::new(), String::new());
    let mut depth = 0;
    loop {
        let event = reader.read_event().ok()?;
        match &event {
            Theirs::Text(run) if depth > 0 => text.push_str(run),
            Theirs::CData(run) => text.push_str(run),
            Theirs::GeneralRef(reference) => match reference.resolve_char_ref().ok()? {
                Some(character) => text.push(character),
                None => text.push_str(resolve_predefined_entity(reference)?),
            },
            _ => {}
        }
        if !text.is_empty() && matches!(event, Theirs::Start(_) | Theirs::Empty(_) | Theirs::End(_) | Theirs::Eof) {
            let _ = writeln!(all, "{:?}", std::mem::take(&mut text));
        }
        match event {
            Theirs::Start(tag) => {
                open(&mut all, &tag)?;
                depth += 1;
            }
            Theirs::Empty(tag) => {
                open(&mut all, &tag)?;
                all.push_str("</>\n");
            }
            Theirs::End(_) => {
                all.push_str("</>\n");
                depth -= 1;
            }
            Theirs::Eof => return Some(all),
            _ => {}
        }
    }
}
