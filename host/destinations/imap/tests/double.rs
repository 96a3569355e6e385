//! A mail server in memory that fails as it is told.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard},
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

/// What it does at an APPEND.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// Stores and says so.
    Store,
    /// Takes everything, stores nothing and says this.
    Say(&'static str),
    /// Says this before it has read a byte of a message, and closes the connection.
    SayAndClose(&'static str),
    /// Closes the connection in the middle of the last literal.
    CloseWithin,
    /// Stores and closes the connection without a word.
    StoreAndClose,
    /// Stores and says nothing more.
    StoreAndStall,
    /// Stores and says something that is no IMAP.
    StoreAndGarble,
    /// Stores all but the last one and counts so.
    StoreTooFew,
}

#[derive(Default)]
pub(super) struct State {
    /// What it offers, before and after signing in.
    pub(super) offers: &'static str,
    /// What it does at the next APPENDs; then it stores.
    pub(super) appends: VecDeque<At>,
    /// What it answers when somebody signs in; then it lets them in.
    pub(super) sign_ins: VecDeque<&'static str>,
    /// What it greets with; then it greets well.
    pub(super) greetings: VecDeque<&'static str>,
    /// It takes no message with these bytes in it.
    pub(super) poison: &'static str,
    /// What it says of it.
    pub(super) poison_says: &'static str,
    /// Every UID is another one from here on.
    pub(super) uid_validity: u32,
    pub(super) has_folder: bool,
    pub(super) stored: Vec<Vec<u8>>,
    /// Commands it was given, secrets included.
    pub(super) heard: Vec<String>,
    pub(super) connections: usize,
    pub(super) connections_most: usize,
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
                tokio::spawn(async move {
                    {
                        let mut state = serving.state();
                        state.connections += 1;
                        state.connections_most = state.connections_most.max(state.connections);
                    }
                    let _ = serving.serve(BufReader::new(stream)).await;
                    serving.state().connections -= 1;
                });
            }
        });
        double
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    async fn serve(&self, mut stream: BufReader<TcpStream>) -> std::io::Result<()> {
        let greeting = self.state().greetings.pop_front().unwrap_or("* OK ready");
        say(&mut stream, greeting).await?;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let line = line.trim_end();
            self.state().heard.push(line.to_owned());
            let (tag, command) = line.split_once(' ').unwrap_or((line, ""));
            let word = command.split(' ').next().unwrap_or_default();
            let done = match word {
                "CAPABILITY" => {
                    let offers = self.state().offers;
                    say(&mut stream, &format!("* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR UIDPLUS {offers}")).await?;
                    "OK done".to_owned()
                }
                "AUTHENTICATE" | "LOGIN" => self.state().sign_ins.pop_front().unwrap_or("OK in").to_owned(),
                "LIST" => {
                    let there = self.state().has_folder || command.ends_with("\"\"");
                    if there {
                        say(&mut stream, "* LIST (\\HasNoChildren) \"/\" \"x\"").await?;
                    }
                    "OK listed".to_owned()
                }
                "CREATE" => {
                    self.state().has_folder = true;
                    "OK made".to_owned()
                }
                "EXAMINE" if !self.state().has_folder => "NO [NONEXISTENT] none".to_owned(),
                "EXAMINE" => {
                    let (count, validity) = {
                        let state = self.state();
                        (state.stored.len(), state.uid_validity)
                    };
                    say(&mut stream, &format!("* {count} EXISTS\r\n* OK [UIDVALIDITY {validity}] x")).await?;
                    "OK [READ-ONLY] open".to_owned()
                }
                "UID" => {
                    let stored = self.state().stored.clone();
                    for (index, message) in stored.iter().enumerate() {
                        let (uid, whole) = (index + 1, command.contains("BODY.PEEK[]"));
                        let text = String::from_utf8_lossy(message);
                        let id = text.lines().find(|line| line.starts_with("Message-ID")).unwrap_or_default();
                        let shown = if whole { text.into_owned() } else { format!("{id}\r\n\r\n") };
                        let head = format!("* {uid} FETCH (UID {uid} BODY[X] {{{}}}\r\n{shown})", shown.len());
                        say(&mut stream, &head).await?;
                    }
                    "OK fetched".to_owned()
                }
                "APPEND" => match self.append(&mut stream, command).await? {
                    Some(done) => done,
                    None => return Ok(()),
                },
                _ => "OK".to_owned(),
            };
            say(&mut stream, &format!("{tag} {done}")).await?;
        }
    }

    /// None: the connection ends here.
    async fn append(&self, stream: &mut BufReader<TcpStream>, first: &str) -> std::io::Result<Option<String>> {
        let at = self.state().appends.pop_front().unwrap_or(At::Store);
        if let At::SayAndClose(text) = at {
            say(stream, text).await?;
            return Ok(None);
        }
        let mut messages = Vec::new();
        let mut line = first.to_owned();
        while let Some(size) = line.rsplit_once('{').map(|(_, size)| size.trim_end_matches('}').to_owned()) {
            if !size.ends_with('+') {
                say(stream, "+ go on").await?;
            }
            let mut message = vec![0; size.trim_end_matches('+').parse().unwrap()];
            if at == At::CloseWithin {
                stream.read_exact(&mut message[..10]).await?;
                return Ok(None);
            }
            stream.read_exact(&mut message).await?;
            messages.push(message);
            line.clear();
            stream.read_line(&mut line).await?;
            line.truncate(line.trim_end().len());
        }
        assert!(line.is_empty(), "after the literals: {line}");
        let done = match self.store(at, messages) {
            Ok(done) => done,
            Err(refused) => return Ok(Some(refused)),
        };
        match at {
            At::StoreAndClose => return Ok(None),
            At::StoreAndStall => std::future::pending().await,
            At::StoreAndGarble => say(stream, "HTTP/1.1 400 Bad Request").await?,
            _ => {}
        }
        Ok(Some(done))
    }

    /// What it says when the messages are stored, or when they are refused.
    fn store(&self, at: At, mut messages: Vec<Vec<u8>>) -> Result<String, String> {
        let mut state = self.state();
        let poisoned =
            |message: &Vec<u8>| !state.poison.is_empty() && String::from_utf8_lossy(message).contains(state.poison);
        if messages.iter().any(poisoned) {
            return Err(state.poison_says.to_owned());
        }
        if !state.has_folder {
            return Err("NO [TRYCREATE] no such folder".to_owned());
        }
        if let At::Say(text) = at {
            return Err(text.to_owned());
        }
        if at == At::StoreTooFew {
            messages.pop();
        }
        let from = state.stored.len() + 1;
        state.stored.extend(messages);
        Ok(format!("OK [APPENDUID {} {from}:{}] stored", state.uid_validity, state.stored.len()))
    }
}

async fn say(stream: &mut BufReader<TcpStream>, text: &str) -> std::io::Result<()> {
    stream.get_mut().write_all(format!("{text}\r\n").as_bytes()).await
}
