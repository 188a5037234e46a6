//! Traces are told to a collector over OTLP (OpenTelemetry's protocol): protobuf over HTTP, some seconds' worth at a time.
//!
//! What is told stands where the spans are made: names of repositories, environments and routes, numbers, and never a token, a
//! body or what anybody wrote. A collector that is away costs nothing but what would have been told.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::runtime::Handle;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::transport::http;

/// The path behind a collector's address at which it takes traces.
const PATH: &str = "/v1/traces";
/// How many bytes of an answer are read: a collector says little.
const ANSWER: usize = 64 << 10;

/// Why no traces can be told.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The address is none, or nothing can be spoken to.
    #[error(transparent)]
    Http(#[from] http::Fault),
    /// The exporter cannot be made.
    #[error("traces cannot be told: {0}")]
    Exporter(String),
}

/// Whoever hears that a collector does not take what it is told (`Some`, with why), or that it does again.
pub type Heard = Arc<dyn Fn(Option<&str>) + Send + Sync>;

/// The way to a collector.
struct Way {
    client: reqwest::Client,
    runtime: Handle,
    heard: Heard,
    fails: Arc<AtomicBool>,
}

impl std::fmt::Debug for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Way").finish_non_exhaustive()
    }
}

async fn exchanged(client: &reqwest::Client, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let mut answer = client.execute(reqwest::Request::try_from(request)?).await.map_err(http::Fault::from)?;
    let status = answer.status();
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(http::Fault::from)? {
        if body.len() + chunk.len() > ANSWER {
            return Err(http::Fault::Long(ANSWER).into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Response::builder().status(status).body(body.into())?)
}

impl HttpClient for Way {
    fn send_bytes<'own, 'sent>(
        &'own self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'sent>>
    where
        'own: 'sent,
        Self: 'sent,
    {
        let (client, heard, fails) = (self.client.clone(), self.heard.clone(), self.fails.clone());
        // Whoever exports does so on a thread of its own, where no runtime is.
        let sent = self.runtime.spawn(async move {
            let answer = exchanged(&client, request).await;
            let why = match &answer {
                Ok(answer) if answer.status().is_success() => None,
                Ok(answer) => Some(format!("it answered {}", answer.status().as_u16())),
                Err(fault) => Some(fault.to_string()),
            };
            // Said once, and not every few seconds.
            if fails.swap(why.is_some(), Ordering::Relaxed) != why.is_some() {
                heard(why.as_deref());
            }
            answer
        });
        Box::pin(async move { sent.await? })
    }
}

/// Traces that are told, until they end.
#[derive(Debug)]
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Begins to tell a collector at an address, on the runtime that this is called on: `https://`, or `http://` of this machine.
    /// Variables of OpenTelemetry are heeded, such as `OTEL_EXPORTER_OTLP_HEADERS` and `OTEL_TRACES_SAMPLER`.
    pub fn begin(address: &str, heard: Heard) -> Result<Self, Fault> {
        let address = http::address(address)?;
        let way = Way { client: http::client()?, runtime: Handle::current(), heard, fails: Arc::default() };
        let wrong = |error: &dyn std::fmt::Display| Fault::Exporter(error.to_string());
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{}{PATH}", address.as_str().trim_end_matches('/')))
            .with_http_client(way)
            .build()
            .map_err(|error| wrong(&error))?;
        let resource = Resource::builder()
            .with_service_name("countersign")
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
        // What libraries trace of themselves is theirs.
        let ours = filter_fn(|metadata| metadata.target().starts_with(env!("CARGO_CRATE_NAME")));
        let layer = tracing_opentelemetry::layer()
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracer(provider.tracer("countersign"))
            .with_filter(ours);
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::set_global_default(subscriber).map_err(|error| wrong(&error))?;
        Ok(Self(provider))
    }

    /// Tells what is left, and no more.
    pub async fn end(self) {
        // It waits for the exporter's thread, which waits for this runtime.
        let _ = tokio::task::spawn_blocking(move || self.0.shutdown()).await;
    }
}
