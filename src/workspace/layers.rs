//! Reads the layers of a policy, from the working tree or from a protected ref.
//!
//! From a ref the bytes come out of git's object store, so that a change cannot
//! bring its own policy. A short name means the branch as it was fetched
//! (`refs/remotes/origin/…`), never a tag or a local branch of that name.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use super::open;
use crate::model::report::Fault;
use crate::model::verdict::Reason;
use crate::policy::diagnostics::{Code, Diagnostic, Span};
use crate::policy::layers::{Named, parent};
use crate::policy::{self, Attachment, Policy, Source, tree};

/// The places at which a policy is looked for.
pub const PLACES: [&str; 3] = [".countersign/policy.yml", ".countersign/policy.yaml", "countersign.yml"];

/// How many layers one policy may have.
pub const DEPTH: usize = 8;

/// Why the layers could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No policy was named and none is at its usual places.
    #[error("no policy was found at {}; write one, or name it with `--policy`", PLACES.join(", "))]
    NoPolicy,
    /// A file could not be read.
    #[error("the policy {path} {why}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        why: String,
    },
    /// A file that a layer names cannot be used: its parent, which it pins, or another.
    #[error("the policy {path} (line {}): {}", .told.span.line, .told.message)]
    Named {
        /// The layer that names it.
        path: String,
        /// What is wrong, where the layer names it.
        told: Diagnostic,
    },
    /// The ref could not be resolved.
    #[error("the ref `{name}` {why}")]
    Ref {
        /// The ref as it was given.
        name: String,
        /// What is wrong.
        why: String,
    },
}

/// Where policies are read from.
pub enum From {
    /// The working tree.
    WorkingTree,
    /// A commit, which a ref resolved to.
    Commit {
        /// The ref as it was given.
        name: String,
        /// The commit.
        sha: String,
    },
    /// Files that somebody read elsewhere, such as from a forge.
    Files {
        /// Their bytes, by their paths from the repository's root.
        files: BTreeMap<String, Vec<u8>>,
        /// What they were read from, for people.
        name: String,
    },
}

