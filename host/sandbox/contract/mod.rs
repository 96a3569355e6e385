//! What a component may import and must export, told in the words of the contract instead of a linker's.
//!
//! Converter and mapper are pure. That is proven here, from their imports: besides their own interface of the contract
//! they may import what a language's runtime always does (WASI cli, io, clocks, random, filesystem), which is linked
//! and empty.

pub(super) mod v1;

use std::fmt;

use super::diagnostic::cut;

/// The contract's package.
const PACKAGE: &str = "chancery:connector";
/// The contract's version that this host speaks.
pub(super) const VERSION: Version = Version { major: 1, minor: 0, patch: 0 };
/// The contract that this host speaks, for people: `chancery:connector@1.0.0`.
pub fn spoken() -> String {
    format!("{PACKAGE}@{VERSION}")
}

/// WASI's generation that this host speaks.
const WASI: (u64, u64) = (0, 2);
/// Packages of WASI that every plugin may import.
const WASI_ALWAYS: [&str; 5] = ["cli", "io", "clocks", "random", "filesystem"];

/// Which of the contract's worlds a component fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum World {
    /// Reads items.
    Source,
    /// Finds mailboxes.
    Mapper,
    /// Writes messages.
    Converter,
}

impl World {
    const ALL: [Self; 3] = [Self::Source, Self::Mapper, Self::Converter];

    /// The interface it exports, which is also what people call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Mapper => "mapper",
            Self::Converter => "converter",
        }
    }

    /// The contract's interfaces it may import.
    const fn offered(self) -> &'static [&'static str] {
        match self {
            Self::Source => &["types", "descriptors", "http", "folder", "archive", "blobs"],
            Self::Mapper => &["types", "descriptors", "directory"],
            Self::Converter => &["types", "descriptors", "attachments"],
        }
    }

    /// Whether it may import a package of WASI. Sockets are there for sources, because runtimes import them unasked, but
    /// none can be opened.
    fn offers_wasi(self, package: &str) -> bool {
        WASI_ALWAYS.contains(&package) || self == Self::Source && matches!(package, "http" | "sockets")
    }
}

/// A version as it stands in an interface's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Version {
    major: u64,
    minor: u64,
    patch: u64,
}

impl Version {
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('.').map(|number| number.parse().ok());
        let version = Self { major: numbers.next()??, minor: numbers.next()??, patch: numbers.next()?? };
        numbers.next().is_none().then_some(version)
    }

    /// Whether a component built against `self` runs where `offered` is offered: a minor version may add to what the host
    /// offers, and takes nothing away.
    fn is_met_by(self, offered: Self) -> bool {
        self.major == offered.major && self.minor <= offered.minor
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// A component that does not fit: why, and what its author does about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Misfit {
    pub(super) code: &'static str,
    pub(super) why: String,
    pub(super) hint: String,
}

/// An interface's name in its parts: `chancery:connector/http@1.0.0`.
struct Name<'a> {
    package: &'a str,
    interface: &'a str,
    version: Option<Version>,
}

impl<'a> Name<'a> {
    fn parse(name: &'a str) -> Option<Self> {
        let (path, version) = name.split_once('@').map_or((name, None), |(path, version)| (path, Some(version)));
        let (package, interface) = path.split_once('/')?;
        Some(Self { package, interface, version: version.and_then(Version::parse) })
    }
}

/// Finds the world of a component from the names of its imports and exports, and checks that it stays within it.
pub(super) fn check<'a>(
    imports: impl Iterator<Item = &'a str>,
    exports: impl Iterator<Item = &'a str>,
) -> Result<World, Misfit> {
    let world = find_world(exports)?;
    // In order of names, so that of several misfits always the same one is told.
    let mut imports: Vec<&str> = imports.collect();
    imports.sort_unstable();
    imports.into_iter().try_for_each(|import| check_import(world, import))?;
    Ok(world)
}

