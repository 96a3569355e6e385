//! Runs of the program under `strace`, and what it saw: the calls that touch the installation, in their order.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::support::{
    program::{Ran, Running},
    world::World,
};

/// Every call that can change a file system, or make a change durable.
const CHANGING: &str = "open,openat,creat,write,writev,pwrite64,pwritev,pwritev2,truncate,ftruncate,fallocate,lseek,\
    copy_file_range,sendfile,splice,rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,mkdir,\
    mkdirat,rmdir,fsync,fdatasync,syncfs,sync,sync_file_range";

/// A call as it was made. Numbers of lines stand for time.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// When it began and when it ended: calls of other threads may lie between.
    pub(super) begun: usize,
    pub(super) ended: usize,
    pub(super) name: String,
    pub(super) arguments: Vec<Argument>,
    /// None: it failed.
    pub(super) result: Option<u64>,
    /// The path of a descriptor it returned.
    pub(super) opened: Option<Vec<u8>>,
    /// `strace` let it fail.
    pub(super) injected: bool,
}

/// An argument, as far as the campaigns need it.
#[derive(Clone, Debug)]
pub(super) enum Argument {
    /// A descriptor and what it stands for; `AT_FDCWD` has no number.
    Descriptor(Option<u32>, Vec<u8>),
    /// A string or buffer; several buffers are one.
    Bytes(Vec<u8>),
    /// Anything else, as it was written.
    Other(String),
}

/// Runs a turn in this world under `strace` with these further options and returns every call that changes files.
pub(super) fn record(world: &World, options: &[&str], kill_at: Option<&str>) -> (Ran, Vec<Call>) {
    let changing = format!("trace={CHANGING}");
    let recording = ["-s", "1000000000", "-e", &changing];
    run(world, &["sync"], &[&recording, options].concat(), kill_at)
}

/// Runs the program in this world under `strace` with these options and returns what was traced.
pub(super) fn run(world: &World, arguments: &[&str], options: &[&str], kill_at: Option<&str>) -> (Ran, Vec<Call>) {
    let output = tempfile::tempdir().unwrap();
    let file = output.path().join("trace");
    let mut traced = Command::new("strace");
    traced.args(["-f", "-y", "-xx", "--seccomp-bpf", "-o"]).arg(&file).args(options).arg("--");
    let mut command = world.command(arguments);
    command.env("TOKIO_WORKER_THREADS", "1");
    if let Some(place) = kill_at {
        command.env("CHANCERY_KILL_AT", place);
    }
    traced.arg(command.get_program()).args(command.get_args());
    traced.current_dir(command.get_current_dir().unwrap());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => traced.env(name, value),
            None => traced.env_remove(name),
        };
    }
    let ran = Running::start(traced).finish();
    let text = fs::read_to_string(&file).unwrap();
    (ran, calls(&text))
}

/// The calls of a trace by the time they ended. Those that never ended are left out.
fn calls(text: &str) -> Vec<Call> {
    let mut begun: HashMap<&str, (usize, &str)> = HashMap::new();
    let mut calls = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let (thread, rest) = line.split_once(' ').unwrap_or_else(|| panic!("no thread in `{line}`"));
        let rest = rest.trim_start();
        if rest.starts_with("+++") || rest.starts_with("---") {
            continue;
        }
        if let Some(start) = rest.strip_suffix(" <unfinished ...>") {
            begun.insert(thread, (number, start));
        } else if let Some(resumed) = rest.strip_prefix("<... ") {
            let (start_number, start) = begun.remove(thread).unwrap_or_else(|| panic!("nothing to resume: {line}"));
            let end = resumed.split_once(" resumed>").unwrap().1;
            calls.extend(call(start_number, number, &format!("{start}{end}")));
        } else {
            calls.extend(call(number, number, rest));
        }
    }
    calls
}

fn call(begun: usize, ended: usize, line: &str) -> Option<Call> {
    let (made, result) = line.rsplit_once(" = ").unwrap_or_else(|| panic!("no result in `{line}`"));
    let (name, arguments) = made.trim_end().strip_suffix(')')?.split_once('(')?;
    if result.starts_with('?') {
        return None; // The process ended in it.
    }
    let number = result.split(['<', ' ']).next().unwrap();
    let opened = result.split_once('<').and_then(|(_, rest)| Some(unhex(rest.split_once('>')?.0)));
    Some(Call {
        begun,
        ended,
        name: name.to_owned(),
        arguments: split(arguments).into_iter().map(argument).collect(),
        result: number.parse().ok(),
        opened,
        injected: result.ends_with("(INJECTED)"),
    })
}

