//! Whether a break-glass grant opens what is about to go, by the policy alone: while the app cannot be reached there are no
//! facts. What only facts tell – who wrote it, who is in a group, who has left – is judged when the grant is imported
//! (`glass`); whoever cannot be told to be one of those who grant does not count here.

use chrono::{DateTime, Utc};

use super::released;
use super::words;
use crate::model::grant::OfflineGrant;
use crate::policy::calendar;
use crate::policy::rules::{BreakGlassRule, MemberRef, Rules};

/// What is about to go, as the job that deploys it says.
#[derive(Clone, Copy, Debug)]
pub struct Going<'g> {
    /// The forge of the repository: `github` or `gitlab`.
    pub forge: &'g str,
    /// The repository.
    pub repository: &'g str,
    /// The environment.
    pub environment: &'g str,
    /// The commit.
    pub commit: &'g str,
    /// The components.
    pub components: &'g [String],
    /// SHA-256 digests of the artifacts.
    pub artifacts: &'g [String],
    /// The account that started the job, where it is known: `github:ana`.
    pub started_by: Option<&'g str>,
}

/// Why a grant does not open what goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flaws {
    /// It is for something else.
    pub elsewhere: Vec<String>,
    /// It is for this, and does not hold: too few people, too late, used up.
    pub refused: Vec<String>,
}

impl Flaws {
    /// Whether the grant opens.
    #[must_use]
    pub fn none(&self) -> bool {
        self.elsewhere.is_empty() && self.refused.is_empty()
    }
}

/// Judges a grant that was signed with the keys of some accounts, and used some times before.
#[must_use]
pub fn judge(
    rules: &Rules,
    grant: &OfflineGrant,
    signed_by: &[&str],
    going: &Going<'_>,
    used: usize,
    now: DateTime<Utc>,
) -> Flaws {
    let elsewhere = elsewhere(rules, grant, going);
    let Some(rule) = &rules.break_glass else {
        return Flaws { elsewhere, refused: vec!["the policy has no `break_glass`".to_owned()] };
    };
    let mut refused = Vec::new();
    let mut people: Vec<String> = Vec::new();
    let mut ignored = Vec::new();
    for account in signed_by {
        match signer(rules, rule, account, going) {
            Ok(person) if people.contains(&person) => ignored.push(format!("{person} signed twice")),
            Ok(person) => people.push(person),
            Err(why) => ignored.push(format!("{account}: {why}")),
        }
    }
    if people.len() < rule.people as usize {
        let ignored = if ignored.is_empty() { String::new() } else { format!(" ({})", ignored.join(", ")) };
        refused.push(format!("{} of {} people signed it who may{ignored}", people.len(), rule.people));
    }
    refused.extend(untimely(rules, rule, grant, now));
    if used >= rule.releases as usize {
        let releases = words::count(rule.releases as usize, "release", "releases");
        refused.push(format!("it is for {releases}, and was used {}", words::count(used, "time", "times")));
    }
    Flaws { elsewhere, refused }
}

/// From when on a grant counts no longer: its own end, and never after the policy's.
#[must_use]
pub fn end(rules: &Rules, grant: &OfflineGrant) -> Option<DateTime<Utc>> {
    let rule = rules.break_glass.as_ref()?;
    Some(grant.expires_at.min(rules.calendar.due(grant.granted_at, rule.expires)))
}

fn untimely(rules: &Rules, rule: &BreakGlassRule, grant: &OfflineGrant, now: DateTime<Utc>) -> Option<String> {
    let zone = rules.calendar.zone;
    let most = rules.calendar.due(grant.granted_at, rule.expires);
    if grant.expires_at > most {
        let (stated, most) = (calendar::told(grant.expires_at, zone), calendar::told(most, zone));
        return Some(format!("it lasts until {stated}, and the policy lets it last until {most}"));
    }
    if now < grant.granted_at {
        return Some(format!("it counts from {} on", calendar::told(grant.granted_at, zone)));
    }
    (now >= grant.expires_at).then(|| format!("it ended {}", calendar::told(grant.expires_at, zone)))
}

