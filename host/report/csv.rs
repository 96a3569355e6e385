//! Counts as CSV, a window a row; with several destinations, columns for each stand at the end. Cells that a spreadsheet would take for a formula get an apostrophe.

use super::summary::{ConnectorSummary, Copies};
use crate::item::time::rfc3339;

/// A header and a row for each window.
///
/// # Errors
/// Never for rows of this shape; the writer's error is passed on.
pub fn windows(connectors: &[ConnectorSummary]) -> Result<String, csv::Error> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let columns = [
        "connector",
        "start",
        "end",
        "fetched",
        "delivered",
        "parked",
        "duplicate",
        "excluded",
        "seen",
        "available",
        "imported",
        "partial",
        "skipped",
        "failed",
        "pending",
        "kind",
        "under_way",
        "late",
    ];
    let windows = connectors.iter().flat_map(|connector| &connector.windows);
    let destinations = windows.map(|window| window.destinations.len()).max().filter(|count| *count > 1).unwrap_or(0);
    let of_each = (1..=destinations).flat_map(|number| COPIES.map(|count| format!("{count}_{number}")));
    writer.write_record(columns.map(str::to_owned).into_iter().chain(of_each))?;
    for connector in connectors {
        for window in &connector.windows {
            let (items, copies) = (&window.items, &window.copies);
            let counts = [items.fetched, items.delivered, items.parked, items.duplicate, items.excluded, items.seen];
            let counts = counts.into_iter().chain(cells(copies));
            let head = [
                cell(&connector.name),
                window.start.map_or_else(String::new, rfc3339),
                window.end.map_or_else(String::new, rfc3339),
            ];
            let tail = [window.kind.to_owned(), window.under_way.to_string(), window.late.to_string()];
            let of_each = (0..destinations)
                .flat_map(|number| cells(window.destinations.get(number).unwrap_or(&Copies::default())))
                .map(|count| count.to_string());
            writer.write_record(
                head.into_iter().chain(counts.map(|count| count.to_string())).chain(tail).chain(of_each),
            )?;
        }
    }
    finish(writer)
}

/// The counts of copies, in the order of [`cells`].
const COPIES: [&str; 6] = ["available", "imported", "partial", "skipped", "failed", "pending"];

fn cells(copies: &Copies) -> [u64; 6] {
    [copies.available, copies.imported, copies.partial, copies.skipped, copies.failed, copies.pending]
}

/// Rows of text cells under a header.
///
/// # Errors
/// As [`windows`].
pub fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Result<String, csv::Error> {
    let header = header.iter().map(|&text| text.to_owned()).collect();
    lines(std::iter::once(header).chain(rows))
}

/// Rows of text cells, to follow others.
///
/// # Errors
/// As [`windows`].
pub fn lines(rows: impl IntoIterator<Item = Vec<String>>) -> Result<String, csv::Error> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        writer.write_record(row.iter().map(|text| cell(text)))?;
    }
    finish(writer)
}

fn finish(writer: csv::Writer<Vec<u8>>) -> Result<String, csv::Error> {
    let bytes = writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// OWASP, CSV injection: a cell must not start like a formula.
fn cell(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_no_formulas_and_quotes_hold() {
        let rows = vec![vec!["=HYPERLINK(1)".to_owned(), "a,\"b\"\nc".to_owned()]];
        assert_eq!(table(&["x", "y"], rows).expect("a table"), "x,y\r\n'=HYPERLINK(1),\"a,\"\"b\"\"\nc\"\r\n");
    }
}
