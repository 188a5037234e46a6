//! Requirements: parsed, checked and answered.

use std::collections::BTreeMap;

use countersign::decide::explain::unmet;
use countersign::model::catalogue::Type;
use countersign::model::measures::Measure;
use countersign::policy::evaluate::{Facts, Given, Truth, condition, names_unknown, number};
use countersign::policy::expression::{Arguments, Expression, Parameters, Scope, nearest};
use proptest::prelude::*;
use rstest::rstest;

struct World(BTreeMap<&'static str, Option<Measure>>);

impl World {
    fn new() -> Self {
        Self(BTreeMap::from([
            ("tests.failed", Some(Measure::Number(3.0))),
            ("tests.total", Some(Measure::Number(200.0))),
            ("tests.time", Some(Measure::Seconds(90.0))),
            ("tests.failing", Some(Measure::Names(vec!["a › x".into(), "b › y".into()]))),
            ("gone", None),
            ("flag", Some(Measure::Flag(true))),
            ("missing", None),
            ("environment", Some(Measure::Text("production".into()))),
        ]))
    }
}

impl Scope for World {
    fn type_of(&self, name: &str) -> Option<Type> {
        Some(match name {
            "missing" => Type::Flag,
            "gone" => Type::Number,
            name => match self.0.get(name)?.as_ref()? {
                Measure::Number(_) => Type::Number,
                Measure::Seconds(_) => Type::Duration,
                Measure::Flag(_) => Type::Flag,
                Measure::Text(_) => Type::Text,
                Measure::Names(_) => Type::Names,
            },
        })
    }
    fn names(&self) -> Vec<&str> {
        self.0.keys().copied().collect()
    }
}

impl Facts for World {
    fn value(&self, name: &str) -> Option<Given<'_>> {
        self.0.get(name)?.as_ref().map(Given::from)
    }
}

fn answer(source: &str) -> Truth {
    let world = World::new();
    let expression = Expression::condition(source, &world).unwrap_or_else(|mistakes| panic!("{source}: {mistakes:?}"));
    condition(&expression.term, &world)
}

#[rstest]
#[case("tests.failed == 3", Truth::True)]
#[case("tests.failed == 3.0", Truth::True)]
#[case("tests.failed <= 2.5", Truth::False)]
#[case("tests.failed / tests.total < 0.01", Truth::False)]
#[case("tests.failed / tests.total < 0.02", Truth::True)]
#[case("40 * 0.2 == 8", Truth::True)]
#[case("tests.total <= 1.10 * 200", Truth::True)]
#[case("-tests.failed < 0", Truth::True)]
#[case("tests.time < duration('2min')", Truth::True)]
#[case("tests.time == duration('1min30s')", Truth::True)]
#[case("tests.time / duration('30s') == 3", Truth::True)]
#[case("tests.time * 2 > duration('3m')", Truth::False)]
#[case("size(tests.failing) == 2 && tests.failing.size() == 2", Truth::True)]
#[case("'a › x' in tests.failing", Truth::True)]
#[case("!('c' in tests.failing)", Truth::True)]
#[case("tests.failing.all(name, name.startsWith('a'))", Truth::False)]
#[case("tests.failing.exists(name, name.contains('y') && name.endsWith('y'))", Truth::True)]
#[case("environment == 'production' ? tests.failed <= 3 : true", Truth::True)]
#[case("environment in ['staging', 'production']", Truth::True)]
#[case("tests.failed in [1, 2, 3]", Truth::True)]
#[case("math.least(20, tests.total / 100) == 2 && math.greatest(1, 2.5) == 2.5", Truth::True)]
#[case("flag && !(!flag)", Truth::True)]
#[case("double(tests.failed) > 2.0 && int(tests.total) == 200", Truth::True)]
fn requirements_are_answered_as_people_read_them(#[case] source: &str, #[case] expected: Truth) {
    assert_eq!(answer(source), expected, "{source}");
}

#[rstest]
#[case("gone == 0", Truth::Unknown)]
#[case("gone != 0", Truth::Unknown)]
#[case("!(gone == 0)", Truth::Unknown)]
#[case("gone == gone", Truth::Unknown)]
#[case("missing", Truth::Unknown)]
#[case("!missing", Truth::Unknown)]
#[case("tests.failed == 3 && gone == 0", Truth::Unknown)]
#[case("gone == 0 && tests.failed == 3", Truth::Unknown)]
#[case("tests.failed == 0 && gone == 0", Truth::False)]
#[case("gone == 0 && tests.failed == 0", Truth::False)]
#[case("gone == 0 || tests.failed == 3", Truth::True)]
#[case("tests.failed == 3 || gone == 0", Truth::True)]
#[case("gone == 0 || tests.failed == 0", Truth::Unknown)]
#[case("missing ? tests.failed == 3 : tests.total == 200", Truth::True)]
#[case("missing ? tests.failed == 3 : tests.total == 1", Truth::Unknown)]
#[case("tests.total / (tests.failed - 3) > 0", Truth::Unknown)]
#[case("math.least(gone, 1) <= 1", Truth::Unknown)]
fn what_is_unknown_settles_nothing_that_it_could_change(#[case] source: &str, #[case] expected: Truth) {
    assert_eq!(answer(source), expected, "{source}");
}

