//! What pages say of what is not there, and how they show what somebody wrote to do harm.

use super::Console;
use crate::support::world::CONNECTOR;

#[test]
fn what_is_not_there_is_said_and_what_was_written_stays_text() {
    let console = Console::start();
    let mut ben = console.with_rights("ben", &["operate", "evidence", "administer-connectors"]);
    let day = ben.get(&format!("/runs/{CONNECTOR}?day=1999-01-01")).expect(200).body;
    assert!(day.contains("No items were archived on 1999-01-01"), "{day}");
    ben.get(&format!("/runs/{CONNECTOR}?day=yesterday")).expect(422);
    let csv = ben.get(&format!("/runs/{CONNECTOR}/windows.csv?day=1999-01-01")).expect(200).body;
    assert_eq!(csv.lines().count(), 1, "the header alone: {csv}");
    for path in [
        "/runs/nobody",
        "/runs/nobody/windows.csv",
        "/connectors/nobody",
        "/parked/nobody",
        "/mapping/nobody",
        &format!("/runs/{CONNECTOR}/windows/999999"),
        &format!("/runs/{CONNECTOR}/items/999999"),
        &format!("/runs/{CONNECTOR}/items?id=nothing"),
    ] {
        assert_eq!(ben.get(path).status, 404, "{path}");
    }

    let hostile = "<script>alert('x')</script>\"&";
    let held = [("kind", "case"), ("subject", hostile), ("reason", hostile)];
    ben.send("/ledger", "/ledger/holds", &held).leads_to("/ledger");
    for path in ["/ledger", "/activity"] {
        let page = ben.get(path).expect(200).body;
        assert!(page.contains("&lt;script&gt;") && !page.contains("<script>alert"), "{path}: {page}");
    }
    console.served.stop().expect(0);
}

#[test]
fn items_are_saved_whole_and_as_no_formulas() {
    let console = Console::start();
    let mut ben = console.with_rights("ben", &["operate"]);
    let window = format!("/runs/{CONNECTOR}/windows/1");
    let counted = ben.get(&format!("/runs/{CONNECTOR}/windows.json")).expect(200).json();
    let of_window = counted["windows"].as_array().unwrap().iter().find(|of| of["id"] == 1).unwrap();
    let all = ben.get(&format!("{window}/items.json")).expect(200).json();
    assert_eq!(all.as_array().unwrap().len() as u64, of_window["items"]["fetched"].as_u64().unwrap());
    let parked = ben.get(&format!("{window}/items.json?outcome=parked")).expect(200).json();
    assert_eq!(parked.as_array().unwrap().len() as u64, of_window["items"]["parked"].as_u64().unwrap());
    assert_eq!(ben.get(&format!("{window}/items.json?outcome=staged")).expect(200).body.trim(), "[\n\n]");

    let saved = ben.get(&format!("{window}/items.csv")).expect(200);
    assert_eq!(saved.headers["content-disposition"], format!("attachment; filename=\"{CONNECTOR}-1.csv\""));
    let lines: usize = all.as_array().unwrap().iter().map(|item| item["copies"].as_array().unwrap().len().max(1)).sum();
    let mut reader = csv::Reader::from_reader(saved.body.as_bytes());
    assert_eq!(reader.headers().unwrap().get(4), Some("source_id"));
    let records: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
    assert_eq!(records.len(), lines);
    let starts = records.iter().flat_map(|record| record.iter()).filter(|cell| cell.starts_with(['=', '+', '-', '@']));
    assert_eq!(starts.count(), 0);
    ben.get(&format!("/runs/{CONNECTOR}/windows/999999/items.csv")).expect(404);
    console.served.stop().expect(0);
}
