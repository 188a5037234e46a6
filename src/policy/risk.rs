//! `risk`: how risk is scored, and from which score on the impact is high.

use super::diagnostics::{Code, Diagnostic, Span};
use super::expression::{Expression, Term, nearest};
use super::reader::{Layer, number};
use super::rules::{Amount, Factor, Risk, Weight};
use super::tree::Value;
use super::vocabulary::{EXPOSURES, KINDS, Place, TIERS};

/// Every weight that there is, by name, with what its expression can speak of.
fn known() -> Vec<(String, Factor, Option<&'static str>)> {
    let of = |group: &str, words: [&str; 3], factor: fn(String) -> Factor| {
        words.map(|word| (format!("{group}.{word}"), factor(word.to_owned()), None))
    };
    let mut all = Vec::new();
    all.extend(of("kind", KINDS, Factor::Kind));
    all.extend(of("tier", TIERS, Factor::Tier));
    all.extend(of("exposure", EXPOSURES, Factor::Exposure));
    let counted = [
        ("size.lines", Factor::Lines, "lines"),
        ("size.files", Factor::Files, "files"),
        ("size.changes", Factor::Changes, "changes"),
        ("vendor.new", Factor::NewVendors, "vendors"),
        ("vendor.declared", Factor::DeclaredVendors, "vendors"),
        ("team.failure_rate", Factor::FailureRate, "rate"),
    ];
    all.extend(counted.map(|(name, factor, local)| (name.to_owned(), factor, Some(local))));
    all.push(("peak".to_owned(), Factor::Peak, None));
    all
}

/// The names of every weight that there is.
#[must_use]
pub fn names() -> Vec<String> {
    known().into_iter().map(|(name, ..)| name).collect()
}

/// Reads a layer's weights and bands. An inner layer may add to the score, and lower the bands.
pub(super) fn read(layer: &mut Layer<'_>, risk: &mut Risk) {
    let Some(node) = layer.section("risk") else { return };
    let weights = node.get("weights").map(super::tree::Node::entries).unwrap_or_default();
    for (key, node) in weights {
        if risk.weights.iter().any(|weight| weight.name == key.name) {
            layer.redefines_within("risk.weights", &key.name, node);
            continue;
        }
        let Some((_, factor, local)) = known().into_iter().find(|(name, ..)| *name == key.name) else {
            layer.list.push(unknown(&key.name, key.span));
            continue;
        };
        let lowers = !layer.free("risk.weights");
        let amount = match (&node.value, local) {
            (Value::Number(points), _) if lowers && *points < 0.0 => {
                let message = format!(
                    "the weight `{}` would lower the score of an outer layer, which did not hand down `risk`",
                    key.name
                );
                layer.complain(Code::Loosens, node.span, message);
                Some(Amount::Points(0.0))
            }
            (Value::Number(points), _) => {
                if *points < 0.0 {
                    let message =
                        format!("`{}` would lower the risk; leave it out, or state how much it adds", key.name);
                    layer.complain(Code::Overlooked, node.span, message);
                }
                Some(Amount::Points(*points))
            }
            (_, Some(local)) => layer
                .calculation(Some(node), Place::Weight(local))
                .map(|it| Amount::Calculated(if lowers { at_least_nothing(it) } else { it })),
            (_, None) => {
                let message = format!("`{}` is there or not, so its weight is a number", key.name);
                layer.complain(Code::WrongForm, node.span, message);
                None
            }
        };
        let Some(amount) = amount else { continue };
        risk.weights.push(Weight { name: key.name.clone(), factor, amount, stated: layer.stated(key.span) });
    }
    let Some(bands) = node.get("impact") else { return };
    let lower = |theirs: &mut Option<f64>, key: &str| {
        if let Some(ours) = number(bands, key) {
            *theirs = Some(theirs.map_or(ours, |theirs: f64| theirs.min(ours)));
        }
    };
    lower(&mut risk.high, "high");
    lower(&mut risk.medium, "medium");
    if let (Some(high), Some(medium)) = (number(bands, "high"), number(bands, "medium"))
        && medium >= high
    {
        layer.complain(
            Code::Contradiction,
            super::reader::span(bands, "medium"),
            format!("`medium` begins at {medium}, where `high` has begun at {high} already"),
        );
    }
}

/// What an inner layer adds is never less than nothing.
fn at_least_nothing(expression: Expression) -> Expression {
    Expression { term: Term::Greatest(vec![expression.term, Term::Number(0.0)]), ..expression }
}

fn unknown(name: &str, span: Span) -> Diagnostic {
    let names = names();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let hint = nearest(name, &names).map_or_else(
        || format!("; there are {}", names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
        |near| format!("; did you mean `{near}`?"),
    );
    Diagnostic::new(Code::UnknownName, span, format!("there is no weight `{name}`{hint}"))
}
