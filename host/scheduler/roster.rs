//! Who is registered at a source, against the mapping and what the destinations know: what would go wrong with the next
//! item, found before it comes.
//!
//! The mapping is the one that the next turn uses: the file, unless it has problems, else the one in force.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fmt,
    sync::Arc,
};

use super::{Host, mapping};
use crate::{
    config::Connector,
    item::{Failure, Person, Question, Resolution, limits, mapping::DirectoryLookup as _, mapping::MappingRow},
    pipeline::{self, DestinationSlot, Directory},
    state::{ConnectorState, StateError, WindowRow},
};

/// One thing that is not as people would expect, with everybody it is about.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct RosterFinding {
    /// Stable kebab-case name.
    pub code: &'static str,
    /// One line, with the count.
    pub text: String,
    /// What mends it.
    pub hint: String,
    /// How many it is about.
    pub count: usize,
    /// The first of them.
    pub people: Vec<Listed>,
}

/// Somebody whom a finding is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Listed {
    /// The source's id, or the key of a mapping row.
    pub id: String,
    /// Display name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Phone number as the source writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Line of the mapping file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The address that the source gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The mailbox that the mapping leads to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mailbox: Option<String>,
    /// Why there is no mailbox: a reason code, or `outside`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl fmt::Display for Listed {
    /// As people read it: `Anna Lind (+49…): anna@example.com, mapped to desk@example.com`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        match (&self.name, &self.phone) {
            (Some(name), phone) => write!(f, "{name} ({})", phone.as_deref().unwrap_or(&self.id))?,
            (None, _) => f.write_str(&self.id)?,
        }
        if let Some(email) = &self.email {
            write!(f, ", {email} at the source")?;
        }
        if let Some(mailbox) = &self.mailbox {
            write!(f, " -> {mailbox}")?;
        }
        if let Some(reason) = &self.reason {
            write!(f, " ({reason})")?;
        }
        Ok(())
    }
}

/// Compares the roster with the mapping and the destinations.
///
/// # Errors
/// When the mapping cannot be used, or a destination cannot be asked.
pub(super) async fn compare(
    host: &Host,
    connector: &Connector,
    roster: &[Person],
    slots: &[DestinationSlot],
) -> Result<Vec<RosterFinding>, Failure> {
    let roster = &roster[..roster.len().min(limits::ROSTER_PEOPLE_MAX)];
    let (mut mapper, rows) = mapping::next(host, connector).await?;
    let now_ms = (host.clocks.wall_ms)();
    let in_force = |row: &&MappingRow| {
        row.valid_from_ms.is_none_or(|from| from <= now_ms) && row.valid_to_ms.is_none_or(|to| now_ms < to)
    };
    let rows: Vec<&MappingRow> = rows.iter().filter(in_force).collect();
    let directory = Directory::new(slots.iter().map(|slot| Arc::clone(&slot.destination)).collect());
    let mailboxes = known(&directory, roster, &rows).await?;
    let mut resolutions = Vec::with_capacity(roster.len());
    for people in roster.chunks(limits::ROSTER_QUESTIONS_MAX) {
        let questions: Vec<_> = people.iter().map(|person| Question { person, at_ms: now_ms }).collect();
        resolutions.extend(mapper.resolve(&questions, &directory).await?);
    }
    let people: Vec<_> = roster.iter().zip(resolutions).collect();
    let mut findings = Vec::new();
    findings.extend(without_mailbox(&people));
    findings.extend(mailbox_gone(&rows, &mailboxes));
    findings.extend(not_registered(&rows, roster));
    findings.extend(other_mailbox(&people, &mailboxes));
    if host.state.connectors()?.contains(&connector.name) {
        let state = host.state.connector(&connector.name)?;
        let windows = state.windows()?;
        if !windows.is_empty() {
            let mut wanted: HashMap<[u8; 16], Vec<usize>> = HashMap::new();
            for (place, (person, resolution)) in people.iter().enumerate() {
                // Whoever has a mailbox now may have had none when something of theirs was parked.
                wanted.entry(state.person_key(&person.id)).or_default().push(place);
                if let Resolution::Mailbox(address) = resolution {
                    wanted.entry(state.mailbox_key(address)).or_default().push(place);
                }
            }
            let (unseen, looking) = ((0..people.len()).collect(), Arc::clone(&state));
            let (unseen, items) = pipeline::blocking(move || Ok(look(&looking, &windows, &wanted, unseen)?)).await?;
            let unseen = unseen.into_iter().map(|place: usize| of(people[place].0));
            let what = format!("registered and in none of the newest {items} items");
            let hint = "look at their phones and at the source; who took part in a chat alone that a `scope` leaves out is among them";
            findings.extend(finding("registered-never-seen", &what, hint, unseen.collect()));
        }
    }
    Ok(findings)
}

/// The canonical mailbox of each address that the source or the mapping names.
async fn known(
    directory: &Directory,
    roster: &[Person],
    rows: &[&MappingRow],
) -> Result<BTreeMap<String, Option<String>>, Failure> {
    let emails = roster.iter().filter_map(|person| person.email.clone());
    let mut addresses: Vec<String> = emails.chain(rows.iter().map(|row| row.mailbox.clone())).collect();
    addresses.sort_unstable();
    addresses.dedup();
    let mut known = BTreeMap::new();
    for addresses in addresses.chunks(limits::DIRECTORY_ADDRESSES_MAX) {
        let answers = directory.lookup(addresses).await?;
        known.extend(addresses.iter().cloned().zip(answers));
    }
    Ok(known)
}

fn of(person: &Person) -> Listed {
    Listed {
        id: person.id.clone(),
        name: person.name.clone(),
        phone: person.phone.clone(),
        email: person.email.clone(),
        ..Listed::default()
    }
}

