//! What stands in documents and in code says the same: tables are generated, lists of keys and commands are complete.

use std::{collections::BTreeSet, fmt::Write as _, fs};

use chancery::item::reason::{About, REASONS};

use super::{
    arrows,
    code::{Token, blank, tokens, without_tests},
    tree::{Finding, Tree, root},
};

const CONFIGURATION: &str = "docs/configuration.md";
const OPERATIONS: &str = "docs/operations.md";

/// Everything that is said twice.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::from_iter(same(tree, "docs/reasons.md", &reasons()));
    let limits = limits(tree.text("host/item/limits.rs").unwrap_or_default());
    for (path, name, table) in [("ARCHITECTURE.md", "arrows", arrows::table()), (CONFIGURATION, "limits", limits)] {
        match filled(tree.text(path).unwrap_or_default(), name, &table) {
            Some(text) => findings.extend(same(tree, path, &text)),
            None => {
                findings.push(Finding::new(path, 0, format!("`<!-- {name} -->` and `<!-- /{name} -->` are missing")))
            }
        }
    }
    let source = |path: &str| tree.text(path).unwrap_or_default();
    let mut keys = keys(source("host/config/typed.rs"), |_| true);
    keys.extend(self::keys(source("host/item/network.rs"), |name| name == "Network"));
    findings.extend(missing(tree, CONFIGURATION, keys.iter().map(|key| format!("`{key}`"))));
    findings.extend(missing(tree, CONFIGURATION, plugin_settings(tree).iter().map(|key| format!("`{key}`"))));
    let commands = variants(source("host/cli/arguments.rs"), "Command");
    findings.extend(missing(tree, OPERATIONS, commands.iter().map(|name| format!("`chancery {name}"))));
    findings.extend(tree.rust("host/").flat_map(|(path, text)| unknown_codes(path, text)));
    findings
}

/// A document that differs from what the code says; written anew with `BLESS=1`.
fn same(tree: &Tree, path: &str, expect: &str) -> Option<Finding> {
    if tree.text(path) == Some(expect) {
        return None;
    }
    if std::env::var_os("BLESS").is_some() {
        return match fs::write(root().join(path), expect) {
            Ok(()) => None,
            Err(error) => Some(Finding::new(path, 0, format!("cannot be written: {error}"))),
        };
    }
    let have = tree.text(path).unwrap_or_default();
    let line = have.lines().zip(expect.lines()).take_while(|(have, expect)| have == expect).count() + 1;
    Some(Finding::new(
        path,
        line,
        "differs from the code; run `BLESS=1 cargo test --test all tidy` and look at the change",
    ))
}

/// The text with what stands between the marks of `name` replaced.
fn filled(text: &str, name: &str, table: &str) -> Option<String> {
    let (before, rest) = text.split_once(&format!("<!-- {name} -->\n"))?;
    let (_, after) = rest.split_once(&format!("<!-- /{name} -->"))?;
    Some(format!("{before}<!-- {name} -->\n{table}<!-- /{name} -->{after}"))
}

fn missing(tree: &Tree, path: &str, wanted: impl Iterator<Item = String>) -> Vec<Finding> {
    let text = tree.text(path).unwrap_or_default();
    wanted
        .filter(|wanted| !text.contains(wanted.as_str()))
        .map(|wanted| Finding::new(path, 0, format!("{}` is not explained", wanted.trim_end_matches('`'))))
        .collect()
}

/// `docs/reasons.md`.
fn reasons() -> String {
    let mut text = "# Reasons\n\nEvery code that reports, logs and `chancery explain` use. Written from `host/item/reason.rs`; codes are stable.\n".to_owned();
    for about in [About::Parked, About::Turn, About::Configuration, About::Alert] {
        let _infallible =
            write!(text, "\n## {}\n\n| code | what happened | what to do |\n|---|---|---|\n", about.title());
        for reason in REASONS.iter().filter(|reason| reason.about == about) {
            let cell = |text: &str| text.replace('|', "\\|");
            let _infallible =
                writeln!(text, "| `{}` | {} | {} |", reason.code, cell(reason.meaning), cell(reason.remedy));
        }
    }
    text
}

/// The table of limits from the constants and their comments.
fn limits(source: &str) -> String {
    let mut text = "| limit | value | what it bounds |\n|---|---|---|\n".to_owned();
    let mut comment = Vec::new();
    for line in source.lines() {
        if let Some(words) = line.strip_prefix("/// ") {
            comment.push(words);
        } else if let Some((name, value)) = line.strip_prefix("pub const ").and_then(constant) {
            let _infallible = writeln!(text, "| `{name}` | {} | {} |", readable(value), comment.join(" "));
            comment.clear();
        } else {
            comment.clear();
        }
    }
    text
}

