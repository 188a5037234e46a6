//! The description of what programs ask the app for over HTTP, as OpenAPI 3.1 has it: served at `/openapi.json`, and printed
//! by `countersign schema api`. A test compares it with the routes that there are.
//!
//! What only browsers use – the pages and their forms – is named, and no more than that.

use std::sync::LazyLock;

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Map, Value, json};

use crate::flow::submission::{FILE, FILES, MEDIA};
use crate::flow::{deployment, grant_report};

/// Where the description is served.
pub fn router() -> Router {
    Router::new().route("/openapi.json", get(described))
}

async fn described() -> Response {
    // Made once: whoever asks for it often costs nobody else anything.
    static TEXT: LazyLock<Bytes> = LazyLock::new(|| text().into());
    (StatusCode::OK, [(CONTENT_TYPE, "application/json")], TEXT.clone()).into_response()
}

/// The description as it is served and printed.
#[must_use]
pub fn text() -> String {
    // What serialises always: keys are texts.
    format!("{}\n", serde_json::to_string_pretty(&description()).unwrap_or_default())
}

/// The description.
#[must_use]
pub fn description() -> Value {
    let mut paths = Map::new();
    for (path, item) in [evidence(), told(), read_only(), log(), browsers()].into_iter().flatten() {
        paths.insert(path.to_owned(), item);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Countersign",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Release approval as code",
            "description": "What `countersign serve` answers to programs. Errors are one sentence of plain text that says what \
                            was expected; 429 and 503 pass, and are tried again.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "tags": [
            { "name": "evidence", "description": "What jobs of a pipeline hand in." },
            { "name": "decision", "description": "Whether a release may go." },
            { "name": "outside", "description": "What others tell who deploy." },
            { "name": "forge", "description": "What a forge delivers." },
            { "name": "health", "description": "How the app is." },
            { "name": "log", "description": "The record's log as files, served by `countersign log serve`." },
            { "name": "pages", "description": "What people look at, once the forge has said who they are." },
        ],
        "paths": paths,
        "components": { "schemas": schemas(), "securitySchemes": {
            "job": {
                "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                "description": "An OpenID Connect token of a job of GitHub Actions or GitLab, issued for this app's address. One of GitHub is shown once; one of GitLab counts while its job runs.",
            },
            "session": { "type": "apiKey", "in": "cookie", "name": "session", "description": "Somebody who has logged in through the forge." },
        } },
    })
}

