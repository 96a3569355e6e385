//! `/api/v1`: what the pages show and do, for programs. The same documents, the same rights, the same records; tokens
//! instead of sessions, `application/problem+json` instead of pages.
//!
//! `openapi.json` beside this file describes it; a test holds the two together.

mod body;
mod connectors;
mod people;
mod record;

use axum::{
    Router,
    http::header,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};

use super::kernel::Console;

const DESCRIPTION: &str = include_str!("openapi.json");

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/api/v1/openapi.json", get(describe))
        .route("/api/v1/me", get(people::me))
        .route("/api/v1/people", get(people::list).post(people::add))
        .route("/api/v1/people/{name}", get(people::show).delete(people::remove))
        .route("/api/v1/people/{name}/rights", axum::routing::put(people::set_rights))
        .route("/api/v1/people/{name}/reset", post(people::reset))
        .route("/api/v1/connectors", get(connectors::list).post(connectors::add))
        .route("/api/v1/connectors/{name}", get(connectors::show))
        .route("/api/v1/connectors/{name}/file", get(connectors::file).put(connectors::replace))
        .route("/api/v1/connectors/{name}/run", post(connectors::run))
        .route("/api/v1/connectors/{name}/pause", post(connectors::pause))
        .route("/api/v1/connectors/{name}/resume", post(connectors::resume))
        .route("/api/v1/connectors/{name}/check", post(connectors::check))
        .route("/api/v1/connectors/{name}/mapping", get(connectors::mapping).put(connectors::adopt))
        .route("/api/v1/connectors/{name}/mapping/check", post(connectors::preview))
        .route("/api/v1/connectors/{name}/windows", get(record::windows))
        .route("/api/v1/connectors/{name}/windows/{window}", get(record::window))
        .route("/api/v1/connectors/{name}/windows/{window}/items", get(record::items))
        .route("/api/v1/connectors/{name}/items", get(record::find))
        .route("/api/v1/connectors/{name}/items/{item}", get(record::item))
        .route("/api/v1/connectors/{name}/items/{item}/message", post(record::message))
        .route("/api/v1/connectors/{name}/parked", get(record::parked))
        .route("/api/v1/connectors/{name}/parked/retry", post(record::retry))
        .route("/api/v1/connectors/{name}/parked/discard", post(record::discard))
        .route("/api/v1/plugins", get(connectors::plugins))
        .route("/api/v1/plugins/approve", post(connectors::approve))
        .route("/api/v1/ledger", get(record::ledger))
        .route("/api/v1/ledger/verify", post(record::verify))
        .route("/api/v1/ledger/bundle", post(record::bundle))
        .route("/api/v1/ledger/holds", post(record::hold))
        .route("/api/v1/ledger/holds/release", post(record::release))
        .route("/api/v1/activity", get(record::activity))
}

/// Nobody is asked who they are: it says nothing of this host.
async fn describe() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], DESCRIPTION).into_response()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_description_names_every_route_and_no_other() {
        let code = include_str!("mod.rs");
        let routed: BTreeSet<String> = code
            .lines()
            .filter_map(|line| line.trim().strip_prefix(".route(\"")?.split('"').next())
            .map(str::to_owned)
            .collect();
        let description: serde_json::Value = serde_json::from_str(DESCRIPTION).unwrap();
        let described: BTreeSet<String> = description["paths"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(described, routed);
        assert!(routed.len() > 20, "{routed:?}");
    }
}
