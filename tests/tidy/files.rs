//! Files: each is compiled, each can be held in the head, each plugin is whole.

use std::collections::BTreeSet;

use super::{
    code::{blank, tokens},
    tree::{Finding, Tree},
};

/// Lines above which a file hides a noun that wants a file of its own.
const LINES_MAX: usize = 600;

/// Folders below `plugins/` that are no plugins.
const NO_PLUGINS: &[&str] = &["bundle", "kit", "mail", "sheet", "shelf"];

/// Files that are longer than a head.
pub(super) fn check_length(tree: &Tree) -> Vec<Finding> {
    ["host/", "plugins/"]
        .into_iter()
        .flat_map(|folder| tree.rust(folder))
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > LINES_MAX)
        .map(|(path, lines)| {
            Finding::new(path, lines, format!("{lines} lines, {LINES_MAX} are the most: find the noun in it"))
        })
        .collect()
}

/// Rust files that no `mod` names: forgotten, and silently not compiled.
pub(super) fn check_declared(tree: &Tree) -> Vec<Finding> {
    let roots = crate_roots(tree);
    ["host/", "plugins/", "tests/", "bench/"]
        .into_iter()
        .flat_map(|folder| tree.rust(folder))
        .filter(|(path, _)| !roots.contains(*path) && !is_declared(tree, path))
        .map(|(path, _)| Finding::new(path, 0, format!("no file has `mod {};`, so it is not compiled", module(path))))
        .collect()
}

/// What cargo compiles by itself or by a manifest's `path`.
fn crate_roots(tree: &Tree) -> BTreeSet<String> {
    let mut roots = BTreeSet::new();
    for (manifest, text) in tree.files().filter(|(path, _)| *path == "Cargo.toml" || path.ends_with("/Cargo.toml")) {
        let folder = manifest.strip_suffix("Cargo.toml").unwrap_or(manifest);
        let named = text.lines().filter_map(|line| {
            let (key, value) = line.split_once('=')?;
            (key.trim() == "path").then(|| value.trim().trim_matches('"').to_owned())
        });
        let found = ["src/lib.rs", "src/main.rs", "build.rs"].map(str::to_owned);
        roots.extend(named.chain(found).map(|path| format!("{folder}{path}")));
        if folder.is_empty() {
            continue; // The root package finds no test by itself: `autotests = false`.
        }
        let tests = format!("{folder}tests/");
        let by_itself = tree.rust(&tests).map(|(path, _)| path).filter(|path| {
            let rest = &path[tests.len()..];
            !rest.contains('/') || rest.split_once('/').is_some_and(|(_, name)| name == "main.rs")
        });
        roots.extend(by_itself.map(str::to_owned));
    }
    roots
}

fn module(path: &str) -> &str {
    let path = path.strip_suffix("/mod.rs").unwrap_or(path);
    let name = path.rsplit('/').next().unwrap_or(path);
    name.strip_suffix(".rs").unwrap_or(name)
}

fn is_declared(tree: &Tree, path: &str) -> bool {
    let own = path.strip_suffix("/mod.rs").unwrap_or(path);
    let folder = own.rsplit_once('/').map_or("", |(folder, _)| folder);
    let parents = ["mod.rs", "lib.rs", "main.rs"].map(|name| format!("{folder}/{name}"));
    let name = module(path);
    let by_module = parents.into_iter().chain([format!("{folder}.rs")]).any(|parent| {
        tree.text(&parent).is_some_and(|text| {
            let code = blank(text);
            tokens(&code)
                .windows(3)
                .any(|window| window[0].text == "mod" && window[1].text == name && matches!(window[2].text, ";" | "{"))
        })
    });
    let file = own.rsplit('/').next().unwrap_or(own);
    let by_path = || {
        let siblings = tree
            .rust("")
            .filter(|(other, _)| *other != path && (other.starts_with(folder) || other.starts_with("tests/")));
        let ends = [format!("path = \"{file}\""), format!("/{file}\"]")];
        siblings.into_iter().any(|(_, text)| text.contains("#[path") && ends.iter().any(|end| text.contains(end)))
    };
    by_module || by_path()
}

