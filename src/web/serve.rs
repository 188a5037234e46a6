//! The server around what is served: so many connections at once, so long for a request, and an end in order.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// What a server lets happen.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many connections there are at once. Beyond that, who connects waits to be accepted.
    pub connections: usize,
    /// How long somebody may take to say what he wants.
    pub headers: Duration,
    /// How long a connection lives, whatever it does.
    pub life: Duration,
    /// How long those that are served when the end comes are waited for.
    pub end: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            headers: Duration::from_secs(10),
            life: Duration::from_mins(5),
            end: Duration::from_secs(10),
        }
    }
}

/// How long is waited after a connection could not be accepted, as when there are no more file descriptors.
const BREATH: Duration = Duration::from_millis(100);

/// Serves until `until` is done.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, until: impl Future<Output = ()>) {
    let room = Arc::new(Semaphore::new(limits.connections));
    let served = GracefulShutdown::new();
    tokio::pin!(until);
    loop {
        let accepted = async {
            let permit = room.clone().acquire_owned().await.ok();
            (listener.accept().await, permit)
        };
        let (stream, permit) = tokio::select! {
            biased;
            () = &mut until => break,
            accepted = accepted => accepted,
        };
        let Ok((stream, _)) = stream else {
            tokio::time::sleep(BREATH).await;
            continue;
        };
        let mut http = hyper::server::conn::http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(limits.headers).max_buf_size(16 * 1024);
        let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router.clone()));
        let connection = served.watch(connection);
        tokio::spawn(async move {
            // Whoever goes away, or stays for too long, is let go of.
            let _ = tokio::time::timeout(limits.life, connection).await;
            drop(permit);
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