#[rstest]
#[case("tests.faild == 0", "there is no measure `tests.faild` here; did you mean `tests.failed`?")]
#[case("tests.failed == '0'", "a number is compared with a text")]
#[case("tests.time < 90", "write a length of time as `duration('4h')`")]
#[case("tests.time < 4h", "not an expression")]
#[case("tests.time < duration('4 hours')", "`4 hours` is no length of time")]
#[case("tests.failed", "expected a condition, which is true or false; this is a number")]
#[case("tests.failed && true", "expected a yes or no, this is a number")]
#[case("tests.failing.filter(x, true)", "only `exists` and `all`")]
#[case("tests.failing.exists(a, tests.failing.all(b, true))", "a loop within a loop")]
#[case("tests.failing[0] == 'a'", "entries have no position here")]
#[case("tests.total % 2 == 0", "`%` is not available")]
#[case("matches(environment, '(a+)+$')", "there is no function `matches`")]
#[case("siz(tests.failing) == 0", "did you mean `size`?")]
#[case("[] == []", "an empty list says nothing")]
#[case("1e400 > 0", "")]
#[case("", "not an expression")]
#[case("9007199254740993 == 1", "beyond 2^53")]
fn mistakes_are_told_before_anything_runs(#[case] source: &str, #[case] says: &str) {
    let mistakes = Expression::condition(source, &World::new()).expect_err(source);
    assert!(mistakes.iter().any(|mistake| mistake.message.contains(says)), "{source}: {mistakes:?}");
    let length = source.chars().count();
    assert!(mistakes.iter().all(|mistake| mistake.length >= 1 && mistake.at <= length), "{source}: {mistakes:?}");
}

#[rstest]
#[case("tests.faild == 0", 0, 11)]
#[case("true && tests.faild == 0", 8, 11)]
#[case("tests.total > 1 && nope", 19, 4)]
fn a_mistake_is_pointed_at(#[case] source: &str, #[case] at: usize, #[case] length: usize) {
    let mistakes = Expression::condition(source, &World::new()).expect_err(source);
    assert_eq!((mistakes[0].at, mistakes[0].length), (at, length), "{mistakes:?}");
}

#[test]
fn an_expression_has_bounds() {
    let deep = format!("{}true{}", "(".repeat(5000), ")".repeat(5000));
    assert!(Expression::condition(&deep, &World::new()).is_err());
    let long = vec!["true"; 400].join(" && ");
    assert_eq!(answer(&long), Truth::True);
    let too_long = vec!["true"; 2000].join(" && ");
    assert!(Expression::condition(&too_long, &World::new()).is_err());
    let nested = format!("{}flag{}", "!(".repeat(40), ")".repeat(40));
    let _ = Expression::condition(&nested, &World::new());
}

#[test]
fn the_part_that_fails_is_told_with_its_values() {
    let world = World::new();
    let source = "tests.total >= 100 && tests.failed == 0 && tests.time <= duration('1min') && gone < 1";
    let expression = Expression::condition(source, &world).unwrap();
    assert_eq!(
        unmet(&expression.term, &world),
        [
            "`tests.failed == 0` is not met: tests.failed is 3",
            "`tests.time <= duration('60s')` is not met: tests.time is 90 s",
            "`gone < 1` cannot be told: gone is unknown",
        ]
    );
}

#[test]
fn suggestions_are_near_or_none() {
    assert_eq!(nearest("finding.error", &["findings.error", "findings.note"]), Some("findings.error"));
    assert_eq!(nearest("ab", &["xyz"]), None);
    assert_eq!(nearest("tests.faield", &["tests.failed"]), Some("tests.failed"));
}

fn term() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("tests.failed == 3".to_owned()),
        Just("tests.failed > 5".to_owned()),
        Just("gone == 1".to_owned()),
        Just("missing".to_owned()),
        Just("flag".to_owned()),
    ];
    leaf.prop_recursive(4, 32, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} && {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} || {b})")),
            inner.prop_map(|a| format!("!({a})")),
        ]
    })
}

