//! Alerts of a running service: looked for a minute after the start, after each turn, after a reload, and every now and
//! then in between.

use std::sync::Arc;

use super::Service;
use crate::{item::limits, pipeline, scheduler::alerts};

impl Service {
    /// Looks for what is the matter and tells whom it concerns, until the service is stopped.
    pub(super) async fn watch(self) {
        // At the start turns that were missed come first: what they mend is no news.
        let mut wait = limits::SERVICE_SLEEP_MAX;
        loop {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.0.watch_now.notified() => {}
            }
            wait = limits::ALERT_LOOK_EVERY;
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
