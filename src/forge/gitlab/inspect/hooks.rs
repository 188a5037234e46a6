//! The webhook by which the app is told of a project: the project's own, or one of a group above it.

use serde::Deserialize;
use serde_json::Value;

use super::plan::Plan;
use super::{Project, fact, of_plan};
use crate::forge::gitlab::client::{Client, Fault};
use crate::model::facts::Fact;
use crate::model::posture::{Delivery, Hook};

/// What the app is to be told of, by the names of the switches.
const EVENTS: [&str; 6] =
    ["push_events", "merge_requests_events", "note_events", "pipeline_events", "job_events", "deployment_events"];
/// How many deliveries are looked at, the newest.
const LATEST: usize = 100;

/// A delivery that went.
#[derive(Deserialize)]
struct Event {
    trigger: Option<String>,
    /// A number or a word: what could not be reached answers `internal error`.
    response_status: Option<Value>,
}

impl Event {
    fn delivery(self) -> Delivery {
        let status = match self.response_status {
            Some(Value::String(text)) => text,
            Some(Value::Number(number)) => number.to_string(),
            _ => "no answer".to_owned(),
        };
        let taken = status.len() == 3 && status.starts_with('2');
        Delivery { event: self.trigger.unwrap_or_else(|| "something".to_owned()), taken, status }
    }
}

/// The hook, and the events that it does not tell of.
pub(super) async fn find(
    client: &Client,
    project: &Project,
    address: Option<&str>,
    plan: &Fact<Plan>,
) -> (Hook, Vec<String>) {
    let own = client.list::<Value>(&format!("{}/hooks", project.path())).await;
    let mut nothing: Result<(), Fault> = own.as_ref().map(|_| ()).map_err(Clone::clone);
    let mut found =
        own.unwrap_or_default().into_iter().find(|hook| is_ours(hook, address)).map(|hook| (hook, project.path()));
    for group in project.groups() {
        if found.is_some() {
            break;
        }
        match of_plan::<Value>(client, &format!("/groups/{group}/hooks"), plan, Plan::Premium).await {
            Ok(hooks) => {
                let ours = hooks.unwrap_or_default().into_iter().find(|hook| is_ours(hook, address));
                found = ours.map(|hook| (hook, format!("/groups/{group}")));
            }
            Err(fault) => nothing = nothing.and(Err(fault)),
        }
    }
    let Some((hook, place)) = found else {
        let address = match nothing {
            Ok(()) => Fact::Absent,
            Err(fault) => fault.unavailable(),
        };
        let (stopped, signs, verifies, deliveries) = (Fact::Absent, Fact::Absent, Fact::Absent, Fact::Absent);
        return (Hook { address, stopped, signs, verifies, deliveries }, Vec::new());
    };
    let flag = |name: &str| hook.get(name).and_then(Value::as_bool);
    let missing = EVENTS.iter().filter(|event| flag(event) != Some(true)).map(|event| (*event).to_owned()).collect();
    let deliveries = match hook.get("id").and_then(Value::as_u64) {
        Some(id) => deliveries(client, &format!("{place}/hooks/{id}/events")).await,
        None => Fact::Unavailable("GitLab does not say which webhook it is".into()),
    };
    let found = Hook {
        address: hook.get("url").and_then(Value::as_str).map_or(Fact::Absent, |url| Fact::Known(url.to_owned())),
        stopped: stopped(&hook),
        // Neither its token nor its key is shown to anybody: what comes without them is refused, and shows among the deliveries.
        signs: Fact::Absent,
        verifies: flag("enable_ssl_verification").map_or_else(
            || Fact::Unavailable("GitLab does not say whether it looks at the certificate".into()),
            Fact::Known,
        ),
        deliveries,
    };
    (found, missing)
}

fn is_ours(hook: &Value, address: Option<&str>) -> bool {
    let url = hook.get("url").and_then(Value::as_str).unwrap_or_default();
    match address {
        Some(address) => url == address,
        None => url.ends_with(super::wording::WORDING.delivered_at),
    }
}

/// That GitLab has disabled it; absent: it has not. Older servers disable none, and do not say.
fn stopped(hook: &Value) -> Fact<String> {
    match hook.get("alert_status").and_then(Value::as_str) {
        None | Some("executable") => Fact::Absent,
        Some("temporarily_disabled") => {
            let until = hook.get("disabled_until").and_then(Value::as_str);
            Fact::Known(until.map_or_else(|| "for a while".to_owned(), |until| format!("until {until}")))
        }
        Some("disabled") => Fact::Known("for good, after its answers failed again and again".to_owned()),
        Some(other) => Fact::Known(other.to_owned()),
    }
}

/// The latest deliveries. Servers before 17.3 keep no list of them that could be read.
async fn deliveries(client: &Client, path: &str) -> Fact<Vec<Delivery>> {
    match client.list_until::<Event>(path, |events| events.len() >= LATEST).await {
        Err(Fault::NotFound { .. }) => Fact::Absent,
        read => fact(read.map(|(events, _)| events.into_iter().map(Event::delivery).collect())),
    }
}
