//! One shape for everything that can end a guest's call: who, where, what, the guest's last words, what to do.

use std::{fmt, time::Duration};

use super::{contract::v1::types, egress::Scrub, hex, limits::Stop};
use crate::item::{Failure, NextMove, limits};

/// Bytes of the guest's log that go into a diagnostic.
const LOG_BYTES_SHOWN: usize = 1 << 10;
/// Bytes of a guest's own message that are handed on.
const MESSAGE_BYTES_MAX: usize = 1 << 10;
/// Bytes of a guest's reason code.
const CODE_BYTES_MAX: usize = 64;
/// Bytes of a function's name.
const FRAME_BYTES_MAX: usize = 120;
/// Frames of a trap's backtrace that are shown.
const FRAMES_SHOWN: usize = 5;

/// Why a call ended without an answer.
#[derive(Debug)]
pub(super) enum Ending {
    /// The call's time limit.
    Time(Duration),
    /// The host ended it from within.
    Stopped(Stop),
    /// The guest trapped; the trap's name and the innermost frames.
    Trap { what: String, frames: Vec<String> },
    /// More bytes than one call may move.
    TooLarge,
    /// What it handed over is not of the contract's shape (broken UTF-8, a number outside an enum).
    Malformed(String),
    /// It ended itself with `exit`.
    Exit,
    /// What it handed over breaks a rule: which.
    BadOutput(String),
}

impl Ending {
    /// The ending of an instantiation, in which nothing is handed over yet.
    pub(super) fn of_start(self) -> Self {
        match self {
            Self::Malformed(why) => Self::Trap { what: format!("it did not start: {why}"), frames: Vec::new() },
            other => other,
        }
    }

    /// Sorts wasmtime's error into its kind.
    pub(super) fn of(error: &wasmtime::Error) -> Self {
        if let Some(stop) = error.downcast_ref::<Stop>() {
            return Self::Stopped(stop.clone());
        }
        if error.downcast_ref::<wasmtime_wasi::I32Exit>().is_some() {
            return Self::Exit;
        }
        let frames = error.downcast_ref::<wasmtime::WasmBacktrace>().map(frames).unwrap_or_default();
        if let Some(trap) = error.downcast_ref::<wasmtime::Trap>() {
            return Self::Trap { what: trap.to_string(), frames };
        }
        let text = error.root_cause().to_string();
        // The error behind it has no public type.
        if text.starts_with("too much data is being copied") { Self::TooLarge } else { Self::Malformed(text) }
    }
}

fn frames(backtrace: &wasmtime::WasmBacktrace) -> Vec<String> {
    // A stripped guest has numbers only, which help nobody; generic Rust names can be very long.
    let names = backtrace.frames().iter().filter_map(|frame| frame.func_name());
    names.take(FRAMES_SHOWN).map(|name| printable(cut(name, FRAME_BYTES_MAX))).collect()
}

/// Who was called, and with what.
#[derive(Clone, Debug)]
pub(super) struct Call<'a> {
    /// The plugin as people know it.
    pub(super) plugin: &'a Label,
    /// The contract's function.
    pub(super) function: &'static str,
    /// The connector it worked for; none when the plugin is only loaded.
    pub(super) connector: Option<&'a str>,
    /// Where in the source it was.
    pub(super) position: Option<Position>,
}

/// Names a plugin in messages: what it is (name as configured, digest) and what it says of itself (version).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Label {
    pub(super) name: String,
    pub(super) version: Option<String>,
    pub(super) digest: [u8; 32],
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "plugin `{}`", self.name)?;
        match &self.version {
            Some(version) => write!(f, " {version}"),
            None => Ok(()),
        }
    }
}

/// Where in its work a guest was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Position {
    /// A source's cursor; its bytes are the plugin's own, so that only the first are shown, in hex.
    Cursor(Vec<u8>),
    /// Before the first page.
    Start,
    /// Items of a batch or questions.
    Batch(usize),
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cursor(cursor) => {
                let shown = cursor.len().min(16);
                let more = if shown < cursor.len() { "…" } else { "" };
                write!(f, "cursor {}{more} ({} bytes)", hex(&cursor[..shown]), cursor.len())
            }
            Self::Start => write!(f, "first page"),
            Self::Batch(size) => write!(f, "batch of {size}"),
        }
    }
}

