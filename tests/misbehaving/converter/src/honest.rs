//! The least that is a correct message; the other rooms start from it and change one thing.

use std::hash::{DefaultHasher, Hash, Hasher};

use kit::converter::{Batch, Item, Message, Splice, State};

/// Separates the parts; cannot occur in them, since no part's text comes from outside.
pub(crate) const BOUNDARY: &str = "=_misbehaving";

/// One message an item, with `note` as a last line of text.
pub(crate) fn messages(batch: &Batch, note: &str) -> Vec<Message> {
    batch.items.iter().zip(0..).map(|(item, index)| message(batch, item, index, note)).collect()
}

/// One item as `multipart/mixed`: a line of text that names the item by a hash, then its attachments.
fn message(batch: &Batch, item: &Item, index: u32, note: &str) -> Message {
    let id = id(batch, item);
    let mut text = String::new();
    for line in [
        "From: chat@archive.invalid",
        "To: undisclosed-recipients:;",
        "Subject: An item",
        &format!("Date: {}", date(item.sent_at)),
        &format!("Message-ID: <{id}@misbehaving.invalid>"),
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
        &format!("Content-Type: multipart/mixed; boundary=\"{BOUNDARY}\""),
        "",
        &format!("--{BOUNDARY}"),
        "Content-Type: text/plain; charset=utf-8",
        "",
        &format!("{} item {id}", item.event.name()),
        note,
        "",
    ] {
        text += line;
        text += "\r\n";
    }
    let mut splices = Vec::new();
    for (attachment, number) in item.attachments.iter().zip(0..) {
        text += &format!("--{BOUNDARY}\r\n");
        match &attachment.state {
            State::Present => {
                text += "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n";
                splices.push(Splice { offset: text.len() as u32, item: index, attachment: number });
            }
            State::Withheld(_) => text += "Content-Type: text/plain\r\n\r\nThis attachment was withheld.\r\n",
            State::Missing(_) => text += "Content-Type: text/plain\r\n\r\nThis attachment is missing.\r\n",
        }
        text += "\r\n";
    }
    text += &format!("--{BOUNDARY}--\r\n");
    Message { skeleton: text.into_bytes(), splices, items: vec![index] }
}

/// An id that no header minds, whatever the item's own looks like. The hasher's keys are fixed.
fn id(batch: &Batch, item: &Item) -> String {
    let mut hasher = DefaultHasher::new();
    (&batch.source, &batch.account, &item.id, item.event, item.revision).hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// RFC 5322 date in UTC; the civil calendar from days after Howard Hinnant's `civil_from_days`.
fn date(ms: i64) -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let seconds = ms.div_euclid(1_000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12;
    let year = era * 400 + year_of_era + i64::from(month < 2);
    let name = MONTHS.get(month as usize).copied().unwrap_or("Jan");
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{day} {name} {year:04} {hour:02}:{minute:02}:{second:02} +0000")
}

#[cfg(test)]
mod tests {
    #[test]
    fn dates_are_those_of_the_calendar() {
        for (ms, date) in [
            (0, "1 Jan 1970 00:00:00 +0000"),
            (-1, "31 Dec 1969 23:59:59 +0000"),
            (951_782_400_000, "29 Feb 2000 00:00:00 +0000"),
            (1_709_251_199_000, "29 Feb 2024 23:59:59 +0000"),
            (1_709_251_200_000, "1 Mar 2024 00:00:00 +0000"),
        ] {
            assert_eq!(super::date(ms), date);
        }
    }
}
