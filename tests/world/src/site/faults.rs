//! What goes wrong on purpose. Rules are data: which route, which of its requests, what happens.

use std::ops::{Bound, RangeBounds};
use std::time::Duration;

use axum::http::Method;

/// A kind of request the site knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Route {
    /// `POST /v1/session`
    Session,
    /// `GET /v1/account`
    Account,
    /// `GET /v1/users`
    Users,
    /// `GET /v1/items/count`
    Count,
    /// `GET /v1/items`
    Items,
    /// `GET /v1/attachments/{id}`
    Attachment,
    /// Anything else: answered with 404.
    Unknown,
}

impl Route {
    /// The route of a request.
    pub(crate) fn of(method: &Method, path: &str) -> Self {
        match (method, path) {
            (&Method::POST, "/v1/session") => Self::Session,
            (&Method::GET, "/v1/account") => Self::Account,
            (&Method::GET, "/v1/users") => Self::Users,
            (&Method::GET, "/v1/items/count") => Self::Count,
            (&Method::GET, "/v1/items") => Self::Items,
            (&Method::GET, path) if path.starts_with("/v1/attachments/") => Self::Attachment,
            _ => Self::Unknown,
        }
    }

    /// Method and path as they stand in the contract; no ids.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Session => "POST /v1/session",
            Self::Account => "GET /v1/account",
            Self::Users => "GET /v1/users",
            Self::Count => "GET /v1/items/count",
            Self::Items => "GET /v1/items",
            Self::Attachment => "GET /v1/attachments/{id}",
            Self::Unknown => "unknown",
        }
    }
}

/// What goes wrong with one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 429, with `Retry-After` when a number of seconds is given.
    Throttle(Option<u64>),
    /// This status with a JSON error body.
    Status(u16),
    /// A gateway's HTML page with this status; 200 looks like success.
    Html(u16),
    /// The right answer, cut in half, as if it were whole.
    TruncatedJson,
    /// Well-formed JSON of the right members with values of wrong types.
    WrongTypes,
    /// A right page in which the first item's time is a text.
    BrokenItem,
    /// A right page in which every item's time is a text.
    BrokenItems,
    /// A right page in which the second item is replaced by the first one shown once more.
    HiddenByRepeat,
    /// A page whose `next` is the cursor that was asked for, again and again.
    SameCursor,
    /// A listing that begins anew where it should end, under ever new cursors.
    EndlessPages,
    /// A count that is off by this much.
    WrongCount(i64),
    /// The right answer in pieces of this many bytes with this pause before each.
    SlowBody {
        /// Bytes of a piece; 0 counts as 1.
        piece_bytes: usize,
        /// Wait before each piece.
        pause: Duration,
    },
    /// The connection breaks in the middle of the right answer.
    DropMidBody,
    /// 307 to this URL.
    Redirect(String),
    /// 401 `token-expired`; every token given out so far is void.
    ExpireTokens,
    /// 401 `login-refused` for a sign-in with the right password.
    RefuseLogin,
}

/// The faults of a site. Requests are counted per route from the moment the faults are set.
///
/// ```ignore
/// Faults::none().on(Route::Items, 3..=5, Fault::Throttle(Some(1))).on(Route::Count, .., Fault::WrongCount(-1))
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    rules: Vec<Rule>,
    token_requests_max: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    route: Route,
    /// First and last request, counted from 1.
    first: u64,
    last: u64,
    fault: Fault,
}

impl Faults {
    /// Nothing goes wrong.
    pub fn none() -> Self {
        Self::default()
    }

    /// The demo's: a moment in which the site asks to slow down.
    pub fn throttled_moment() -> Self {
        Self::none().on(Route::Items, 3..=5, Fault::Throttle(Some(1)))
    }

    /// Adds a fault for the requests to `route` in this range, counted from 1. Of several that fit, the one added
    /// first happens.
    #[must_use]
    pub fn on(mut self, route: Route, requests: impl RangeBounds<u64>, fault: Fault) -> Self {
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
        self.rules.push(Rule { route, first, last, fault });
        self
    }

    /// Every token serves this many requests and is then answered with 401 `token-expired`.
    #[must_use]
    pub fn tokens_last(mut self, requests: u64) -> Self {
        self.token_requests_max = Some(requests);
        self
    }

    pub(crate) fn token_requests_max(&self) -> Option<u64> {
        self.token_requests_max
    }

    /// What happens to the `nth` request to a route.
    pub(crate) fn at(&self, route: Route, nth: u64) -> Option<Fault> {
        let fits = |rule: &&Rule| rule.route == route && (rule.first..=rule.last).contains(&nth);
        self.rules.iter().find(fits).map(|rule| rule.fault.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_hold_for_their_route_and_range_and_the_first_wins() {
        let faults = Faults::none()
            .on(Route::Items, 2..4, Fault::Status(500))
            .on(Route::Items, 3.., Fault::Html(200))
            .on(Route::Count, .., Fault::WrongCount(1));
        let cases = [
            (Route::Items, 1, None),
            (Route::Items, 2, Some(Fault::Status(500))),
            (Route::Items, 3, Some(Fault::Status(500))),
            (Route::Items, 4, Some(Fault::Html(200))),
            (Route::Items, u64::MAX, Some(Fault::Html(200))),
            (Route::Count, 1, Some(Fault::WrongCount(1))),
            (Route::Users, 2, None),
        ];
        for (route, nth, expected) in cases {
            assert_eq!(faults.at(route, nth), expected, "{route:?} {nth}");
        }
    }

    #[test]
    fn requests_find_their_route() {
        let cases = [
            (Method::POST, "/v1/session", Route::Session),
            (Method::GET, "/v1/session", Route::Unknown),
            (Method::GET, "/v1/items", Route::Items),
            (Method::GET, "/v1/items/count", Route::Count),
            (Method::GET, "/v1/attachments/a1", Route::Attachment),
            (Method::DELETE, "/v1/items", Route::Unknown),
            (Method::GET, "/", Route::Unknown),
        ];
        for (method, path, expected) in cases {
            assert_eq!(Route::of(&method, path), expected, "{method} {path}");
        }
    }
}
