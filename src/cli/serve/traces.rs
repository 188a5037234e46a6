//! Whom the app tells how long what took.

use std::sync::Arc;

use serde_json::json;

use super::set;
use crate::cli::facts::{Failure, usage};
use crate::connect::traces::Traces;
use crate::flow::app::watch::Journal;

/// Traces.
#[derive(clap::Args)]
pub(super) struct TraceArguments {
    /// Tell a collector of OpenTelemetry at this address how long what took, over OTLP in protobuf: `https://…`, or `http://…` of
    /// this machine, `/v1/traces` is put behind it; or OTEL_EXPORTER_OTLP_ENDPOINT. OpenTelemetry's other variables are heeded,
    /// such as OTEL_EXPORTER_OTLP_HEADERS and OTEL_TRACES_SAMPLER. Left out: nobody is told.
    #[arg(long, value_name = "URL")]
    otlp_endpoint: Option<String>,
}

impl TraceArguments {
    /// The address of the collector, where one is told.
    pub(super) fn endpoint(&self, file: Option<String>) -> Result<Option<String>, Failure> {
        set(self.otlp_endpoint.as_ref(), "OTEL_EXPORTER_OTLP_ENDPOINT", file)
    }
}

/// Begins to tell, where somebody is to be told.
pub(super) fn begin(endpoint: Option<&str>, journal: &Journal) -> Result<Option<Traces>, Failure> {
    let Some(endpoint) = endpoint else { return Ok(None) };
    let journal = journal.clone();
    let heard = Arc::new(move |why: Option<&str>| match why {
        Some(why) => journal("traces_unsent", &json!({ "fault": why })),
        None => journal("traces_sent_again", &json!({})),
    });
    Traces::begin(endpoint, heard).map(Some).map_err(usage)
}
