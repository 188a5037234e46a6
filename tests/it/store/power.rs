//! F02: the power goes. Every call by which commands change files is written down by strace, with its bytes; then, for
//! every instant of that, the disk is built as it may be found afterwards: with what was synced and nothing else, and with
//! what was synced and some of the rest, sector by sector. A name is there when its folder was synced.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::crashes::strace;
use super::workload::{DATABASE, append, checkpoint, decide, instant, verified, whole, world};
use crate::second::chance::Chance;
use crate::support::run::World;

/// What a disk writes whole.
const SECTOR: usize = 512;
/// Every call that changes files or names, or makes that durable, and those that say where in a file one is.
const CALLS: &str = "openat,lseek,write,pwrite64,ftruncate,fallocate,fsync,fdatasync,rename,renameat,renameat2,link,linkat,unlink,\
                     unlinkat,mkdir";

/// A call that came back well: its words as they stand, its strings decoded, what came back.
struct Call {
    name: String,
    words: Vec<String>,
    strings: Vec<Vec<u8>>,
    /// What the file descriptor, or the one that came back, is.
    path: Option<PathBuf>,
    descriptor: i64,
    came_back: i64,
}

fn decoded(hex: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(hex.len() / 4);
    let mut rest = hex;
    while let Some(part) = rest.strip_prefix("\\x") {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        rest = &part[2..];
    }
    assert!(rest.is_empty(), "{rest}");
    bytes
}

/// The number and the path of a descriptor, as `-y` writes both.
fn described(word: &str) -> (i64, Option<PathBuf>) {
    let (number, rest) = word.split_once('<').unwrap_or((word, ""));
    let path = rest.split('>').next().filter(|path| path.starts_with("\\x"));
    let path = path.map(|path| PathBuf::from(String::from_utf8(decoded(path)).unwrap()));
    (number.trim().parse().unwrap_or(-1), path)
}

fn called(line: &str) -> Option<Call> {
    let (name, rest) = line.split_once('(')?;
    let (inside, back) = rest.rsplit_once(" = ")?;
    let inside = inside.trim_end().strip_suffix(')')?;
    let (came_back, opened) = described(back.split_whitespace().next()?);
    if back.starts_with('-') {
        return None;
    }
    let words: Vec<String> = inside.split(", ").map(str::to_owned).collect();
    let strings = words.iter().filter_map(|word| word.strip_prefix('"')?.strip_suffix('"').map(decoded)).collect();
    let (descriptor, path) = described(&words[0]);
    let path = if name == "openat" { opened } else { path };
    Some(Call { name: name.trim().to_owned(), words, strings, path, descriptor, came_back })
}

/// The calls of a command, in the order in which they came back.
fn calls(trace: &str) -> Vec<Call> {
    let (mut calls, mut begun) = (Vec::new(), BTreeMap::new());
    for line in trace.lines() {
        let (process, line) = line.split_once(' ').unwrap();
        let line = line.trim_start();
        if let Some(part) = line.strip_suffix("<unfinished ...>") {
            begun.insert(process.to_owned(), part.trim_end().to_owned());
            continue;
        }
        let whole = match line.strip_prefix("<... ").and_then(|line| line.split_once(" resumed>")) {
            Some((_, rest)) => begun.remove(process).unwrap() + rest,
            None => line.to_owned(),
        };
        calls.extend(called(&whole));
    }
    calls
}

#[derive(Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
}

fn changed(content: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Length(length) => content.resize(*length, 0),
        Change::Write(at, bytes) => {
            content.resize(content.len().max(at + bytes.len()), 0);
            content[*at..at + bytes.len()].copy_from_slice(bytes);
        }
    }
}

#[derive(Clone, Default)]
struct File {
    kept: Vec<u8>,
    since: Vec<Change>,
}

/// What is on the disk, and what is only on its way there.
#[derive(Clone)]
struct Disk {
    root: PathBuf,
    files: Vec<File>,
    /// Names as programs see them; a folder has no file.
    names: BTreeMap<PathBuf, Option<usize>>,
    kept: BTreeMap<PathBuf, Option<usize>>,
    at: BTreeMap<(i64, PathBuf), usize>,
}

impl Disk {
    fn ours(&self, path: &Path) -> Option<PathBuf> {
        let inside = self.root.join(path).strip_prefix(&self.root).ok()?.to_owned();
        // The index of the write-ahead log lives in memory, and is made anew when nobody has it open.
        let other = inside.ends_with("record.db-shm") || inside.ends_with("strace.log");
        (!other).then_some(inside)
    }

    fn file(&mut self, path: &Path) -> Option<&mut File> {
        let number = (*self.names.get(path)?)?;
        self.files.get_mut(number)
    }

    fn make(&mut self, path: PathBuf) {
        if !self.names.contains_key(&path) {
            self.files.push(File::default());
            self.names.insert(path, Some(self.files.len() - 1));
        }
    }

