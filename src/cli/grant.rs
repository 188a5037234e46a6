//! `countersign grant`: break-glass, offline. Two people sign what one release may do while the app cannot be reached; the job
//! that deploys asks whether it opens that release, and writes its use down.

use std::path::{Path, PathBuf};

use aws_lc_rs::rand;
use chrono::{DateTime, SecondsFormat, SubsecRound as _, Utc};

use super::environment::{Place, variable};
use super::log::{Failure, REFUTED, put, text};
use super::submit::tokens;
use super::verify::{NOT_APPROVED, OTHER_SUBJECT};
use super::{PROCEED, UNKNOWN, USAGE, answer, complain, deployed};
use crate::decide::granted::{self, Flaws, Going};
use crate::decide::words;
use crate::flow::grant::{fact, take, uses};
use crate::flow::grant_report::{self, Imported, Outcome};
use crate::log::grant::{Invalid, Signed};
use crate::log::letter::{Letter, Subject};
use crate::log::note::{Signer, Verifier};
use crate::model::grant::{GrantUse, OfflineGrant};
use crate::policy::Policy;
use crate::policy::calendar;
use crate::policy::length::Length;
use crate::report::neutral;
use crate::transport;

/// Every exit code, with what it means.
pub(super) const EXIT_CODES: [(u8, &str); 6] = [
    (PROCEED, "the grant opens this release, or what was asked for was done"),
    (REFUTED, "the file is no grant, or a signature does not hold"),
    (OTHER_SUBJECT, "the grant is for another repository, environment, commit, component or artifact"),
    (
        NOT_APPROVED,
        "it is for this, and does not open it: too few people, too early, too late, or used up; or did not when it was used",
    ),
    (UNKNOWN, "something cannot be read or written, or the app not reached, so nothing is known of it"),
    (USAGE, "the command, a key or the policy is wrong, or the app refuses what it is told, and nothing was done"),
];

pub(super) fn after_help() -> String {
    let codes: Vec<String> = EXIT_CODES.iter().map(|(code, meaning)| format!("  {code:2}  {meaning}\n")).collect();
    format!("Exit codes:\n{}", codes.concat())
}

/// How long a line of a grant is told, in bytes.
const LINE: usize = 2_000;

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Make a key to sign grants with, and print its public half: what stands under the account in `break_glass.keys` of the
    /// policy.
    Key {
        /// The key's name, such as `noor.acme.example`.
        #[arg(long)]
        name: String,
        /// The file for the private half. It must not be there yet.
        #[arg(long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Write a grant for one release, and sign it as the first one.
    New(New),
    /// Sign a grant that somebody else has written, after reading what it lets go.
    Sign(Sign),
    /// Say whether a grant opens what is about to go. Nothing is written down.
    Verify(Verify),
    /// The same for the job that deploys: where it opens, its use is written down first. Only exit code 0 lets it deploy.
    Use(Use),
    /// Tell the app, once it is back, that a grant was used: it verifies it again and takes up what went as an emergency.
    Report(Report),
    /// Print what is known of a release that a grant let go, as a part of its facts: what `countersign facts --with` reads.
    Fact(FactOf),
}

/// The policy by which grants are judged.
#[derive(clap::Args)]
struct By {
    /// A layer of the policy; repeat it, outermost layer first.
    /// Left out: `.countersign/policy.yml`, `.countersign/policy.yaml` or `countersign.yml`.
    #[arg(long, value_name = "FILE")]
    policy: Vec<PathBuf>,
    /// Read the policy from this branch, tag or commit instead of the working tree: one that you protect, for who names the
    /// keys lets himself in.
    #[arg(long, value_name = "REF")]
    policy_ref: Option<String>,
}

