//! A policy in parts, small enough to be judged by hand.
//!
//! It is rendered to YAML for the core (`render`) and read as it is by the second evaluator (`judge`), so that
//! neither sees what the other makes of it.

mod parts;

use self::parts::{components, people, raci, roles, routes, step, weights};
use super::chance::Chance;
use super::packs::{PACKS, Pack};

pub const HERE: &str = "production";
pub const BEFORE: &str = "staging";
/// Everybody. The last one is in no role's members at first and joins groups only.
pub const PEOPLE: [&str; 6] = ["ana", "bo", "cy", "dee", "eve", "fay"];
pub const ROLES: [&str; 8] = ["owner", "second", "lead", "chief", "security", "release-manager", "cab", "commander"];
pub const OATH: &str = "I answer for it";

/// A length of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Len {
    Minutes(i64),
    OpenHours(i64),
    OpenDays(i64),
}

/// Hours of the week.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Week {
    Office,
    Always,
    Sparse,
    FridayDay,
    Night,
}

/// A condition.
#[derive(Clone, Debug, PartialEq)]
pub enum Cond {
    Impact(&'static str),
    ImpactIsNot(&'static str),
    Kind(&'static str),
    Tier(&'static str),
    Exposure(&'static str),
    Only(&'static str),
    Touches(&'static str),
    Rollback,
    ScoreBelow(i64),
    Documented,
    LinesOver(u64),
    FailureRateOver(u32),
    FailureRateUnder(u32),
    EmergenciesFrom(u32),
    MttrOverHours(i64),
    Class(&'static str),
    SeverityUpTo(i64),
    Fixes,
    Removes,
    Both(Box<Cond>, Box<Cond>),
    Either(Box<Cond>, Box<Cond>),
    Not(Box<Cond>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Member {
    User(&'static str),
    Account(&'static str),
    /// The group of the role's own name.
    Group,
}

#[derive(Clone, Debug)]
pub struct RoleShape {
    pub name: &'static str,
    pub members: Vec<Member>,
    pub fallback: Option<&'static str>,
    pub after: Option<Len>,
    pub week: Option<Week>,
    pub accept: bool,
    pub may_approve: bool,
}

#[derive(Clone, Debug)]
pub struct ComponentShape {
    pub name: &'static str,
    pub folder: &'static str,
    pub kind: Option<&'static str>,
    pub tier: Option<&'static str>,
    pub exposure: Option<&'static str>,
    pub team: Option<&'static str>,
    /// A third party that it declares.
    pub vendor: Option<&'static str>,
}

#[derive(Clone, Debug)]
pub struct Row {
    pub on: Option<On>,
    pub when: Option<Cond>,
    pub accountable: Option<&'static str>,
    pub responsible: Option<&'static str>,
    pub consulted: Option<(&'static str, Len)>,
    pub representation: Vec<&'static str>,
}

#[derive(Clone, Debug)]
pub enum On {
    Named(&'static str),
    Where(Cond),
}

#[derive(Clone, Debug)]
pub struct EscalationShape {
    pub after: Len,
    pub to: Vec<&'static str>,
    pub last: Option<&'static str>,
}

#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a word of the policy")]
pub struct RouteShape {
    pub name: &'static str,
    pub when: Option<Cond>,
    pub last_good: bool,
    pub any_hours: bool,
    pub automatic: bool,
    pub approvals: Vec<(&'static str, usize)>,
    pub expire: Option<Len>,
    pub counts_from: Vec<&'static str>,
    #[expect(clippy::option_option, reason = "left out, always, or under a condition")]
    pub cab: Option<Option<Cond>>,
    pub escalate: Option<EscalationShape>,
    pub may_skip: bool,
    pub then: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ApprovalShape {
    Automatic,
    Formal,
    DocsAutomatic,
}

#[derive(Clone, Debug)]
pub struct ClosedShape {
    pub week: Week,
    pub elsewhere: bool,
    pub approval: bool,
    pub deployment: bool,
}

/// Clock times in the policy's zone, in minutes since 1970.
#[derive(Clone, Debug)]
pub struct FreezeShape {
    pub from: i64,
    pub to: i64,
    pub elsewhere: bool,
    pub except: Vec<&'static str>,
    pub by: Option<&'static str>,
}

#[derive(Clone, Debug)]
pub struct CabShape {
    /// 0 is Monday.
    pub weekday: i64,
    pub minute: i64,
    /// How long before a meeting its agenda closes, in minutes.
    pub cutoff: Option<i64>,
    pub chair: Option<&'static str>,
    pub quorum: usize,
    pub votes: bool,
}

#[derive(Clone, Debug)]
pub struct StepShape {
    pub when: Cond,
    pub until: Option<Cond>,
    pub sample: usize,
}

#[derive(Clone, Debug)]
pub struct ModelShape {
    pub when: Cond,
    pub expires: Len,
    pub suspend_after: Option<usize>,
}

#[derive(Clone, Debug)]
pub struct RecordShape {
    pub needs: Vec<&'static str>,
    pub proceeds_in: Vec<&'static str>,
}

#[derive(Clone, Debug)]
pub struct IncidentShape {
    pub block_at: i64,
    pub everything: bool,
    pub unless_fixes: bool,
    pub confirmed_by: Option<&'static str>,
}

#[derive(Clone, Debug)]
pub struct PirShape {
    pub blocks: &'static str,
    pub overdue_only: bool,
}

#[derive(Clone, Debug)]
pub struct GlassShape {
    pub by: Vec<&'static str>,
    pub people: usize,
    pub releases: usize,
    pub expires: Len,
}

/// Two paths that are compared: of which components, how many of a hundred releases take the one that asks nobody, from how
/// many releases on each, and when it ends.
#[derive(Clone, Debug)]
pub struct TrialShape {
    pub on: Cond,
    pub split: i64,
    pub sample: u64,
    /// Whether it ends where more fail on the other path.
    pub stops: bool,
}

#[derive(Clone, Debug)]
pub struct PackageShape {
    pub ordered: bool,
}

#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a word of the policy")]
pub struct Shape {
    pub london: bool,
    pub business: Week,
    pub closed: Vec<ClosedShape>,
    pub freezes: Vec<FreezeShape>,
    pub peak: Option<(i64, i64)>,
    pub cab: Option<CabShape>,
    pub approval: ApprovalShape,
    pub branches: bool,
    pub tags: bool,
    /// Minutes of soaking, and whether the artifacts must be the same.
    pub from: Option<(Option<i64>, bool)>,
    pub deployer: bool,
    pub components: Vec<ComponentShape>,
    pub package: Option<PackageShape>,
    /// People with their accounts.
    pub people: Vec<(&'static str, Vec<&'static str>)>,
    /// Who is away by the policy, in minutes since 1970, clock time.
    pub away: Option<(&'static str, i64, i64)>,
    pub linked: bool,
    pub roles: Vec<RoleShape>,
    pub delegation: Option<i64>,
    pub raci: Vec<Row>,
    pub gate: GateShape,
    pub list: Option<ListShape>,
    pub pack: Option<PackShape>,
    pub waivers: Option<WaiverShape>,
    pub weights: Vec<(&'static str, &'static str)>,
    pub impact: Option<(i64, i64)>,
    pub emergency: Option<Cond>,
    pub standard: Option<(Option<Cond>, ModelShape)>,
    pub routes: Vec<RouteShape>,
    pub rigor: Option<(u32, Vec<&'static str>, Vec<StepShape>)>,
    /// In how many hours after a deployment an incident has to begin to be its failure.
    pub incidents_within: Option<i64>,
    pub record: Option<RecordShape>,
    pub incidents: Option<IncidentShape>,
    pub pir: Option<PirShape>,
    pub reason: usize,
    pub holds: Len,
    pub exclude: Vec<&'static str>,
    pub per_change: bool,
    pub distinct: bool,
    pub glass: Option<GlassShape>,
    pub retry: Option<i64>,
    pub trial: Option<TrialShape>,
}

#[derive(Clone, Debug)]
pub struct GateShape {
    pub max_age: Option<i64>,
    pub block_missing: bool,
}

/// A checklist that people tick, or a file of theirs that somebody signs.
#[derive(Clone, Debug)]
pub struct ListShape {
    pub verified_by: Option<&'static str>,
    /// Whether the gate names who signs the file.
    pub signed: bool,
}

/// A pack that the policy names, and the component that comes under its regulation, if one does.
#[derive(Clone, Copy, Debug)]
pub struct PackShape {
    pub pack: Pack,
    pub on: Option<&'static str>,
}

/// What is on the checklist.
pub const ITEMS: [&str; 2] = ["rehearsed", "reverted"];
/// Who vouches for those who may sign it.
pub const ISSUER: &str = "https://accounts.example";

#[derive(Clone, Debug)]
pub struct WaiverShape {
    pub max_hours: Option<i64>,
    pub reason: bool,
    pub control: bool,
}

/// Days around which releases are asked for: minutes since 1970 of a midnight.
pub const DAYS: [i64; 6] = [
    // Tuesday 9 June 2026, and Friday 12 June
    29_682_720, 29_687_040, // Friday 27 March 2026: clocks in London go forward on Sunday
    29_576_160, // Friday 23 October 2026: they go back on Sunday
    29_878_560, // Monday 28 February 2028, the day before the leap day
    30_588_480, // Thursday 17 December 2026
    29_957_760,
];

impl RouteShape {
    /// What goes back is let go at any hour.
    pub fn at_any_hour(&self) -> bool {
        self.any_hours || self.last_good
    }

    /// One on which nothing is asked yet.
    pub fn plain(name: &'static str) -> Self {
        Self {
            name,
            when: None,
            last_good: false,
            any_hours: false,
            automatic: false,
            approvals: Vec::new(),
            expire: None,
            counts_from: Vec::new(),
            cab: None,
            escalate: None,
            may_skip: false,
            then: false,
        }
    }
}

impl Shape {
    /// A policy of one component and no route yet; each role is a group.
    pub fn plain() -> Self {
        let role = |name| RoleShape {
            name,
            members: vec![Member::Group],
            fallback: None,
            after: None,
            week: None,
            accept: false,
            may_approve: true,
        };
        Self {
            london: false,
            business: Week::Always,
            closed: Vec::new(),
            freezes: Vec::new(),
            peak: None,
            cab: None,
            approval: ApprovalShape::Formal,
            branches: false,
            tags: false,
            from: None,
            deployer: false,
            components: vec![ComponentShape {
                name: "pay",
                folder: "pay",
                kind: Some("application"),
                tier: Some("important"),
                exposure: Some("internal"),
                team: None,
                vendor: None,
            }],
            package: None,
            people: Vec::new(),
            away: None,
            linked: false,
            roles: ROLES.iter().map(|name| role(*name)).collect(),
            delegation: None,
            raci: Vec::new(),
            gate: GateShape { max_age: None, block_missing: false },
            list: None,
            pack: None,
            waivers: None,
            weights: Vec::new(),
            impact: None,
            emergency: None,
            standard: None,
            routes: Vec::new(),
            rigor: None,
            incidents_within: None,
            record: None,
            incidents: None,
            pir: None,
            reason: 0,
            holds: Len::Minutes(30),
            exclude: vec!["author", "committer", "co_author", "pusher", "trigger"],
            per_change: false,
            distinct: true,
            glass: None,
            retry: None,
            trial: None,
        }
    }

    /// A policy by chance. `day` is the midnight around which its freezes and peaks are.
    pub fn any(c: &mut Chance, day: i64) -> Self {
        let components = components(c);
        let emergency = c.maybe(55, |c| {
            let fixes = both(Cond::SeverityUpTo(1), Cond::Fixes);
            match c.below(3) {
                0 => fixes,
                1 => Cond::Removes,
                _ => either(fixes, Cond::Removes),
            }
        });
        let impact = c.maybe(70, |c| c.of(&[(30, 10), (60, 30), (20, 15)]));
        let weights = if impact.is_some() { weights(c) } else { Vec::new() };
        let teams = components.iter().any(|it| it.team.is_some());
        let standard = c.maybe(35, |c| {
            let when = c.maybe(60, |c| match c.below(3) {
                0 => both(Cond::ScoreBelow(30), Cond::Documented),
                1 => Cond::Documented,
                _ => Cond::ScoreBelow(20),
            });
            let model = ModelShape {
                when: c.of(&[Cond::Only("docs/**"), Cond::Only("flags/**"), Cond::LinesOver(0)]),
                expires: c.of(&[Len::Minutes(180 * 24 * 60), Len::Minutes(30 * 24 * 60)]),
                suspend_after: c.maybe(60, |c| 1 + c.below(2)),
            };
            (when, model)
        });
        let record = c.maybe(45, |c| RecordShape {
            needs: c.some(&["risk", "backout"], 60),
            proceeds_in: c.some(&["Implement"], 75),
        });
        let mut shape = Self {
            london: c.often(60),
            business: c.of(&[Week::Office, Week::Office, Week::Always, Week::Sparse]),
            closed: (0..c.below(2) + c.below(2))
                .map(|_| {
                    let (approval, deployment) = c.of(&[(true, true), (true, false), (false, true)]);
                    ClosedShape {
                        week: c.of(&[Week::FridayDay, Week::Night, Week::Sparse]),
                        elsewhere: c.often(20),
                        approval,
                        deployment,
                    }
                })
                .collect(),
            freezes: (0..usize::from(c.often(25)))
                .map(|_| {
                    let from = day + c.between(-48, 96) * 60;
                    FreezeShape {
                        from,
                        to: from + c.between(1, 72) * 60,
                        elsewhere: c.often(15),
                        except: c.some(&["emergency", "recovery", "standard"], 40),
                        by: c.maybe(70, |_| "chief"),
                    }
                })
                .collect(),
            peak: c.maybe(20, |c| {
                let from = day + c.between(-48, 96) * 60;
                (from, from + c.between(1, 72) * 60)
            }),
            cab: c.maybe(40, |c| CabShape {
                weekday: c.between(0, 4),
                minute: 14 * 60,
                cutoff: c.maybe(60, |c| c.of(&[30, 60, 24 * 60])),
                chair: c.maybe(60, |_| "chief"),
                quorum: 1 + c.below(2),
                votes: c.often(50),
            }),
            approval: c.of(&[
                ApprovalShape::Formal,
                ApprovalShape::Formal,
                ApprovalShape::Formal,
                ApprovalShape::DocsAutomatic,
                ApprovalShape::Automatic,
            ]),
            branches: c.often(50),
            tags: c.often(25),
            from: c.maybe(30, |c| (c.maybe(60, |_| 120), c.often(60))),
            deployer: c.often(30),
            package: if components.len() == 2 { c.maybe(30, |c| PackageShape { ordered: c.often(60) }) } else { None },
            people: people(c),
            away: c.maybe(15, |c| {
                let from = day + c.between(-24, 48) * 60;
                (c.of(&["cy", "dee"]), from, from + c.between(1, 48) * 60)
            }),
            linked: c.often(12),
            roles: roles(c),
            delegation: c.maybe(60, |c| c.of(&[24, 72, 336])),
            raci: Vec::new(),
            gate: GateShape { max_age: c.maybe(40, |c| c.of(&[24 * 60, 7 * 24 * 60])), block_missing: c.often(40) },
            list: c.maybe(25, |c| ListShape {
                verified_by: c.of(&[None, Some("release-manager"), Some("security"), Some("owner")]),
                signed: c.often(50),
            }),
            pack: c.maybe(25, |c| PackShape {
                pack: c.of(&PACKS),
                on: if components.is_empty() { None } else { c.maybe(85, |c| c.of(&components).name) },
            }),
            waivers: c.maybe(70, |c| WaiverShape {
                max_hours: c.maybe(60, |_| 72),
                reason: c.often(60),
                control: c.often(30),
            }),
            weights,
            impact,
            emergency,
            standard,
            routes: Vec::new(),
            rigor: None,
            incidents_within: None,
            record,
            incidents: c.maybe(50, |c| IncidentShape {
                block_at: c.between(1, 2),
                everything: c.often(25),
                unless_fixes: c.often(60),
                confirmed_by: c.maybe(85, |_| "commander"),
            }),
            pir: c
                .maybe(40, |c| PirShape { blocks: c.of(&["team", "component", "nothing"]), overdue_only: c.often(40) }),
            reason: c.of(&[0, 1, 12]),
            holds: c.of(&[Len::OpenHours(1), Len::Minutes(30)]),
            exclude: c.of(&[
                vec!["author", "committer", "co_author", "pusher", "trigger"],
                vec!["author", "committer", "co_author", "pusher", "trigger"],
                vec!["author", "pusher"],
                vec!["author", "co_author", "trigger"],
            ]),
            per_change: c.often(25),
            distinct: c.often(70),
            glass: c.maybe(35, |c| GlassShape {
                by: vec!["chief", "lead"],
                people: 2,
                releases: 1 + c.below(2),
                expires: c.of(&[Len::Minutes(240), Len::OpenHours(4)]),
            }),
            retry: c.maybe(60, |_| 24 * 60),
            trial: c.maybe(20, |c| TrialShape {
                on: c.of(&[Cond::Tier("routine"), not(Cond::Tier("critical")), Cond::Exposure("internal")]),
                split: c.of(&[50, 100, 100]),
                sample: c.of(&[5, 20]),
                stops: c.often(70),
            }),
            components,
        };
        shape.raci = raci(c, &shape);
        shape.routes = routes(c, &shape);
        if shape.cab.is_none() {
            // A board that never meets holds every release, and such a policy is refused.
            shape.routes.iter_mut().for_each(|route| route.cab = None);
        }
        if c.often(45) {
            let steps = (0..=c.below(2)).map(|_| step(c, &shape, teams)).collect();
            let mut names: Vec<&'static str> = shape.routes.iter().map(|route| route.name).collect();
            names.retain(|name| *name == "normal" || c.often(50));
            let listed = if c.often(40) { names } else { Vec::new() };
            shape.incidents_within = c.maybe(60, |c| c.of(&[1, 24, 48]));
            shape.rigor = Some((1 + u32::try_from(c.below(2)).unwrap(), listed, steps));
        }
        shape
    }

    pub fn role(&self, name: &str) -> Option<&RoleShape> {
        self.roles.iter().find(|role| role.name == name)
    }
}

pub fn both(one: Cond, other: Cond) -> Cond {
    Cond::Both(Box::new(one), Box::new(other))
}

pub fn not(of: Cond) -> Cond {
    Cond::Not(Box::new(of))
}

pub fn either(one: Cond, other: Cond) -> Cond {
    Cond::Either(Box::new(one), Box::new(other))
}
