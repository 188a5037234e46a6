//! `calendar` over several layers: what closes is added up, and the zone and the hours of business are the
//! outermost's, for every length of time is counted in them.

use super::calendar::{self, Calendar, Reading};
use super::diagnostics::Code;
use super::layers::Attachment;
use super::reader::Layer;
use super::stricter::Joint;
use super::tree::Node;

/// Reads a layer's calendar into that of the layers around it. Times of a layer that names no zone are in theirs.
pub(super) fn read(layer: &mut Layer<'_>, attached: &[&Attachment], whole: &mut Calendar) {
    let node = layer.section("calendar");
    if node.is_none() && !layer.is_outermost() {
        return;
    }
    let text = |path: &str| attached.iter().find(|file| file.path == path).map(|file| file.text.as_str());
    let reading = Reading { layer: layer.name, file: layer.path, zone: whole.zone, attached: &text };
    let inner = calendar::read(node, &reading, layer.list);
    overlooked(layer, node, &inner);
    if layer.is_outermost() {
        *whole = inner;
        return;
    }
    let Some(node) = node else { return };
    for key in ["timezone", "business_hours"] {
        let Some(ours) = node.get(key) else { continue };
        let path = format!("calendar.{key}");
        if layer.redefines(&path, ours.span, ours) {
            continue;
        }
        match key {
            // Times that an outer layer states are instants already; only what is counted from now on moves.
            "timezone" if stated_around(layer) && !layer.free(&path) => {
                let message = "the calendar around this layer has no `timezone` and so is in UTC; state it there";
                layer.complain(Code::Loosens, ours.span, message);
            }
            "business_hours" if people_around(layer) && !layer.free(&path) => {
                let message = "the layers around this one count business time in the usual hours, and other hours would change when theirs is over; state `business_hours` there";
                layer.complain(Code::Loosens, ours.span, message);
            }
            "timezone" => {
                whole.zone = inner.zone;
                whole.business.zone = inner.zone;
            }
            _ => whole.business = inner.business.clone(),
        }
    }
    whole.holidays.extend(&inner.holidays);
    whole.holidays.sort_unstable();
    whole.holidays.dedup();
    whole.closed.extend(inner.closed);
    whole.freezes.extend(inner.freezes);
    whole.peaks.extend(inner.peaks);
    let Some(board) = inner.cab else { return };
    let Some(outer) = &mut whole.cab else {
        whole.cab = Some(board);
        return;
    };
    let Some(node) = node.get("cab") else { return };
    for key in ["meetings", "chair"] {
        if let Some(ours) = node.get(key) {
            layer.redefines_within("calendar.cab", key, ours);
        }
    }
    let mut joint = Joint { stated: &mut outer.stated, inner: &board.stated };
    if node.get("cutoff").is_some() {
        joint.longer("cutoff", &mut outer.cutoff, board.cutoff);
    }
    if node.get("quorum").is_some() {
        joint.larger("quorum", &mut outer.quorum, board.quorum);
    }
    if node.get("votes").is_some() {
        joint.both("votes: anytime", &mut outer.votes, board.votes);
    }
    outer.chair = outer.chair.take().or(board.chair);
}

/// Whether a layer around this one asks people for something, and so waits for them.
fn people_around(layer: &Layer<'_>) -> bool {
    ["calendar", "roles", "routes"].iter().any(|section| layer.around(section).is_some())
}

fn stated_around(layer: &Layer<'_>) -> bool {
    layer.outer.iter().any(|outer| outer.tree.get("calendar").is_some())
}

/// Complains about a board that nobody chairs.
fn overlooked(layer: &mut Layer<'_>, node: Option<&Node>, inner: &Calendar) {
    if let Some(cab) = &inner.cab
        && cab.chair.is_none()
    {
        let span = node.and_then(|node| node.get("cab")).map_or_else(Default::default, |node| node.span);
        layer.complain(Code::Overlooked, span, "the CAB has no `chair`, so its decisions are recorded without one");
    }
}