fn of_row(row: &MappingRow) -> Listed {
    Listed { id: row.key.clone(), line: Some(row.line), mailbox: Some(row.mailbox.clone()), ..Listed::default() }
}

fn finding(code: &'static str, what: &str, hint: &str, all: Vec<Listed>) -> Option<RosterFinding> {
    let count = all.len();
    let people = all.into_iter().take(limits::ROSTER_LISTED_MAX).collect();
    (count > 0).then(|| RosterFinding { code, text: format!("{count} {what}"), hint: hint.to_owned(), count, people })
}

fn without_mailbox(people: &[(&Person, Resolution)]) -> Option<RosterFinding> {
    let all = people.iter().filter_map(|(person, resolution)| match resolution {
        Resolution::Mailbox(_) => None,
        Resolution::Outside => Some(Listed { reason: Some("outside".to_owned()), ..of(person) }),
        Resolution::Broken { code, .. } => Some(Listed { reason: Some(code.clone()), ..of(person) }),
    });
    let hint =
        "add a row to the mapping, or make the mailbox; `outside` gets no copies, the others' are parked until then";
    finding("registered-without-mailbox", "registered without a mailbox", hint, all.collect())
}

fn mailbox_gone(rows: &[&MappingRow], mailboxes: &BTreeMap<String, Option<String>>) -> Option<RosterFinding> {
    let gone = rows.iter().filter(|row| mailboxes.get(&row.mailbox).is_none_or(Option::is_none));
    let hint = "mend these lines of the mapping, or make the mailboxes; then `chancery parked retry`";
    finding(
        "mapped-to-missing-mailbox",
        "mapped to a mailbox that no destination has",
        hint,
        gone.map(|row| of_row(row)).collect(),
    )
}

/// Rows that name nobody who is registered. Keys are the mapper's; numbers are compared by their digits.
fn not_registered(rows: &[&MappingRow], roster: &[Person]) -> Option<RosterFinding> {
    let names = |person: &Person| {
        let all = [Some(&person.id), person.phone.as_ref(), person.name.as_ref(), person.email.as_ref()];
        all.into_iter().flatten().map(|name| comparable(name)).collect::<Vec<_>>()
    };
    let registered: HashSet<String> = roster.iter().flat_map(names).collect();
    let all = rows.iter().filter(|row| !registered.contains(&comparable(&row.key))).map(|row| of_row(row));
    let hint =
        "register them at the source, or take the lines out; whoever is mapped and not registered is not captured";
    finding("mapped-not-registered", "mapped but not registered", hint, all.collect())
}

/// A number as its digits, whatever stands between them; anything else in lower case.
fn comparable(name: &str) -> String {
    let digits: String = name.chars().filter(char::is_ascii_digit).collect();
    let is_number = !name.is_empty() && name.chars().all(|c| c.is_ascii_digit() || "+-.()/ \u{a0}".contains(c));
    match (is_number, digits.strip_prefix("00")) {
        (true, Some(digits)) => digits.to_owned(),
        (true, None) => digits,
        (false, _) => name.trim().to_lowercase(),
    }
}

/// Whom the mapping sends elsewhere than to the address that the source gives.
fn other_mailbox(
    people: &[(&Person, Resolution)],
    mailboxes: &BTreeMap<String, Option<String>>,
) -> Option<RosterFinding> {
    let all = people.iter().filter_map(|(person, resolution)| {
        let (Resolution::Mailbox(mailbox), Some(email)) = (resolution, &person.email) else { return None };
        let own = mailboxes.get(email).and_then(Option::as_deref).unwrap_or(email);
        (!own.eq_ignore_ascii_case(mailbox)).then(|| Listed { mailbox: Some(mailbox.clone()), ..of(person) })
    });
    let hint = "if a line of the mapping is out of date, mend it: the mapping goes before the source's address";
    finding("mapped-elsewhere", "mapped to another mailbox than the source's address", hint, all.collect())
}

/// Looks through the newest items for those who were not seen yet; returns who is left, and how many items it were.
fn look(
    state: &ConnectorState,
    windows: &[WindowRow],
    wanted: &HashMap<[u8; 16], Vec<usize>>,
    mut unseen: BTreeSet<usize>,
) -> Result<(BTreeSet<usize>, u64), StateError> {
    let mut items = 0_u64;
    for window in windows.iter().rev() {
        for page in state.pages(window.id)?.into_iter().rev() {
            if unseen.is_empty() || items >= limits::ROSTER_ITEMS_MAX {
                return Ok((unseen, items));
            }
            for row in state.page_items(window.id, page.seq)? {
                items += 1;
                for place in row.copies.iter().filter_map(|copy| wanted.get(&copy.target)).flatten() {
                    unseen.remove(place);
                }
            }
        }
    }
    Ok((unseen, items))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_by_their_digits_and_names_by_their_letters() {
        for (left, right, same) in [
            ("+49 171 (392) 000-01", "4917139200001", true),
            ("004917139200001", "+4917139200001", true),
            ("4917139200001", "4917139200002", false),
            ("U-1001", "u-1001", true),
            ("u-1001", "1001", false),
            ("Anna Lind ", "anna lind", true),
        ] {
            assert_eq!(comparable(left) == comparable(right), same, "{left} {right}");
        }
    }

    #[test]
    fn a_long_list_is_cut_and_counted() {
        let all = vec![Listed::default(); limits::ROSTER_LISTED_MAX + 3];
        let found = finding("registered-without-mailbox", "x", "y", all).expect("a finding");
        assert_eq!((found.count, found.people.len()), (limits::ROSTER_LISTED_MAX + 3, limits::ROSTER_LISTED_MAX));
        assert_eq!(finding("registered-without-mailbox", "x", "y", Vec::new()), None);
    }
}
