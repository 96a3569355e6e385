//! Subject and baseline, measured in turn in the same run.
//!
//! A machine's speed drifts within minutes (other work, the disk's caches), so an absolute rate says little. Each
//! repetition measures both sides one right after the other, the side that goes first changing every time; the
//! result is the median of the repetitions' ratios, with the least and the greatest beside it.

use std::time::{Duration, Instant};

use anyhow::Result;
use rustix::time::{ClockId, clock_gettime};

/// What a piece of work took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// Units of work done.
    pub(crate) units: u64,
    /// Time on the wall.
    pub(crate) wall: Duration,
    /// Processor time of this whole process.
    pub(crate) cpu: Duration,
}

impl Sample {
    /// Units a second on the wall.
    pub(crate) fn rate(&self) -> f64 {
        self.units as f64 / self.wall.as_secs_f64()
    }

    /// Units a second of processor time.
    pub(crate) fn cpu_rate(&self) -> f64 {
        self.units as f64 / self.cpu.as_secs_f64()
    }
}

/// Measures one piece of work.
pub(crate) struct Stopwatch {
    wall: Instant,
    cpu: Duration,
}

impl Stopwatch {
    /// Starts.
    pub(crate) fn start() -> Self {
        Self { cpu: processor_time(), wall: Instant::now() }
    }

    /// Stops after so many units of work.
    pub(crate) fn stop(self, units: u64) -> Sample {
        Sample { units, wall: self.wall.elapsed(), cpu: processor_time().saturating_sub(self.cpu) }
    }
}

fn processor_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default()
}

/// The middle of some values and how far they lie apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    /// The middle one.
    pub(crate) median: f64,
    /// The least.
    pub(crate) least: f64,
    /// The greatest.
    pub(crate) greatest: f64,
}

impl Spread {
    /// Of these values; all zero when there are none.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let median = match values.len() {
            0 => 0.0,
            odd if odd % 2 == 1 => values[odd / 2],
            even => f64::midpoint(values[even / 2 - 1], values[even / 2]),
        };
        Self {
            median,
            least: values.first().copied().unwrap_or_default(),
            greatest: values.last().copied().unwrap_or_default(),
        }
    }
}

/// Both sides of every repetition: (baseline, subject).
pub(crate) struct Comparison {
    pairs: Vec<(Sample, Sample)>,
}

impl Comparison {
    /// Warms both sides up, then measures them in turn.
    ///
    /// # Errors
    /// When a side could not do its work.
    pub(crate) fn interleave(
        repetitions: usize,
        mut baseline: impl FnMut() -> Result<Sample>,
        mut subject: impl FnMut() -> Result<Sample>,
    ) -> Result<Self> {
        baseline()?;
        subject()?;
        let mut pairs = Vec::with_capacity(repetitions);
        for repetition in 0..repetitions {
            pairs.push(if repetition % 2 == 0 {
                let first = baseline()?;
                (first, subject()?)
            } else {
                let first = subject()?;
                (baseline()?, first)
            });
        }
        Ok(Self { pairs })
    }

    /// The subject's rate as a part of the baseline's.
    pub(crate) fn ratio(&self) -> Spread {
        Spread::of(self.pairs.iter().map(|(baseline, subject)| subject.rate() / baseline.rate()))
    }

    /// The same in processor time, which the disk and other work on the machine disturb less.
    pub(crate) fn cpu_ratio(&self) -> Spread {
        Spread::of(self.pairs.iter().map(|(baseline, subject)| subject.cpu_rate() / baseline.cpu_rate()))
    }

    /// The baseline's median rate.
    pub(crate) fn baseline_rate(&self) -> f64 {
        Spread::of(self.pairs.iter().map(|(baseline, _)| baseline.rate())).median
    }

    /// The subject's median rate.
    pub(crate) fn subject_rate(&self) -> f64 {
        Spread::of(self.pairs.iter().map(|(_, subject)| subject.rate())).median
    }
}