fn find_world<'a>(exports: impl Iterator<Item = &'a str>) -> Result<World, Misfit> {
    let ours = exports.filter_map(Name::parse).filter(|name| name.package == PACKAGE);
    let worlds: Vec<_> = ours
        .filter_map(|name| Some((World::ALL.into_iter().find(|world| world.name() == name.interface)?, name.version)))
        .collect();
    match worlds[..] {
        [(world, version)] => check_version(world.name(), version).map(|()| world),
        [] => Err(Misfit {
            code: "plugin-world",
            why: format!("it exports none of `{PACKAGE}/source`, `/mapper`, `/converter`"),
            hint: "build it for one of the worlds in `wit/`: `source-plugin`, `mapper-plugin`, `converter-plugin`"
                .to_owned(),
        }),
        [(first, _), (second, _), ..] => Err(Misfit {
            code: "plugin-world",
            why: format!("it exports both `{PACKAGE}/{}` and `{PACKAGE}/{}`", first.name(), second.name()),
            hint: "build one component for each".to_owned(),
        }),
    }
}

fn check_import(world: World, import: &str) -> Result<(), Misfit> {
    let shown = cut(import, 200).escape_debug().to_string();
    let refused = |hint: String| {
        let offered: Vec<_> = world.offered().iter().map(|interface| format!("`{PACKAGE}/{interface}`")).collect();
        let wasi: Vec<_> =
            WASI_ALWAYS.into_iter().chain(["http"]).filter(|package| world.offers_wasi(package)).collect();
        Misfit {
            code: "plugin-import",
            why: format!(
                "it imports `{shown}`, which a {} may not; this host offers it {} and `wasi:{{{}}}@{}.{}`",
                world.name(),
                offered.join(", "),
                wasi.join(","),
                WASI.0,
                WASI.1,
            ),
            hint,
        }
    };
    let Some(name) = Name::parse(import) else {
        return Err(refused("build it as a component for one of the worlds in `wit/`".to_owned()));
    };
    if name.package == PACKAGE {
        if !world.offered().contains(&name.interface) {
            return Err(refused(format!("build it for the world `{}-plugin`", world.name())));
        }
        return check_version(name.interface, name.version);
    }
    let Some(package) = name.package.strip_prefix("wasi:") else {
        return Err(refused("build it without this import".to_owned()));
    };
    if !world.offers_wasi(package) {
        return Err(refused(how_to_drop(package)));
    }
    let generation = name.version.map(|version| (version.major, version.minor));
    if generation != Some(WASI) {
        let why = format!("it imports `{shown}`, this host offers `wasi:{package}@{}.{}`", WASI.0, WASI.1);
        let hint = "build it for `wasm32-wasip2`, or with the tool's option for WASI 0.2".to_owned();
        return Err(Misfit { code: "plugin-wasi-version", why, hint });
    }
    Ok(())
}

fn how_to_drop(package: &str) -> String {
    let disable = match package {
        "http" => "componentize-js: `--disable http --disable fetch-event`",
        "sockets" => "Rust: do without `std::net`",
        _ => "componentize-js: `--disable all`",
    };
    format!(
        "a converter or mapper has no use for it; the build leaves it out (componentize-py: `--stub-wasi`; {disable})"
    )
}

