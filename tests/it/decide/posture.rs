//! What is wrong with an installation: what it was given against what it needs.

use std::collections::BTreeMap;

use countersign::decide::posture::{Ruled, of_repository};
use countersign::forge::github::inspect::Inspector;
use countersign::forge::inspection::Inspect;
use countersign::model::facts::Fact;
use countersign::model::inspection::Flaw;
use countersign::model::posture::{Access, Installed, Particular, Permission, Posture};
use countersign::model::wording::Wording;
use rstest::rstest;

/// A repository of which nothing is wrong but that it has no policy, and an app that needs to write deployments.
fn installed(given: Option<Access>) -> Posture {
    let permission = Permission { name: "deployments".to_owned(), needed: Access::Write, given };
    let installed = Installed { suspended: false, permissions: vec![permission], missing_events: Vec::new() };
    Posture {
        repository: "acme/shop".to_owned(),
        installed: Fact::Known(installed),
        environments: Fact::Absent,
        secrets: Fact::Absent,
        shared_secrets: Fact::Absent,
        open_secrets: Fact::Absent,
        administrators: Fact::Absent,
        branch: Fact::Absent,
        protection: Fact::Absent,
        check: Fact::Absent,
        accounts: BTreeMap::new(),
        groups: BTreeMap::new(),
        particular: Particular::default(),
    }
}

#[rstest]
#[case(Some(Access::Write), None)]
#[case(Some(Access::Read), Some("it needs `deployments: write`, and was given read"))]
#[case(None, Some("it needs `deployments: write`, and was given nothing"))]
fn what_it_needs_and_was_not_given_is_told(#[case] given: Option<Access>, #[case] says: Option<&str>) {
    const WORDING: &Wording = <Inspector as Inspect>::WORDING;
    let found = of_repository(&installed(given), Ruled::Unwritten, None, WORDING);
    let missing: Vec<&str> =
        found.iter().filter(|it| it.code == Flaw::PermissionMissing).map(|it| it.says.as_str()).collect();
    assert_eq!(missing, says.into_iter().collect::<Vec<_>>());
}
