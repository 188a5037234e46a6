//! `countersign gate`: what a pipeline's step runs.

mod plan;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use self::plan::Plan;
use super::environment::{self, Given, Place};
use super::outputs::{self, Format};
use super::progress::Progress;
use super::required;
use super::submit;
use super::{BLOCKED, PENDING, PROCEED, TIME_LIMIT, UNKNOWN, USAGE, complain};
use crate::decide::gates::together;
use crate::flow::gate_run;
use crate::flow::request::Request;
use crate::model::decision::Decision;
use crate::model::verdict::Verdict;
use crate::policy;
use crate::workspace::layers;

/// Every exit code, with what it means.
pub(super) const EXIT_CODES: [(u8, &str); 6] = [
    (PROCEED, "every gate passes, is waived or does not apply: the release may go on"),
    (PENDING, "a gate is pending: evidence can still come"),
    (BLOCKED, "a gate blocks: the evidence is here and does not meet the requirement"),
    (
        UNKNOWN,
        "an artifact or the tool failed, so the answer is unknown, or the evidence was not submitted; outranks 10, not 11",
    ),
    (USAGE, "the command or the policy is wrong, and nothing was judged"),
    (TIME_LIMIT, "the time limit was reached"),
];

/// How long a run may take where nobody says.
pub(super) const TIME_LEFT_OUT: Duration = Duration::from_mins(10);

fn after_help() -> String {
    let codes: Vec<String> = EXIT_CODES.iter().map(|(code, meaning)| format!("  {code:2}  {meaning}\n")).collect();
    format!(
        "Exit codes:\n{}\n\
         Every option can be set in the environment: COUNTERSIGN_POLICY, COUNTERSIGN_ENVIRONMENT, and so on; \
         where an option repeats, one value a line. An empty variable counts as not set.",
        codes.concat()
    )
}

/// What is judged, by what, and how it is told.
#[derive(clap::Args)]
#[command(after_help = after_help())]
pub(super) struct Arguments {
    /// A layer of the policy; repeat it, outermost layer first.
    /// Left out: `.countersign/policy.yml`, `.countersign/policy.yaml` or `countersign.yml`.
    #[arg(long, value_name = "FILE")]
    policy: Vec<PathBuf>,
    /// Read the policy from this protected ref instead of the working tree.
    #[arg(long, value_name = "REF")]
    policy_ref: Option<String>,
    /// A folder in which the pipeline left its artifacts; repeat it for several. Left out: this folder.
    #[arg(long, value_name = "DIR")]
    artifacts: Vec<PathBuf>,
    /// The environment that the release is for. May be left out where the policy has one only.
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    /// A component that is released; repeat it for several. Left out: the gates of every component count.
    #[arg(long, value_name = "NAME")]
    component: Vec<String>,
    /// The last release's artifacts, to compare with: a folder laid out alike, or one file.
    #[arg(long, value_name = "FILE|DIR")]
    baseline: Option<PathBuf>,
    /// An artifact that is released, as a file or as `sha256:…`; reports about another do not count.
    #[arg(long, value_name = "FILE|DIGEST")]
    artifact: Vec<String>,
    /// The commit that is released. Left out: what the job says, if it says it.
    #[arg(long, value_name = "SHA")]
    commit: Option<String>,
    /// The repository, `owner/name`, for `{repository}` in the policy. Left out: what the job says.
    #[arg(long, value_name = "NAME")]
    repository: Option<String>,
    /// How the decision is told. Left out: as fits where the command runs.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Write the document to this file instead of standard output; with `github` and `gitlab`, the JSON document
    /// beside what they write anyway.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The instant to decide for, RFC 3339. Left out: now.
    #[arg(long, value_name = "RFC3339")]
    now: Option<String>,
    /// Submit the evidence that the gates read to the app at this address, under the job's own token, which is issued for
    /// it. The app reads it again, and takes no verdict from here. Left out: nothing is sent.
    #[arg(long, value_name = "URL")]
    submit: Option<String>,
    /// How long the run may take, such as `90s`. Left out: 10 minutes.
    #[arg(long, value_name = "TIME")]
    time_limit: Option<String>,
    #[command(flatten)]
    required: required::Whose,
    /// Take what is left out from the inputs of a GitHub action, and from no variable.
    #[arg(long, hide = true)]
    inputs: bool,
}

