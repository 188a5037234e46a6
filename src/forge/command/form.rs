//! The words of commands, one form each: what is understood, what is answered where it is not, and what help lists.

use chrono::{DateTime, Utc};

use super::Command;
use crate::model::facts::{Account, Deed};

/// A word that a command begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    /// The word.
    pub verb: &'static str,
    /// How the whole is written, as it is told to whoever wrote it otherwise.
    pub form: &'static str,
    /// What it does.
    pub does: &'static str,
}

macro_rules! forms {
    ($($verb:literal $rest:literal: $does:literal;)+) => {
        /// Every command, in the order in which help lists them.
        pub const FORMS: &[Form] = &[$(Form {
            verb: $verb,
            form: concat!("write `/countersign ", $verb, $rest, "`"),
            does: $does,
        }),+];
    };
}

forms! {
    "approve" " ENVIRONMENT [COMMIT] [as ROLE] [: REASON]": "approves the release";
    "accept" " ENVIRONMENT [COMMIT] as ROLE: DECLARATION": "approves it, and declares what the role makes its holder declare";
    "reject" " ENVIRONMENT [COMMIT]: REASON": "rejects the release";
    "withdraw" " ENVIRONMENT ACT": "takes back what you did, by the name that the record has for it";
    "tick" " ENVIRONMENT [COMMIT] GATE [PROOF]: ITEM": "ticks an item of a checklist off";
    "verify" " ENVIRONMENT [COMMIT] GATE [SHA256 …]":
        "says that you looked at the evidence of a gate; without digests at that which the last decision had";
    "waive" " ENVIRONMENT GATE until INSTANT: REASON; instead: CONTROL":
        "lets releases past a gate for a time; what guards instead may be left out where the policy does not need it";
    "emergency" " ENVIRONMENT [COMMIT]: REASON": "says that the release is an emergency";
    "confirm" " ENVIRONMENT [COMMIT] INCIDENT": "confirms that the release fixes an incident";
    "except" " ENVIRONMENT [COMMIT] FREEZE: REASON": "lets the release go during a freeze";
    "vouch" " ENVIRONMENT COMMIT: REASON": "answers for a commit that nobody can be found for";
    "clear" " ENVIRONMENT ACCOUNT of COMMIT: REASON": "says that a commit names somebody without his doing";
    "policy" " ENVIRONMENT SHA256": "approves a change of the policy, by the digest that the policy has now";
    "delegate" " ENVIRONMENT ROLE to ACCOUNT from INSTANT until INSTANT": "names who stands in for you in a role";
    "away" " ENVIRONMENT from INSTANT until INSTANT": "says that you are not there";
    "validate" " ENVIRONMENT OBLIGATION [EVIDENCE …]": "meets what an earlier release left to be done";
    "comment" " ENVIRONMENT: TEXT": "says something without approving or rejecting, as somebody who is consulted does";
    "why" " [ENVIRONMENT]": "asks how it stands";
    "help" "": "asks for this list";
}

/// What is told to whoever begins with no word of ours.
const UNKNOWN: &str = "write `/countersign approve ENVIRONMENT [COMMIT] [as ROLE] [: REASON]`, or another command; `/countersign \
                       help` lists them, and `/countersign why` tells how it stands";
const NO_ENVIRONMENT: &str = "it does not name the environment";
const NO_INSTANT: &str = "write instants such as `2026-11-23T09:00:00Z`";
const NO_DIGEST: &str =
    "name evidence by its whole digest, 64 hexadecimal digits, or leave it out for what you were shown";
const NO_ITEM: &str = "name the item after a colon, in the policy's words";
/// What parts a waiver's reason from what guards instead.
const INSTEAD: &str = "; instead: ";

/// Reads what stands behind our word.
pub(super) fn read(text: &str, forge: &str) -> Result<Command, &'static str> {
    let (words, reason) = match text.split_once(": ") {
        Some((words, reason)) => (words, Some(reason.trim().to_owned()).filter(|reason| !reason.is_empty())),
        None => (text.strip_suffix(':').unwrap_or(text), None),
    };
    let mut words = words.split_whitespace();
    let verb = words.next().ok_or(UNKNOWN)?;
    if verb.trim_end_matches(':').eq_ignore_ascii_case("reject") {
        return Ok(rejection(text));
    }
    let form = FORMS.iter().find(|form| form.verb == verb && !matches!(verb, "why" | "help")).ok_or(UNKNOWN)?;
    let environment = words.next().ok_or(NO_ENVIRONMENT)?.to_owned();
    let mut rest: Vec<&str> = words.collect();
    // Of these the only number is what they are about.
    let own = matches!(verb, "vouch" | "policy") && rest.len() == 1;
    let commit = match rest.first() {
        Some(word) if is_commit(word) && !own => Some(rest.remove(0).to_ascii_lowercase()),
        _ => None,
    };
    let said = Said { environment: &environment, reason: reason.as_deref(), forge };
    let does = deed(verb, &rest, said).unwrap_or(Err(form.form))?;
    let reason = match does {
        Deed::Waive { .. } => reason.as_deref().map(|reason| instead(reason).0.to_owned()),
        _ => reason,
    };
    Ok(Command { environment: Some(environment), commit, does, reason })
}

/// What a command says beside the words of its deed.
#[derive(Clone, Copy)]
struct Said<'s> {
    environment: &'s str,
    reason: Option<&'s str>,
    forge: &'s str,
}

