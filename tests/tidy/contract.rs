//! Every item of `wit/` says what it is: the contract is read by people who have nothing else.

use super::tree::{Finding, Tree};

/// Items of the contract without a documentation comment.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let contract = tree.files().filter(|(path, _)| path.starts_with("wit/") && path.ends_with(".wit"));
    contract.flat_map(|(path, text)| check_file(path, text)).collect()
}

fn check_file(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut documented = false;
    let mut brackets_open = 0_i32;
    for (number, line) in (1..).zip(text.lines().map(str::trim)) {
        if line.starts_with("//") || line.starts_with('@') || line.is_empty() {
            // An annotation stands between a comment and its item; an empty line parts them.
            documented = line.starts_with("///") || (documented && line.starts_with('@'));
            continue;
        }
        let begins_item = brackets_open == 0 && !line.starts_with('}');
        let is_reference =
            ["package ", "use ", "import ", "export ", "include "].iter().any(|word| line.starts_with(word));
        if begins_item && !is_reference && !documented {
            let name = line.split([':', '{', '(', ',', ';']).next().unwrap_or(line).trim();
            findings.push(Finding::new(path, number, format!("`{name}` has no `///` comment")));
        }
        // A list of parameters may go over several lines.
        let code = line.split("//").next().unwrap_or(line);
        brackets_open += code.chars().map(|c| i32::from(matches!(c, '(' | '<')) - i32::from(c == ')')).sum::<i32>();
        brackets_open -= code.replace("->", "").matches('>').count().try_into().unwrap_or(0);
        documented = false;
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undocumented_items_are_found() {
        let text = "package a:b@0.1.0;\n\n/// An interface.\ninterface c {\n    use d.{e};\n\n    record f {\n        /// A field.\n        g: list<tuple<string, string>>,\n        h: u8,\n    }\n    /// A function.\n    i: func(\n        j: u8,\n    ) -> result<u8, error>;\n    /// Parted from its item.\n\n    enum k {\n        /// A case.\n        l,\n    }\n    /// With an annotation.\n    @since(version = 0.1.0)\n    m: func();\n}\n";
        let found: Vec<(usize, String)> =
            check_file("wit/a.wit", text).into_iter().map(|f| (f.line, f.message)).collect();
        assert_eq!(
            found,
            [
                (7, "`record f` has no `///` comment".to_owned()),
                (10, "`h` has no `///` comment".to_owned()),
                (18, "`enum k` has no `///` comment".to_owned())
            ]
        );
    }
}