impl By {
    fn read(&self) -> Result<(Policy, Vec<(String, Verifier)>), Failure> {
        let policy = super::decide::policy_at(&self.policy, self.policy_ref.as_deref())
            .map_err(|code| Failure(code, "no grant is judged by a policy that cannot be used".to_owned()))?;
        let Some(rule) = &policy.rules.break_glass else {
            return Err(Failure(USAGE, "the policy has no `break_glass`, so nobody grants anything".to_owned()));
        };
        let keys = rule.keys.iter().map(|(account, key)| {
            let key = Verifier::parse(key).map_err(|flaw| Failure(USAGE, flaw.to_string()))?;
            Ok((account.clone(), key))
        });
        let keys: Vec<(String, Verifier)> = keys.collect::<Result<_, Failure>>()?;
        if keys.is_empty() {
            let words = "`break_glass` of the policy has no `keys`, so nobody can sign a grant; `countersign grant key` makes one";
            return Err(Failure(USAGE, words.to_owned()));
        }
        Ok((policy, keys))
    }
}

/// What goes.
#[derive(clap::Args)]
struct What {
    /// The environment, as the policy names it.
    #[arg(long, value_name = "NAME")]
    environment: String,
    /// The repository, `owner/name`. Left out: that of the job.
    #[arg(long, value_name = "NAME")]
    repository: Option<String>,
    /// The commit, whole. Left out: that of the job.
    #[arg(long, value_name = "SHA")]
    commit: Option<String>,
    /// A component that goes; repeat it.
    #[arg(long = "component", value_name = "NAME")]
    components: Vec<String>,
    /// An artifact that goes, by its SHA-256 digest; repeat it.
    #[arg(long = "artifact", value_name = "DIGEST")]
    artifacts: Vec<String>,
}

impl What {
    fn repository(&self) -> Result<String, Failure> {
        let place = Place::here();
        self.repository.clone().or_else(|| place.repository()).ok_or_else(|| missing("the repository", "--repository"))
    }

    fn commit(&self) -> Result<String, Failure> {
        let place = Place::here();
        self.commit.clone().or_else(|| place.commit()).ok_or_else(|| missing("the commit", "--commit"))
    }
}

fn missing(what: &str, option: &str) -> Failure {
    Failure(USAGE, format!("name {what} with `{option}`"))
}

#[derive(clap::Args)]
pub(super) struct New {
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    what: What,
    /// Why it cannot wait for the app.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// For how long, such as `2h`; never longer than the policy says. Left out: as long as that.
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,
    /// The private key of whoever writes it.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The file for the grant.
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// From when on it counts, RFC 3339. Left out: now.
    #[arg(long, value_name = "RFC3339")]
    now: Option<String>,
}

#[derive(clap::Args)]
pub(super) struct Sign {
    /// The grant; the signature is added to the file.
    grant: PathBuf,
    #[command(flatten)]
    by: By,
    /// The private key of whoever signs.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
}

#[derive(clap::Args)]
pub(super) struct Verify {
    /// The grant.
    grant: PathBuf,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    what: What,
    /// The account that started the deployment, such as `github:ana`: it may not be one of those who signed. Left out: that
    /// of the job.
    #[arg(long, value_name = "ACCOUNT")]
    started_by: Option<String>,
    /// The folder in which uses are written down; see `grant use`. Left out: whether it was used is not looked at.
    #[arg(long, value_name = "DIR")]
    uses: Option<PathBuf>,
    /// The instant to judge for, RFC 3339. Left out: now.
    #[arg(long, value_name = "RFC3339")]
    now: Option<String>,
}

#[derive(clap::Args)]
pub(super) struct Use {
    /// The grant.
    grant: PathBuf,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    what: What,
    /// The account that started the deployment, such as `github:ana`: it may not be one of those who signed. Left out: that
    /// of the job, on GitHub and GitLab.
    #[arg(long, value_name = "ACCOUNT")]
    started_by: Option<String>,
    /// The folder in which uses are written down, one for all jobs that may deploy: what one of them does not see there is
    /// used twice. It has to be there: one that is not is no proof that nothing was used.
    #[arg(long, value_name = "DIR")]
    uses: PathBuf,
    /// The run that deploys: tried again, it is the same use. Left out: that of the job.
    #[arg(long, value_name = "ID")]
    run: Option<String>,
}

