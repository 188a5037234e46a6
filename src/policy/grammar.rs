//! Every word of a policy: its form and what it means.
//!
//! Gates, environments, components and granted waivers are what the gate step
//! judges by. The other sections are for the decision about a release; their form
//! is checked here all the same, so that a slip is found before the day on which
//! it would matter.

use super::shape::{Form, Section, Shape, may, must};
use super::vocabulary::{EXPOSURES, KINDS, TIERS};
use crate::model::due::ReportKind;
use crate::model::period::Every;

const TEXT: Shape = Shape::Text(Form::Any);
const TEXTS: Shape = Shape::Texts(Form::Any);
const GLOBS: Shape = Shape::Texts(Form::Glob);
const EXPRESSION: Shape = Shape::Text(Form::Expression);
const DURATION: Shape = Shape::Text(Form::Duration);
const TERM: Shape = Shape::Text(Form::Term);
const INSTANT: Shape = Shape::Text(Form::Instant);
const ROLE_NAME: Shape = Shape::Text(Form::Name(Section::Roles));
const ROLE_NAMES: Shape = Shape::Texts(Form::Name(Section::Roles));
const GATE_NAME: Shape = Shape::Text(Form::Name(Section::Gates));
const ENVIRONMENT_NAME: Shape = Shape::Text(Form::Name(Section::Environments));
const ENVIRONMENT_NAMES: Shape = Shape::Texts(Form::Name(Section::Environments));
const COMPONENT_NAMES: Shape = Shape::Texts(Form::Name(Section::Components));
const FLAG: Shape = Shape::Flag;
const COUNT: Shape = Shape::Number(0.0, 1_000_000.0);
const STEPS: Shape = Shape::Number(1.0, 10.0);
const BOUND: Shape = Shape::Number(0.0, 10.0);
const SHARE: Shape = Shape::Number(0.0, 100.0);

/// The whole file.
pub const POLICY: Shape = Shape::Map(&[
    must("version", &Shape::Number(1.0, 1.0), "the version of this grammar, which is 1"),
    may(
        "layer",
        &Shape::Word(&["organisation", "group", "repository"]),
        "whose policy this is; an inner layer can only be stricter",
    ),
    may("extends", &PARENT, "the layer around this one, pinned by content"),
    may("delegate", &TEXTS, "what inner layers may state for themselves: `gates.coverage`, `roles.docs-owner`, `raci`"),
    may(
        "packs",
        &TEXTS,
        "built-in checklists of regulations: `sox`, `pci-dss`, `hipaa`, `soc2`, `iso27001`; `sox@1` pins a version",
    ),
    may("calendar", &CALENDAR, "business hours, holidays, closed hours, freezes, peaks and CAB meetings"),
    must("environments", &Shape::Named(&ENVIRONMENT), "where releases go"),
    may("components", &Shape::Named(&COMPONENT), "what is released"),
    may("packages", &Shape::Named(&PACKAGE), "components that are released together"),
    may("people", &Shape::Named(&PERSON), "people and their accounts"),
    may("identity", &Shape::Word(&["any", "linked"]), "whether only people who are named may approve"),
    may("roles", &Shape::Named(&ROLE), "who holds which role"),
    may("delegation", &DELEGATION, "how a role's holder may name a stand-in"),
    may("raci", &Shape::List(&RACI), "who is accountable, responsible, consulted and informed"),
    must("gates", &Shape::Named(&GATE), "conditions that a release must meet"),
    may("waivers", &WAIVERS, "who may let a release past a gate, and the waivers granted"),
    may("risk", &RISK, "how risk is scored"),
    may("classes", &Shape::Named(&CLASS), "what makes a release an emergency or a standard change"),
    may("standard_changes", &Shape::Named(&STANDARD_CHANGE), "changes that the CAB approved in advance"),
    may("routes", &Shape::Named(&ROUTE), "what each kind of release needs"),
    may("rigor", &RIGOR, "when more is asked"),
    may("change", &CHANGE, "the change record"),
    may("incidents", &INCIDENTS, "what an incident stops"),
    may("reviews", &REVIEWS, "reviews after a release"),
    may("notify", &NOTIFY, "where people are told"),
    may("monitor", &MONITOR, "where emergencies are marked"),
    may("rejection", &REJECTION, "what a rejection needs"),
    may("separation", &SEPARATION, "who may not approve what"),
    may("break_glass", &BREAK_GLASS, "how a release goes on while the app is down"),
    may("retry_within", &TERM, "how long an opened deployment may be retried"),
    may(
        "retention",
        &Shape::Named(&Shape::Either(&[Shape::Text(Form::Period), TEXTS])),
        "how long what a release was decided on has to be kept, which its decision says: `default`, and by the regulation of \
         its components, the longest of them; `legal_hold` names releases or components that are kept until it names them no \
         more. What is deleted, and when, the log's own settings say (`countersign log retention`)",
    ),
    may("experiments", &Shape::Named(&EXPERIMENT), "approval paths that are compared"),
    may(
        "survey",
        &SURVEY,
        "who is asked which gates and items of checklists are still worth their while, when a period ends",
    ),
    may("reports", &REPORTS, "what is made for those who audit when a period ends"),
    may("limits", &LIMITS, "how much the gate step reads"),
]);

