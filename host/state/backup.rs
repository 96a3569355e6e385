//! A data folder's truth as a folder of its own: `state backup`, `state export`, and `state import` back.
//!
//! The folder has the layout of a data folder (`ledger/`, `checkpoints/`, `mappings/`, `stage/`, `secrets/`, `people/`, and `keys/`
//! whole or its public half alone), without what is made anew (`index/`, `cache/`, `lock`). `backup.manifest` in it is a
//! signed note, written last:
//!
//! ```text
//! chancery backup 1
//! at-ms 1793578500000
//! keys no                        (whether the secret keys are in it)
//! ledger whatsapp 41             (each connector's ledger, with its last group)
//! file <SHA-256> <bytes> <path>  (every file, sorted by path)
//! signature <128 hex digits>
//! ```
//!
//! A data folder with a manifest in it was put back from a backup. Each ledger that still ends where the manifest says
//! then first records that later records may be gone, so that nothing is sent again that was sent since.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs::{self, File},
    io::{Read as _, Write as _},
    path::{Component, Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use super::{
    Act, Announcement, State, VerifyOptions,
    error::StateError,
    files::{create_folder, list, read_if_there, replace, sync_folder, write_new},
    keys::{self, Keys, hex, unhex},
    lock::Lock,
    note, system_time_ms,
    verify::verify,
};

const FORMAT: u16 = 1;
const MANIFEST: &str = "backup.manifest";
/// What is copied whole; the ledger last, so that a folder with a ledger is complete.
const PARTS: [&str; 6] = ["mappings", "checkpoints", "secrets", "people", "stage", "ledger"];

/// What was copied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BackupReport {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Whether the secret keys are among them.
    pub has_keys: bool,
    /// What the operator should hear of.
    pub announcements: Vec<Announcement>,
}

/// What a manifest says.
struct Manifest {
    has_keys: bool,
    groups: BTreeMap<String, u64>,
    files: BTreeMap<String, ([u8; 32], u64)>,
}

/// Copies everything that cannot be made anew to `to`, a folder that does not exist yet, and verifies the copy. Every
/// unfinished tail is dealt with first; `verb` and `actor` stand in the host's own ledger, which is copied too.
///
/// # Errors
/// What opening the data folder fails with; `backup-target` for a folder that is in use. Nothing is left half-made under
/// the name `to`.
pub fn backup(
    data_dir: &Path,
    to: &Path,
    with_keys: bool,
    verb: &str,
    actor: &str,
) -> Result<BackupReport, StateError> {
    check_target(data_dir, to)?;
    let (state, mut announcements) = State::open(data_dir)?;
    let mut groups = BTreeMap::new();
    for name in state.connectors()? {
        state.connector(&name)?;
    }
    announcements.extend(state.take_announcements());
    state.record_act(Act {
        at_ms: 0,
        actor: actor.into(),
        verb: verb.into(),
        subject: to.display().to_string(),
        reason: if with_keys { "with the secret keys".into() } else { String::new() },
    })?;
    for name in state.connectors()? {
        groups.insert(name.clone(), state.connector(&name)?.last_group()?);
    }
    state.close()?;
    let _lock = Lock::take(data_dir)?;
    let keys = Keys::open(data_dir)?;

    let aside = beside(to, "partial");
    if aside.exists() {
        fs::remove_dir_all(&aside).map_err(StateError::io("remove", &aside))?;
    }
    create_folder(&aside)?;
    let mut manifest = Manifest { has_keys: with_keys, groups, files: BTreeMap::new() };
    for part in PARTS {
        create_folder(&aside.join(part))?;
        copy_folder(&data_dir.join(part), &aside.join(part), part, &mut manifest.files)?;
    }
    create_folder(&aside.join("keys"))?;
    for (name, path) in list(&data_dir.join("keys"))? {
        if path.is_file() && (with_keys || name == "host.pub" || name.ends_with(".rotation")) {
            let copied = copy_file(&path, &aside.join("keys").join(&name))?;
            manifest.files.insert(format!("keys/{name}"), copied);
        }
    }
    sync_folder(&aside.join("keys"))?;
    let text = manifest.text(system_time_ms());
    replace(&aside.join(MANIFEST), note::close(&text, &keys.sign(text.as_bytes())).as_bytes())?;
    // What cannot be read back is no backup.
    verify(&aside, &VerifyOptions::default())?;
    fs::rename(&aside, to).map_err(StateError::io("rename to", to))?;
    sync_folder(to.parent().unwrap_or(Path::new(".")))?;
    Ok(manifest.report(announcements))
}

