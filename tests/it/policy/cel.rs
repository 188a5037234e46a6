//! The grammar beside that of the Common Expression Language, as the `cel` crate
//! reads it: what one refuses the other refuses, and what both take means the same.

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};
use cel::parser::Parser;
use countersign::model::catalogue::Type;
use countersign::policy::expression::{Comparison, Expression, Operation, Question, Scope, Term};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use rstest::rstest;

const NAMES: [(&str, Type); 7] = [
    ("n", Type::Number),
    ("tests.failed", Type::Number),
    ("tests.time", Type::Duration),
    ("flag", Type::Flag),
    ("a.as.b", Type::Flag),
    ("word", Type::Text),
    ("tests.failing", Type::Names),
];

struct World;

impl Scope for World {
    fn type_of(&self, name: &str) -> Option<Type> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
    }
    fn names(&self) -> Vec<&str> {
        NAMES.map(|(name, _)| name).to_vec()
    }
}

/// Both readings of an expression agree; whether it is one.
fn agree(source: &str) -> Result<bool, TestCaseError> {
    let theirs = Parser::new().parse(source);
    let ours = Expression::condition(source, &World);
    match (theirs, ours) {
        (Ok(theirs), Ok(ours)) => {
            prop_assert_eq!(Some(ours.term), term(&theirs), "{}", source);
            return Ok(true);
        }
        (Ok(_), Err(mistakes)) => {
            // Refused for what it says, and not for how. A name from the root, `.a`, is none of ours.
            let grammar = mistakes.iter().any(|mistake| {
                mistake.message.starts_with("not an expression") && !mistake.message.contains("unexpected `.`")
            });
            prop_assert!(!grammar, "{source}: {mistakes:?}");
        }
        (Err(theirs), Ok(ours)) => prop_assert!(false, "{source}: {theirs} {ours:?}"),
        (Err(_), Err(_)) => {}
    }
    Ok(false)
}

/// Their tree as ours.
#[expect(clippy::cast_precision_loss, reason = "there is one kind of number, and small ones are generated")]
fn term(tree: &IdedExpr) -> Option<Term> {
    let boxed = |tree: &IdedExpr| term(tree).map(Box::new);
    Some(match &tree.expr {
        Expr::Literal(LiteralValue::Boolean(flag)) => Term::Flag(*flag.inner()),
        Expr::Literal(LiteralValue::String(text)) => Term::Text(text.inner().to_owned()),
        Expr::Literal(LiteralValue::Int(number)) => Term::Number(*number.inner() as f64),
        Expr::Literal(LiteralValue::UInt(number)) => Term::Number(*number.inner() as f64),
        Expr::Literal(LiteralValue::Double(number)) => Term::Number(*number.inner()),
        Expr::Ident(_) | Expr::Select(_) => Term::Name(dotted(tree)?),
        Expr::List(list) => Term::List(list.elements.iter().map(term).collect::<Option<_>>()?),
        Expr::Call(call) => called(call)?,
        Expr::Comprehension(each) => {
            let Expr::Call(step) = &each.loop_step.expr else { return None };
            Term::Loop {
                every: step.func_name == operators::LOGICAL_AND,
                list: boxed(&each.iter_range)?,
                name: each.iter_var.clone(),
                condition: boxed(step.args.last()?)?,
            }
        }
        _ => return None,
    })
}

