//! A shape as the YAML that people write.

use std::fmt::Write as _;

use super::shape::{
    ApprovalShape, BEFORE, CabShape, Cond, HERE, ISSUER, ITEMS, Len, Member, OATH, On, RouteShape, Row, Shape, Week,
};

impl Len {
    pub fn text(self) -> String {
        match self {
            Self::Minutes(minutes) => format!("{minutes}min"),
            Self::OpenHours(hours) => format!("{hours}bh"),
            Self::OpenDays(days) => format!("{days}bd"),
        }
    }
}

impl Week {
    pub fn text(self) -> &'static str {
        match self {
            Self::Office => "Mo-Fr 09:00-17:30",
            Self::Always => "24/7",
            Self::Sparse => "Mo,We,Fr 10:00-12:00",
            Self::FridayDay => "Fr 08:00-17:00",
            Self::Night => "Mo-Su 22:00-26:00",
        }
    }
}

impl Cond {
    pub fn text(&self) -> String {
        match self {
            Self::Impact(band) => format!("release.impact == '{band}'"),
            Self::ImpactIsNot(band) => format!("release.impact != '{band}'"),
            Self::Kind(kind) => format!("component.kind == '{kind}'"),
            Self::Tier(tier) => format!("component.tier == '{tier}'"),
            Self::Exposure(exposure) => format!("component.exposure == '{exposure}'"),
            Self::Only(glob) => format!("change.only(\"{glob}\")"),
            Self::Touches(glob) => format!("change.touches(\"{glob}\")"),
            Self::Rollback => "release.is_rollback".to_owned(),
            Self::ScoreBelow(score) => format!("risk.score < {score}"),
            Self::Documented => "documentation.complete".to_owned(),
            Self::LinesOver(lines) => format!("release.lines > {lines}"),
            Self::FailureRateOver(percent) => format!("team.failure_rate_90d > 0.{percent}"),
            Self::FailureRateUnder(percent) => format!("team.failure_rate_90d < 0.{percent}"),
            Self::EmergenciesFrom(number) => format!("team.emergencies_90d >= {number}"),
            Self::MttrOverHours(hours) => format!("team.mttr_90d > duration('{hours}h')"),
            Self::Class(class) => format!("release.class == '{class}'"),
            Self::SeverityUpTo(number) => format!("incident.severity <= {number}"),
            Self::Fixes => "release.fixes(incident)".to_owned(),
            Self::Removes => "release.removes(running.vulnerabilities.exploited)".to_owned(),
            Self::Both(one, other) => format!("({} && {})", one.text(), other.text()),
            Self::Either(one, other) => format!("({} || {})", one.text(), other.text()),
            Self::Not(of) => format!("!({})", of.text()),
        }
    }

    /// The same between single quotes of YAML.
    fn quoted(&self) -> String {
        format!("'{}'", self.text().replace('\'', "''"))
    }
}

/// Minutes since 1970 as a clock shows them.
pub fn clock(minutes: i64) -> String {
    let at = chrono::DateTime::from_timestamp(minutes * 60, 0).unwrap();
    at.format("%Y-%m-%dT%H:%M").to_string()
}

pub fn list<T: AsRef<str>>(names: &[T]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("\"{}\"", name.as_ref())).collect();
    format!("[{}]", quoted.join(", "))
}

fn place(elsewhere: bool) -> String {
    format!("environments: [{}]", if elsewhere { BEFORE } else { HERE })
}

