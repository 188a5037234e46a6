//! Conditions that can never hold together are refused where the second stands, and no others are.

use countersign::model::catalogue::Type;
use countersign::policy::{self, expression::Expression, expression::Scope};
use proptest::collection::vec;
use proptest::prelude::*;
use rstest::rstest;

use super::{source, told};

const HEAD: &str = "version: 1
environments: {staging: {approval: automatic}, production: {approval: formal}}
components:
  pay: {paths: ['p/**'], tier: critical, team: web}
  wiki: {paths: ['w/**'], tier: routine, team: docs}
roles: {r: {members: ['user:a', 'user:b']}}
risk: {weights: {tier.critical: 40}, impact: {high: 30, medium: 20}}
";
const GATES: &str = "gates: {g: {junit: a.xml, require: 'true'}}";

fn complaints(rest: &str) -> String {
    let gates = if rest.starts_with("gates") { "" } else { GATES };
    match policy::read(vec![source("policy.yml", &format!("{HEAD}{gates}\n{rest}\n"))]) {
        Ok(policy) => told(&policy.warnings),
        Err(list) => told(&list),
    }
}

#[rstest]
#[case::words(
    "component.tier == 'critical' && component.tier == 'routine'",
    "`component.tier == 'routine'` never holds together with `component.tier == 'critical'`; write `||` where either is meant, or mend one of them"
)]
#[case::numbers(
    "release.lines > 3 && release.files < 9 && release.lines < 2",
    "`release.lines < 2` never holds together with `release.lines > 3`"
)]
#[case::edge("release.lines > 3 && release.lines <= 3", "`release.lines <= 3` never holds together with")]
#[case::constants_first("3 <= release.lines && 2.5 >= release.lines", "`2.5 >= release.lines` never holds")]
#[case::times(
    "team.mttr_90d > duration('4h') && team.mttr_90d < duration('90min')",
    "`team.mttr_90d < duration('90min')` never holds together with `team.mttr_90d > duration('4h')`"
)]
#[case::every_word_left_out(
    "release.impact != 'low' && release.impact != 'high' && release.impact != 'medium'",
    "`release.impact != 'medium'` never holds together with all that stands before it"
)]
#[case::lists(
    "component.tier in ['critical', 'important'] && component.tier == 'routine'",
    "`component.tier == 'routine'` never holds together with `component.tier in ['critical', 'important']`"
)]
#[case::negated("release.lines < 2 && !(release.lines < 2)", "`!(release.lines < 2)` never holds together with")]
#[case::flags("release.is_rollback && !release.is_rollback", "`!release.is_rollback` never holds together with")]
#[case::the_same_question(
    "change.only('docs/**') && release.lines > 1 && !change.only('docs/**')",
    "`!change.only('docs/**')` never holds together with `change.only('docs/**')`"
)]
#[case::within(
    "release.files > 3 || (release.lines > 5 && release.lines < 4)",
    "`release.lines < 4` never holds together with `release.lines > 5`"
)]
#[case::bracketed(
    "(release.lines > 5 && release.files > 1) && release.lines < 4",
    "`release.lines < 4` never holds together with"
)]
#[case::entries(
    "release.components.exists(c, c == 'pay' && c == 'wiki')",
    "`c == 'wiki'` never holds together with `c == 'pay'`"
)]
fn what_never_holds_together_is_refused_at_its_place(#[case] when: &str, #[case] says: &str) {
    let told = complaints(&format!("raci: [{{when: \"{when}\", accountable: r}}, {{accountable: r}}]"));
    let found = told.split("\n\n").find(|one| one.contains(says)).unwrap_or_else(|| panic!("{told}"));
    assert!(found.starts_with("error[bad-expression]"), "{found}");
    // The carets are under the part that clashes, and that is told once.
    let part = says.trim_start_matches('`').split('`').next().unwrap();
    assert_eq!(found.matches('^').count(), part.chars().count(), "{found}");
    assert_eq!(told.matches("never holds together").count(), 1, "{told}");
}

