//! Compiles the plugins to WebAssembly, so that plain `cargo run` and `cargo test` mean the whole product.
//!
//! One nested `cargo build` makes all of them. It must depend on nothing of the outer build but the toolchain: the
//! same sources give the same bytes under `cargo check`, `clippy` and `test`, in every profile and checkout, since a
//! plugin is known by its digest. What would leak in is therefore taken out of the environment, and paths are remapped.
//!
//! The outer cargo's `--offline` is not told to build scripts; `cargo fetch` first, or set `CARGO_NET_OFFLINE=true`.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::{Command, exit},
};

const TARGET: &str = "wasm32-wasip2";
const PROFILE: &str = "plugin";

/// The packages to ship, in the order of `bundle::PLUGINS`.
const PLUGINS: &[&str] = &[
    "daily-digest",
    "email",
    "mattermost",
    "slack-export",
    "sms-backup",
    "telegram-export",
    "telemessage",
    "telemessage-sftp",
    "users",
    "whatsapp-cloud",
    "whatsapp-export",
];

/// The hostile guests of the test suite, built on demand.
const MISBEHAVING: &[&str] =
    &["misbehaving-converter", "misbehaving-mapper", "misbehaving-personal", "misbehaving-source"];

fn main() {
    let out_dir = PathBuf::from(required("OUT_DIR"));
    let target_dir = shared_target_dir(&out_dir);
    let misbehaving = if env::var_os("CARGO_FEATURE_MISBEHAVING").is_some() { MISBEHAVING } else { &[] };

    require_target();
    build(&target_dir, PLUGINS.iter().chain(misbehaving));

    let wasm_dir = target_dir.join(TARGET).join(PROFILE);
    embed(&wasm_dir, &out_dir, "plugins.rs", PLUGINS);
    embed(&wasm_dir, &out_dir, "misbehaving.rs", misbehaving);
    watch_what_no_compiler_reads();
}

/// Where the nested cargo keeps what it builds: `plugins` in the outer target directory, so that profiles and feature
/// sets share one cold build (half a minute of macro crates); in `out_dir` when the outer layout is unfamiliar.
///
/// Never the outer target directory itself: the outer cargo holds its lock, and both would wait for ever.
fn shared_target_dir(out_dir: &Path) -> PathBuf {
    out_dir.ancestors().find(|dir| dir.join("CACHEDIR.TAG").exists()).unwrap_or(out_dir).join("plugins")
}

/// Ends the build with the next step when the toolchain cannot compile to [`TARGET`] and rustup cannot teach it.
fn require_target() {
    if has_target() {
        return;
    }
    if env::var_os("CHANCERY_NO_RUSTUP").is_none() {
        let added = Command::new("rustup").args(["target", "add", TARGET]).status();
        if added.is_ok_and(|status| status.success()) && has_target() {
            println!("cargo::warning=added the Rust target {TARGET} with rustup (CHANCERY_NO_RUSTUP=1 forbids that)");
            // Cargo repeats a script's warnings until it runs again; a path that is not there makes that the next build.
            println!("cargo::rerun-if-changed=said-once");
            return;
        }
    }
    println!(
        "cargo::error=the plugins need the Rust target `{TARGET}`, which this toolchain lacks; \
         hint: run `rustup target add {TARGET}`, or install your distribution's package of that target's standard library"
    );
    // Success, because cargo then prints the sentence alone; the error still fails the build.
    exit(0);
}

fn has_target() -> bool {
    let asked = Command::new(required("RUSTC")).args(["--print=target-libdir", "--target", TARGET]).output();
    asked.is_ok_and(|answer| Path::new(String::from_utf8_lossy(&answer.stdout).trim_end()).is_dir())
}

/// Compiles `packages` in one go, so that what they share is built once.
fn build<'a>(target_dir: &Path, packages: impl Iterator<Item = &'a &'a str>) {
    let mut cargo = Command::new(required("CARGO"));
    cargo.args(["build", "--locked", "--profile", PROFILE, "--target", TARGET]);
    cargo.args(packages.flat_map(|name| ["--package", name]));
    // Both: the flag beats CARGO_TARGET_DIR, the variable beats a user's `build.build-dir`.
    cargo.arg("--target-dir").arg(target_dir).env("CARGO_BUILD_BUILD_DIR", target_dir);

    for (name, _) in env::vars_os().filter(|(name, _)| leaks(&name.to_string_lossy())) {
        cargo.env_remove(name);
    }
    // Beats every other place flags may come from, configuration files included. In the order of increasing weight.
    let flags = [(cargo_home(), "/cargo"), (workspace(), "/chancery"), (target_dir.to_path_buf(), "/target")]
        .map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()));
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f")).env("CARGO_INCREMENTAL", "0");

    // Cargo shows it when something fails.
    println!("running `{} {}`", cargo.get_program().display(), words(&cargo));
    match cargo.status() {
        Ok(status) if status.success() => {}
        Ok(status) => fail(&format!("the plugins did not compile ({status}); what the compiler said stands below")),
        Err(error) => fail(&format!("`{}` did not start: {error}", cargo.get_program().display())),
    }
}

