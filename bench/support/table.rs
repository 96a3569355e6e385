//! The table that is printed: what, baseline, measured, ratio, target, met.

use std::io::{self, Write};

use super::compare::{Comparison, Spread};

/// What a value is held against.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    /// At least this.
    AtLeast(f64),
    /// At most this.
    AtMost(f64),
    /// Nothing: it explains another row.
    None,
}

impl Target {
    fn met(self, value: f64) -> &'static str {
        match self {
            Self::AtLeast(least) if value >= least => "yes",
            Self::AtMost(most) if value <= most => "yes",
            Self::AtLeast(_) | Self::AtMost(_) => "**no**",
            Self::None => "–",
        }
    }

    fn text(self, unit: &str) -> String {
        match self {
            Self::AtLeast(least) => format!("≥ {least}{unit}"),
            Self::AtMost(most) => format!("≤ {most}{unit}"),
            Self::None => "–".to_owned(),
        }
    }
}

/// One line of the table.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    cells: [String; 6],
}

impl Row {
    /// Two rates and their ratio, which is what the target is about.
    pub(crate) fn compared(what: &str, unit: &str, comparison: &Comparison, target: Target) -> Self {
        let ratio = comparison.ratio();
        Self::new(
            what,
            &rate(comparison.baseline_rate(), unit),
            &rate(comparison.subject_rate(), unit),
            &format!("{}; processor time {}", spread(ratio), spread(comparison.cpu_ratio())),
            &target.text(""),
            target.met(ratio.median),
        )
    }

    /// A value that is itself what the target is about.
    pub(crate) fn value(what: &str, baseline: &str, ratio: &str, value: f64, unit: &str, target: Target) -> Self {
        let met = target.met(value);
        Self::new(what, baseline, &format!("{}{unit}", number(value)), ratio, &target.text(unit), met)
    }

    /// A ratio that was worked out elsewhere and is what the target is about.
    pub(crate) fn ratio(what: &str, baseline: &str, measured: &str, ratio: f64, target: Target) -> Self {
        Self::new(what, baseline, measured, &format!("{ratio:.2}"), &target.text(""), target.met(ratio))
    }

    /// A row that could not be measured here, and why.
    pub(crate) fn skipped(what: &str, why: &str) -> Self {
        Self::new(what, "–", &format!("not measured: {why}"), "–", "–", "–")
    }

    fn new(what: &str, baseline: &str, measured: &str, ratio: &str, target: &str, met: &str) -> Self {
        Self { cells: [what, baseline, measured, ratio, target, met].map(str::to_owned) }
    }

    /// Prints it.
    ///
    /// # Errors
    /// When standard output is gone.
    pub(crate) fn print(&self) -> io::Result<()> {
        writeln!(io::stdout().lock(), "| {} |", self.cells.join(" | "))
    }
}

/// Prints what stands above the rows.
///
/// # Errors
/// When standard output is gone.
pub(crate) fn print_head() -> io::Result<()> {
    writeln!(io::stdout().lock(), "| what | baseline | measured | ratio | target | met |\n|---|---|---|---|---|---|")
}

/// `0.87 (0.83–0.91)`: the median, and how far the repetitions lie apart.
pub(crate) fn spread(spread: Spread) -> String {
    format!("{:.2} ({:.2}–{:.2})", spread.median, spread.least, spread.greatest)
}

fn rate(per_second: f64, unit: &str) -> String {
    if per_second >= 10_000.0 {
        format!("{:.1} k {unit}/s", per_second / 1000.0)
    } else {
        format!("{per_second:.0} {unit}/s")
    }
}

/// Three digits that count.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        small if small < 0.1 => format!("{value:.4}"),
        small if small < 10.0 => format!("{value:.2}"),
        small if small < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}
