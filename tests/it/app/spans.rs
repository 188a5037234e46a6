//! One app on both forges. Each has a repository of the same name, with files of the same names; they are one package of two
//! components, by one policy, in one record.

use std::net::TcpListener;
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use super::gitlab::{self, PIPELINE, SECRET as HOOK, status};
use super::pages::acts::form;
use super::{App, NEXT, RUN, ago, asks, id, ledger, shop, told, told_of, until};
use crate::support::browser::{Browser, Page};
use crate::support::github::Github;
use crate::support::github::tokens::{self, RUNNER};
use crate::support::github::world::{APP, REPOSITORY, sha};
use crate::support::gitlab::world::{PROJECT, Pipeline, Rule};
use crate::support::gitlab::{APP_TOKEN, Gitlab};
use crate::support::run::World;
use crate::support::served::Served;

/// `pat` is `carla` on GitHub and `bo` on GitLab, and answers for both components. Who is called `carla` on GitLab is somebody
/// else.
const POLICY: &str = r#"
version: 1
layer: organisation
environments:
  production: { approval: formal, branches: [main] }
gates:
  tests: { junit: "**/*.xml", require: "tests.failed == 0", environments: [production] }
components:
  checkout: { paths: ["checkout/**"], repository: "github:acme/shop", team: shop }
  basket: { paths: ["checkout/**"], repository: "gitlab:acme/shop", team: shop }
packages:
  till: { components: [checkout, basket], order: [checkout, basket] }
people:
  pat: { github: [carla], gitlab: [bo] }
roles:
  shop-owner: { members: ["user:pat"] }
raci:
  - { on: checkout, accountable: shop-owner }
  - { on: basket, accountable: shop-owner }
routes:
  normal: { approvals: { accountable: 1 } }
separation: { exclude: [author, committer, co_author, pusher, trigger], per: release, distinct_people: true, bots: never }
"#;

const PASSING: &str = r#"<testsuite name="shop" tests="1"><testcase name="a"/></testsuite>"#;
/// The number of the job on GitLab that submits.
const JOB: &str = "71";

pub struct Both {
    app: App,
    github: Github,
    gitlab: Gitlab,
    pub url: String,
    served: Served,
}

/// Both forges, on each of which a run waits before production, and the app that serves them.
fn both(more: &[&str], prepare: impl FnOnce(&App)) -> Both {
    let (github, gitlab) = (shop(), gitlab::shop());
    github.with(|world| world.contents.clear());
    gitlab.with(|world| {
        world.git.contents.clear();
        // GitLab's own rules ask for nobody but the app.
        world.rules.insert("production".to_owned(), vec![Rule::of(crate::support::gitlab::APP)]);
        world.jobs.insert(JOB.to_owned(), (PIPELINE, "running".to_owned()));
    });
    asks(&github);
    gitlab::asks(&gitlab);
    let app = App::new(&github);
    app.world.write("policy.yml", POLICY).write("token", format!("{APP_TOKEN}\n"));
    app.world.write("hook", format!("{HOOK}\n"));
    prepare(&app);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    let served = started(&app, &gitlab, &url, more);
    Both { app, github, gitlab, url, served }
}

fn started(app: &App, gitlab: &Gitlab, url: &str, more: &[&str]) -> Served {
    let (listen, there) = (url.trim_start_matches("http://"), gitlab.url());
    let mut options = app.options_without("--listen");
    options.drain(options.len() - 2..);
    let since =
        [format!("github:{REPOSITORY}:production={}", sha("b0")), format!("gitlab:{PROJECT}:production={}", sha("b0"))];
    let rest = [
        ["--since", &since[0]],
        ["--since", &since[1]],
        ["--without-artifacts", "basket"],
        ["--policy", "policy.yml"],
        ["--gitlab-url", &there],
        ["--gitlab-token-file", "token"],
        ["--gitlab-project", "acme"],
        ["--gitlab-webhook-secret-file", "hook"],
        ["--listen", listen],
        ["--public-url", url],
        ["--sweep", "1"],
    ];
    options.extend(rest.concat().into_iter().map(str::to_owned));
    app.start_with(&options, more)
}

