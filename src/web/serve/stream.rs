//! A connection and the bodies that come over it, which end where they make no progress.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use super::guests::Guest;

/// For how long something may stand still.
struct Still {
    most: Duration,
    since: Option<Pin<Box<Sleep>>>,
}

impl Still {
    fn new(most: Duration) -> Self {
        Self { most, since: None }
    }

    /// Whether it has stood still for too long; whoever asks is woken when it has.
    fn for_too_long(&mut self, context: &mut Context<'_>) -> bool {
        let since = self.since.get_or_insert_with(|| Box::pin(tokio::time::sleep(self.most)));
        since.as_mut().poll(context).is_ready()
    }
}

/// A connection whose other end has to take what is sent. How long it may take to ask for something is `hyper`'s to say.
pub(super) struct Stream {
    socket: TcpStream,
    guest: Arc<Guest>,
    written: Still,
}

impl Stream {
    pub(super) fn new(stream: TcpStream, guest: Arc<Guest>, most: Duration) -> Self {
        Self { socket: stream, guest, written: Still::new(most) }
    }

    fn wrote(&mut self, context: &mut Context<'_>, wrote: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if wrote.is_ready() {
            self.written.since = None;
            self.guest.moves();
            return wrote;
        }
        self.guest.still();
        if self.written.for_too_long(context) {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the answer is not read")));
        }
        Poll::Pending
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.socket).poll_read(context, buffer);
        if read.is_ready() {
            self.guest.moves();
        } else {
            self.guest.still();
        }
        read
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.socket).poll_write(context, bytes);
        self.wrote(context, wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.socket).poll_write_vectored(context, parts);
        self.wrote(context, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

/// A body that has to go on coming.
pub(super) struct Coming {
    body: Incoming,
    guest: Arc<Guest>,
    came: Still,
}

impl Coming {
    pub(super) fn new(body: Incoming, guest: Arc<Guest>, most: Duration) -> Self {
        Self { body, guest, came: Still::new(most) }
    }
}

impl Body for Coming {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            self.came.since = None;
            self.guest.works();
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        self.guest.owes();
        if self.came.for_too_long(context) {
            return Poll::Ready(Some(Err("nothing more of the body came".into())));
        }
        Poll::Pending
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