const PARENT: Shape = Shape::Map(&[
    must("path", &TEXT, "the parent's file, relative to this one"),
    must("sha256", &Shape::Text(Form::Sha256), "the SHA-256 digest of the parent's bytes"),
]);

/// A gate. Of the first eight keys, which say what it judges, exactly one stands there.
const GATE: Shape = Shape::Map(&[
    may("junit", &GLOBS, "test results: JUnit XML, TRX or `go test -json`"),
    may("sarif", &GLOBS, "findings: SARIF"),
    may(
        "scan",
        &GLOBS,
        "findings and vulnerabilities: Trivy, Grype, Snyk, OSV-Scanner, GitLab security reports, SARIF",
    ),
    may("coverage", &GLOBS, "coverage: Cobertura, LCOV or JaCoCo"),
    may("load", &GLOBS, "load tests: k6, JMeter, Gatling or Locust"),
    may("sbom", &GLOBS, "bills of materials: CycloneDX or SPDX"),
    may("sigstore", &GLOBS, "Sigstore bundles over artifacts"),
    may("checklist", &TEXTS, "items that people tick"),
    may("require", &EXPRESSION, "what the measures must be"),
    may("first_release", &EXPRESSION, "what they must be where there is no baseline yet"),
    may("environments", &ENVIRONMENT_NAMES, "the environments that the gate guards; all when left out"),
    may("on", &COMPONENT_NAMES, "the components that the gate guards; all when left out"),
    may("missing", &Shape::Word(&["pending", "block"]), "what no evidence means; `pending` when left out"),
    may("max_age", &DURATION, "how old a report may be"),
    may(
        "same",
        &Shape::Word(&["artifact", "commit"]),
        "what a report must say it is about, itself or in a statement beside it",
    ),
    may(
        "from",
        &TEXT,
        "the pipeline that makes the evidence, where it is another, such as `acme/perf//nightly.yml`; with `@` and its ref \
         behind it where it is called from another repository or another ref",
    ),
    may("verified_by", &ROLE_NAME, "the role that verifies the gate"),
    may(
        "keep",
        &Shape::Text(Form::Period),
        "how long the evidence has to be kept, which decisions say where it is longer than the record",
    ),
    may("artifact", &GLOBS, "the signed artifacts, where they do not stand beside their bundles"),
    may(
        "identity",
        &TEXT,
        "the signer's identity; one `*` stands for a part without `/` and `@`, and `{repository}` for the job's own",
    ),
    may("issuer", &TEXT, "who vouches for the signer's identity"),
    may("key", &TEXT, "a public key in PEM, for bundles that are signed by a key"),
    may("builder", &TEXT, "the builder that provenance must name"),
    may("source", &TEXT, "the repository that provenance must name"),
    may("predicate", &TEXT, "the type of statement that must be signed"),
    may("trusted_root", &TEXT, "a trusted root to verify against, relative to the policy"),
    may("ticked_in", &GLOBS, "the files in which a checklist is ticked"),
    may("describe", &TEXT, "what the gate is for, for the people who meet it"),
]);

