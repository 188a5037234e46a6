//! Whether the people that there are can give every approval that a policy asks for.
//!
//! For each environment where people approve, each route and each component or package, what would be asked is
//! worked out at its strictest, and a matching of people to approvals is looked for ([`Findings`]). With a roster this
//! is done with everybody present, and again with each person absent. Without one, a group is taken to hold
//! plenty of people, so that only what the text alone rules out is found.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::calendar::Peak;
use super::coherence::Attributes;
use super::evaluate::{Truth, condition};
use super::matching;
use super::openings;
use super::roster::Roster;
use super::rules::{Approval, Component, MemberRef, On, RaciRow, Role, Route, Rules};
use crate::model::stated::Stated;

/// How many people a group holds where nobody says.
const PLENTY: usize = 64;

/// How many routes and components are tried without a roster: what a policy's text costs to check is bounded.
const TRIED: usize = 2_000;

/// Approvals that cannot all be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The environment.
    pub environment: String,
    /// The route.
    pub route: String,
    /// The component or package; empty where the policy has no components.
    pub target: String,
    /// Who is absent.
    pub absent: Option<String>,
    /// The roles that nobody is left for.
    pub roles: Vec<String>,
    /// What is asked and who is there.
    pub says: String,
    /// Where the route stands.
    pub stated: Stated,
}

/// How strictly a policy is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strictness {
    /// What is asked of every release.
    Always,
    /// With every condition that adds, and as much rigor as there can be.
    AtMost,
}

/// The groups that roles name and a roster says nothing of.
#[must_use]
pub fn unlisted(rules: &Rules, roster: &Roster) -> Vec<String> {
    let mut missing: Vec<String> = Vec::new();
    for member in rules.roles.iter().flat_map(|role| &role.members) {
        if let MemberRef::Group(name) = member
            && !roster.groups.contains_key(name)
            && !missing.contains(name)
        {
            missing.push(name.clone());
        }
    }
    missing
}

/// The groups of a roster that no role names.
#[must_use]
pub fn unnamed<'r>(rules: &Rules, roster: &'r Roster) -> Vec<&'r str> {
    let group = |member: &MemberRef, name: &String| matches!(member, MemberRef::Group(group) if group == name);
    let named = |name: &&String| rules.roles.iter().flat_map(|role| &role.members).any(|member| group(member, name));
    roster.groups.keys().filter(|name| !named(name)).map(String::as_str).collect()
}

/// Everybody who holds a role.
#[must_use]
pub fn everybody(rules: &Rules, roster: &Roster) -> Vec<String> {
    Directory::of(rules, Some(roster)).everybody().into_iter().map(str::to_owned).collect()
}

/// A file that goes by itself and is of no component: once it does not, no approval lets it go, whoever is there.
#[must_use]
pub fn of_nobody(rules: &Rules) -> Option<String> {
    openings::of_nobody(rules)
}

/// What cannot be satisfied with everybody there, and with each person absent in turn.
#[must_use]
pub fn prove(rules: &Rules, roster: &Roster) -> Vec<Finding> {
    let (directory, strictness) = (&Directory::of(rules, Some(roster)), Strictness::AtMost);
    let try_with = |absent: Option<&str>| Try { rules, roster: Some(roster), directory, absent, strictness }.findings();
    let mut found = try_with(None);
    let place = |it: &Finding| (it.environment.clone(), it.route.clone(), it.target.clone());
    let known: BTreeSet<_> = found.iter().map(place).collect();
    for person in everybody(rules, roster) {
        // What fails with everybody there fails with anybody absent, and is said once.
        let more = try_with(Some(person.as_str())).into_iter().filter(|finding| !known.contains(&place(finding)));
        found.extend(more);
    }
    found
}

/// What the text alone shows that nobody can ever satisfy.
#[must_use]
pub fn by_text(rules: &Rules, strictness: Strictness) -> Vec<Finding> {
    Try { rules, roster: None, directory: &Directory::of(rules, None), absent: None, strictness }.findings()
}