fn called(call: &CallExpr) -> Option<Term> {
    let boxed = |tree: &IdedExpr| term(tree).map(Box::new);
    let compare = |how, a, b| Some(Term::Compare(how, boxed(a)?, boxed(b)?));
    let calculate = |how, a, b| Some(Term::Calculate(how, boxed(a)?, boxed(b)?));
    let all = || call.args.iter().map(term).collect::<Option<Vec<_>>>();
    match (call.func_name.as_str(), call.target.as_deref(), call.args.as_slice()) {
        (operators::LOGICAL_AND, None, _) => Some(Term::And(chain(operators::LOGICAL_AND, call)?)),
        (operators::LOGICAL_OR, None, _) => Some(Term::Or(chain(operators::LOGICAL_OR, call)?)),
        (operators::LOGICAL_NOT, None, [a]) => Some(Term::Not(boxed(a)?)),
        // A number below zero is a number.
        (operators::NEGATE, None, [a]) => Some(match term(a)? {
            Term::Number(number) => Term::Number(-number),
            a => Term::Negate(Box::new(a)),
        }),
        (operators::CONDITIONAL, None, [a, b, c]) => Some(Term::If(boxed(a)?, boxed(b)?, boxed(c)?)),
        (operators::IN, None, [a, b]) => Some(Term::In(boxed(a)?, boxed(b)?)),
        (operators::EQUALS, None, [a, b]) => compare(Comparison::Equal, a, b),
        (operators::NOT_EQUALS, None, [a, b]) => compare(Comparison::NotEqual, a, b),
        (operators::LESS, None, [a, b]) => compare(Comparison::Less, a, b),
        (operators::LESS_EQUALS, None, [a, b]) => compare(Comparison::AtMost, a, b),
        (operators::GREATER, None, [a, b]) => compare(Comparison::Greater, a, b),
        (operators::GREATER_EQUALS, None, [a, b]) => compare(Comparison::AtLeast, a, b),
        (operators::ADD, None, [a, b]) => calculate(Operation::Add, a, b),
        (operators::SUBSTRACT, None, [a, b]) => calculate(Operation::Subtract, a, b),
        (operators::MULTIPLY, None, [a, b]) => calculate(Operation::Multiply, a, b),
        (operators::DIVIDE, None, [a, b]) => calculate(Operation::Divide, a, b),
        ("size", None, [a]) | ("size", Some(a), []) => Some(Term::Size(boxed(a)?)),
        ("double" | "int" | "uint", None, [a]) => term(a),
        ("startsWith", Some(a), [b]) => Some(Term::Ask(Question::StartsWith, boxed(a)?, boxed(b)?)),
        ("endsWith", Some(a), [b]) => Some(Term::Ask(Question::EndsWith, boxed(a)?, boxed(b)?)),
        ("contains", Some(a), [b]) => Some(Term::Ask(Question::Contains, boxed(a)?, boxed(b)?)),
        ("least", Some(_), _) => Some(Term::Least(all()?)),
        ("greatest", Some(_), _) => Some(Term::Greatest(all()?)),
        ("duration", None, [text]) => match term(text)? {
            Term::Text(text) => countersign::policy::duration::seconds(&text).map(Term::Seconds),
            _ => None,
        },
        _ => None,
    }
}

fn chain(operator: &str, call: &CallExpr) -> Option<Vec<Term>> {
    let mut parts = Vec::new();
    for part in &call.args {
        match &part.expr {
            Expr::Call(inner) if inner.func_name == operator => parts.extend(chain(operator, inner)?),
            _ => parts.push(term(part)?),
        }
    }
    Some(parts)
}

fn dotted(tree: &IdedExpr) -> Option<String> {
    match &tree.expr {
        Expr::Ident(name) => Some(name.clone()),
        Expr::Select(select) if !select.test => Some(format!("{}.{}", dotted(&select.operand)?, select.field)),
        _ => None,
    }
}

const NUMBERS: [&str; 16] = [
    "n",
    "tests.failed",
    "tests . failed",
    "0",
    "007",
    "12u",
    "0x1fU",
    "1.5",
    ".5",
    "1e3",
    "2.5E-2",
    "-1",
    "- 2",
    "--3",
    "(4)",
    "-0x10",
];
const TEXTS: [&str; 14] = [
    "word",
    "'a'",
    r#""it's""#,
    r#"'say "x"'"#,
    r"'\\ \' \n \x41 \X42 \u00e9 \U0001F600 \101 \?'",
    r"r'\d+'",
    "R\"\\\"",
    "'''a 'b'\n\r\nc'''",
    r#""""a "b" \t""""#,
    r"r'''\'''",
    "'é › 😀'",
    "''",
    "\"\"\"\"\"\"",
    "'// no comment'",
];

fn number() -> impl Strategy<Value = String> {
    select(&NUMBERS[..]).prop_map(str::to_owned).prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            (inner.clone(), select(&[" + ", "-", "*", " / "][..]), inner.clone())
                .prop_map(|(a, sign, b)| format!("{a}{sign}{b}")),
            inner.clone().prop_map(|a| format!("({a})")),
            inner.clone().prop_map(|a| format!("-({a})")),
            inner.clone().prop_map(|a| format!("double({a})")),
            vec(inner.clone(), 1..3).prop_map(|all| format!("math.least({})", all.join(","))),
            (inner.clone(), inner).prop_map(|(a, b)| format!("(flag ? {a} : {b})")),
            Just("tests.failing.size()".to_owned()),
            Just("size(word)".to_owned()),
        ]
    })
}