/// The facts and the decision that the record has last of a release on a forge.
fn last(app: &App, forge: &str, release: &str) -> Option<(Value, Value)> {
    use countersign::store::address::Address;
    use countersign::store::reader::Reader;
    let address = Address::parse(&format!("sqlite:{}", app.world.path().join("record.db").display())).unwrap();
    countersign::transport::runtime().unwrap().block_on(async {
        let mut reader = Reader::open(&address).await.ok()?;
        let all = reader.decided(50).await.unwrap();
        let last = all.into_iter().find(|it| it.stream.forge == forge && it.stream.release == release)?;
        let facts = reader.blob(last.facts).await.unwrap()?;
        let document = reader.blob(last.document).await.unwrap()?;
        reader.close().await.unwrap();
        Some((serde_json::from_slice(&facts).unwrap(), serde_json::from_slice(&document).unwrap()))
    })
}

const RELEASE: &str = "shop 510000000000";

impl Both {
    fn tree(&self, forge: &str) -> String {
        last(&self.app, forge, RELEASE).map_or_else(String::new, |(_, document)| document["tree"].to_string())
    }

    /// Waits until the last decision on a forge says something, or not any longer.
    fn says(&self, forge: &str, what: &str, is: bool) {
        let end = std::time::Instant::now() + Duration::from_mins(1);
        while self.tree(forge).is_empty() || self.tree(forge).contains(what) != is {
            assert!(std::time::Instant::now() < end, "`{what}` on {forge}, {is}: {}", self.tree(forge));
            sleep(Duration::from_millis(200));
        }
    }

    /// Waits until each of the two releases knows of which content the other is.
    fn know_each_other(&self) {
        let content = |forge: &str, other: &str| {
            let facts = last(&self.app, forge, RELEASE)?.0;
            facts["release"]["package"]["parts"][other]["content"].as_str().map(str::to_owned)
        };
        until("both know each other", || {
            content("github", "basket").is_some() && content("gitlab", "checkout").is_some()
        });
        // Whoever acts from here on was shown that.
        sleep(Duration::from_millis(1_100));
    }

    /// Whether the last decision saw evidence of the tests.
    fn has_evidence(&self, forge: &str) -> bool {
        let facts = last(&self.app, forge, RELEASE).map(|(facts, _)| facts);
        facts.is_some_and(|facts| facts["evidence"]["tests"]["digests"].as_array().is_some_and(|it| !it.is_empty()))
    }

    /// A run on GitHub hands in its evidence.
    fn submits_on_github(&self) {
        let job = World::with_policy(POLICY)
            .variable("GITHUB_ACTIONS", "true")
            .variable("GITHUB_RUN_ID", &RUN.to_string())
            .variable("GITHUB_RUN_ATTEMPT", "1")
            .variable("GITHUB_SHA", &sha("51"))
            .variable("GITHUB_REPOSITORY", REPOSITORY)
            .variable("ACTIONS_ID_TOKEN_REQUEST_URL", &format!("{}/request?api-version=2.0", self.github.issuer()))
            .variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN", &format!("{RUNNER}{RUN}"));
        self.submits(&job);
    }

    /// A pipeline on GitLab does.
    fn submits_on_gitlab(&self) {
        let mut claims = gitlab::claims(&self.gitlab, &self.url);
        claims["job_id"] = json!(JOB);
        claims.as_object_mut().unwrap().remove("environment");
        let job = World::with_policy(POLICY)
            .variable("GITLAB_CI", "true")
            .variable("CI_PIPELINE_ID", &PIPELINE.to_string())
            .variable("CI_COMMIT_SHA", &sha("51"))
            .variable("CI_PROJECT_PATH", PROJECT)
            .variable("COUNTERSIGN_ID_TOKEN", &tokens::token(&claims));
        self.submits(&job);
    }

    fn submits(&self, job: &World) {
        job.write("reports/tests.xml", PASSING);
        let said = job.run(&["gate", "--environment", "production", "--format", "text", "--submit", &self.url]);
        assert_eq!(said.code, 0, "{}", said.err);
    }

    fn comments(&self, who: &str, text: &str) {
        self.github.with(|world| {
            let id = format!("IC_{}", world.pulls[&12].comments.len());
            world.comment(12, &id, who, text, &ago(0));
        });
    }

    fn notes(&self, who: &str, text: &str) {
        self.gitlab.with(|world| {
            world.note(12, who, text, &ago(0));
        });
    }

    fn looks(&self, times: usize) {
        let before = self.app.looks();
        until("more looks", || self.app.looks() >= before + times);
    }
}

fn approves() -> String {
    format!("/countersign approve production {}", sha("51"))
}