/// The roles that nobody is left for, and what there is to say about it.
type Failure = (Vec<String>, String);

/// Who holds which role, worked out once.
pub(super) struct Directory<'t> {
    /// The holders of each role that may approve, in order, each once.
    holders: BTreeMap<&'t str, Vec<String>>,
}

impl<'t> Directory<'t> {
    /// Everybody who holds a role that may approve.
    pub(super) fn everybody(&self) -> BTreeSet<&str> {
        self.holders.values().flatten().map(String::as_str).collect()
    }

    /// The holders of a role that may approve.
    pub(super) fn holders(&self, role: &str) -> impl Iterator<Item = &str> {
        self.holders.get(role).into_iter().flatten().map(String::as_str)
    }

    pub(super) fn of(rules: &'t Rules, roster: Option<&Roster>) -> Self {
        // The policy's own word for whose an account is counts before the roster's.
        let mut owners: HashMap<String, &str> = HashMap::new();
        let policy =
            rules.people.iter().flat_map(|one| one.accounts.iter().map(|account| (account, one.name.as_str())));
        let listed = roster.into_iter().flat_map(|roster| &roster.people);
        let listed = listed.flat_map(|(name, accounts)| accounts.iter().map(|account| (account, name.as_str())));
        for (account, name) in policy.chain(listed) {
            owners.entry(account.to_ascii_lowercase()).or_insert(name);
        }
        let principal = |account: &str| {
            let account = account.to_ascii_lowercase();
            owners.get(&account).map_or_else(|| account.clone(), |name| (*name).to_owned())
        };
        let named: BTreeSet<&str> = rules.people.iter().map(|person| person.name.as_str()).collect();
        let user = |name: &str| {
            if named.contains(name) || roster.is_some_and(|roster| roster.people.contains_key(name)) {
                return name.to_owned();
            }
            let forge = roster.map_or("github", |roster| roster.forge.as_str());
            principal(&format!("{forge}:{name}"))
        };
        let holders = |role: &Role| {
            let mut found = BTreeSet::new();
            for member in &role.members {
                match (member, roster) {
                    (MemberRef::User(name), _) => found.extend([user(name)]),
                    (MemberRef::Account(account), _) => found.extend([principal(account)]),
                    (MemberRef::Group(name), Some(roster)) => {
                        let accounts = roster.groups.get(name).map(Vec::as_slice).unwrap_or_default();
                        found.extend(accounts.iter().map(|account| principal(account)));
                    }
                    (MemberRef::Group(name), None) => {
                        found.extend((1..=PLENTY).map(|number| format!("{name} {number}")));
                    }
                }
            }
            found.into_iter().collect()
        };
        let approving = rules.roles.iter().filter(|role| role.may_approve);
        Self { holders: approving.map(|role| (role.name.as_str(), holders(role))).collect() }
    }
}

/// One way in which a policy is tried.
struct Try<'t> {
    rules: &'t Rules,
    roster: Option<&'t Roster>,
    directory: &'t Directory<'t>,
    absent: Option<&'t str>,
    strictness: Strictness,
}

/// What is released: the components of one release.
struct Target<'t> {
    name: &'t str,
    components: Vec<&'t Component>,
    /// The accountable role of each.
    accountable: Vec<Option<&'t str>>,
    /// The rows of `raci` that ask somebody to be represented.
    rows: Vec<&'t RaciRow>,
}

/// What is asked of one role.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Ask<'t> {
    role: &'t str,
    count: u32,
    /// Second reviewers, who may also come from whoever stands in.
    more: u32,
}