fn constant(rest: &str) -> Option<(&str, &str)> {
    let (name, rest) = rest.split_once(':')?;
    Some((name, rest.split_once('=')?.1.trim().trim_end_matches(';')))
}

/// `16 << 20` as `16 MiB`, `Duration::from_secs(15 * 60)` as `15 min`.
fn readable(value: &str) -> String {
    for (shift, unit) in [(" << 10", "KiB"), (" << 20", "MiB"), (" << 30", "GiB")] {
        if let Some(number) = value.strip_suffix(shift) {
            return format!("{number} {unit}");
        }
    }
    for (call, unit) in [("Duration::from_millis(", "ms"), ("Duration::from_secs(", "s")] {
        if let Some(number) = value.strip_prefix(call).and_then(|rest| rest.strip_suffix(')')) {
            let unit = match (number.matches(" * 60").count(), unit) {
                (0, unit) => unit,
                (1, _) => "min",
                _ => "h",
            };
            return format!("{} {unit}", number.replace(" * 60", ""));
        }
    }
    value.replace('_', " ")
}

/// The keys that the structs and enums of a source file read, when `wanted` takes their type: fields, and the kebab-case
/// names of enum cases.
fn keys(source: &str, wanted: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let code = blank(source);
    let mut found = BTreeSet::new();
    for (keyword, name, body) in types(&tokens(&code)) {
        if !wanted(name) {
            continue;
        }
        let depths = depths(body);
        for (index, token) in body.iter().enumerate() {
            let next = body.get(index + 1).map_or("", |token| token.text);
            let is_case = keyword == "enum" && depths[index] == 1 && starts_entry(body, index);
            if is_case {
                found.insert(kebab(token.text));
            } else if next == ":" && depths[index] >= 1 {
                found.insert(token.text.to_owned());
            }
        }
    }
    found
}

/// The cases of an enum, kebab-case.
fn variants(source: &str, name: &str) -> Vec<String> {
    let code = blank(source);
    let tokens = tokens(&code);
    let Some((_, _, body)) =
        types(&tokens).into_iter().find(|(keyword, found, _)| *keyword == "enum" && *found == name)
    else {
        return Vec::new();
    };
    let depths = depths(body);
    let cases = body.iter().enumerate().filter(|&(index, _)| depths[index] == 1 && starts_entry(body, index));
    cases.map(|(_, token)| kebab(token.text)).collect()
}

fn kebab(name: &str) -> String {
    let mut out = String::new();
    for character in name.chars() {
        if character.is_uppercase() && !out.is_empty() {
            out.push('-');
        }
        out.extend(character.to_lowercase());
    }
    out
}

/// `struct` or `enum`, its name, and its tokens from the opening brace to the closing one.
fn types<'t, 'a>(tokens: &'t [Token<'a>]) -> Vec<(&'a str, &'a str, &'t [Token<'a>])> {
    let mut found = Vec::new();
    for index in 0..tokens.len().saturating_sub(2) {
        let [keyword, name, open] = [tokens[index].text, tokens[index + 1].text, tokens[index + 2].text];
        if !matches!(keyword, "struct" | "enum") || open != "{" {
            continue;
        }
        let rest = &tokens[index + 2..];
        let end = depths(rest).iter().skip(1).position(|&depth| depth == 0).map_or(rest.len(), |at| at + 1);
        found.push((keyword, name, &rest[..end]));
    }
    found
}

