//! What an emergency leaves to be done is called to mind on its merge request.

use super::{APP, App, asks, policy, shop, status, votes};
use crate::app::until;

/// A change of the basket goes a way of its own, on which `bo` may let it go. Its validation is late at once.
fn of_emergencies() -> String {
    let then = "    then: { validate: { by: shop-owner, within: 1s, needs: evidence } } }";
    policy()
        .replace("roles:\n", "roles:\n  fixer: { members: [\"gitlab:bo\"] }\n")
        .replace(
            "shop-owner: { members: [\"gitlab:acme/shop-leads\"] }",
            "shop-owner: { members: [\"gitlab:acme/shop-leads\"], calendar: { hours: 24/7 } }",
        )
        .replace("routes:\n", &format!("routes:\n  urgent: {{ when: \"change.only('checkout/basket.rs')\", approvals: {{ fixer: 1 }},\n{then}\n"))
}

#[test]
fn n3_what_an_emergency_leaves_is_called_to_mind_on_its_merge_request() {
    let gitlab = shop();
    gitlab.with(|world| world.git.contents.insert(".countersign/policy.yml".to_owned(), of_emergencies()));
    asks(&gitlab);
    votes(&gitlab, "bo");
    let app = App::new(&gitlab);
    let _served = app.start(&["--sweep", "1"]);
    until("the job to be played", || status(&gitlab) == "success");
    let says = || {
        gitlab.with(|world| {
            let ours = world.requests[&12].notes.iter().filter(|note| note["author"]["username"] == APP);
            ours.filter(|note| note["body"].to_string().contains("is overdue")).count()
        })
    };
    until("a reminder", || says() == 1);
}
