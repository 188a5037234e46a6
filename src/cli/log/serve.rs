//! `countersign log serve`: the log's files over HTTP, for clients of the specification tlog-tiles.

use std::net::SocketAddr;
use std::sync::Arc;

use clap::Args;

use super::{Failure, Source};
use crate::cli::{PROCEED, UNKNOWN, USAGE, print};
use crate::flow::shelf::Shelf;
use crate::web::serve::{Limits, ended, serve};
use crate::web::tiles;

#[derive(Args)]
pub(in crate::cli) struct Serve {
    #[command(flatten)]
    source: Source,
    /// Where to listen, an address and a port; port 0 takes any that is free, and it is printed. Anybody who reaches it
    /// reads every entry, so put what lets people in before it.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
}

pub(super) fn run(arguments: &Serve) -> Result<u8, Failure> {
    let shelf = Arc::new(Shelf::new(arguments.source.place()?));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure(UNKNOWN, format!("the machine has no room for another thread: {error}")))?;
    runtime.block_on(async {
        // A log that cannot be read is told of now, and not to the first who asks.
        shelf.checkpoint().await?;
        let listener = tokio::net::TcpListener::bind(arguments.listen).await.map_err(|error| {
            Failure(
                USAGE,
                format!("`{}` cannot be listened on: {error}; name another address with `--listen`", arguments.listen),
            )
        })?;
        let address = listener.local_addr().map_err(|error| Failure(UNKNOWN, error.to_string()))?;
        // Whoever reads this may go away; the server stays.
        let _ = print(&format!("the log is served on http://{address}\n"));
        serve(listener, tiles::router(shelf), Limits::default(), ended()).await;
        Ok(PROCEED)
    })
}
