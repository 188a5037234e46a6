//! Brings the encodings that tools write to UTF-8, which is what parsers read.
//!
//! UTF-8 passes through untouched. UTF-16 is told by its byte-order mark, any
//! other encoding by what an XML declaration says. What is converted goes to
//! memory while it is small and to an unnamed temporary file otherwise, so that
//! memory stays constant.

use std::io::Write as _;
use std::ops::Deref;

use encoding_rs::{DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};

use super::mapping::Mapped;
use crate::model::report::{Fault, Place};
use crate::model::verdict::Reason;

/// Up to this size a conversion stays in memory.
const IN_MEMORY: usize = 8 << 20;

/// Text as UTF-8 bytes.
pub enum Text<'a> {
    /// As it was.
    Same(&'a [u8]),
    /// Converted, in memory.
    Copied(Vec<u8>),
    /// Converted, in a temporary file.
    Spooled(Mapped),
}

impl Deref for Text<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Same(bytes) => bytes,
            Self::Copied(bytes) => bytes,
            Self::Spooled(mapped) => mapped,
        }
    }
}

/// The content as UTF-8.
pub fn text(bytes: &[u8]) -> Result<Text<'_>, Fault> {
    let (encoding, content) = match bytes {
        [0xFF, 0xFE, rest @ ..] => (UTF_16LE, rest),
        [0xFE, 0xFF, rest @ ..] => (UTF_16BE, rest),
        _ => (declared(bytes)?, bytes),
    };
    if encoding == UTF_8 {
        return Ok(Text::Same(bytes));
    }
    if bytes.len() <= IN_MEMORY {
        let mut copied = Vec::new();
        convert(encoding, bytes, content, |part| {
            copied.extend_from_slice(part);
            Ok(())
        })?;
        return Ok(Text::Copied(copied));
    }
    let mut spool = tempfile::tempfile().map_err(|error| no_room(&error))?;
    convert(encoding, bytes, content, |part| spool.write_all(part).map_err(|error| no_room(&error)))?;
    Mapped::new(&spool).map(Text::Spooled).map_err(|error| no_room(&error))
}

/// The encoding that an XML declaration names, else UTF-8.
fn declared(bytes: &[u8]) -> Result<&'static Encoding, Fault> {
    let head = bytes.get(..bytes.len().min(200)).unwrap_or_default();
    if !head.starts_with(b"<?xml") {
        return Ok(UTF_8);
    }
    let end = memchr::memchr(b'>', head).unwrap_or(head.len());
    let declaration = String::from_utf8_lossy(head.get(..end).unwrap_or_default());
    let Some((_, after)) = declaration.split_once("encoding") else { return Ok(UTF_8) };
    let after = after.trim_start().trim_start_matches('=').trim_start();
    let Some(quote) = after.chars().next().filter(|c| matches!(c, '"' | '\'')) else { return Ok(UTF_8) };
    let label = after.trim_start_matches(quote).split(quote).next().unwrap_or_default();
    match Encoding::for_label(label.as_bytes()) {
        // Without a byte-order mark the bytes that say "UTF-16" are not UTF-16.
        Some(encoding) if encoding == UTF_16LE || encoding == UTF_16BE => Ok(UTF_8),
        Some(encoding) => Ok(encoding),
        None => Err(Fault::malformed(
            Place::Line(1, 0),
            format!("the encoding `{label}` is not known; write the file as UTF-8"),
        )),
    }
}

/// Converts what is left of a file behind its mark.
fn convert(
    encoding: &'static Encoding,
    file: &[u8],
    content: &[u8],
    mut take: impl FnMut(&[u8]) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let mut room = vec![0_u8; 64 * 1024];
    let mut at = file.len() - content.len();
    loop {
        let rest = file.get(at..).unwrap_or_default();
        let (result, read, written) = decoder.decode_to_utf8_without_replacement(rest, &mut room, true);
        take(room.get(..written).unwrap_or_default())?;
        at += read;
        match result {
            DecoderResult::InputEmpty => return Ok(()),
            DecoderResult::OutputFull => {}
            // The decoder has read the damage and, to see that it is any, sometimes what comes after it.
            DecoderResult::Malformed(damaged, after) => {
                let begins = at.saturating_sub(usize::from(damaged) + usize::from(after));
                return Err(Fault::malformed(
                    Place::Byte(begins as u64),
                    format!("not {}, from here on; write the file as UTF-8", encoding.name()),
                ));
            }
        }
    }
}

fn no_room(error: &std::io::Error) -> Fault {
    Fault {
        reason: Reason::Unreadable,
        place: Place::Whole,
        message: format!(
            "could not be brought to UTF-8 for want of a temporary file: {error}; set TMPDIR to a folder with room"
        ),
    }
}
