//! Texts in UTF-16, which tools on Windows write.

use countersign::evidence::Tally;
use countersign::model::kind::Format;
use countersign::model::report::{About, Place};
use countersign::workspace::decode;
use proptest::prelude::*;
use rstest::rstest;

/// The text with its byte-order mark.
fn wide(text: &str, big: bool) -> Vec<u8> {
    let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
    units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
}

/// What a gate on tests would go by.
fn verdict(bytes: &[u8]) -> String {
    let mut tally = Tally::new(Format::Junit.kind(), None).unwrap();
    let outcome = tally.read(Format::Junit, bytes, &mut About::default());
    format!("{outcome:?} {:?}", tally.measures())
}

#[rstest]
#[case::a_low_half_alone(&[0xDC00], 0)]
#[case::a_high_half_alone(&[0xD83D, 0x41], 0)]
#[case::two_high_halves(&[0xD83D, 0xD83D, 0xDE00], 0)]
#[case::at_the_end(&[0xD83D], 0)]
fn damage_is_told_at_the_byte_where_it_begins(
    #[case] damage: &[u16],
    #[case] after: usize,
    #[values(0, 19, 219_999, 5_000_000)] before: usize,
    #[values(false, true)] big: bool,
) {
    let units = std::iter::once(0xFEFF).chain(std::iter::repeat_n(0x78, before)).chain(damage.iter().copied());
    let bytes: Vec<u8> =
        units.flat_map(|unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect();
    let fault = decode::text(&bytes).err().unwrap();
    let name = if big { "BE" } else { "LE" };
    let expected =
        format!("byte {}: not UTF-16{name}, from here on; write the file as UTF-8", 2 * (1 + before + after));
    assert_eq!(fault.to_string(), expected);
}

#[test]
fn a_byte_too_many_is_told_where_it_stands() {
    let fault = decode::text(b"\xFF\xFEa\0b\0c").err().unwrap();
    assert_eq!(fault.place, Place::Byte(6));
}

proptest! {
    #[test]
    fn a_report_in_utf_16_means_what_it_means_in_utf_8(
        name in "[a-z\u{e9}\u{691c}\u{1f600}<\"]{0,8}", failed: bool, big: bool, cut: prop::sample::Index,
    ) {
        let failure = if failed { "<failure message=\"\u{1f600}\"/>" } else { "" };
        let name = name.replace('<', "&lt;").replace('"', "&quot;");
        let text = format!("<testsuite name=\"s\"><testcase name=\"{name}\">{failure}</testcase></testsuite>");
        let wide = wide(&text, big);
        prop_assert_eq!(verdict(&decode::text(&wide).unwrap()), verdict(text.as_bytes()));

        let end = 2 + cut.index(wide.len() - 2);
        if let Ok(part) = decode::text(&wide[..end]) {
            prop_assert!(text.as_bytes().starts_with(&part));
            prop_assert_eq!(verdict(&part), verdict(&text.as_bytes()[..part.len()]));
            prop_assert!(verdict(&part).starts_with("Err"), "cut off, and believed");
        } else {
            // Within a character, of two bytes or of four.
            let may = end % 2 == 1 || text.contains('\u{1f600}');
            prop_assert!(may, "cut off between two characters, and refused");
        }
    }
}
