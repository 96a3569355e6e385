//! An SMTP server in memory that fails as it is told.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard},
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

/// What it does when it hears a word; `END` is the dot after a message, `HI` a new connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// What it should.
    Well,
    /// Says this instead, and stores nothing.
    Say(&'static str),
    /// Says this, and closes the connection.
    SayAndClose(&'static str),
    /// Closes the connection; within DATA after a piece of the message.
    Close,
    /// Takes the message, and closes the connection without a word.
    StoreAndClose,
    /// Takes the message, and says nothing more.
    StoreAndStall,
    /// Takes the message, and says something that is no SMTP.
    StoreAndGarble,
}

#[derive(Default)]
pub(super) struct State {
    /// What it offers, a line each.
    pub(super) offers: &'static [&'static str],
    /// What it does when it hears these words, in this order; else what it should.
    pub(super) script: VecDeque<(&'static str, Act)>,
    /// Its replies to messages with these bytes in them.
    pub(super) poison: &'static str,
    pub(super) poison_says: &'static str,
    /// Messages, without the second dots.
    pub(super) stored: Vec<Vec<u8>>,
    /// What it was told, secrets included.
    pub(super) heard: Vec<String>,
    pub(super) connections: usize,
}

#[derive(Clone)]
pub(super) struct Double {
    state: Arc<Mutex<State>>,
    pub(super) port: u16,
}

impl Double {
    pub(super) async fn start(state: State) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let double = Self { port: listener.local_addr().unwrap().port(), state: Arc::new(Mutex::new(state)) };
        let serving = double.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let serving = serving.clone();
                serving.state().connections += 1;
                stream.set_nodelay(true).unwrap();
                tokio::spawn(async move {
                    let _ = serving.serve(BufReader::new(stream)).await;
                });
            }
        });
        double
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// What it does now that it hears this word.
    fn act(&self, word: &str) -> Act {
        let mut state = self.state();
        match state.script.front() {
            Some((of, act)) if *of == word => {
                let act = *act;
                state.script.pop_front();
                act
            }
            _ => Act::Well,
        }
    }

    async fn serve(&self, mut stream: BufReader<TcpStream>) -> std::io::Result<()> {
        if !answer(&mut stream, self.act("HI"), "220 double").await? {
            return Ok(());
        }
        let mut has_recipient = false;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let line = line.trim_end().to_owned();
            self.state().heard.push(line.clone());
            let word = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            let well = match &*word {
                "DATA" if !has_recipient && !self.state().offers.contains(&"X-EAGER") => "503 5.5.1 nobody".to_owned(),
                "EHLO" => {
                    let offers = self.state().offers;
                    let lines: Vec<String> =
                        std::iter::once(&"double").chain(offers).map(|line| format!("250-{line}")).collect();
                    format!("{}\r\n250 HELP", lines.join("\r\n"))
                }
                "AUTH" if line == "AUTH LOGIN" => {
                    let mut said = String::new();
                    for prompt in ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"] {
                        say(&mut stream, prompt).await?;
                        stream.read_line(&mut said).await?;
                    }
                    self.state().heard.push(said);
                    "235 in".to_owned()
                }
                "AUTH" => "235 in".to_owned(),
                "DATA" => "354 go on".to_owned(),
                "QUIT" => "221 bye".to_owned(),
                _ => "250 ok".to_owned(),
            };
            if word == "DATA" && self.state().script.front() == Some(&("DATA", Act::Close)) {
                self.state().script.pop_front();
                say(&mut stream, &well).await?;
                stream.read_exact(&mut [0; 10]).await?;
                return Ok(());
            }
            let act = self.act(&word);
            let is_taking = word == "DATA" && act == Act::Well && well.starts_with("354");
            if !answer(&mut stream, act, &well).await? || word == "QUIT" {
                return Ok(());
            }
            has_recipient = match &*word {
                "RCPT" => act == Act::Well,
                "RSET" | "MAIL" => false,
                _ => has_recipient && !is_taking,
            };
            if is_taking && !self.take(&mut stream).await? {
                return Ok(());
            }
        }
    }

    /// Takes a message. False: the connection ends here.
    async fn take(&self, stream: &mut BufReader<TcpStream>) -> std::io::Result<bool> {
        let mut message = Vec::new();
        loop {
            let mut line = Vec::new();
            if stream.read_until(b'\n', &mut line).await? == 0 {
                return Ok(false);
            }
            assert!(line.ends_with(b"\r\n"), "a line feed alone");
            if line == b".\r\n" {
                break;
            }
            message.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
        let act = self.act("END");
        let refused = {
            let mut state = self.state();
            let poisoned = !state.poison.is_empty() && String::from_utf8_lossy(&message).contains(state.poison);
            let stores = !matches!(act, Act::Say(_) | Act::SayAndClose(_) | Act::Close);
            if stores && !poisoned {
                state.stored.push(message);
            }
            poisoned.then_some(state.poison_says)
        };
        if let Some(says) = refused {
            say(stream, says).await?;
            return Ok(true);
        }
        match act {
            Act::Well => say(stream, "250 2.0.0 queued as 4F2A").await?,
            Act::Say(text) => say(stream, text).await?,
            Act::SayAndClose(text) => {
                say(stream, text).await?;
                return Ok(false);
            }
            Act::StoreAndGarble => {
                say(stream, "HTTP/1.1 400 Bad Request").await?;
            }
            Act::StoreAndStall => std::future::pending().await,
            Act::Close | Act::StoreAndClose => return Ok(false),
        }
        Ok(true)
    }
}

/// False: the connection ends here.
async fn answer(stream: &mut BufReader<TcpStream>, act: Act, well: &str) -> std::io::Result<bool> {
    match act {
        Act::Well => say(stream, well).await?,
        Act::Say(text) => say(stream, text).await?,
        Act::SayAndClose(text) => {
            say(stream, text).await?;
            return Ok(false);
        }
        _ => return Ok(false),
    }
    Ok(true)
}

async fn say(stream: &mut BufReader<TcpStream>, text: &str) -> std::io::Result<()> {
    stream.get_mut().write_all(format!("{text}\r\n").as_bytes()).await
}