#[rstest]
#[case::route(
    "routes: {normal: {approvals: {r: 1}}, huge: {when: release.lines > 9 && release.lines < 9, approvals: {r: 1}}}"
)]
#[case::gate("gates: {g: {junit: a.xml, require: 'tests.failed > 3 && tests.failed < 2'}}")]
#[case::class("classes: {emergency: {when: \"incident.severity <= 1 && incident.severity >= 2\"}}")]
#[case::review("reviews: {pir: {when: \"outcome == 'failed' && outcome == 'succeeded'\", by: r, within: 1d}}")]
#[case::alone(
    "raci: [{on: \"component.team == 'web' && component.team == 'docs'\", accountable: r}, {accountable: r}]"
)]
fn so_it_is_wherever_an_expression_stands(#[case] rest: &str) {
    let told = complaints(rest);
    assert!(told.contains("error[bad-expression]") && told.contains("never holds together with"), "{told}");
}

#[rstest]
#[case("release.lines > 3 && release.lines < 4")]
#[case("release.lines >= 3 && release.lines <= 3")]
#[case("release.lines > 3 && release.files < 2")]
#[case("component.tier != 'critical' && component.tier != 'routine'")]
#[case("release.lines > 3 && (release.lines < 2 || release.files > 1)")]
#[case("release.lines > release.files && release.lines < 3")]
#[case("change.only('docs/**') && !change.only('*.md')")]
#[case("'pay' in release.components && 'wiki' in release.components")]
#[case("release.components.exists(c, c == 'pay') && release.components.exists(c, c == 'wiki')")]
#[case("'acme' in component.vendors && component.name != 'pay'")]
fn what_can_hold_together_is_good(#[case] when: &str) {
    let told = complaints(&format!("raci: [{{when: \"{when}\", accountable: r}}, {{accountable: r}}]"));
    assert!(!told.contains("bad-expression"), "{told}");
}

/// A number, one of three words, a word that can be any, and a flag.
struct World;

const NAMES: [(&str, Type); 4] = [("n", Type::Number), ("word", Type::Text), ("any", Type::Text), ("flag", Type::Flag)];
const WORDS: [&str; 3] = ["a", "b", "c"];

impl Scope for World {
    fn type_of(&self, name: &str) -> Option<Type> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
    }
    fn names(&self) -> Vec<&str> {
        NAMES.map(|(name, _)| name).to_vec()
    }
    fn values(&self, name: &str) -> Option<Vec<&str>> {
        (name == "word").then(|| WORDS.to_vec())
    }
}

/// What each name is, once.
#[derive(Clone, Copy, Debug)]
struct Case {
    n: f64,
    word: &'static str,
    any: &'static str,
    flag: bool,
}

fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    for half in -2..=8 {
        for word in WORDS {
            for any in ["a", "b", "c", "something else"] {
                for flag in [false, true] {
                    all.push(Case { n: f64::from(half) / 2.0, word, any, flag });
                }
            }
        }
    }
    all
}

/// A part of a condition, as the test understands it.
#[derive(Clone, Debug)]
enum Part {
    Number(&'static str, i32, bool),
    Word(&'static str, bool, &'static str),
    Among(&'static str, Vec<&'static str>),
    Numbers(Vec<i32>),
    Flag(Option<bool>),
    Not(Box<Part>),
    Either(Box<Part>, Box<Part>),
    Both(Box<Part>, Box<Part>),
}

impl Part {
    fn text(&self) -> String {
        match self {
            Self::Number(how, number, false) => format!("n {how} {number}"),
            Self::Number(how, number, true) => format!("{number} {how} n"),
            Self::Word(name, true, word) => format!("{name} == '{word}'"),
            Self::Word(name, false, word) => format!("{name} != '{word}'"),
            Self::Among(name, words) => format!("{name} in ['{}']", words.join("', '")),
            Self::Numbers(numbers) => format!("n in {numbers:?}"),
            Self::Flag(None) => "flag".to_owned(),
            Self::Flag(Some(value)) => format!("flag == {value}"),
            Self::Not(of) => format!("!({})", of.text()),
            Self::Either(one, other) => format!("({} || {})", one.text(), other.text()),
            Self::Both(one, other) => format!("({} && {})", one.text(), other.text()),
        }
    }

