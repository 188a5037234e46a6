//! The storeys: imports go down only, folders of one storey never meet, and the
//! lower four touch no file, network, clock or thread.

use std::fs;
use std::path::{Path, PathBuf};

/// Every folder of `src/`, by storey.
const STOREYS: &[(&str, u8)] = &[
    ("model", 1),
    ("evidence", 2),
    ("policy", 2),
    ("decide", 3),
    ("report", 4),
    ("log", 4),
    ("transport", 5),
    ("connect", 6),
    ("forge", 6),
    ("sandbox", 6),
    ("store", 6),
    ("workspace", 6),
    ("flow", 7),
    ("web", 8),
    ("cli", 9),
];

/// What the lower four storeys may not touch.
const IMPURE: &[&str] = &[
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "SystemTime",
    "Utc::now",
    "Local::now",
    "tokio",
    "reqwest",
    "async fn",
    "memmap2",
    "walkdir",
    "tempfile",
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn storey(folder: &str) -> u8 {
    STOREYS
        .iter()
        .find(|(name, _)| *name == folder)
        .unwrap_or_else(|| {
            panic!("`src/{folder}` stands on no storey; add it to the list, and to the page in src/lib.rs")
        })
        .1
}

/// The folders that a line of code names, as `crate::folder`.
fn named(line: &str) -> Vec<String> {
    let code = line.split("//").next().unwrap();
    code.match_indices("crate::")
        .map(|(at, mark)| code[at + mark.len()..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
        .filter(|name: &String| !name.is_empty())
        .collect()
}

/// What is wrong with one file, standing in `folder`.
fn wrongs(folder: &str, path: &str, text: &str) -> Vec<String> {
    let own = storey(folder);
    let mut wrongs = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for other in named(line) {
            if other != folder && storey(&other) >= own {
                wrongs.push(format!("{path}:{}: `{folder}` (storey {own}) looks up or aside at `{other}`", number + 1));
            }
        }
        let code = line.split("//").next().unwrap();
        if own <= 4 {
            for impure in IMPURE.iter().filter(|impure| code.contains(**impure)) {
                wrongs.push(format!("{path}:{}: storey {own} touches `{impure}`", number + 1));
            }
        }
    }
    wrongs
}

#[test]
fn imports_go_down_only_and_the_lower_storeys_are_pure() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    let mut files = 0;
    for path in sources(&root) {
        let below = path.strip_prefix(&root).unwrap();
        let folder = below.iter().next().unwrap().to_str().unwrap();
        if Path::new(folder).extension().is_some() {
            continue;
        }
        files += 1;
        wrong.extend(wrongs(folder, &below.display().to_string(), &fs::read_to_string(&path).unwrap()));
    }
    assert!(files > 40, "only {files} files were looked at");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_wall_sees_an_upward_import_a_sideways_one_and_a_clock() {
    assert_eq!(wrongs("decide", "x.rs", "use crate::workspace::open;").len(), 1);
    assert_eq!(wrongs("evidence", "x.rs", "let gate: crate::policy::gate::Gate;").len(), 1);
    assert_eq!(wrongs("decide", "x.rs", "let now = Utc::now();").len(), 1);
    assert_eq!(wrongs("decide", "x.rs", "use crate::policy::gate::Gate; // crate::flow").len(), 0);
}

#[test]
fn the_architecture_page_names_every_folder() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    for (folder, storey) in STOREYS {
        assert!(
            page.lines().any(|line| line.starts_with("//!")
                && line.contains(&format!("{folder} "))
                && line.contains(&storey.to_string())),
            "the page in src/lib.rs does not tell of `{folder}` on storey {storey}"
        );
    }
}
