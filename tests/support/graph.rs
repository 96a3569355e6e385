//! An installation whose mail goes to a simulated Microsoft Graph, and what must lie there in the end.

use std::{collections::BTreeMap, fs};

use world::{Expectation, Graph, GraphMessage, GraphOptions, GraphUser, Story};

use super::{
    truth,
    world::{CONNECTOR, FOLDER, RUNTIME, World},
};

/// An installation and the tenant it writes to.
pub(crate) struct GraphWorld {
    pub(crate) world: World,
    pub(crate) graph: Graph,
}

/// Which mailboxes there are, as the configuration says it.
pub(crate) const DIRECTORY: &str = "mailboxes = { directory = true }";

impl GraphWorld {
    /// Sends a world's mail to a tenant. Everybody's principal name is another than their address, as it may be.
    pub(crate) fn new(world: World, change: impl FnOnce(&mut GraphOptions)) -> Self {
        let person = |(number, address): (usize, &str)| {
            let principal = principal(number);
            GraphUser { principal, ..GraphUser::simple(address) }
        };
        let users = world.story().mailboxes().enumerate().map(person).collect();
        let mut options = GraphOptions { users, ..GraphOptions::default() };
        change(&mut options);
        let graph = RUNTIME.block_on(Graph::start(options)).expect("the double finds a port");
        let both = Self { world, graph };
        both.configure(DIRECTORY);
        both
    }

