//! The walk: what the demo does, in whose name, and what has to come of it. Whatever is told was seen, at the sandbox or on
//! a page; where something else is seen than is to be told, the walk ends.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use chrono_tz::Europe::London;

use super::clock::Clock;
use super::seen;
use super::visitor::Visitor;
use crate::cli::print;
use crate::flow::app::link;
use crate::report::neutral;
use crate::sandbox::world::{REPOSITORY, Run, World};
use crate::sandbox::{Kind, Sandbox, readable};
use crate::store::change::Stream;

/// How long is waited for what has to come.
const PATIENCE: Duration = Duration::from_mins(1);
/// How soon is looked again.
const LOOK: Duration = Duration::from_millis(40);
/// The environment that all releases here go to.
const PRODUCTION: &str = "production";
/// How often somebody tries to approve what is decided again meanwhile.
const TRIES: u32 = 5;
/// How wide a line is told.
const WIDTH: usize = 100;

/// Something is not as it is to be told.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Differs(pub(super) String);

/// Where the walk takes place.
pub(super) struct Stage {
    /// The forge.
    pub(super) sandbox: Sandbox,
    /// Where the app is, without `/` at its end.
    pub(super) app: String,
    /// What time it is.
    pub(super) clock: Clock,
    /// Where files lie.
    pub(super) folder: PathBuf,
}

/// A release that is under way.
struct Release {
    number: u64,
    run: u64,
    path: String,
}

/// A text in lines, the later ones set in.
fn lines(first: &str, text: &str) -> String {
    let (mut out, mut line) = (String::new(), first.to_owned());
    let inset = " ".repeat(first.chars().count());
    for word in text.split_whitespace() {
        if line.chars().count() + word.chars().count() >= WIDTH && line.trim() != "" {
            out.push_str(line.trim_end());
            out.push('\n');
            line.clone_from(&inset);
        }
        line.push_str(word);
        line.push(' ');
    }
    out + line.trim_end() + "\n"
}

/// A text in Markdown without its links, which say nothing in a terminal.
fn unlinked(text: &str) -> String {
    let Some((before, after)) = text.split_once("](") else { return text.to_owned() };
    let kept = before.rsplit_once('[').map_or(before, |(kept, _)| kept);
    let rest = after.split_once(')').map(|(_, rest)| rest).unwrap_or_default();
    format!("{kept}{}", unlinked(rest))
}

impl Stage {
    fn tell(first: &str, text: &str) {
        // Whoever reads this may go away; the walk goes on.
        drop(print(&lines(first, &neutral::line(text, 2_000))));
    }

    /// Somebody does something.
    fn does(text: &str) {
        Self::tell("  ", text);
    }

    /// Something came of it.
    fn saw(text: &str) {
        Self::tell("    ✓ ", text);
    }

    /// What was said, in its own words.
    fn words(text: &str) {
        Self::tell("      “", &format!("{}”", unlinked(&readable(text)).trim()));
    }

    fn at(address: &str) {
        drop(print(&format!("      {address}\n")));
    }

    fn chapter(&self, title: &str) {
        let now = self.clock.now().with_timezone(&London).format("%A %-d %B, %H:%M");
        drop(print(&format!("\n{title}\n  It is {now} in London.\n")));
    }

