//! The tables of people and conversations of one page.

use std::collections::HashMap;

use crate::types::{Conversation, Person};

/// Numbers people and conversations in the order they are met. Two mentions share a row only when they are equal in
/// every field: merging them would make one item's bytes depend on its neighbours.
#[derive(Default)]
pub struct Tables {
    people: Table<Person>,
    conversations: Table<Conversation>,
}

impl Tables {
    /// The person's row.
    pub fn person(&mut self, person: Person) -> u32 {
        self.people.row(person, |person| &person.id)
    }

    /// The conversation's row.
    pub fn conversation(&mut self, conversation: Conversation) -> u32 {
        self.conversations.row(conversation, |conversation| &conversation.id)
    }

    /// The tables as a page wants them.
    pub fn into_rows(self) -> (Vec<Person>, Vec<Conversation>) {
        (self.people.rows, self.conversations.rows)
    }
}

/// One table. The map is only asked, never walked, so its order shows nowhere.
struct Table<T> {
    rows: Vec<T>,
    rows_by_id: HashMap<String, Vec<u32>>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), rows_by_id: HashMap::new() }
    }
}

impl<T: PartialEq> Table<T> {
    fn row(&mut self, value: T, id: impl Fn(&T) -> &String) -> u32 {
        let same_id = self.rows_by_id.entry(id(&value).clone()).or_default();
        let rows = &self.rows;
        if let Some(row) = same_id.iter().find(|row| rows.get(**row as usize) == Some(&value)) {
            return *row;
        }
        // A page is at most 16 MiB of JSON: its rows cannot come near 2^32.
        let row = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        same_id.push(row);
        self.rows.push(value);
        row
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_equals_share_a_row() {
        let mut tables = Tables::default();
        let anna = Person { id: "1".into(), name: Some("Anna".into()), ..Person::default() };
        let bare = Person { id: "1".into(), ..Person::default() };
        assert_eq!(tables.person(anna.clone()), 0);
        assert_eq!(tables.person(bare.clone()), 1);
        assert_eq!(tables.person(anna.clone()), 0);
        assert_eq!(tables.into_rows().0, [anna, bare]);
    }
}