#[derive(clap::Args)]
pub(super) struct Report {
    /// The grant.
    grant: PathBuf,
    /// The folder in which its uses were written down.
    #[arg(long, value_name = "DIR")]
    uses: PathBuf,
    /// Where the app is: its own `--public-url`; or COUNTERSIGN_SERVER.
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// A file with the private key of whoever tells: one that may sign grants, or a deployer's; or COUNTERSIGN_DEPLOYER_KEY.
    /// Left out: the job's own token, where the job names the environment.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The forge of the repository, where the app serves both and is told with a key.
    #[arg(long, value_name = "FORGE", value_parser = ["github", "gitlab"])]
    forge: Option<String>,
    /// How long the app may take, such as `30s`. Left out: one minute.
    #[arg(long, value_name = "TIME")]
    time_limit: Option<String>,
}

#[derive(clap::Args)]
pub(super) struct FactOf {
    /// The grant.
    grant: PathBuf,
    #[command(flatten)]
    by: By,
    /// The folder in which its uses were written down.
    #[arg(long, value_name = "DIR")]
    uses: PathBuf,
    /// The run that deployed. Left out: that of the last use.
    #[arg(long, value_name = "ID")]
    run: Option<String>,
}

pub(super) fn run(command: &Command) -> u8 {
    let done = match command {
        Command::Key { name, output } => super::log::key::new(name, output),
        Command::New(arguments) => new(arguments),
        Command::Sign(arguments) => sign(arguments),
        Command::Verify(arguments) => verify(arguments),
        Command::Use(arguments) => used(arguments),
        Command::Report(arguments) => reported(arguments),
        Command::Fact(arguments) => told(arguments),
    };
    done.unwrap_or_else(|Failure(code, words)| {
        complain(&words);
        code
    })
}

fn instant(stated: Option<&String>) -> Result<DateTime<Utc>, Failure> {
    let Some(text) = stated else { return Ok(Utc::now()) };
    let at = DateTime::parse_from_rfc3339(text).map_err(|_| {
        Failure(USAGE, format!("`--now {text}` is no instant; write one such as `2026-11-23T09:00:00Z`"))
    })?;
    Ok(at.to_utc())
}

fn invalid(path: &Path) -> impl Fn(Invalid) -> Failure {
    let path = path.display().to_string();
    move |why| Failure(REFUTED, format!("`{path}`: {why}"))
}

fn read(path: &Path) -> Result<Signed, Failure> {
    let about = std::fs::metadata(path).map_err(|error| Failure(UNKNOWN, format!("`{}`: {error}", path.display())))?;
    if about.len() > 1 << 20 {
        return Err(Failure(REFUTED, format!("`{}` has over 1 MiB, and is no grant", path.display())));
    }
    let bytes = std::fs::read(path).map_err(|error| Failure(UNKNOWN, format!("`{}`: {error}", path.display())))?;
    let text = String::from_utf8(bytes).map_err(|_| Failure(REFUTED, format!("`{}` is not UTF-8", path.display())))?;
    Signed::read(&text).map_err(invalid(path))
}

/// A private key, and whose it is by the policy.
fn signer(path: &Path, keys: &[(String, Verifier)]) -> Result<(Signer, String), Failure> {
    let signer = Signer::parse(&text(path)?).map_err(|flaw| Failure(USAGE, flaw.to_string()))?;
    let whose = keys.iter().find(|(_, key)| key == signer.verifier());
    let Some((account, _)) = whose else {
        let words = format!(
            "`break_glass.keys` of the policy names nobody with the key in `{}`; its public half is {}",
            path.display(),
            signer.verifier()
        );
        return Err(Failure(USAGE, words));
    };
    let account = account.clone();
    Ok((signer, account))
}

