//! A bucket of an object store that speaks S3's protocol, over the one client that speaks to anybody here. Where it is and
//! who asks for it is said by the variables that such tools share: AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID and so
//! on, or by the machine's or the container's own role.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};
use reqwest::{Client, Url};

use crate::transport::http::{self, Fault};

/// How long an object may take, one way.
const PATIENCE: Duration = Duration::from_mins(5);
/// How many bytes an answer has at most.
const MOST: usize = 256 << 20;
/// How often something is asked again that failed in passing, and for how long.
const AGAIN: RetryConfig = RetryConfig {
    max_retries: 4,
    retry_timeout: Duration::from_secs(30),
    backoff: BackoffConfig { init_backoff: Duration::from_millis(100), max_backoff: Duration::from_secs(3), base: 2.0 },
};
/// Where machines and containers are told who they are. Nothing there is reached over any network, and none has TLS.
const ROLES: [&str; 3] = ["169.254.169.254", "169.254.170.2", "169.254.170.23"];

/// A bucket, and the key below which it is used.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// Its objects.
    pub objects: Arc<dyn ObjectStore>,
    /// The key, without a slash at its end; empty where all of it is used.
    pub below: String,
}

/// Why a bucket cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// The address is none of a bucket.
    #[error("`{0}` names no bucket: write `s3://BUCKET` or `s3://BUCKET/PREFIX`")]
    Address(String),
    /// What the variables say cannot be used.
    #[error("the bucket `{0}` cannot be used: {1}")]
    Settings(String, String),
    /// There is no client.
    #[error("{0}")]
    Client(#[from] Fault),
}

/// The bucket at `s3://BUCKET/PREFIX`. Nobody is asked yet.
pub fn open(address: &str) -> Result<Bucket, Unusable> {
    let none = || Unusable::Address(address.chars().take(200).collect());
    let url = Url::parse(address).ok().filter(|url| url.scheme() == "s3" && url.username().is_empty());
    let url = url.filter(|url| url.port().is_none() && url.query().is_none() && url.fragment().is_none());
    let url = url.ok_or_else(none)?;
    let bucket = url.host_str().filter(|host| !host.is_empty()).ok_or_else(none)?;
    let below = url.path().trim_matches('/').to_owned();
    if below.contains('%') || below.contains("//") {
        return Err(none());
    }
    let settings = |why: &dyn std::fmt::Display| Unusable::Settings(bucket.to_owned(), why.to_string());
    let speaks = Speaks(http::client_for(PATIENCE)?);
    let built = AmazonS3Builder::from_env().with_bucket_name(bucket).with_retry(AGAIN).with_http_connector(speaks);
    Ok(Bucket { objects: Arc::new(built.build().map_err(|error| settings(&error))?), below })
}

/// The one client, as the object store asks for it.
#[derive(Clone, Debug)]
struct Speaks(Client);

impl HttpConnector for Speaks {
    /// The options are not asked: how anybody is spoken to is said in [`http`].
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

impl HttpService for Speaks {
    fn call<'s, 'f>(
        &'s self,
        request: HttpRequest,
    ) -> Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'f>>
    where
        's: 'f,
        Self: 'f,
    {
        Box::pin(asked(&self.0, request))
    }
}

async fn asked(client: &Client, request: HttpRequest) -> Result<HttpResponse, HttpError> {
    let (parts, body) = request.into_parts();
    let url = address(&parts.uri.to_string()).map_err(|fault| HttpError::new(HttpErrorKind::Unknown, fault))?;
    let mut request = reqwest::Request::new(parts.method, url);
    *request.headers_mut() = parts.headers;
    *request.body_mut() = Some(reqwest::Body::wrap(body));
    let mut response = client.execute(request).await.map_err(|error| failed(error, HttpErrorKind::Request))?;
    let (status, headers) = (response.status(), response.headers().clone());
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failed(error, HttpErrorKind::Interrupted))? {
        if bytes.len() + chunk.len() > MOST {
            return Err(HttpError::new(HttpErrorKind::Decode, Fault::Long(MOST)));
        }
        bytes.extend_from_slice(&chunk);
    }
    let mut answer = HttpResponse::new(bytes.into());
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    Ok(answer)
}

fn address(text: &str) -> Result<Url, Fault> {
    let role = Url::parse(text).ok().filter(|url| {
        url.scheme() == "http" && url.port().is_none() && url.host_str().is_some_and(|host| ROLES.contains(&host))
    });
    role.map_or_else(|| http::address(text), Ok)
}

fn failed(error: reqwest::Error, otherwise: HttpErrorKind) -> HttpError {
    let kind = match &error {
        error if error.is_connect() => HttpErrorKind::Connect,
        error if error.is_timeout() => HttpErrorKind::Timeout,
        _ => otherwise,
    };
    HttpError::new(kind, Fault::from(error))
}