const ENVIRONMENT: Shape = Shape::Map(&[
    must("approval", &APPROVAL, "whether a release is approved formally or goes on by itself"),
    may("branches", &GLOBS, "the branches that may be released here"),
    may("tags", &GLOBS, "the tags that may be released here"),
    may("from", &ENVIRONMENT_NAME, "the environment that a release comes from"),
    may("same", &Shape::Word(&["artifact", "commit"]), "what must be the same as there"),
    may("soak", &DURATION, "how long it must have run there"),
    may("deployed_by", &TEXTS, "what deploys here"),
]);

const AUTOMATIC: Shape = Shape::Word(&["automatic", "formal"]);
const APPROVAL: Shape = Shape::Either(&[
    AUTOMATIC,
    Shape::Map(&[
        must("when", &EXPRESSION, "the condition"),
        must("then", &AUTOMATIC, "where it holds"),
        must("else", &AUTOMATIC, "where it does not"),
    ]),
]);

const COMPONENT: Shape = Shape::Map(&[
    must("paths", &GLOBS, "the files that it is made of"),
    may(
        "repository",
        &TEXT,
        "the only repository that has it, with its forge: `github:acme/api`, `gitlab:acme/web`; any that the policy is for when left \
         out. The parts of a package that lie in several repositories are found by it",
    ),
    may("kind", &Shape::Word(&KINDS), "what it is"),
    may("tier", &Shape::Word(&TIERS), "how much hangs on it"),
    may("exposure", &Shape::Word(&EXPOSURES), "who meets it"),
    may("regulations", &TEXTS, "the regulations that it is under"),
    may("vendors", &TEXTS, "the third parties that it depends on"),
    may("team", &TEXT, "the team that makes it"),
]);

const PACKAGE: Shape = Shape::Map(&[
    must("components", &COMPONENT_NAMES, "what is released together"),
    may("order", &COMPONENT_NAMES, "in which order"),
    may("change", &Shape::Word(&["one", "each"]), "whether one change record covers all"),
]);

const PERSON: Shape = Shape::Map(&[
    may("github", &TEXTS, "accounts on GitHub"),
    may("gitlab", &TEXTS, "accounts on GitLab"),
    may("oidc", &TEXTS, "identities of an OpenID provider"),
    may("email", &TEXTS, "the addresses at which the person is told what is asked of him"),
    may("slack", &TEXTS, "the member ids by which Slack tells the person, such as `U024BE7LH`"),
    may(
        "away",
        &Shape::List(&Shape::Map(&[
            must("from", &INSTANT, "when it begins"),
            must("to", &INSTANT, "when it ends; that instant is outside"),
        ])),
        "when the person is not there",
    ),
]);

const ROLE: Shape = Shape::Map(&[
    must(
        "members",
        &TEXTS,
        "who holds it: `user:dana` is the `dana` of `people`, and where `people` has no such name the account `dana` of the forge that the release is on; `github:dana-h` is an account; `github:@acme/infra`, `gitlab:acme/leads` and `group:internal-audit` are groups",
    ),
    may("fallback", &ROLE_NAME, "the role that stands in"),
    may("after", &TERM, "after how long without an answer"),
    may(
        "calendar",
        &Shape::Map(&[
            may("hours", &TEXT, "the role's own hours"),
            may("timezone", &TEXT, "the zone that these hours are in"),
        ]),
        "when it works",
    ),
    may("accept", &TEXT, "what its holder declares with an approval"),
    may("may", &Shape::Words(&["read", "approve"]), "what it is allowed"),
]);

