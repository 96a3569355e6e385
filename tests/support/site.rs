//! A site on loopback that answers what a test says: for guests that try what they may ask of it, and other doubles.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

/// What the site answers: status line and further head lines, and the body.
type Answer = (String, Vec<u8>);

/// The status whose body comes byte by byte.
pub(crate) const SLOW: &str = "200 Slow";

/// A site that answers until the process ends; its threads die with the test.
pub(crate) struct Site {
    port: u16,
    requests: Arc<AtomicU64>,
}

/// A request as far as answers depend on it.
pub(crate) struct Request {
    /// `GET /path?query`.
    pub(crate) line: String,
    /// The head, lower case names not guaranteed.
    pub(crate) head: String,
    /// As text.
    pub(crate) body: String,
}

impl Site {
    /// Starts one that answers so.
    pub(crate) fn start(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port on loopback");
        let port = listener.local_addr().expect("an address").port();
        let requests = Arc::new(AtomicU64::new(0));
        let (counted, answer) = (Arc::clone(&requests), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (counted, answer) = (Arc::clone(&counted), Arc::clone(&answer));
                thread::spawn(move || serve(stream, &*answer, &counted));
            }
        });
        Self { port, requests }
    }

    /// Its origin.
    pub(crate) fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Requests it got.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
}

fn serve(stream: TcpStream, answer: &dyn Fn(&Request) -> Answer, requests: &AtomicU64) -> Option<()> {
    let mut writer = stream.try_clone().ok()?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        let lower = head.to_ascii_lowercase();
        let length = lower.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()?.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        reader.read_exact(&mut body).ok()?;
        requests.fetch_add(1, Ordering::Relaxed);
        let line = head.lines().next().unwrap_or_default().to_owned();
        let (status, body) = answer(&Request { line, head, body: String::from_utf8_lossy(&body).into_owned() });
        write!(writer, "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len()).ok()?;
        if status == SLOW {
            for byte in body {
                writer.write_all(&[byte]).ok()?;
                thread::sleep(Duration::from_millis(200));
            }
        } else {
            writer.write_all(&body).ok()?;
        }
    }
}
