//! What must hold for any policy file, alone and below an organisation's.

use countersign::policy::{self, Source};

use crate::memory;

const OUTER: &str = "version: 1
layer: organisation
environments:
  production: {}
gates:
  tests:
    junit: '**/*.xml'
    require: tests.failed == 0
";

pub fn holds_together(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let source = |path: &str, text: &str| Source {
        path: path.to_owned(),
        text: text.to_owned(),
        sha256: "0".repeat(64),
        from: None,
    };
    let _ = policy::layers::parent(text);
    for layers in
        [vec![source("policy.yml", text)], vec![source("organisation.yml", OUTER), source("policy.yml", text)]]
    {
        // Complaints quote the text that they are about.
        let read = memory::bounded(4 * bytes.len(), || policy::read(layers.clone()));
        assert_eq!(format!("{read:?}"), format!("{:?}", policy::read(layers)), "a second reading differs");
        let complaints = match read {
            Ok(policy) => {
                assert!(!policy.gates.is_empty() || !policy.warnings.is_empty(), "a policy that asks for nothing");
                policy.warnings
            }
            Err(complaints) => {
                let stops = complaints.iter().flat_map(|file| &file.list).any(|complaint| complaint.is_error());
                assert!(stops, "refused without an error");
                complaints
            }
        };
        for file in complaints {
            let told = file.render(false);
            let seen = |character: char| character == '\n' || !character.is_control();
            assert!(told.chars().all(seen), "something is not seen in {told:?}");
            let shown = told.matches("error[").count() + told.matches("warning[").count();
            assert!(shown >= file.list.len().min(100), "{shown} of {} complaints", file.list.len());
        }
    }
}
