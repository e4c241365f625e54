//! What one thread keeps between batches.

use std::any::Any;

use pointsman_outbox::tick::Tick;

use crate::batch::Batch;
use crate::outcome::Outcome;

/// The state of one working thread: thread-local in the server, a plain value in tests and the simulator.
#[derive(Debug, Default)]
pub struct Worker {
    /// What has been touched and is to be flushed.
    pub tick: Tick,
    /// Answers of the last submit: (place in the batch, outcome).
    pub outcomes: Vec<(u32, Outcome)>,
    /// The batch being filled.
    pub batch: Batch,
    /// For encoding what is sent at once.
    pub scratch: Vec<u8>,
    /// What the router keeps here (its cache of matches); made by it on first use.
    pub router: Option<Box<dyn Any + Send>>,
}

impl Worker {
    /// The router's part, made anew when there is none or it is another router's.
    pub fn router_state<T: Any + Send>(
        &mut self,
        mine: impl Fn(&T) -> bool,
        make: impl FnOnce() -> T,
    ) -> Option<Box<T>> {
        let taken = self.router.take().and_then(|state| state.downcast::<T>().ok()).filter(|state| mine(state));
        Some(taken.unwrap_or_else(|| Box::new(make())))
    }
}