/// Cuts at commas outside brackets. Strings and paths are in hexadecimal and hold neither.
fn split(arguments: &str) -> Vec<&str> {
    let (mut depth, mut from, mut parts) = (0, 0, Vec::new());
    for (at, byte) in arguments.bytes().enumerate() {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth -= 1,
            b',' if depth == 0 => {
                parts.push(arguments[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(arguments[from..].trim());
    parts
}

fn argument(text: &str) -> Argument {
    if text.starts_with('"') || text.starts_with("[{iov_base=") {
        // Every second part is between quotation marks.
        return Argument::Bytes(text.split('"').skip(1).step_by(2).flat_map(unhex).collect());
    }
    match text.split_once('<') {
        Some((number, path)) if number == "AT_FDCWD" || number.parse::<u32>().is_ok() => {
            let path = path.split('>').next().unwrap();
            Argument::Descriptor(number.parse().ok(), unhex(path))
        }
        _ => Argument::Other(text.to_owned()),
    }
}

/// `\x2f\x61`, and characters as they are where `strace` does not encode them.
fn unhex(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() / 4);
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        match tail {
            [b'x', high, low, after @ ..] if *first == b'\\' => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16).unwrap() as u8;
                bytes.push(digit(high) << 4 | digit(low));
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    bytes
}

impl Call {
    /// The path that the argument at `index` names, a descriptor's or a string's below the descriptor before it.
    pub(super) fn path(&self, index: usize) -> PathBuf {
        let text = |bytes: &[u8]| PathBuf::from(String::from_utf8(bytes.to_vec()).expect("paths here are UTF-8"));
        match (&self.arguments[index], index.checked_sub(1).map(|before| &self.arguments[before])) {
            (Argument::Descriptor(_, path), _) => text(path),
            (Argument::Bytes(name), Some(Argument::Descriptor(_, folder))) => text(folder).join(text(name)),
            (Argument::Bytes(name), _) => text(name),
            (Argument::Other(other), _) => panic!("`{other}` is no path: {}", self.name),
        }
    }

    /// The path it is about, relative to the installation; none when it is about something else.
    pub(super) fn inside(&self, root: &Path) -> Option<PathBuf> {
        let index = match self.name.as_str() {
            "openat" | "renameat" | "renameat2" | "linkat" | "unlinkat" | "mkdirat" => 1,
            "sync" => return None,
            _ => 0,
        };
        let path = match &self.opened {
            Some(path) => PathBuf::from(String::from_utf8(path.clone()).ok()?),
            None => self.path(index),
        };
        let is_written = self.opened.is_none() && matches!(self.arguments[index], Argument::Bytes(_));
        if is_written && path.is_relative() {
            return Some(path); // Programs run in the installation.
        }
        // Sockets and the like have names that are no paths.
        path.strip_prefix(root).ok().map(Path::to_owned)
    }

    /// The descriptor it is about.
    pub(super) fn descriptor(&self) -> Option<u32> {
        match self.arguments.first() {
            Some(Argument::Descriptor(number, _)) => *number,
            _ => None,
        }
    }

    /// The buffer at `index`, as far as it was written.
    pub(super) fn bytes(&self, index: usize) -> Vec<u8> {
        let Argument::Bytes(bytes) = &self.arguments[index] else { panic!("no buffer: {self:?}") };
        bytes[..self.result.unwrap() as usize].to_vec()
    }

    /// The number at `index`.
    pub(super) fn number(&self, index: usize) -> u64 {
        match &self.arguments[index] {
            Argument::Other(text) => text.parse().unwrap_or_else(|_| panic!("`{text}` is no number: {}", self.name)),
            other => panic!("{other:?} is no number: {}", self.name),
        }
    }

    /// Whether a flag stands in the argument at `index`.
    pub(super) fn has_flag(&self, index: usize, flag: &str) -> bool {
        matches!(self.arguments.get(index), Some(Argument::Other(text)) if text.split('|').any(|one| one == flag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_several_threads_are_told_apart() {
        let text = r#"7 openat(AT_FDCWD<\x2f\x61>, "\x62", O_RDWR|O_CREAT, 0600) = 5<\x2f\x61\x2f\x62>
7 write(5<\x2f\x61\x2f\x62>, "\x31\x32", 2 <unfinished ...>
8 fdatasync(5<\x2f\x61\x2f\x62>) = -1 EIO (Input/output error) (INJECTED)
7 <... write resumed>)              = 1
8 writev(5<\x2f\x61\x2f\x62>, [{iov_base="\x33", iov_len=1}, {iov_base="\x34\x35", iov_len=2}], 2) = 3
8 fsync(5<\x2f\x61\x2f\x62>) = ?
7 +++ exited with 0 +++
"#;
        let calls = calls(text);
        let names: Vec<&str> = calls.iter().map(|call| call.name.as_str()).collect();
        assert_eq!(names, ["openat", "fdatasync", "write", "writev"]);
        assert!(calls[1].injected && calls[1].result.is_none());
        assert_eq!((calls[2].begun, calls[2].ended, calls[2].bytes(1)), (1, 3, b"1".to_vec()));
        assert_eq!(calls[3].bytes(1), b"345");
        assert!(calls[0].has_flag(2, "O_CREAT"));
        for call in &calls {
            assert_eq!(call.inside(Path::new("/a")), Some("b".into()), "{call:?}");
        }
    }
}
