//! Where the app can tell people things, as it is set; and `countersign message test`, which tries it.

use std::path::{Path, PathBuf};

use chrono::Utc;
use clap::Subcommand;

use super::environment::variable;
use super::facts::{Failure, usage};
use super::serve::{Configured, listed, set};
use super::{UNKNOWN, USAGE, answer, complain};
use crate::connect::mail::{Login, Post};
use crate::connect::slack::Workspace;
use crate::connect::webhook::Secret;
use crate::flow::messages::{Channels, Letter};
use crate::flow::send::Answer;
use crate::model::message::{Message, What};
use crate::policy::notify::place;
use crate::report::neutral;
use crate::transport::runtime;
use crate::workspace::open;

/// How many bytes a file with a secret may have.
const MOST: u64 = 64 << 10;
/// Where Slack's API is.
const SLACK: &str = "https://slack.com/api";

/// Where people are told things.
#[derive(Clone, Default, clap::Args)]
#[command(next_help_heading = "Messages")]
pub(super) struct MessageArguments {
    /// A file with the token of a bot of Slack, `xoxb-…`, with the scope `chat:write`; or COUNTERSIGN_SLACK_TOKEN_FILE. With
    /// `channels:read` and `channels:history` it is never said twice what may have been said before a crash.
    #[arg(long, value_name = "FILE")]
    slack_token_file: Option<PathBuf>,
    /// Where Slack's API is; or COUNTERSIGN_SLACK_URL. Left out: `https://slack.com/api`.
    #[arg(long, value_name = "URL")]
    slack_url: Option<String>,
    /// The mail server: `smtps://HOST`, or `smtp://HOST:587` with STARTTLS; or COUNTERSIGN_SMTP. Without TLS only this machine
    /// itself is spoken to.
    #[arg(long, value_name = "URL")]
    smtp: Option<String>,
    /// Who logs in there; or COUNTERSIGN_SMTP_USER.
    #[arg(long, value_name = "NAME")]
    smtp_user: Option<String>,
    /// A file with his password; or COUNTERSIGN_SMTP_PASSWORD_FILE.
    #[arg(long, value_name = "FILE")]
    smtp_password_file: Option<PathBuf>,
    /// Certificates of an authority that the mail server is believed by beside those of this system, a PEM file; or
    /// COUNTERSIGN_SMTP_AUTHORITY.
    #[arg(long, value_name = "FILE")]
    smtp_authority: Option<PathBuf>,
    /// Whom letters come from: `releases@acme.example`; or COUNTERSIGN_MAIL_FROM.
    #[arg(long, value_name = "ADDRESS")]
    mail_from: Option<String>,
    /// An address that messages may be posted to where a policy names it, and a file with the secret that they are signed
    /// with, `whsec_…`, as Standard Webhooks has it: `https://hooks.example/releases=FILE`; repeat it, and for one address to
    /// sign with two secrets while one replaces the other; or COUNTERSIGN_MESSAGE_WEBHOOK, one a line.
    #[arg(long, value_name = "URL=FILE")]
    message_webhook: Vec<String>,
    /// Post messages to private addresses and to this machine as well; or COUNTERSIGN_PRIVATE_WEBHOOKS=true.
    #[arg(long)]
    private_webhooks: bool,
}

/// The same as a file states it.
#[derive(Default)]
pub(super) struct Stated {
    pub(super) slack_token_file: Option<PathBuf>,
    pub(super) slack_url: Option<String>,
    pub(super) smtp: Option<String>,
    pub(super) smtp_user: Option<String>,
    pub(super) smtp_password_file: Option<PathBuf>,
    pub(super) smtp_authority: Option<PathBuf>,
    pub(super) mail_from: Option<String>,
    pub(super) message_webhook: Vec<String>,
    pub(super) private_webhooks: Option<bool>,
}

fn text(path: &Path) -> Result<String, Failure> {
    let wrong = |why: String| usage(format!("`{}`: {why}", path.display()));
    let bytes = open::named(path, MOST).map_err(|fault| wrong(fault.to_string()))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| wrong("it is not UTF-8".to_owned()))?.trim().to_owned();
    if text.is_empty() { Err(wrong("it is empty".to_owned())) } else { Ok(text) }
}

/// The places that messages can go to. Every file is read now, so that what is wrong is said before anything is to leave.
pub(super) fn channels(arguments: &MessageArguments, file: Stated) -> Result<Channels, Failure> {
    let url = set(arguments.slack_url.as_ref(), "COUNTERSIGN_SLACK_URL", file.slack_url)?;
    let token = set(arguments.slack_token_file.as_ref(), "COUNTERSIGN_SLACK_TOKEN_FILE", file.slack_token_file)?;
    let slack = match token {
        Some(path) => Some(Workspace::new(url.as_deref().unwrap_or(SLACK), &text(&path)?).map_err(usage)?),
        None if url.is_some() => {
            return Err(usage("Slack is named, and no file with a bot's token: `--slack-token-file`"));
        }
        None => None,
    };
    let post =
        post(arguments, (file.smtp, file.smtp_user, file.mail_from), (file.smtp_password_file, file.smtp_authority))?;
    let written = listed(&arguments.message_webhook, "COUNTERSIGN_MESSAGE_WEBHOOK", file.message_webhook);
    let hooks = written.iter().map(|written| hook(written)).collect::<Result<Vec<_>, _>>()?;
    let private = arguments.private_webhooks.then_some(true);
    let private = set(private.as_ref(), "COUNTERSIGN_PRIVATE_WEBHOOKS", file.private_webhooks)?;
    let channels = Channels::none().map_err(usage)?.with_slack(slack).with_mail(post);
    channels.with_hooks(hooks, private == Some(true)).map_err(usage)
}

