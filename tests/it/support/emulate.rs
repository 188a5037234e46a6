//! `emulate`, a server of somebody else's that acts as GitHub or Slack does, as far as it goes.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// One that runs, ended with the test.
pub struct Emulate {
    child: Child,
    /// Where it listens.
    pub address: String,
}

impl Drop for Emulate {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A free port of this machine.
pub fn free() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

impl Emulate {
    /// Starts one service with what `seed.yml` of the folder says, by these programs.
    pub fn start((node, program): (&Path, &Path), service: &str, folder: &Path) -> Self {
        let address = free();
        let port = address.rsplit(':').next().unwrap();
        let child = Command::new(node)
            .arg(program)
            .args(["start", "--service", service, "--port", port, "--seed", "seed.yml"])
            .current_dir(folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let end = Instant::now() + Duration::from_mins(1);
        while TcpStream::connect(&address).is_err() {
            assert!(Instant::now() < end, "{service} did not come");
            std::thread::sleep(Duration::from_millis(50));
        }
        Self { child, address }
    }

    /// Asks it as whoever has the token; the status and what came.
    pub fn ask(&self, token: &str, what: &str, kind: &str, body: &str) -> (u16, Value) {
        let answer = exchange(&self.address, &whole(&self.address, what, token, kind, body));
        let (head, body) = parted(&answer);
        let status = head.split(' ').nth(1).and_then(|it| it.parse().ok()).unwrap_or_else(|| panic!("{head}"));
        (status, serde_json::from_slice(body).unwrap_or(Value::Null))
    }
}

/// A request; in the older version of the protocol an answer ends with its connection, and comes in one piece.
fn whole(host: &str, what: &str, token: &str, kind: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "{what} HTTP/1.0\r\nhost: {host}\r\nauthorization: Bearer {token}\r\ncontent-type: {kind}\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Sends a request, and takes the answer to its end.
pub fn exchange(address: &str, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    answer
}

/// The head of an answer and its body.
pub fn parted(answer: &[u8]) -> (String, &[u8]) {
    let at = memchr::memmem::find(answer, b"\r\n\r\n").unwrap_or_else(|| panic!("no answer"));
    (String::from_utf8_lossy(&answer[..at]).into_owned(), &answer[at + 4..])
}