pub fn yaml(shape: &Shape) -> String {
    let mut out = String::from("version: 1\n");
    calendar(shape, &mut out);
    environments(shape, &mut out);
    people(shape, &mut out);
    raci(shape.raci.iter(), &mut out);
    let missing = if shape.gate.block_missing { "block" } else { "pending" };
    let age = shape.gate.max_age.map(|minutes| format!(", max_age: {minutes}min")).unwrap_or_default();
    let _ = writeln!(
        out,
        "gates:\n  coverage: {{ coverage: \"**/c.xml\", require: \"coverage.lines >= 0.80\", missing: {missing}{age} }}"
    );
    if let Some(list) = &shape.list {
        let by = list.verified_by.map(|role| format!(", verified_by: {role}")).unwrap_or_default();
        let signed = format!(", ticked_in: \"list.md\", identity: \"otto@acme.example\", issuer: \"{ISSUER}\"");
        let signed = if list.signed { signed.as_str() } else { "" };
        let _ = writeln!(out, "  list: {{ checklist: [{}]{by}{signed} }}", ITEMS.join(", "));
    }
    if let Some(named) = &shape.pack {
        let _ = writeln!(out, "packs: {}", list(&[named.pack.name]));
    }
    if let Some(waivers) = &shape.waivers {
        let mut needs = Vec::new();
        if waivers.reason {
            needs.push("reason");
        }
        if waivers.control {
            needs.push("compensating_control");
        }
        let max = waivers.max_hours.map(|hours| format!(", max: {hours}h")).unwrap_or_default();
        let _ = writeln!(out, "waivers: {{ by: [chief]{max}, needs: {} }}", list(&needs));
    }
    triage(shape, &mut out);
    let _ = writeln!(out, "routes:");
    for route in &shape.routes {
        self::route(route, &mut out);
    }
    if let Some((max, routes, steps)) = &shape.rigor {
        let _ = writeln!(out, "rigor:\n  max: {max}");
        if !routes.is_empty() {
            let _ = writeln!(out, "  routes: {}", list(routes));
        }
        if let Some(hours) = shape.incidents_within {
            let _ = writeln!(out, "  incidents_within: {hours}h");
        }
        let _ = writeln!(out, "  steps:");
        for step in steps {
            let until = step.until.as_ref().map(|cond| format!(", until: {}", cond.quoted())).unwrap_or_default();
            let _ = writeln!(out, "    - {{ when: {}{until}, sample: {} }}", step.when.quoted(), step.sample);
        }
    }
    after(shape, &mut out);
    out
}

fn calendar(shape: &Shape, out: &mut String) {
    let zone = if shape.london { "Europe/London" } else { "UTC" };
    let _ = writeln!(out, "calendar:\n  timezone: {zone}\n  business_hours: \"{}\"", shape.business.text());
    times_of(shape, out);
    if let Some(cab) = &shape.cab {
        board(cab, zone, out);
    }
}

/// Closed hours, freezes and peaks alone, as another layer adds them.
pub fn times(shape: &Shape, out: &mut String) {
    if !shape.closed.is_empty() || !shape.freezes.is_empty() || shape.peak.is_some() {
        out.push_str("calendar:\n");
        times_of(shape, out);
    }
}

fn times_of(shape: &Shape, out: &mut String) {
    if !shape.closed.is_empty() {
        let _ = writeln!(out, "  closed:");
        for (at, closed) in shape.closed.iter().enumerate() {
            let mut stops = Vec::new();
            if closed.approval {
                stops.push("approval");
            }
            if closed.deployment {
                stops.push("deployment");
            }
            let _ = writeln!(
                out,
                "    closed-{at}: {{ hours: \"{}\", {}, stops: {} }}",
                closed.week.text(),
                place(closed.elsewhere),
                list(&stops)
            );
        }
    }
    if !shape.freezes.is_empty() {
        let _ = writeln!(out, "  freeze:");
        for (at, freeze) in shape.freezes.iter().enumerate() {
            let by = freeze.by.map(|role| format!(", exceptions_by: {role}")).unwrap_or_default();
            let _ = writeln!(
                out,
                "    freeze-{at}: {{ from: {}, to: {}, {}, except: {}{by} }}",
                clock(freeze.from),
                clock(freeze.to),
                place(freeze.elsewhere),
                list(&freeze.except)
            );
        }
    }
    if let Some((from, to)) = shape.peak {
        let _ = writeln!(out, "  peak:\n    rush: {{ from: {}, to: {}, rigor: +1 }}", clock(from), clock(to));
    }
}