fn text() -> impl Strategy<Value = String> {
    select(&TEXTS[..]).prop_map(str::to_owned)
}

fn list() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("tests.failing".to_owned()),
        vec(text(), 1..4).prop_map(|all| format!("[{}]", all.join(", "))),
        vec(text(), 1..3).prop_map(|all| format!("[{},]", all.join(","))),
    ]
}

fn flag() -> impl Strategy<Value = String> {
    let relation = select(&["==", "!=", "<", "<=", ">", ">="][..]);
    let leaf = prop_oneof![
        select(&["flag", "true", "false", "a.as.b", "tests.time<duration('4min')", "// so\n flag"][..])
            .prop_map(str::to_owned),
        (number(), relation, number()).prop_map(|(a, sign, b)| format!("{a} {sign}{b}")),
        (text(), select(&["==", "!="][..]), text()).prop_map(|(a, sign, b)| format!("{a}{sign} {b}")),
        (text(), list()).prop_map(|(a, b)| format!("{a} in {b}")),
        (number(), number()).prop_map(|(a, b)| format!("{a} in [{b}]")),
        (text(), select(&["startsWith", "endsWith", "contains"][..]), text())
            .prop_map(|(a, question, b)| format!("{a}.{question}({b})")),
        (list(), select(&["exists", "all"][..]), text())
            .prop_map(|(list, verb, text)| format!("{list}.{verb}(entry, entry == {text})")),
    ];
    leaf.prop_recursive(5, 40, 3, |inner| {
        prop_oneof![
            (inner.clone(), select(&["&&", " && ", "||", " || ", " == ", "!="][..]), inner.clone())
                .prop_map(|(a, sign, b)| format!("{a}{sign}{b}")),
            inner.clone().prop_map(|a| format!("({a})")),
            inner.clone().prop_map(|a| format!("!{a}")),
            inner.clone().prop_map(|a| format!("!!({a})")),
            (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("{a} ? {b} : {c}")),
        ]
    })
}

/// Every token, and what is none, in any order.
const PIECES: [&str; 56] = [
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "&&",
    "||",
    "!",
    "-",
    "+",
    "*",
    "/",
    "%",
    "?",
    ":",
    ".",
    ",",
    "(",
    ")",
    "[",
    "]",
    "in",
    "true",
    "null",
    "flag",
    "flag",
    "n",
    "n",
    "tests.failing",
    "word",
    "entry",
    "exists(",
    "all(entry,",
    "size(",
    "math.",
    "1",
    "2.5",
    "0x",
    "3u",
    "4h",
    ".5",
    "1e",
    "'a'",
    "'",
    "\"\\q\"",
    "r",
    "b",
    "`a`",
    "as",
    "if",
    "=",
    "&",
    "//",
    "\n",
    "\u{b}",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn what_is_written_well_means_the_same(source in flag()) {
        agree(&source)?;
    }

    #[test]
    fn what_is_written_badly_is_refused_by_both(pieces in vec(select(&PIECES[..]), 1..9), between in select(&["", " "][..])) {
        agree(&pieces.join(between))?;
    }

    #[test]
    fn a_slip_is_refused_by_both_or_means_the_same(source in flag(), piece in select(&PIECES[..]), at in 0_usize..200) {
        let at = source.char_indices().map(|(at, _)| at).nth(at).unwrap_or(source.len());
        let (before, after) = source.split_at(at);
        agree(&format!("{before}{piece}{after}"))?;
    }
}

#[rstest]
#[case("1 - 2 - 3 == 8 / 4 / 2")]
#[case("1 + 2 * 3 == 7 && 2 * 3 + 1 < 9")]
#[case("1 < 2 == flag")]
#[case("!flag && n > 1 || flag && !a.as.b")]
#[case("flag ? flag : flag ? flag : flag")]
#[case("-n * -2 == - n")]
#[case("5in[5]")]
#[case("n==1//")]
fn precedence_is_the_languages(#[case] source: &str) {
    assert!(agree(source).unwrap(), "{source}");
}