/// Sets up `data_dir` from a backup or an export: every file is compared with the manifest and every ledger verified
/// before anything is put in place. Without its keys in the backup, they must lie in `data_dir/keys` already.
///
/// # Errors
/// `import-target` when there is a ledger already or the keys are others; `ledger-damaged` when the backup is not whole.
pub fn import(data_dir: &Path, from: &Path, actor: &str) -> Result<BackupReport, StateError> {
    let manifest = {
        create_folder(data_dir)?;
        let _lock = Lock::take(data_dir)?;
        let manifest = read_manifest(from, &[keys::public(from)?])?.ok_or_else(|| no_backup(from))?;
        check_empty(data_dir, from, &manifest)?;
        let aside = data_dir.join("import.partial");
        if aside.exists() {
            fs::remove_dir_all(&aside).map_err(StateError::io("remove", &aside))?;
        }
        create_folder(&aside)?;
        for part in PARTS.into_iter().chain(["keys"]) {
            create_folder(&aside.join(part))?;
        }
        for (path, expected) in &manifest.files {
            let target = aside.join(path);
            for folder in
                target.ancestors().skip(1).take_while(|folder| !folder.exists()).collect::<Vec<_>>().iter().rev()
            {
                create_folder(folder)?;
            }
            let file = from.join(path);
            if copy_file(&file, &target)? != *expected {
                let what = "the file is not what the backup's manifest says".into();
                return Err(StateError::Damaged { file, offset: 0, record: 0, what });
            }
        }
        verify(&aside, &VerifyOptions::default())?;
        if manifest.has_keys && !data_dir.join("keys").exists() {
            put(&aside, data_dir, "keys")?;
        }
        let text = read_if_there(&from.join(MANIFEST))?.unwrap_or_default();
        replace(&data_dir.join(MANIFEST), &text)?;
        for part in PARTS {
            put(&aside, data_dir, part)?;
        }
        fs::remove_dir_all(&aside).map_err(StateError::io("remove", &aside))?;
        manifest
    };
    let (state, mut announcements) = State::open(data_dir)?;
    for name in state.connectors()? {
        state.connector(&name)?;
    }
    state.record_act(Act {
        at_ms: 0,
        actor: actor.into(),
        verb: "state import".into(),
        subject: from.display().to_string(),
        reason: String::new(),
    })?;
    announcements.extend(state.take_announcements());
    state.close()?;
    Ok(manifest.report(announcements))
}

/// Where each connector's ledger ended when the backup was made that this data folder was put back from.
pub(super) fn restored_groups(data_dir: &Path, keys: &Keys) -> Result<BTreeMap<String, u64>, StateError> {
    Ok(read_manifest(data_dir, &keys.trusted())?.map(|manifest| manifest.groups).unwrap_or_default())
}

impl Manifest {
    fn text(&self, at_ms: i64) -> String {
        let keys = if self.has_keys { "yes" } else { "no" };
        let mut text = format!("chancery backup {FORMAT}\nat-ms {at_ms}\nkeys {keys}\n");
        // Writing to a string cannot fail.
        for (name, group) in &self.groups {
            let _ = writeln!(text, "ledger {name} {group}");
        }
        for (path, (sha256, bytes)) in &self.files {
            let _ = writeln!(text, "file {} {bytes} {path}", hex(sha256));
        }
        text
    }

    fn parse(text: &str) -> Option<Self> {
        let mut manifest = Self { has_keys: false, groups: BTreeMap::new(), files: BTreeMap::new() };
        for line in text.lines().skip(2) {
            match line.split_once(' ')? {
                ("keys", has) => manifest.has_keys = has == "yes",
                ("ledger", rest) => {
                    let (name, group) = rest.split_once(' ')?;
                    manifest.groups.insert(name.into(), group.parse().ok()?);
                }
                ("file", rest) => {
                    let (sha256, rest) = rest.split_once(' ')?;
                    let (bytes, path) = rest.split_once(' ')?;
                    // A manifest names nothing outside its folder.
                    Path::new(path).components().all(|part| matches!(part, Component::Normal(_))).then_some(())?;
                    manifest.files.insert(path.into(), (unhex(sha256)?, bytes.parse().ok()?));
                }
                _ => return None,
            }
        }
        Some(manifest)
    }

    fn report(&self, announcements: Vec<Announcement>) -> BackupReport {
        let bytes = self.files.values().map(|(_, bytes)| bytes).sum();
        BackupReport { files: self.files.len() as u64, bytes, has_keys: self.has_keys, announcements }
    }
}

