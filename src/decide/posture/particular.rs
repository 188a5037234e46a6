//! What only some forges have: plans that leave things out, servers with administrators of their own, approvals of changes
//! that count by the forge's settings.

use super::Found;
use crate::model::inspection::{Flaw, UNDERSTOOD};
use crate::model::posture::Posture;
use crate::policy::Policy;

pub(super) fn judge(found: &mut Found<'_>, posture: &Posture, policy: Option<&Policy>) {
    let there = &posture.particular;
    if let Some(plan) = &there.plan {
        found.stated(plan, "the plan", "which plan is in use, and so what holds here");
    }
    if let Some(false) = found.stated(&there.supported, "the server", "of which version it is") {
        let way = there.ways.iter().find(|way| way.does == UNDERSTOOD);
        let says = format!("{UNDERSTOOD} by {}", way.map_or("nothing that is known", |way| way.by.as_str()));
        let mend = "bring the server and Countersign to versions that go together";
        found.flaw(Flaw::VersionUnsupported, "the server", says, mend);
    }
    if there.issues_off && policy.is_some_and(|policy| policy.rules.routes.iter().any(|route| !route.then.is_empty())) {
        let says = "they are switched off: what releases leave to be done stands in the record alone, and no issue calls \
                    it to mind";
        found.flaw(Flaw::IssuesOff, "issues", says, "switch issues on; what is owed from then on has one each");
    }
    let place = "approvals of changes";
    if let Some(review) = found.stated(&there.review, place, "whose approval of a change counts") {
        let where_to = "under Settings › Merge requests › Approval settings";
        if review.by_author {
            let says =
                format!("{} counts the approval of whoever opened a change; the app does not", found.wording.forge);
            found.flaw(Flaw::AuthorApproves, place, says, format!("tick `Prevent approval by author` {where_to}"));
        }
        if review.by_committers {
            let says = format!(
                "{} counts the approval of those who wrote commits of a change; the app does not",
                found.wording.forge
            );
            let mend = format!("tick `Prevent approvals by users who add commits` {where_to}");
            found.flaw(Flaw::CommitterApproves, place, says, mend);
        }
        if review.outlasts_push {
            let says =
                "what was approved stays approved when more is pushed; the app takes it for what it was given of";
            found.flaw(
                Flaw::ApprovalsOutlast,
                place,
                says,
                format!("tick `Remove all approvals` on a push, {where_to}"),
            );
        }
    }
    if let Some(false) =
        found.stated(&there.check_blocks, "the status check", "whether it keeps anything from being merged")
    {
        let says = "advisory, not enforced: what the app's status check has failed can be merged all the same";
        let mend = "tick `Status checks must succeed` under Settings › Merge requests › Merge checks";
        found.flaw(Flaw::CheckNotBlocking, "the status check", says, mend);
    }
}
