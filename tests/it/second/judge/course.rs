//! What anybody may write into: whose word counts there, and what became of incidents.

use countersign::model::facts::{Account, Fact, Incident, Turn};

use super::who::View;

impl View<'_> {
    /// Whether somebody has a role that approves and had no hand in the release.
    pub fn may_write(&self, account: &Account) -> bool {
        self.shape.roles.iter().any(|role| self.writes_as(account, role.name))
    }

    fn writes_as(&self, account: &Account, role: &str) -> bool {
        let person = self.person(account);
        let contributed = self.contributions.iter().any(|it| it.person == person);
        self.human(account) && self.holds(person, role) && !contributed
    }

    fn eases(&self, turn: &Turn) -> bool {
        let Fact::Known(by) = &turn.by else { return false };
        match self.shape.incidents.as_ref().and_then(|rule| rule.confirmed_by) {
            Some(role) => self.writes_as(by, role),
            None => self.may_write(by),
        }
    }

    /// The incidents that are open, as bad as anybody made them, or as those alone made them whose word counts.
    pub fn incidents_now(&self, anybody: bool) -> Vec<Incident> {
        let all = self.facts.incidents.entries().iter();
        all.filter_map(|incident| self.stands(incident, anybody)).collect()
    }

    fn stands(&self, incident: &Incident, anybody: bool) -> Option<Incident> {
        // A turn of tomorrow, by our clock, makes it no better.
        let eases = |turn: &Turn| self.eases(turn) && turn.at.timestamp() <= self.now;
        let mut heard: Vec<(bool, &Turn)> =
            incident.course.iter().map(|turn| (eases(turn), turn)).filter(|(eases, _)| *eases || anybody).collect();
        let bad = |severity: &Fact<String>| {
            let of = Incident { severity: severity.clone(), ..incident.clone() };
            self.severity(&of).unwrap_or(0)
        };
        heard.sort_by_key(|(_, turn)| turn.at);
        let mut severity = incident.severity.clone();
        for (eases, said) in heard.iter().filter_map(|(eases, turn)| Some((*eases, turn.severity.clone()?))) {
            if eases || said != Fact::Absent && bad(&said) <= bad(&severity) {
                severity = said;
            }
        }
        let mut components = incident.components.clone();
        for (eases, said) in heard.iter().filter_map(|(eases, turn)| Some((*eases, turn.components.clone()?))) {
            let before = components.entries().to_vec();
            components = Fact::Known(if eases {
                said
            } else if before.is_empty() || said.is_empty() {
                Vec::new()
            } else {
                let more = said.into_iter().filter(|it| !before.contains(it)).collect::<Vec<_>>();
                before.iter().cloned().chain(more).collect()
            });
        }
        // It is over where somebody whose word counts said so, and nobody has opened it again since.
        let ends: Vec<(bool, bool)> = heard.iter().filter_map(|(eases, turn)| Some((*eases, turn.over?))).collect();
        let last = ends.iter().rposition(|(eases, over)| *eases && *over);
        let over = last.is_some_and(|at| ends[at..].iter().all(|(_, over)| *over));
        (!over).then(|| Incident { severity, components, course: Vec::new(), ..incident.clone() })
    }
}
