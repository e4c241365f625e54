//! How long to wait before connecting again.

use std::time::Duration;

use pointsman_protocol::codes::Retry;
use rand::Rng;

use crate::error::LinkError;

/// How the client connects again after a lost link.
///
/// The pause before attempt n is random between zero and `min_delay` × 2^(n-1), at most `max_delay`, so that the clients of a restarted
/// server do not come back all at once. A pause that the server asked for is added to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReconnectPolicy {
    /// Upper bound of the first pause; default 250 ms.
    pub min_delay: Duration,
    /// Upper bound of every pause; default 20 s.
    pub max_delay: Duration,
    /// Failed attempts in a row after which the client closes; default: none, it goes on for ever. 0 never connects again.
    pub attempts: Option<u32>,
}

impl Default for ReconnectPolicy {
    fn default() -> Self {
        Self { min_delay: Duration::from_millis(250), max_delay: Duration::from_secs(20), attempts: None }
    }
}

/// The least upper bound of the pause when the server says to come back later and not when.
const LATER: Duration = Duration::from_secs(4);

impl ReconnectPolicy {
    /// The pause before an attempt. `step` counts pauses since the last link that held.
    pub(crate) fn delay(&self, step: u32, cause: &LinkError) -> Duration {
        let mut bound = self.min_delay.saturating_mul(2_u32.saturating_pow(step)).min(self.max_delay);
        let mut asked = Duration::ZERO;
        if let LinkError::Closed(close) = cause {
            asked = close.retry_after.unwrap_or_default();
            if close.retry() == Retry::Later && close.retry_after.is_none() {
                bound = bound.max(LATER.min(self.max_delay));
            }
        }
        asked + bound.mul_f64(rand::rng().random::<f64>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Close;

    fn delays(policy: ReconnectPolicy, step: u32, cause: &LinkError) -> (Duration, Duration) {
        let delays: Vec<_> = (0..2000).map(|_| policy.delay(step, cause)).collect();
        (*delays.iter().min().unwrap(), *delays.iter().max().unwrap())
    }

    #[test]
    fn pauses_are_spread_from_zero_to_a_bound_that_doubles() {
        let policy = ReconnectPolicy::default();
        let cause = LinkError::Silent { after: Duration::from_secs(1) };
        for (step, bound) in [(0, 250), (1, 500), (4, 4_000), (7, 20_000), (40, 20_000), (u32::MAX, 20_000)] {
            let (least, most) = delays(policy, step, &cause);
            let bound = Duration::from_millis(bound);
            assert!(least < bound / 10 && most > bound / 10 * 9 && most <= bound, "{step}: {least:?} {most:?}");
        }
    }

    #[test]
    fn the_server_may_ask_for_a_pause() {
        let policy = ReconnectPolicy::default();
        let close = |code, retry_after| LinkError::Closed(Close { retry_after, ..Close::bare(code, "") });
        let (least, most) = delays(policy, 0, &close(3001, Some(Duration::from_secs(30))));
        assert!(least >= Duration::from_secs(30) && most <= Duration::from_millis(30_250));
        let (_, most) = delays(policy, 0, &close(3300, None));
        assert!(most > Duration::from_secs(2) && most <= LATER);
        let (_, most) = delays(policy, 0, &close(3001, None));
        assert!(most <= Duration::from_millis(250));
    }
}