impl From {
    /// Resolves a ref to the commit that it names now.
    pub fn reference(name: &str) -> Result<Self, Error> {
        let wrong = |why: String| Error::Ref { name: name.to_owned(), why };
        if !is_ref(name) {
            return Err(wrong(
                "is no ref; name a branch, a full ref such as `refs/remotes/origin/main`, or a commit".to_owned(),
            ));
        }
        if let Some(why) = changeable(name) {
            return Err(wrong(why));
        }
        let commit = matches!(name.len(), 40 | 64) && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        let full = if commit || name.starts_with("refs/") {
            name.to_owned()
        } else {
            format!("refs/remotes/origin/{}", name.strip_prefix("origin/").unwrap_or(name))
        };
        if let Some(branch) = proposed_by_the_job(&full) {
            return Err(wrong(format!(
                "is `{branch}`, the branch that this job says is being changed, so whoever changes the code changes the \
                 policy with it; name the branch that you protect, such as `origin/main`"
            )));
        }
        let found = git(&["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{full}^{{commit}}")])
            .map_err(&wrong)?;
        let sha = String::from_utf8_lossy(&found).trim().to_owned();
        if sha.is_empty() {
            let branch = name.trim_start_matches("refs/remotes/").trim_start_matches("origin/");
            let hint = if commit { String::new() } else { format!("; fetch it first: `git fetch origin {branch}`") };
            return Err(wrong(format!("is not in this clone (looked for {full}){hint}")));
        }
        if (commit || full.starts_with("refs/tags/")) && judged()?.contains(&sha) {
            let why = "is the commit that is judged, so whoever changes the code can change the policy with it; name the branch that you protect, such as `origin/main`";
            return Err(wrong(why.to_owned()));
        }
        Ok(Self::Commit { name: name.to_owned(), sha })
    }

    /// Complains of a file below the working folder that a symbolic link leads out of it. A change to the code can lay
    /// such a link, and what is wrong with a policy is told with the lines that it is about.
    fn refuse_way_out(&self, path: &Path) -> Result<(), String> {
        let within = path.is_relative() && !path.starts_with("..");
        if !matches!(self, Self::WorkingTree) || !within {
            return Ok(());
        }
        match (Path::new(".").canonicalize(), path.canonicalize()) {
            (Ok(here), Ok(real)) if !real.starts_with(&here) => Err(
                "is reached by a symbolic link that leads out of the working folder; put the file itself there, or name \
                 the one that is meant with `--policy`"
                    .to_owned(),
            ),
            // What is not there is told when it is read.
            _ => Ok(()),
        }
    }

    /// The bytes of a file that a policy names. It lies beside the layer that names
    /// it, so that an inner layer cannot put its own in the place of an outer one's.
    pub fn read_beside(&self, policy: &str, path: &str) -> Result<Vec<u8>, String> {
        self.read_inside(&beside(Path::new(policy), path))
    }

    /// The bytes of a file that nobody named on the command line.
    fn read_inside(&self, path: &Path) -> Result<Vec<u8>, String> {
        self.refuse_way_out(path)?;
        self.read(path)
    }

    fn read(&self, path: &Path) -> Result<Vec<u8>, String> {
        match self {
            Self::WorkingTree => {
                let artifact = open::named(path, tree::SIZE_LIMIT as u64).map_err(|fault| unusable(&fault))?;
                Ok(artifact.to_vec())
            }
            Self::Commit { sha, name } => {
                let path = path.to_string_lossy();
                if path.starts_with('/') {
                    return Err("is read from a ref, where paths begin at the repository's root".to_owned());
                }
                let object = format!("{sha}:{path}");
                let listed = git(&["ls-tree", "--full-tree", sha, "--", &path])?;
                // The text of a link would be read as the file.
                if listed.starts_with(b"120000 ") {
                    return Err(format!(
                        "is a symbolic link at `{name}`, and links are not followed there; commit the file itself"
                    ));
                }
                let found = git(&["cat-file", "blob", &object])?;
                if found.is_empty() && git(&["cat-file", "-e", &object]).is_err() {
                    return Err(format!("is not there at `{name}`"));
                }
                Ok(found)
            }
            Self::Files { files, name } => {
                let found = files.get(path.to_string_lossy().as_ref());
                found.cloned().ok_or_else(|| format!("is not there at `{name}`"))
            }
        }
    }

    /// Whether files that were read elsewhere have one with this very text at a path.
    #[must_use]
    pub fn has(&self, path: &Path, text: &str) -> bool {
        match self {
            Self::Files { files, .. } => {
                files.get(path.to_string_lossy().as_ref()).is_some_and(|bytes| bytes == text.as_bytes())
            }
            Self::WorkingTree | Self::Commit { .. } => false,
        }
    }

    fn label(&self) -> Option<String> {
        match self {
            Self::WorkingTree => None,
            Self::Commit { name, sha } => Some(format!("{name}@{}", sha.get(..12).unwrap_or(sha))),
            Self::Files { name, .. } => Some(name.clone()),
        }
    }
}

/// Why a file cannot be read as a policy or what belongs to one, after its name.
fn unusable(fault: &Fault) -> String {
    match fault.reason {
        Reason::BeyondLimit => {
            format!("has more than the {} bytes that a file of a policy may have", tree::SIZE_LIMIT)
        }
        Reason::NotAPlainFile => "is not a plain file; name the file itself".to_owned(),
        Reason::Unreadable => format!("{}; see that it is there and that this command may read it", fault.message),
        _ => fault.message.clone(),
    }
}

/// Why a ref cannot be one that the forge protects, if it cannot. Of full refs a remote's branch and a tag may
/// be: whoever changes the code makes the others himself, or a forge makes them for whatever is proposed, such as
/// GitLab's `refs/pipelines/…` and `refs/keep-around/…`.
fn changeable(name: &str) -> Option<String> {
    if name == "HEAD" {
        let why = "is what is checked out, which whoever changes the code changes with it; name the branch that you protect, such as `origin/main`";
        return Some(why.to_owned());
    }
    if let Some(branch) = name.strip_prefix("refs/heads/") {
        return Some(format!("is a local branch, which no rule of the forge protects; name `origin/{branch}`"));
    }
    let proposed = ["refs/pull/", "refs/remotes/pull/", "refs/merge-requests/", "refs/remotes/merge-requests/"];
    if proposed.iter().any(|prefix| name.starts_with(prefix)) {
        let why = "is what a change proposes, which no rule of the forge protects; name the branch that you protect, such as `origin/main`";
        return Some(why.to_owned());
    }
    let full = name.strip_prefix("refs/")?;
    let branch = full.strip_prefix("remotes/").is_some_and(|remote| remote.contains('/'));
    let why = "is no branch of a remote and no tag, and no rule of the forge protects it; name the branch that you protect, such as `origin/main`";
    (!branch && !full.starts_with("tags/")).then(|| why.to_owned())
}

