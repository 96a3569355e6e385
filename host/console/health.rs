//! `/healthz`: whether the service makes progress, not whether it lives.

use axum::{
    extract::State,
    http::{HeaderName, StatusCode, header},
};

use crate::scheduler::service::{Health, Service};

/// A short text that no cache keeps.
type Answer = (StatusCode, [(HeaderName, &'static str); 2], String);

/// 200 when the loop looks, no connector is overdue and everything is recorded; else 503 with a line for each problem.
pub(super) async fn answer(State(service): State<Service>) -> Answer {
    of(&service.health())
}

fn of(health: &Health) -> Answer {
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    if health.problems.is_empty() {
        return (StatusCode::OK, headers, "ok\n".to_owned());
    }
    (StatusCode::SERVICE_UNAVAILABLE, headers, health.problems.join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_problem_is_a_line_and_any_is_unavailable() {
        let answer = |problems: &[&str]| {
            let (status, _, text) = of(&Health { problems: problems.iter().map(|text| (*text).to_owned()).collect() });
            (status.as_u16(), text)
        };
        assert_eq!(answer(&[]), (200, "ok\n".into()));
        assert_eq!(answer(&["a", "b"]), (503, "a\nb\n".into()));
    }
}