const DELEGATION: Shape = Shape::Map(&[
    may(
        "within",
        &Shape::Word(&["role", "none"]),
        "from whom a holder may choose a stand-in: those of the same `role`, or `none`",
    ),
    may("max", &TERM, "for how long at most; `14d` when left out"),
]);

const RACI: Shape = Shape::Map(&[
    may("on", &TEXT, "a component, or a condition on one"),
    may("when", &EXPRESSION, "a condition on the release"),
    may("accountable", &ROLE_NAME, "the one role that answers for it"),
    may("responsible", &TEXTS, "who carries it out"),
    may(
        "consulted",
        &Shape::Either(&[
            ROLE_NAMES,
            Shape::Map(&[
                must("role", &ROLE_NAME, "who is asked"),
                may("wait", &TERM, "for how long at most; `1bd` when left out"),
            ]),
        ]),
        "who is asked",
    ),
    may("informed", &ROLE_NAMES, "who is told"),
    may("representation", &ROLE_NAMES, "roles that different people must fill"),
]);

const CALENDAR: Shape = Shape::Map(&[
    may("timezone", &TEXT, "the zone in which the policy's times are"),
    may(
        "business_hours",
        &TEXT,
        "when people work, as OpenStreetMap writes it: what `4bh` and `5bd` count by; it closes nothing, see `closed`",
    ),
    may("holidays", &TEXTS, "iCalendar files or countries"),
    may(
        "closed",
        &Shape::Named(&Shape::Map(&[
            must("hours", &TEXT, "which hours, as OpenStreetMap writes them"),
            may("environments", &ENVIRONMENT_NAMES, "in which environments; in all when left out"),
            may("stops", &Shape::Words(&["approval", "deployment"]), "what they stop; both when left out"),
        ])),
        "hours at which nothing goes",
    ),
    may(
        "freeze",
        &Shape::Named(&Shape::Map(&[
            must("from", &INSTANT, "when it begins"),
            must("to", &INSTANT, "when it ends; that instant is outside"),
            may("environments", &ENVIRONMENT_NAMES, "in which environments; in all when left out"),
            may("except", &TEXTS, "the classes and routes that go all the same, and `recovery`"),
            may("exceptions_by", &ROLE_NAME, "who may grant exceptions"),
        ])),
        "times at which nothing goes",
    ),
    may(
        "peak",
        &Shape::Named(&Shape::Map(&[
            must("from", &INSTANT, "when it begins"),
            must("to", &INSTANT, "when it ends; that instant is outside"),
            may("rigor", &STEPS, "how many steps more"),
        ])),
        "times at which more is asked",
    ),
    may(
        "cab",
        &Shape::Map(&[
            must("meetings", &TEXT, "an RFC 5545 rule, or a feed"),
            may("cutoff", &TERM, "how long before a meeting its agenda closes"),
            may("chair", &ROLE_NAME, "the role that chairs it"),
            may("quorum", &COUNT, "how many must be there"),
            may(
                "votes",
                &Shape::Word(&["meeting", "anytime"]),
                "whether it decides in meetings only, or by a vote at any time as well; `meeting` when left out",
            ),
        ]),
        "the change advisory board's meetings; its members are who holds the role `cab`",
    ),
]);

const WAIVERS: Shape = Shape::Map(&[
    may("by", &ROLE_NAMES, "the roles that may grant one"),
    may("max", &DURATION, "for how long at most"),
    may("needs", &Shape::Words(&["reason", "compensating_control"]), "what must be written down"),
    may(
        "granted",
        &Shape::List(&Shape::Map(&[
            must("gate", &GATE_NAME, "the gate that it lets a release past"),
            may("environments", &ENVIRONMENT_NAMES, "where; everywhere when left out"),
            may("reason", &TEXT, "why it is granted"),
            may("compensating_control", &TEXT, "what guards instead"),
            may("when", &EXPRESSION, "of which releases; one with a condition counts in `decide` alone"),
            must("by", &TEXT, "who granted it; none of a release that he had a hand in"),
            must("from", &INSTANT, "from when, with its zone"),
            must("until", &INSTANT, "until when, with its zone; that instant is outside"),
        ])),
        "waivers in force, which count only when the policy is read from a protected ref",
    ),
]);

