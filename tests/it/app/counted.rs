//! What the app costs GitHub, and how long it keeps a deployment waiting, counted: calls, and how many of them one after
//! the other. All of it from a delivery to what GitHub is told: the policy, what runs, whether it still waits, the facts, what was
//! deployed before. What the facts alone take is counted in `forge::github::facts`.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{App, RUN, ago, id, payload, reviews, shop, takes, told, until, waits};
use crate::support::github::world::{Rule, Run, sha};
use crate::support::github::{Asked, Github};
use crate::support::served::Served;

/// A hundred pull requests of one commit each were merged since `b0`, and a team of a hundred may approve.
fn hundred() -> Github {
    let github = shop();
    github.with(|world| {
        world.pulls.clear();
        world.activity.clear();
        world.push(&ago(9_000), "0", "b0", "push", "carla");
        let mut before = "b0".to_owned();
        for number in 1..=100_u64 {
            let (head, landed) = (format!("e{number:03}"), format!("d{number:03}"));
            let text = number.to_string();
            let changed = [("checkout/basket.rs", text.as_str())];
            world.commit(&head, "ana", &[&before], &changed);
            world.commit(&landed, "ana", &[&before], &changed);
            world.pull(number, "ana", &before, &[&head], &landed);
            let minutes = 600 - 3 * i64::try_from(number).unwrap();
            for (commit, at) in [(&head, minutes + 2), (&landed, minutes + 1)] {
                world.edit(commit, |it| it.date = ago(at));
            }
            world.pulls.get_mut(&number).unwrap().merged_at = Some(ago(minutes));
            world.push(&ago(minutes + 1), &before, &head, "push", "ana");
            world.push(&ago(minutes), &before, &landed, "pr_merge", "bo");
            before = landed;
        }
        world.branches.insert("refs/heads/main".to_owned(), sha("d100"));
        let mut members: Vec<String> = (0..98).map(|at| format!("member{at}")).collect();
        for login in &members {
            world.user(login, "User");
        }
        members.extend(["bo".to_owned(), "carla".to_owned()]);
        world.teams.insert("acme/shop-leads".to_owned(), members);
    });
    github
}

/// Run 900 asks for production with all of them.
fn asks_with(github: &Github) {
    github.with(|world| {
        world.runs.push(Run {
            id: RUN,
            commit: sha("d100"),
            branch: "main".to_owned(),
            creator: Some("ana".to_owned()),
            event: "push".to_owned(),
            created_at: ago(1),
            reviews: Vec::new(),
        });
        world.rules.insert((RUN, "production".to_owned()), Rule::default());
    });
}

