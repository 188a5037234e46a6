//! `monitor`: which systems are told that a release goes as an emergency.

use super::diagnostics::Code;
use super::reader::{Layer, texts};
use super::rules::MonitorRule;
use super::stricter::Joint;

/// Reads a layer's systems into those of the layers around it: what an outer layer has told is told.
pub(super) fn read(layer: &mut Layer<'_>, rule: &mut Option<MonitorRule>) {
    let Some(node) = layer.section("monitor") else { return };
    let inner = MonitorRule { emergencies: texts(node, "emergencies"), stated: layer.stated(node.span) };
    if inner.emergencies.is_empty() {
        layer.complain(Code::NoEffect, node.span, "no system is told of emergencies; name some under `emergencies`");
    }
    match rule {
        Some(outer) => {
            let mut joint = Joint { stated: &mut outer.stated, inner: &inner.stated };
            joint.union("emergencies", &mut outer.emergencies, &inner.emergencies);
        }
        None => *rule = Some(inner),
    }
}
