//! Links between documents lead to a file that is there, and to a heading that is there.

use super::tree::{Finding, Tree};

/// Relative links that lead nowhere.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let documents = tree.files().filter(|(path, _)| path.ends_with(".md") && !path.contains("/cases/"));
    documents.flat_map(|(path, text)| check_file(tree, path, text)).collect()
}

fn check_file(tree: &Tree, path: &str, text: &str) -> Vec<Finding> {
    links(text)
        .into_iter()
        .filter(|(_, link)| !["http://", "https://", "mailto:"].iter().any(|scheme| link.starts_with(scheme)))
        .filter_map(|(line, link)| {
            let (file, heading) =
                link.split_once('#').map_or((link.as_str(), None), |(file, heading)| (file, Some(heading)));
            let target = if file.is_empty() { path.to_owned() } else { resolve(path, file) };
            if !tree.has(&target) {
                return Some(Finding::new(path, line, format!("`{link}` leads nowhere: there is no `{target}`")));
            }
            let missing = heading.is_some_and(|heading| {
                !tree.text(&target).unwrap_or_default().lines().any(|line| slug(line).as_deref() == Some(heading))
            });
            missing.then(|| Finding::new(path, line, format!("`{link}` leads nowhere: `{target}` has no such heading")))
        })
        .collect()
}

/// Where `](…)` leads, with the line; code left out.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        // Every second piece between backticks is code.
        let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
        let ends = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        found.extend(ends.map(|(link, _)| (number, link.to_owned())));
    }
    found
}

fn resolve(from: &str, link: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in link.trim_end_matches('/').split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// A heading's anchor, as GitHub makes it.
fn slug(line: &str) -> Option<String> {
    let title = line.strip_prefix('#')?.trim_start_matches('#').strip_prefix(' ')?;
    let kept = title.trim().to_lowercase();
    let kept = kept.chars().filter(|&c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    Some(kept.map(|c| if c == ' ' { '-' } else { c }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_links_are_found() {
        let tree = Tree::of(&[
            (
                "README.md",
                "[a](docs/a.md) [b](docs/b.md) [c](docs/a.md#exit-codes-0-3) [d](docs/a.md#no)\n[e](https://x.y) `[f](z)`",
            ),
            (
                "docs/a.md",
                "# Exit codes: 0, 3\n[up](../README.md) [here](#exit-codes-0-3) [gone](../host/x.rs) [folder](../docs/)\n```\n[g](h)\n```",
            ),
        ]);
        let found: Vec<String> =
            check(&tree).into_iter().map(|finding| format!("{}:{}", finding.file, finding.message)).collect();
        assert_eq!(found.len(), 3, "{found:#?}");
        assert!(
            found[0].contains("no `docs/b.md`")
                && found[1].contains("no such heading")
                && found[2].contains("`host/x.rs`")
        );
    }
}
