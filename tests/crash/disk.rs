//! What a disk may hold after a power cut, by a strict reading of what is promised.
//!
//! A file's bytes are safe once it was synced (fsync, fdatasync), a folder's entries once the folder was, everything
//! after syncfs or sync; `sync_file_range` promises nothing. Whatever is not safe may be there or not, each write and each
//! entry by itself: bytes page by page, the last write torn anywhere, a length without its bytes (zeros). An entry's
//! changes keep their order, and a rename happens as a whole.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{Random, trace::Call};
use crate::support::files;

/// Memory pages, which are written one by one.
const PAGE_BYTES: usize = 4096;

/// A file or folder, by its place in [`Disk::nodes`].
type Node = usize;
/// An entry: a name in a folder.
type Slot = (Node, String);

/// The files of an installation as programs see them, and what of that is safe.
#[derive(Clone)]
pub(super) struct Disk {
    root: PathBuf,
    nodes: Vec<Content>,
    seen: BTreeMap<Slot, Node>,
    safe: BTreeMap<Slot, Node>,
    /// Changes of entries that are not safe, oldest first.
    moves: Vec<Move>,
    /// Where the next `write` through a descriptor goes.
    offsets: HashMap<u32, usize>,
}

#[derive(Clone)]
struct Content {
    is_folder: bool,
    mode: u32,
    seen: Arc<Vec<u8>>,
    safe: Arc<Vec<u8>>,
    /// Changes of bytes that are not safe, oldest first.
    changes: Vec<Change>,
}

/// A change of entries, all of it or nothing.
#[derive(Clone)]
struct Move {
    ended: usize,
    slots: Vec<(Slot, Option<Node>)>,
}

#[derive(Clone)]
struct Change {
    ended: usize,
    what: Bytes,
}

#[derive(Clone)]
enum Bytes {
    Written(usize, Arc<Vec<u8>>),
    Length(usize),
}

/// How much of what is not safe is lost.
#[derive(Clone, Copy, Debug)]
enum Loss {
    /// All of it.
    Everything,
    /// Each change by itself.
    Some,
    /// Each change by itself, and bytes page by page.
    Pages,
}

impl Disk {
    /// An installation as it stands, all of it safe.
    pub(super) fn of(root: &Path) -> Self {
        let folder =
            Content { is_folder: true, mode: 0o700, seen: Arc::default(), safe: Arc::default(), changes: vec![] };
        let mut disk = Self {
            root: root.to_owned(),
            nodes: vec![folder],
            seen: BTreeMap::new(),
            safe: BTreeMap::new(),
            moves: Vec::new(),
            offsets: HashMap::new(),
        };
        disk.read(root, 0);
        disk.safe = disk.seen.clone();
        disk
    }

    fn read(&mut self, folder: &Path, node: Node) {
        for path in files::children(folder) {
            let mode = fs::symlink_metadata(&path).unwrap().permissions().mode() & 0o7777;
            let bytes = Arc::new(if path.is_dir() { Vec::new() } else { fs::read(&path).unwrap() });
            let safe = Arc::clone(&bytes);
            let child = self.add(Content { is_folder: path.is_dir(), mode, seen: bytes, safe, changes: vec![] });
            self.seen.insert((node, files::name(&path)), child);
            if path.is_dir() {
                self.read(&path, child);
            }
        }
    }

    fn add(&mut self, content: Content) -> Node {
        self.nodes.push(content);
        self.nodes.len() - 1
    }

