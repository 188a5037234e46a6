//! Delimited text, row by row.

use countersign::evidence::rows::Rows;
use countersign::model::bounds::Bounds;

const ROW_LIMIT: usize = Bounds::LEFT_OUT.text;
use countersign::model::report::Fault;

/// All rows, each with the line that it begins on.
fn all(text: &str, delimiter: u8) -> Result<Vec<(String, Vec<String>)>, Fault> {
    let mut rows = Rows::new(text.as_bytes(), delimiter, &Bounds::LEFT_OUT);
    let mut found = Vec::new();
    loop {
        let mut fields = Vec::new();
        let read = rows.next(|index, field| {
            assert_eq!(index, fields.len());
            fields.push(field.to_owned());
            Ok(())
        })?;
        let Some(count) = read else { return Ok(found) };
        assert_eq!(count, fields.len());
        found.push((rows.place().to_string(), fields));
    }
}

// What Python's csv module reads from the same texts.
#[rstest::rstest]
#[case::plain("a,b\nc,d\n", ',', "1:a|b 2:c|d")]
#[case::no_break_at_the_end("a,b\r\nc,d", ',', "1:a|b 2:c|d")]
#[case::empty_fields(",\n,,", ',', "1:| 2:||")]
#[case::doubled_quotes("\"a\"\"b\",\"\"\"\"\n", ',', "1:a\"b|\"")]
#[case::an_empty_quoted_field("\"\",x", ',', "1:|x")]
#[case::a_quote_inside_of_a_field("a\"b,c", ',', "1:a\"b|c")]
#[case::breaks_and_delimiters_in_quotes("\"a;\nb\";c\nd;e", ';', "1:a;\nb|c 3:d|e")]
#[case::empty_lines("\n\na\n\r\n\nb\n", ',', "3:a 6:b")]
#[case::nothing("", ',', "")]
fn rows_are_read_as_rfc_4180_has_them(#[case] text: &str, #[case] delimiter: char, #[case] expected: &str) {
    let rows = all(text, u8::try_from(delimiter).unwrap()).unwrap();
    let shown: Vec<String> = rows
        .iter()
        .map(|(place, fields)| {
            format!("{}:{}", place.trim_start_matches("line ").trim_end_matches(": "), fields.join("|"))
        })
        .collect();
    assert_eq!(shown.join(" "), expected);
}

#[test]
fn a_row_of_just_the_limit_is_read_and_a_longer_one_is_not() {
    let row = |length: usize| format!("x\n{}\n", "a".repeat(length));
    assert_eq!(all(&row(ROW_LIMIT), b',').unwrap().len(), 2);
    assert!(all(&row(ROW_LIMIT + 1), b',').unwrap_err().to_string().starts_with("line 2: a row of more than"));
    let quoted = |length: usize| format!("\"{}\",b\nc,d\n", "a\n".repeat(length));
    assert_eq!(all(&quoted(ROW_LIMIT / 2 - 4), b',').unwrap().len(), 2);
    assert!(all(&quoted(ROW_LIMIT), b',').unwrap_err().to_string().starts_with("line 1: a row of more than"));
}