fn check_version(interface: &str, version: Option<Version>) -> Result<(), Misfit> {
    if version.is_some_and(|version| version.is_met_by(VERSION)) {
        return Ok(());
    }
    let needs = version.map_or_else(String::new, |version| format!("@{version}"));
    let newer = version.is_some_and(|version| (version.major, version.minor) > (VERSION.major, VERSION.minor));
    Err(Misfit {
        code: "plugin-contract-version",
        why: format!("it needs `{PACKAGE}/{interface}{needs}`, this host offers `@{VERSION}`"),
        hint: match newer {
            true => "use a newer Chancery, or an older release of the plugin".to_owned(),
            false => "use a newer release of the plugin, or build it against this host's `wit/`".to_owned(),
        },
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;

    const EXPORT: [(&str, World); 3] = [
        ("chancery:connector/source@1.0.0", World::Source),
        ("chancery:connector/mapper@1.0.0", World::Mapper),
        ("chancery:connector/converter@1.0.0", World::Converter),
    ];

    #[test]
    fn what_a_language_always_imports_is_offered_to_every_world() {
        let imports = [
            "chancery:connector/types@1.0.0",
            "chancery:connector/descriptors@1.0.0",
            "wasi:cli/environment@0.2.6",
            "wasi:clocks/wall-clock@0.2.0",
            "wasi:filesystem/types@0.2.3",
            "wasi:io/streams@0.2.6",
            "wasi:random/random@0.2.9",
        ];
        for (export, world) in EXPORT {
            assert_eq!(check(imports.into_iter(), [export].into_iter()), Ok(world));
        }
    }

    #[test]
    fn an_import_decides_by_world() {
        #[rustfmt::skip]
        let table = [
            ("chancery:connector/http@1.0.0",        [Ok(()), Err("plugin-import"), Err("plugin-import")]),
            ("chancery:connector/folder@1.0.0",      [Ok(()), Err("plugin-import"), Err("plugin-import")]),
            ("chancery:connector/archive@1.0.0",     [Ok(()), Err("plugin-import"), Err("plugin-import")]),
            ("chancery:connector/blobs@1.0.0",       [Ok(()), Err("plugin-import"), Err("plugin-import")]),
            ("chancery:connector/directory@1.0.0",   [Err("plugin-import"), Ok(()), Err("plugin-import")]),
            ("chancery:connector/attachments@1.0.0", [Err("plugin-import"), Err("plugin-import"), Ok(())]),
            ("chancery:connector/secrets@1.0.0",     [Err("plugin-import"), Err("plugin-import"), Err("plugin-import")]),
            ("chancery:connector/types@1.0.7",       [Ok(()), Ok(()), Ok(())]),
            ("chancery:connector/types@1.1.0",       [Err("plugin-contract-version"); 3]),
            ("chancery:connector/types@2.0.0",       [Err("plugin-contract-version"); 3]),
            ("chancery:connector/types@0.1.0",       [Err("plugin-contract-version"); 3]),
            ("chancery:connector/types",             [Err("plugin-contract-version"); 3]),
            ("wasi:http/outgoing-handler@0.2.6",     [Ok(()), Err("plugin-import"), Err("plugin-import")]),
            ("wasi:sockets/tcp@0.2.6",               [Ok(()), Err("plugin-import"), Err("plugin-import")]),
            ("wasi:keyvalue/store@0.2.0-draft",      [Err("plugin-import"); 3]),
            ("wasi:cli/run@0.3.0",                   [Err("plugin-wasi-version"); 3]),
            ("wasi:io/poll@0.2.0-rc-2023-11-10",     [Err("plugin-wasi-version"); 3]),
            ("acme:thing/other@1.0.0",               [Err("plugin-import"); 3]),
            ("env",                                  [Err("plugin-import"); 3]),
        ];
        for (import, expected) in table {
            for ((export, world), expect) in EXPORT.into_iter().zip(expected) {
                let found = check([import].into_iter(), [export].into_iter()).map(drop).map_err(|misfit| misfit.code);
                assert_eq!(found, expect, "{import} in a {}", world.name());
            }
        }
    }

    #[test]
    fn a_misfit_says_what_is_needed_what_is_offered_and_what_to_do() {
        let misfit = |import: &str, export: &str| {
            check([import].into_iter(), [export].into_iter()).map_err(|misfit| (misfit.why, misfit.hint))
        };
        let (why, hint) = misfit("wasi:http/types@0.2.6", EXPORT[1].0).unwrap_err();
        assert_eq!(
            why,
            "it imports `wasi:http/types@0.2.6`, which a mapper may not; this host offers it `chancery:connector/types`, \
             `chancery:connector/descriptors`, `chancery:connector/directory` and `wasi:{cli,io,clocks,random,filesystem}@0.2"
                .to_owned()
                + "`"
        );
        assert!(hint.contains("--stub-wasi") && hint.contains("--disable http"), "{hint}");

        let (why, hint) = misfit("wasi:io/poll@0.2.0", "chancery:connector/source@1.1.0").unwrap_err();
        assert_eq!(why, "it needs `chancery:connector/source@1.1.0`, this host offers `@1.0.0`");
        assert!(hint.contains("newer Chancery"), "{hint}");
    }

    #[test]
    fn a_component_fills_one_world() {
        let none = [];
        let world =
            |exports: &[&'static str]| check(none.into_iter(), exports.iter().copied()).map_err(|misfit| misfit.why);
        assert!(world(&[]).unwrap_err().contains("exports none"));
        assert!(
            world(&["wasi:cli/run@0.2.0", "acme:connector/source@1.0.0", "run"]).unwrap_err().contains("exports none")
        );
        assert!(world(&[EXPORT[0].0, EXPORT[2].0]).unwrap_err().contains("exports both"));
    }
}
