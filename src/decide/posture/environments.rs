//! The environments of a repository beside those of its policy.

use std::collections::BTreeSet;

use super::{Found, Unread};
use crate::model::facts::Fact;
use crate::model::inspection::Flaw;
use crate::model::lookalike::skeleton;
use crate::model::posture::{Environment, Posture, References};
use crate::model::wording::about;
use crate::policy::Policy;

/// What the app calls it to hold a deployment, among its ways.
const HOLDS: &str = crate::model::inspection::HOLDS;

/// From how many letters on the beginning of a name looks like a short form of it: `prod`.
const SHORT: usize = 3;

/// What an environment is to the policy.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// People may be asked for it; or there is no policy that says so.
    Formal,
    /// Releases go there without people.
    Automatic,
    /// The policy has none of that name.
    Unknown,
}

pub(super) fn judge(found: &mut Found<'_>, posture: &Posture, policy: Option<&Policy>) {
    let Ok(there) = found.known(&posture.environments, "environments", "which environments there are") else {
        return;
    };
    let there = there.map_or(&[][..], Vec::as_slice);
    if let Some(policy) = policy {
        for wanted in policy.environments.iter().filter(|wanted| !there.iter().any(|it| it.name == wanted.name)) {
            let place = format!("environment {}", wanted.name);
            let says = "the policy names it and the repository has none: the first workflow that names it makes one that \
                        nothing protects";
            let mend = about(found.wording.make_environment, &wanted.name);
            found.flaw(Flaw::EnvironmentMissing, &place, says, mend);
        }
    }
    for environment in there {
        let standing = match policy {
            None => Standing::Formal,
            Some(policy) => match policy.environments.iter().find(|known| known.name == environment.name) {
                Some(known) if known.formal => Standing::Formal,
                Some(_) => Standing::Automatic,
                None => Standing::Unknown,
            },
        };
        one(found, environment, standing, (policy, lacks_approvals(posture)));
    }
    let formal = |it: &&Environment| {
        policy.is_none_or(|policy| policy.environments.iter().any(|known| known.name == it.name && known.formal))
    };
    secrets(found, posture, &there.iter().filter(formal).collect::<Vec<_>>());
}

/// Whether the plan has nothing that holds a deployment.
fn lacks_approvals(posture: &Posture) -> bool {
    posture.particular.ways.iter().any(|way| way.does == HOLDS && !way.enforced)
}

/// The environment of the policy that a name looks like: to the eye, or as its short or long form.
fn resembled<'p>(name: &str, policy: &'p Policy) -> Option<&'p str> {
    let own = skeleton(name);
    let is_short = |short: &str, long: &str| short.chars().count() >= SHORT && long.starts_with(short);
    let like = |known: &&str| {
        let known = skeleton(known);
        own == known || is_short(&own, &known) || is_short(&known, &own)
    };
    policy.environments.iter().map(|known| known.name.as_str()).find(like)
}

fn one(
    found: &mut Found<'_>,
    environment: &Environment,
    standing: Standing,
    (policy, by_its_job): (Option<&Policy>, bool),
) {
    let name = &environment.name;
    let place = format!("environment {name}");
    if standing == Standing::Unknown {
        let mend = found.wording.unknown_environment;
        let mut unknown = |says: String| found.flaw(Flaw::UnknownEnvironment, &place, says, mend);
        match policy.and_then(|policy| resembled(name, policy)) {
            // Where the App is its rule, the app refuses what the policy does not know.
            Some(known) if environment.rule == Fact::Known(true) => {
                unknown(format!("it looks like `{known}`, and the policy has none of that name"));
            }
            Some(known) => {
                let says =
                    format!("it is none of the policy's and looks like `{known}`: a job that names it is not held");
                found.flaw(Flaw::LookalikeEnvironment, &place, says, mend);
            }
            None => unknown(
                "the policy has none of that name, so that nothing is decided of what is deployed there".to_owned(),
            ),
        }
        return;
    }
    rule(found, environment, standing, (&place, by_its_job));
    if standing == Standing::Automatic {
        return;
    }
    if let Some(true) = found.stated(&environment.administrators_bypass, &place, "whether administrators may bypass it")
    {
        let says = "administrators may let a deployment past its protection, the App's rule included";
        let mend = format!(
            "under Settings › Environments › {name}, untick `Allow administrators to bypass configured protection rules`"
        );
        found.flaw(Flaw::AdministratorsBypass, &place, says, mend);
    }
    if let Some(references) = &environment.references {
        match found.known(references, &place, "which branches may be deployed there") {
            Ok(None) => any_reference(found, &place, "every branch and tag may be deployed there", name),
            Ok(Some(References::Matching(patterns))) => {
                if let Some(all) = patterns.iter().find(|pattern| pattern.chars().all(|it| matches!(it, '*' | '/'))) {
                    any_reference(found, &place, &format!("its pattern `{all}` matches every branch"), name);
                }
            }
            Ok(Some(References::Protected)) | Err(Unread) => {}
        }
    }
    if let Some(true) = found.stated(&environment.own_review, &place, "who reviews deployments there") {
        let says = format!(
            "whoever starts a deployment may review it himself, where he is one of its reviewers: {}",
            environment.reviewers.join(", ")
        );
        let mend = about(found.wording.own_review, name);
        found.flaw(Flaw::OwnReview, &place, says, mend);
    }
}