/// What decides the words and the next move for an ending.
struct Verdict {
    kind: &'static str,
    code: &'static str,
    cause: String,
    hint: String,
    next: NextMove,
}

impl Call<'_> {
    /// Makes the failure of a call that ended without an answer. `log` is the guest's; `refused_bytes` the memory it
    /// was refused, which explains a panic better than the trap does.
    pub(super) fn failure(&self, ending: Ending, refused_bytes: Option<usize>, log: &str, scrub: &Scrub) -> Failure {
        if let Ending::Stopped(Stop::Host(failure)) = ending {
            return failure;
        }
        let verdict = self.verdict(&ending, refused_bytes);
        let mut message = format!("{} failed in `{}`: {}", self.plugin, self.function, verdict.cause);
        let mut line = |name: &str, text: &dyn fmt::Display| message += &format!("\n  {name}: {text}");
        if let Some(connector) = self.connector {
            line("connector", &format_args!("`{connector}`"));
        }
        if let Some(position) = &self.position {
            line("at", position);
        }
        line("kind", &verdict.kind);
        line("digest", &format_args!("sha256:{}", hex(&self.plugin.digest[..6])));
        if let Ending::Trap { frames, .. } = &ending
            && !frames.is_empty()
        {
            line("in", &frames.join(" < "));
        }
        let log = scrub.text(log);
        if !log.is_empty() {
            message += "\n  its last words:";
            for text in tail(&log, LOG_BYTES_SHOWN).lines() {
                message += &format!("\n    {}", printable(text));
            }
        }
        Failure::new(verdict.code, verdict.next, message).hint(verdict.hint)
    }

    fn verdict(&self, ending: &Ending, refused_bytes: Option<usize>) -> Verdict {
        let name = &self.plugin.name;
        let report =
            format!("report this to the author of `{name}`; `chancery plugin inspect {name}` shows where it came from");
        if let Some(wanted) = refused_bytes
            && !matches!(ending, Ending::Stopped(_) | Ending::Time(_))
        {
            let cause = format!("it wanted {} MiB of memory, more than it may have", wanted.div_ceil(1 << 20));
            return Verdict { kind: "limit", code: "plugin-memory", cause, hint: report, next: NextMove::Stop };
        }
        let (kind, code, cause, hint, next) = match ending {
            Ending::Time(limit) => (
                "timeout",
                "plugin-timeout",
                format!("no answer within {} s", limit.as_secs_f32()),
                "it is tried again; if it stays so, see whether the source's site answers slowly".to_owned(),
                NextMove::Retry { after: None },
            ),
            Ending::Stopped(Stop::CpuTime(limit)) => (
                "timeout",
                "plugin-timeout",
                format!("it computed for more than {} s", limit.as_secs_f32()),
                report,
                NextMove::Stop,
            ),
            Ending::Stopped(stop @ Stop::LogFlood(_)) => {
                ("limit", "plugin-log-flood", format!("it {stop}"), report, NextMove::Stop)
            }
            Ending::Stopped(stop @ Stop::Requests(_)) => {
                ("limit", "plugin-requests", format!("it {stop}"), report, NextMove::Stop)
            }
            Ending::Stopped(Stop::Misuse(what)) => {
                ("bad-output", "plugin-bad-output", (*what).to_owned(), report, NextMove::Stop)
            }
            Ending::Stopped(Stop::Host(failure)) => ("upstream", "host", failure.message.clone(), report, failure.next),
            Ending::Trap { what, .. } => ("trap", "plugin-trap", what.clone(), report, NextMove::Stop),
            Ending::Exit => ("trap", "plugin-trap", "it ended itself".to_owned(), report, NextMove::Stop),
            Ending::TooLarge => (
                "limit",
                "plugin-output-too-large",
                format!("it handed over more than {} MiB at once", limits::HOSTCALL_BYTES_MAX >> 20),
                report,
                NextMove::Stop,
            ),
            Ending::Malformed(what) => (
                "bad-output",
                "plugin-bad-output",
                format!("what it handed over is malformed: {}", printable(cut(what, 200))),
                report,
                NextMove::Stop,
            ),
            Ending::BadOutput(what) => ("bad-output", "plugin-bad-output", what.clone(), report, NextMove::Stop),
        };
        Verdict { kind, code, cause, hint, next }
    }

    /// Makes the failure that a guest's own `error` record says, blaming the plugin by name and version. `host` is
    /// what the host itself refused during the call: when the guest hands that on, the host's own hint stands.
    pub(super) fn refusal(&self, error: types::Error, host: Option<&Failure>, scrub: &Scrub) -> Failure {
        let code = if is_code(&error.code) { error.code } else { "plugin-error".to_owned() };
        if let Some(host) = host
            && host.code == code
        {
            return Failure { message: format!("from {}: {}", self.plugin, host.message), ..host.clone() };
        }
        let after = error.retry_after_ms.map(Duration::from_millis);
        let next = match error.kind {
            types::ErrorKind::Retry | types::ErrorKind::RateLimited => NextMove::Retry { after },
            types::ErrorKind::Other => NextMove::Retry { after: None },
            types::ErrorKind::Denied | types::ErrorKind::Misconfigured => NextMove::AskPerson,
            types::ErrorKind::Rejected => NextMove::Reject,
        };
        let message = scrub.text(cut(&error.message, MESSAGE_BYTES_MAX));
        let failure = Failure::new(code, next, format!("from {}: {}", self.plugin, printable(&message)));
        match error.hint {
            Some(hint) => failure.hint(printable(&scrub.text(cut(&hint, MESSAGE_BYTES_MAX)))),
            None => failure,
        }
    }
}

