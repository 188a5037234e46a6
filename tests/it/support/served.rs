//! A process that serves over HTTP, and what is asked of it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A server, ended with the test.
pub struct Served {
    pub child: Child,
    pub address: String,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What came back: the status, the head in lower case, the body.
pub type Came = (u16, String, Vec<u8>);

impl Served {
    /// Starts a command that says on its first line where it listens.
    pub fn start(mut command: Command, says: &str) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix(says).unwrap_or_else(|| panic!("it says {line:?}")).to_owned();
        Self { child, address }
    }

    /// Asks, as `GET /checkpoint`.
    pub fn ask(&self, what: &str) -> Came {
        self.send(what, &[], b"")
    }

    /// The same with headers and a body.
    pub fn send(&self, what: &str, headers: &[(&str, &str)], body: &[u8]) -> Came {
        self.try_send(what, headers, body).unwrap()
    }

    /// The same; `None` where nothing comes back.
    pub fn try_send(&self, what: &str, headers: &[(&str, &str)], body: &[u8]) -> Option<Came> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
        let mut text = format!("{what} HTTP/1.1\r\nhost: here\r\nconnection: close\r\n");
        for (name, value) in headers {
            text.extend([*name, ": ", *value, "\r\n"]);
        }
        if !body.is_empty() {
            text.extend(["content-length: ", &body.len().to_string(), "\r\n"]);
        }
        text.push_str("\r\n");
        stream.write_all(text.as_bytes()).ok()?;
        // Whoever is refused early reads no more.
        let _ = stream.write_all(body);
        let mut whole = Vec::new();
        stream.read_to_end(&mut whole).ok()?;
        let at = memchr::memmem::find(&whole, b"\r\n\r\n")?;
        let head = String::from_utf8(whole[..at].to_vec()).unwrap().to_ascii_lowercase();
        Some((head[9..12].parse().unwrap(), head, whole[at + 4..].to_vec()))
    }
}