const RISK: Shape = Shape::Map(&[
    may("weights", &Shape::Named(&Shape::Either(&[Shape::Number(-1000.0, 1000.0), EXPRESSION])), "what adds how much"),
    may(
        "impact",
        &Shape::Map(&[may("high", &COUNT, "from this score"), may("medium", &COUNT, "from this score")]),
        "from which score on the impact is high, or medium",
    ),
]);

const CLASS: Shape = Shape::Map(&[
    may("when", &EXPRESSION, "the facts that make it one"),
    may("models", &Shape::Texts(Form::Name(Section::StandardChanges)), "the standard changes that it may be"),
]);

const STANDARD_CHANGE: Shape = Shape::Map(&[
    must("when", &EXPRESSION, "its scope: which releases are of this model"),
    may("owner", &ROLE_NAME, "the role that owns it; needed"),
    may(
        "approved_by",
        &ROLE_NAME,
        "the role that approves it; of `cab`, as many members as its quorum. Who had a hand in the release does not count",
    ),
    may("expires", &TERM, "for how long an approval lasts; needed"),
    may("suspend_after", &TEXT, "how many failures suspend it, as `2 failures`; one unless it says otherwise"),
]);

const ESCALATE: Shape = Shape::Map(&[
    may("undecided_after", &TERM, "after how long"),
    may("to", &ROLE_NAMES, "who is asked next"),
    may("final", &ROLE_NAME, "whose word is final"),
]);

const ROUTE: Shape = Shape::Map(&[
    may("when", &EXPRESSION, "which releases take it"),
    may("to", &Shape::Word(&["last_good"]), "where it leads"),
    may(
        "hours",
        &Shape::Word(&["any", "open"]),
        "`open`: closed hours stop it (also when left out); `any`: they do not",
    ),
    may("approval", &AUTOMATIC, "whether it goes on by itself"),
    may(
        "approvals",
        &Shape::Named(&Shape::Either(&[COUNT, TEXTS])),
        "how many approvals of which role, `accountable` for the component's own; `expire`: how long one lasts; `counts_from`: `environment`, `command`, `page`, `review`, `chat`, `change_record`, `console`; all but `review` when left out",
    ),
    may(
        "cab",
        &Shape::Map(&[may("when", &EXPRESSION, "when the CAB reviews it")]),
        "that the CAB, which is who holds the role `cab`, decides as well, in the meetings of `calendar.cab`; `{}` for every release of the route",
    ),
    may("escalate", &ESCALATE, "what happens when nobody decides"),
    may("may_skip", &Shape::Texts(Form::Name(Section::Gates)), "gates that it may leave out"),
    may(
        "then",
        &Shape::Named(&Shape::Map(&[
            must("by", &ROLE_NAME, "the role that does it"),
            must("within", &TERM, "in which time"),
            may("needs", &TEXTS, "what it takes to be done, such as `evidence`"),
        ])),
        "what must follow",
    ),
]);

const RIGOR: Shape = Shape::Map(&[
    may("max", &BOUND, "how many steps at most"),
    may("routes", &Shape::Texts(Form::Name(Section::Routes)), "which routes it touches"),
    may(
        "incidents_within",
        &DURATION,
        "in which time after a deployment an incident that is linked to it makes it a failure; whenever it began when left out",
    ),
    may(
        "steps",
        &Shape::List(&Shape::Map(&[
            must("when", &EXPRESSION, "when it begins"),
            may("until", &EXPRESSION, "when it ends"),
            may("sample", &COUNT, "how many releases it needs to judge by"),
        ])),
        "what adds a step",
    ),
]);

