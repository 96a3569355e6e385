//! Alerts of a running service: looked for after each turn, after a reload, and every now and then in between.

use std::sync::Arc;

use super::Service;
use crate::{item::limits, pipeline, scheduler::alerts};

impl Service {
    /// Looks for what is the matter and tells whom it concerns, until the service is stopped.
    pub(super) async fn watch(self) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(limits::ALERT_LOOK_EVERY) => {}
                () = self.0.watch_now.notified() => {}
            }
            let Some(host) = self.host().filter(|_| !self.is_stopping()) else { return };
            let now_ms = (host.clocks.wall_ms)();
            let looking = {
                let host = Arc::clone(&host);
                pipeline::blocking(move || alerts::evaluate(&host, now_ms))
            };
            match looking.await {
                // What cannot be told is in the log, and is tried again with the next look.
                Ok(_) => drop(alerts::deliver(&host, now_ms).await),
                Err(failure) => tracing::error!(code = failure.code, "alerts cannot be looked for: {failure}"),
            }
        }
    }
}