    /// Rewrites the configuration: the tenant instead of what stands there, with these further keys.
    pub(crate) fn configure(&self, keys: &str) {
        self.world.configure();
        let GraphOptions { tenant, client_id, client_secret, .. } = self.graph.options();
        let url = self.graph.url();
        let text = fs::read_to_string(self.world.path("chancery.toml")).unwrap();
        let limit =
            text.split("message_bytes_max = ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap().to_owned();
        let lines: Vec<String> = text
            .lines()
            .map(|line| match line.starts_with("destinations = ") {
                true => format!(
                    "destinations = [{{ kind = \"graph\", endpoint = \"{url}\", credential = \"tenant\", message_bytes_max = {limit}, {keys} }}]"
                ),
                false => line.to_owned(),
            })
            .collect();
        let credential = format!(
            "[credential.tenant]\nscheme = \"oauth2\"\ntoken_url = \"{url}/{tenant}/oauth2/v2.0/token\"\nclient_id = \"{client_id}\"\nsecret = {{ file = \"tenant-secret\" }}\nscope = \"https://graph.microsoft.com/.default\"\n"
        );
        fs::write(self.world.path("chancery.toml"), format!("{}\n\n{credential}", lines.join("\n"))).unwrap();
        fs::write(self.world.path("tenant-secret"), client_secret).unwrap();
    }

    /// The mailbox with the most copies in the end: its principal name, address, and how many.
    pub(crate) fn busiest(&self) -> (String, String, usize) {
        let mut copies: BTreeMap<String, usize> = BTreeMap::new();
        for mailbox in self.world.story().expectations().flat_map(|expectation| expectation.mailboxes) {
            *copies.entry(mailbox).or_default() += 1;
        }
        let (address, count) = copies.into_iter().max_by_key(|(_, count)| *count).unwrap();
        let user = self.graph.options().users.iter().find(|user| user.mail.as_deref() == Some(&address)).unwrap();
        (user.principal.clone(), address, count)
    }

    /// Fails unless every copy lies where it belongs, once and whole, and the rest is parked as planted.
    pub(crate) fn expect_archived(&self) {
        self.expect_mail();
        let expected: Vec<Expectation> = self.world.story().expectations().collect();
        truth::expect_parked(&expected, &self.world.parked());
        self.world.done(&["ledger", "verify"]);
    }

    /// Fails unless every copy lies where it belongs, once and whole.
    pub(crate) fn expect_mail(&self) {
        let story = self.world.story();
        let messages = self.graph.messages();
        let mut by_copy: BTreeMap<(String, String), Vec<&GraphMessage>> = BTreeMap::new();
        for message in &messages {
            let item = message.header("X-Chancery-Item").expect("a message names its item").to_owned();
            by_copy.entry((message.mailbox.clone(), item)).or_default().push(message);
        }
        let mut problems = Vec::new();
        for expectation in story.expectations() {
            for mailbox in &expectation.mailboxes {
                let found = by_copy.remove(&(mailbox.clone(), expectation.key.clone())).unwrap_or_default();
                match found.as_slice() {
                    [message] => problems.extend(problems_of(story, &expectation, message)),
                    _ => problems.push(format!("{} is {} times in {mailbox}", expectation.key, found.len())),
                }
            }
        }
        problems.extend(by_copy.keys().map(|(mailbox, item)| format!("{item} does not belong into {mailbox}")));
        assert!(problems.is_empty(), "{} problems, such as {:#?}", problems.len(), &problems[..problems.len().min(8)]);
        assert_eq!(self.graph.open_sessions(), 0, "an upload was left open");
        assert_eq!(self.graph.nameless(), 0, "a request bore no id");
        assert!(self.graph.at_once_peak() <= 4, "{} requests at once", self.graph.at_once_peak());
    }

    /// How often each copy lies in its mailbox, for messages as they are.
    pub(crate) fn most_of_one(&self) -> usize {
        let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
        for message in self.graph.messages() {
            *counts.entry((message.mailbox.clone(), message.text("/internetMessageId").to_owned())).or_default() += 1;
        }
        counts.into_values().max().unwrap_or(0)
    }

    /// Copies that some turns will have delivered in the end.
    pub(crate) fn copies(&self) -> usize {
        self.world.story().expectations().map(|expectation| expectation.mailboxes.len()).sum()
    }

    /// Tries everything parked again.
    pub(crate) fn retry_parked(&self) {
        self.world.done(&["parked", "retry", CONNECTOR]);
    }
}

fn principal(number: usize) -> String {
    format!("u{number}@contoso.example")
}

fn problems_of(story: &Story, expected: &Expectation, message: &GraphMessage) -> Vec<String> {
    let mut problems = Vec::new();
    let mut check = |holds: bool, problem: &str| {
        if !holds {
            problems.push(format!("{} in {}: {problem}", expected.key, message.mailbox));
        }
    };
    let body = message.text("/body/content");
    let filed = jiff::Timestamp::from_millisecond(expected.filed_ms).unwrap().to_string();
    let property = |id: &str| message.properties.get(id).map(String::as_str);
    check(!message.is_draft, "it is a draft");
    check(message.folder == FOLDER, "wrong folder");
    check(!message.text("/subject").is_empty(), "no subject");
    check(message.header("X-Chancery-Event") == Some(expected.event), "wrong event");
    check(property("systemtime 0xe06") == Some(&filed), "wrong time of delivery");
    check(property("systemtime 0x39") == Some(&filed), "wrong time of submission");
    check(property("string 0x1a") == Some("IPM.Note.Chancery"), "wrong class");
    check(property("string 0x1039").is_some_and(|references| references.starts_with("<c1.")), "no thread");
    check(expected.marker.as_ref().is_none_or(|marker| body.contains(marker.as_str())), "its text is not there");
    let notices = body.matches("Attachment not included: ").count() + body.matches("Attachment missing: ").count();
    let withheld = expected.attachments.iter().filter(|file| file.withheld).count();
    check(notices >= withheld, "no notice stands for a missing file");
    let mut found: Vec<(String, String)> =
        message.attachments.iter().map(|file| (file.name.clone(), file.sha256())).collect();
    found.sort();
    let planned = truth::files(story, expected);
    let same = |((found, sha256), (name, planned)): (&(String, String), &(String, String))| {
        sha256 == planned && truth::is_name(found, name)
    };
    if found.len() != planned.len() || !found.iter().zip(&planned).all(same) {
        problems.push(format!("attachments {found:?} instead of {planned:?}"));
    }
    problems
}