    /// Whether it changed anything, or made anything durable.
    fn take(&mut self, call: &Call) -> bool {
        let text = |at: usize| Some(PathBuf::from(String::from_utf8(call.strings.get(at)?.clone()).ok()?));
        let named = |at: usize| text(at).and_then(|path| self.ours(&path));
        match call.name.as_str() {
            "rename" | "renameat" | "renameat2" | "link" | "linkat" => {
                let (Some(from), Some(to)) = (named(0), named(1)) else { return false };
                let found = self.names.get(&from).copied();
                let Some(found) = found else { return false };
                if call.name.starts_with("rename") {
                    self.names.remove(&from);
                }
                self.names.insert(to, found);
                return true;
            }
            "unlink" | "unlinkat" => return named(0).is_some_and(|path| self.names.remove(&path).is_some()),
            "mkdir" => return named(0).is_some_and(|path| self.names.insert(path, None).is_none()),
            _ => {}
        }
        let Some(path) = call.path.clone().and_then(|path| self.ours(&path)) else { return false };
        let number = |at: usize| call.words[at].trim().parse::<usize>().unwrap();
        let position = (if call.name == "openat" { call.came_back } else { call.descriptor }, path.clone());
        let change = match call.name.as_str() {
            "openat" => {
                self.at.insert(position, 0);
                if call.words[2].contains("O_CREAT") {
                    self.make(path.clone());
                }
                if !call.words[2].contains("O_TRUNC") {
                    return call.words[2].contains("O_CREAT");
                }
                Change::Length(0)
            }
            "lseek" => {
                self.at.insert(position, usize::try_from(call.came_back).unwrap());
                return false;
            }
            "write" => {
                let place = self.at.entry(position).or_insert(0);
                let at = *place;
                *place += usize::try_from(call.came_back).unwrap();
                Change::Write(at, call.strings[0][..usize::try_from(call.came_back).unwrap()].to_vec())
            }
            "pwrite64" => Change::Write(number(3), call.strings[0].clone()),
            "ftruncate" => Change::Length(number(1)),
            "fallocate" => return false,
            "fsync" | "fdatasync" if self.names.get(&path).is_some_and(Option::is_none) || path == Path::new("") => {
                self.kept.retain(|name, _| name.parent() != Some(&path));
                let inside = self.names.iter().filter(|(name, _)| name.parent() == Some(&path));
                self.kept.extend(inside.map(|(name, file)| (name.clone(), *file)));
                return true;
            }
            "fsync" | "fdatasync" => {
                let Some(file) = self.file(&path) else { return false };
                for change in std::mem::take(&mut file.since) {
                    changed(&mut file.kept, &change);
                }
                return true;
            }
            other => panic!("{other} is not known here"),
        };
        let Some(file) = self.file(&path) else { return false };
        file.since.push(change);
        true
    }

    /// The disk as it is found: what was kept, and by chance some of the rest.
    fn found(&self, mut chance: Option<&mut Chance>) -> BTreeMap<PathBuf, Vec<u8>> {
        let lucky = |of: &mut Option<&mut Chance>| of.as_mut().is_some_and(|chance| chance.between(0, 1) == 1);
        let mut names = self.kept.clone();
        for name in self.names.keys().chain(self.kept.keys()).collect::<BTreeSet<_>>() {
            if self.names.get(name) != self.kept.get(name) && lucky(&mut chance) {
                names.remove(name);
                names.extend(self.names.get(name).map(|file| (name.clone(), *file)));
            }
        }
        let mut found = BTreeMap::new();
        for (name, file) in &names {
            let above = name.ancestors().skip(1).filter(|above| *above != Path::new(""));
            let reached = above.into_iter().all(|above| names.get(above) == Some(&None));
            let Some(file) = file.filter(|_| reached) else { continue };
            let mut content = self.files[file].kept.clone();
            for change in &self.files[file].since {
                match change {
                    Change::Length(_) if lucky(&mut chance) => changed(&mut content, change),
                    Change::Length(_) => {}
                    Change::Write(at, bytes) => {
                        for (number, sector) in bytes.chunks(SECTOR).enumerate() {
                            if lucky(&mut chance) {
                                changed(&mut content, &Change::Write(at + number * SECTOR, sector.to_vec()));
                            }
                        }
                    }
                }
            }
            found.insert(name.clone(), content);
        }
        found
    }
}

/// What was told before the power went.
#[derive(Clone, Default, Debug, PartialEq)]
struct Told {
    entries: u64,
    decisions: Vec<String>,
    /// What lies in the evidence folder.
    files: Vec<(PathBuf, Vec<u8>)>,
    checkpoint: String,
}