fn post(
    arguments: &MessageArguments,
    (server, user, from): (Option<String>, Option<String>, Option<String>),
    (password, authority): (Option<PathBuf>, Option<PathBuf>),
) -> Result<Option<Post>, Failure> {
    let server = set(arguments.smtp.as_ref(), "COUNTERSIGN_SMTP", server)?;
    let user = set(arguments.smtp_user.as_ref(), "COUNTERSIGN_SMTP_USER", user)?;
    let from = set(arguments.mail_from.as_ref(), "COUNTERSIGN_MAIL_FROM", from)?;
    let password = set(arguments.smtp_password_file.as_ref(), "COUNTERSIGN_SMTP_PASSWORD_FILE", password)?;
    let authority = set(arguments.smtp_authority.as_ref(), "COUNTERSIGN_SMTP_AUTHORITY", authority)?;
    let Some(server) = server else {
        if user.is_some() || from.is_some() || password.is_some() || authority.is_some() {
            return Err(usage("something is said of letters, and no mail server is named: `--smtp`"));
        }
        return Ok(None);
    };
    let from = from.ok_or_else(|| usage("a mail server is named, and nobody whom letters come from: `--mail-from`"))?;
    let login = match (user, password) {
        (Some(name), Some(path)) => Some(Login { name, password: text(&path)? }),
        (None, None) => None,
        _ => {
            return Err(usage(
                "who logs in at the mail server has a name and a password: `--smtp-user` and `--smtp-password-file`",
            ));
        }
    };
    let authority = authority.as_deref().map(text).transpose()?;
    Post::new(&server, &from, login, authority.as_deref().map(str::as_bytes)).map(Some).map_err(usage)
}

/// Reads `URL=FILE`. An address may have an equals sign in its query, and a file has none.
fn hook(written: &str) -> Result<(String, Secret), Failure> {
    let form =
        || usage("`--message-webhook` is an address and a file with its secret: `https://hooks.example/releases=FILE`");
    let (url, path) =
        written.rsplit_once('=').filter(|(url, path)| !url.is_empty() && !path.is_empty()).ok_or_else(form)?;
    let secret = Secret::parse(&text(Path::new(path))?);
    let form = || usage(format!("`{path}` holds no secret of a webhook: `whsec_` and the base64 of 24 to 64 bytes"));
    Ok((url.to_owned(), secret.ok_or_else(form)?))
}

#[derive(Subcommand)]
pub(super) enum Command {
    /// Send a message that says that messages arrive, to see that they do.
    #[command(
        after_help = "Exit codes:\n   0  it was handed over\n   2  the command or a setting is wrong\n   3  it was not taken, and why"
    )]
    Test {
        /// Where to: `slack:#releases`, `email:ana@acme.example`, or `webhook:https://…`, as a policy's `notify` means them.
        #[arg(long, value_name = "PLACE")]
        to: String,
        /// The app's file with settings; or COUNTERSIGN_CONFIG.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        #[command(flatten)]
        messages: MessageArguments,
    },
}

pub(super) fn run(command: &Command) -> u8 {
    let Command::Test { to, config, messages } = command;
    tried(to, config.as_deref(), messages).unwrap_or_else(|Failure(code, words)| {
        complain(&words);
        code
    })
}

fn tried(to: &str, config: Option<&Path>, messages: &MessageArguments) -> Result<u8, Failure> {
    place(to).map_err(|why| Failure(USAGE, why))?;
    let config = config.map(Path::to_owned).or_else(|| variable("COUNTERSIGN_CONFIG").map(PathBuf::from));
    let mut file = config.as_deref().map(Configured::read).transpose()?.unwrap_or_default();
    let channels = channels(messages, file.messages())?;
    let now = Utc::now();
    let message = Message::blank(What::Tried, now);
    let key = format!("test{}", now.timestamp_micros());
    let letter = Letter { message: &message, link: None, key: &key, again: false };
    let runtime = runtime().map_err(|error| Failure(UNKNOWN, error.to_string()))?;
    match runtime.block_on(channels.send(to, letter, now)) {
        Answer::Done | Answer::Made(_) => Ok(answer(&format!("it was handed over, to {}\n", neutral::line(to, 300)))),
        Answer::Refused(why) | Answer::Failed(why) | Answer::Later(why, _) => Err(Failure(UNKNOWN, why)),
    }
}
