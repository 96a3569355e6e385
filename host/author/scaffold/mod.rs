//! A new plugin's project: it builds, and passes its tests, before a line of it was changed.

mod toolchain;

use std::{fs, io, path::Path};

use crate::item::{Failure, NextMove};

/// What the plugin is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Read items.
    Source,
    /// Find mailboxes.
    Mapper,
    /// Write messages.
    Converter,
}

/// What the plugin is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Rust, by wit-bindgen.
    Rust,
    /// Python, by componentize-py.
    Python,
    /// JavaScript, by componentize-js.
    JavaScript,
}

const CONTRACT: [(&str, &str); 4] = [
    ("wit/types.wit", include_str!("../../../wit/types.wit")),
    ("wit/source.wit", include_str!("../../../wit/source.wit")),
    ("wit/mapper.wit", include_str!("../../../wit/mapper.wit")),
    ("wit/converter.wit", include_str!("../../../wit/converter.wit")),
];

const README: &str = include_str!("README.md.txt");

/// Files of a project: their paths, and their texts.
type Files = &'static [(&'static str, &'static str)];

impl Kind {
    /// Cases to begin with, and what comes out of them.
    const fn cases(self) -> Files {
        match self {
            Self::Source => &[
                ("cases/one/settings.json", "{ \"path\": \"inbox\" }\n"),
                ("cases/one/inbox/a.jsonl", include_str!("cases/a.jsonl.txt")),
                ("cases/one/expected.jsonl", include_str!("cases/expected.jsonl.txt")),
            ],
            Self::Mapper => &[
                ("cases/one/settings.json", "{}\n"),
                ("cases/one/mapping.csv", include_str!("cases/mapping.csv.txt")),
                ("cases/one/expected.txt", include_str!("cases/expected.txt")),
            ],
            Self::Converter => &[],
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Mapper => "mapper",
            Self::Converter => "converter",
        }
    }
}

impl Language {
    /// The plugin's code, and where it stands.
    const fn code(self, kind: Kind) -> (&'static str, &'static str) {
        match (self, kind) {
            (Self::Rust, Kind::Source) => ("src/lib.rs", include_str!("rust/source.rs.txt")),
            (Self::Rust, Kind::Mapper) => ("src/lib.rs", include_str!("rust/mapper.rs.txt")),
            (Self::Rust, Kind::Converter) => ("src/lib.rs", include_str!("rust/converter.rs.txt")),
            (Self::Python, Kind::Source) => ("app.py", include_str!("python/source.py.txt")),
            (Self::Python, Kind::Mapper) => ("app.py", include_str!("python/mapper.py.txt")),
            (Self::Python, Kind::Converter) => ("app.py", include_str!("python/converter.py.txt")),
            (Self::JavaScript, Kind::Source) => ("plugin.js", include_str!("javascript/source.js.txt")),
            (Self::JavaScript, Kind::Mapper) => ("plugin.js", include_str!("javascript/mapper.js.txt")),
            (Self::JavaScript, Kind::Converter) => ("plugin.js", include_str!("javascript/converter.js.txt")),
        }
    }

    /// What builds it.
    const fn beside(self) -> Files {
        match self {
            Self::Rust => &[("Cargo.toml", include_str!("rust/Cargo.toml.txt")), (".gitignore", "/target\n")],
            Self::Python => &[
                ("requirements.txt", include_str!("python/requirements.txt")),
                (".gitignore", "/*.wasm\n__pycache__/\n"),
            ],
            Self::JavaScript => &[
                ("package.json", include_str!("javascript/package.json.txt")),
                ("build.mjs", include_str!("javascript/build.mjs.txt")),
                (".gitignore", "/*.wasm\n/node_modules\n"),
            ],
        }
    }

    /// The commands that build it.
    const fn build(self) -> &'static [&'static str] {
        match self {
            Self::Rust => &["cargo build --release --target wasm32-wasip2"],
            Self::Python => &["componentize-py -d wit -w {{kind}}-plugin componentize --stub-wasi app -o {{file}}"],
            Self::JavaScript => &["npm install", "npm run build"],
        }
    }

    /// The component's file, below the project's folder.
    fn component(self, name: &str) -> String {
        match self {
            Self::Rust => format!("target/{}/release/{}.wasm", toolchain::RUST_TARGET, name.replace('-', "_")),
            Self::Python | Self::JavaScript => format!("{name}.wasm"),
        }
    }
}

/// Makes the folder `name` below `into` with a project. Returns the commands that come next.
///
/// # Errors
/// `author-toolchain` with the line that installs what is missing, `author-project` when the name or the folder cannot be; nothing
/// is made then.
pub fn project(into: &Path, name: &str, kind: Kind, language: Language) -> Result<Vec<String>, Failure> {
    let folder = into.join(name);
    let refused = |why: String, hint: &str| Failure::new("author-project", NextMove::AskPerson, why).hint(hint);
    let is_kebab = name.split('-').all(|part| {
        part.starts_with(|c: char| c.is_ascii_lowercase())
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    });
    if !is_kebab || name.len() > 64 {
        return Err(refused(
            format!("`{name}` cannot be a plugin's name"),
            "lower-case words with `-` between them: `acme-chat`",
        ));
    }
    if folder.exists() {
        return Err(refused(
            format!("`{}` is there already", folder.display()),
            "choose another name, or move it away",
        ));
    }
    toolchain::check(language)?;
    let (code, text) = language.code(kind);
    let component = language.component(name);
    let cases = if kind.cases().is_empty() { "" } else { " --cases cases" };
    let filled = |text: &str| {
        text.replace("{{build}}", &language.build().join("\n    "))
            .replace("{{name}}", name)
            .replace("{{kind}}", kind.name())
            .replace("{{code}}", code)
            .replace("{{file}}", &component)
            .replace("{{cases}}", cases)
    };
    let own = [("README.md", README), (code, text)];
    let all = own.iter().chain(language.beside()).chain(&CONTRACT).chain(kind.cases());
    let made = all.into_iter().try_for_each(|(path, text)| write(&folder.join(path), &filled(text)));
    made.map_err(|error| {
        let why = format!("cannot make `{}`: {error}", folder.display());
        Failure::of_disk(&error, refused(why, "remove what is there of it, and try again"))
    })?;
    let mut next = vec![format!("cd {}", folder.display())];
    next.extend(language.build().iter().map(|line| filled(line)));
    next.push(format!("chancery plugin check {component}"));
    next.push(format!("chancery plugin test {component}{cases}"));
    Ok(next)
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
    fs::write(path, text)
}