impl<'t> Try<'t> {
    fn findings(&self) -> Vec<Finding> {
        let targets = self.targets();
        let formal = || self.rules.environments.iter().filter(|rule| !matches!(rule.approval, Approval::Automatic));
        // Many components ask the same people, and are looked at once.
        let mut known: BTreeMap<Vec<Ask<'t>>, Option<Failure>> = BTreeMap::new();
        let mut found = Vec::new();
        let pairs = self.rules.routes.iter().filter(|route| !route.automatic);
        let pairs = pairs.flat_map(|route| targets.iter().map(move |target| (route, target)));
        let most = if self.roster.is_some() { usize::MAX } else { TRIED };
        for (route, target) in pairs.take(most) {
            let failure = match self.asks(route, target) {
                Ok(asks) => known.entry(asks).or_insert_with_key(|asks| self.fails(asks)).clone(),
                Err(says) => Some((vec!["accountable".to_owned()], says)),
            };
            let Some((roles, says)) = failure else { continue };
            found.extend(formal().map(|environment| Finding {
                environment: environment.name.clone(),
                route: route.name.clone(),
                target: target.name.to_owned(),
                absent: self.absent.map(str::to_owned),
                roles: roles.clone(),
                says: says.clone(),
                stated: route.stated.clone(),
            }));
        }
        found
    }