fn board(cab: &CabShape, zone: &str, out: &mut String) {
    let day = ["MO", "TU", "WE", "TH", "FR"][usize::try_from(cab.weekday).unwrap()];
    // The first Monday of 2026 is the fifth of January.
    let first = 5 + cab.weekday;
    let chair = cab.chair.map(|role| format!("    chair: {role}\n")).unwrap_or_default();
    let cutoff =
        cab.cutoff.map(|minutes| format!("    cutoff: {}\n", Len::Minutes(minutes).text())).unwrap_or_default();
    let _ = write!(
        out,
        "  cab:\n    meetings: \"DTSTART;TZID={zone}:202601{first:02}T{:02}{:02}00\\nRRULE:FREQ=WEEKLY;BYDAY={day}\"\n{chair}{cutoff}    quorum: {}\n    votes: {}\n",
        cab.minute / 60,
        cab.minute % 60,
        cab.quorum,
        if cab.votes { "anytime" } else { "meeting" }
    );
}

fn environments(shape: &Shape, out: &mut String) {
    let approval = match shape.approval {
        ApprovalShape::Automatic => "automatic".to_owned(),
        ApprovalShape::Formal => "formal".to_owned(),
        ApprovalShape::DocsAutomatic => {
            format!("{{ when: {}, then: automatic, else: formal }}", Cond::Only("docs/**").quoted())
        }
    };
    let _ = write!(out, "environments:\n  {BEFORE}: {{ approval: automatic }}\n  {HERE}:\n    approval: {approval}\n");
    if shape.branches {
        out.push_str("    branches: [main, \"release/*\"]\n");
    }
    if shape.tags {
        out.push_str("    tags: [\"v*\"]\n");
    }
    if let Some((soak, artifact)) = shape.from {
        let same = if artifact { "artifact" } else { "commit" };
        let _ = writeln!(out, "    from: {BEFORE}\n    same: {same}");
        if let Some(minutes) = soak {
            let _ = writeln!(out, "    soak: {minutes}min");
        }
    }
    if shape.deployer {
        out.push_str("    deployed_by: [github]\n");
    }
    if !shape.components.is_empty() {
        out.push_str("components:\n");
    }
    for component in &shape.components {
        let _ = writeln!(out, "  {}:\n    paths: [\"{}/**\"]", component.name, component.folder);
        for (key, value) in [
            ("kind", component.kind),
            ("tier", component.tier),
            ("exposure", component.exposure),
            ("team", component.team),
            ("vendors", component.vendor),
        ] {
            if let Some(value) = value {
                let _ = writeln!(out, "    {key}: {value}");
            }
        }
        if let Some(under) = shape.pack.filter(|it| it.on == Some(component.name)) {
            let _ = writeln!(out, "    regulations: {}", list(&[under.pack.regulation]));
        }
    }
    if let Some(package) = &shape.package {
        let order = if package.ordered { ", order: [infra, pay]" } else { "" };
        let _ = writeln!(out, "packages:\n  both: {{ components: [pay, infra]{order} }}");
    }
}