const CHANGE: Shape = Shape::Map(&[
    may("system", &TEXT, "where change records are; `issues`, the issues of the repository, when left out"),
    may(
        "repository",
        &TEXT,
        "the repository whose issues they are, as `acme/changes`, for releases of several; the release's own when left out",
    ),
    may("needs", &TEXTS, "what a record must hold"),
    may("proceeds_in", &TEXTS, "the states in which a release may go"),
    may("create", &FLAG, "whether the app creates it, where records are issues"),
    may("one_for", &Shape::Word(&["package", "release", "component"]), "what one record covers"),
]);

const INCIDENTS: Shape = Shape::Map(&[
    may("system", &TEXT, "where incidents are; `issues`, those of a repository, when left out"),
    may("label", &TEXT, "the label that makes an issue an incident; `incident` when left out"),
    may(
        "repository",
        &TEXT,
        "the repository whose issues they are, as `acme/operations`; the release's own when left out",
    ),
    may("severity", &Shape::Named(&COUNT), "its words for severity, as numbers"),
    may("block_at", &COUNT, "from which severity on"),
    may("blocks", &Shape::Word(&["affected_components", "everything"]), "what it stops"),
    may("unless", &EXPRESSION, "which releases they do not stop"),
    may("confirmed_by", &ROLE_NAME, "the role that confirms a fix"),
]);

const REVIEWS: Shape = Shape::Map(&[
    may(
        "pir",
        &Shape::Map(&[
            may("when", &EXPRESSION, "when one is due"),
            may("by", &ROLE_NAME, "the role that does it"),
            may("within", &TERM, "in which time"),
            may("blocks", &Shape::Word(&["team", "component", "nothing"]), "what waits for it; nothing when left out"),
            may(
                "holds_while",
                &Shape::Word(&["open", "overdue"]),
                "whether it is waited for from the start, or only once it is overdue; `open` when left out",
            ),
        ]),
        "the post-implementation review",
    ),
    may(
        "board",
        &Shape::Map(&[
            may("when", &EXPRESSION, "of which deployments it is told"),
            may("notify", &TEXTS, "where it is told: places as under `notify`"),
        ]),
        "the incident review board",
    ),
]);

const NOTIFY: Shape = Shape::Map(&[
    may("slack", &TEXTS, "channels, such as `#releases`"),
    may("teams", &TEXTS, "nobody is told there yet"),
    may("email", &TEXTS, "addresses that letters go to"),
    may("webhook", &TEXTS, "addresses that a signed message is posted to; the app must know a secret for each"),
    may("remind_after", &TERM, "after how long whoever is asked is reminded, in his open hours; never when left out"),
    may(
        "escalate_after",
        &TERM,
        "after how long the next one is told: those whom the route escalates to, in their order; never when left out",
    ),
]);

const MONITOR: Shape = Shape::Map(&[may(
    "emergencies",
    &TEXTS,
    "where it is told that a release goes as an emergency: places as under `notify`, written as `slack:#operations` or \
     `webhook:https://…`; of a system that is only named, such as `grafana`, the decision says that it is to be told, and \
     nothing reaches it yet",
)]);
const REJECTION: Shape = Shape::Map(&[
    may("reason", &COUNT, "characters that a reason has at least, after normalisation; 1 when left out"),
    may("holds", &TERM, "how long one without a reason holds while it is asked for; `1bh` when left out"),
]);

const SEPARATION: Shape = Shape::Map(&[
    may("exclude", &Shape::Words(&["author", "committer", "co_author", "pusher", "trigger"]), "who may not approve"),
    may("per", &Shape::Word(&["release", "change"]), "counted over what"),
    may("distinct_people", &FLAG, "whether one person counts once"),
    may("bots", &Shape::Word(&["never"]), "whether a bot's approval counts"),
]);