proptest! {
    /// What the evaluator settles with unknowns stays settled, whatever they turn out to be.
    #[test]
    fn an_answer_survives_every_value_of_what_was_unknown(source in term()) {
        let world = World::new();
        let expression = match Expression::condition(&source, &world) {
            Ok(expression) => expression,
            // What can never hold is refused before it is asked.
            Err(mistakes) => {
                prop_assert!(mistakes.iter().all(|it| it.message.contains("never holds together")), "{source}: {mistakes:?}");
                return Ok(());
            }
        };
        let told = condition(&expression.term, &world);
        for gone in [0.0, 1.0] {
            for missing in [true, false] {
                let mut full = World::new();
                full.0.insert("gone", Some(Measure::Number(gone)));
                full.0.insert("missing", Some(Measure::Flag(missing)));
                let settled = condition(&expression.term, &full);
                prop_assert_ne!(settled, Truth::Unknown);
                if told != Truth::Unknown {
                    prop_assert_eq!(told, settled, "{}", source);
                }
            }
        }
    }

    #[test]
    fn no_text_makes_the_check_panic(source in "\\PC{0,60}") {
        let _ = Expression::condition(&source, &World::new());
    }
}

/// What speaks of a release rather than of a report.
struct Release;

impl Scope for Release {
    fn type_of(&self, name: &str) -> Option<Type> {
        match name {
            "release.changes" => Some(Type::Number),
            "release.age" => Some(Type::Duration),
            "release.authors" => Some(Type::Names),
            _ => None,
        }
    }
    fn names(&self) -> Vec<&str> {
        vec!["release.changes", "release.age", "release.authors"]
    }
    fn noun(&self) -> &'static str {
        "fact"
    }
    fn function(&self, name: &str) -> Option<Parameters> {
        match name {
            "change.only" => Some(Parameters::Globs),
            "release.fixes" => Some(Parameters::Name(&["incident", "running.vulnerabilities.exploited"])),
            _ => None,
        }
    }
    fn functions(&self) -> Vec<&str> {
        vec!["change.only", "release.fixes"]
    }
}

/// The names that have a value, and the predicates that have an answer.
struct Told(&'static [&'static str]);

impl Facts for Told {
    fn value(&self, name: &str) -> Option<Given<'_>> {
        if !self.0.contains(&name) {
            return None;
        }
        match name {
            "release.changes" => Some(Given::Number(4.0)),
            "release.age" => Some(Given::Seconds(60.0)),
            _ => None,
        }
    }
    fn holds(&self, name: &str, arguments: &Arguments) -> Truth {
        match (self.0.contains(&name), name) {
            (true, "change.only") if arguments.written == ["docs/**", "x/**"] => Truth::True,
            (true, "release.fixes") if arguments.written == ["incident"] => Truth::False,
            _ => Truth::Unknown,
        }
    }
}

#[rstest]
#[case("change.only('docs/**', \"x/**\")", Truth::True)]
#[case("!release.fixes(incident) && release.changes < 5", Truth::True)]
#[case("change.only('docs/**')", Truth::Unknown)]
#[case("release.fixes(running.vulnerabilities.exploited) || release.age == duration('1min')", Truth::True)]
fn a_predicate_is_answered_as_a_whole(#[case] source: &str, #[case] expected: Truth) {
    let told = Told(&["change.only", "release.fixes", "release.changes", "release.age"]);
    let expression = Expression::condition(source, &Release).unwrap();
    assert_eq!(condition(&expression.term, &told), expected);
}