    fn targets(&self) -> Vec<Target<'t>> {
        let rules = self.rules;
        let single = rules.components.iter().map(|one| self.target(&one.name, vec![one]));
        let packages = rules.packages.iter().map(|package| {
            let parts = rules.components.iter().filter(|one| package.components.contains(&one.name));
            self.target(&package.name, parts.collect())
        });
        let mut all: Vec<Target<'t>> = single.chain(packages).collect();
        if all.is_empty() {
            all.push(self.target("", Vec::new()));
        }
        all
    }

    fn target(&self, name: &'t str, components: Vec<&'t Component>) -> Target<'t> {
        let represents = |row: &&'t RaciRow| {
            !row.representation.is_empty()
                && self.adds(row)
                && (components.is_empty() || components.iter().any(|component| covers(row, component)))
        };
        Target {
            name,
            accountable: components.iter().map(|component| self.accountable(component)).collect(),
            rows: self.rules.raci.iter().filter(represents).collect(),
            components,
        }
    }

    /// The roles that nobody is left for, and what there is to say about it.
    fn fails(&self, asks: &[Ask<'t>]) -> Option<Failure> {
        // A role that cannot be filled even alone says most.
        for ask in asks {
            if let Some(says) = self.alone(ask) {
                return Some((vec![ask.role.to_owned()], says));
            }
        }
        if !self.rules.separation.distinct_people {
            return None;
        }
        let choices: Vec<Vec<Vec<Vec<String>>>> = asks.iter().map(|ask| self.choices(ask)).collect();
        let unfilled = matching::any(&choices)?;
        let roles: Vec<String> = asks.iter().map(|ask| ask.role.to_owned()).collect();
        let people: BTreeSet<&String> = choices.iter().flatten().flatten().flatten().collect();
        let slots: u32 = asks.iter().map(|ask| ask.count + ask.more).sum();
        let found = slots as usize - unfilled;
        let people: Vec<&str> = people.into_iter().map(String::as_str).take(9).collect();
        let there = match people.as_slice() {
            [one] => format!("{one} is the only one there"),
            few if few.len() < 9 => format!("of {} at most {found} can act at once", few.join(", ")),
            _ => format!("at most {found} can act at once"),
        };
        Some((roles.clone(), format!("{} need {slots} different people together, and {there}", roles.join(", "))))
    }

    fn asks(&self, route: &'t Route, target: &Target<'t>) -> Result<Vec<Ask<'t>>, String> {
        let rules = self.rules;
        let mut asks: Vec<Ask<'t>> = Vec::new();
        let mut add = |role: &'t str, count: u32, more: u32| match asks.iter_mut().find(|ask| ask.role == role) {
            Some(ask) => (ask.count, ask.more) = (ask.count.max(count), ask.more.max(more)),
            None => asks.push(Ask { role, count, more }),
        };
        let most = self.strictness == Strictness::AtMost && rules.rigor.touches(route);
        let rigor = if most { self.most_rigor() } else { 0 };
        // As the decision waits for them: wherever people approve, but for what goes back and for emergencies.
        let apart = route.to_last_good || route.when.is_none() && route.name == "emergency";
        let mut represented = !route.approvals.is_empty() && !apart;
        for (at, (role, count)) in route.approvals.iter().enumerate() {
            let first = if at == 0 { rigor } else { 0 };
            if role != "accountable" {
                add(role, *count, first);
                continue;
            }
            represented = true;
            if target.components.is_empty() && self.roster.is_none() {
                // The components may be an inner layer's to state.
                continue;
            }
            if target.components.is_empty() {
                return Err(
                    "the accountable role is asked, and the policy has no components that one could be accountable for"
                        .to_owned(),
                );
            }
            for (component, accountable) in target.components.iter().zip(&target.accountable) {
                let Some(role) = *accountable else {
                    return Err(format!("the accountable role is asked, and `{}` has none", component.name));
                };
                // Each component's own people review it once more.
                add(role, *count, rigor);
            }
        }
        for role in target.rows.iter().filter(|_| represented).flat_map(|row| &row.representation) {
            add(role, 1, 0);
        }
        Ok(asks)
    }

    fn adds(&self, row: &RaciRow) -> bool {
        row.when.is_none() || self.strictness == Strictness::AtMost
    }

    /// The most steps of rigor that there can be at one time.
    fn most_rigor(&self) -> u32 {
        let Rules { rigor, calendar, .. } = self.rules;
        let steps = u32::try_from(rigor.steps.len()).unwrap_or(u32::MAX);
        // Where several peaks are on at once, they are when one of them begins.
        let together = |first: &Peak| {
            let on = calendar.peaks.iter().filter(|peak| peak.from <= first.from && first.from < peak.to);
            on.fold(0_u32, |sum, peak| sum.saturating_add(peak.rigor))
        };
        let peaks = calendar.peaks.iter().map(together).max().unwrap_or_default();
        steps.saturating_add(peaks).min(rigor.max.unwrap_or(u32::MAX))
    }

    fn accountable(&self, component: &Component) -> Option<&'t str> {
        let mut rows = self.rules.raci.iter().filter(|row| row.accountable.is_some() && covers(row, component));
        rows.find_map(|row| row.accountable.as_deref())
    }

    fn role(&self, name: &str) -> Option<&'t Role> {
        self.rules.roles.iter().find(|role| role.name == name)
    }

    /// Who holds a role and is there.
    fn members(&self, role: &Role) -> Vec<String> {
        let holders = self.directory.holders(&role.name);
        holders.filter(|person| self.absent != Some(*person)).map(str::to_owned).collect()
    }

    /// Who stands in for a role, and for those who stand in: where nobody of it is there, or after a time. Second
    /// reviewers may come from all of them at once.
    fn stand_ins(&self, role: &Role, at_once: bool) -> Vec<String> {
        let mut found = Vec::new();
        let mut seen = vec![role.name.as_str()];
        let mut at = Some(role);
        while let Some(role) = at {
            let steps_in = at_once || role.after.is_some() || self.members(role).is_empty();
            let next = role.fallback.as_deref().filter(|name| steps_in && !seen.contains(name));
            at = next.and_then(|name| self.role(name));
            if let Some(role) = at {
                seen.push(&role.name);
                found.extend(self.members(role));
            }
        }
        found.sort();
        found.dedup();
        found
    }

    /// The ways to fill what is asked of a role: for each, who can fill which slot. Holders act or, when none does,
    /// whoever stands in; the two do not mix but for one approval alone, and for second reviewers.
    fn choices(&self, ask: &Ask<'_>) -> Vec<Vec<Vec<String>>> {
        let Some(role) = self.role(ask.role) else { return Vec::new() };
        let (members, stand_ins) = (self.members(role), self.stand_ins(role, false));
        let mut everyone = members.clone();
        everyone.extend(self.stand_ins(role, true));
        let slots = |who: &Vec<String>| {
            let base = std::iter::repeat_n(who.clone(), ask.count as usize);
            base.chain(std::iter::repeat_n(everyone.clone(), ask.more as usize)).collect::<Vec<_>>()
        };
        if ask.count == 1 {
            let mut either = members;
            either.extend(stand_ins);
            return vec![slots(&either)];
        }
        [members, stand_ins].iter().filter(|who| !who.is_empty()).map(slots).collect()
    }

    /// Why a role alone cannot give what is asked of it.
    fn alone(&self, ask: &Ask<'_>) -> Option<String> {
        let choices = self.choices(ask);
        matching::any(std::slice::from_ref(&choices))?;
        let role = self.role(ask.role)?;
        let mut people = self.members(role);
        people.extend(self.stand_ins(role, true));
        people.sort();
        people.dedup();
        let wanted = if ask.more == 0 {
            format!("{} of {}", ask.count, ask.role)
        } else {
            format!("{} of {} and up to {} second reviewers", ask.count, ask.role, ask.more)
        };
        let reads = if role.may_approve { "" } else { "; the role may only read, and so never approves" };
        Some(format!("{wanted} are asked for{}{reads}", self.listed(people)))
    }

    fn listed(&self, mut people: Vec<String>) -> String {
        if self.roster.is_none() && people.len() >= PLENTY {
            return String::new();
        }
        people.dedup();
        let shown: Vec<&str> = people.iter().take(8).map(String::as_str).collect();
        match (people.len(), shown.is_empty()) {
            (_, true) => ", and nobody is there".to_owned(),
            (count, _) if count > 8 => format!(", and there are {} and {} more", shown.join(", "), count - 8),
            (1, _) => format!(", and there is {} alone", shown.concat()),
            _ => format!(", and there are {}", shown.join(", ")),
        }
    }
}

