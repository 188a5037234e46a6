//! The explanation: every requirement with how it stands, those that hold opened.

use chrono_tz::Tz;
use maud::{Markup, html};

use super::said::{instant, name, names, said, status};
use crate::model::release_decision::Node;

/// How many parts of one requirement are listed.
const PARTS: usize = 200;

/// The requirements that a node is made of.
pub fn tree(nodes: &[Node], zone: Tz) -> Markup {
    html! {
        ul class="tree" {
            @for node in nodes.iter().take(PARTS) { li { (one(node, zone)) } }
            @if let Some(more) = nodes.len().checked_sub(PARTS).filter(|more| *more > 0) {
                li class="faint" { (more) " more stand in the decision document" }
            }
        }
    }
}

fn one(node: &Node, zone: Tz) -> Markup {
    let first = html! { (status(node.status)) " " (said(&node.says)) };
    let aside = aside(node, zone);
    html! {
        @if node.parts.is_empty() && node.status.opens() && node.evidence.is_empty() {
            p { (first) }
        } @else {
            details open[!node.status.opens()] {
                summary { (first) }
                (aside)
                @if !node.parts.is_empty() { (tree(&node.parts, zone)) }
            }
        }
    }
}

/// Who can meet it, when time does, where it is stated, and what was looked at.
fn aside(node: &Node, zone: Tz) -> Markup {
    let stated = node.stated.as_ref().filter(|stated| !stated.file.is_empty());
    html! {
        dl {
            @if !node.who.is_empty() { dt { "can do it" } dd { (names(&node.who)) } }
            @if let Some(next) = node.next { dt { "changes by itself" } dd { (instant(next, zone)) } }
            @if let Some(stated) = stated {
                dt { "asked by" }
                dd {
                    (name(&stated.layer)) ", " code { (name(&stated.file)) @if stated.line > 0 { ":" (stated.line) } }
                    @if let Some(kept) = &stated.kept { ", " (said(kept)) }
                }
            }
            @if !node.evidence.is_empty() {
                dt { "looked at" }
                dd {
                    @for (at, evidence) in node.evidence.iter().take(PARTS).enumerate() {
                        @if at > 0 { ", " }
                        code { (name(evidence)) }
                    }
                }
            }
            dt { "code" } dd { code { (node.code.code()) } }
        }
    }
}