/// Plugins that are not shipped, not described, not in the workspace, or that know bindgen outside `component.rs`.
pub(super) fn check_plugins(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let shipped = tree.text("plugins/bundle/build.rs").unwrap_or_default();
    let workspace = tree.text("Cargo.toml").unwrap_or_default();
    for (manifest, _) in tree.files().filter(|(path, _)| path.starts_with("plugins/") && path.ends_with("/Cargo.toml"))
    {
        let folder = manifest.strip_suffix("/Cargo.toml").unwrap_or(manifest);
        let name = folder.strip_prefix("plugins/").unwrap_or(folder);
        if NO_PLUGINS.contains(&name) {
            continue;
        }
        let mut expect = |held: bool, message: String| {
            if !held {
                findings.push(Finding::new(manifest, 0, message));
            }
        };
        let row = shipped.split("const PLUGINS:").nth(1).and_then(|rest| rest.split("];").next()).unwrap_or_default();
        expect(row.contains(&format!("\"{name}\"")), format!("`{name}` is not in PLUGINS of plugins/bundle/build.rs"));
        let listed = workspace.matches(&format!("\"{folder}\",")).count();
        expect(listed == 2, format!("`{folder}` must stand in `members` and `default-members` of Cargo.toml"));
        expect(tree.text(&format!("{folder}/README.md")).is_some(), format!("`{folder}` has no README.md"));
        let component = format!("{folder}/src/component.rs");
        expect(tree.text(&component).is_some(), format!("`{folder}` has no src/component.rs"));
        let inside = format!("{folder}/");
        for (path, text) in tree.rust(&inside).filter(|(path, _)| *path != component) {
            let code = blank(text);
            for token in tokens(&code).iter().filter(|token| token.text == "wit_bindgen") {
                findings.push(Finding::new(path, token.line, "only src/component.rs may know bindgen"));
            }
        }
    }
    findings
}

/// Tests that are switched off or expect a panic.
pub(super) fn check_attributes(tree: &Tree) -> Vec<Finding> {
    let files = ["host/", "plugins/", "tests/", "bench/"].into_iter().flat_map(|folder| tree.rust(folder));
    files.flat_map(|(path, text)| check_attributes_in(path, text)).collect()
}

fn check_attributes_in(path: &str, text: &str) -> Vec<Finding> {
    let code = blank(text);
    let tokens = tokens(&code);
    tokens
        .windows(3)
        .filter(|window| window[0].text == "#" && window[1].text == "[")
        .filter_map(|window| match window[2].text {
            "ignore" => Some((window[2].line, "`#[ignore]`: a test that does not run proves nothing")),
            "should_panic" => Some((window[2].line, "`#[should_panic]`: return the error and compare it")),
            _ => None,
        })
        .map(|(line, message)| Finding::new(path, line, message))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_no_module_names_is_found() {
        let tree = Tree::of(&[
            ("Cargo.toml", "[lib]\npath = \"host/lib.rs\"\n[[test]]\npath = \"tests/main.rs\"\n"),
            ("host/lib.rs", "pub mod room;\n// mod lost;\n"),
            ("host/room/mod.rs", "mod part;\n#[cfg(test)]\n#[path = \"part_tests.rs\"]\nmod tests;"),
            ("host/room/part.rs", ""),
            ("host/room/part_tests.rs", ""),
            ("host/lost.rs", ""),
            ("plugins/a/Cargo.toml", ""),
            ("plugins/a/src/lib.rs", ""),
            ("plugins/a/tests/all/main.rs", "mod case;"),
            ("plugins/a/tests/all/case.rs", ""),
            ("plugins/a/tests/all/other.rs", ""),
            ("tests/main.rs", "mod journey;"),
            ("tests/journey.rs", ""),
            ("tests/crash.rs", ""),
            ("tests/cold/mod.rs", ""),
        ]);
        let found: Vec<String> = check_declared(&tree).into_iter().map(|finding| finding.file).collect();
        assert_eq!(found, ["host/lost.rs", "plugins/a/tests/all/other.rs", "tests/cold/mod.rs", "tests/crash.rs"]);
    }

    #[test]
    fn a_plugin_that_is_not_whole_is_found() {
        let tree = Tree::of(&[
            ("Cargo.toml", "members = [\n\"plugins/a\",\n\"plugins/b\",\n]\ndefault-members = [\n\"plugins/a\",\n]"),
            ("plugins/bundle/build.rs", "const PLUGINS: &[&str] = &[\"a\"];\n// \"b\""),
            ("plugins/bundle/Cargo.toml", ""),
            ("plugins/a/Cargo.toml", ""),
            ("plugins/a/README.md", ""),
            ("plugins/a/src/component.rs", "wit_bindgen::generate!();"),
            ("plugins/b/Cargo.toml", ""),
            ("plugins/b/src/lib.rs", "use wit_bindgen as w;"),
            ("plugins/b-more/src/component.rs", "use wit_bindgen as w;"),
        ]);
        let found: Vec<String> = check_plugins(&tree).into_iter().map(|finding| finding.message).collect();
        assert_eq!(found.len(), 5, "{found:#?}");
        assert!(found[0].contains("`b` is not in PLUGINS"), "{found:?}");
    }

    #[test]
    fn long_files_and_idle_tests_are_found() {
        let long = "x\n".repeat(LINES_MAX + 1);
        assert_eq!(check_length(&Tree::of(&[("host/a.rs", &long), ("host/b.rs", "x")])).len(), 1);
        let text = "#[test]\n#[ignore = \"slow\"]\nfn a() {}\n#[should_panic]\nfn b() {}\n// #[ignore]";
        assert_eq!(check_attributes_in("host/a.rs", text).len(), 2);
    }
}