/// Whether a row is about a component, as far as the policy says what the component is. What it does not say adds.
fn covers(row: &RaciRow, component: &Component) -> bool {
    match &row.on {
        On::All => true,
        On::Component(name) => *name == component.name,
        On::Where(expression) => {
            let answer = condition(&expression.term, &Attributes::of_component(component));
            // Nobody is accountable for what the policy does not say.
            answer == Truth::True || (answer == Truth::Unknown && row.accountable.is_none())
        }
    }
}

/// The environment, the route, the roles and what is said of them.
type Says<'s> = (&'s str, &'s str, &'s [String], &'s str);

/// Findings that say the same of several components and of several absent people, told together.
#[must_use]
pub fn told(findings: &[Finding]) -> Vec<String> {
    let mut groups: BTreeMap<Says<'_>, (Vec<&str>, Vec<&str>)> = BTreeMap::new();
    for finding in findings {
        let key =
            (finding.environment.as_str(), finding.route.as_str(), finding.roles.as_slice(), finding.says.as_str());
        let (targets, absent) = groups.entry(key).or_default();
        for (list, name) in [(targets, Some(finding.target.as_str())), (absent, finding.absent.as_deref())] {
            list.extend(name.filter(|name| !name.is_empty() && !list.contains(name)).into_iter().collect::<Vec<_>>());
        }
    }
    let told = groups.into_iter().map(|((environment, route, _, says), (targets, absent))| {
        let on = if targets.is_empty() { String::new() } else { format!(" of {}", targets.join(", ")) };
        let without = if absent.is_empty() { String::new() } else { format!(" with {} absent", absent.join(" or ")) };
        format!("`{environment}` by the route `{route}`{on} cannot be approved{without}: {says}")
    });
    told.collect()
}
