//! What must hold for a text in UTF-16, wherever it is cut off.

use countersign::evidence::recognise;
use countersign::workspace::decode::{self, Text};

use crate::report;

/// The text with its byte-order mark, in the order of bytes that is asked for.
fn wide(text: &str, big: bool) -> Vec<u8> {
    let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
    units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
}

pub fn is_the_same_text(bytes: &[u8]) {
    for (big, mark) in [(false, [0xFF, 0xFE]), (true, [0xFE, 0xFF])] {
        whatever_it_is(&[&mark, bytes].concat(), big);
        let Ok(text) = std::str::from_utf8(bytes) else { continue };
        // XML may declare another encoding, which is believed where there is no mark.
        let Ok(Text::Same(_)) = decode::text(bytes) else { continue };
        let wide = wide(text, big);
        let read = decode::text(&wide).expect("all of a text");
        assert_eq!(&*read, bytes, "UTF-16 is read as another text");
        cut_off(&wide, bytes, big);
    }
}

/// Bytes behind a mark are refused, or are the UTF-16 of what they are read as.
fn whatever_it_is(bytes: &[u8], big: bool) {
    match decode::text(bytes) {
        Err(fault) => report::told(&fault),
        Ok(read) => {
            let text = std::str::from_utf8(&read).expect("UTF-8");
            assert_eq!(wide(text, big), bytes, "the text is another one");
        }
    }
}

/// A text that is cut off is read as far as it goes, and one that is cut off within a character is refused.
fn cut_off(wide: &[u8], plain: &[u8], big: bool) {
    // Anywhere behind the mark, and for the same input always at the same place.
    let place = wide
        .iter()
        .fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3));
    let end = 2 + usize::try_from(place >> 20).expect("44 bits") % (wide.len() - 1);
    let part = &wide[..end];
    let last: Option<[u8; 2]> = part[2..].chunks_exact(2).next_back().and_then(|unit| unit.try_into().ok());
    let last = last.map(|unit| if big { u16::from_be_bytes(unit) } else { u16::from_le_bytes(unit) });
    let within = end % 2 == 1 || last.is_some_and(|unit| (0xD800..0xDC00).contains(&unit));
    match decode::text(part) {
        Err(fault) => {
            assert!(within, "refused, though it is cut off between two characters");
            report::told(&fault);
        }
        Ok(read) => {
            assert!(!within, "read, though it is cut off within a character");
            assert!(plain.starts_with(&read), "cut off after {end} bytes, and read as another text");
            assert_eq!(recognise(&read), recognise(&plain[..read.len()]));
        }
    }
}