/// What a command does; `None` where its words are not in their order.
fn deed(verb: &str, rest: &[&str], said: Said<'_>) -> Option<Result<Deed, &'static str>> {
    Some(match (verb, rest) {
        ("approve", []) => Ok(Deed::Approve { role: None, accepts: None }),
        ("approve", ["as", role]) => Ok(Deed::Approve { role: Some((*role).to_owned()), accepts: None }),
        ("accept", ["as", role]) => match said.reason {
            Some(accepts) => Ok(Deed::Approve { role: Some((*role).to_owned()), accepts: Some(accepts.to_owned()) }),
            None => Err("say after a colon what you declare, in the policy's words"),
        },
        ("emergency", []) if said.reason.is_none() => Err("say after a colon what the emergency is"),
        ("emergency", []) => Ok(Deed::ClaimEmergency {}),
        ("withdraw", [of]) => Ok(Deed::Withdraw { of: (*of).to_owned() }),
        ("withdraw", _) => Err("name the act that is taken back, as the decision does"),
        ("tick", [gate]) => said.ticks(gate, None),
        ("tick", [gate, proof]) => said.ticks(gate, Some(proof)),
        ("verify", [gate, digests @ ..]) => verifies(gate, digests),
        ("waive", [gate, "until", until]) => said.waives(gate, until),
        ("confirm", [incident]) => Ok(Deed::ConfirmFix { incident: (*incident).to_owned() }),
        ("except", [_, ..]) if said.reason.is_none() => Err("say after a colon why it goes during the freeze"),
        ("except", [_, ..]) => Ok(Deed::ExceptFreeze { freeze: rest.join(" ") }),
        ("vouch", [commit]) if is_commit(commit) => Ok(Deed::Vouch { commit: commit.to_ascii_lowercase() }),
        ("clear", [account, "of", commit]) if is_commit(commit) => {
            Ok(Deed::Clear { account: said.account(account), commit: commit.to_ascii_lowercase() })
        }
        ("policy", [digest]) => match whole_digest(digest) {
            Some(policy) => Ok(Deed::ApprovePolicy { policy }),
            None => Err("name the policy by its whole digest, 64 hexadecimal digits"),
        },
        ("delegate", [role, "to", who, "from", from, "until", until]) => span(from, until).map(|(from, until)| {
            let (role, to) = ((*role).to_owned(), said.account(who));
            Deed::Delegate { role, to, from, until }
        }),
        ("away", ["from", from, "until", until]) => span(from, until).map(|(from, until)| Deed::Away { from, until }),
        ("validate", [obligation, evidence @ ..]) => Ok(Deed::Complete {
            obligation: (*obligation).to_owned(),
            evidence: evidence.iter().map(|it| (*it).to_owned()).collect(),
        }),
        ("comment", []) if said.reason.is_some() => Ok(Deed::Comment {}),
        _ => return None,
    })
}

impl Said<'_> {
    fn ticks(&self, gate: &str, proof: Option<&str>) -> Result<Deed, &'static str> {
        let item = self.reason.ok_or(NO_ITEM)?.to_owned();
        Ok(Deed::Tick { gate: gate.to_owned(), item, proof: proof.map(str::to_owned) })
    }

    fn waives(&self, gate: &str, until: &str) -> Result<Deed, &'static str> {
        Ok(Deed::Waive {
            gate: gate.to_owned(),
            environments: vec![self.environment.to_owned()],
            until: instant(until)?,
            compensating_control: self.reason.and_then(|reason| instead(reason).1).map(str::to_owned),
            when: None,
        })
    }

    fn account(&self, who: &str) -> Account {
        Account::from(format!("{}:{}", self.forge, who.trim_start_matches('@')).as_str())
    }
}

fn verifies(gate: &str, digests: &[&str]) -> Result<Deed, &'static str> {
    let evidence = digests.iter().map(|digest| whole_digest(digest).ok_or(NO_DIGEST)).collect::<Result<_, _>>()?;
    Ok(Deed::Verify { gate: gate.to_owned(), evidence })
}

/// A waiver's reason, and what guards instead.
fn instead(reason: &str) -> (&str, Option<&str>) {
    let parted = reason.split_once(INSTEAD).map(|(reason, control)| (reason.trim(), control.trim()));
    parted.map_or((reason, None), |(reason, control)| (reason, Some(control).filter(|control| !control.is_empty())))
}

/// A rejection: `reject production: too slow`. What else stands there is the reason too; one that names no environment is
/// of every one.
fn rejection(text: &str) -> Command {
    let rest = text.get("reject".len()..).unwrap_or_default().trim_start();
    let (words, reason) = rest.split_once(':').unwrap_or((rest, ""));
    let mut words = words.split_whitespace().peekable();
    let environment = words.next().map(str::to_owned);
    let commit = words.next_if(|word| is_commit(word)).map(str::to_ascii_lowercase);
    let mut reasons: Vec<&str> = words.collect();
    reasons.extend(reason.split_whitespace());
    let reason = Some(reasons.join(" ")).filter(|reason| !reason.is_empty());
    Command { environment, commit, does: Deed::Reject {}, reason }
}

fn is_commit(word: &str) -> bool {
    (7..=64).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A SHA-256 digest, in lower case and without the algorithm's name.
fn whole_digest(word: &str) -> Option<String> {
    let digest = word.strip_prefix("sha256:").unwrap_or(word);
    (digest.len() == 64 && is_commit(digest)).then(|| digest.to_ascii_lowercase())
}

fn span(from: &str, until: &str) -> Result<(DateTime<Utc>, DateTime<Utc>), &'static str> {
    Ok((instant(from)?, instant(until)?))
}

fn instant(text: &str) -> Result<DateTime<Utc>, &'static str> {
    let instant = DateTime::parse_from_rfc3339(text).map_err(|_| NO_INSTANT)?;
    Ok(instant.to_utc())
}
