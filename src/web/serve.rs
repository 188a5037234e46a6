//! The server around what is served: so many connections at once, so long for a request, and an end in order.
//!
//! Where there are as many connections as may be, whoever keeps us waiting is let go of for who comes. Nobody who connects
//! can hold his connection by sending nothing, by sending slowly or by not reading what he asked for.

mod guests;
mod stream;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Request};
use hyper::body::Incoming;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;

use guests::Guests;
use stream::{Coming, Stream};

/// What a server lets happen.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many connections there are at once. Beyond that, who connects takes the place of one that keeps us waiting, and waits
    /// where none does.
    pub connections: usize,
    /// How many requests come over one connection.
    pub requests: usize,
    /// How long somebody may take to say what he wants.
    pub headers: Duration,
    /// For how long nothing of a body may come, and nothing of an answer be taken.
    pub still: Duration,
    /// How long a connection lives, whatever it does.
    pub life: Duration,
    /// How long those that are served when the end comes are waited for.
    pub end: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            requests: 100,
            headers: Duration::from_secs(10),
            still: Duration::from_secs(10),
            life: Duration::from_mins(5),
            end: Duration::from_secs(10),
        }
    }
}

/// How long is waited after a connection could not be accepted, as when there are no more file descriptors.
const BREATH: Duration = Duration::from_millis(100);

/// Serves until `until` is done.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, until: impl Future<Output = ()>) {
    let guests = Guests::new(limits.connections);
    let served = GracefulShutdown::new();
    tokio::pin!(until);
    loop {
        let accepted = async {
            let (stream, from) = listener.accept().await?;
            Ok::<_, std::io::Error>((stream, guests.enter(from.ip()).await))
        };
        let accepted = tokio::select! {
            biased;
            () = &mut until => break,
            accepted = accepted => accepted,
        };
        let (stream, seat) = match accepted {
            Ok((stream, Some(seat))) => (stream, seat),
            Ok((_, None)) => break,
            Err(_) => {
                tokio::time::sleep(BREATH).await;
                continue;
            }
        };
        let guest = seat.guest.clone();
        let answers = {
            let (guest, asked) = (guest.clone(), Arc::new(AtomicUsize::new(0)));
            let router = TowerToHyperService::new(router.clone());
            service_fn(move |request: Request<Incoming>| {
                guest.works();
                let last = asked.fetch_add(1, Ordering::Relaxed) + 1 >= limits.requests;
                let request = request.map(|body| Body::new(Coming::new(body, guest.clone(), limits.still)));
                let (answer, guest) = (router.call(request), guest.clone());
                async move {
                    let mut answer = answer.await;
                    guest.answered();
                    if let (true, Ok(answer)) = (last, &mut answer) {
                        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                    }
                    answer
                }
            })
        };
        let mut http = hyper::server::conn::http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(limits.headers).max_buf_size(16 * 1024);
        let stream = Stream::new(stream, guest.clone(), limits.still);
        let connection = served.watch(http.serve_connection(TokioIo::new(stream), answers));
        tokio::spawn(async move {
            // Whoever goes away, or stays for too long, is let go of.
            tokio::select! {
                _ = tokio::time::timeout(limits.life, connection) => {}
                () = guest.leaves() => {}
            }
            drop(seat);
        });
    }
    drop(listener);
    let _ = tokio::time::timeout(limits.end, served.shutdown()).await;
}

/// Waits until somebody ends the process in order. It listens from when it is called, in a runtime: whoever is told that the
/// process is there may end it at once.
pub fn ended() -> impl Future<Output = ()> {
    #[cfg(unix)]
    let told = {
        use tokio::signal::unix::{SignalKind, signal};
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    };
    async move {
        #[cfg(unix)]
        if let (Ok(mut interrupted), Ok(mut terminated)) = told {
            tokio::select! {
                _ = interrupted.recv() => {}
                _ = terminated.recv() => {}
            }
            return;
        }
        let _ = tokio::signal::ctrl_c().await;
    }
}
