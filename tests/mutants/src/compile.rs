//! The copy with every mutant in it, and its build: what the compiler refuses is taken out until it refuses nothing.

use std::collections::BTreeSet;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::sites::{self, Mutant};
use crate::weave::{MUTANT, marked};

/// Types first, then borrows, and each takes few rounds.
const ROUNDS: usize = 12;

/// The tests of the copy: those of the decision, and what they lean on.
const TESTS: &str = "//! The tests of the decision.\n#![allow(warnings, reason = \"most of what these share is for others\")]\n\
    mod decide;\nmod report;\nmod second;\nmod support;\n";

/// The one build.
pub struct Built {
    /// All mutants, by their number.
    pub mutants: Vec<Mutant>,
    /// Those that the compiler refuses.
    pub dropped: BTreeSet<usize>,
    /// The tests.
    pub binary: PathBuf,
}

pub fn all(folder: &Path) -> Result<Built, String> {
    let tree = folder.join("tree");
    let files = copied(&tree)?;
    let remembered = Remembered::of(folder, &tree)?;
    let mut dropped = remembered.dropped();
    for _ in 0..ROUNDS {
        let mutants = woven(&tree, &files, &dropped)?;
        let (messages, passed) = cargo(folder)?;
        let binary = messages.iter().filter(|message| message["target"]["name"] == "it");
        if let (true, Some(binary)) = (passed, binary.filter_map(|message| message["executable"].as_str()).next()) {
            remembered.keep(&dropped)?;
            return Ok(Built { mutants, dropped, binary: binary.into() });
        }
        let refused = refused(&tree, &messages);
        if refused.is_subset(&dropped) {
            let all = errors(&messages).join("\n");
            return Err(format!("the copy does not build, and no mutant is to blame:\n{all}"));
        }
        println!("the compiler refuses {} more", refused.len());
        dropped.extend(refused);
    }
    Err(format!("after {ROUNDS} rounds the compiler still refuses mutants"))
}

/// What the compiler refused of the same sources before, so that they are not built again only to be tried once more.
struct Remembered {
    list: PathBuf,
    /// What it holds for: the sources, and the program that finds their mutants.
    key: String,
}

impl Remembered {
    fn of(folder: &Path, tree: &Path) -> Result<Self, String> {
        let mut hash = DefaultHasher::new();
        let mut waiting = vec![tree.join("Cargo.lock"), tree.join("src")];
        waiting.extend(std::env::current_exe());
        waiting.push("src/decide".into());
        while let Some(path) = waiting.pop() {
            if path.is_dir() {
                // Of the copy's own decision it is not known which mutants are in it.
                let inner = fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path());
                let mut inner: Vec<PathBuf> = inner.filter(|inner| *inner != tree.join("src/decide")).collect();
                inner.sort();
                waiting.extend(inner);
            } else {
                fs::read(&path).map_err(|why| format!("{}: {why}", path.display()))?.hash(&mut hash);
            }
        }
        Ok(Self { list: folder.join("refused.txt"), key: format!("{:x}", hash.finish()) })
    }

    fn dropped(&self) -> BTreeSet<usize> {
        let text = fs::read_to_string(&self.list).unwrap_or_default();
        let ids = text.strip_prefix(&self.key).unwrap_or_default();
        ids.split_whitespace().filter_map(|id| id.parse().ok()).collect()
    }

    fn keep(&self, dropped: &BTreeSet<usize>) -> Result<(), String> {
        let ids: Vec<String> = dropped.iter().map(usize::to_string).collect();
        fs::write(&self.list, format!("{}\n{}\n", self.key, ids.join(" ")))
            .map_err(|why| format!("{}: {why}", self.list.display()))
    }
}

