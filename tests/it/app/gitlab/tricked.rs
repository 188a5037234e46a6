//! What people try there who may push, play and start over, and what comes of it.

use super::{App, asks, policy, shop, status, told, written};
use crate::app::{ago, until};
use crate::support::github::world::sha;
use crate::support::gitlab::APP;
use crate::support::gitlab::world::Rule;

#[test]
fn t15_a_tag_that_is_called_as_the_default_branch_has_no_say_in_the_policy() {
    let gitlab = shop();
    gitlab.with(|world| {
        // `eve` pushes a commit whose policy asks nobody, and a tag that is called as the branch is.
        world.git.commit("e6", "eve", &["51"], &[("checkout/basket.rs", "2")]);
        world.push(&ago(1), "eve", "51", "e6", None);
        world.git.branches.insert("refs/tags/main".to_owned(), sha("e6"));
        let lax = policy().replace("production: { approval: formal", "production: { approval: automatic");
        assert_ne!(lax, policy());
        world.had.insert((sha("e6"), ".countersign/policy.yml".to_owned()), lax);
        // GitLab itself asks for nobody but the app.
        world.rules.insert("production".to_owned(), vec![Rule::of(APP)]);
    });
    asks(&gitlab);
    let app = App::new(&gitlab);
    let _served = app.start(&["--sweep", "1"]);
    until("a status", || !told(&gitlab).is_empty());
    let (state, says) = told(&gitlab).remove(0);
    assert!(state == "failed" && says.contains("0 of 1"), "{state}: {says}");
    assert_eq!(status(&gitlab), "blocked");
    assert!(written(&gitlab, "/approval").is_empty());
}
