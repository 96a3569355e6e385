//! What follows a failure: one function, no IO.

use std::time::Duration;

use crate::item::{NextMove, limits};

/// What the pipeline does now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Wait, then try the same step again.
    Wait(Duration),
    /// Park what the step was about and go on.
    Park,
    /// End the turn; everything is kept and the next turn goes on from here.
    EndTurn,
}

/// Decides what follows the `attempt`-th failure (from 1) of a step.
///
/// `parkable` says whether the step is about something that can be parked by itself (a file, an item, a copy), rather
/// than about the reading as a whole.
pub fn decide(next: NextMove, attempt: u32, parkable: bool) -> Decision {
    match next {
        NextMove::Retry { after } => {
            let wait = after.unwrap_or_default().max(back_off(attempt));
            if attempt >= limits::ATTEMPTS_MAX || wait > limits::RETRY_AFTER_MAX {
                Decision::EndTurn
            } else {
                Decision::Wait(wait)
            }
        }
        NextMove::Reject if parkable => Decision::Park,
        NextMove::Reject | NextMove::AskPerson | NextMove::Stop => Decision::EndTurn,
    }
}

/// Whether a plugin that failed at so many of a batch's items is itself what is broken, so that going on would park
/// everything. A batch under [`limits::FAILURES_OF_ITEMS_MIN`] items says nothing; 100 percent switches it off.
pub fn stops(failed: u64, of: u64, percent_max: u32) -> bool {
    percent_max < 100 && of >= limits::FAILURES_OF_ITEMS_MIN && failed * 100 > of * u64::from(percent_max)
}

/// Doubles from [`limits::RETRY_DELAY_MIN`] to [`limits::RETRY_DELAY_MAX`].
fn back_off(attempt: u32) -> Duration {
    let doublings = attempt.saturating_sub(1).min(16);
    limits::RETRY_DELAY_MIN.saturating_mul(1 << doublings).min(limits::RETRY_DELAY_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_has_one_decision() {
        let seconds = Duration::from_secs;
        let retry = |after| NextMove::Retry { after };
        let table = [
            (retry(None), 1, true, Decision::Wait(limits::RETRY_DELAY_MIN)),
            (retry(None), 3, true, Decision::Wait(limits::RETRY_DELAY_MIN * 4)),
            (retry(Some(seconds(7))), 1, true, Decision::Wait(seconds(7))),
            (retry(Some(seconds(1))), 7, true, Decision::Wait(seconds(32))),
            (retry(Some(limits::RETRY_AFTER_MAX)), 1, true, Decision::Wait(limits::RETRY_AFTER_MAX)),
            (retry(Some(limits::RETRY_AFTER_MAX + seconds(1))), 1, true, Decision::EndTurn),
            (retry(None), limits::ATTEMPTS_MAX, true, Decision::EndTurn),
            (NextMove::Reject, 1, true, Decision::Park),
            (NextMove::Reject, 1, false, Decision::EndTurn),
            (NextMove::AskPerson, 1, true, Decision::EndTurn),
            (NextMove::Stop, 1, true, Decision::EndTurn),
        ];
        for (next, attempt, parkable, expect) in table {
            assert_eq!(decide(next, attempt, parkable), expect, "{next:?} attempt {attempt} parkable {parkable}");
        }
    }

    #[test]
    fn a_plugin_that_fails_at_most_of_a_batch_stops_it() {
        let table = [
            ("half is not more than half", 10, 20, 50, false),
            ("more than half", 11, 20, 50, true),
            ("everything", 1_000, 1_000, 50, true),
            ("too few to tell", 19, 19, 50, false),
            ("nothing may fail", 1, 1_000, 0, true),
            ("nothing failed", 0, 1_000, 0, false),
            ("switched off", 1_000, 1_000, 100, false),
            ("a strict share", 11, 100, 10, true),
            ("no item", 0, 0, 0, false),
        ];
        for (name, failed, of, percent_max, expect) in table {
            assert_eq!(stops(failed, of, percent_max), expect, "{name}");
        }
    }

    #[test]
    fn the_back_off_never_passes_its_limit() {
        assert_eq!(back_off(u32::MAX), limits::RETRY_DELAY_MAX);
    }
}
