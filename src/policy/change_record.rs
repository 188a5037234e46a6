//! `change`: the change record.

use super::diagnostics::Code;
use super::reader::{Layer, flag, text, texts};
use super::rules::ChangeRule;
use super::stricter::Joint;

/// Reads a layer's rule into that of the layers around it.
pub(super) fn read(layer: &mut Layer<'_>, rule: &mut Option<ChangeRule>) {
    let Some(node) = layer.section("change") else { return };
    let inner = ChangeRule {
        system: text(node, "system").unwrap_or_else(|| "any".to_owned()),
        repository: text(node, "repository"),
        needs: texts(node, "needs"),
        proceeds_in: texts(node, "proceeds_in"),
        open: false,
        create: flag(node, "create").unwrap_or(false),
        one_for_package: text(node, "one_for").as_deref() == Some("package"),
        stated: layer.stated(node.span),
    };
    if inner.proceeds_in.is_empty()
        && let Some(stated) = node.get("proceeds_in")
    {
        let message = "`proceeds_in` is empty, so a record would let a release go in whatever state it is; name the states, such as `[Implement]`, or leave it out";
        layer.complain(Code::Contradiction, stated.span, message);
    }
    let Some(outer) = rule else {
        *rule = Some(inner);
        return;
    };
    if let Some(system) = node.get("system") {
        layer.redefines_within("change", "system", system);
    }
    // Where records are is for the outermost layer that speaks of them, as for incidents.
    if let Some(ours) = node.get("repository")
        && !layer.redefines_within("change", "repository", ours)
        && outer.repository != inner.repository
    {
        let message =
            "`repository` says where change records are, and a layer around this one has them elsewhere; leave it out";
        layer.complain(Code::Loosens, ours.span, message);
    }
    let mut joint = Joint { stated: &mut outer.stated, inner: &inner.stated };
    joint.union("needs", &mut outer.needs, &inner.needs);
    // Whoever asks for a record may leave it to the app, and nobody is let go by that.
    outer.create |= inner.create;
    if node.get("one_for").is_some() {
        joint.both("one_for: package", &mut outer.one_for_package, inner.one_for_package);
    }
    if outer.proceeds_in.is_empty() {
        outer.open = true;
        outer.proceeds_in = inner.proceeds_in;
    } else if let Some(stated) = node.get("proceeds_in").filter(|_| !inner.proceeds_in.is_empty())
        && !joint.intersection("proceeds_in", &mut outer.proceeds_in, &inner.proceeds_in)
    {
        let message = "no state lets a release go on in this layer and in those around it";
        layer.complain(Code::Contradiction, stated.span, message);
    }
}