fn people(shape: &Shape, out: &mut String) {
    let away = shape.away.filter(|(who, ..)| shape.people.iter().any(|(name, _)| name == who));
    if !shape.people.is_empty() {
        out.push_str("people:\n");
    }
    for (name, accounts) in &shape.people {
        let of = |system: &str| {
            let own: Vec<&str> =
                accounts.iter().filter_map(|account| account.strip_prefix(system)?.strip_prefix(':')).collect();
            if own.is_empty() { String::new() } else { format!("    {system}: {}\n", list(&own)) }
        };
        let _ = write!(out, "  {name}:\n{}{}", of("github"), of("gitlab"));
        if let Some((_, from, to)) = away.filter(|(who, ..)| who == name) {
            let _ = writeln!(out, "    away: [{{ from: {}, to: {} }}]", clock(from), clock(to));
        }
    }
    if shape.linked {
        out.push_str("identity: linked\n");
    }
    out.push_str("roles:\n");
    for role in &shape.roles {
        let members: Vec<String> = role
            .members
            .iter()
            .map(|member| match member {
                Member::User(name) => format!("user:{name}"),
                Member::Account(account) => (*account).to_owned(),
                Member::Group => format!("github:@acme/{}", role.name),
            })
            .collect();
        let _ = write!(out, "  {}: {{ members: {}", role.name, list(&members));
        if let Some(fallback) = role.fallback {
            let _ = write!(out, ", fallback: {fallback}");
        }
        if let Some(after) = role.after {
            let _ = write!(out, ", after: {}", after.text());
        }
        if let Some(week) = role.week {
            let _ = write!(out, ", calendar: {{ hours: \"{}\" }}", week.text());
        }
        if role.accept {
            let _ = write!(out, ", accept: \"{OATH}\"");
        }
        if !role.may_approve {
            out.push_str(", may: [read]");
        }
        out.push_str(" }\n");
    }
    if let Some(hours) = shape.delegation {
        let _ = writeln!(out, "delegation: {{ within: role, max: {hours}h }}");
    }
}

pub fn raci<'s>(rows: impl Iterator<Item = &'s Row>, out: &mut String) {
    out.push_str("raci:\n");
    for row in rows {
        let mut said = Vec::new();
        match &row.on {
            Some(On::Named(name)) => said.push(format!("on: {name}")),
            Some(On::Where(cond)) => said.push(format!("on: {}", cond.quoted())),
            None => {}
        }
        if let Some(when) = &row.when {
            said.push(format!("when: {}", when.quoted()));
        }
        if let Some(role) = row.accountable {
            said.push(format!("accountable: {role}"));
        }
        if let Some(role) = row.responsible {
            said.push(format!("responsible: {role}"));
        }
        if let Some((role, wait)) = row.consulted {
            said.push(format!("consulted: {{ role: {role}, wait: {} }}", wait.text()));
        }
        if !row.representation.is_empty() {
            said.push(format!("representation: {}", list(&row.representation)));
        }
        let _ = writeln!(out, "  - {{ {} }}", said.join(", "));
    }
}

fn triage(shape: &Shape, out: &mut String) {
    if let Some((high, medium)) = shape.impact {
        out.push_str("risk:\n");
        if !shape.weights.is_empty() {
            out.push_str("  weights:\n");
        }
        for (name, amount) in &shape.weights {
            let _ = writeln!(out, "    {name}: {amount}");
        }
        let _ = writeln!(out, "  impact: {{ high: {high}, medium: {medium} }}");
    }
    if shape.emergency.is_some() || shape.standard.is_some() {
        out.push_str("classes:\n");
    }
    if let Some(cond) = &shape.emergency {
        let _ = writeln!(out, "  emergency: {{ when: {} }}", cond.quoted());
    }
    if let Some((when, model)) = &shape.standard {
        let when = when.as_ref().map(|cond| format!("when: {}, ", cond.quoted())).unwrap_or_default();
        let suspend =
            model.suspend_after.map(|number| format!(", suspend_after: {number} failures")).unwrap_or_default();
        let _ = writeln!(out, "  standard: {{ {when}models: [routine] }}");
        let _ = writeln!(
            out,
            "standard_changes:\n  routine: {{ when: {}, owner: chief, approved_by: cab, expires: {}{suspend} }}",
            model.when.quoted(),
            model.expires.text()
        );
    }
}