const BREAK_GLASS: Shape = Shape::Map(&[
    may("grant_by", &ROLE_NAMES, "the roles that may grant it"),
    may("people", &COUNT, "how many people it takes"),
    may("releases", &COUNT, "for how many releases"),
    may("expires", &TERM, "after how long it ends"),
    may(
        "keys",
        &Shape::Keyed(&TEXT),
        "the key with which each account signs grants offline: `github:noor: noor.acme.example+1a2b3c4d+AZ…`, as \
         `countersign grant key` prints it",
    ),
]);

const EXPERIMENT: Shape = Shape::Map(&[
    must("on", &EXPRESSION, "which components"),
    may("split", &SHARE, "percent that take the other path"),
    may("b", &Shape::Map(&[may("approval", &AUTOMATIC, "the other path")]), "the other path"),
    may("stop_if", &EXPRESSION, "when it ends"),
    may("sample", &COUNT, "how many releases it needs"),
]);

const EVERY: Shape = Shape::Word(&Every::WORDS);
const SURVEY: Shape = Shape::Map(&[
    must("every", &EVERY, "how often: when each calendar week, month, quarter or year ends in the zone of `calendar`"),
    must("ask", &TEXTS, "whom: `approvers`, who approved something in the period, or roles"),
]);
const REPORTS: Shape = Shape::Map(&[
    must("every", &EVERY, "how often: when each calendar week, month, quarter or year ends in the zone of `calendar`"),
    must("to", &ROLE_NAMES, "the roles that are told where they are"),
    must(
        "kinds",
        &Shape::Words(&ReportKind::WORDS),
        "which: what was deployed and by which decision, what went otherwise than by the plain rule, emergencies by team, who \
         holds which role, and what a survey was answered",
    ),
]);

const LIMITS: Shape = Shape::Map(&[
    may("files", &Shape::Number(1.0, 1_000_000.0), "files that one gate reads at most; 10,000 when left out"),
    may(
        "entries",
        &Shape::Number(1.0, 100_000_000.0),
        "entries of the artifact folders that are looked at; 1,000,000 when left out",
    ),
    may("bytes", &Shape::Number(1.0, 1.0e13), "bytes of one file at most; 4 GiB when left out"),
    may(
        "depth",
        &Shape::Number(128.0, 4_096.0),
        "values inside one another in JSON, elements inside one another in XML; 512 when left out",
    ),
    may(
        "text",
        &Shape::Number(1_024.0, 67_108_864.0),
        "bytes of one text in JSON, of one opening tag in XML, of one line or row; 1,048,576 when left out",
    ),
    may("keys", &Shape::Number(100.0, 10_000_000.0), "keys of one object in JSON; 100,000 when left out"),
    may(
        "names",
        &Shape::Number(10.0, 1_000_000.0),
        "names of one list that a requirement can speak of: failing tests, rules, vulnerabilities, licences, suppliers, components; 10,000 when left out",
    ),
    may(
        "tests",
        &Shape::Number(100.0, 10_000_000.0),
        "packages, open tests and failed tests of `go test -json` together; 250,000 when left out",
    ),
    may("rules", &Shape::Number(100.0, 1_000_000.0), "rules of one SARIF run; 50,000 when left out"),
    may(
        "vulnerabilities",
        &Shape::Number(100.0, 10_000_000.0),
        "different vulnerabilities of one Snyk project; 100,000 when left out",
    ),
    may(
        "advisories",
        &Shape::Number(10.0, 1_000_000.0),
        "advisories of one package in OSV-Scanner's report; 10,000 when left out",
    ),
    may(
        "licences",
        &Shape::Number(10.0, 100_000.0),
        "licences of one component of an SBOM, and of one relationship of SPDX 3.0; 1,000 when left out",
    ),
    may(
        "escapes",
        &Shape::Number(1_024.0, 1_073_741_824.0),
        "bytes of the names and licences of one SPDX 3.0 document that are written with escapes; 4,194,304 when left out",
    ),
]);
