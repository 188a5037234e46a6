//! What a collector of OpenTelemetry is told.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use serde_json::json;

use super::{App, POLICY, RUN, SECRET, asks, id, payload, reviews, shop, takes, told, until, waits};
use crate::support::receiver::{Answer, Receiver};

/// Every span that came.
fn spans(collector: &Receiver) -> Vec<Span> {
    let came = collector.came();
    let requests = came.iter().map(|it| ExportTraceServiceRequest::decode(it.body.as_slice()).unwrap());
    let scopes = requests.flat_map(|it| it.resource_spans).flat_map(|it| it.scope_spans);
    scopes.flat_map(|it| it.spans).collect()
}

fn attributes(span: &Span) -> BTreeMap<String, String> {
    let text = |value: Any| match value {
        Any::StringValue(text) => text,
        Any::IntValue(number) => number.to_string(),
        other => format!("{other:?}"),
    };
    let pair =
        |it: &opentelemetry_proto::tonic::common::v1::KeyValue| Some((it.key.clone(), text(it.value.clone()?.value?)));
    span.attributes.iter().filter_map(pair).collect()
}

#[test]
fn a_collector_is_told_how_a_delivery_became_an_answer_and_no_secret() {
    let collector = Receiver::start();
    let github = shop();
    asks(&github);
    let app = App::new(&github);
    let served = app.start(&["--otlp-endpoint", &format!("http://{}", collector.address)]);
    takes(&served, "deployment_protection_rule", &id(), &waits(&github));
    until("a report", || !told(&github).reports.is_empty());
    reviews(&github, "bo", "APPROVED");
    let delivery = id();
    takes(
        &served,
        "deployment_review",
        &delivery,
        &payload(json!({"action": "approved", "workflow_run": {"id": RUN}})),
    );
    until("an answer", || told(&github).decided.is_some());
    let proceeds =
        |span: &Span| span.name == "decision" && attributes(span).get("decision").is_some_and(|it| it == "proceed");
    let posted = |span: &Span| span.name.starts_with("POST ") && span.name.ends_with("/deployment_protection_rule");
    until("the spans", || {
        let spans = spans(&collector);
        spans.iter().any(proceeds) && spans.iter().filter(|span| posted(span)).count() >= 2
    });
    let spans = spans(&collector);
    let decision = spans.iter().find(|span| proceeds(span)).unwrap();
    let told = attributes(decision);
    assert_eq!((told["repository"].as_str(), told["environment"].as_str()), ("acme/shop", "production"));
    assert!(told["deliveries"].contains(&delivery), "{told:?}");
    let of = |parent: &Span| -> Vec<&Span> { spans.iter().filter(|it| it.parent_span_id == parent.span_id).collect() };
    let names: Vec<&str> = of(decision).iter().map(|it| it.name.as_str()).collect();
    for name in ["facts", "decide", "record"] {
        assert!(names.contains(&name), "no {name} in {names:?}");
    }
    let facts = of(decision).into_iter().find(|it| it.name == "facts").unwrap();
    let calls: Vec<BTreeMap<String, String>> = of(facts).into_iter().map(attributes).collect();
    let call = calls.iter().find(|it| it["url.template"].ends_with("/actions/runs/{}")).unwrap();
    assert_eq!(
        (call["http.request.method"].as_str(), call["url.template"].as_str()),
        ("GET", "/repos/{owner}/{repo}/actions/runs/{}")
    );
    assert!(["200", "304"].contains(&call["http.response.status_code"].as_str()), "{call:?}");
    assert!(calls.iter().any(|it| it["url.template"] == "/graphql"), "{calls:?}");
    // The answer is a call of its effect.
    let answer = spans.iter().find(|span| posted(span)).unwrap();
    assert!(spans.iter().any(|it| it.span_id == answer.parent_span_id && it.name == "effect"));
    assert!(spans.iter().any(|it| it.name == "delivery" && attributes(it)["delivery"] == delivery));
    // Neither tokens, nor keys, nor what anybody wrote.
    for came in collector.came() {
        assert_eq!(came.path, "/v1/traces");
        for secret in ["ghs_canary", "eyJ", SECRET, "Bearer", "nameWithOwner", POLICY.lines().nth(3).unwrap()] {
            let found = memchr::memmem::find(&came.body, secret.as_bytes());
            assert!(found.is_none(), "`{secret}` was told");
        }
    }
}

#[test]
fn a_collector_that_is_away_keeps_nobody_waiting_and_is_told_of_once() {
    let collector = Receiver::start();
    collector.always(Answer::Status(503, String::new()));
    let github = shop();
    asks(&github);
    let app = App::new(&github);
    let served = app.start(&["--otlp-endpoint", &format!("http://{}", collector.address)]);
    takes(&served, "deployment_protection_rule", &id(), &waits(&github));
    until("a report", || !told(&github).reports.is_empty());
    until("what was not taken", || !collector.came().is_empty());
    let before = collector.came().len();
    takes(&served, "deployment_review", &id(), &payload(json!({"action": "approved", "workflow_run": {"id": RUN}})));
    until("what was not taken either", || collector.came().len() > before);
    assert_eq!(app.events("traces_unsent").len(), 1);
}

#[test]
fn what_is_told_goes_nowhere_in_the_clear() {
    let github = shop();
    let app = App::new(&github);
    let mut arguments = vec!["serve".to_owned()];
    arguments.extend(app.options());
    arguments.extend(["--otlp-endpoint", "http://collector.example:4318"].map(str::to_owned));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let said = app.world.run(&arguments);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("https://"), "{}", said.err);
}