fn read_manifest(folder: &Path, trusted: &[ed25519_dalek::VerifyingKey]) -> Result<Option<Manifest>, StateError> {
    let file = folder.join(MANIFEST);
    let Some(bytes) = read_if_there(&file)? else { return Ok(None) };
    let damaged = |what: &str| StateError::Damaged { file: file.clone(), offset: 0, record: 0, what: what.into() };
    let text = note::open(&bytes, trusted).map_err(damaged)?;
    let version = text.lines().next().and_then(|line| line.strip_prefix("chancery backup ")?.parse::<u16>().ok());
    match version {
        Some(FORMAT) => {}
        Some(version) => return Err(StateError::Format { file, version, known: FORMAT }),
        None => return Err(damaged("it is no manifest of a backup")),
    }
    Manifest::parse(text).map(Some).ok_or_else(|| damaged("the manifest cannot be read"))
}

fn no_backup(from: &Path) -> StateError {
    StateError::NotAllowed {
        code: "import-source",
        what: format!("`{}` is no backup: it has no `{MANIFEST}`", from.display()),
        hint: "name a folder that `chancery state backup` or `chancery state export` made".into(),
    }
}

fn check_target(data_dir: &Path, to: &Path) -> Result<(), StateError> {
    let absolute = |path: &Path| std::path::absolute(path).map_err(StateError::io("find", path));
    let refused = |what: String| {
        Err(StateError::NotAllowed {
            code: "backup-target",
            what,
            hint: "name a folder that does not exist yet, on another disk where you can".into(),
        })
    };
    if absolute(to)?.starts_with(absolute(data_dir)?) {
        return refused(format!("`{}` lies in the data folder itself", to.display()));
    }
    if !list(to)?.is_empty() || to.is_file() {
        return refused(format!("`{}` exists already", to.display()));
    }
    Ok(())
}

fn check_empty(data_dir: &Path, from: &Path, manifest: &Manifest) -> Result<(), StateError> {
    let refused =
        |what: String, hint: &str| Err(StateError::NotAllowed { code: "import-target", what, hint: hint.into() });
    if !list(&data_dir.join("ledger"))?.is_empty() {
        let what = format!("`{}` holds a ledger already; nothing is imported over it", data_dir.display());
        return refused(what, "move it away, or name another `data_dir`; two ledgers are never mixed");
    }
    if data_dir.join("keys").exists() {
        if keys::public(data_dir)? != keys::public(from)? {
            let what = format!("the keys in `{}` are not those of the backup", data_dir.join("keys").display());
            return refused(
                what,
                "put back the keys that belong to the backup; if `chancery init` made these and nothing was sealed with them, move them away",
            );
        }
    } else if !manifest.has_keys {
        let what = format!("the backup `{}` has no secret keys, and `{}` has none", from.display(), data_dir.display());
        return refused(what, "put the folder `keys` back from where it is kept, then import again");
    }
    Ok(())
}

/// `<to>.<ending>`.
fn beside(to: &Path, ending: &str) -> PathBuf {
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(ending);
    to.with_file_name(name)
}

fn put(aside: &Path, data_dir: &Path, part: &str) -> Result<(), StateError> {
    let target = data_dir.join(part);
    if target.exists() {
        fs::remove_dir_all(&target).map_err(StateError::io("remove", &target))?;
    }
    fs::rename(aside.join(part), &target).map_err(StateError::io("rename to", &target))?;
    sync_folder(data_dir)
}

fn copy_folder(
    from: &Path,
    to: &Path,
    name: &str,
    files: &mut BTreeMap<String, ([u8; 32], u64)>,
) -> Result<(), StateError> {
    for (entry, path) in list(from)? {
        let (target, name) = (to.join(&entry), format!("{name}/{entry}"));
        if path.is_dir() {
            create_folder(&target)?;
            copy_folder(&path, &target, &name, files)?;
        } else {
            files.insert(name, copy_file(&path, &target)?);
        }
    }
    sync_folder(to)
}

/// Copies a file, synced, and tells its digest and length.
fn copy_file(from: &Path, to: &Path) -> Result<([u8; 32], u64), StateError> {
    const CHUNK_BYTES: usize = 256 << 10;
    let mut source = File::open(from).map_err(StateError::io("open", from))?;
    let mut target = write_new(to, &[])?;
    let (mut hasher, mut length) = (Sha256::new(), 0);
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let read = source.read(&mut chunk).map_err(StateError::io("read", from))?;
        if read == 0 {
            break;
        }
        hasher.update(&chunk[..read]);
        length += read as u64;
        target.write_all(&chunk[..read]).map_err(StateError::io("write", to))?;
    }
    target.sync_all().map_err(StateError::io("sync", to))?;
    Ok((hasher.finalize().into(), length))
}
