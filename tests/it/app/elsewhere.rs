//! Change records that another repository keeps, for releases of several.

use std::time::Duration;

use super::issues::{CHANGE, hears, policy, with_policy};
use super::{App, NEXT, RUN, ago, asks, ledger, next_release, shop, told, until};
use crate::support::github::Github;

/// An issue of another repository that says of which releases it is the record.
fn elsewhere(github: &Github, of: &str) -> u64 {
    let text = format!(
        "### release\n\n{of} to `production`\n\n### risk_assessment\n\nA price may be wrong for some minutes.\n\n### fixes\n\nnothing\n"
    );
    github.with(|world| world.in_ops(|world| world.issue("carla", "Baskets", &text, &["change"])))
}

const ELSEWHERE: &str =
    "change: { system: issues, repository: acme/ops, needs: [risk_assessment], proceeds_in: [Implement] }\n";

/// The labels and the comments of an issue of that repository, and whether it is open.
fn there(github: &Github, number: u64) -> (Vec<String>, Vec<String>, bool) {
    github.with(|world| {
        world.in_ops(|world| {
            let issue = &world.issues[&number];
            let said = issue.comments.iter().map(|it| it["body"].as_str().unwrap().to_owned());
            (issue.labels.clone(), said.collect(), issue.closed_at.is_none())
        })
    })
}

#[test]
fn c1_one_record_covers_releases_of_several_repositories_and_is_closed_by_the_last() {
    let github = shop();
    with_policy(&github, policy(ELSEWHERE));
    asks(&github);
    // One of this repository is none, nor is one that names a change of another.
    github.with(|world| world.issue("carla", "Here", "### release\n\n#12 to production\n", &["change"]));
    let other = elsewhere(&github, "#12, acme/ledger#12");
    let app = App::new(&github);
    let _served = app.start(&["--sweep", "1"]);
    hears(&app, "no change record is linked; open an issue with the label change in acme/ops");
    let number = elsewhere(&github, "acme/shop#12 and acme/ledger#7");
    std::thread::sleep(Duration::from_millis(1_100));
    github.with(|world| world.review(12, "R1", "bo", "APPROVED", "c1", &ago(0)).is_null());
    hears(&app, &format!("acme/ops#{number} has no state"));
    github.with(|world| world.in_ops(|world| world.label(number, "ana", "change:Implement")));
    hears(&app, "was brought into state Implement by ana");
    github.with(|world| {
        world.in_ops(|world| {
            world.unlabel(number, "ana", "change:Implement");
            world.label(number, "carla", "change:Implement");
        });
    });
    ledger::goes(&app, &github, RUN, "SUCCESS");
    // What it names of another repository has yet to come to its end.
    let ended = || there(&github, number).1.iter().any(|said| said.contains("its deployment ended well"));
    until("what came of it", ended);
    std::thread::sleep(Duration::from_secs(3));
    let (labels, said, open) = there(&github, number);
    assert!(open && labels == ["change", "change:Implement"], "{labels:?}");
    assert_eq!(said.len(), 2, "{said:#?}");
    assert_eq!(there(&github, other).1.len(), 0);
    // One that names nothing else is closed.
    next_release(&github);
    let last = elsewhere(&github, "acme/shop#13");
    github.with(|world| world.in_ops(|world| world.label(last, "carla", "change:Implement")));
    hears(&app, "0 of 1 approvals");
    std::thread::sleep(Duration::from_millis(1_100));
    github.with(|world| world.review(13, "R2", "carla", "APPROVED", "c2", &ago(0)).is_null());
    ledger::goes(&app, &github, NEXT, "SUCCESS");
    until("an end", || !there(&github, last).2);
    assert_eq!(there(&github, last).0, ["change", "change:Successful"]);
}

#[test]
fn c1_a_record_is_opened_in_the_repository_that_keeps_them_for_all() {
    let github = shop();
    with_policy(&github, policy(&CHANGE.replace("system: issues,", "system: issues, repository: acme/ops,")));
    asks(&github);
    github.with(|world| world.in_ops(|world| world.issue("olu", "something", "", &["question"])));
    let app = App::new(&github);
    let _served = app.start(&["--sweep", "1"]);
    let opened = || github.with(|world| world.in_ops(|world| world.labelled("change")));
    until("a record", || !opened().is_empty());
    let number = opened()[0];
    hears(&app, &format!("risk_assessment of acme/ops#{number} says nothing"));
    let text = github.with(|world| world.in_ops(|world| world.text(number)));
    assert!(text.contains("acme/shop#12"), "{text}");
    assert!(github.with(|world| world.issues.is_empty()));
    github.with(|world| world.in_ops(|world| world.close_issue(number, "ana")));
    hears(&app, &format!("acme/ops#{number}"));
    assert_eq!(told(&github).decided, None);
}