#[test]
fn a_package_over_both_forges_goes_from_two_pipelines_to_two_opened_environments() {
    let both = both(&[], |_| {});
    both.know_each_other();
    // What one pipeline found says nothing of the other's release, whatever both repositories are called.
    both.submits_on_github();
    until("the evidence on GitHub", || both.has_evidence("github"));
    both.looks(4);
    assert!(!both.has_evidence("gitlab"));
    both.submits_on_gitlab();
    until("the evidence on GitLab", || both.has_evidence("gitlab"));
    // Neither does an approval.
    both.comments("carla", &approves());
    both.says("github", "0 of 1", false);
    both.says("github", "`till`: basket is not ready yet", true);
    both.says("gitlab", "0 of 1", true);
    // Of that name is somebody else on GitLab.
    both.notes("carla", &approves());
    both.looks(4);
    assert!(both.tree("gitlab").contains("0 of 1"), "{}", both.tree("gitlab"));
    assert!(told(&both.github).decided.is_none());
    both.notes("bo", &approves());
    until("the answer on GitHub", || told(&both.github).decided.is_some());
    assert_eq!(told(&both.github).decided.unwrap().0, "approved");
    // What goes first has not gone by being let go.
    both.says("gitlab", "checkout goes first, and has not gone yet", true);
    assert_eq!(status(&both.gitlab), "blocked");
    ledger::goes(&both.app, &both.github, RUN, "SUCCESS");
    until("the job on GitLab to be played", || status(&both.gitlab) == "success");
    // What went with the part before goes along with nothing that comes after.
    ledger::next(&both.github, "checkout/basket.rs");
    let next = || last(&both.app, "github", "shop 610000000000").map(|(_, document)| document["tree"].to_string());
    until("the next release", || {
        next().is_some_and(|tree| tree.contains("`till`: basket is not among what is released"))
    });
    assert!(told_of(&both.github, NEXT).decided.is_none());
    let (_, document) = last(&both.app, "gitlab", RELEASE).unwrap();
    assert_eq!(document["approvals"][0]["by"][0]["person"], "pat", "{document:#}");
    let (_, document) = last(&both.app, "github", RELEASE).unwrap();
    assert_eq!(document["approvals"][0]["by"][0]["person"], "pat", "{document:#}");
    let (code, _, said) = both.served.ask("GET /metrics");
    let said = String::from_utf8(said).unwrap();
    assert_eq!(code, 200);
    for forge in ["github", "gitlab"] {
        assert!(said.contains(&format!("countersign_repositories{{forge=\"{forge}\"}} ")), "{said}");
    }
    assert_eq!(both.served.ask("GET /readyz").0, 200);
    // Each forge was told by its own desk.
    let attempted = both.app.events("effect_attempted");
    let strange = |it: &&Value| it["why"].as_str().is_some_and(|why| why.contains("nothing here sends such a thing"));
    assert_eq!(attempted.iter().find(strange), None);
    let verified = both.app.world.run(&["log", "verify", "--database", "sqlite:record.db", "--log-key", "log.pub"]);
    assert_eq!(verified.code, 0, "{}", verified.err);
}

#[test]
fn a_part_that_changed_on_the_other_forge_voids_what_was_approved_with_it() {
    let both = both(&[], |_| {});
    both.submits_on_github();
    both.submits_on_gitlab();
    both.know_each_other();
    both.comments("carla", &approves());
    both.says("github", "0 of 1", false);
    // Another commit comes up on GitLab, and the run of the one before is over.
    both.gitlab.with(|world| {
        world.git.commit("c2", "ana", &["51"], &[("checkout/basket.rs", "3")]);
        world.push(&ago(0), "ana", "51", "c2", None);
        world.open(13, "ana", "51", "c2", &ago(0));
        world.git.commit("61", "ana", &["51"], &[("checkout/basket.rs", "3")]);
        world.squash(13, "bo", "51", "61", &ago(0));
        world.git.branches.insert("refs/heads/main".to_owned(), sha("61"));
        world.deployments.pop();
        world.deployments.push(gitlab::deployment(8, "61", "blocked", &ago(0), "ana", PIPELINE + 1));
        let other = Pipeline { id: PIPELINE + 1, commit: sha("61"), at: ago(0), ..world.pipelines[0].clone() };
        world.pipelines.push(other);
        world.jobs.insert("80".to_owned(), (PIPELINE + 1, "running".to_owned()));
    });
    both.says("github", "`basket` of the package changed since", true);
    assert!(told(&both.github).decided.is_none());
}