/// Opens what was found, and demands what was told of it; then goes on.
fn judge(found: &BTreeMap<PathBuf, Vec<u8>>, told: &Told, next: &[String], when: &str) {
    let world = World::new();
    for (name, content) in found {
        world.write(name.to_str().unwrap(), content);
    }
    if told.entries > 0 {
        let size = verified(&world, Some(&told.checkpoint), when);
        assert!(size >= told.entries, "{when}: {size} of {} entries that were acknowledged", told.entries);
        let decided = whole(&world, DATABASE);
        for instant in &told.decisions {
            assert!(decided.contains(instant), "{when}: the decision for {instant} was told, and is lost");
        }
    }
    for (path, content) in &told.files {
        assert!(
            fs::read(world.path().join(path)).is_ok_and(|read| read == *content),
            "{when}: {} is lost",
            path.display()
        );
    }
    let next: Vec<&str> = next.iter().map(String::as_str).collect();
    let said = world.run(&next);
    assert_eq!(said.code, 0, "{when}: it does not go on: {}", said.err);
    verified(&world, None, when);
    whole(&world, DATABASE);
}

/// Every file below a folder.
fn below(root: &Path, folder: &Path, into: &mut BTreeMap<PathBuf, Option<Vec<u8>>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().to_owned();
        if path.is_dir() {
            into.insert(name, None);
            below(root, &path, into);
        } else {
            into.insert(name, Some(fs::read(&path).unwrap()));
        }
    }
}

#[test]
fn f02_what_was_told_before_the_power_went_is_there_with_what_was_synced_alone_and_with_some_of_the_rest() {
    if !strace() {
        return;
    }
    let world = world();
    let mut chance = Chance::new(2);
    let large: Vec<u8> = (0..300_000).map(|_| u8::try_from(chance.between(0, 255)).unwrap()).collect();
    world.write("large", &large);
    let root = world.path().canonicalize().unwrap();
    let mut disk = Disk {
        root: root.clone(),
        files: Vec::new(),
        names: BTreeMap::new(),
        kept: BTreeMap::new(),
        at: BTreeMap::new(),
    };
    let mut there = BTreeMap::new();
    below(&root, &root, &mut there);
    for (name, content) in there {
        let file = content.map(|kept| {
            disk.files.push(File { kept, since: Vec::new() });
            disk.files.len() - 1
        });
        disk.names.insert(name.clone(), file);
        disk.kept.insert(name, file);
    }
    let digest = countersign::log::receipt::sha256(&large);
    let file = PathBuf::from(format!("evidence/{}/{digest}", &digest[..2]));
    let with_large: Vec<String> = append("large")
        .into_iter()
        .chain(["--evidence-folder", "evidence", "--attach", "large"].map(str::to_owned))
        .collect();
    let workload = [append("first"), decide(0), with_large, append("second"), decide(60)];
    let (mut told, mut opened, mut chanced) = (Told::default(), 0, 0);
    for (number, command) in workload.iter().enumerate() {
        let trace = root.join("strace.log");
        let mut traced = Command::new("strace");
        traced.args(["-f", "-qq", "-y", "-xx", "-s", "4000000", "-e", &format!("trace={CALLS}"), "-o"]).arg(&trace);
        traced.arg(env!("CARGO_BIN_EXE_countersign")).args(command);
        let output = traced.current_dir(&root).env_clear().stdin(Stdio::null()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        // Whoever only reads may tidy up as well, so a copy is read.
        let copy = World::new();
        let mut there = BTreeMap::new();
        below(&root, &root, &mut there);
        for (name, content) in there.iter().filter_map(|(name, content)| Some((name, content.as_ref()?))) {
            copy.write(name.to_str().unwrap(), content);
        }
        let mut after = Told { entries: verified(&copy, None, "a copy"), ..told.clone() };
        after.checkpoint = checkpoint(&copy);
        match number {
            1 => after.decisions.push(instant(0)),
            2 => {
                let packed = fs::read(root.join(&file)).unwrap();
                after.files.push((file.clone(), packed));
            }
            4 => after.decisions.push(instant(60)),
            _ => {}
        }
        let mut last = None;
        for (step, call) in calls(&fs::read_to_string(&trace).unwrap()).iter().enumerate() {
            let says = call.name == "write" && call.descriptor == 1;
            if says {
                told = after.clone();
            } else if !disk.take(call) {
                continue;
            }
            let when = format!("command {number}, call {step}, {}", call.name);
            let found = disk.found(None);
            if last.as_ref() != Some(&(found.clone(), told.clone())) {
                judge(&found, &told, command, &when);
                opened += 1;
                last = Some((found, told.clone()));
            }
            // Each time for what is told; else every third time, because there are many.
            if says || step % 3 == 0 {
                judge(&disk.found(Some(&mut chance)), &told, command, &format!("{when}, and some of the rest"));
                chanced += 1;
            }
        }
        assert_eq!(told, after, "it was told");
    }
    eprintln!("opened with what was synced alone {opened} times, with some of the rest {chanced} times, nothing lost");
    assert!(opened > 20 && chanced > 40, "{opened} {chanced}");
}