type Paths = Vec<(&'static str, Value)>;

/// A part of a schema by its name.
fn of(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn body(media: &str, schema: &Value) -> Value {
    json!({ "required": true, "content": { media: { "schema": schema } } })
}

fn answers(description: &str, media: &str, schema: &Value) -> Value {
    json!({ "description": description, "content": { media: { "schema": schema } } })
}

/// One refusal by each of these statuses.
fn refusals(statuses: &[u16]) -> Map<String, Value> {
    let meaning = |status: u16| match status {
        400 => "something in it has not its form",
        401 => "nobody who is known here has proven that it is his",
        403 => "he may not say or ask this",
        404 => "it is not there, or not taken here",
        408 => "it did not arrive in time",
        409 => "it does not fit what is there",
        410 => "it is not kept any more",
        413 => "it is too long",
        415 => "it is compressed; send it as it is",
        422 => "its bytes are not those that it lists",
        429 => "too much is asked; try again later",
        _ => "it is not taken or answered now; try again",
    };
    let refusal = |status: &u16| {
        let text = answers(meaning(*status), "text/plain", &json!({ "type": "string" }));
        (status.to_string(), text)
    };
    statuses.iter().map(refusal).collect()
}

/// What may be answered: this with 200, and these refusals.
fn responses(success: Value, statuses: &[u16]) -> Value {
    let mut all = refusals(statuses);
    all.insert("200".to_owned(), success);
    Value::Object(all)
}

const OF_A_JOB: &[u16] = &[400, 401, 403, 404, 408, 413, 415, 503];

fn evidence() -> Paths {
    let job = json!([{ "job": [] }]);
    let taken = |statuses: &[u16]| {
        let all: Vec<u16> = OF_A_JOB.iter().chain(statuses).copied().collect();
        responses(answers("What became of it.", "application/json", &of("Taken")), &all)
    };
    let asks = |name: &str| {
        json!({ "name": name, "in": "query", "required": name == "environment",
            "schema": { "type": "string", "minLength": 1, "maxLength": 255 } })
    };
    vec![
        (
            "/evidence/wanted",
            json!({ "post": {
            "tags": ["evidence"], "operationId": "wantedEvidence", "security": job,
            "summary": "Ask which of these files are wanted: those whose bytes the repository has not submitted before",
            "requestBody": body("application/json", &of("Manifest")), "responses": taken(&[422]),
        } }),
        ),
        (
            "/evidence",
            json!({ "post": {
            "tags": ["evidence"], "operationId": "submitEvidence", "security": job,
            "summary": "Submit files: the manifest on the first line, and behind it their bytes, in its order",
            "requestBody": body(MEDIA, &json!({ "type": "string", "contentEncoding": "binary" })),
            "responses": taken(&[422]),
        } }),
        ),
        (
            "/evidence/closed",
            json!({ "post": {
            "tags": ["evidence"], "operationId": "closeEvidence", "security": job,
            "summary": "Close a submission with the list of all its files; none of them counts before",
            "requestBody": body("application/json", &of("Manifest")), "responses": taken(&[409]),
        } }),
        ),
        (
            "/decision",
            json!({ "get": {
            "tags": ["decision"], "operationId": "askDecision", "security": job,
            "summary": "Ask whether the commit of this job's run may go into an environment",
            "parameters": [asks("environment"), asks("commit")],
            "responses": responses(
                answers("The decision.", "application/json", &of("Decision")),
                &[400, 401, 403, 404, 415, 429, 503],
            ),
        } }),
        ),
    ]
}

/// What may be told by a job with its token, in JSON, or by anybody in a letter of his.
fn told() -> Paths {
    let either = json!([{ "job": [] }, {}]);
    let bodies = |schema: &str| {
        json!({ "required": true, "content": {
            "application/json": { "schema": of(schema) },
            "text/plain": { "schema": of("Letter") },
        } })
    };
    let statuses: &[u16] = &[400, 401, 403, 404, 408, 409, 413, 415, 429, 503];
    vec![
        (
            "/deployments",
            json!({ "post": {
            "tags": ["outside"], "operationId": "reportDeployment", "security": either,
            "summary": "Say how far a deployment is that the forge does not know of",
            "description": format!("In JSON under the token of a job that names the environment, or in a letter whose first line is \
                            `countersign deployment report v1`, signed with a key that the settings name. At most {} bytes. \
                            Told twice, it is told once.", deployment::LENGTH),
            "requestBody": bodies("DeploymentReport"),
            "responses": responses(answers("It is in the record.", "application/json", &of("Told")), statuses),
        } }),
        ),
        (
            "/grants",
            json!({ "post": {
            "tags": ["outside"], "operationId": "reportGrant", "security": either,
            "summary": "Say that a break-glass grant was used while the app could not be reached",
            "description": format!("In JSON under the token of a job that names the environment, or in a letter whose first line is \
                            `countersign grant report v1`, signed with a key that may sign grants or that the settings name. \
                            At most {} bytes.", grant_report::LENGTH),
            "requestBody": bodies("GrantReport"),
            "responses": responses(answers("What each use came to.", "application/json", &of("Granted")), statuses),
        } }),
        ),
    ]
}

fn read_only() -> Paths {
    let plain = |says: &str| answers(says, "text/plain", &json!({ "type": "string" }));
    let get = |id: &str, summary: &str, responses: Value| json!({ "get": { "tags": ["health"], "operationId": id, "summary": summary, "security": [], "responses": responses } });
    let taken = || plain("It is durable, or of no concern here.");
    let mut delivered = refusals(&[400, 401, 408, 409, 413, 503]);
    delivered.insert("202".to_owned(), taken());
    // There a fault would count against the hook, which is disabled after four.
    let mut by_gitlab = refusals(&[401, 408, 413, 503]);
    by_gitlab.insert("202".to_owned(), taken());
    let headers = ["X-Hub-Signature-256", "X-GitHub-Delivery", "X-GitHub-Event"];
    let headers =
        headers.map(|name| json!({ "name": name, "in": "header", "required": true, "schema": { "type": "string" } }));
    let shown = ["X-Gitlab-Token", "Idempotency-Key", "webhook-id", "webhook-timestamp", "webhook-signature"];
    let shown =
        shown.map(|name| json!({ "name": name, "in": "header", "required": false, "schema": { "type": "string" } }));
    vec![
        (
            "/healthz",
            get("health", "Whether the record can be read", responses(plain("The record can be read."), &[503])),
        ),
        (
            "/readyz",
            get(
                "ready",
                "Whether every repository was read too",
                responses(plain("Every repository was read."), &[503]),
            ),
        ),
        (
            "/metrics",
            get("metrics", "What is counted, in the text format of Prometheus", responses(plain("The counts."), &[])),
        ),
        (
            "/openapi.json",
            get(
                "described",
                "This description",
                responses(
                    answers("The description, as OpenAPI 3.1.", "application/json", &json!({ "type": "object" })),
                    &[],
                ),
            ),
        ),
        (
            "/hooks/github",
            json!({ "post": {
            "tags": ["forge"], "operationId": "deliver", "security": [],
            "summary": "Where GitHub delivers; every delivery is verified by its signature over the raw bytes",
            "parameters": headers,
            "requestBody": body("application/json", &json!({ "type": "object" })),
            "responses": delivered,
        } }),
        ),
        (
            "/hooks/gitlab",
            json!({ "post": {
            "tags": ["forge"], "operationId": "deliverFromGitlab", "security": [],
            "summary": "Where GitLab delivers, to an app that serves it; every delivery shows the hook's secret token or is signed with its key",
            "parameters": shown,
            "requestBody": body("application/json", &json!({ "type": "object" })),
            "responses": by_gitlab,
        } }),
        ),
    ]
}

fn log() -> Paths {
    let served = json!([{ "url": "/", "description": "of `countersign log serve`" }]);
    let file = |id: &str, summary: &str, media: &str, parameters: Value| {
        json!({ "servers": served, "get": {
            "tags": ["log"], "operationId": id, "summary": summary, "security": [], "parameters": parameters,
            "responses": responses(answers("The file.", media, &json!({ "type": "string" })), &[404, 503]),
        } })
    };
    let path = json!([{ "name": "path", "in": "path", "required": true, "schema": { "type": "string" },
        "description": "`LEVEL/NUMBER` of a tile, or `entries/NUMBER` of a bundle, as C2SP's `tlog-tiles` writes them" }]);
    vec![
        ("/checkpoint", file("checkpoint", "The newest signed checkpoint", "text/plain", json!([]))),
        ("/key-rotations", file("keyRotations", "How the log's keys follow one another", "text/plain", json!([]))),
        (
            "/tile/{path}",
            file("tile", "A tile of the log, or a bundle of its entries", "application/octet-stream", path),
        ),
    ]
}

fn browsers() -> Paths {
    let asks = |name: &str, required: bool| json!({ "name": name, "in": "query", "required": required, "schema": { "type": "string" } });
    let release = || [asks("repository", true), asks("release", true), asks("environment", true), asks("at", false)];
    let page = |id: &str, summary: &str, parameters: Value| {
        json!({ "get": { "tags": ["pages"], "operationId": id, "summary": summary, "security": [{ "session": [] }],
            "parameters": parameters,
            "responses": responses(answers("A page.", "text/html", &json!({ "type": "string" })), &[400, 403, 404, 503]) } })
    };
    // What these answer is a page, or the way to one.
    let form = |id: &str, summary: &str| {
        let mut all = Map::new();
        all.insert(
            "default".to_owned(),
            answers("A page, or the way to one.", "text/html", &json!({ "type": "string" })),
        );
        json!({ "tags": ["pages"], "operationId": id, "summary": summary, "security": [{ "session": [] }], "responses": all })
    };
    vec![
        (
            "/",
            page(
                "releases",
                "All releases that somebody may see",
                json!([asks("repository", false), asks("before", false)]),
            ),
        ),
        ("/release", page("release", "A release, as it stands or stood", json!(release()))),
        (
            "/receipt",
            json!({ "get": {
            "tags": ["decision"], "operationId": "receipt", "security": [{ "session": [] }], "parameters": release(),
            "summary": "The receipt of the decision that stood at a moment, which `countersign verify` reads",
            "responses": responses(
                answers("The receipt.", "application/json", &json!({ "type": "object" })), &[400, 403, 404, 410, 503],
            ),
        } }),
        ),
        ("/act", json!({ "post": form("act", "What somebody does on the page of a release, by a form of it") })),
        (
            "/given-up",
            page(
                "givenUp",
                "What was given up in the repositories that somebody administers",
                json!([asks("again", false)]),
            ),
        ),
        (
            "/agendas",
            page(
                "agendas",
                "The agendas of the board: the meetings that come, what stands on each, and what was decided",
                json!([asks("repository", false)]),
            ),
        ),
        (
            "/reports",
            page(
                "reports",
                "The reports of a repository that were made when periods ended; without one, the repositories that somebody may read",
                json!([asks("repository", false)]),
            ),
        ),
        (
            "/report",
            json!({ "post": form("report", "Somebody takes a document of a report, which is recorded first") }),
        ),
        (
            "/survey",
            page(
                "survey",
                "The survey of a period: which gates and items of checklists held how many releases",
                json!([asks("repository", true), asks("period", true)]),
            ),
        ),
        ("/answer", json!({ "post": form("answer", "Somebody answers a survey, once") })),
        ("/again", json!({ "post": form("again", "Somebody has something tried again that was given up") })),
        ("/login", json!({ "get": form("login", "The way to the forge, which says who somebody is") })),
        (
            "/login/back",
            json!({ "get": form("loggedIn", "The way back from there; from GitLab, where the app serves both forges, to `/login/back/gitlab`") }),
        ),
        ("/logout", json!({ "post": form("logout", "The end of a session") })),
        ("/style.css", json!({ "get": form("style", "How pages look") })),
    ]
}

/// The forms of what is sent and answered.
fn schemas() -> Value {
    let hex = |digits: &str| json!({ "type": "string", "pattern": format!("^[0-9a-fA-F]{digits}$") });
    let name = json!({ "type": "string", "minLength": 1, "maxLength": 255 });
    let number = json!({ "type": "integer", "minimum": 0 });
    let commit = json!({ "type": "string", "pattern": "^([0-9a-fA-F]{40}|[0-9a-fA-F]{64})$" });
    let instant = json!({ "type": "string", "format": "date-time" });
    let text = json!({ "type": "string" });
    let object = |needed: &[&str], properties: Value| json!({ "type": "object", "required": needed, "properties": properties, "additionalProperties": false });
    let list = |items: &Value, most: usize| json!({ "type": "array", "items": items, "maxItems": most });
    json!({
        "Listed": object(&["path", "sha256", "size"], json!({
            "path": { "type": "string", "maxLength": 1000, "description": "below the artifact folder, with `/` between its parts" },
            "sha256": { "type": "string", "pattern": "^[0-9a-f]{64}$" },
            "size": { "type": "integer", "minimum": 0, "maximum": FILE, "description": "its length in bytes" },
        })),
        "Manifest": object(&["run", "attempt", "commit", "files"], json!({
            "run": number, "attempt": number, "commit": commit,
            "files": { "type": "array", "items": of("Listed"),
                "description": format!("at most {FILES} at once; one that closes a submission lists all of its files") },
        })),
        "Taken": object(&["recorded", "before", "wanted"], json!({
            "recorded": number, "before": number, "wanted": { "type": "array", "items": hex("{64}") },
        })),
        "Decision": object(&["environment", "commit", "decision", "summary"], json!({
            "environment": text, "commit": commit, "summary": text,
            "decision": { "type": "string", "enum": ["proceed", "hold", "reject", "unknown"] },
            "id": { "type": "string", "pattern": "^[0-9a-f]{64}$",
                "description": "what the decision is called: SHA-256 of its document in the record; left out where nothing was decided" },
            "entry": { "type": "integer", "minimum": 0, "description": "the number of its entry in the record" },
        })),
        "Letter": { "type": "string", "description": "A C2SP signed note: the first line says what it is, then follows the JSON \
            document, a blank line, and signatures, each `— NAME BASE64`." },
        "DeploymentReport": object(&["to", "repository", "environment", "status", "url", "at"], json!({
            "to": { "type": "string", "description": "this app, by its address without a path" },
            "repository": name, "environment": name, "components": list(&name, 100), "commit": commit,
            "digest": { "type": "string", "pattern": "^sha256:[0-9a-fA-F]{64}$", "description": "the artifact that went" },
            "status": { "type": "string", "enum": ["started", "succeeded", "failed"] },
            "url": { "type": "string", "maxLength": 1000, "description": "of this deployment and of no other" },
            "at": instant,
        })),
        "Told": object(&["deployment", "state", "recorded"], json!({
            "deployment": { "type": "string", "description": "what it is called in the record" },
            "state": { "type": "string", "enum": ["began", "succeeded", "failed"] },
            "recorded": { "type": "boolean", "description": "whether that is new to the record" },
        })),
        "GrantUse": object(&["grant", "used_at", "run"], json!({
            "grant": hex("{64}"), "used_at": instant, "run": { "type": "string", "maxLength": 200 },
            "started_by": { "type": "string", "description": "the account that started the run, such as `github:ana`" },
        })),
        "GrantReport": object(&["to", "grant", "uses"], json!({
            "to": { "type": "string", "description": "this app, by its address without a path" },
            "grant": { "type": "string", "description": "the file of the grant, with its signatures" },
            "uses": list(&of("GrantUse"), grant_report::USES),
        })),
        "Granted": object(&["grant", "uses"], json!({
            "grant": text,
            "uses": { "type": "array", "items": object(&["run", "outcome", "decision", "summary"], json!({
                "run": text, "outcome": { "type": "string", "enum": ["imported", "refused", "before"] },
                "decision": { "type": ["integer", "null"], "description": "the number of its entry" }, "summary": text,
            })) },
        })),
    })
}
