//! `/metrics`: counts for Prometheus, in its text format. Labels are names of connectors, kinds of destinations and
//! words of ours, never an account, a number or an address.

use std::{collections::BTreeMap, fmt::Write as _};

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::{
    item::Failure,
    report::summary::{ConnectorSummary, Copies, Items},
    scheduler::{
        Host,
        service::{ConnectorStatus, Doing, Service},
    },
};

/// All of them, or 503 when the record cannot be read.
pub(super) async fn answer(State(service): State<Service>) -> Response {
    let text = tokio::task::spawn_blocking(move || of(&service)).await;
    match text {
        Ok(Ok(text)) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response(),
        Ok(Err(failure)) => (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", failure.code)).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn of(service: &Service) -> Result<String, Failure> {
    let mut text = Text::default();
    text.family("chancery_build_info", "gauge", "The version of the program.");
    text.sample("chancery_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    text.family("chancery_healthy", "gauge", "1 when /healthz says 200.");
    text.sample("chancery_healthy", &[], u8::from(service.health().problems.is_empty()));
    let statuses = service.connectors();
    turns(&mut text, &statuses);
    if let Some(host) = service.host() {
        let counts = statuses.iter().map(|status| Counts::read(&host, &status.name));
        record(&mut text, &counts.collect::<Result<Vec<_>, _>>()?);
    }
    Ok(text.0)
}

/// What is known of turns.
fn turns(text: &mut Text, statuses: &[ConnectorStatus]) {
    type Value = fn(&ConnectorStatus) -> Option<f64>;
    let families: [(&str, &str, Value); 8] = [
        ("chancery_connector_running", "1 while a turn is under way.", |status| {
            Some(f64::from(u8::from(matches!(status.doing, Doing::Running(_)))))
        }),
        ("chancery_connector_paused", "1 while somebody has paused it.", |status| {
            Some(f64::from(u8::from(status.pause.is_some())))
        }),
        ("chancery_connector_overdue", "1 when it should have looked for hours, and did not.", |status| {
            Some(f64::from(u8::from(status.overdue_since_ms.is_some())))
        }),
        ("chancery_connector_failed_turns", "Turns that failed since the last that was done.", |status| {
            Some(f64::from(status.last.failures))
        }),
        ("chancery_connector_done_timestamp_seconds", "When the last turn began that did all there was.", |status| {
            status.last.done_ms.map(|at_ms| at_ms as f64)
        }),
        ("chancery_connector_next_timestamp_seconds", "When the next turn begins by itself.", |status| {
            status.next_ms.map(|at_ms| at_ms as f64)
        }),
        ("chancery_turn_items", "Observations read by the turn under way.", |status| match &status.doing {
            Doing::Running(running) => Some(running.staged as f64),
            _ => None,
        }),
        ("chancery_turn_still_seconds", "How long nothing has moved in the turn under way.", |status| {
            match &status.doing {
                Doing::Running(running) => Some(running.still_ms as f64),
                _ => None,
            }
        }),
    ];
    for (name, help, value) in families {
        text.family(name, "gauge", help);
        for status in statuses {
            let Some(value) = value(status) else { continue };
            let value = if name.ends_with("_seconds") { value / 1_000.0 } else { value };
            text.sample(name, &[("connector", &status.name)], value);
        }
    }
    text.family("chancery_turns_total", "counter", "Turns since the service was started.");
    for status in statuses {
        for (outcome, count) in [("done", status.turns_done), ("failed", status.turns_failed)] {
            text.sample("chancery_turns_total", &[("connector", &status.name), ("outcome", outcome)], count);
        }
    }
}

/// What the record says of a connector.
struct Counts {
    name: String,
    archived_until_ms: Option<i64>,
    windows: BTreeMap<&'static str, u64>,
    items: Items,
    under_way: u64,
    /// By kind of destination.
    copies: BTreeMap<&'static str, Copies>,
}

impl Counts {
    fn read(host: &Host, name: &str) -> Result<Self, Failure> {
        let state = host.state.connector(name)?;
        let windows = state.windows()?.iter().map(Into::into).collect();
        let summary = ConnectorSummary { name: name.to_owned(), windows, error: None, warnings: Vec::new() };
        let kinds = host.config.connector(name).map_or(&[][..], |connector| &connector.destinations);
        let mut copies: BTreeMap<&'static str, Copies> = BTreeMap::new();
        for (place, of) in summary.by_destination().into_iter().enumerate() {
            // A destination that was taken out of the configuration still has its counts.
            copies.entry(kinds.get(place).map_or("removed", |kind| kind.kind())).or_default().add(of);
        }
        let mut windows = BTreeMap::new();
        summary.windows.iter().for_each(|window| *windows.entry(window.state).or_default() += 1);
        Ok(Self {
            name: name.to_owned(),
            archived_until_ms: state.covered_until_ms()?,
            windows,
            items: summary.total().0,
            under_way: summary.windows.iter().map(|window| window.under_way).sum(),
            copies,
        })
    }
}

/// What the record says. Gauges, because what is parked may be delivered later.
fn record(text: &mut Text, counts: &[Counts]) {
    text.family("chancery_archived_until_timestamp_seconds", "gauge", "End of the last window on the time line.");
    for of in counts {
        if let Some(at_ms) = of.archived_until_ms {
            let labels = [("connector", &*of.name)];
            text.sample("chancery_archived_until_timestamp_seconds", &labels, at_ms as f64 / 1_000.0);
        }
    }
    text.family("chancery_windows", "gauge", "Windows, by how far they are.");
    for of in counts {
        for (state, count) in &of.windows {
            text.sample("chancery_windows", &[("connector", &of.name), ("state", state)], count);
        }
    }
    text.family("chancery_items", "gauge", "Items of all windows, by what became of them.");
    for of in counts {
        let Items { fetched, delivered, parked, duplicate, excluded, seen } = of.items;
        for (outcome, count) in [
            ("fetched", fetched),
            ("delivered", delivered),
            ("parked", parked),
            ("duplicate", duplicate),
            ("excluded", excluded),
            ("seen", seen),
            ("under-way", of.under_way),
        ] {
            text.sample("chancery_items", &[("connector", &of.name), ("outcome", outcome)], count);
        }
    }
    text.family("chancery_copies", "gauge", "Copies of all windows, by kind of destination and what became of them.");
    for of in counts {
        for (kind, Copies { available, imported, partial, skipped, failed, pending }) in &of.copies {
            for (outcome, count) in [
                ("available", available),
                ("imported", imported),
                ("partial", partial),
                ("skipped", skipped),
                ("failed", failed),
                ("pending", pending),
            ] {
                let labels = [("connector", &*of.name), ("destination", kind), ("outcome", outcome)];
                text.sample("chancery_copies", &labels, count);
            }
        }
    }
}

/// The text format.
#[derive(Default)]
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _infallible = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        self.0.push_str(name);
        for (place, (label, of)) in labels.iter().enumerate() {
            let of = of.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _infallible = write!(self.0, "{}{label}=\"{of}\"", if place == 0 { '{' } else { ',' });
        }
        let _infallible = writeln!(self.0, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::turns::LastTurn;

    #[test]
    fn counts_stand_under_their_names() {
        let mut text = Text::default();
        let status = ConnectorStatus {
            name: "a\"b\\c".into(),
            schedule: None,
            doing: Doing::Idle,
            pause: None,
            last: LastTurn { done_ms: Some(1_500), failures: 2, ..LastTurn::default() },
            failure: None,
            next_ms: None,
            overdue_since_ms: Some(7),
            turns_done: 3,
            turns_failed: 4,
        };
        turns(&mut text, &[status]);
        let copies = Copies { available: 5, imported: 4, partial: 1, ..Copies::default() };
        record(
            &mut text,
            &[Counts {
                name: "x".into(),
                archived_until_ms: Some(2_000),
                windows: [("sealed", 9)].into(),
                items: Items { fetched: 5, delivered: 5, ..Items::default() },
                under_way: 1,
                copies: [("maildir", copies)].into(),
            }],
        );
        let text = text.0;
        for line in [
            "# TYPE chancery_connector_overdue gauge",
            r#"chancery_connector_overdue{connector="a\"b\\c"} 1"#,
            r#"chancery_connector_done_timestamp_seconds{connector="a\"b\\c"} 1.5"#,
            r#"chancery_connector_failed_turns{connector="a\"b\\c"} 2"#,
            r#"chancery_turns_total{connector="a\"b\\c",outcome="failed"} 4"#,
            r#"chancery_archived_until_timestamp_seconds{connector="x"} 2"#,
            r#"chancery_windows{connector="x",state="sealed"} 9"#,
            r#"chancery_items{connector="x",outcome="under-way"} 1"#,
            r#"chancery_copies{connector="x",destination="maildir",outcome="imported"} 4"#,
        ] {
            assert!(text.lines().any(|of| of == line), "{line} is not in\n{text}");
        }
        assert!(!text.contains("chancery_connector_next_timestamp_seconds{"), "nothing begins by itself");
        let mut plain = Text::default();
        plain.sample("up", &[], 1);
        assert_eq!(plain.0, "up 1\n");
    }
}
