//! Progress bars on a terminal; silence elsewhere.

use std::{io::IsTerminal as _, sync::Arc, time::Duration};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::{
    item::Failure,
    pipeline::{Progress, Silent, Step},
};

/// Bars of the connectors that run side by side.
pub(super) struct Bars {
    all: Option<MultiProgress>,
}

impl Bars {
    /// Shown when stderr is a terminal and nobody asked for silence.
    pub(super) fn new(wanted: bool) -> Self {
        Self { all: (wanted && std::io::stderr().is_terminal()).then(MultiProgress::new) }
    }

    /// A connector's bar.
    pub(super) fn watch(&self, name: &str) -> Arc<dyn Progress> {
        let Some(all) = &self.all else { return Arc::new(Silent) };
        let bar = all.add(ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix:<16} {elapsed_precise} {msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(name.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        Arc::new(Bar { bar, counts: std::sync::Mutex::default() })
    }
}

#[derive(Default)]
struct Counts {
    staged: u64,
    delivered: u64,
    parked: u64,
    per_mille: Option<u32>,
}

struct Bar {
    bar: ProgressBar,
    counts: std::sync::Mutex<Counts>,
}

impl Bar {
    fn update(&self, change: impl FnOnce(&mut Counts)) {
        let mut counts = self.counts.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        change(&mut counts);
        let position = counts.per_mille.map_or_else(String::new, |per_mille| format!(", {} % read", per_mille / 10));
        self.bar.set_message(format!(
            "{} observations staged, {} copies delivered, {} parked{position}",
            counts.staged, counts.delivered, counts.parked
        ));
    }
}

impl Progress for Bar {
    fn advanced(&self, step: Step, by: u64) {
        self.update(|counts| match step {
            Step::Staged => counts.staged += by,
            Step::Delivered => counts.delivered += by,
            Step::Parked => counts.parked += by,
        });
    }

    fn waiting(&self, why: &Failure, wait: Duration) {
        self.bar.set_message(format!("waiting {:.0?} ({})", wait, why.code));
    }

    fn position(&self, per_mille: u32) {
        self.update(|counts| counts.per_mille = Some(per_mille));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