/// How deep in brackets of any kind each token stands; an opening one counts as outside.
fn depths(tokens: &[Token<'_>]) -> Vec<usize> {
    let mut depth = 0_usize;
    tokens
        .iter()
        .map(|token| {
            let closes = matches!(token.text, "}" | ")" | "]");
            depth = if closes { depth.saturating_sub(1) } else { depth };
            let here = depth;
            depth += usize::from(matches!(token.text, "{" | "(" | "["));
            here
        })
        .collect()
}

/// Whether a token begins a case: a capital after `{`, `,` or an attribute.
fn starts_entry(body: &[Token<'_>], index: usize) -> bool {
    let before = index.checked_sub(1).map_or("", |before| body[before].text);
    body[index].text.starts_with(char::is_uppercase) && matches!(before, "{" | "," | "]")
}

/// The settings of every bundled plugin, from the schemas in their sources.
fn plugin_settings(tree: &Tree) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (path, text) in tree.files().filter(|(path, _)| path.starts_with("plugins/") && path.contains("/src/")) {
        let schemas: Vec<&str> = match path.ends_with(".json") {
            true => vec![text],
            false => {
                text.split("r#\"").skip(1).filter_map(|rest| rest.split_once("\"#")).map(|(schema, _)| schema).collect()
            }
        };
        for schema in schemas {
            let Ok(schema) = serde_json::from_str::<serde_json::Value>(schema) else { continue };
            let is_schema = schema.get("type").and_then(serde_json::Value::as_str) == Some("object");
            let properties = schema.get("properties").and_then(serde_json::Value::as_object);
            found.extend(properties.filter(|_| is_schema).into_iter().flat_map(serde_json::Map::keys).cloned());
        }
    }
    found
}

/// Codes that the host gives a failure or a parked copy, but that have no row in the table of reasons.
fn unknown_codes(path: &str, text: &str) -> Vec<Finding> {
    const BEFORE_A_CODE: &[&str] = &["Failure::new(", "ParkReason { code: "];
    if path.ends_with("tests.rs") {
        return Vec::new();
    }
    // Blanking keeps every byte's place, so what is found there is read here.
    let code = without_tests(&blank(text));
    let calls = BEFORE_A_CODE.iter().flat_map(|call| code.match_indices(call).map(|(at, call)| at + call.len()));
    let cases = code.match_indices("=> ").map(|(at, arrow)| at + arrow.len()).filter(|_| path == "host/state/error.rs");
    calls
        .chain(cases)
        .filter_map(|at| {
            let (literal, _) = text[at..].trim_start().strip_prefix('"')?.split_once('"')?;
            let line = text[..at].matches('\n').count() + 1;
            let is_code =
                literal.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
            let known = !is_code || REASONS.iter().any(|reason| reason.code == literal);
            (!known).then(|| Finding::new(path, line, format!("`{literal}` has no row in host/item/reason.rs")))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_fields_and_cases() {
        let source = "struct File { a: Option<u8>, #[serde(default)] pub(super) b: std::Map<String, C>, }\n\
                      enum D { E { f: u8, g: Option<H> }, #[x] I(PathBuf), J }\nfn k(l: u8) {}";
        assert_eq!(kebab("OneOfThese"), "one-of-these");
        let found: Vec<String> = keys(source, |_| true).into_iter().collect();
        assert_eq!(found, ["a", "b", "e", "f", "g", "i", "j"]);
        assert!(keys(source, |name| name == "Other").is_empty());
        assert_eq!(variants(source, "D"), ["e", "i", "j"]);
    }

    #[test]
    fn limits_are_readable() {
        let source = "/// One read.\npub const READ_BYTES_MAX: u32 = 4 << 20;\n\n/// Wait,\n/// at most.\npub const WAIT: Duration = Duration::from_secs(15 * 60);\n// A heading.\npub const N: u64 = 10_000;\n";
        assert_eq!(
            limits(source).lines().skip(2).collect::<Vec<_>>(),
            ["| `READ_BYTES_MAX` | 4 MiB | One read. |", "| `WAIT` | 15 min | Wait, at most. |", "| `N` | 10 000 |  |"]
        );
    }

    #[test]
    fn a_document_that_lags_behind_is_found() {
        let tree = Tree::of(&[("a.md", "| old |\n"), ("docs/configuration.md", "`known`")]);
        assert_eq!(
            filled("x\n<!-- t -->\nold\n<!-- /t -->\ny", "t", "new\n").as_deref(),
            Some("x\n<!-- t -->\nnew\n<!-- /t -->\ny")
        );
        assert_eq!(filled("x", "t", "new"), None);
        assert!(missing(&tree, CONFIGURATION, ["`known`".to_owned()].into_iter()).is_empty());
        assert_eq!(missing(&tree, CONFIGURATION, ["`unknown`".to_owned()].into_iter()).len(), 1);
        assert_eq!(unknown_codes("host/state/error.rs", "Self::A { .. } => \"no-such-code\",").len(), 1);
        assert_eq!(
            unknown_codes("host/a.rs", "Failure::new(\n  \"no-such-code\", x); Failure::new(\"unmapped\", x)").len(),
            1
        );
    }

    #[test]
    fn settings_come_from_the_schemas() {
        let schema =
            "const SCHEMA: &str = r#\"{\"type\":\"object\",\"properties\":{\"site\":{\"type\":\"string\"}}}\"#;";
        let tree = Tree::of(&[("plugins/a/src/lib.rs", schema), ("plugins/a/src/b.rs", "r#\"no schema\"#")]);
        assert_eq!(plugin_settings(&tree).into_iter().collect::<Vec<_>>(), ["site"]);
    }
}
