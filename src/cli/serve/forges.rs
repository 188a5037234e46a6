//! What is to be said of each forge by itself where the app serves both: a repository's name alone does not say whose it is.

use super::Set;
use super::front::Own;
use super::named::Named;
use crate::cli::facts::{Failure, usage};
use crate::flow::app::Began;
use crate::flow::app::kept::Kept;
use crate::flow::app::outside::{Deployer, Outside};

/// The forges that a repository may be named with.
const FORGES: [&str; 2] = ["github", "gitlab"];

/// The forge that is named before a repository, and what follows.
pub(super) fn of(text: &str) -> Option<(&'static str, &str)> {
    let (named, rest) = text.split_once(':')?;
    FORGES.iter().find(|forge| **forge == named).map(|forge| (*forge, rest))
}

/// Who issues the tokens of jobs on GitHub, and on GitLab. What is stated is of the only one, and of GitHub's where both are
/// served: GitLab's is its own address.
pub(super) fn issuers(named: &Named, stated: Option<String>, github: String) -> (String, String) {
    let own = named.gitlab.as_ref().map(|gitlab| gitlab.issuer());
    match (&named.github, own) {
        (None, Some(own)) => (github, stated.unwrap_or(own)),
        (_, own) => (stated.unwrap_or(github), own.unwrap_or_default()),
    }
}

/// The repository that keeps a layer for all others, on a forge that is served.
pub(super) fn kept(kept: Option<Kept>, forges: &[&'static str]) -> Result<Option<Kept>, Failure> {
    match &kept {
        Some(Kept { forge: None, .. }) if forges.len() > 1 => Err(usage(
            "say on which forge the policy's repository is: `--policy-repository github:acme/policy`, or `gitlab:`",
        )),
        Some(Kept { forge: Some(forge), .. }) if !forges.iter().any(|served| served == forge) => {
            Err(usage(format!("the policy's repository is on {forge}, which this app does not serve")))
        }
        _ => Ok(kept),
    }
}

/// What the settings say of a repository, by the forge that it is on; said without one it is of the only forge.
fn theirs<'t>(text: &'t str, forges: &[&'static str], option: &str) -> Result<(&'static str, &'t str), Failure> {
    match (of(text), forges) {
        (Some((forge, name)), _) if forges.contains(&forge) => Ok((forge, name)),
        (Some((forge, _)), _) => {
            Err(usage(format!("`{text}` of `{option}` is on {forge}, which this app does not serve")))
        }
        (None, [only]) => Ok((only, text)),
        (None, _) => {
            let says =
                format!("`{text}` of `{option}` may be on either forge: write `github:{text}` or `gitlab:{text}`");
            Err(usage(says))
        }
    }
}

/// What is said of each forge by itself: of GitHub, and of GitLab.
pub(super) fn own(set: &Set) -> Result<[Option<Own>; 2], Failure> {
    let forges = set.named.forges();
    let [github, gitlab] = FORGES.map(|forge| forges.contains(&forge).then(|| alone(set, &forges, forge)).transpose());
    Ok([github?, gitlab?])
}

fn alone(set: &Set, forges: &[&'static str], forge: &'static str) -> Result<Own, Failure> {
    let mut own = Own {
        since: Began::new(),
        outside: Outside { address: set.settings.outside.address.clone(), deployers: Vec::new() },
    };
    for ((repository, environment), components) in &set.settings.since {
        let (of, name) = theirs(repository, forges, "--since")?;
        if of == forge {
            let place = (name.to_owned(), environment.clone());
            if own.since.insert(place, components.clone()).is_some() {
                return Err(usage(format!("`--since` names for the second time what ran in `{name}`")));
            }
        }
    }
    for deployer in &set.settings.outside.deployers {
        let mut repositories = Vec::new();
        let mut elsewhere = Vec::new();
        for text in &deployer.repositories {
            let (of, name) = theirs(text, forges, "--deployers")?;
            let into = if of == forge { &mut repositories } else { &mut elsewhere };
            into.push(name.to_owned());
        }
        // What he tells names a repository alone.
        if let Some(twice) = repositories.iter().find(|it| elsewhere.iter().any(|other| other.eq_ignore_ascii_case(it)))
        {
            return Err(usage(format!(
                "`{}` is named for `{twice}` on both forges, and what he tells does not say which: give him a name and a key for each",
                deployer.name
            )));
        }
        if !repositories.is_empty() {
            own.outside.deployers.push(Deployer { repositories, ..deployer.clone() });
        }
    }
    Ok(own)
}