/// Whether a guest's code is one: 1 to 64 characters of `a-z0-9-`.
pub(super) fn is_code(code: &str) -> bool {
    let characters = code.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    characters && !code.is_empty() && code.len() <= CODE_BYTES_MAX
}

/// The start of a text, at most so many bytes, whole characters.
pub(super) fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

fn tail(text: &str, bytes_max: usize) -> &str {
    &text[text.ceil_char_boundary(text.len().saturating_sub(bytes_max))..]
}

/// A text as it may go to a terminal: control characters (a guest could move the cursor) become visible.
pub(super) fn printable(text: &str) -> String {
    let show = |character: char| match character {
        '\t' => ' ',
        _ if character.is_control() || ('\u{202a}'..='\u{202e}').contains(&character) => '\u{fffd}',
        _ => character,
    };
    text.chars().map(show).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label() -> Label {
        Label { name: "telemessage".to_owned(), version: Some("0.3.1".to_owned()), digest: [0xab; 32] }
    }

    fn call<'a>(label: &'a Label, position: Option<Position>) -> Call<'a> {
        Call { plugin: label, function: "pull", connector: Some("whatsapp"), position }
    }

    #[test]
    fn a_diagnostic_says_who_where_what_and_the_last_words() {
        let label = label();
        let scrub = Scrub::default();
        scrub.add("hunter22");
        let ending =
            Ending::Trap { what: "wasm trap: unreachable".into(), frames: vec!["core::panic".into(), "pull".into()] };
        let log = "token hunter22\nthread 'main' panicked:\u{1b}[2J\nindex out of bounds";
        let failure = call(&label, Some(Position::Cursor(vec![7; 20]))).failure(ending, None, log, &scrub);
        assert_eq!(
            failure.message,
            "plugin `telemessage` 0.3.1 failed in `pull`: wasm trap: unreachable\n  \
             connector: `whatsapp`\n  \
             at: cursor 07070707070707070707070707070707… (20 bytes)\n  \
             kind: trap\n  \
             digest: sha256:abababababab\n  \
             in: core::panic < pull\n  \
             its last words:\n    \
             token [secret]\n    \
             thread 'main' panicked:\u{fffd}[2J\n    \
             index out of bounds"
        );
        assert_eq!((failure.code.as_str(), failure.next), ("plugin-trap", NextMove::Stop));
    }

    #[test]
    fn each_ending_has_its_code_and_next_move() {
        let label = label();
        let trap = || Ending::Trap { what: "unreachable".into(), frames: Vec::new() };
        let retry = NextMove::Retry { after: None };
        let outage = Failure::new("no-answer", retry, "the directory does not answer");
        let table = [
            (trap(), Some(300 << 20), "plugin-memory", NextMove::Stop),
            (trap(), None, "plugin-trap", NextMove::Stop),
            (Ending::Exit, None, "plugin-trap", NextMove::Stop),
            (Ending::Time(Duration::from_secs(120)), Some(1), "plugin-timeout", retry),
            (Ending::Stopped(Stop::CpuTime(Duration::from_secs(60))), Some(1), "plugin-timeout", NextMove::Stop),
            (Ending::Stopped(Stop::LogFlood(10)), None, "plugin-log-flood", NextMove::Stop),
            (Ending::Stopped(Stop::Requests(10)), None, "plugin-requests", NextMove::Stop),
            (Ending::Stopped(Stop::Misuse("it asked")), None, "plugin-bad-output", NextMove::Stop),
            (Ending::Stopped(Stop::Host(outage)), None, "no-answer", retry),
            (Ending::TooLarge, None, "plugin-output-too-large", NextMove::Stop),
            (Ending::Malformed("bad\nutf-8".into()), None, "plugin-bad-output", NextMove::Stop),
            (Ending::BadOutput("item 3: `id` is empty".into()), None, "plugin-bad-output", NextMove::Stop),
        ];
        for (ending, refused_bytes, code, next) in table {
            let shown = format!("{ending:?}");
            let failure = call(&label, None).failure(ending, refused_bytes, "", &Scrub::default());
            assert_eq!((failure.code.as_str(), failure.next), (code, next), "{shown}");
        }
    }

    #[test]
    fn a_guests_own_error_blames_it_and_keeps_the_hosts_hint() {
        let label = label();
        let error = |kind, code: &str, retry_after_ms| types::Error {
            kind,
            code: code.to_owned(),
            message: "the site said no".to_owned(),
            hint: Some("ask\u{7} them".to_owned()),
            retry_after_ms,
            extensions: Vec::new(),
        };
        use types::ErrorKind::{Denied, Misconfigured, Other, RateLimited, Rejected, Retry};
        let after = |ms| NextMove::Retry { after: Some(Duration::from_millis(ms)) };
        let table = [
            (Retry, None, NextMove::Retry { after: None }),
            (Retry, Some(5), after(5)),
            (RateLimited, Some(7_000), after(7_000)),
            (Denied, Some(5), NextMove::AskPerson),
            (Misconfigured, None, NextMove::AskPerson),
            (Rejected, None, NextMove::Reject),
            (Other, None, NextMove::Retry { after: None }),
        ];
        for (kind, retry_after_ms, next) in table {
            let failure = call(&label, None).refusal(error(kind, "said-no", retry_after_ms), None, &Scrub::default());
            assert_eq!((failure.code.as_str(), failure.next), ("said-no", next), "{kind:?}");
            assert_eq!(failure.message, "from plugin `telemessage` 0.3.1: the site said no");
            assert_eq!(failure.hint.as_deref(), Some("ask\u{fffd} them"));
        }
        let odd = call(&label, None).refusal(error(Retry, "Not a code", None), None, &Scrub::default());
        assert_eq!(odd.code, "plugin-error");

        let host = Failure::new("egress-denied", NextMove::AskPerson, "`https://x` is not granted").hint("grant = …");
        let handed_on = call(&label, None).refusal(error(Other, "egress-denied", None), Some(&host), &Scrub::default());
        assert_eq!((handed_on.next, handed_on.hint.as_deref()), (NextMove::AskPerson, Some("grant = …")));
        assert_eq!(handed_on.message, "from plugin `telemessage` 0.3.1: `https://x` is not granted");
    }

    #[test]
    fn texts_are_cut_at_characters() {
        assert_eq!((cut("aä", 2), tail("äa", 2), cut("abc", 9)), ("a", "a", "abc"));
        assert_eq!(printable("a\tb\u{202e}c\n"), "a b\u{fffd}c\u{fffd}");
    }
}
