//! Tries a step as often as the policy says.

use std::future::Future;

use super::{
    policy::{self, Decision},
    turn::{Progress, Turn},
};
use crate::item::Failure;

/// Runs `step` until it succeeds or the policy gives up; a failure comes back with whether it is to be parked.
pub(super) async fn attempt<T, F: Future<Output = Result<T, Failure>>>(
    turn: &Turn,
    parkable: bool,
    step: impl FnMut() -> F,
) -> Result<T, (Failure, Decision)> {
    attempt_for(&turn.connector, &*turn.progress, parkable, step).await
}

/// As [`attempt`], for what is asked before a turn is put together.
pub async fn attempt_for<T, F: Future<Output = Result<T, Failure>>>(
    connector: &str,
    progress: &dyn Progress,
    parkable: bool,
    mut step: impl FnMut() -> F,
) -> Result<T, (Failure, Decision)> {
    let mut attempt = 0;
    loop {
        let failure = match step().await {
            Ok(done) => return Ok(done),
            Err(failure) => failure,
        };
        attempt += 1;
        match policy::decide(failure.next, attempt, parkable) {
            // Whoever stops the host does not wait for another side.
            Decision::Wait(_) if progress.is_stopping() => return Err((failure, Decision::EndTurn)),
            Decision::Wait(wait) => {
                tracing::warn!(
                    connector,
                    code = failure.code,
                    attempt,
                    wait_ms = wait.as_millis(),
                    "{failure}; trying again"
                );
                progress.waiting(&failure, wait);
                tokio::time::sleep(wait).await;
            }
            decision @ (Decision::Park | Decision::EndTurn) => return Err((failure, decision)),
        }
    }
}
