//! `chancery status`: how each connector stands.

use std::process::ExitCode;

use super::{
    alerts,
    arguments::Json,
    context::{Context, print_json},
    error::{self, CliError},
};
use crate::{
    config::Connector,
    item::time::rfc3339,
    report::{
        ConnectorSummary,
        summary::{Copies, Items},
        text,
    },
    scheduler::{
        Host, alerts as alarms, pauses,
        pauses::Pause,
        service::{ConnectorStatus, Doing, Service},
        turns::{self, LastTurn},
    },
    state::{WindowKind, WindowRow, WindowState},
};

pub(super) fn run(context: &Context, command: &Json) -> Result<ExitCode, CliError> {
    let host = context.host()?;
    let mut pauses = pauses::in_force(&host.state)?;
    let service = context.service();
    let mut served = service.map(Service::connectors).unwrap_or_default();
    let mut standings = Vec::new();
    for connector in &host.config.connectors {
        let pause = pauses.remove(&connector.name);
        let at = served.iter().position(|status| status.name == connector.name);
        standings.push(Standing::read(&host, connector, pause, at.map(|at| served.swap_remove(at)))?);
    }
    let alarmed = alarms::standing(&host)?;
    if command.json {
        let rows: Vec<_> = standings.iter().map(Standing::json).collect();
        print_json(&serde_json::json!({ "served": service.is_some(), "connectors": rows, "alerts": alarmed }))?;
    } else {
        if standings.is_empty() {
            println!("no connector is configured");
        }
        standings.iter().for_each(|standing| print!("{}", standing.text()));
        alerts::print(&alarmed);
    }
    host.state.close()?;
    Ok(error::DONE.into())
}

/// One connector.
struct Standing {
    name: String,
    archived_until_ms: Option<i64>,
    windows: usize,
    open: usize,
    /// The last window of the time line.
    last: Option<WindowRow>,
    /// Where a backfill stopped.
    half_filled_ms: Option<i64>,
    items: Items,
    copies: Copies,
    under_way: u64,
    late: u64,
    /// Windows, and items that were new in them.
    again: (u64, u64),
    backfills: (u64, u64),
    pause: Option<Pause>,
    turn: LastTurn,
    served: Option<ConnectorStatus>,
}

impl Standing {
    fn read(
        host: &Host,
        connector: &Connector,
        pause: Option<Pause>,
        served: Option<ConnectorStatus>,
    ) -> Result<Self, CliError> {
        let state = host.state.connector(&connector.name)?;
        let windows = state.windows()?;
        let is_open = |window: &&WindowRow| window.state == WindowState::Open;
        let is_beside = |window: &&WindowRow| matches!(window.kind, WindowKind::Replay | WindowKind::Backfill);
        let half_filled = windows.iter().filter(is_open).find(|window| window.kind == WindowKind::Backfill);
        let summary = ConnectorSummary {
            name: connector.name.clone(),
            windows: windows.iter().map(Into::into).collect(),
            error: None,
            warnings: Vec::new(),
        };
        let (items, copies) = summary.total();
        Ok(Self {
            name: connector.name.clone(),
            archived_until_ms: state.covered_until_ms()?,
            windows: windows.len(),
            open: windows.iter().filter(is_open).count(),
            last: windows.iter().rev().find(|window| !is_beside(window)).cloned(),
            half_filled_ms: half_filled.map(|window| window.interval.end_ms),
            items,
            copies,
            under_way: summary.windows.iter().map(|window| window.under_way).sum(),
            late: summary.windows.iter().map(|window| window.late).sum(),
            again: summary.of_kind(WindowKind::Replay),
            backfills: summary.of_kind(WindowKind::Backfill),
            pause,
            turn: turns::read(host, &connector.name),
            served,
        })
    }

