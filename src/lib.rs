//! # Countersign: release approval as code
//!
//! This page tells how the house is built. `countersign gate` judges the release
//! gates of a policy by what a pipeline produced; the README says how to use it.
//!
//! ## What carries everything
//!
//! 1. **A functional core.** Bytes become evidence, text becomes a policy, and
//!    both become a decision without a file, a clock or a network in sight. What
//!    is not known is a value of its own, and it never opens a gate.
//! 2. **Absence holds.** No evidence, an unread part, an unknown measure, an
//!    expression that cannot be answered: each has a verdict and a reason code,
//!    and none of them is `pass`.
//! 3. **One description, many uses.** The grammar of a policy, the catalogue of
//!    measures, the reasons and the formats are each stated once; checks,
//!    schemas, documentation and outputs are made from that.
//!
//! ## Nine storeys; imports go down only
//!
//! ```text
//! cli        9  arguments in, documents and an exit code out
//! web        8  what is served over HTTP: the log's files, where forges deliver and jobs submit, pages of releases, setting up
//! flow       7  the stories, where what decides and what acts meet: a gate run, the app
//! forge      6  GitHub and GitLab: deliveries verified, read and answered, state read into facts
//! store      6  the record, in SQLite, in PostgreSQL or as files: batches, migrations, copies
//! connect    6  other systems that are asked or told over the network: witnesses, webhooks, Slack, mail servers, feeds
//! sandbox    6  a GitHub, or a GitLab, of our own, small enough to live in the binary, for the demo
//! workspace  6  the folder of artifacts: found, opened, mapped, digested; policy files and refs
//! transport  5  how anybody is spoken to over the network: TLS, a client for HTTP
//! log        4  the record's Merkle log: entries, tiles, signed checkpoints, proofs, verification
//! report     4  a decision becomes words and files: text, JSON, Markdown, GitHub, GitLab
//! decide     3  policy and what is known become verdicts, with their explanations
//! evidence   2  bytes of an artifact become measures, one format a file
//! policy     2  text of a policy becomes a policy that holds together, or every complaint at once
//! model      1  the nouns: verdict, reason, measure, format, decision
//! ```
//!
//! Folders of one storey never meet. A package has no walls between its modules,
//! so a test is the wall: `tests/it/storeys.rs` reads every import, and fails as
//! well when storeys 1 to 4 touch files, threads, clocks or the network.
//!
//! ## A walk through a gate run
//!
//! `action.yml` or a shell runs [`cli`], which finds the policy, reads its layers
//! ([`workspace::layers`], from the working tree or out of git from a protected
//! ref) and makes them one ([`policy::read`]). [`flow::gate_run`] walks the
//! artifact folders once ([`workspace::walk`]) and, two gates at a time, opens
//! what their globs mean ([`workspace::open`]), recognises the format by content
//! ([`evidence::recognise`]) and folds it into a tally ([`evidence::Tally`]),
//! digesting a large file on another core. [`decide::gates`] judges: can the evidence be
//! understood, is it there, is it about this release, does it meet the
//! requirement ([`policy::evaluate`], in three-valued logic), is it waived.
//! [`report`] tells the decision, and the worst verdict is the exit code.
//!
//! ## A walk through a requirement
//!
//! `require: "load.p95_ms <= 1.10 * baseline.p95_ms"` is parsed when the policy is
//! loaded, and its names and types are checked against [`model::catalogue`]
//! ([`policy::expression`]): a misspelled measure is an error at its line. When
//! the gate runs, both names get their values from the tallies of this run and of
//! the baseline; a value that no report states is unknown, and three-valued
//! logic carries it to the verdict. [`decide::explain`] says which part failed,
//! with both numbers.
//!
//! ## A walk through a release's decision
//!
//! `countersign decide` reads a policy, a document of facts ([`model::facts`]) and an
//! instant. [`decide::scene`] works out once who is who, who contributed and what goes;
//! [`decide::triage`] and [`decide::routing`] say which way each component takes;
//! [`decide::release_gates`] and [`decide::approvals`] judge what that way asks, and one
//! file each the calendar, the change record, incidents, the board and what is owed.
//! [`decide::conclude`] says what it comes to, in one sentence first, and the clock when
//! time alone could change it. [`report::release`] shows the tree.
//!
//! ## A walk through the facts
//!
//! `countersign facts` reads the policy for what is worth knowing ([`flow`]: components and their folders, groups,
//! environments) and asks a forge ([`forge`]). GitHub is asked in few large questions: which commits are between what runs
//! and what goes, which pull requests brought them, everything of those, who pushed. A list is whole or says that it is
//! not; merges are computed again from git's own objects. GitLab ([`forge::gitlab`]) is asked the same by many small
//! questions, and what both need to know of git stands beside them ([`forge`]). What comes back is sorted into [`model::facts`], and decided by
//! nobody there. What anybody who may push can write is no fact. `countersign answer` gathers, decides and records now, and
//! tells the deployment that waits.
//!
//! ## A walk through a delivery
//!
//! A forge posts to [`web::hooks`], which verifies it ([`forge::github::signature`], [`forge::gitlab::signature`]), reads it as a hint
//! ([`forge::github::event`], [`forge::gitlab::event`]) and hands it to [`flow::app`]; once it is durable it is answered. The desk asks whose it is,
//! and marks what waits in its docket. A release that is marked is gathered anew ([`flow::facts`]), decided, and recorded
//! in one transaction with what is to leave; that is claimed, told to the forge while it is still the last word, and ended by
//! an entry of its own. GitHub is answered by one request; on GitLab the app votes in its own name, and plays the job. The sweep marks what nobody told of, and the clocks what time alone changes.
//!
//! ## A walk through a package over two forges
//!
//! An app of both forges has a desk for each, over one record ([`flow::app`]); which of them a request is for is said by its path, its
//! token's issuer or its person's login ([`web::forges`]). When a release is gathered whose policy puts it into a package, and other
//! components of that into other repositories, their standing is read out of the record: what waits there, by its last decision
//! ([`decide::package`] says whether anything but the package holds it), or what went beside the content that goes here. What is
//! recorded of one has the other looked at again.
//!
//! ## A walk through a pull request
//!
//! A hint, or the sweep, marks a change in the book of [`flow::app::talk`]. While no deployment is to be decided, a round reads
//! the repository's open changes and the comments of the last day, gathers the facts of each change as if it were released from
//! its branch, and decides them for nobody but the reader: [`report::proposal`] says what is missing. A comment that commands
//! something is looked for in the decision that saw it, and [`report::reply`] says what became of it. A button of
//! the check that somebody pressed is an act from then on, kept beside what people do on pages. Both leave through the
//! outbox, to destinations that everything else goes before.
//!
//! ## A walk through a change record
//!
//! Where the policy keeps them in issues, a release that is held for want of one has an issue opened, or one taken up that people opened: that is recorded,
//! leaves, and its number is recorded ([`flow::app`]). From then on the issue is read with its whole history
//! ([`forge::records`]) whenever the release is gathered, as open incidents and the agendas of the board are, and becomes
//! facts that say who wrote what. Standard changes stand on the board's agendas too, and become facts by what was said there and by how
//! releases by them ended. Whose word counts is decided ([`decide`]), and what follows from the decision – a label, an
//! item of an agenda, an end – leaves through the outbox like everything else.
//!
//! ## A walk through submitted evidence
//!
//! `countersign gate --submit` lists what the gates read ([`flow::submit`]), asks the app which of it is wanted, and sends
//! that, each request under a token of the job's: a new one where the forge gives as many as are asked for, else the one that the job has. [`web::jobs`] has the token verified ([`forge::token`],
//! [`forge::github::oidc`], [`forge::gitlab::oidc`]) before it reads a byte, the desk compares bytes and digests and appends an entry for each file
//! ([`flow::app::submission`]), and one more for the list of all of them, by which the submission is closed. When a release is
//! decided, the closed files of the run that waits, of its present attempt, are laid out in a folder as the step had them, and
//! gathered as in a gate run; what was found becomes the evidence of the facts, and what scans and bills of materials say of
//! what goes and what runs becomes facts of the release.
//!
//! ## A walk through the record
//!
//! `countersign log append` reads what happened and writes it down in its one
//! form ([`log::entry`]). [`flow`] hands it to the writer of [`store`], which in one
//! transaction reads and locks the head of the log, adds the leaf to the growing
//! edge of the tree ([`log::tree`]), signs a checkpoint ([`log::checkpoint`]) over it
//! and commits; only then is anybody told. Many at once are gathered into one such
//! transaction. What follows from a decision goes into the same one: the deliveries
//! that it answers, obligations, what is to leave, its timer, each in a table beside
//! the log; effects leave afterwards, in order and until they are done, by whoever
//! holds a lease. Whoever doubts it reads tiles ([`log::tile`]), from the database or
//! from an exported folder, or over HTTP ([`web`]), and hashes everything again ([`log::verify`]), or takes a
//! proof of one entry along ([`log::proof`]). A decision leaves with a receipt
//! ([`log::receipt`], [`flow::replay`]): statements, proof, and what it was made from.
//!
//! A log whose owner is doubted is watched: its key follows from an older one
//! ([`log::keys`]), witnesses cosign it ([`log::witness`], [`connect`]), and a key that
//! has signed more than the database holds signs nothing ([`store`]). What its entries
//! point to goes when its time is over, as the log itself says ([`log::retention`]).
//!
//! The feature `app`, on by default, brings the database and what serves; without it the
//! gate is built alone, and still reads an exported log, gathers facts and decides.
//!
//! ## A walk through a break-glass grant
//!
//! `countersign grant new` and `grant sign` write a signed note ([`log::grant`]), each with a key that the policy names. The job
//! that deploys while the app cannot be reached runs `grant use`: whose keys signed is read from the note, whether that opens
//! what goes is judged by the policy alone ([`decide::granted`]), and the use takes its place in a folder that all jobs share
//! ([`flow::grant`]) before the job goes on. What went is a fact later, and judged with all others ([`decide::glass`]).
//!
//! When the app is back it is told of that in a letter ([`log::letter`]), verifies the grant again by the policy's keys, and takes up what
//! went as an emergency, as of the instant at which it went ([`flow::app`]).
//!
//! ## A walk through a deployment of somebody else's
//!
//! `countersign deployed` tells the app how far a deployment is that no forge knows of ([`model::deployment_report`]), under its job's
//! token or in a letter. [`web::outside`] has either checked, [`flow::app::outside`] compares it with what the settings let this deployer tell,
//! and writes it down under a name of its own. Which decision let it in is then found by its content among those of the record; what
//! none did is a finding, and goes the way of what the forge let past. Afterwards it is a deployment like any other, but for its clock: when
//! it went is somebody's word, and where an earlier instant would open more, when it was heard of counts ([`store::deployed`]).
//!
//! ## A walk through a page
//!
//! Somebody who comes is sent to the forge, and comes back with a code ([`web::pages`]) that is
//! traded for what asks the forge what he may read ([`forge::Doorway`], [`flow::visits`]). A
//! release is then read out of the record as it stood at the moment that he names
//! ([`flow::sheet`]): the document that was written then, the facts beside it, the entries of
//! its timeline. Nothing is decided again. The page is rendered whole, every text from
//! elsewhere through [`report::neutral`], and looking at it changes nothing.
//!
//! ## A walk through an act on a page
//!
//! A form comes back to [`web::pages`] with the session's token and the digest of the decision that its person was shown; the
//! forge is asked who he is now. [`flow::app::acting`] compares that decision with the last one, tries what the act would come
//! to, and appends it, in a transaction that is refused where the release was decided again meanwhile ([`store::change`]).
//! Whoever decides the release next hands it to the forge with the question ([`forge::Question`]), who says what its
//! account is and puts it among what people did there; a decision that was made without it is refused by the record. What
//! meets an obligation need not wait for one: it is judged with the repository's changes ([`flow::app::talk`]), by the release that owes it.
//!
//! ## A walk through the demo
//!
//! `countersign demo` starts the app as `serve` does ([`cli`]), beside a [`sandbox`] of GitHub or GitLab on another port: a world of
//! people, commits and runs that is asked over REST and GraphQL by an App that proves itself, and tells it by signed deliveries
//! what happens. The walk acts in people's names at the sandbox and on the app's pages, as browsers do, hands in evidence by a gate
//! run of its own, and tells only what it saw there. The app's clock is handed to it ([`flow::app::clock`]): the demo's
//! goes ahead to a Friday and the Monday after, and `serve` knows none but the machine's.
//!
//! ## A walk through a message
//!
//! What people are told of a decision is made of it by [`decide::telling`]: to whom, and from when on. It leaves with the decision
//! like all that follows from it; what time adds, a reminder or the next one's turn, is made whenever the release is looked at again,
//! and recorded once for its key. [`flow::app`] claims messages in a lane of their own, [`report::message`] puts them into words in
//! which nothing from elsewhere is a link or a call, and [`flow::messages`] hands them to [`connect`]. What nobody takes is given up, and stands
//! on a page of [`web::pages`] until somebody who administers its repository has it sent again ([`flow::app`]). A policy names places, and whoever
//! runs the app their secrets; what a policy names is gone to by [`transport::abroad`] alone.
//!
//! ## A walk through the end of a quarter
//!
//! What falls due because a period ended is a document of its own ([`decide::due`]), for a release's decision changes with no
//! quarter. The app makes what is due once ([`flow::app::periods`]): the whole log is read and hashed as `log verify` does, what its entries
//! and their documents say of the period is laid out ([`flow::audit`]), and the tables ([`report::audit`]) are documents of one entry. Whoever
//! is to have them is told by a message, and takes them from a page, which is an entry before it is shown. `countersign report` makes
//! the same of any period. Who approved something is asked, once, which gates and items were worth their while; what
//! he answers is an entry, and a report like any other.
//!
//! ## A walk through an inspection
//!
//! `countersign doctor` reads the policy of each repository as the app does ([`flow`]), asks the forge how it protects what the policy
//! names ([`forge::inspection`]), and gets a [`model::posture`]: every value known, absent or unread. [`decide::posture`] makes findings
//! of it, an unread value being one, in the words of that forge ([`model::wording`]). What the App cannot do without is one list ([`forge::github::needs`]), which the manifest
//! states that it is made from ([`forge::github::manifest`]): the page of [`web`] that sets it up sends whoever started the app to
//! GitHub, and keeps what comes back.
//!
//! ## Invariants
//!
//! - A policy with any mistake judges nothing.
//! - A file that is not understood makes its gate indeterminate; measures of which
//!   a part is missing are no measures.
//! - Memory does not grow with an artifact: large files are mapped, entries are
//!   folded, lists are bounded.
//! - Text from artifacts reaches a surface only through [`report::neutral`].
//! - Nobody is shown what the forge did not say within the last minute that he may read.
//! - What holds once, holds once for all processes of one app: the record or what stands beside it ([`store::shared`]) sees to it.
//! - No delivery is answered before it is durable, and nothing opens an environment but
//!   the last decision of a release.
//! - No entry is acknowledged, and no checkpoint leaves, before the transaction
//!   that holds both is durable.
//! - The worst verdict wins, in one place: [`decide::gates::together`].

pub mod cli;
#[cfg(feature = "app")]
pub mod connect;
pub mod decide;
pub mod evidence;
pub mod flow;
pub mod forge;
pub mod log;
pub mod model;
pub mod policy;
pub mod report;
#[cfg(feature = "app")]
pub mod sandbox;
pub mod store;
pub mod transport;
#[cfg(feature = "app")]
pub mod web;
pub mod workspace;