impl Arguments {
    fn given(&self) -> Given {
        if self.inputs { Given::Inputs } else { Given::Variables }
    }

    /// Ends by a decision of somebody else's, where one is required.
    fn elsewhere(&self, place: Place) -> Result<Option<u8>, Refusal> {
        let given = self.given();
        let environment = one(self.environment.as_ref(), given, "ENVIRONMENT");
        self.required.run(given, place, environment, one(self.commit.as_ref(), given, "COMMIT"), || {
            let output = self.output();
            let (_, format, aside) = prepare(self, place, output.as_deref())?;
            Ok(required::Surface { format, output, aside })
        })
    }

    /// The folders in which artifacts are looked for.
    fn roots(&self) -> Vec<PathBuf> {
        let roots = several(&self.artifacts, self.given(), "ARTIFACTS");
        if roots.is_empty() { vec![PathBuf::from(".")] } else { roots }
    }

    fn output(&self) -> Option<PathBuf> {
        self.output.clone().or_else(|| self.given().option("OUTPUT").map(PathBuf::from))
    }
}

impl Arguments {
    /// What is read from the very file that is to be written, and by which option.
    fn input_at<'p>(&self, output: &'p Path) -> Option<(&'static str, &'p Path)> {
        let whole = output.canonicalize().ok()?;
        let given = self.given();
        let mut policies = several(&self.policy, given, "POLICY");
        if policies.is_empty() {
            policies.extend(layers::PLACES.iter().map(PathBuf::from));
        }
        let baseline = one(self.baseline.as_ref(), given, "BASELINE");
        let artifacts = several(&self.artifact, given, "ARTIFACT").into_iter().map(PathBuf::from);
        let named = policies.into_iter().map(|path| ("--policy", path));
        let named = named.chain(baseline.map(|path| ("--baseline", path)));
        let mut named = named.chain(artifacts.map(|path| ("--artifact", path)));
        let is_it = |path: &Path| path.canonicalize().is_ok_and(|path| path == whole);
        named.find(|(_, path)| is_it(path)).map(|(option, _)| (option, output))
    }
}

/// What went wrong before anything was judged.
pub(super) enum Refusal {
    /// One sentence.
    Said(String),
    /// What is to be written is read.
    Output(String),
    /// The policy's mistakes, each at its place.
    Policy(Vec<policy::diagnostics::Complaints>),
}

impl<E: std::error::Error> std::convert::From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Said(error.to_string())
    }
}

/// The policy's files, as a person who waits is told of them.
const POLICY: &str = "the policy";

pub(super) fn run(arguments: Arguments) -> u8 {
    let place = Place::here();
    // Where no known format is named, whoever reads the job's page is told all the same.
    let format = format(&arguments, place).unwrap_or_else(|_| left_out(place));
    match decide(arguments, place) {
        Ok(code) => code,
        Err(Undecided { code, why, .. }) => {
            complain(&why);
            outputs::undecided(format, &why);
            code
        }
    }
}

/// Tells a job's page that the command line of a gate is wrong, which is found before any option of it is known.
pub(super) fn mistaken(arguments: &[std::ffi::OsString], said: &str) {
    let words: Vec<_> = arguments.iter().skip(1).map(|word| word.to_string_lossy()).collect();
    if words.first().is_none_or(|command| command != "gate") {
        return;
    }
    let given = if words.iter().any(|word| word == "--inputs") { Given::Inputs } else { Given::Variables };
    let beside = words.iter().skip_while(|word| *word != "--format").nth(1).map(|word| word.clone().into_owned());
    let within = words.iter().find_map(|word| word.strip_prefix("--format=").map(str::to_owned));
    let stated = beside.or(within).or_else(|| given.option("FORMAT"));
    let known = stated.and_then(|word| <Format as clap::ValueEnum>::from_str(word.trim(), false).ok());
    let (why, _) = said.split_once("\n\nUsage:").unwrap_or((said, ""));
    let why: Vec<_> = why.trim_start_matches("error:").lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    outputs::undecided(known.unwrap_or_else(|| left_out(Place::here())), &why.join("; "));
}