fn new(arguments: &New) -> Result<u8, Failure> {
    let (policy, keys) = arguments.by.read()?;
    let (signer, account) = signer(&arguments.key, &keys)?;
    let granted_at = instant(arguments.now.as_ref())?.trunc_subsecs(0);
    let rules = &policy.rules;
    let Some(rule) = &rules.break_glass else { return Err(missing("who grants", "break_glass")) };
    let most = rules.calendar.due(granted_at, rule.expires);
    let expires_at = match &arguments.expires {
        None => most,
        Some(text) => {
            let length = Length::parse(text)
                .ok_or_else(|| Failure(USAGE, format!("`--expires {text}` is no length of time, such as `2h`")))?;
            rules.calendar.due(granted_at, length)
        }
    };
    let mut id = [0; 8];
    rand::fill(&mut id)
        .map_err(|_| Failure(UNKNOWN, "the machine gives no random numbers, so no grant was made".to_owned()))?;
    let what = &arguments.what;
    let grant = OfflineGrant {
        id: format!("{:016x}", u64::from_be_bytes(id)),
        reason: words::normal(&arguments.reason),
        repository: what.repository()?,
        environment: what.environment.clone(),
        commit: what.commit()?,
        components: what.components.clone(),
        artifacts: what.artifacts.clone(),
        granted_at,
        expires_at,
    };
    if !words::meaningful(&grant.reason, 1) {
        return Err(Failure(USAGE, "`--reason` says nothing: say why it cannot wait for the app".to_owned()));
    }
    if grant.expires_at > most {
        let most = calendar::told(most, rules.calendar.zone);
        return Err(Failure(USAGE, format!("no grant was made: the policy lets it last until {most}, and no longer")));
    }
    // What it says of itself is what goes, so whatever is wrong now is a mistake in what was typed.
    let flaws = granted::judge(rules, &grant, &[], &going(&grant), 0, granted_at);
    if let Some(why) = flaws.elsewhere.first() {
        return Err(Failure(USAGE, format!("no grant was made: {why}")));
    }
    let mut made = Signed::new(grant).map_err(|why| Failure(USAGE, format!("no grant was made: {why}")))?;
    made.sign(&signer).map_err(|why| Failure(USAGE, why.to_string()))?;
    if arguments.output.exists() {
        return Err(Failure(USAGE, format!("`{}` is there already", arguments.output.display())));
    }
    put(&arguments.output, made.to_string().as_bytes())?;
    let left = words::count(rule.people.saturating_sub(1) as usize, "person", "people");
    Ok(answer(&format!(
        "{}signed as {account}; {left} more to sign it with `countersign grant sign`\n",
        told_of(&made)
    )))
}

/// What a grant lets go, line by line.
fn told_of(signed: &Signed) -> String {
    let grant = signed.grant();
    let list = |all: &[String]| if all.is_empty() { "none".to_owned() } else { all.join(", ") };
    let at = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let lines = [
        format!("grant {}: {}", grant.id, grant.reason),
        format!("{} at {} to {}", grant.repository, grant.commit, grant.environment),
        format!("components: {}", list(&grant.components)),
        format!("artifacts: {}", list(&grant.artifacts)),
        format!("from {} to {}", at(grant.granted_at), at(grant.expires_at)),
    ];
    let indent = |place: usize| if place == 0 { "" } else { "  " };
    let told =
        lines.iter().enumerate().map(|(place, line)| format!("{}{}\n", indent(place), neutral::line(line, LINE)));
    told.collect::<Vec<_>>().concat()
}

fn sign(arguments: &Sign) -> Result<u8, Failure> {
    let (policy, keys) = arguments.by.read()?;
    let (signer, account) = signer(&arguments.key, &keys)?;
    let mut grant = read(&arguments.grant)?;
    let before = grant.signed_by(&keys).map_err(invalid(&arguments.grant))?;
    if before.contains(&account.as_str()) {
        return Ok(answer(&format!("{}signed as {account} already\n", told_of(&grant))));
    }
    let number = before.len() + 1;
    grant.sign(&signer).map_err(invalid(&arguments.grant))?;
    put(&arguments.grant, grant.to_string().as_bytes())?;
    let people = policy.rules.break_glass.as_ref().map_or(2, |rule| rule.people);
    Ok(answer(&format!("{}signed as {account}; {number} of {people} have signed\n", told_of(&grant))))
}

