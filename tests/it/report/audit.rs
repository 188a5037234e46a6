//! Reports as tables: what somebody wrote is one cell, and no formula.

use countersign::model::audit::{Cell, Cover, Report};
use countersign::model::due::ReportKind;
use countersign::model::period::Period;
use countersign::report::audit;

fn report(text: &str) -> Report {
    let cover = Cover {
        tool: "countersign".to_owned(),
        zone: "UTC".to_owned(),
        repository: None,
        log: "log.example".to_owned(),
        entries: 0,
        root: String::new(),
        key_was_brought: true,
        of_period: None,
        sums: Vec::new(),
        notes: Vec::new(),
    };
    Report {
        kind: ReportKind::Population,
        period: Period::read("2026-Q4", chrono_tz::UTC).unwrap(),
        cover,
        columns: &["what"],
        rows: vec![vec![Cell::Text(text.to_owned())]],
    }
}

#[test]
fn t57_no_cell_is_a_formula_and_every_cell_is_one_cell() {
    for (text, expected) in [
        ("plain", "plain"),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("  =1", "'  =1"),
        ("\t=1", "\"'\t=1\""),
        ("\r=1", "\"'\r=1\""),
        ("\0=1", "'\u{fffd}=1"),
        ("＝1", "'＝1"),
        ("a,b", "\"a,b\""),
        ("a;b", "\"a;b\""),
        ("say \"no\"", "\"say \"\"no\"\"\""),
        ("two\nlines", "\"two\nlines\""),
        ("=HYPERLINK(\"http://x\",\"y\")", "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\""),
    ] {
        assert_eq!(audit::csv(&report(text)), format!("what\r\n{expected}\r\n"), "{text:?}");
        // JSON has it as it is.
        let json: serde_json::Value = serde_json::from_str(&audit::json(&report(text)).unwrap()).unwrap();
        assert_eq!(json["rows"][0]["what"], text);
    }
}

#[test]
fn what_is_none_and_what_is_not_known_are_no_empty_cells() {
    assert_eq!((Cell::None.line(), Cell::None.json()), ("none".to_owned(), serde_json::Value::Null));
    let unknown = Cell::Unknown("gone".to_owned());
    assert_eq!(
        (unknown.line(), unknown.json()),
        ("not known: gone".to_owned(), serde_json::json!({"unknown": "gone"}))
    );
    assert_eq!(Cell::text(Some("")), Cell::None);
}
