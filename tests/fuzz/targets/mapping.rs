//! `users`: any bytes as a mapping file.

use kit::{
    Person,
    mapper::{Directory, Mapper as _, Question, Resolution},
};
use users::Users;

const SETTINGS: &str = r#"{"automatic":true,"internal":["example.com"],"default_region":"DE"}"#;
const ROWS_MAX: u32 = 200;

/// Knows every address, as it is written.
struct Everybody;

impl Directory for Everybody {
    fn lookup(&mut self, addresses: &[String]) -> Vec<Option<String>> {
        addresses.iter().cloned().map(Some).collect()
    }
}

/// Loads the file twice, which must come to the same, and asks for everybody in it.
pub(super) fn run(data: &[u8]) -> bool {
    let Ok((users, summary)) = Users::load(data, SETTINGS) else { return false };
    let lines = data.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() as u32 + 1;
    for problem in &summary.problems {
        assert!(problem.line <= lines && !problem.code.is_empty() && !problem.message.is_empty(), "{problem:?}");
    }
    let rows = users.rows(0, ROWS_MAX);
    assert!(rows.len() as u32 <= ROWS_MAX.min(summary.rows));
    let (again, same) = Users::load(data, SETTINGS).expect("the same file is read the same way");
    assert_eq!((same, again.rows(0, ROWS_MAX)), (summary, rows.clone()));
    for row in rows {
        assert!(!row.mailbox.contains(char::is_control), "{row:?}");
        let person = Person { id: row.key.clone(), ..Person::default() };
        let at = row.valid_from.unwrap_or_default();
        let answers = users.resolve(&mut Everybody, vec![Question { person, at }]).expect("an answer");
        let valid = row.valid_to.is_none_or(|end| at < end);
        if let [Resolution::Mailbox(mailbox)] = answers.as_slice() {
            assert!(!mailbox.contains(char::is_control));
        } else {
            assert!(!valid || answers.len() == 1, "{row:?}: {answers:?}");
        }
    }
    again.rows(0, 1).len() == 1
}
