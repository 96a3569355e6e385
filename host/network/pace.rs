//! Keeps within what another side serves: so many requests at once and so many within a time, for each key (a mailbox).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

/// Keys remembered at once; beyond it those that were not used for a window are forgotten.
const KEYS_MAX: usize = 10_000;

/// What the other side serves for one key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Requests under way at once.
    pub at_once_max: u32,
    /// Requests within any time of this length.
    pub requests_max: u32,
    /// That length.
    pub window: Duration,
}

/// Lets requests through at a rate, each key by itself.
pub struct Pace {
    rate: Rate,
    lanes: Mutex<HashMap<Arc<str>, Arc<Lane>>>,
}

struct Lane {
    places: Arc<Semaphore>,
    bucket: Mutex<Bucket>,
}

/// Room for requests under way; given back when it is dropped.
#[derive(Debug)]
pub struct Permit(#[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit);

impl Pace {
    /// A pace that nothing has used yet.
    pub fn new(rate: Rate) -> Self {
        Self { rate, lanes: Mutex::default() }
    }

    /// Waits until `requests` more may go to `key`.
    ///
    /// # Errors
    /// The time that is left, when the other side asked for a pause longer than `wait_max`.
    pub async fn enter(&self, key: &Arc<str>, requests: u32, wait_max: Duration) -> Result<Permit, Duration> {
        let lane = self.lane(key);
        let places = requests.clamp(1, self.rate.at_once_max);
        // The semaphore is never closed, so that there is always a permit in the end.
        let Ok(permit) = Arc::clone(&lane.places).acquire_many_owned(places).await else { return Err(wait_max) };
        let wait = {
            let mut bucket = lane.bucket.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let pause = bucket.closed_until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
            if pause > wait_max {
                return Err(pause);
            }
            bucket.take(&self.rate, requests, now).max(pause)
        };
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        Ok(Permit(permit))
    }

    /// Lets nothing more go to `key` for so long: the other side asked for it.
    pub fn close(&self, key: &Arc<str>, pause: Duration) {
        let lane = self.lane(key);
        let mut bucket = lane.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let until = Instant::now() + pause;
        bucket.closed_until = Some(bucket.closed_until.map_or(until, |known| known.max(until)));
    }

    fn lane(&self, key: &Arc<str>) -> Arc<Lane> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = lanes.get(key) {
            return Arc::clone(lane);
        }
        if lanes.len() >= KEYS_MAX {
            let now = Instant::now();
            lanes.retain(|_, lane| Arc::strong_count(lane) > 1 || !lane.is_idle(&self.rate, now));
        }
        let lane = Arc::new(Lane {
            places: Arc::new(Semaphore::new(self.rate.at_once_max as usize)),
            bucket: Mutex::new(Bucket { held: self.rate.burst(), at: Instant::now(), closed_until: None }),
        });
        lanes.insert(Arc::clone(key), Arc::clone(&lane));
        lane
    }
}

impl Lane {
    fn is_idle(&self, rate: &Rate, now: Instant) -> bool {
        let bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        now.saturating_duration_since(bucket.at) > rate.window && bucket.closed_until.is_none_or(|until| until < now)
    }
}

impl Rate {
    /// Requests that may go at once after a rest: a tenth. What flows in within a window is the other nine tenths, so
    /// that no time of a window's length sees more than the limit, wherever it begins.
    fn burst(&self) -> f64 {
        f64::from(self.requests_max) / 10.0
    }

    fn per_second(&self) -> f64 {
        f64::from(self.requests_max) * 0.9 / self.window.as_secs_f64().max(1e-3)
    }
}

struct Bucket {
    /// Requests that may go now; below zero: they were promised already.
    held: f64,
    /// When that was so.
    at: Instant,
    closed_until: Option<Instant>,
}

impl Bucket {
    /// Takes so many; the answer is how long the taker waits.
    fn take(&mut self, rate: &Rate, requests: u32, now: Instant) -> Duration {
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        self.held = (self.held + since * rate.per_second()).min(rate.burst()) - f64::from(requests);
        self.at = now;
        if self.held >= 0.0 { Duration::ZERO } else { Duration::from_secs_f64(-self.held / rate.per_second()) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;

    #[test]
    fn no_window_sees_more_than_the_limit() {
        let rate = Rate { at_once_max: 4, requests_max: 100, window: Duration::from_secs(10) };
        for step in [1_u32, 3, 20] {
            let start = Instant::now();
            let mut bucket = Bucket { held: rate.burst(), at: start, closed_until: None };
            let mut gone: Vec<Duration> = Vec::new();
            let mut now = start;
            while gone.len() < 400 {
                now += bucket.take(&rate, step, now);
                gone.extend((0..step).map(|_| now - start));
            }
            for (at, first) in gone.iter().enumerate() {
                // A hair is left for floating point.
                let within = gone[at..].iter().filter(|then| **then + Duration::from_millis(1) < *first + rate.window);
                // Those of one step go together, and a step may be larger than the burst.
                assert!(within.count() <= 100 + step as usize, "steps of {step}, from {first:?}");
            }
            let rest = gone[399] - gone[0];
            assert!(rest <= Duration::from_secs(50), "it is not slower than it must be: {rest:?}");
        }
    }

    #[tokio::test]
    async fn places_are_given_back_and_a_long_pause_is_told() {
        let rate = Rate { at_once_max: 2, requests_max: 1_000_000, window: Duration::from_secs(1) };
        let pace = Pace::new(rate);
        let key: Arc<str> = Arc::from("a");
        let long = Duration::from_secs(60);
        let first = pace.enter(&key, 20, long).await.unwrap();
        let waits = tokio::time::timeout(Duration::from_millis(20), pace.enter(&key, 1, long)).await;
        assert!(waits.is_err(), "a batch takes every place");
        assert!(pace.enter(&Arc::from("b"), 1, long).await.is_ok(), "another key has its own");
        drop(first);
        let second = pace.enter(&key, 1, long).await.unwrap();
        let third = pace.enter(&key, 1, long).await.unwrap();
        drop((second, third));
        pace.close(&key, Duration::from_secs(3_600));
        assert!(pace.enter(&key, 1, long).await.unwrap_err() > Duration::from_secs(3_000));
        assert!(pace.enter(&Arc::from("b"), 1, long).await.is_ok());
    }
}