    fn holds(&self, case: Case) -> bool {
        let compared = |how: &str, a: f64, b: f64| match how {
            "<" => a < b,
            "<=" => a <= b,
            ">" => a > b,
            ">=" => a >= b,
            "==" => (a - b).abs() < 0.1,
            _ => (a - b).abs() > 0.1,
        };
        let word = |name: &str| if name == "word" { case.word } else { case.any };
        match self {
            Self::Number(how, number, false) => compared(how, case.n, f64::from(*number)),
            Self::Number(how, number, true) => compared(how, f64::from(*number), case.n),
            Self::Word(name, same, stated) => (word(name) == *stated) == *same,
            Self::Among(name, words) => words.contains(&word(name)),
            Self::Numbers(numbers) => numbers.iter().any(|number| compared("==", f64::from(*number), case.n)),
            Self::Flag(value) => case.flag == value.unwrap_or(true),
            Self::Not(of) => !of.holds(case),
            Self::Either(one, other) => one.holds(case) || other.holds(case),
            Self::Both(one, other) => one.holds(case) && other.holds(case),
        }
    }
}

fn atom() -> impl Strategy<Value = Part> {
    let signs = prop::sample::select(vec!["<", "<=", ">", ">=", "==", "!="]);
    let name = || prop::sample::select(vec!["word", "any"]);
    let word = || prop::sample::select(WORDS.to_vec());
    prop_oneof![
        4 => (signs, 0..4, any::<bool>()).prop_map(|(how, number, turned)| Part::Number(how, number, turned)),
        3 => (name(), any::<bool>(), word()).prop_map(|(name, same, word)| Part::Word(name, same, word)),
        2 => (name(), vec(word(), 1..3)).prop_map(|(name, words)| Part::Among(name, words)),
        1 => vec(0..4, 1..3).prop_map(Part::Numbers),
        1 => any::<Option<bool>>().prop_map(Part::Flag),
    ]
}

fn plain() -> impl Strategy<Value = Part> {
    prop_oneof![2 => atom(), 1 => atom().prop_map(|of| Part::Not(Box::new(of)))]
}

/// Parts of which none is a conjunction that is asked to fail, which may clash in vain.
fn part() -> impl Strategy<Value = Part> {
    let either = || (plain(), plain()).prop_map(|(one, other)| Part::Either(Box::new(one), Box::new(other)));
    prop_oneof![
        4 => plain(),
        1 => either(),
        1 => either().prop_map(|of| Part::Not(Box::new(of))),
        1 => (plain(), plain()).prop_map(|(one, other)| Part::Both(Box::new(one), Box::new(other))),
    ]
}

fn refused(parts: &[Part]) -> (String, bool) {
    let source = parts.iter().map(Part::text).collect::<Vec<_>>().join(" && ");
    let read = Expression::condition(&source, &World);
    let refused = match read {
        Ok(_) => false,
        Err(mistakes) => {
            assert!(mistakes.iter().all(|it| it.message.contains("never holds together")), "{source}: {mistakes:?}");
            true
        }
    };
    (source, refused)
}

fn can_hold(parts: &[Part]) -> bool {
    cases().into_iter().any(|case| parts.iter().all(|part| part.holds(case)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_could_hold_is_refused(parts in vec(part(), 2..6)) {
        let (source, refused) = refused(&parts);
        prop_assert!(!(refused && can_hold(&parts)), "{source}");
    }

    #[test]
    fn whatever_cannot_hold_of_plain_comparisons_is_refused(parts in vec(plain(), 2..6)) {
        let (source, refused) = refused(&parts);
        prop_assert_eq!(refused, !can_hold(&parts), "{}", source);
    }
}