/// The branch of a remote that a ref names, where the job that runs this says that it is the one that is changed: what
/// a pull or merge request proposes, or a branch that was pushed and is neither protected nor the default one.
fn proposed_by_the_job(full: &str) -> Option<&str> {
    let (_, branch) = full.strip_prefix("refs/remotes/")?.split_once('/')?;
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let says = |name: &str| variable(name).is_some_and(|value| value == branch);
    let differ = |one: &str, other: &str| matches!((variable(one), variable(other)), (Some(a), Some(b)) if a != b);
    // A branch that is to be merged into one of the same name is a fork's, and so is what another project proposes.
    let pull = says("GITHUB_HEAD_REF") && !says("GITHUB_BASE_REF");
    let merge = says("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME")
        && !differ("CI_MERGE_REQUEST_SOURCE_PROJECT_PATH", "CI_MERGE_REQUEST_PROJECT_PATH");
    let on = |name: &str, value: &str| variable(name).is_some_and(|stated| stated == value);
    let pushed = says("CI_COMMIT_BRANCH") && !says("CI_DEFAULT_BRANCH") && !on("CI_COMMIT_REF_PROTECTED", "true");
    let on_github = says("GITHUB_REF_NAME")
        && on("GITHUB_REF_TYPE", "branch")
        && on("GITHUB_REF_PROTECTED", "false")
        && default_branch_of_github().is_none_or(|default| default != branch);
    (pull || merge || pushed || on_github).then_some(branch)
}

/// The repository's default branch, as the event of the job tells it; no variable does.
fn default_branch_of_github() -> Option<String> {
    event_of_github()?.pointer("/repository/default_branch")?.as_str().map(str::to_owned)
}

/// What a job of GitHub is told of the event that it runs for.
#[must_use]
pub fn event_of_github() -> Option<serde_json::Value> {
    let path = std::env::var_os("GITHUB_EVENT_PATH")?;
    let event = open::named(Path::new(&path), tree::SIZE_LIMIT as u64 * 16).ok()?;
    serde_json::from_slice(&event).ok()
}