/// What a grant is for, where that is not what goes.
fn elsewhere(rules: &Rules, grant: &OfflineGrant, going: &Going<'_>) -> Vec<String> {
    let mut flaws = Vec::new();
    if !grant.repository.eq_ignore_ascii_case(going.repository) {
        flaws.push(format!("it is for `{}`, and not for `{}`", grant.repository, going.repository));
    }
    if grant.environment != going.environment {
        flaws.push(format!("it is for `{}`, and not for `{}`", grant.environment, going.environment));
    } else if !rules.environments.iter().any(|rule| rule.name == grant.environment) {
        flaws.push(format!("the policy has no environment `{}`", grant.environment));
    }
    if !grant.commit.eq_ignore_ascii_case(going.commit) {
        let (theirs, ours) = (words::short(&grant.commit), words::short(going.commit));
        flaws.push(format!("it is for commit {theirs}, and {ours} goes"));
    }
    if going.components.is_empty() && !rules.components.is_empty() {
        flaws.push("which components go is not said; name each with `--component`".to_owned());
    }
    for component in going.components {
        if !rules.components.iter().any(|known| known.name == *component) {
            flaws.push(format!("the policy has no component `{component}`"));
        } else if !grant.components.contains(component) {
            flaws.push(format!("it is not for the component `{component}`"));
        }
    }
    let granted = released::set(&grant.artifacts);
    if going.artifacts.is_empty() && !granted.is_empty() {
        flaws.push("which artifacts go is not said; name each with `--artifact`".to_owned());
    }
    for artifact in going.artifacts {
        if !granted.contains(&released::plain(artifact)) {
            flaws.push(format!("it is not for the artifact {}", super::bound::short(artifact)));
        }
    }
    flaws
}

/// Who signed with an account's key, by the name under which the policy has him, if a role that grants names him.
fn signer(rules: &Rules, rule: &BreakGlassRule, account: &str, going: &Going<'_>) -> Result<String, String> {
    let person = person(rules, account);
    if rules.linked_only && person.is_none() {
        return Err("`people` does not name him, and the policy says `identity: linked`".to_owned());
    }
    let name = person.map_or_else(|| account.to_ascii_lowercase(), str::to_owned);
    if let Some(starter) = going.started_by
        && self::person(rules, starter).map_or_else(|| starter.to_ascii_lowercase(), str::to_owned) == name
    {
        return Err("started the deployment".to_owned());
    }
    let mut groups = false;
    for role in rules.roles.iter().filter(|role| role.may_approve && rule.grant_by.contains(&role.name)) {
        for member in &role.members {
            let same = match member {
                // A name that is nobody's in `people` is a login on the forge of the repository.
                MemberRef::User(user) if rules.people.iter().any(|known| known.name == *user) => *user == name,
                MemberRef::User(user) => format!("{}:{user}", going.forge).eq_ignore_ascii_case(account),
                MemberRef::Account(member) => {
                    self::person(rules, member).map_or_else(|| member.to_ascii_lowercase(), str::to_owned) == name
                }
                MemberRef::Group(_) => {
                    groups = true;
                    false
                }
            };
            if same {
                return Ok(name);
            }
        }
    }
    let named = words::any_of(&rule.grant_by);
    Err(if groups {
        format!("who is in a group is not known offline; name him in {named} as `user:`")
    } else {
        format!("not in {named}")
    })
}

/// The person in `people` whose account this is.
fn person<'r>(rules: &'r Rules, account: &str) -> Option<&'r str> {
    let whose =
        |person: &&crate::policy::rules::Person| person.accounts.iter().any(|it| it.eq_ignore_ascii_case(account));
    rules.people.iter().find(whose).map(|person| person.name.as_str())
}