fn words(command: &Command) -> String {
    command.get_args().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// Whether a variable carries the outer build's settings into the nested one.
fn leaks(name: &str) -> bool {
    // Flags and targets of the outer build, and `cargo clippy`, which would lint through the nested build.
    const NAMES: &[&str] = &[
        "CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER",
        "CARGO_BUILD_RUSTFLAGS",
        "CARGO_BUILD_TARGET",
        "CLIPPY_ARGS",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTFLAGS",
    ];
    // The user's overrides of profiles; what cargo tells this script about its own package.
    const BEGINNINGS: &[&str] = &["CARGO_PROFILE_", "CARGO_CFG_", "CARGO_FEATURE_"];
    NAMES.contains(&name) || BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
}

/// Copies each wasm beside the table that embeds it (another build may replace the one in the shared directory), and
/// tells cargo what it was made of.
fn embed(wasm_dir: &Path, out_dir: &Path, table: &str, packages: &[&str]) {
    let mut rows = String::from("&[\n");
    for name in packages {
        let wasm = wasm_dir.join(name.replace('-', "_")).with_extension("wasm");
        attempt(fs::copy(&wasm, out_dir.join(name).with_extension("wasm")), "copy", &wasm);
        watch(&wasm.with_extension("d"));
        rows += &format!(
            "    Bundled {{ name: {name:?}, wasm: include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{name}.wasm\")) }},\n"
        );
    }
    let table = out_dir.join(table);
    attempt(fs::write(&table, rows + "]\n"), "write", &table);
}

/// Watches every file a Makefile rule of cargo's names: a package's sources and those of the packages beside it, and
/// the contract, since bindgen tracks it.
fn watch(dependencies: &Path) {
    let rule = attempt(fs::read_to_string(dependencies), "read", dependencies);
    let Some((_, files)) = rule.split_once(": ") else {
        fail(&format!("`{}` names no source files", dependencies.display()));
    };
    // A space inside a path is written `\ `; no path holds a NUL.
    for file in files.trim_end().replace("\\ ", "\0").split(' ') {
        println!("cargo::rerun-if-changed={}", file.replace('\0', " "));
    }
}

/// Manifests, the lock file, and the contract's folder, for a file that is new in it.
fn watch_what_no_compiler_reads() {
    for path in ["../../Cargo.toml", "../../Cargo.lock", "../../wit", "../kit/Cargo.toml"] {
        println!("cargo::rerun-if-changed={path}");
    }
    for name in PLUGINS {
        println!("cargo::rerun-if-changed=../{name}/Cargo.toml");
    }
    for folder in ["converter", "mapper", "personal", "source"] {
        println!("cargo::rerun-if-changed=../../tests/misbehaving/{folder}/Cargo.toml");
    }
}

fn workspace() -> PathBuf {
    let bundle = PathBuf::from(required("CARGO_MANIFEST_DIR"));
    bundle.ancestors().nth(2).map(Path::to_path_buf).unwrap_or(bundle)
}

/// Where dependencies are unpacked, so that their paths in panic messages are the same on every machine.
fn cargo_home() -> PathBuf {
    let named = env::var_os("CARGO_HOME").map(PathBuf::from);
    named.or_else(|| env::home_dir().map(|home| home.join(".cargo"))).unwrap_or_else(|| PathBuf::from("/nowhere"))
}

/// A variable that cargo sets for every build script.
fn required(name: &str) -> std::ffi::OsString {
    env::var_os(name).unwrap_or_else(|| fail(&format!("`{name}` is not set; this program is run by cargo")))
}

fn attempt<T>(result: io::Result<T>, verb: &str, path: &Path) -> T {
    result.unwrap_or_else(|error| fail(&format!("cannot {verb} `{}`: {error}", path.display())))
}

fn fail(message: &str) -> ! {
    println!("cargo::error={message}");
    exit(1);
}
