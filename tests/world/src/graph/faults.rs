//! What goes wrong on purpose. Rules are data: which route, which of its requests, what happens; and mailboxes in
//! trouble until somebody mends them.

use std::collections::BTreeMap;
use std::ops::{Bound, RangeBounds};

use axum::http::Method;

/// A kind of request the double knows. The requests of a batch count by themselves, and the batch besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GraphRoute {
    /// `POST /{tenant}/oauth2/v2.0/token`
    Token,
    /// `GET /v1.0/users`
    Users,
    /// `GET …/mailFolders`
    Folders,
    /// `POST …/mailFolders`
    MakeFolder,
    /// `POST …/messages`
    Create,
    /// `GET …/messages`
    Messages,
    /// `GET`, `PATCH` of one message.
    Message,
    /// `DELETE` of one message.
    Delete,
    /// `GET …/attachments` and their values.
    Attachments,
    /// `POST …/attachments`
    Attach,
    /// `POST …/attachments/createUploadSession`
    Session,
    /// `PUT` of a range.
    Upload,
    /// `POST /v1.0/$batch`
    Batch,
    /// Anything else: answered with 404.
    Unknown,
}

impl GraphRoute {
    /// The route of a request.
    pub(crate) fn of(method: &Method, path: &str) -> Self {
        let get = *method == Method::GET;
        let post = *method == Method::POST;
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        match parts.as_slice() {
            [_, "oauth2", "v2.0", "token"] if post => Self::Token,
            ["v1.0", "$batch"] if post => Self::Batch,
            ["v1.0", "users"] if get => Self::Users,
            ["v1.0", "users", _, "mailFolders"] if get => Self::Folders,
            ["v1.0", "users", _, "mailFolders"] if post => Self::MakeFolder,
            ["v1.0", "users", _, "mailFolders", _, "messages"] | ["v1.0", "users", _, "messages"] if post => {
                Self::Create
            }
            ["v1.0", "users", _, "mailFolders", _, "messages"] | ["v1.0", "users", _, "messages"] if get => {
                Self::Messages
            }
            ["v1.0", "users", _, "messages", _] if *method == Method::DELETE => Self::Delete,
            ["v1.0", "users", _, "messages", _] if get || *method == Method::PATCH => Self::Message,
            ["v1.0", "users", _, "messages", _, "attachments"] if post => Self::Attach,
            ["v1.0", "users", _, "messages", _, "attachments", "createUploadSession"] if post => Self::Session,
            ["v1.0", "users", _, "messages", _, "attachments"]
            | ["v1.0", "users", _, "messages", _, "attachments", _, "$value"]
                if get =>
            {
                Self::Attachments
            }
            ["upload", _] => Self::Upload,
            _ => Self::Unknown,
        }
    }
}

/// What goes wrong with one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GraphFault {
    /// This status and error code; nothing is done.
    Status(u16, &'static str),
    /// 429 with `Retry-After` in seconds; nothing is done.
    Throttle(u64),
    /// It is done, and the connection breaks in the middle of the answer. Of a request in a batch: that of the batch.
    CommitThenDrop,
    /// It is done, and a gateway says 504.
    CommitThenTimeout,
    /// The connection breaks; nothing is done.
    Drop,
    /// 401; every token given out so far is void.
    ExpireTokens,
}

/// A mailbox that does not work until it is mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailboxTrouble {
    /// 403: the application may not use it.
    Denied,
    /// 404: there is no such mailbox.
    Gone,
    /// 429 with so many seconds to wait, again and again.
    Throttled(u64),
}

/// The faults of a double. Requests are counted per route from the moment the faults are set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GraphFaults {
    rules: Vec<Rule>,
    mailboxes: BTreeMap<String, MailboxTrouble>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    route: GraphRoute,
    first: u64,
    last: u64,
    every: u64,
    fault: GraphFault,
}

impl GraphFaults {
    /// Nothing goes wrong.
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds a fault for the requests to `route` in this range, counted from 1. Of several that fit, the one added
    /// first happens.
    #[must_use]
    pub fn on(self, route: GraphRoute, requests: impl RangeBounds<u64>, fault: GraphFault) -> Self {
        self.every(1, route, requests, fault)
    }

    /// As [`GraphFaults::on`], for every `every`-th request of the range, beginning with its first.
    #[must_use]
    pub fn every(mut self, every: u64, route: GraphRoute, requests: impl RangeBounds<u64>, fault: GraphFault) -> Self {
        let first = match requests.start_bound() {
            Bound::Included(first) => *first,
            Bound::Excluded(before) => before.saturating_add(1),
            Bound::Unbounded => 1,
        };
        let last = match requests.end_bound() {
            Bound::Included(last) => *last,
            Bound::Excluded(after) => after.saturating_sub(1),
            Bound::Unbounded => u64::MAX,
        };
        self.rules.push(Rule { route, first, last, every: every.max(1), fault });
        self
    }

    /// Puts the mailbox with this principal name into trouble.
    #[must_use]
    pub fn mailbox(mut self, principal: &str, trouble: MailboxTrouble) -> Self {
        self.mailboxes.insert(principal.to_ascii_lowercase(), trouble);
        self
    }

    pub(crate) fn trouble(&self, principal: &str) -> Option<MailboxTrouble> {
        self.mailboxes.get(&principal.to_ascii_lowercase()).copied()
    }

    /// What happens to the `nth` request to a route.
    pub(crate) fn at(&self, route: GraphRoute, nth: u64) -> Option<GraphFault> {
        let fits = |rule: &&Rule| {
            rule.route == route
                && (rule.first..=rule.last).contains(&nth)
                && (nth - rule.first).is_multiple_of(rule.every)
        };
        self.rules.iter().find(fits).map(|rule| rule.fault.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_find_their_route() {
        let cases = [
            (Method::POST, "/contoso/oauth2/v2.0/token", GraphRoute::Token),
            (Method::GET, "/v1.0/users", GraphRoute::Users),
            (Method::POST, "/v1.0/users/a@b/mailFolders", GraphRoute::MakeFolder),
            (Method::POST, "/v1.0/users/a@b/mailFolders/f/messages", GraphRoute::Create),
            (Method::GET, "/v1.0/users/a@b/messages", GraphRoute::Messages),
            (Method::POST, "/v1.0/users/a@b/messages/m/attachments/createUploadSession", GraphRoute::Session),
            (Method::GET, "/v1.0/users/a@b/messages/m/attachments/x/$value", GraphRoute::Attachments),
            (Method::PUT, "/upload/3", GraphRoute::Upload),
            (Method::GET, "/v1.0/$batch", GraphRoute::Unknown),
        ];
        for (method, path, expected) in cases {
            assert_eq!(GraphRoute::of(&method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn rules_hold_for_their_range_and_step() {
        let faults = GraphFaults::none().every(3, GraphRoute::Create, 2..=8, GraphFault::Drop);
        let hit: Vec<u64> = (1..12).filter(|nth| faults.at(GraphRoute::Create, *nth).is_some()).collect();
        assert_eq!(hit, [2, 5, 8]);
        assert_eq!(faults.at(GraphRoute::Batch, 2), None);
    }
}