/// The commit that is checked out and, where a forge made it by merging a change into its target, the change's own.
fn judged() -> Result<Vec<String>, Error> {
    let wrong = |why: String| Error::Ref { name: "HEAD".to_owned(), why };
    let found = git(&["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]).map_err(&wrong)?;
    let merged = git(&["rev-parse", "--verify", "--quiet", "HEAD^2"]).map_err(&wrong)?;
    Ok([found, merged].iter().map(|sha| String::from_utf8_lossy(sha).trim().to_owned()).collect())
}

/// Whether a text can be the name of a ref, by the rules of git-check-ref-format.
/// What leads from a ref to somewhere else, such as `main~9`, `main@{1}` or
/// `main:file`, is none.
fn is_ref(name: &str) -> bool {
    let barred = |c: char| c.is_ascii_control() || matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\');
    let part = |part: &str| !part.is_empty() && !part.starts_with('.') && part.strip_suffix(".lock").is_none();
    !name.starts_with('-')
        && !name.ends_with('.')
        && !name.contains(barred)
        && !name.contains("..")
        && !name.contains("@{")
        && name.split('/').all(part)
}

/// Runs git on the clone that the command stands in, and hands back what it
/// prints. It gets no variable but `PATH`, and objects that stand in for others
/// (`git replace`) are left out of account: a step before this one could have led
/// it to another repository or configuration by them. Nothing is fetched.
fn git(arguments: &[&str]) -> Result<Vec<u8>, String> {
    let path = std::env::var_os("PATH").map(|path| ("PATH", path));
    // A container step works on a clone that another user owns.
    let output = Command::new("git")
        .args(["--no-replace-objects", "-c", "safe.directory=*"])
        .args(arguments)
        .env_clear()
        .envs(path)
        .envs([("GIT_OPTIONAL_LOCKS", "0"), ("GIT_NO_LAZY_FETCH", "1"), ("GIT_TERMINAL_PROMPT", "0"), ("LC_ALL", "C")])
        .stdin(std::process::Stdio::null())
        .output()
        .map_err(|error| format!("needs git, which cannot be run: {error}"))?;
    match output.status.code() {
        Some(0) => Ok(output.stdout),
        // `rev-parse --quiet` says no by its exit code alone.
        Some(1) if output.stderr.is_empty() => Ok(Vec::new()),
        _ => {
            let said = String::from_utf8_lossy(&output.stderr);
            let said = said.lines().next().unwrap_or("it gave no reason").trim();
            Err(format!("could not be read from git: {said}; run in a clone of the repository that has it"))
        }
    }
}

/// Reads the layers that were named, outermost first, with the parents that they
/// pin before them; or the one at a usual place, when none was named.
pub fn read(named: &[PathBuf], from: &From) -> Result<Vec<Source>, Error> {
    read_within(Vec::new(), named, from)
}

/// The same within layers that were read before. A parent that is one of those needs no file of its own.
pub fn read_within(outer: Vec<Source>, named: &[PathBuf], from: &From) -> Result<Vec<Source>, Error> {
    gather(outer, named, from, &mut |error, _| Err(error))
}

/// The layers that could be read, and why others could not.
pub struct Found {
    /// Those that could be read, outermost first. A parent that is not the one that was pinned is among them.
    pub sources: Vec<Source>,
    /// What is wrong, in the order in which it was met.
    pub wrong: Vec<Error>,
    /// Whether a layer is missing.
    pub lacking: bool,
}

/// Whether a layer is missing where something is wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layer {
    Missing,
    There,
}

/// Reads what can be read of the layers, to say at once all that is wrong with them; nothing may be judged by it. An
/// error is that there is no policy at all.
pub fn find_all(named: &[PathBuf], from: &From) -> Result<Found, Error> {
    let (mut wrong, mut lacking) = (Vec::new(), false);
    let sources = gather(Vec::new(), named, from, &mut |error, layer| {
        wrong.push(error);
        lacking |= layer == Layer::Missing;
        Ok(())
    })?;
    Ok(Found { sources, wrong, lacking })
}

/// Reads layers and their parents. What is wrong is handed to `wrong`, which says whether to go on without it.
fn gather(
    outer: Vec<Source>,
    named: &[PathBuf],
    from: &From,
    wrong: &mut dyn FnMut(Error, Layer) -> Result<(), Error>,
) -> Result<Vec<Source>, Error> {
    let mut layers = outer;
    let found_here = named.is_empty();
    let usual;
    let named = if named.is_empty() {
        usual = [find(from)?];
        &usual
    } else {
        named
    };
    for path in named {
        let read = if found_here { one_inside(path, from) } else { one(path, from) };
        let source = match read {
            Ok(source) => source,
            Err(error) => {
                wrong(error, Layer::Missing)?;
                continue;
            }
        };
        if layers.iter().any(|layer| layer.sha256 == source.sha256) {
            let why = "is named twice, or a layer named before it extends it; name each layer once, outermost first";
            wrong(Error::Unreadable { path: source.path, why: why.to_owned() }, Layer::There)?;
            continue;
        }
        let mut chain = vec![source];
        while let Some(pin) = chain.last().and_then(|source| parent(&source.text)) {
            let Some(child) = chain.last() else { break };
            if layers.iter().any(|layer| layer.sha256 == pin.sha256) {
                break;
            }
            let refused = |why: String| named_by(&child.path, Diagnostic::new(Code::BadParent, pin.span, why));
            if chain.len() >= DEPTH {
                wrong(refused(format!("the policy has more than {DEPTH} layers around it")), Layer::Missing)?;
                break;
            }
            let path = beside(Path::new(&child.path), &pin.path);
            let found = match one_inside(&path, from) {
                Ok(found) => found,
                Err(error) => {
                    wrong(refused(format!("the parent cannot be used: {error}")), Layer::Missing)?;
                    break;
                }
            };
            if found.sha256 != pin.sha256 {
                let why = format!(
                    "the parent {} is pinned at SHA-256 {}, and that file has {}; review the change and pin it anew",
                    found.path, pin.sha256, found.sha256
                );
                wrong(refused(why), Layer::There)?;
                if chain.iter().chain(&layers).any(|layer| layer.sha256 == found.sha256) {
                    break;
                }
            }
            chain.push(found);
        }
        layers.extend(chain.into_iter().rev());
    }
    Ok(layers)
}

/// Reads the files that layers name, each beside its layer and from where that was read.
pub fn attachments(sources: &[Source], from: &From) -> Result<Vec<(usize, Attachment)>, Error> {
    attachments_within(0, sources, from)
}

/// The same of the layers from a place on, counted from the outermost.
pub fn attachments_within(outer: usize, sources: &[Source], from: &From) -> Result<Vec<(usize, Attachment)>, Error> {
    each_within(outer, sources, from).collect()
}

/// The files that layers name, or for each why it cannot be read.
pub fn each_attachment(sources: &[Source], from: &From) -> impl Iterator<Item = Result<(usize, Attachment), Error>> {
    each_within(0, sources, from)
}

fn each_within(
    outer: usize,
    sources: &[Source],
    from: &From,
) -> impl Iterator<Item = Result<(usize, Attachment), Error>> {
    let named = policy::attachments(sources).into_iter().filter(move |named| named.layer >= outer);
    named.filter_map(move |Named { layer, path, span }| {
        let source = sources.get(layer)?;
        let file = beside(Path::new(&source.path), &path);
        let read = from.read_inside(&file).and_then(|bytes| {
            let sha256 = open::sha256(&bytes);
            let text = String::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned())?;
            Ok((layer, Attachment { path, text, sha256 }))
        });
        Some(read.map_err(|why| unusable_file(&source.path, span, &file.display().to_string(), &why)))
    })
}

