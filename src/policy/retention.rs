//! `retention`: how long what a release was decided on has to be kept, and what is kept until somebody ends that.
//!
//! The longest time wins, whichever layer states it; what is held is held by any layer that says so.

use super::diagnostics::Code;
use super::duration;
use super::packs;
use super::reader::Layer;
use super::rules::{KeepFor, RetentionRule};

/// The entry that is for what no regulation is about.
const DEFAULT: &str = "default";
/// The entry that names what is kept whatever its time.
const HELD: &str = "legal_hold";

/// Reads a layer's times into those of the layers around it.
pub(super) fn read(layer: &mut Layer<'_>, rule: &mut Option<RetentionRule>) {
    let Some(section) = layer.section("retention") else { return };
    let stated = layer.stated(section.span);
    let rule = rule.get_or_insert_with(|| RetentionRule { times: Vec::new(), held: Vec::new(), stated });
    for (name, _, node) in layer.named("retention") {
        if name == HELD {
            let named: Vec<&str> = node.texts().into_iter().map(|(text, _)| text).collect();
            if named.iter().any(|text| duration::is_period(text)) {
                let message = "`legal_hold` names releases or components, which are kept until it names them no more";
                layer.complain(Code::WrongForm, node.span, message);
            }
            for name in named {
                if !rule.held.iter().any(|known| known == name) {
                    rule.held.push(name.to_owned());
                }
            }
            continue;
        }
        let Some(length) = node.text().filter(|text| duration::is_period(text)) else {
            let message = format!("`{name}` is kept for a period, such as `30d` or `7y`");
            layer.complain(Code::WrongForm, node.span, message);
            continue;
        };
        let inner = KeepFor { of: name.to_owned(), length: length.to_owned(), stated: layer.stated(node.span) };
        match rule.times.iter_mut().find(|known| packs::same(&known.of, name)) {
            Some(known) if duration::period_days(&known.length) >= duration::period_days(length) => {}
            Some(known) => *known = inner,
            None => rule.times.push(inner),
        }
    }
}

impl RetentionRule {
    /// How long what no regulation is about is kept; `None`: the policy does not say.
    #[must_use]
    pub fn usual(&self) -> Option<&KeepFor> {
        self.times.iter().find(|it| it.of == DEFAULT)
    }

    /// How long what a regulation is about is kept, by the name that a component gives it.
    #[must_use]
    pub fn of(&self, regulation: &str) -> Option<&KeepFor> {
        self.times.iter().find(|it| it.of != DEFAULT && packs::same(&it.of, regulation))
    }
}