/// Why a run ended without a decision, and with which code.
struct Undecided {
    code: u8,
    why: String,
    /// Whether it is that what is to be written is read.
    is_of_the_output: bool,
}

fn decide(arguments: Arguments, place: Place) -> Result<u8, Undecided> {
    if let Some(code) = arguments.elsewhere(place).map_err(refused)? {
        return Ok(code);
    }
    let output = arguments.output();
    let (limit, format, aside) = prepare(&arguments, place, output.as_deref()).map_err(refused)?;
    let until = submit::until(Instant::now(), limit);
    let found = within(limit, move |progress| decided(&arguments, place, progress, until));
    let (decision, submitted) = found.and_then(|found| found.map_err(refused)).inspect_err(|undecided| {
        let Some(aside) = &aside else { return };
        if undecided.is_of_the_output && aside.restore() {
            return;
        }
        aside.complain();
    })?;
    if let Err(message) = outputs::write(&decision, format, output.as_deref(), place) {
        complain(&message);
        // That a gate blocks is known, whoever could not be told.
        return Ok(if code(&decision) == BLOCKED { BLOCKED } else { UNKNOWN });
    }
    if let Some(aside) = aside {
        aside.forget();
    }
    Ok(match code(&decision) {
        BLOCKED => BLOCKED,
        // What the gates come to here lets nothing go where the app does not know of it.
        _ if !submitted => UNKNOWN,
        code => code,
    })
}

/// Why nothing was judged. The mistakes of a policy are told at once, each at its place.
fn refused(refusal: Refusal) -> Undecided {
    let is_of_the_output = matches!(refusal, Refusal::Output(_));
    let why = match refusal {
        Refusal::Said(message) | Refusal::Output(message) => message,
        Refusal::Policy(complaints) => {
            super::policy::tell(&complaints);
            mistakes(&complaints)
        }
    };
    Undecided { code: USAGE, why, is_of_the_output }
}

/// A policy's mistakes in a sentence: the first one, and how many more there are.
fn mistakes(complaints: &[policy::diagnostics::Complaints]) -> String {
    let each = complaints.iter().flat_map(|file| file.list.iter().map(move |mistake| (file, mistake)));
    let mut errors = each.filter(|(_, mistake)| mistake.is_error());
    let mut why = "nothing was judged, because the policy has mistakes".to_owned();
    if let Some((file, mistake)) = errors.next() {
        why = format!("{why}: {} (line {}): {}", file.path, mistake.span.line, mistake.message);
    }
    match errors.count() {
        0 => why,
        more => format!("{why}; and {more} more, which the log lists"),
    }
}

/// What holds before anything is read. The format comes first, so that nothing of an
/// earlier run is left where this one ends without a decision.
fn prepare(
    arguments: &Arguments,
    place: Place,
    output: Option<&Path>,
) -> Result<(Duration, Format, Option<outputs::Aside>), Refusal> {
    if let Some(name) = arguments.given().unreadable() {
        return Err(Refusal::Said(format!("the variable {name} is not UTF-8; set it anew")));
    }
    let format = format(arguments, place)?;
    if let Some((option, file)) = output.and_then(|path| arguments.input_at(path)) {
        let path = file.display();
        return Err(Refusal::Said(format!(
            "`--output {path}` is what `{option}` is read from; write the decision under another name"
        )));
    }
    let aside = outputs::clear(format, output, &arguments.roots()).map_err(Refusal::Said)?;
    Ok((time_limit(arguments)?, format, aside))
}

/// The exit code that the gates come to.
fn code(decision: &Decision) -> u8 {
    match together(decision.gates.iter().map(|gate| gate.verdict)) {
        Verdict::Pass | Verdict::Waived | Verdict::NotApplicable => PROCEED,
        Verdict::Pending => PENDING,
        Verdict::Block => BLOCKED,
        Verdict::Indeterminate => UNKNOWN,
    }
}

