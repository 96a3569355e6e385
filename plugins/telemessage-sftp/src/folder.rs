//! Looks at the folder that TeleMessage delivers to.

use std::collections::BTreeMap;

use kit::{Error, Host, source::Account};

use crate::{delivery::DeliveryName, manifest::has_ending, settings::Settings};

/// Days with missing files that are named, one finding each.
const GAPS_SHOWN_MAX: usize = 20;

/// Counts deliveries and says which numbers are missing in a day: a manifest proves a file whole, only the numbers
/// in the names can show that a file never came.
pub(crate) fn check(host: &mut dyn Host, settings: &Settings) -> Result<Account, Error> {
    let mut days: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    let (mut deliveries, mut others) = (0_usize, 0_usize);
    for entry in host.folder_entries(&settings.path)? {
        match DeliveryName::parse(&entry.path) {
            Some(name) => {
                deliveries += 1;
                days.entry(name.day).or_default().push(name.number);
            }
            None if has_ending(&entry.path, ".zip") => others += 1,
            None => {}
        }
    }
    let mut findings = vec![format!("deliveries: {deliveries}, of {} days", days.len())];
    if others > 0 {
        findings.push(format!("zip files not named as a delivery: {others}; they are read if they have a manifest"));
    }
    findings.extend(days.into_iter().filter_map(|(day, numbers)| gap(&day, numbers)).take(GAPS_SHOWN_MAX));
    Ok(Account { id: settings.account.clone(), name: format!("TeleMessage deliveries in {}", settings.path), findings })
}

/// The first number missing between a day's lowest and highest. Days begin at 0 or 1; which is not documented.
fn gap(day: &str, mut numbers: Vec<u32>) -> Option<String> {
    numbers.sort_unstable();
    numbers.dedup();
    let pair = numbers.windows(2).find(|pair| matches!(pair, [low, high] if high - low > 1))?;
    let [low, high] = pair else { return None };
    Some(format!("warning: day {day}: no file between number {low} and number {high}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_found() {
        assert_eq!(gap("20261102", vec![3, 1, 2, 2]), None);
        assert_eq!(gap("20261102", vec![7]), None);
        let found = gap("20261102", vec![4, 1, 2]);
        assert_eq!(found.as_deref(), Some("warning: day 20261102: no file between number 2 and number 4"));
    }
}