/// What goes where it is what a grant names.
fn going(grant: &OfflineGrant) -> Going<'_> {
    Going {
        forge: "github",
        repository: &grant.repository,
        environment: &grant.environment,
        commit: &grant.commit,
        components: &grant.components,
        artifacts: &grant.artifacts,
        started_by: None,
    }
}

/// The account that started the job.
fn starter(stated: Option<&String>) -> Option<String> {
    let job = || match Place::here() {
        Place::Github => variable("GITHUB_TRIGGERING_ACTOR")
            .or_else(|| variable("GITHUB_ACTOR"))
            .map(|login| format!("github:{login}")),
        Place::Gitlab => variable("GITLAB_USER_LOGIN").map(|login| format!("gitlab:{login}")),
        Place::Elsewhere => None,
    };
    stated.cloned().or_else(job)
}

/// Judges a grant for what goes, and says which exit code that is.
fn judged(
    (policy, keys): &(Policy, Vec<(String, Verifier)>),
    (path, signed): (&Path, &Signed),
    what: &What,
    started_by: Option<&str>,
    used: usize,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let signed_by = signed.signed_by(keys).map_err(invalid(path))?;
    let (repository, commit) = (what.repository()?, what.commit()?);
    let going = Going {
        forge: if Place::here() == Place::Gitlab { "gitlab" } else { "github" },
        repository: &repository,
        environment: &what.environment,
        commit: &commit,
        components: &what.components,
        artifacts: &what.artifacts,
        started_by,
    };
    let Flaws { elsewhere, refused } = granted::judge(&policy.rules, signed.grant(), &signed_by, &going, used, now);
    let code = match (elsewhere.is_empty(), refused.is_empty()) {
        (true, true) => return Ok(()),
        (false, _) => OTHER_SUBJECT,
        (true, false) => NOT_APPROVED,
    };
    let why = [elsewhere, refused].concat().join("; ");
    Err(Failure(code, format!("the grant {} does not open this: {why}", signed.grant().id)))
}

fn unknown(fault: &crate::flow::grant::Fault) -> Failure {
    Failure(UNKNOWN, format!("whether the grant was used is not known: {fault}"))
}

/// What a grant that opens says.
fn opens(policy: &Policy, signed: &Signed, note: &str) -> String {
    let end = granted::end(&policy.rules, signed.grant()).unwrap_or(signed.grant().expires_at);
    let until = calendar::told(end, policy.rules.calendar.zone);
    format!("{}it opens this release until {until}{note}\n", told_of(signed))
}

fn verify(arguments: &Verify) -> Result<u8, Failure> {
    let by = arguments.by.read()?;
    let signed = read(&arguments.grant)?;
    let before =
        arguments.uses.as_deref().map(|folder| uses(folder, &signed).map_err(|fault| unknown(&fault))).transpose()?;
    let started_by = starter(arguments.started_by.as_ref());
    let used = before.as_ref().map_or(0, Vec::len);
    let now = instant(arguments.now.as_ref())?;
    judged(&by, (&arguments.grant, &signed), &arguments.what, started_by.as_deref(), used, now)?;
    let note = if before.is_none() { "; whether it was used was not looked at" } else { "" };
    Ok(answer(&opens(&by.0, &signed, note)))
}

