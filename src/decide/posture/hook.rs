//! How the app is told what happens: its hook, which is one for all repositories or one of each.

use super::{Found, Unread};
use crate::model::inspection::{Finding, Flaw};
use crate::model::posture::Hook;
use crate::model::wording::{Wording, about};

/// What is wrong with the one hook by which the app is told of all repositories. `address` is the one under which it is
/// reached, where that is known.
#[must_use]
pub fn of_app(hook: &Hook, address: Option<&str>, wording: &'static Wording) -> Vec<Finding> {
    let mut found = Found { repository: None, wording, findings: Vec::new() };
    judge(&mut found, hook, address);
    found.findings
}

pub(super) fn judge(found: &mut Found<'_>, hook: &Hook, address: Option<&str>) {
    let wording = found.wording;
    let (place, path) = (wording.webhook, wording.delivered_at);
    let wanted = address.map(|address| format!("{address}{path}"));
    let there = wanted.clone().unwrap_or_else(|| format!("the app's address with `{path}` behind it"));
    let mend = about(wording.lead_hook, &there);
    match found.known(&hook.address, place, "where it delivers") {
        Ok(Some(stated)) => {
            if let Some(wanted) = wanted.filter(|wanted| wanted.trim_end_matches('/') != stated.trim_end_matches('/')) {
                let says = format!("it delivers to {stated}, and not to {wanted}");
                found.flaw(Flaw::HookMissing, place, says, mend);
            } else if !stated.ends_with(path) {
                let says = format!("it delivers to {stated}, and the app takes deliveries at `{path}`");
                found.flaw(Flaw::HookMissing, place, says, mend);
            }
        }
        Ok(None) => {
            let says = "it delivers nowhere: what happens is found by reading everything now and then";
            found.flaw(Flaw::HookMissing, place, says, mend);
            return;
        }
        Err(Unread) => {}
    }
    if let Some(how) = found.stated(&hook.stopped, place, "whether it still delivers") {
        let says = format!("{} has stopped delivering to it: {how}", wording.forge);
        found.flaw(Flaw::HookDisabled, place, says, wording.enable_hook);
    }
    if let Some(false) = found.stated(&hook.signs, place, "whether it is signed") {
        let says = "it has no secret, so that nobody can tell its deliveries from forged ones, and the app takes none";
        found.flaw(Flaw::HookUnsafe, place, says, wording.sign_hook);
    }
    if let Some(false) = found.stated(&hook.verifies, place, "whether it looks at certificates") {
        let says = "it does not look at the certificate of whom it delivers to";
        found.flaw(Flaw::HookUnsafe, place, says, wording.verify_hook);
    }
    if let Some(deliveries) = found.stated(&hook.deliveries, place, "how its deliveries went") {
        let failed: Vec<_> = deliveries.iter().filter(|delivery| !delivery.taken).collect();
        if deliveries.is_empty() {
            let says = "nothing was delivered lately: it may be inactive, or subscribed to nothing";
            found.flaw(Flaw::HookSilent, place, says, wording.enable_hook);
        } else if let Some(last) = failed.first() {
            let says = format!(
                "{} of its last {} deliveries were not taken, last one of `{}`: {}",
                failed.len(),
                deliveries.len(),
                last.event,
                last.status
            );
            found.flaw(Flaw::HookFailing, place, says, wording.see_deliveries);
        }
    }
}