fn any_reference(found: &mut Found<'_>, place: &str, says: &str, name: &str) {
    let mend = format!(
        "under Settings › Environments › {name}, limit `Deployment branches and tags` to those that are released"
    );
    found.flaw(Flaw::AnyReference, place, says, mend);
}

fn rule(found: &mut Found<'_>, environment: &Environment, standing: Standing, (place, by_its_job): (&str, bool)) {
    let wording = found.wording;
    let mend = about(wording.ask_app, &environment.name);
    match found.known(&environment.rule, place, "whether the App is its protection rule") {
        // Nothing holds it but its own job, by whatever the plan has.
        Ok(None) if by_its_job => {
            if standing == Standing::Formal {
                advisory(found, environment, place);
            }
        }
        Ok(None) if standing == Standing::Automatic => {
            let says = format!("{}, so that no gate is judged before a deployment there", wording.asks_not);
            found.flaw(Flaw::RuleMissingAutomatic, place, says, mend);
        }
        Ok(None) => {
            let says = format!("{}: whatever names it is deployed without being asked about", wording.asks_not);
            found.flaw(Flaw::RuleMissing, place, says, mend);
        }
        Ok(Some(false)) => {
            found.flaw(Flaw::RuleDisabled, place, wording.ask_switched_off, mend);
        }
        Ok(Some(true)) | Err(Unread) => {}
    }
}

/// An environment that only its own job asks about.
fn advisory(found: &mut Found<'_>, environment: &Environment, place: &str) {
    let says = "advisory, not enforced: on this plan nothing holds a deployment there but its own job, which asks by \
                `gate --require-decision`, and a job that leaves that out is deployed";
    let mend = "keep what deploys there where only protected branches may read it, let nobody push to those, and review \
                what changes the pipeline; or choose a plan that has approvals of deployments";
    found.flaw(Flaw::Advisory, place, says, mend);
    if !environment.open_secrets.is_empty() {
        let says = format!(
            "jobs of every branch that name it may read {}, and nothing holds them",
            environment.open_secrets.join(", ")
        );
        let mend =
            format!("let only protected branches read them, under Settings › CI/CD › {}", title(found.wording.secrets));
        found.flaw(Flaw::SecretUnguarded, place, says, mend);
    }
}

fn title(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Whether what the environments keep can be had without them.
fn secrets(found: &mut Found<'_>, posture: &Posture, formal: &[&Environment]) {
    let wording = found.wording;
    let (secrets, repository, organisation) = (wording.secrets, wording.repository, wording.organisation);
    let (own, shared) = (
        format!("which {secrets} every job of {repository} may read"),
        format!("which of {organisation}'s {secrets} every job may read"),
    );
    let outside = [
        (found.stated(&posture.secrets, secrets, &own), repository),
        (found.stated(&posture.shared_secrets, secrets, &shared), organisation),
    ];
    for environment in formal {
        let place = format!("environment {}", environment.name);
        let inside = found.stated(&environment.secrets, &place, &format!("which {secrets} it keeps"));
        let Some(inside) = inside else { continue };
        let folded: BTreeSet<String> = inside.iter().map(|name| name.to_ascii_uppercase()).collect();
        for (names, whose) in &outside {
            let shared: Vec<&str> = names
                .iter()
                .flat_map(|names| names.iter())
                .filter(|name| folded.contains(&name.to_ascii_uppercase()))
                .map(String::as_str)
                .collect();
            if !shared.is_empty() {
                let says = format!(
                    "{} of its {secrets} can be read by jobs that do not name it, as {secrets} of {whose}: {}",
                    shared.len(),
                    shared.join(", ")
                );
                let mend = format!("delete them from the {secrets} of {whose}, and change their values");
                found.flaw(Flaw::SecretOutside, &place, says, mend);
            }
        }
        let kept = outside.iter().filter_map(|(names, _)| names.as_ref()).map(|names| names.len()).sum::<usize>();
        if inside.is_empty() && kept > 0 {
            let says = format!(
                "it keeps none of the {secrets}, and every job may read {kept} of {repository} or {organisation}: what deploys \
                 there may be among them"
            );
            let mend = "move what deploys there into the environment, or use tokens that name it (OpenID Connect)";
            found.flaw(Flaw::NoSecretsInside, &place, says, mend);
        }
    }
    let every = format!("which of {organisation}'s {secrets} every repository may read");
    let open = found.stated(&posture.open_secrets, secrets, &every);
    if let Some(open) = open.filter(|open| !open.is_empty()) {
        let says = format!("every repository of {organisation} may read {}", open.join(", "));
        found.flaw(Flaw::SecretsForAll, secrets, says, "limit them to the repositories that need them");
    }
}