#[test]
fn each_forge_delivers_at_its_own_path_and_what_is_said_of_repositories_says_of_which() {
    let both = both(&[], |_| {});
    until("both decided", || !both.tree("github").is_empty() && !both.tree("gitlab").is_empty());
    let said = super::takes(&both.served, "deployment_protection_rule", &id(), &super::waits(&both.github));
    assert_eq!(said, "recorded");
    assert_eq!(gitlab::takes(&both.served, &gitlab::key(), &gitlab::waits()), "recorded");
    drop(both.served);
    // A repository's name alone says nothing of whose it is.
    let (app, there) = (&both.app, both.gitlab.url());
    let mut options = app.options();
    let rest = [
        ["--gitlab-url", &there],
        ["--gitlab-token-file", "token"],
        ["--gitlab-project", "acme"],
        ["--gitlab-webhook-secret-file", "hook"],
    ];
    options.extend(rest.concat().into_iter().map(str::to_owned));
    let mut command = vec!["serve"];
    command.extend(options.iter().map(String::as_str));
    let said = app.world.run(&command);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("may be on either forge: write `github:acme/shop"), "{}", said.err);
    let at = command.iter().position(|it| *it == "--since").unwrap();
    command.drain(at..at + 2);
    command.extend(["--policy-repository", "acme/policy"]);
    let said = app.world.run(&command);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("say on which forge the policy's repository is"), "{}", said.err);
}

/// Both forges with their pages, and the app.
pub fn with_pages() -> Both {
    use crate::support::github::login::{CLIENT, CLIENT_SECRET};
    use crate::support::gitlab::login;
    let both = both(
        &[
            "--client-id",
            CLIENT,
            "--client-secret-file",
            "client",
            "--gitlab-client-id",
            login::CLIENT,
            "--gitlab-client-secret-file",
            "client-there",
        ],
        |app| {
            app.world.write("client", format!("{CLIENT_SECRET}\n"));
            app.world.write("client-there", format!("{}\n", login::CLIENT_SECRET));
        },
    );
    both.github.callback(&format!("{}/login/back", both.url));
    both.gitlab.sends_back(&format!("{}/login/back/gitlab", both.url));
    both.know_each_other();
    both
}

impl Both {
    fn get(&self, browser: &Browser, path: &str) -> Page {
        browser.get(&self.served.address, path)
    }

    /// Logs in from where a page says that one may: what comes back is where one is sent.
    fn comes(&self, browser: &Browser, login: &str) -> String {
        let begun = self.get(browser, login);
        assert_eq!(begun.status, 303, "{}", begun.text());
        let there = begun.header("location").unwrap().strip_prefix("http://").unwrap().to_owned();
        let (host, path) = there.split_once('/').unwrap();
        let allowed = Browser::default().get(host, &format!("/{path}"));
        assert_eq!(allowed.status, 302, "{}", allowed.text());
        let back = allowed.header("location").unwrap().strip_prefix(&self.url).unwrap().to_owned();
        let came = self.get(browser, &back);
        assert_eq!(came.status, 303, "{}", came.text());
        came.header("location").unwrap().to_owned()
    }
}

/// The link of a page that begins so.
fn link(page: &str, begins: &str) -> String {
    let at = page.find(&format!("href=\"{begins}")).unwrap_or_else(|| panic!("no {begins} in {page}"));
    page[at + 6..].split_once('"').unwrap().0.replace("&amp;", "&")
}