/// The trusted roots that gates name and that are not there.
pub fn missing_roots(policy: &Policy, from: &From) -> impl Iterator<Item = Error> {
    policy.gates.iter().filter_map(|gate| {
        let (path, stated_in) = (gate.trust.root.as_ref()?, &gate.trust.stated_in);
        let why = from.read_beside(stated_in, path).err()?;
        Some(unusable_file(stated_in, gate.trust.root_span, path, &why))
    })
}

fn unusable_file(policy: &str, span: Span, file: &str, why: &str) -> Error {
    named_by(policy, Diagnostic::new(Code::MissingFile, span, format!("{file}, which is named here, {why}")))
}

fn named_by(policy: &str, told: Diagnostic) -> Error {
    Error::Named { path: policy.to_owned(), told }
}

/// The files that a layer cannot do without: its parent, and those that it names.
#[must_use]
pub fn needed(layer: &Source) -> Vec<PathBuf> {
    let parent = parent(&layer.text).map(|pin| pin.path);
    let attached = policy::attachments(std::slice::from_ref(layer)).into_iter().map(|named| named.path);
    parent.into_iter().chain(attached).map(|path| beside(Path::new(&layer.path), &path)).collect()
}

/// The first usual place at which there is anything at all: one that cannot be read
/// is told as such, and never passed over for the next.
fn find(from: &From) -> Result<PathBuf, Error> {
    all_places(from).next().map(PathBuf::from).ok_or(Error::NoPolicy)
}

/// The usual places at which there is something that is not read, because there is another before them.
pub fn passed_over(from: &From) -> impl Iterator<Item = &'static str> {
    all_places(from).skip(1)
}

fn all_places(from: &From) -> impl Iterator<Item = &'static str> {
    let there = move |place: &&'static str| match from {
        From::WorkingTree => match Path::new(place).symlink_metadata() {
            Ok(_) => true,
            Err(error) => !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory),
        },
        From::Commit { sha, .. } => {
            git(&["ls-tree", "--full-tree", "--name-only", sha, "--", place]).map_or(true, |listed| !listed.is_empty())
        }
        From::Files { files, .. } => files.contains_key(*place),
    };
    PLACES.into_iter().filter(there)
}

/// A layer that nobody named on the command line.
fn one_inside(path: &Path, from: &From) -> Result<Source, Error> {
    let wrong = |why: String| Error::Unreadable { path: path.display().to_string(), why };
    from.refuse_way_out(path).map_err(wrong)?;
    one(path, from)
}

fn one(path: &Path, from: &From) -> Result<Source, Error> {
    let wrong = |why: String| Error::Unreadable { path: path.display().to_string(), why };
    let bytes = from.read(path).map_err(wrong)?;
    let sha256 = open::sha256(&bytes);
    let text = String::from_utf8(bytes).map_err(|error| {
        wrong(format!("is not UTF-8 at byte {}; save it as UTF-8", error.utf8_error().valid_up_to()))
    })?;
    Ok(Source { path: path.display().to_string(), text, sha256, from: from.label() })
}

/// A path beside a file, without `.` and `..` where they can be resolved.
fn beside(file: &Path, path: &str) -> PathBuf {
    let mut whole = PathBuf::new();
    for part in file.parent().unwrap_or(Path::new("")).join(path).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if whole.file_name().is_some() => {
                whole.pop();
            }
            part => whole.push(part),
        }
    }
    whole
}
