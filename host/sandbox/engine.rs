//! The one wasmtime engine, its clock, and the cache of compiled code.

use std::{
    fs, io,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    thread,
};

use sha2::{Digest, Sha256};
use wasmtime::{Config, Engine, component::Component};

use super::compiler::compiled_by_child;
use crate::item::{Failure, NextMove, limits};

/// Bytes of stack a guest may use; deeper recursion is a trap.
const GUEST_STACK_BYTES_MAX: usize = 1 << 20;
/// Bytes of stack of the fibre a guest runs on: its own and the host functions it calls.
const FIBRE_STACK_BYTES: usize = 2 << 20;

/// Makes the engine and starts its clock.
///
/// On-demand allocation: a turn makes few instances, so that a pool would only hold memory. Copy-on-write images are
/// wasmtime's default. Concurrency support is off: the contract has plain functions only, and without it a small
/// call costs a third less.
pub(super) fn new_engine() -> Result<Engine, Failure> {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .concurrency_support(false)
        .max_wasm_stack(GUEST_STACK_BYTES_MAX)
        .async_stack_size(FIBRE_STACK_BYTES);
    let engine = Engine::new(&config).map_err(|error| {
        Failure::new("engine-unavailable", NextMove::Stop, format!("the WebAssembly engine did not start: {error:#}"))
    })?;
    start_clock(&engine)?;
    Ok(engine)
}

/// Ticks the engine's epoch on an OS thread of its own: a runtime whose workers are all busy in guests could not.
/// The thread holds the engine weakly and ends with it.
fn start_clock(engine: &Engine) -> Result<(), Failure> {
    let engine = engine.weak();
    let tick = move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            thread::sleep(limits::EPOCH_TICK);
        }
    };
    thread::Builder::new().name("guest-clock".to_owned()).spawn(tick).map_err(|error| {
        Failure::new(
            "engine-unavailable",
            NextMove::Stop,
            format!("the clock that ends endless guests did not start: {error}"),
        )
    })?;
    Ok(())
}

/// Compiled code on disk, in a folder that only the host can write: compiled code is run without being checked.
///
/// A file is named by the component's SHA-256 and by what the engine says makes code compatible, so that another
/// release or another machine misses instead of failing. Losing the folder costs a compilation.
#[derive(Clone, Debug)]
pub(super) struct CodeCache {
    dir: Option<PathBuf>,
}

impl CodeCache {
    /// Opens or makes the folder, mode 0700.
    ///
    /// # Errors
    /// When it cannot be made, belongs to somebody else, or others may write it.
    pub(super) fn open(dir: Option<PathBuf>) -> Result<Self, Failure> {
        if let Some(dir) = &dir {
            let fail = |why: String| {
                Failure::new(
                    "code-cache-unsafe",
                    NextMove::AskPerson,
                    format!("the folder of compiled plugins `{}` cannot be used: {why}", dir.display()),
                )
                .hint(format!(
                    "make it yours alone: `chown $(id -u) {0} && chmod 0700 {0}`, or remove it",
                    dir.display()
                ))
            };
            fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|error| fail(error.to_string()))?;
            private(&fs::symlink_metadata(dir).map_err(|error| fail(error.to_string()))?).map_err(fail)?;
        }
        Ok(Self { dir })
    }

    /// The component, from the cache, or compiled and then kept there: by a child process where one can be started.
    ///
    /// # Errors
    /// wasmtime's, when the bytes do not compile. Trouble with the cache is not an error: it costs time.
    pub(super) fn component(&self, engine: &Engine, digest: &[u8; 32], bytes: &[u8]) -> wasmtime::Result<Component> {
        let Some(path) = self.path(engine, digest) else { return Component::new(engine, bytes) };
        match read(engine, &path) {
            Ok(component) => return Ok(component),
            Err(error) if is_absent(&error) => {}
            Err(error) => tracing::debug!(path = %path.display(), %error, "compiled code not used"),
        }
        if compiled_by_child(bytes, &path) {
            match read(engine, &path) {
                Ok(component) => return Ok(component),
                Err(error) => tracing::debug!(path = %path.display(), %error, "a child's code not used"),
            }
        }
        let component = Component::new(engine, bytes)?;
        if let Err(error) = component.serialize().and_then(|code| Ok(write(&path, &code)?)) {
            tracing::warn!(path = %path.display(), %error, "compiled code not kept");
        }
        Ok(component)
    }

    fn path(&self, engine: &Engine, digest: &[u8; 32]) -> Option<PathBuf> {
        let mut compatibility = HashBytes(Sha256::new());
        std::hash::Hash::hash(&engine.precompile_compatibility_hash(), &mut compatibility);
        let compatibility: [u8; 32] = compatibility.0.finalize().into();
        let name = format!("{}-{}.cwasm", super::hex(digest), super::hex(&compatibility[..8]));
        self.dir.as_ref().map(|dir| dir.join(name))
    }
}

