//! Which branch is believed that an organisation keeps its layer of the policy on.

use countersign::forge::Source as _;
use countersign::model::facts::Fact;
use serde_json::{Value, json};

use super::client::client;
use super::shop::shop;
use crate::forge::github::client::run;
use crate::support::github::world::sha;
use crate::support::gitlab::world::PROJECT;

fn level(level: u64, name: &str) -> Value {
    json!({"access_level": level, "access_level_description": name})
}

fn named(what: &str) -> Value {
    json!({"access_level": 40, "access_level_description": "Ana", what: 1000})
}

#[test]
fn t15_a_branch_is_believed_only_where_maintainers_alone_push_and_merge() {
    let gitlab = shop();
    let client = client(&gitlab);
    let believed = |rules: &[Value]| {
        gitlab.with(|world| world.protections = rules.to_vec());
        match run(client.protected(PROJECT, None)) {
            Fact::Known(tip) => Ok(tip.commit),
            Fact::Unavailable(why) => Err(why.into_owned()),
            Fact::Absent => panic!("absent"),
        }
    };
    let rule = |name: &str, push: Value, merge: Value| json!({"name": name, "push_access_levels": [push], "merge_access_levels": [merge]});
    let (nobody, maintainers) = (level(0, "No one"), level(40, "Maintainers"));
    let developers = level(30, "Developers + Maintainers");

    let tight = rule("main", nobody.clone(), maintainers.clone());
    assert_eq!(believed(std::slice::from_ref(&tight)), Ok(sha("51")));
    assert_eq!(believed(&[rule("*", maintainers.clone(), maintainers.clone())]), Ok(sha("51")));
    // A rule of other branches says nothing of this one.
    let elsewhere = rule("release/*", developers.clone(), developers.clone());
    assert_eq!(believed(&[tight.clone(), elsewhere]), Ok(sha("51")));

    for (rules, says) in [
        (vec![], "not protected"),
        // The usual setting: a developer merges what he wrote himself.
        (vec![rule("main", nobody.clone(), developers.clone())], "developers may push or merge"),
        (vec![rule("main", developers.clone(), maintainers.clone())], "developers may push or merge"),
        // Of several rules the one that lets most counts.
        (vec![tight.clone(), rule("*", nobody.clone(), developers)], "developers may push or merge"),
        (vec![rule("main", named("user_id"), maintainers.clone())], "Ana"),
        (vec![rule("main", nobody.clone(), named("group_id"))], "Ana"),
        (vec![rule("main", named("deploy_key_id"), maintainers)], "Ana"),
        (vec![rule("main", nobody, json!({"access_level": null, "member_role_id": 3}))], "does not describe"),
    ] {
        let why = believed(&rules).expect_err(says);
        assert!(why.contains(says), "{why}");
    }

    // What the branch itself does not say is not taken for no.
    gitlab.with(|world| world.protections = vec![tight]);
    let silent = json!({"name": "main", "protected": true, "commit": {"id": sha("51")}});
    gitlab.trouble("/repository/branches/main", crate::support::gitlab::reply(200, &silent));
    assert!(matches!(run(client.protected(PROJECT, None)), Fact::Unavailable(_)));
}
