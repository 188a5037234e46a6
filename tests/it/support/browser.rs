//! A browser as far as pages without scripts need one: it keeps cookies, follows nothing by itself, and sends forms as
//! browsers do.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// A browser.
#[derive(Default)]
pub struct Browser {
    cookies: RefCell<BTreeMap<String, String>>,
}

/// What came back.
#[derive(Debug)]
pub struct Page {
    pub status: u16,
    /// As they came, the names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Page {
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value of a hidden field.
    pub fn field(&self, name: &str) -> String {
        let text = self.text();
        let (_, rest) = text.split_once(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("no {name}"));
        rest.split_once('"').unwrap().0.to_owned()
    }
}

impl Browser {
    /// Asks for a page.
    pub fn get(&self, address: &str, path: &str) -> Page {
        self.send(address, &format!("GET {path}"), &[], "")
    }

    /// Sends a form from a page of that origin.
    pub fn post(&self, address: &str, path: &str, origin: &str, form: &str) -> Page {
        let headers = [("origin", origin), ("content-type", "application/x-www-form-urlencoded")];
        self.send(address, &format!("POST {path}"), &headers, form)
    }

    /// Sends anything.
    pub fn send(&self, address: &str, what: &str, headers: &[(&str, &str)], body: &str) -> Page {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        let mut text = format!("{what} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
        for (name, value) in headers {
            text.extend([*name, ": ", *value, "\r\n"]);
        }
        let cookies: Vec<String> =
            self.cookies.borrow().iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            text.extend(["cookie: ", &cookies.join("; "), "\r\n"]);
        }
        text.extend(["content-length: ", &body.len().to_string(), "\r\n\r\n", body]);
        stream.write_all(text.as_bytes()).unwrap();
        let page = receive(&mut stream);
        for (_, cookie) in page.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (name, rest) = cookie.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            if value.is_empty() || rest.contains("Max-Age=0") {
                self.cookies.borrow_mut().remove(name);
            } else {
                self.cookies.borrow_mut().insert(name.to_owned(), value.to_owned());
            }
        }
        page
    }

    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.borrow().get(name).cloned()
    }

    pub fn set_cookie(&self, name: &str, value: &str) {
        self.cookies.borrow_mut().insert(name.to_owned(), value.to_owned());
    }
}

/// Reads one answer, which ends where its length says, or else with the connection.
fn receive(stream: &mut TcpStream) -> Page {
    let (mut whole, mut chunk) = (Vec::new(), [0; 16_384]);
    loop {
        let at = memchr::memmem::find(&whole, b"\r\n\r\n");
        if let Some(at) = at {
            let head = String::from_utf8(whole[..at].to_vec()).unwrap();
            let headers: Vec<(String, String)> = head
                .lines()
                .skip(1)
                .filter_map(|line| line.split_once(':'))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
                .collect();
            let length = headers.iter().find(|(name, _)| name == "content-length").map(|(_, it)| it.parse().unwrap());
            if length.is_some_and(|length: usize| whole.len() >= at + 4 + length) {
                return Page { status: head[9..12].parse().unwrap(), headers, body: whole[at + 4..].to_vec() };
            }
        }
        let read = stream.read(&mut chunk).unwrap();
        assert!(read > 0, "the answer ends early: {}", String::from_utf8_lossy(&whole));
        whole.extend_from_slice(&chunk[..read]);
    }
}