    /// Does what a call did.
    ///
    /// # Errors
    /// It put something into a folder of which no earlier call is known: two threads' calls were recorded out of order,
    /// or one is missing.
    pub(super) fn apply(&mut self, call: &Call) -> Result<(), String> {
        let Some(result) = call.result else {
            self.fail(call);
            return Ok(());
        };
        if call.name == "sync" {
            self.sync_everything(call.begun);
            return Ok(());
        }
        let Some(path) = call.inside(&self.root) else { return Ok(()) };
        match call.name.as_str() {
            "openat" => self.open(call, 2, &path, result as u32)?,
            "open" => self.open(call, 1, &path, result as u32)?,
            "mkdir" | "mkdirat" => {
                let node = self.new_node(true);
                self.change(call, vec![(self.slot(&path)?, Some(node))]);
            }
            "write" | "writev" => {
                let Some(node) = self.find(&path) else { return Ok(()) };
                let offset = self.offsets.get(&call.descriptor().unwrap()).copied().unwrap_or(0);
                self.offsets.insert(call.descriptor().unwrap(), offset + result as usize);
                self.write(node, call, Bytes::Written(offset, Arc::new(call.bytes(1))));
            }
            "pwrite64" => {
                let Some(node) = self.find(&path) else { return Ok(()) };
                let written = Bytes::Written(call.number(3) as usize, Arc::new(call.bytes(1)));
                self.write(node, call, written);
            }
            "ftruncate" => {
                let Some(node) = self.find(&path) else { return Ok(()) };
                self.write(node, call, Bytes::Length(call.number(1) as usize));
            }
            "lseek" => {
                self.offsets.insert(call.descriptor().unwrap(), result as usize);
            }
            "rename" | "renameat" | "renameat2" => {
                let to = self.inside(&call.path(if call.name == "rename" { 1 } else { 3 }));
                let node = self.find(&path);
                self.change(call, vec![(self.slot(&path)?, None), (self.slot(&to)?, node)]);
            }
            "unlink" | "unlinkat" | "rmdir" => self.change(call, vec![(self.slot(&path)?, None)]),
            "fsync" | "fdatasync" => {
                let Some(node) = self.find(&path) else { return Ok(()) };
                if self.nodes[node].is_folder {
                    self.sync_folder(node, call.begun)
                } else {
                    self.sync_file(node, call.begun)
                }
            }
            "syncfs" => self.sync_everything(call.begun),
            "sync_file_range" => {}
            // Preallocated space without a new length holds nothing that could be lost.
            "fallocate" if call.has_flag(1, "FALLOC_FL_KEEP_SIZE") => {}
            other => panic!("the model of the disk does not know `{other}`: {call:?}"),
        }
        Ok(())
    }

    /// A sync that failed: the system may hold what it did not write to be safe, so that no later sync writes it either.
    /// Programs go on seeing those bytes; the disk never will. Of a whole file system that is what lies below the folder
    /// that stood for it: a file that another thread holds open would be told at its own sync.
    fn fail(&mut self, call: &Call) {
        let is_sync = matches!(call.name.as_str(), "fsync" | "fdatasync" | "syncfs");
        if let Some(node) = call.inside(&self.root).filter(|_| is_sync).and_then(|path| self.find(&path)) {
            let below = self.below(node);
            below.into_iter().for_each(|node| self.nodes[node].changes.clear());
        }
    }

    /// A node and everything in it.
    fn below(&self, node: Node) -> Vec<Node> {
        let mut found = vec![node];
        let mut at = 0;
        while let Some(folder) = found.get(at).copied() {
            found.extend(self.seen.range((folder, String::new())..(folder + 1, String::new())).map(|(_, node)| *node));
            at += 1;
        }
        found
    }

    /// The call may have been under way when the power failed: it counts like one that was not synced.
    fn apply_begun(&mut self, call: &Call) {
        if !matches!(call.name.as_str(), "fsync" | "fdatasync" | "syncfs" | "sync") {
            self.apply(call).unwrap_or_else(|problem| panic!("{problem}"));
        }
    }

    fn open(&mut self, call: &Call, flags: usize, path: &Path, descriptor: u32) -> Result<(), String> {
        assert!(!call.has_flag(flags, "O_APPEND"), "the model of the disk does not know O_APPEND: {call:?}");
        assert!(!call.has_flag(flags, "O_TMPFILE"), "the model of the disk does not know O_TMPFILE: {call:?}");
        self.offsets.insert(descriptor, 0);
        match self.find(path) {
            Some(node) if call.has_flag(flags, "O_TRUNC") => self.write(node, call, Bytes::Length(0)),
            None if call.has_flag(flags, "O_CREAT") => {
                let node = self.new_node(false);
                self.change(call, vec![(self.slot(path)?, Some(node))]);
            }
            _ => {}
        }
        Ok(())
    }