fn used(arguments: &Use) -> Result<u8, Failure> {
    let by = arguments.by.read()?;
    let signed = read(&arguments.grant)?;
    let job = || variable("GITHUB_RUN_ID").or_else(|| variable("CI_PIPELINE_ID"));
    let run = arguments.run.clone().or_else(job).ok_or_else(|| missing("the run", "--run"))?;
    // Whoever signed it does not start it as well: nobody can be told to be another than one who is not known.
    let started_by = starter(arguments.started_by.as_ref())
        .ok_or_else(|| missing("the account that started the deployment", "--started-by"))?;
    // Another job that is quicker makes it look again, at one use more.
    loop {
        let before = uses(&arguments.uses, &signed).map_err(|fault| unknown(&fault))?;
        let again = before.iter().any(|used| used.run == run);
        let used = if again { 0 } else { before.len() };
        let now = Utc::now();
        judged(&by, (&arguments.grant, &signed), &arguments.what, Some(&started_by), used, now)?;
        if again {
            return Ok(answer(&opens(&by.0, &signed, &format!("; run {run} uses it again"))));
        }
        if take(&arguments.uses, &signed, before.len(), (&run, Some(started_by.as_str())), now)
            .map_err(|fault| unknown(&fault))?
        {
            return Ok(answer(&opens(&by.0, &signed, &format!("; used by run {run}"))));
        }
    }
}

fn told(arguments: &FactOf) -> Result<u8, Failure> {
    let (_, keys) = arguments.by.read()?;
    let signed = read(&arguments.grant)?;
    let signed_by = signed.signed_by(&keys).map_err(invalid(&arguments.grant))?;
    let all = uses(&arguments.uses, &signed).map_err(|fault| unknown(&fault))?;
    let this: Option<&GrantUse> = match &arguments.run {
        Some(run) => all.iter().find(|used| used.run == *run),
        None => all.last(),
    };
    let Some(this) = this else {
        return Err(Failure(UNKNOWN, "no use of the grant by that run is written down".to_owned()));
    };
    let fact = fact(&signed, &signed_by, &all, this);
    let text = serde_json::to_string_pretty(&fact).map_err(|error| Failure(UNKNOWN, error.to_string()))?;
    Ok(answer(&format!("{text}\n")))
}

fn reported(arguments: &Report) -> Result<u8, Failure> {
    let of = |failure: super::facts::Failure| Failure(failure.0, failure.1);
    let (server, until) = deployed::server(arguments.server.as_ref(), arguments.time_limit.as_ref()).map_err(of)?;
    let signed = read(&arguments.grant)?;
    let uses = uses(&arguments.uses, &signed).map_err(|fault| unknown(&fault))?;
    if uses.is_empty() {
        return Err(Failure(USAGE, "no use of the grant is written down, so there is nothing to tell".to_owned()));
    }
    let report = grant_report::Report { to: server.clone(), grant: signed.to_string(), uses };
    let runtime = transport::runtime().map_err(|error| Failure(UNKNOWN, error.to_string()))?;
    let told = if let Some(key) = deployed::signer(arguments.key.as_ref()).map_err(of)? {
        let letter = Letter::write(Subject::Grant, &report, &key);
        let letter = letter.map_err(|why| Failure(USAGE, why.to_string()))?;
        runtime.block_on(grant_report::tell_by_letter(&server, arguments.forge.as_deref(), &letter, until))
    } else {
        let tokens = tokens().map_err(|why| Failure(USAGE, format!("{why}; or name a key with `--key`")))?;
        runtime.block_on(grant_report::tell_as_job(&tokens, &server, &report, until))
    };
    let told = told.map_err(|fault| of(deployed::failed(&server, &fault)))?;
    let line = |it: &Imported| {
        let word = match it.outcome {
            Outcome::Imported => "taken up as an emergency",
            Outcome::Refused => "it did not hold",
            Outcome::Before => "known before",
        };
        format!("{}\n", neutral::line(&format!("run {}: {word}: {}", it.run, it.summary), LINE))
    };
    let lines: Vec<String> = told.uses.iter().map(line).collect();
    let refused = told.uses.iter().any(|it| it.outcome == Outcome::Refused);
    let code = answer(&lines.concat());
    Ok(if refused { NOT_APPROVED } else { code })
}