    fn json(&self) -> serde_json::Value {
        let instant = |at_ms: Option<i64>| at_ms.map(rfc3339);
        serde_json::json!({
            "name": self.name,
            "covered_until": instant(self.archived_until_ms),
            "windows": self.windows,
            "open_windows": self.open,
            "items": self.items,
            "copies": self.copies,
            "under_way": self.under_way,
            "late": self.late,
            "read_again": { "windows": self.again.0, "new": self.again.1 },
            "backfill": { "windows": self.backfills.0, "new": self.backfills.1 },
            "paused": self.pause.as_ref().map(|pause| {
                serde_json::json!({ "by": pause.by, "since": rfc3339(pause.since_ms), "reason": pause.reason })
            }),
            "turn": {
                "began": instant(self.turn.began_ms),
                "ended": instant(self.turn.ended_ms),
                "done": instant(self.turn.done_ms),
                "failures": self.turn.failures,
                "code": self.turn.code,
            },
            "service": self.served.as_ref().map(|served| {
                serde_json::json!({
                    "doing": served.doing,
                    "next": instant(served.next_ms),
                    "overdue_since": instant(served.overdue_since_ms),
                })
            }),
        })
    }

    fn text(&self) -> String {
        let mut lines = vec![self.name.clone()];
        let archived = self.archived_until_ms.map_or_else(|| "nothing yet".to_owned(), rfc3339);
        lines.push(format!("  archived until  {archived}"));
        if let Some(served) = &self.served {
            lines.push(format!("  now             {}", doing(served)));
            lines.extend(served.next_ms.map(|at_ms| format!("  next turn       {}", rfc3339(at_ms))));
            lines.extend(
                served
                    .overdue_since_ms
                    .map(|at_ms| format!("  OVERDUE         it should have looked at {}", rfc3339(at_ms))),
            );
        }
        if let Some(Pause { by, since_ms, reason }) = &self.pause {
            let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
            lines.push(format!("  paused          since {} by {by}{reason}", rfc3339(*since_ms)));
            lines.push(format!("  hint: `chancery connector resume {}` takes it back", self.name));
        }
        if self.turn.failures > 0 {
            let (failures, code) = (self.turn.failures, self.turn.code.as_deref().unwrap_or_default());
            lines.push(format!(
                "  failed          {failures} turns since the last that was done: `chancery explain {code}`"
            ));
        }
        lines.push(format!("  windows         {} ({} open)", self.windows, self.open));
        if let Some(last) = &self.last {
            lines.push("  last".to_owned());
            lines.push(text::window(&last.into()).trim_end().to_owned());
        }
        for (what, (windows, new)) in [("read again", self.again), ("backfill", self.backfills)] {
            if windows > 0 {
                lines.push(format!("  {what:<15} {windows} windows, {new} new items"));
            }
        }
        if self.late > 0 {
            lines.push(format!("  late            {} items came after their window was closed", self.late));
        }
        if self.under_way > 0 {
            lines.push(format!("  under way       {} items", self.under_way));
        }
        if self.items.parked > 0 || self.copies.failed > 0 {
            let (items, copies, name) = (self.items.parked, self.copies.failed, &self.name);
            lines.push(format!("  parked          {items} items, {copies} copies: `chancery parked list {name}`"));
        }
        if let Some(end_ms) = self.half_filled_ms {
            lines.push(format!(
                "  hint: a backfill stopped before {}: run the same `chancery backfill {}` again, it goes on there",
                rfc3339(end_ms),
                self.name
            ));
        }
        let open_besides = self.open > usize::from(self.half_filled_ms.is_some());
        if self.served.is_none() && (open_besides || self.under_way > 0 && self.half_filled_ms.is_none()) {
            lines.push(format!("  hint: `chancery sync {}` goes on where it stopped", self.name));
        }
        lines.join("\n") + "\n"
    }
}

/// What the service does with it, in words.
fn doing(served: &ConnectorStatus) -> String {
    match &served.doing {
        Doing::Idle => "waits for its schedule".to_owned(),
        Doing::Queued => "waits for another turn's end".to_owned(),
        Doing::Retrying => "failed, and is tried again".to_owned(),
        Doing::Paused => "paused".to_owned(),
        Doing::Running(running) => {
            let waits = running.waits_for.as_ref().map_or_else(String::new, |code| format!(", waits: {code}"));
            format!(
                "runs since {}: {} read, {} delivered, {} parked, {:.0} a second{waits}",
                rfc3339(running.began_ms),
                running.staged,
                running.delivered,
                running.parked,
                running.rate,
            )
        }
    }
}