/// Copies what is tracked, and says which files of it are the decision's.
fn copied(tree: &Path) -> Result<Vec<String>, String> {
    let listed = Command::new("git").args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).output();
    let listed = listed.map_err(|why| format!("git: {why}"))?;
    let (mut kept, mut decision) = (BTreeSet::new(), Vec::new());
    for name in String::from_utf8_lossy(&listed.stdout).split_terminator('\0') {
        if !Path::new(name).is_file() || name.starts_with("fuzz/") || name.starts_with("tests/mutants/") {
            continue;
        }
        kept.insert(tree.join(name));
        match name {
            "tests/it/main.rs" => write(tree, name, TESTS.as_bytes())?,
            "src/lib.rs" => {
                let text = fs::read_to_string(name).map_err(|why| format!("{name}: {why}"))?;
                write(tree, name, format!("{text}\npub mod mutant;\n").as_bytes())?;
            }
            _ if name.starts_with("src/decide/") => decision.push(name.to_owned()),
            _ => write(tree, name, &fs::read(name).map_err(|why| format!("{name}: {why}"))?)?,
        }
    }
    write(tree, "src/mutant.rs", MUTANT.as_bytes())?;
    // A scenario that was taken away since would be tried still.
    for stale in fs::read_dir(tree.join("tests/scenarios")).into_iter().flatten().flatten() {
        if !kept.contains(&stale.path()) {
            fs::remove_file(stale.path()).map_err(|why| format!("{}: {why}", stale.path().display()))?;
        }
    }
    Ok(decision)
}

fn woven(tree: &Path, files: &[String], dropped: &BTreeSet<usize>) -> Result<Vec<Mutant>, String> {
    let mut mutants = Vec::new();
    for name in files {
        let text = fs::read_to_string(name).map_err(|why| format!("{name}: {why}"))?;
        write(tree, name, sites::woven(name, &text, &mut mutants, dropped)?.as_bytes())?;
    }
    Ok(mutants)
}

/// Writes what is new only: a file that is touched is built again.
fn write(tree: &Path, name: &str, content: &[u8]) -> Result<(), String> {
    let path = tree.join(name);
    if fs::read(&path).is_ok_and(|before| before == content) {
        return Ok(());
    }
    let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
    folder.and_then(|()| fs::write(&path, content)).map_err(|why| format!("{}: {why}", path.display()))
}

/// What cargo says, message by message, and whether it is content.
fn cargo(folder: &Path) -> Result<(Vec<Value>, bool), String> {
    let target = std::path::absolute(folder.join("build")).map_err(|why| why.to_string())?;
    let mut command = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
    command.args(["test", "--no-run", "--test", "it", "--locked", "--no-default-features", "--message-format=json"]);
    command.current_dir(folder.join("tree")).env("CARGO_TARGET_DIR", target);
    // Quick to run, as it is run for each mutant, and no larger than it has to be.
    command.env("CARGO_PROFILE_DEV_OPT_LEVEL", "1").env("CARGO_PROFILE_DEV_DEBUG", "0");
    let out = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let out = out.map_err(|why| format!("cargo: {why}"))?;
    let text = String::from_utf8_lossy(&out.stdout);
    Ok((text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect(), out.status.success()))
}

fn errors(messages: &[Value]) -> Vec<&str> {
    let errors = messages.iter().filter(|message| message["message"]["level"] == "error");
    errors.filter_map(|message| message["message"]["rendered"].as_str()).take(10).collect()
}

/// The mutants that errors are about, by the lines where these are.
fn refused(tree: &Path, messages: &[Value]) -> BTreeSet<usize> {
    let mut refused = BTreeSet::new();
    for message in messages.iter().map(|message| &message["message"]).filter(|message| message["level"] == "error") {
        let spans: Vec<&Value> = message["spans"].as_array().into_iter().flatten().collect();
        let (first, others): (Vec<&Value>, Vec<&Value>) =
            spans.into_iter().partition(|span| span["is_primary"] == true);
        let blamed = first.into_iter().chain(others).map(|span| blamed(tree, span)).find(|ids| !ids.is_empty());
        refused.extend(blamed.unwrap_or_default());
    }
    refused
}

/// Those on the line where a place begins, or else the fewest that are within it or within what its macro was given.
fn blamed(tree: &Path, span: &Value) -> Vec<usize> {
    let mut widest = Vec::new();
    let mut next = Some(span);
    while let Some(span) = next {
        let file = tree.join(span["file_name"].as_str().unwrap_or_default());
        if file.starts_with(tree.join("src/decide"))
            && let Ok(text) = fs::read_to_string(file)
        {
            let line = |key: &str| span[key].as_u64().unwrap_or(0) as usize;
            let (from, to) = (line("line_start"), line("line_end"));
            let lines: Vec<&str> = text.lines().skip(from - 1).take(to + 1 - from).collect();
            if let Some(id) = lines.first().and_then(|line| marked(line)) {
                return vec![id];
            }
            if widest.is_empty() {
                widest = lines.iter().filter_map(|line| marked(line)).collect();
            }
        }
        next = span["expansion"].get("span");
    }
    widest
}