    fn new_node(&mut self, is_folder: bool) -> Node {
        // As tight as the program makes them: it refuses keys that others may read.
        let mode = if is_folder { 0o700 } else { 0o600 };
        self.add(Content { is_folder, mode, seen: Arc::default(), safe: Arc::default(), changes: vec![] })
    }

    fn inside(&self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.root).unwrap_or(path).to_owned()
    }

    /// Where a path's last part stands; the folder must be there.
    fn slot(&self, path: &Path) -> Result<Slot, String> {
        let folder = path.parent().and_then(|parent| self.find(parent));
        let folder = folder.ok_or_else(|| format!("`{}` has no folder in the model of the disk", path.display()))?;
        Ok((folder, files::name(path)))
    }

    fn find(&self, path: &Path) -> Option<Node> {
        path.iter()
            .filter(|part| *part != ".")
            .try_fold(0, |folder, name| self.seen.get(&(folder, name.to_str().expect("UTF-8").to_owned())).copied())
    }

    fn change(&mut self, call: &Call, slots: Vec<(Slot, Option<Node>)>) {
        slots.iter().for_each(|(slot, node)| set(&mut self.seen, slot, *node));
        self.moves.push(Move { ended: call.ended, slots });
    }

    fn write(&mut self, node: Node, call: &Call, what: Bytes) {
        let content = &mut self.nodes[node];
        what.apply(Arc::make_mut(&mut content.seen));
        content.changes.push(Change { ended: call.ended, what });
    }

    /// What ended before the sync began is safe now.
    fn sync_file(&mut self, node: Node, before: usize) {
        let content = &mut self.nodes[node];
        let safe = Arc::make_mut(&mut content.safe);
        content.changes.retain(|change| {
            let is_safe = change.ended < before;
            if is_safe {
                change.what.apply(safe);
            }
            !is_safe
        });
    }

    fn sync_folder(&mut self, folder: Node, before: usize) {
        let touches = |change: &Move| change.ended < before && change.slots.iter().any(|((at, _), _)| *at == folder);
        let wanted = self.moves.iter().map(touches).collect();
        self.settle(wanted);
    }

    fn sync_everything(&mut self, before: usize) {
        (0..self.nodes.len()).for_each(|node| self.sync_file(node, before));
        let wanted = self.moves.iter().map(|change| change.ended < before).collect();
        self.settle(wanted);
    }

    /// Makes these changes of entries safe, and the earlier ones they build on.
    fn settle(&mut self, mut wanted: Vec<bool>) {
        let mut slots: BTreeSet<&Slot> = BTreeSet::new();
        for (change, wanted) in self.moves.iter().zip(&mut wanted).rev() {
            *wanted |= change.slots.iter().any(|(slot, _)| slots.contains(slot));
            if *wanted {
                slots.extend(change.slots.iter().map(|(slot, _)| slot));
            }
        }
        let mut wanted = wanted.into_iter();
        self.moves.retain(|change| {
            let is_safe = wanted.next().unwrap();
            if is_safe {
                change.slots.iter().for_each(|(slot, node)| set(&mut self.safe, slot, *node));
            }
            !is_safe
        });
    }

    /// Fails unless the folder holds what programs see here: the recording missed nothing.
    pub(super) fn expect_seen_is(&self, folder: &Path) -> Result<(), String> {
        let here = self.contents(&self.seen, |node| node.seen.as_ref().clone());
        let mut there = BTreeMap::new();
        for path in files::paths_below(folder) {
            there.insert(path.strip_prefix(folder).unwrap().to_owned(), fs::read(&path).unwrap());
        }
        let wrong: BTreeSet<&PathBuf> =
            here.keys().chain(there.keys()).filter(|path| here.get(*path) != there.get(*path)).collect();
        if wrong.is_empty() { Ok(()) } else { Err(format!("the model of the disk and the disk differ in {wrong:?}")) }
    }

    fn contents(
        &self,
        slots: &BTreeMap<Slot, Node>,
        bytes: impl Fn(&Content) -> Vec<u8>,
    ) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut folders = vec![(0, PathBuf::new())];
        while let Some((folder, path)) = folders.pop() {
            for ((_, name), node) in slots.range((folder, String::new())..(folder + 1, String::new())) {
                let path = path.join(name);
                if self.nodes[*node].is_folder {
                    folders.push((*node, path));
                } else {
                    found.insert(path, bytes(&self.nodes[*node]));
                }
            }
        }
        found
    }

    /// The power fails; what it leaves is written to an empty folder. Returns how the disk was spoiled.
    pub(super) fn cut(mut self, under_way: &[&Call], random: &mut Random, folder: &Path) -> String {
        for call in under_way {
            if random.happens(50) {
                self.apply_begun(call);
            }
        }
        let loss = *random.pick(&[Loss::Everything, Loss::Some, Loss::Pages]);
        let unsafe_moves = self.moves.len();
        let kept = self.moves.iter().map(|_| loss.keeps(random)).collect();
        self.settle(kept);
        let last = self.nodes.iter().flat_map(|node| node.changes.last()).map(|change| change.ended).max();
        let mut unsafe_writes = 0;
        for node in &mut self.nodes {
            let bytes = Arc::make_mut(&mut node.safe);
            unsafe_writes += node.changes.len();
            for change in std::mem::take(&mut node.changes) {
                loss.leave(&change.what, Some(change.ended) == last, random, bytes);
            }
        }
        self.put(0, folder);
        format!("{loss:?} lost of {unsafe_writes} writes and {unsafe_moves} entries")
    }

    fn put(&self, node: Node, at: &Path) {
        for ((_, name), child) in self.safe.range((node, String::new())..(node + 1, String::new())) {
            let (path, content) = (at.join(name), &self.nodes[*child]);
            if content.is_folder {
                fs::create_dir(&path).unwrap();
                self.put(*child, &path);
            } else {
                fs::write(&path, &*content.safe).unwrap();
            }
            fs::set_permissions(&path, fs::Permissions::from_mode(content.mode)).unwrap();
        }
    }
}

