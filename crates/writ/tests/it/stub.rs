//! A server of one's own over HTTP/1.1: for upstreams that look at what they are given, and for what nobody has packaged.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

/// A request as it came.
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Request {
    /// A header; empty if there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value.as_str())
    }
}

/// Serves on a free port of loopback until the test ends. A request gives a status and a body.
pub(crate) fn serve(answer: impl Fn(&Request) -> (u16, String) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let answer = answer.clone();
            std::thread::spawn(move || one(stream.unwrap(), answer.as_ref()));
        }
    });
    port
}

fn one(mut stream: TcpStream, answer: &dyn Fn(&Request) -> (u16, String)) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let (method, rest) = line.split_once(' ')?;
    let path = rest.split(' ').next()?.to_owned();
    let mut request = Request { method: method.to_owned(), path, headers: Vec::new(), body: String::new() };
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        request.headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    let length: u64 = request.header("content-length").parse().unwrap_or(0);
    reader.take(length).read_to_string(&mut request.body).ok()?;
    let (status, body) = answer(&request);
    let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n", body.len());
    // Where a redirection would go that nobody is to follow.
    let location = if status == 302 { format!("Location: {body}\r\n") } else { String::new() };
    stream.write_all(format!("{head}{location}\r\n{body}").as_bytes()).ok()
}