/// Reads the policy and judges; says as well whether everything was submitted that was to be.
fn decided(
    arguments: &Arguments,
    place: Place,
    progress: &Progress,
    until: Instant,
) -> Result<(Decision, bool), Refusal> {
    let target = one(arguments.submit.as_ref(), arguments.given(), "SUBMIT");
    let target = target.map(|url| submit::address("--submit", &url)).transpose()?;
    let plan = Plan::read(arguments, place, progress)?;
    super::policy::tell(&plan.policy.warnings);
    let request = Request {
        policy: &plan.policy,
        environment: plan.environment,
        components: plan.components,
        commit: plan.commit,
        proposed: plan.proposed,
        artifacts: plan.artifacts,
        repository: plan.repository,
        roots: plan.roots,
        baseline: plan.baseline,
        protection: plan.protection,
        now: plan.now,
        policy_files: &plan.policy_files,
        watch: progress,
    };
    let decision = gate_run::run(&request);
    let submitted = target.is_none_or(|url| submit::run(&url, &request, place, until));
    Ok((decision, submitted))
}

/// Works on a thread of its own, so that a limit holds whatever the input does.
fn within<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce(&Progress) -> T + Send + 'static,
) -> Result<T, Undecided> {
    let ended = |code: u8, why: String| Err(Undecided { code, why, is_of_the_output: false });
    let progress = Arc::new(Progress::default());
    let watch = Arc::clone(&progress);
    let (send, receive) = mpsc::channel();
    let began = Instant::now();
    let work = std::thread::Builder::new().name("gate".to_owned()).spawn(move || {
        let _ = send.send(work(&watch));
    });
    if let Err(error) = work {
        return ended(UNKNOWN, format!("no thread could be started: {error}"));
    }
    let shown = environment::stderr_is_terminal();
    loop {
        let left = limit.saturating_sub(began.elapsed());
        match receive.recv_timeout(left.min(Duration::from_millis(500))) {
            Ok(done) => return Ok(done),
            Err(RecvTimeoutError::Disconnected) => {
                let why = "the run failed by a defect of countersign's own, so the answer is unknown; please report it";
                return ended(UNKNOWN, why.to_owned());
            }
            Err(RecvTimeoutError::Timeout) if began.elapsed() >= limit => {
                let reading = progress.path().map_or_else(String::new, |path| format!(" while reading {path}"));
                let limit = limit.as_secs_f64();
                let why = format!("the time limit of {limit} s was reached{reading}; raise `--time-limit`");
                return ended(TIME_LIMIT, why);
            }
            Err(RecvTimeoutError::Timeout) if shown => progress.show(),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

fn format(arguments: &Arguments, place: Place) -> Result<Format, Refusal> {
    if let Some(format) = arguments.format {
        return Ok(format);
    }
    match arguments.given().option("FORMAT") {
        Some(word) => <Format as clap::ValueEnum>::from_str(word.trim(), false)
            .map_err(|_| Refusal::Said(format!("`{word}` is no format; see `countersign gate --help`"))),
        None => Ok(left_out(place)),
    }
}

/// The format where none is named.
fn left_out(place: Place) -> Format {
    match place {
        Place::Github => Format::Github,
        Place::Gitlab => Format::Gitlab,
        Place::Elsewhere => Format::Text,
    }
}

fn time_limit(arguments: &Arguments) -> Result<Duration, Refusal> {
    let stated = one(arguments.time_limit.as_ref(), arguments.given(), "TIME_LIMIT");
    stated.map_or(Ok(TIME_LEFT_OUT), |text| length("--time-limit", &text))
}

/// A length of time that an option states.
pub(super) fn length(option: &str, text: &str) -> Result<Duration, Refusal> {
    match policy::duration::seconds(text) {
        Some(seconds) if seconds > 0.0 => Ok(Duration::from_secs_f64(seconds)),
        _ => Err(Refusal::Said(format!("`{option} {text}` is no length of time; write one such as `90s` or `10min`"))),
    }
}

/// An option, else its variable.
pub(super) fn one<T: Clone + std::convert::From<String>>(option: Option<&T>, given: Given, name: &str) -> Option<T> {
    option.cloned().or_else(|| given.option(name).map(|value| T::from(value.trim().to_owned())))
}

/// An option that repeats, else the lines of its variable.
fn several<T: Clone + std::convert::From<String>>(options: &[T], given: Given, name: &str) -> Vec<T> {
    if !options.is_empty() {
        return options.to_vec();
    }
    let value = given.option(name).unwrap_or_default();
    value.lines().map(str::trim).filter(|line| !line.is_empty()).map(|line| T::from(line.to_owned())).collect()
}