/// Waits until nothing was asked for a while.
fn quiet(github: &Github) {
    let (mut last, mut since) = (github.asked().len(), Instant::now());
    while since.elapsed() < Duration::from_millis(1_500) {
        std::thread::sleep(Duration::from_millis(50));
        let now = github.asked().len();
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
}

/// What was asked but for tokens, posts left out.
fn reads(github: &Github) -> Vec<Asked> {
    let mut asked = github.asked();
    asked.retain(|it| it.path.ends_with("/graphql") || it.method == "GET");
    asked
}

/// What takes from the allowance: everything that had no tag, or had changed.
fn counted(asked: &[Asked]) -> usize {
    asked.iter().filter(|it| !it.headers.contains_key("if-none-match")).count()
}

fn listed(asked: &[Asked]) -> String {
    let line = |it: &Asked| {
        let tag = if it.headers.contains_key("if-none-match") { " (tag)" } else { "" };
        let what = it.body["query"].as_str().map(|text| text.chars().skip(90).take(160).collect::<String>());
        format!("{} {}{tag} {}\n", it.method, it.path, what.unwrap_or_default())
    };
    asked.iter().map(line).collect()
}

fn waiting(github: &Github) -> serde_json::Value {
    let mut waiting = waits(github);
    waiting["deployment"]["sha"] = json!(sha("d100"));
    waiting
}

fn ready(app: &App) -> Served {
    let served = app.start(&["--sweep", "300"]);
    until("the first sweep", || served.ask("GET /readyz").0 == 200);
    quiet(&app.github);
    served
}

#[test]
fn a_decision_takes_so_many_calls() {
    let github = hundred();
    let app = App::new(&github);
    let served = ready(&app);
    github.forget();
    asks_with(&github);
    takes(&served, "deployment_protection_rule", &id(), &waiting(&github));
    until("a report", || !told(&github).reports.is_empty());
    quiet(&github);
    let cold = reads(&github);
    eprintln!("cold: {} of {}\n{}", counted(&cold), cold.len(), listed(&cold));
    assert!(cold.len() <= 5, "cold, with what had not changed: {}\n{}", cold.len(), listed(&cold));

    github.forget();
    reviews(&github, "carla", "APPROVED");
    let review = payload(json!({"action": "approved", "workflow_run": {"id": RUN}}));
    takes(&served, "deployment_review", &id(), &review);
    until("an answer", || told(&github).decided.is_some());
    quiet(&github);
    let warm = reads(&github);
    eprintln!("warm: {} of {}\n{}", counted(&warm), warm.len(), listed(&warm));
    // One of them is asked of an enterprise server alone: whether the account is suspended there.
    assert!(counted(&warm) <= 3, "warm: {} of {}\n{}", counted(&warm), warm.len(), listed(&warm));
    assert!(warm.len() <= 6, "warm, with what had not changed: {}\n{}", warm.len(), listed(&warm));
}

/// How long one answer takes.
const FAR: Duration = Duration::from_millis(500);

/// How many answers were waited for one after the other before something was posted: of what was asked, each counts that came
/// when the answer to the one before could be there.
fn waited(asked: &[Asked], post: &Asked) -> usize {
    let mut at = asked.iter().map(|it| it.at).min().unwrap();
    let mut count = 0;
    while let Some(next) = asked.iter().map(|it| it.at).filter(|it| *it >= at + FAR && *it <= post.at).min() {
        (at, count) = (next, count + 1);
    }
    count
}

/// What was asked until something was posted, with when.
fn timed(asked: &[Asked], begun: Instant) -> String {
    let lines = asked.iter().map(|it| {
        let line = listed(std::slice::from_ref(it));
        format!("{:.1} {line}", (it.at - begun).as_secs_f64() / FAR.as_secs_f64())
    });
    lines.collect()
}

#[test]
fn a_decision_takes_so_many_round_trips() {
    let github = hundred();
    let app = App::new(&github);
    let served = ready(&app);
    asks_with(&github);
    github.far(FAR);
    github.forget();
    let sent = |post: &Asked| post.method == "POST" && post.path.ends_with("/deployment_protection_rule");
    let posted = || github.asked().into_iter().find(sent);
    let begun = Instant::now();
    takes(&served, "deployment_protection_rule", &id(), &waiting(&github));
    until("a report", || posted().is_some());
    let (asked, post) = (github.asked(), posted().unwrap());
    let (cold, seconds) = (waited(&asked, &post), (post.at - begun).as_secs_f64());
    eprintln!("cold: {cold} round trips, {seconds:.2} s of {FAR:?} each\n{}", timed(&asked, begun));
    assert!(cold <= 2, "cold: {cold}\n{}", timed(&asked, begun));
    until("the report's end", || !told(&github).reports.is_empty());
    quiet(&github);

    github.forget();
    reviews(&github, "carla", "APPROVED");
    let review = payload(json!({"action": "approved", "workflow_run": {"id": RUN}}));
    let begun = Instant::now();
    takes(&served, "deployment_review", &id(), &review);
    until("an answer", || posted().is_some());
    let (asked, post) = (github.asked(), posted().unwrap());
    let (warm, seconds) = (waited(&asked, &post), (post.at - begun).as_secs_f64());
    eprintln!("warm: {warm} round trips, {seconds:.2} s of {FAR:?} each\n{}", timed(&asked, begun));
    assert!(warm <= 2, "warm: {warm}\n{}", timed(&asked, begun));
}
