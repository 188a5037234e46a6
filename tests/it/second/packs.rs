//! The shipped packs as the second evaluator knows them: their words are read here by hand.

/// A pack: its name, the regulation as somebody spells it, and who verifies its list among the roles that there are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pack {
    pub name: &'static str,
    pub regulation: &'static str,
    pub verified_by: &'static str,
    text: &'static str,
}

macro_rules! shipped {
    ($name:literal) => {
        include_str!(concat!("../../../src/policy/packs/", $name, ".yml"))
    };
}

pub const PACKS: [Pack; 5] = [
    Pack { name: "sox", regulation: "SOX", verified_by: "release-manager", text: shipped!("sox") },
    Pack { name: "pci-dss", regulation: "PCI DSS", verified_by: "security", text: shipped!("pci-dss") },
    Pack { name: "hipaa", regulation: "Hipaa", verified_by: "security", text: shipped!("hipaa") },
    Pack { name: "soc2", regulation: "SOC 2", verified_by: "release-manager", text: shipped!("soc2") },
    Pack { name: "iso27001", regulation: "iso_27001", verified_by: "security", text: shipped!("iso27001") },
];

impl Pack {
    pub fn gate(&self) -> String {
        format!("{}.change-control", self.name)
    }

    /// What is ticked: each control, and what is confirmed of it.
    pub fn items(&self) -> Vec<String> {
        let quoted = |line: &str, key: &str| -> Option<String> {
            let (_, rest) = line.split_once(&format!("{key}: \""))?;
            Some(rest.split('"').next()?.to_owned())
        };
        let item = |line: &str| Some(format!("{}: {}", quoted(line, "control")?, quoted(line, "says")?));
        self.text.lines().filter_map(item).collect()
    }
}