#[rstest]
#[case("change.only()", 0, 13, "`change.only` takes globs in quotes, as in `change.only('docs/**', '*.md')`")]
#[case("change.only('a', docs)", 17, 4, "`change.only` takes globs in quotes, as in `change.only('docs/**', '*.md')`")]
#[case("change.only('docs/**', '[')", 23, 3, "`[` is no glob: unclosed character class; missing ']'")]
#[case(
    "release.fixes(incidnt)",
    14,
    7,
    "`release.fixes` takes one of `incident`, `running.vulnerabilities.exploited`; did you mean `incident`?"
)]
#[case("release.fixes(4)", 14, 1, "`release.fixes` takes one of `incident`, `running.vulnerabilities.exploited`")]
#[case(
    "true && release.fixes()",
    8,
    15,
    "`release.fixes` takes one of `incident`, `running.vulnerabilities.exploited`"
)]
#[case("change.onyl('a')", 0, 16, "there is no function `change.onyl`; did you mean `change.only`?")]
#[case("release.change < 3", 0, 14, "there is no fact `release.change` here; did you mean `release.changes`?")]
#[case("release.age < 4", 0, 15, "a duration is compared with a number; write a length of time as `duration('4h')`")]
#[case("release.changes = 4", 16, 1, "not an expression: `=` means nothing here; to compare, write `==`")]
#[case("release.changes == 4 and true", 21, 3, "not an expression: unexpected `and`; for `and`, write `&&`")]
#[case("release.age < 4h", 15, 1, "not an expression: unexpected `h`; write a length of time as `duration('4h')`")]
#[case("(release.changes\n < 4", 21, 1, "not an expression: it ends too early")]
#[case("'é' in release.authors && 'b", 26, 2, "not an expression: the text that begins here lacks its closing `'`")]
#[case(
    r"'\d' in release.authors",
    0,
    3,
    r"not an expression: `\d` stands for no character; for a backslash, write `\\`"
)]
#[case("{'a': 1} == 1", 0, 1, "not an expression: there are no maps, only lists `[…]`")]
#[case(
    "has(release.age)",
    0,
    16,
    "`has` is not available: what has no value is unknown, and so is the answer that depends on it"
)]
#[case("release.authors.all(a.b, true)", 20, 3, "expected a name for an entry, a word of its own")]
#[case("if == 4", 0, 2, "not an expression: `if` is a reserved word")]
fn a_mistake_says_what_to_write(#[case] source: &str, #[case] at: usize, #[case] length: usize, #[case] says: &str) {
    let mistakes = Expression::condition(source, &Release).expect_err(source);
    let first = &mistakes[0];
    assert_eq!((first.at, first.length, first.message.as_str()), (at, length, says));
}

#[test]
fn a_calculation_comes_to_a_number() {
    let told = Told(&["release.changes", "release.age"]);
    let points = Expression::number("release.changes * 2 + (release.age > duration('1h') ? 10 : 1)", &Release).unwrap();
    assert_eq!(number(&points.term, &told), Some(9.0));
    let mistakes = Expression::number("release.age", &Release).unwrap_err();
    assert_eq!(mistakes[0].message, "expected a number; this is a duration");
    assert!(Expression::number("release.changes > 1", &Release).is_err());
}

#[rstest]
#[case("release.changes > 1 && release.age > duration('1h')", &["release.changes"], &["release.age"])]
#[case("release.changes > 1 && release.age > duration('1h')", &["release.age"], &[])]
#[case("change.only('a') || !release.fixes(incident) || release.changes / (1 - 1) > 1", &["release.fixes", "release.changes"], &[])]
#[case("change.only('a') || release.fixes(incident) || release.changes > 9", &[], &["change.only", "release.fixes", "release.changes"])]
#[case("['a', 'b'].exists(x, x == 'a' && change.only('a') && 'c' in release.authors)", &[], &["change.only", "release.authors"])]
#[case("release.changes / (1 - 1) > 1", &["release.changes"], &[])]
fn what_an_unknown_answer_hangs_on_is_named(
    #[case] source: &str,
    #[case] told: &'static [&'static str],
    #[case] unknown: &[&str],
) {
    let expression = Expression::condition(source, &Release).unwrap();
    assert_eq!(names_unknown(&expression.term, &Told(told)), unknown);
}

/// What the reference says that there is not, and what it gives as examples of what there is.
#[test]
fn the_reference_says_what_there_is_of_cel() {
    let reference = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reference.md")).unwrap();
    let section = |from: &str, to: &str| {
        let rest = reference.split_once(from).unwrap_or_else(|| panic!("no {from:?}")).1;
        rest.split_once(to).unwrap().0.to_owned()
    };
    let refused = section("### What there is of CEL", "\n## ");
    let rows: Vec<_> = refused.lines().filter(|line| line.starts_with("| ") && line.contains('`')).collect();
    assert!(rows.len() >= 10, "{refused}");
    for row in rows {
        let examples = row.split(" | ").nth(1).unwrap();
        for example in examples.split('`').skip(1).step_by(2) {
            assert!(Expression::condition(example, &World::new()).is_err(), "`{example}` is there");
        }
    }
    let said = refused.split("What is not there").next().unwrap();
    for word in said.split('`').skip(1).step_by(2).filter(|word| word.starts_with(|c: char| c.is_ascii_alphabetic())) {
        let example = match word {
            "in" => "tests.failed in [1]".to_owned(),
            "duration" => "tests.time < duration('1h')".to_owned(),
            "size" => "size(tests.failing) == 0".to_owned(),
            "all" | "exists" => format!("tests.failing.{word}(name, name == 'a')"),
            "int" | "uint" | "double" | "math.least" | "math.greatest" => format!("{word}(tests.failed) == 0"),
            text => format!("environment.{text}('a')"),
        };
        assert!(Expression::condition(&example, &World::new()).is_ok(), "`{example}` is not there");
    }
}