/// Compiles a component into a cache file.
///
/// # Errors
/// wasmtime's, or that the file cannot be written.
pub(super) fn compile_to(engine: &Engine, bytes: &[u8], path: &Path) -> wasmtime::Result<()> {
    Ok(write(path, &engine.precompile_component(bytes)?)?)
}

/// Feeds what a `Hash` implementation says into SHA-256: std's own hasher may differ between releases.
struct HashBytes(Sha256);

impl std::hash::Hasher for HashBytes {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}

fn is_absent(error: &wasmtime::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// Says why something is not the host's alone.
fn private(metadata: &fs::Metadata) -> Result<(), String> {
    if metadata.file_type().is_symlink() {
        return Err("it is a link".to_owned());
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(format!("it belongs to user {}", metadata.uid()));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(format!("others may write it (mode {:04o})", metadata.mode() & 0o7777));
    }
    Ok(())
}

#[expect(
    unsafe_code,
    reason = "wasmtime trusts compiled code; only files that this host alone can write are handed over"
)]
fn read(engine: &Engine, path: &Path) -> wasmtime::Result<Component> {
    let file =
        fs::OpenOptions::new().read(true).custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed()).open(path)?;
    private(&file.metadata()?).map_err(io::Error::other)?;
    let mut code = Vec::new();
    io::Read::read_to_end(&mut &file, &mut code)?;
    let code = checked(&code)?;
    // SAFETY: the file is a regular one of ours that nobody else may write, in a folder of the same sort, and its
    // checksum says that it is as `write` left it. What `write` keeps comes from `Component::serialize`.
    unsafe { Component::deserialize(engine, code) }
}

/// Compiled code is stored behind its SHA-256, because a torn or rotten file would be run.
fn checked(stored: &[u8]) -> io::Result<&[u8]> {
    let (sum, code) = stored.split_at_checked(32).ok_or_else(|| io::Error::other("too short"))?;
    if sum == Sha256::digest(code).as_slice() { Ok(code) } else { Err(io::Error::other("checksum differs")) }
}

fn write(path: &Path, code: &[u8]) -> io::Result<()> {
    let dir = path.parent().ok_or_else(|| io::Error::other("no folder"))?;
    let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(dir)?;
    file.write_all(&Sha256::digest(code))?;
    file.write_all(code)?;
    file.as_file().sync_data()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// The smallest component there is.
    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

    #[test]
    fn compiled_code_is_kept_read_back_and_rebuilt_when_it_rots() {
        let dir = tempfile::tempdir().unwrap();
        let cache = CodeCache::open(Some(dir.path().join("code"))).unwrap();
        let engine = new_engine().unwrap();
        let path = cache.path(&engine, &[7; 32]).unwrap();
        cache.component(&engine, &[7; 32], EMPTY).unwrap();
        let kept = fs::read(&path).unwrap();
        read(&engine, &path).unwrap();

        for cut in [0, 31, kept.len() - 1] {
            fs::write(&path, &kept[..cut]).unwrap();
            assert!(read(&engine, &path).is_err(), "cut at {cut}");
        }
        cache.component(&engine, &[7; 32], EMPTY).unwrap();
        assert_eq!(fs::read(&path).unwrap(), kept);
        assert_eq!(fs::read_dir(dir.path().join("code")).unwrap().count(), 1, "no temporary file stays");
    }

    #[test]
    fn a_folder_or_file_that_others_may_write_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let code = dir.path().join("code");
        let cache = CodeCache::open(Some(code.clone())).unwrap();
        assert_eq!(fs::metadata(&code).unwrap().permissions().mode() & 0o777, 0o700);
        let engine = new_engine().unwrap();
        cache.component(&engine, &[7; 32], EMPTY).unwrap();
        let path = cache.path(&engine, &[7; 32]).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        assert!(read(&engine, &path).unwrap_err().to_string().contains("others may write it"));

        fs::set_permissions(&code, fs::Permissions::from_mode(0o777)).unwrap();
        let failure = CodeCache::open(Some(code.clone())).unwrap_err();
        assert_eq!((failure.code.as_str(), failure.next), ("code-cache-unsafe", NextMove::AskPerson));
        assert!(failure.message.contains("mode 0777"), "{failure}");

        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&code, &link).unwrap();
        assert!(CodeCache::open(Some(link)).unwrap_err().message.contains("it is a link"));
    }

    #[test]
    fn the_clock_ends_with_the_engine() {
        let engine = new_engine().unwrap();
        let weak = engine.weak();
        drop(engine);
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
        while weak.upgrade().is_some() {
            assert!(std::time::Instant::now() < deadline, "the engine is still held");
            thread::yield_now();
        }
    }
}