#[test]
fn one_address_shows_the_releases_of_either_forge_to_whoever_comes_through_it() {
    let both = with_pages();
    both.github.person(Some("carla"));
    both.gitlab.person(Some("bo"));
    let browser = Browser::default();
    // Whoever says nothing of a forge is asked which.
    let page = both.get(&browser, "/").text();
    let chosen = both.get(&browser, &link(&page, "/login")).text();
    assert!(chosen.contains("Log in through GitHub") && chosen.contains("Log in through GitLab"), "{chosen}");
    assert_eq!(both.comes(&browser, &link(&chosen, "/login?forge=github")), "/");
    let page = both.get(&browser, "/").text();
    assert!(page.contains("logged in as <strong>carla</strong>"), "{page}");
    let release = link(&page, "/release?");
    assert!(release.ends_with("&forge=github"), "{release}");
    let page = both.get(&browser, &release).text();
    assert!(page.contains("`till`") || page.contains("<code>till</code>"), "{page}");
    // A release of the other forge is not shown by the name of one of this.
    let there = release.replace("forge=github", "forge=gitlab");
    let page = both.get(&browser, &there);
    assert_eq!(page.status, 403, "{}", page.text());
    let page = page.text();
    assert!(page.contains("This is on GitLab, and you are logged in through GitHub"), "{page}");
    assert_eq!(both.comes(&browser, &link(&page, "/login?to=")), there);
    let page = both.get(&browser, &there).text();
    assert!(page.contains("logged in as <strong>bo</strong>"), "{page}");
    // He is nobody on GitHub now, and acts on GitLab by his account there.
    assert_eq!(both.get(&browser, &release).status, 403);
    let page = both.get(&browser, &there);
    let sent = browser.post(
        &both.served.address,
        "/act",
        &both.url,
        &form(&page, &[("does", "approve"), ("role", "shop-owner"), ("reason", "seen")]),
    );
    assert_eq!(sent.status, 303, "{}", sent.text());
    both.says("gitlab", "0 of 1", false);
    both.says("github", "0 of 1", true);
}

#[test]
fn the_doctor_looks_at_both() {
    let both = both(&[], |_| {});
    let (github, gitlab) = (both.github.url(), both.gitlab.url());
    let asks = |more: &[&str]| {
        let named = ["--app", APP, "--app-key", "app.pem", "--github-url", &github, "--policy", "policy.yml"];
        let there = ["--gitlab-url", &gitlab, "--gitlab-token-file", "token", "--gitlab", PROJECT];
        let said = both.app.world.run(&[&["doctor"], &named[..], &there, &["--github", REPOSITORY], more].concat());
        assert!([3, 10, 11].contains(&said.code), "{}{}", said.out, said.err);
        said.out
    };
    let all: Value = serde_json::from_str(&asks(&["--format", "json"])).unwrap();
    let forges: Vec<&str> = all.as_array().unwrap().iter().map(|it| it["forge"].as_str().unwrap()).collect();
    assert_eq!(forges, [github.as_str(), gitlab.as_str()]);
    let told = asks(&[]);
    assert!(told.contains(&github) && told.contains(&gitlab), "{told}");
}

/// Argo CD, which may tell of repositories.
fn argocd(app: &App, repositories: &str) {
    let made = app.world.run(&["grant", "key", "--name", "argocd.acme.example", "--output", "argocd.key"]);
    assert_eq!(made.code, 0, "{}", made.err);
    let key = made.out.trim();
    let text = format!("argocd: {{ key: '{key}', repositories: [{repositories}], environments: [production] }}\n");
    app.world.write("deployers.yml", text);
}

#[test]
fn whoever_deploys_tells_of_the_repository_that_the_settings_name_him_for() {
    let both = both(&["--deployers", "deployers.yml"], |app| argocd(app, "'gitlab:acme/shop'"));
    let said = both.app.world.run(&[
        "deployed",
        "--server",
        &both.url,
        "--key",
        "argocd.key",
        "--status",
        "started",
        "--repository",
        PROJECT,
        "--environment",
        "production",
        "--commit",
        &sha("51"),
        "--url",
        "https://argocd.acme.example/1",
    ]);
    assert_eq!(said.code, 0, "{}", said.err);
    let listed = both.app.world.run(&["db", "list", "deployments", "--database", "sqlite:record.db"]).out;
    let line = listed.lines().find(|line| line.contains("told:")).unwrap();
    assert!(line.contains("gitlab") && !line.contains("github"), "{line}");
    drop(both.served);
    // Of two repositories of one name he could not say which he means.
    std::fs::remove_file(both.app.world.path().join("argocd.key")).unwrap();
    argocd(&both.app, "'gitlab:acme/shop', 'github:acme/shop'");
    let said = both.app.world.run(
        &[
            &[
                "serve",
                "--deployers",
                "deployers.yml",
                "--gitlab-url",
                "http://127.0.0.1:9",
                "--gitlab-token-file",
                "token",
            ],
            &["--gitlab-project", "acme", "--gitlab-webhook-secret-file", "hook", "--public-url", "http://127.0.0.1:9"]
                [..],
            &["--database", "sqlite:record.db", "--log-key", "log.key", "--app", APP, "--app-key", "app.pem"],
            &["--webhook-secret-file", "secret"],
        ]
        .concat(),
    );
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("on both forges"), "{}", said.err);
}
