//! Standard changes before the board, seen from outside.

use chrono::{DateTime, Utc};

use super::board::{agenda, answered, begins, in_time, say, until_or_at, with_board};
use super::issues::with_policy;
use super::{App, NEXT, asks, known, ledger, next_release, shop, tells, told, told_of, until};
use crate::support::github::Github;
use crate::support::github::world::sha;
use crate::support::served::Served;

const FIRST: &str = "shop 510000000000";
const SECOND: &str = "shop 610000000000";

/// What changes the basket alone is a standard change by a model that the board approves.
fn policy(github: &Github, at: DateTime<Utc>, when: &str) -> String {
    with_board(github, at).replace(", cab: {}", "").replace("cutoff: 1min", "cutoff: 1s").replace(
        "routes:\n",
        &format!(
            "classes: {{ standard: {{ models: [basket] }} }}\n\
             standard_changes: {{ basket: {{ when: \"{when}\", owner: shop-owner, approved_by: cab, expires: 180d, \
             suspend_after: 1 failure }} }}\nroutes:\n  standard: {{ approval: automatic }}\n"
        ),
    )
}

const BASKET: &str = "change.only('checkout/**')";

/// An app whose release would be standard by a model that was never approved; the agenda on which that is, and when.
fn proposed() -> (App, Github, Served, u64, DateTime<Utc>) {
    let set_up = |at| {
        let github = shop();
        with_policy(&github, policy(&github, at, BASKET));
        asks(&github);
        let app = App::new(&github);
        let served = app.start(&["--sweep", "1"]);
        let number = agenda(&github);
        let never =
            || known(&app, FIRST).is_some_and(|(_, it)| it["tree"].to_string().contains("it was never approved"));
        until_or_at(at, never);
        (app, github, served, number)
    };
    let ((app, github, served, number), at) = in_time(14, set_up);
    (app, github, served, number, at)
}

/// The board approves it in its meeting.
fn approve(github: &Github, number: u64, at: DateTime<Utc>) {
    begins(at);
    for who in ["carl", "cleo"] {
        say(github, number, who, "present");
    }
    say(github, number, "mo", "approve model/basket");
}

#[test]
fn c6_t1_a_model_goes_before_the_board_and_its_own_failure_suspends_it() {
    let (app, github, _served, number, at) = proposed();
    let text = github.with(|world| world.text(number));
    assert!(text.contains("`model/basket`: releases with <code>change.only"), "{text}");
    assert!(text.contains("shop-owner") && text.contains("180d"), "{text}");
    tells(&app, FIRST, "it was never approved");
    say(&github, number, "mo", "approve model/basket");
    answered(&github, number, "and nothing is decided before");
    begins(at);
    // Without a quorum, by who does not chair, on conditions, and under another name it is approved by nothing.
    say(&github, number, "mo", "approve model/basket");
    answered(&github, number, "0 of 2 members were there");
    for who in ["carl", "ana"] {
        say(&github, number, who, "present");
    }
    say(&github, number, "carl", "approve model/basket");
    answered(&github, number, "<code>release-manager</code> decides");
    say(&github, number, "mo", "approve model/other");
    answered(&github, number, "nothing on this agenda is called <code>model/other</code>");
    say(&github, number, "mo", "approve model/basket with: care");
    answered(&github, number, "a standard change is approved as it stands");
    // Whoever wrote this release approves no way round its approval either.
    say(&github, number, "mo", "approve model/basket");
    answered(&github, number, "it is taken down as approved, until");
    tells(&app, FIRST, "1 of 2 people in cab approved it (ignored ana");
    assert_eq!(told(&github).decided, None);
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    say(&github, number, "cleo", "present");
    say(&github, number, "mo", "approve model/basket");
    ledger::goes(&app, &github, super::RUN, "FAILURE");
    tells(&app, FIRST, "a standard change by the model `basket`");
    // Nobody has to say that it is suspended now, and it is on the next agenda.
    next_release(&github);
    tells(&app, SECOND, "1 failure since it was approved suspended it at 1");
    assert_eq!(told_of(&github, NEXT).decided, None);
    until("the next agenda", || github.with(|world| world.labelled("cab-agenda").len()) == 2);
    assert_eq!(github.with(|world| world.labelled("cab-agenda").len()), 2);
}

#[test]
fn c6_t1_who_may_suspends_a_model_and_on_other_terms_it_was_never_approved() {
    let (app, github, _served, number, at) = proposed();
    approve(&github, number, at);
    ledger::goes(&app, &github, super::RUN, "SUCCESS");
    say(&github, number, "zoe", "suspend model/basket: I do not like it");
    let no = say(&github, number, "cleo", "suspend model/basket: it broke twice");
    next_release(&github);
    tells(&app, SECOND, "it is suspended");
    answered(&github, number, "the policy names you neither in <code>cab</code> nor as who looks after it");
    answered(&github, number, "it is suspended: no release is standard by it until it is approved again");
    // Taking that away leaves it unknown, and approves nothing.
    github.with(|world| world.delete_said(number, "ana", &no));
    tells(&app, SECOND, "whether it is suspended could not be read: somebody deleted a comment under agenda");
    assert_eq!(told_of(&github, NEXT).decided, None);
    // What was approved is what stood on the agenda.
    with_policy(&github, policy(&github, at, "change.only('**/*.rs')"));
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    say(&github, number, "mo", "approve model/basket");
    tells(&app, SECOND, "it was never approved");
    answered(&github, number, "the policy has <code>model/basket</code> on other terms by now");
    assert_eq!(told_of(&github, NEXT).decided, None);
    with_policy(&github, policy(&github, at, BASKET));
    until("an answer", || told_of(&github, NEXT).decided.is_some());
    assert_eq!(told_of(&github, NEXT).decided.unwrap().0, "approved");
    let facts = known(&app, SECOND).unwrap().0;
    assert_eq!(facts["standard_changes"]["basket"]["approved_by"].as_array().unwrap().len(), 3, "{facts:#}");
    assert_eq!(facts["release"]["commit"], sha("61"));
}
