//! A recorded exchange: what a source asked and was told, kept in `exchange.jsonl` of a case, one answer a line, and told again,
//! with the faults that an other side may have.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use super::golden::{file, trouble};
use crate::{
    item::{Failure, NextMove},
    sandbox::{Asked, Told, Upstream, Witness, without_query},
};

/// The file of a case.
pub(super) const FILE: &str = "exchange.jsonl";
/// Seconds that a throttled source is asked to wait.
const RETRY_AFTER_S: u64 = 7;

/// A line. Bodies that are text stand as text.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Line {
    method: String,
    url: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    sent: String,
    status: u16,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
}

/// What an other side may do instead of answering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// 429 with a time to wait.
    Throttles,
    /// 503.
    Fails,
    /// The connection ends.
    HangsUp,
    /// Half of the body.
    BreaksOff,
    /// A page for people, with 200.
    TalksNonsense,
}

impl Fault {
    pub(super) const ALL: [Self; 5] =
        [Self::Throttles, Self::Fails, Self::HangsUp, Self::BreaksOff, Self::TalksNonsense];

    /// In a sentence.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Throttles => "429 with Retry-After",
            Self::Fails => "503",
            Self::HangsUp => "a connection that ends",
            Self::BreaksOff => "half an answer",
            Self::TalksNonsense => "a page for people",
        }
    }

    /// Whether the source can tell, whatever it was told otherwise.
    pub(super) fn is_told(self) -> bool {
        matches!(self, Self::Throttles | Self::Fails | Self::HangsUp)
    }
}

/// Tells again what was recorded.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    lines: Vec<Line>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    asked: usize,
    /// How often each request came.
    times: HashMap<(String, String, Vec<u8>), usize>,
    /// At the how-manieth request, from 0.
    fault: Option<(usize, Fault)>,
    /// What the record has no answer to.
    missed: Vec<String>,
}

impl Exchange {
    /// Of a case; none when it has none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn of(case: &Path) -> Result<Option<Self>, Failure> {
        let Some(bytes) = file(case, FILE)? else { return Ok(None) };
        let text = String::from_utf8_lossy(&bytes);
        let mut lines = Vec::new();
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
            let line = serde_json::from_str(line).map_err(|error| {
                let message = format!("`{}` line {number} is no answer: {error}", case.join(FILE).display());
                Failure::new("author-case", NextMove::AskPerson, message)
                    .hint("record it anew: `chancery plugin run --connector NAME --window A..B --record DIR`")
            })?;
            lines.push(line);
        }
        Ok(Some(Self { lines, state: Mutex::default() }))
    }

    /// Begins anew, with a fault at one request.
    pub(super) fn begin(&self, fault: Option<(usize, Fault)>) {
        *self.state() = State { fault, ..State::default() };
    }

    /// How many requests came since it began.
    pub(super) fn asked(&self) -> usize {
        self.state().asked
    }

    /// What was asked since it began and is not in the record.
    pub(super) fn missed(&self) -> Vec<String> {
        self.state().missed.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn recorded(&self, state: &mut State, asked: &Asked) -> Told {
        let is_it = |line: &&Line| {
            (&line.method, &line.url, line.sent.as_bytes()) == (&asked.method, &asked.url, asked.body.as_slice())
        };
        let answers: Vec<&Line> = self.lines.iter().filter(is_it).collect();
        let times = state.times.entry((asked.method.clone(), asked.url.clone(), asked.body.clone())).or_default();
        let Some(line) = answers.get(*times).or(answers.last()) else {
            state.missed.push(format!("{} {}", asked.method, without_query(&asked.url)));
            return Told { status: 404, headers: Vec::new(), body: Vec::new() };
        };
        *times += 1;
        let body = match (&line.body, &line.body_base64) {
            (Some(text), _) => text.clone().into_bytes(),
            (None, Some(encoded)) => STANDARD.decode(encoded).unwrap_or_default(),
            (None, None) => Vec::new(),
        };
        Told { status: line.status, headers: line.headers.clone(), body }
    }
}

impl Upstream for Exchange {
    fn answer(&self, asked: &Asked) -> Result<Told, Failure> {
        let mut state = self.state();
        let number = state.asked;
        state.asked += 1;
        let fault = state.fault.filter(|(at, _)| *at == number).map(|(_, fault)| fault);
        let page = |status: u16, headers: &[(&str, String)]| Told {
            status,
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
            body: b"<!DOCTYPE html><title>Please wait</title>".to_vec(),
        };
        let html = ("content-type", "text/html".to_owned());
        Ok(match fault {
            None => self.recorded(&mut state, asked),
            Some(Fault::Throttles) => page(429, &[html, ("retry-after", RETRY_AFTER_S.to_string())]),
            Some(Fault::Fails) => page(503, &[html]),
            Some(Fault::TalksNonsense) => page(200, &[html]),
            Some(Fault::HangsUp) => {
                let message = "the connection ended before an answer came";
                return Err(Failure::new("no-answer", NextMove::Retry { after: None }, message));
            }
            Some(Fault::BreaksOff) => {
                let mut told = self.recorded(&mut state, asked);
                told.body.truncate(told.body.len() / 2);
                told
            }
        })
    }
}

/// Keeps an exchange.
#[derive(Debug, Default)]
pub struct Recorder(Mutex<Vec<Line>>);

impl Recorder {
    /// A line for each answer: what was asked, and how it was answered. Without queries, which may name people.
    pub fn lines(&self) -> Vec<String> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let told = |line: &Line| {
            let bytes = line.body.as_ref().map_or(0, String::len);
            let bytes = line.body_base64.as_ref().map_or(bytes, |encoded| encoded.len() / 4 * 3);
            format!("{} {} -> {}, {bytes} bytes", line.method, without_query(&line.url), line.status)
        };
        lines.iter().map(told).collect()
    }

    /// Writes what was heard into a case.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(&self, case: &Path) -> Result<(), Failure> {
        let path = case.join(FILE);
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        for line in lines.iter() {
            text += &serde_json::to_string(line).unwrap_or_default();
            text.push('\n');
        }
        std::fs::write(&path, text).map_err(|error| trouble(&path, "write", &error))
    }
}

impl Witness for Recorder {
    fn heard(&self, asked: Asked, told: Told) {
        let (body, body_base64) = match String::from_utf8(told.body) {
            Ok(text) => (Some(text), None),
            Err(error) => (None, Some(STANDARD.encode(error.as_bytes()))),
        };
        let line = Line {
            method: asked.method,
            url: asked.url,
            sent: String::from_utf8_lossy(&asked.body).into_owned(),
            status: told.status,
            headers: told.headers,
            body: body.filter(|text| !text.is_empty()),
            body_base64,
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}