    /// Waits until something can be seen at the sandbox.
    async fn sees<T>(&self, what: &str, look: impl Fn(&World) -> Option<T>) -> Result<T, Differs> {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(seen) = self.sandbox.look(&look) {
                return Ok(seen);
            }
            if Instant::now() > end {
                return Err(Differs(format!("{what}: this was waited for, and did not come within a minute")));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until the page of a release says something to somebody.
    async fn reads(&self, who: &mut Visitor, path: &str, text: &str) -> Result<String, Differs> {
        let end = Instant::now() + PATIENCE;
        loop {
            let read = who.get(path).await?.read();
            if read.contains(text) {
                return Ok(read);
            }
            if Instant::now() > end {
                return Err(Differs(format!("the page {path} does not say `{text}`; it says: {read}")));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn page(&self, release: &Release) -> String {
        format!("{}{}", self.app, release.path)
    }

    fn at_forge(&self, rest: &str) -> String {
        format!("{}/{REPOSITORY}/{rest}", self.sandbox.address())
    }

    /// A change is proposed, looked at, merged, tested, and comes to where it would be deployed.
    async fn comes(&self, by: &str, title: &str, file: (&str, &str), fails: bool) -> Result<Release, Differs> {
        // She is in no role: what she says of a change is no approval of its release.
        let reviewer = if by == "mia" { "ana" } else { "mia" };
        let number = self.sandbox.happens(|world, now| world.proposes(by, title, &[file], now));
        Self::does(&format!(
            "{by} opens change {number}, “{title}”. Countersign says on it what its release would need:"
        ));
        let kind = self.sandbox.kind();
        let summary = |world: &World| seen::summary(kind, world, number);
        let title = self.sees("a check on the change", summary).await?;
        Self::words(&title);
        Self::at(&self.at_forge(&kind.change(number)));
        self.sandbox.happens(|world, now| world.review(number, reviewer, "APPROVED", "Reads well.", now));
        let landed = self.sandbox.happens(|world, now| world.merges(number, by, now));
        let commit = landed.ok_or_else(|| Differs(format!("change {number} cannot be merged")))?;
        let run = self.sandbox.happens(|world, now| world.starts(&commit, by, now));
        Self::does(&format!(
            "{reviewer} reviews it, {by} merges it. The pipeline's job hands in its test report, under its own token."
        ));
        self.tests(run, &commit).await?;
        self.sandbox.happens(|world, now| world.asks(run, PRODUCTION, fails, now));
        let short: String = commit.chars().take(12).collect();
        let stream = Stream {
            forge: kind.word().to_owned(),
            repository: REPOSITORY.to_owned(),
            release: format!("shop {short}"),
            environment: PRODUCTION.to_owned(),
        };
        Ok(Release { number, run, path: link::path(&stream) })
    }

    /// The job of a run judges the gate and hands in the evidence: this very program, as a step of a pipeline.
    async fn tests(&self, run: u64, commit: &str) -> Result<(), Differs> {
        let wrong = |error: std::io::Error| Differs(format!("the job of run {run} cannot work: {error}"));
        let folder = self.folder.join(format!("job-{run}"));
        std::fs::create_dir_all(folder.join("reports")).map_err(wrong)?;
        std::fs::write(folder.join("policy.yml"), super::acme::policy(self.sandbox.kind())).map_err(wrong)?;
        std::fs::write(folder.join("reports/tests.xml"), super::acme::report()).map_err(wrong)?;
        let mut job = Command::new(std::env::current_exe().map_err(wrong)?);
        job.current_dir(&folder).env_clear();
        job.envs(self.variables(run, commit)?);
        job.args([
            "gate",
            "--policy",
            "policy.yml",
            "--environment",
            PRODUCTION,
            "--format",
            "text",
            "--submit",
            &self.app,
        ]);
        job.stdin(Stdio::null());
        let ended = tokio::task::spawn_blocking(move || job.output()).await;
        let ended = ended.map_err(|error| Differs(error.to_string()))?.map_err(wrong)?;
        if ended.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        Err(Differs(format!("the job of run {run} ends with {}: {said}", ended.status)))
    }

    /// What the job of a run finds in its environment.
    fn variables(&self, run: u64, commit: &str) -> Result<Vec<(&'static str, String)>, Differs> {
        let mut all: Vec<(&'static str, String)> = Vec::new();
        match self.sandbox.kind() {
            Kind::Github => {
                let attempt = self.sandbox.look(|world| world.runs.get(&run).map_or(1, |run| run.attempt));
                let (url, shown) = self.sandbox.runner(run).map_err(|fault| Differs(fault.to_string()))?;
                all.extend([("GITHUB_ACTIONS", "true".to_owned()), ("GITHUB_RUN_ID", run.to_string())]);
                all.extend([("GITHUB_RUN_ATTEMPT", attempt.to_string()), ("GITHUB_SHA", commit.to_owned())]);
                all.push(("GITHUB_REPOSITORY", REPOSITORY.to_owned()));
                all.extend([("ACTIONS_ID_TOKEN_REQUEST_URL", url), ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", shown)]);
            }
            Kind::Gitlab => {
                let given = self.sandbox.job_token(run, &self.app);
                let (job, token) = given.ok_or_else(|| Differs(format!("the job of run {run} gets no token")))?;
                all.extend([("GITLAB_CI", "true".to_owned()), ("CI_PIPELINE_ID", run.to_string())]);
                all.extend([("CI_JOB_ID", job.to_string()), ("CI_COMMIT_SHA", commit.to_owned())]);
                all.extend([("CI_PROJECT_PATH", REPOSITORY.to_owned()), ("COUNTERSIGN_ID_TOKEN", token)]);
            }
        }
        Ok(all)
    }

    fn run<T>(release: &Release, of: impl Fn(&Run) -> Option<T> + Copy) -> impl Fn(&World) -> Option<T> {
        let id = release.run;
        move |world| world.runs.get(&id).and_then(of)
    }

    /// What the run is told while it waits, once that says something.
    async fn held(&self, release: &Release, because: &'static str) -> Result<String, Differs> {
        let told = move |world: &World| {
            let reports = &world.runs.get(&release.run)?.reports;
            reports.last().filter(|report| report.contains(because)).cloned()
        };
        let report = self.sees(&format!("a report that says `{because}`"), told).await?;
        if self.sandbox.look(|world| world.waits(release.run)) {
            return Ok(report);
        }
        Err(Differs(format!("run {} does not wait", release.run)))
    }

    /// Somebody approves on the page of a release, and it counts.
    async fn approves(&self, release: &Release, who: &str, role: &str, reason: &str) -> Result<(), Differs> {
        let mut visitor = Visitor::login(&self.app, who).await?;
        let fields = [("does", "approve"), ("role", role), ("reason", reason)];
        let mut tries = TRIES;
        loop {
            self.reads(&mut visitor, &release.path, &format!("Approve as {role}")).await?;
            let came = visitor.acts(&release.path, &fields).await?.read();
            if came.contains("Recorded, entry") {
                break;
            }
            tries -= 1;
            // Whoever looked just before it was decided again looks again, as the page asks.
            if tries == 0 || !came.contains("what you were shown") {
                return Err(Differs(format!("{who}'s approval is not taken; the page says: {came}")));
            }
        }
        let counts = self.reads(&mut visitor, &release.path, &format!("yes, for {role}")).await;
        counts.map(|_| Self::saw(&format!("{who} approves as {role}, on the release's page: “{reason}”")))
    }

    async fn opens(&self, release: &Release) -> Result<(), Differs> {
        let decided = self.sees("the last word on the run", Self::run(release, |run| run.decided.clone())).await?;
        let (state, why) = decided;
        if state != "approved" {
            return Err(Differs(format!("run {} is {state}: {why}", release.run)));
        }
        Self::saw("the deployment goes, by itself:");
        Self::words(&why);
        let id = release.run;
        let ended = move |world: &World| {
            let deployment = world.deployments.get(&world.runs.get(&id)?.deployment)?;
            let last = deployment.statuses.last().map(|(state, _)| state.clone());
            last.filter(|state| state == "SUCCESS" || state == "FAILURE")
        };
        let ended = self.sees("how the deployment ends", ended).await?;
        Self::saw(&format!("its job ends: {}", ended.to_lowercase()));
        Ok(())
    }
}

/// A release that is held, explained, approved by two people and opened; in between its author tries to approve it.
async fn normal(stage: &Stage) -> Result<Release, Differs> {
    stage.chapter("1. A release is held, explained, approved by two people, and goes");
    let file = ("checkout/basket.rs", "fn total() -> u64 { round_to_the_cent() }\n");
    let release = stage.comes("ana", "Round totals to the cent", file, false).await?;
    let held = stage.held(&release, "approvals from shop-owner").await?;
    let kind = stage.sandbox.kind();
    Stage::saw(seen::told(kind));
    Stage::words(&held);
    Stage::at(&stage.at_forge(&kind.run(release.run)));
    Stage::saw("its page has the whole explanation, the gate with its evidence, and who is asked:");
    Stage::at(&stage.page(&release));

    stage.chapter("2. Nobody approves what he wrote himself");
    let mut ana = Visitor::login(&stage.app, "ana").await?;
    let page = stage.reads(&mut ana, &release.path, "You cannot approve it").await?;
    if page.contains("Approve as") {
        return Err(Differs("the page offers ana to approve her own change".to_owned()));
    }
    Stage::does(
        "ana wrote it. The page offers her no button; she comments `/countersign approve production` all the same.",
    );
    let command = "/countersign approve production: it is a small change";
    stage.sandbox.happens(|world, now| world.comment(release.number, "ana", command, now));
    let number = release.number;
    let refusal = move |world: &World| seen::answered(world, number);
    let refusal = stage.sees("an answer to ana's comment", refusal).await?;
    if !refusal.contains("does not count") || !stage.sandbox.look(|world| world.waits(release.run)) {
        return Err(Differs(format!("ana's own approval is not refused: {refusal}")));
    }
    Stage::saw("refused, with the reason, where she wrote it:");
    Stage::words(&refusal);
    Stage::does("Two others approve, each in his own role:");
    stage.approves(&release, "bo", "shop-owner", "read it, and tried it with a basket of three").await?;
    stage.held(&release, "approvals from security").await?;
    stage.approves(&release, "sue", "security", "no new input is parsed").await?;
    stage.opens(&release).await?;
    Ok(release)
}

/// Something goes that does not run, and what ran before comes back in closed hours.
async fn back(stage: &Stage, good: &Release) -> Result<(), Differs> {
    stage.clock.forward(super::clock::FRIDAY_MORNING);
    stage.chapter("3. What does not run goes back, at any hour");
    let file = ("checkout/coupon.rs", "fn coupons() -> u8 { 2 }\n");
    let bad = stage.comes("ana", "Take two coupons", file, true).await?;
    stage.held(&bad, "approvals from shop-owner").await?;
    stage.approves(&bad, "carla", "shop-owner", "customers ask for it").await?;
    stage.approves(&bad, "sue", "security", "nothing of ours is parsed").await?;
    stage.opens(&bad).await?;
    stage.clock.forward(super::clock::FRIDAY_NOON);
    Stage::does("Half an hour on, in hours that are closed for releases, ana starts a run of the release before.");
    let now = stage.sandbox.happens(|world, now| {
        let commit = world.runs.get(&good.run)?.commit.clone();
        let run = world.starts(&commit, "ana", now);
        world.asks(run, PRODUCTION, false, now);
        Some(run)
    });
    let run = now.ok_or_else(|| Differs("the run of the release before is gone".to_owned()))?;
    let again = Release { number: good.number, run, path: good.path.clone() };
    let held = stage.held(&again, "approvals from operations").await?;
    Stage::saw("it is known as the way back; operations alone are asked:");
    Stage::words(&held);
    stage.approves(&again, "olu", "operations", "orders fail since half past eleven").await?;
    stage.opens(&again).await
}

/// One of two who may let something past while it burns, at GitHub itself; what that leaves to be done has its clocks.
async fn emergency(stage: &Stage) -> Result<(), Differs> {
    stage.chapter("4. Somebody goes past it, and that leaves two clocks");
    let file = ("checkout/coupon.rs", "fn coupons() -> u8 { 1 + retried() }\n");
    let release = stage.comes("mia", "Take orders again", file, false).await?;
    stage.held(&release, "approvals from shop-owner").await?;
    Stage::does(seen::past(stage.sandbox.kind()));
    stage.sandbox.happens(|world, now| world.bypasses(release.run, "dana", "no orders come through", now));
    let mut dana = Visitor::login(&stage.app, "dana").await?;
    for said in ["It went past Countersign", "let in by dana", "1 of 2 people", "validate", "cab_review"] {
        stage.reads(&mut dana, &release.path, said).await?;
    }
    Stage::saw(
        "Countersign sees it and says so: no decision let it in, and dana is one person where the policy asks for two who sign. \
         It counts as an emergency all the same, and what that owes is opened: validation within four hours, with evidence, and \
         the board's look back within 24 business hours. Its page has both clocks:",
    );
    Stage::at(&stage.page(&release));
    let mut olu = Visitor::login(&stage.app, "olu").await?;
    stage.reads(&mut olu, &release.path, "Where the evidence is").await?;
    let owed = olu.get(&release.path).await?.field("obligation").unwrap_or_default();
    let fields = [
        ("does", "validate"),
        ("obligation", owed.as_str()),
        ("evidence", "https://grafana.example/d/orders"),
        ("reason", "orders come through"),
    ];
    let came = olu.acts(&release.path, &fields).await?.read();
    if !came.contains("Recorded, entry") {
        return Err(Differs(format!("olu's validation is not taken; the page says: {came}")));
    }
    Stage::saw("olu does the first of them on that page, with a link to what shows that orders come through.");
    Ok(())
}

/// A release that everybody agrees to, on a Friday afternoon.
async fn friday(stage: &Stage) -> Result<Release, Differs> {
    stage.clock.forward(super::clock::FRIDAY);
    stage.chapter("5. A Friday afternoon");
    let file = ("checkout/delivery.rs", "fn days() -> u8 { 3 }\n");
    let release = stage.comes("bo", "Show delivery dates", file, false).await?;
    stage.held(&release, "approvals from shop-owner").await?;
    stage.approves(&release, "carla", "shop-owner", "the dates are right").await?;
    stage.approves(&release, "sue", "security", "nothing of ours is parsed").await?;
    let held = stage.held(&release, "friday-afternoon").await?;
    Stage::saw("both have approved, and it waits all the same; it goes by itself when the hours open:");
    Stage::words(&held);
    Stage::at(&stage.page(&release));
    Ok(release)
}

/// On Monday it goes by itself, and another one waits for whoever sits before this.
async fn monday(stage: &Stage, held: &Release) -> Result<(), Differs> {
    stage.clock.forward(super::clock::MONDAY);
    stage.chapter("6. Monday morning, and your turn");
    Stage::does("The hours are open again.");
    stage.opens(held).await?;
    let file = ("checkout/basket.rs", "fn total() -> u64 { round_down_to_the_cent() }\n");
    let release = stage.comes("ana", "Round totals down", file, false).await?;
    stage.held(&release, "approvals from shop-owner").await?;
    Stage::saw(
        "it waits for you: log in as bo or carla and approve it as shop-owner, then as sue for security, and it goes:",
    );
    Stage::at(&stage.page(&release));
    Ok(())
}

/// The whole walk.
pub(super) async fn walk(stage: &Stage) -> Result<(), Differs> {
    let good = normal(stage).await?;
    back(stage, &good).await?;
    emergency(stage).await?;
    let held = friday(stage).await?;
    monday(stage, &held).await
}
