//! Each `cases/NAME.csv` with `cases/NAME.json`: the settings, and what `load` and `rows` say.
//!
//! `NAME.json`: `settings` (optional), `mailboxes`, `problems` as `[line, code]`, `rows` as `[line, key, mailbox]` or
//! `[line, key, mailbox, valid from, valid to]` with times in RFC 3339.

use std::{fs, path::Path};

use kit::mapper::Mapper;
use serde_json::{Value, json};

use super::load;

#[test]
fn mapping_files_come_to_what_is_written_beside_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let (files, expectations): (Vec<_>, Vec<_>) =
        names.iter().partition(|path| path.extension().is_some_and(|ending| ending == "csv"));
    assert_eq!(files.len(), expectations.len(), "each case is a .csv and a .json");
    let mut failures = Vec::new();
    for file in &files {
        let expected: Value = serde_json::from_slice(&fs::read(file.with_extension("json")).unwrap()).unwrap();
        let settings = expected.get("settings").map_or_else(String::new, Value::to_string);
        let actual = seen(&fs::read(file).unwrap(), &settings);
        for part in ["mailboxes", "problems", "rows"] {
            if actual[part] != expected[part] {
                let name = file.file_stem().unwrap().display();
                failures.push(format!("{name} {part}:\n  expected {}\n  actual   {}", expected[part], actual[part]));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(files.len() > 20, "cases are missing");
}

fn seen(bytes: &[u8], settings: &str) -> Value {
    let (users, summary) = load(bytes, settings);
    let rows = users.rows(0, u32::MAX);
    assert_eq!(summary.rows as usize, rows.len(), "the summary counts the rows that are shown");
    let time = |at: Option<i64>| at.map(|at| jiff::Timestamp::from_millisecond(at).unwrap().to_string());
    let rows: Vec<Value> = rows
        .iter()
        .map(|row| match (time(row.valid_from), time(row.valid_to)) {
            (None, None) => json!([row.line, row.key, row.mailbox]),
            (from, to) => json!([row.line, row.key, row.mailbox, from, to]),
        })
        .collect();
    let problems: Vec<Value> = summary.problems.iter().map(|problem| json!([problem.line, problem.code])).collect();
    for problem in &summary.problems {
        assert!(!problem.message.is_empty() && !problem.message.contains("  "), "{}", problem.message);
    }
    json!({ "mailboxes": summary.mailboxes, "problems": problems, "rows": rows })
}
