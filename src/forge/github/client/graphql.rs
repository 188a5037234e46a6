//! GraphQL: one question about many things. What of it failed is known by its place in the answer.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::fault::Fault;
use super::look::Asked;
use super::send::Reply;
use super::{Client, parse, unreadable};
use crate::report::neutral;

/// The variables of a question. Texts of others go here, and never into the question itself.
pub type Variables = Map<String, Value>;

/// What GraphQL answered. Copies share it.
#[derive(Clone, Debug)]
pub struct Answer(Arc<Answered>);

#[derive(Debug, Deserialize)]
struct Answered {
    data: Option<Value>,
    #[serde(default)]
    errors: Vec<Wrong>,
}

#[derive(Debug, Deserialize)]
struct Wrong {
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    path: Vec<Value>,
    #[serde(default)]
    message: String,
}

pub(super) const WHAT: &str = "a GraphQL question";

impl Wrong {
    fn fault(&self, place: &str) -> Fault {
        let what = if place.is_empty() { WHAT.to_owned() } else { place.to_owned() };
        let says = neutral::line(&self.message, 300);
        match self.kind.as_deref() {
            Some("NOT_FOUND") => Fault::NotFound { what },
            Some("FORBIDDEN" | "INSUFFICIENT_SCOPES") => Fault::Forbidden { what, says },
            _ => Fault::Unreadable { what, says },
        }
    }
}

impl Answer {
    /// One part of the answer, by the names that lead to it. An error anywhere in it makes it one.
    pub fn part<T: DeserializeOwned>(&self, place: &[&str]) -> Result<T, Fault> {
        self.part_beside(place, &[])
    }

    /// The same, whatever became of some of the names in it, which are read for themselves.
    pub fn part_beside<T: DeserializeOwned>(&self, place: &[&str], others: &[&str]) -> Result<T, Fault> {
        let named = place.join(".");
        let within = |wrong: &&Wrong| {
            let path: Vec<&str> = wrong.path.iter().map_while(Value::as_str).collect();
            path.len().min(place.len()) == path.iter().zip(place).take_while(|(a, b)| a == b).count()
                && !path.get(place.len()).is_some_and(|name| others.contains(name))
        };
        if let Some(wrong) = self.0.errors.iter().find(within) {
            return Err(wrong.fault(&named));
        }
        let mut value = self.0.data.as_ref();
        for name in place {
            value = value.and_then(|value| value.get(name));
        }
        let value = value.filter(|value| !value.is_null()).ok_or_else(|| Fault::NotFound { what: named.clone() })?;
        T::deserialize(value).map_err(|error| unreadable(&named, &error.to_string()))
    }
}

/// A question by what was sent, where it had these variables.
pub(super) fn question_of(body: &str, variables: &Variables) -> Option<String> {
    #[derive(Deserialize)]
    struct Sent {
        query: String,
        variables: Variables,
    }
    serde_json::from_str::<Sent>(body).ok().filter(|sent| sent.variables == *variables).map(|sent| sent.query)
}

impl Reply {
    /// The answer to a question, read once.
    fn answer(&self) -> Result<Answer, Fault> {
        if let Some(answer) = self.answer.get() {
            return Ok(answer.clone());
        }
        let answer = Answer(Arc::new(parse(WHAT, &self.body)?));
        Ok(self.answer.get_or_init(|| answer).clone())
    }

    /// Whether it answers a question, part by part, and is no refusal of the whole.
    pub(super) fn answers(&self) -> bool {
        self.answer().is_ok_and(|answer| answer.0.errors.iter().all(|wrong| !wrong.path.is_empty()))
    }
}

/// A question with its variables, as it is sent.
pub(super) fn body(question: &str, variables: &Variables) -> String {
    serde_json::json!({ "query": question, "variables": variables }).to_string()
}

impl Client {
    /// Asks one question. It only reads, so that it may be repeated.
    pub async fn ask(&self, question: &str, variables: &Variables) -> Result<Answer, Fault> {
        let asked = Asked::Graph(body(question, variables));
        let mut waits = 0;
        let mut reply = self.once(&asked).await?;
        loop {
            let answer = reply.answer()?;
            // GraphQL says with status 200 that its allowance is used up.
            let limit = answer.0.errors.iter().any(|wrong| wrong.kind.as_deref() == Some("RATE_LIMITED"));
            if limit {
                let none = reqwest::header::HeaderMap::new();
                let wait = self.limited(&none, &reply.body, reqwest::StatusCode::TOO_MANY_REQUESTS, true);
                waits += 1;
                if waits > 2 {
                    return Err(Fault::Limited { wait: wait.unwrap_or_default() });
                }
                reply = self.sent(&asked).await?;
                continue;
            }
            if let Some(wrong) = answer.0.errors.iter().find(|wrong| wrong.path.is_empty()) {
                return Err(wrong.fault(""));
            }
            return Ok(answer);
        }
    }
}
