//! Somebody to whom messages are posted: he writes down what came, and answers as he was told to.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What came.
#[derive(Clone, Debug)]
pub struct Posted {
    pub at: Instant,
    pub path: String,
    /// The names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Posted {
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// How something is answered.
#[derive(Clone, Debug)]
pub enum Answer {
    /// With a status, and more lines of the head, each with its end.
    Status(u16, String),
    /// It is handed on to that address, and then nothing comes back.
    Lost(String),
    /// It is handed on, and so is the answer.
    On(String),
    /// Nothing comes back.
    Silence,
}

/// The receiver.
#[derive(Clone)]
pub struct Receiver {
    pub address: String,
    came: Arc<Mutex<Vec<Posted>>>,
    answers: Arc<Mutex<VecDeque<Answer>>>,
    last: Arc<Mutex<Answer>>,
}

impl Receiver {
    /// Takes everything.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let receiver = Self {
            address: listener.local_addr().unwrap().to_string(),
            came: Arc::default(),
            answers: Arc::default(),
            last: Arc::new(Mutex::new(Answer::Status(204, String::new()))),
        };
        let own = receiver.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let own = own.clone();
                std::thread::spawn(move || own.one(stream));
            }
        });
        receiver
    }

    /// Answers the next ones so.
    pub fn next(&self, answers: impl IntoIterator<Item = Answer>) -> &Self {
        self.answers.lock().unwrap().extend(answers);
        self
    }

    /// Answers so where nothing else was said.
    pub fn always(&self, answer: Answer) -> &Self {
        *self.last.lock().unwrap() = answer;
        self
    }

    pub fn came(&self) -> Vec<Posted> {
        self.came.lock().unwrap().clone()
    }

    fn one(&self, mut stream: TcpStream) {
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut first = String::new();
        if reader.read_line(&mut first).unwrap_or_default() == 0 {
            return;
        }
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let length = headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, it)| it.parse().unwrap());
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
        let posted = Posted { at: Instant::now(), path, headers, body };
        let answer = self.answers.lock().unwrap().pop_front().unwrap_or_else(|| self.last.lock().unwrap().clone());
        self.came.lock().unwrap().push(posted.clone());
        match answer {
            Answer::Status(status, more) => {
                let _ = write!(stream, "HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n{more}\r\n");
            }
            Answer::Lost(to) => drop(handed_on(&to, &posted)),
            Answer::On(to) => drop(stream.write_all(&handed_on(&to, &posted))),
            Answer::Silence => std::thread::sleep(Duration::from_secs(30)),
        }
    }
}

fn handed_on(to: &str, posted: &Posted) -> Vec<u8> {
    let mut stream = TcpStream::connect(to).unwrap();
    let mut head = format!("POST {} HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\n", posted.path);
    for (name, value) in posted.headers.iter().filter(|(name, _)| name != "host" && name != "connection") {
        head = format!("{head}{name}: {value}\r\n");
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
    stream.write_all(&posted.body).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}