fn set(slots: &mut BTreeMap<Slot, Node>, slot: &Slot, node: Option<Node>) {
    match node {
        Some(node) => slots.insert(slot.clone(), node),
        None => slots.remove(slot),
    };
}

impl Bytes {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Length(length) => bytes.resize(*length, 0),
            Self::Written(offset, written) => {
                bytes.resize(bytes.len().max(offset + written.len()), 0);
                bytes[*offset..offset + written.len()].copy_from_slice(written);
            }
        }
    }
}

impl Loss {
    fn keeps(self, random: &mut Random) -> bool {
        !matches!(self, Self::Everything) && random.happens(50)
    }

    /// What is left of a change of bytes.
    fn leave(self, what: &Bytes, is_last: bool, random: &mut Random, bytes: &mut Vec<u8>) {
        let Bytes::Written(offset, written) = what else {
            if self.keeps(random) {
                what.apply(bytes);
            }
            return;
        };
        let end = offset + written.len();
        if matches!(self, Self::Pages) && random.happens(50) {
            // The length is a matter of its own.
            bytes.resize(bytes.len().max(end), 0);
        }
        let mut at = *offset;
        let whole = self.keeps(random);
        // The last write was under way: it is torn somewhere.
        let torn_at =
            if is_last && random.happens(50) { offset + random.below(written.len() as u64 + 1) as usize } else { end };
        while at < torn_at {
            let next = if matches!(self, Self::Pages) { (at / PAGE_BYTES + 1) * PAGE_BYTES } else { end }.min(torn_at);
            if if matches!(self, Self::Pages) { self.keeps(random) } else { whole || torn_at < end } {
                Bytes::Written(at, Arc::new(written[at - offset..next - offset].to_vec())).apply(bytes);
            }
            at = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::trace::Argument, *};

    /// Calls in a row on one file `/r/f`, opened as descriptor 3.
    fn call(number: usize, name: &str, arguments: Vec<Argument>, result: u64) -> Call {
        Call {
            begun: number,
            ended: number,
            name: name.into(),
            arguments,
            result: Some(result),
            opened: None,
            injected: false,
        }
    }

    fn folder(path: &str) -> Argument {
        Argument::Descriptor(None, path.into())
    }

    fn text(text: &str) -> Argument {
        Argument::Bytes(text.into())
    }

    fn other(text: &str) -> Argument {
        Argument::Other(text.into())
    }

    fn script() -> Vec<Call> {
        let file = || Argument::Descriptor(Some(3), "/r/t/f".into());
        let mut open = call(1, "openat", vec![folder("/r"), text("t/f"), other("O_WRONLY|O_CREAT"), other("0600")], 3);
        open.opened = Some("/r/t/f".into());
        vec![
            call(0, "mkdirat", vec![folder("/r"), text("t"), other("0700")], 0),
            open,
            call(2, "write", vec![file(), text("abc"), other("3")], 3),
            call(3, "fdatasync", vec![file()], 0),
            call(4, "write", vec![file(), text("de"), other("2")], 2),
            call(
                5,
                "renameat2",
                vec![folder("/r"), text("t/f"), folder("/r"), text("g"), other("RENAME_NOREPLACE")],
                0,
            ),
            call(6, "fsync", vec![Argument::Descriptor(Some(4), "/r".into())], 0),
            call(7, "syncfs", vec![Argument::Descriptor(Some(4), "/r".into())], 0),
        ]
    }

    /// Every content of `g` and `t/f` that cuts after this many calls leave, with many seeds.
    fn outcomes(calls: usize) -> BTreeSet<(Option<String>, Option<String>)> {
        let empty = tempfile::tempdir().unwrap();
        let mut disk = Disk::of(empty.path());
        disk.root = "/r".into();
        script().iter().take(calls).for_each(|call| disk.apply(call).unwrap());
        let after = |seed| {
            let there = tempfile::tempdir().unwrap();
            disk.clone().cut(&[], &mut Random(seed), there.path());
            let read = |name: &str| fs::read_to_string(there.path().join(name)).ok();
            (read("g"), read("t/f"))
        };
        (0..300).map(after).collect()
    }

    #[test]
    fn only_what_was_synced_is_sure_to_be_there() {
        let some = |text: &str| Some(text.to_owned());
        let unsynced = outcomes(3);
        assert!(unsynced.contains(&(None, None)) && unsynced.contains(&(None, some("abc"))), "{unsynced:?}");
        assert!(unsynced.contains(&(None, some(""))), "an entry without its bytes: {unsynced:?}");
        assert!(unsynced.contains(&(None, some("\0\0\0"))), "a length without its bytes: {unsynced:?}");
        assert!(unsynced.contains(&(None, some("ab"))), "a torn write: {unsynced:?}");

        let file_synced = outcomes(4);
        assert_eq!(file_synced, BTreeSet::from([(None, None), (None, some("abc"))]), "its entry is not");

        let folder_synced = outcomes(7);
        assert!(folder_synced.iter().all(|(g, f)| g.as_ref().is_some_and(|g| g.starts_with("abc")) && f.is_none()));
        assert!(folder_synced.len() > 2, "what was written since is not: {folder_synced:?}");

        assert_eq!(outcomes(8), BTreeSet::from([(some("abcde"), None)]));
    }

    #[test]
    fn a_rename_happens_as_a_whole() {
        let all = outcomes(6);
        assert!(all.iter().all(|(g, f)| g.is_none() || f.is_none()), "{all:?}");
        assert!(all.iter().any(|(g, _)| g.is_some()) && all.iter().any(|(_, f)| f.is_some()), "{all:?}");
    }
}
