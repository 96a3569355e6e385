use futures::future::BoxFuture;

use super::*;
use crate::item::{DirectoryLookup, Person, Question, Resolution};

/// A directory that knows some mailboxes, whatever their case, or is away.
struct Directory(Option<&'static [&'static str]>);

impl DirectoryLookup for Directory {
    fn lookup<'a>(&'a self, addresses: &'a [String]) -> BoxFuture<'a, Result<Vec<Option<String>>, Failure>> {
        let answer = match self.0 {
            None => Err(Failure::new("no-answer", NextMove::Retry { after: None }, "the directory does not answer")),
            Some(known) => {
                let find = |address: &String| known.iter().find(|known| known.eq_ignore_ascii_case(address));
                Ok(addresses.iter().map(|address| find(address).map(|found| (*found).to_owned())).collect())
            }
        };
        Box::pin(std::future::ready(answer))
    }
}

const MAPPING: &str = "External User ID,Microsoft 365 User Mailbox\nanna,Anna@Example.com\nben,ben@example.com\n";

fn people() -> [Person; 3] {
    ["anna", "ben", "eve"].map(|id| Person { id: id.into(), ..Person::default() })
}

async fn worker(mapping: &str) -> MapperWorker {
    let users = bundled("users").await;
    let settings = r#"{"automatic":true,"internal":["example.com"]}"#;
    MapperWorker::new(&SANDBOX, &users, settings.to_owned(), mapping.into()).unwrap().for_connector("whatsapp")
}

#[tokio::test]
async fn people_are_resolved_to_what_the_directory_gave() {
    let mut worker = worker(MAPPING).await;
    let summary = worker.load().await.unwrap();
    assert_eq!((summary.rows, summary.mailboxes, summary.problems.len()), (2, 2, 0), "{summary:?}");
    let rows = worker.rows(1, 5).await.unwrap();
    assert_eq!((rows.len(), rows[0].line, rows[0].key.as_str()), (1, 3, "ben"));

    let people = people();
    let questions: Vec<_> = people.iter().map(|person| Question { person, at_ms: 0 }).collect();
    let directory = Directory(Some(&["anna@example.com"]));
    for replaced in [false, true, true] {
        if replaced {
            worker.replace_instance();
        }
        let resolved = worker.resolve(&questions, &directory).await.unwrap();
        assert_eq!(resolved[0], Resolution::Mailbox("anna@example.com".to_owned()), "canonical");
        assert!(matches!(&resolved[1], Resolution::Broken { .. }), "{resolved:?}");
        assert_eq!(resolved[2], Resolution::Outside);
    }
}

#[tokio::test]
async fn an_outage_of_the_directory_is_its_own_failure() {
    let mut worker = worker(MAPPING).await;
    let people = people();
    let questions: Vec<_> = people.iter().map(|person| Question { person, at_ms: 0 }).collect();
    let failure = worker.resolve(&questions, &Directory(None)).await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.message.as_str()), ("no-answer", "the directory does not answer"));
    let directory = Directory(Some(&["anna@example.com", "ben@example.com"]));
    let resolved = worker.resolve(&questions, &directory).await.unwrap();
    assert_eq!(
        resolved[1],
        Resolution::Mailbox("ben@example.com".to_owned()),
        "in a new instance, with the file loaded again"
    );
}

#[tokio::test]
async fn a_mapping_with_problems_says_which_rows() {
    let mut worker = worker("External User ID,Microsoft 365 User Mailbox\n1.23E+11,anna@example.com\n").await;
    let summary = worker.load().await.unwrap();
    assert_eq!((summary.problems.len(), summary.problems[0].line), (1, 2), "{summary:?}");
}