pub fn route(route: &RouteShape, out: &mut String) {
    let _ = writeln!(out, "  {}:", route.name);
    if let Some(when) = &route.when {
        let _ = writeln!(out, "    when: {}", when.quoted());
    }
    if route.last_good {
        out.push_str("    to: last_good\n");
    }
    if route.any_hours {
        out.push_str("    hours: any\n");
    }
    if route.automatic {
        out.push_str("    approval: automatic\n");
    }
    let mut approvals: Vec<String> = route.approvals.iter().map(|(role, count)| format!("{role}: {count}")).collect();
    if !approvals.is_empty() {
        if let Some(length) = route.expire {
            approvals.push(format!("expire: {}", length.text()));
        }
        if !route.counts_from.is_empty() {
            approvals.push(format!("counts_from: {}", list(&route.counts_from)));
        }
        let _ = writeln!(out, "    approvals: {{ {} }}", approvals.join(", "));
    }
    match &route.cab {
        Some(Some(cond)) => {
            let _ = writeln!(out, "    cab: {{ when: {} }}", cond.quoted());
        }
        Some(None) => out.push_str("    cab: {}\n"),
        None => {}
    }
    if let Some(escalate) = &route.escalate {
        let last = escalate.last.map(|role| format!(", final: {role}")).unwrap_or_default();
        let _ = writeln!(
            out,
            "    escalate: {{ undecided_after: {}, to: {}{last} }}",
            escalate.after.text(),
            list(&escalate.to)
        );
    }
    if route.may_skip {
        out.push_str("    may_skip: [coverage]\n");
    }
    if route.then {
        out.push_str("    then: { validate: { by: release-manager, within: 4h, needs: evidence } }\n");
    }
}

fn after(shape: &Shape, out: &mut String) {
    if let Some(record) = &shape.record {
        let _ = write!(out, "change: {{ system: servicenow, needs: {}", list(&record.needs));
        if !record.proceeds_in.is_empty() {
            let _ = write!(out, ", proceeds_in: {}", list(&record.proceeds_in));
        }
        out.push_str(" }\n");
    }
    if let Some(rule) = &shape.incidents {
        let blocks = if rule.everything { "everything" } else { "affected_components" };
        let unless = if rule.unless_fixes { ", unless: release.fixes(incident)" } else { "" };
        let by = rule.confirmed_by.map(|role| format!(", confirmed_by: {role}")).unwrap_or_default();
        let _ = writeln!(
            out,
            "incidents: {{ system: pagerduty, severity: {{ P1: 1, P2: 2, P3: 3 }}, block_at: {}, blocks: {blocks}{unless}{by} }}",
            rule.block_at
        );
    }
    if let Some(pir) = &shape.pir {
        let holds = if pir.overdue_only { "overdue" } else { "open" };
        let _ = writeln!(
            out,
            "reviews:\n  pir: {{ when: \"outcome == 'failed'\", by: lead, within: 5bd, blocks: {}, holds_while: {holds} }}",
            pir.blocks
        );
    }
    let _ = writeln!(out, "rejection: {{ reason: {}, holds: {} }}", shape.reason, shape.holds.text());
    let _ = writeln!(
        out,
        "separation: {{ exclude: {}, per: {}, distinct_people: {} }}",
        list(&shape.exclude),
        if shape.per_change { "change" } else { "release" },
        shape.distinct
    );
    if let Some(glass) = &shape.glass {
        let _ = writeln!(
            out,
            "break_glass: {{ grant_by: {}, people: {}, releases: {}, expires: {} }}",
            list(&glass.by),
            glass.people,
            glass.releases,
            glass.expires.text()
        );
    }
    if let Some(trial) = &shape.trial {
        let stop = if trial.stops { ", stop_if: \"b.failure_rate > a.failure_rate\"" } else { "" };
        let _ = writeln!(
            out,
            "experiments:\n  trial: {{ on: {}, split: {}, sample: {}, b: {{ approval: automatic }}{stop} }}",
            trial.on.quoted(),
            trial.split,
            trial.sample
        );
    }
    if let Some(minutes) = shape.retry {
        let _ = writeln!(out, "retry_within: {minutes}min");
    }
}
