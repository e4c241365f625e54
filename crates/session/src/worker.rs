//! One worker per thread, flushed when the thread goes to sleep.

use std::cell::{Cell, RefCell};
use std::time::Instant;

use pointsman_contract::worker::Worker;

thread_local! {
    static WORKER: RefCell<Worker> = RefCell::new(Worker::default());
    /// Whether this thread calls [`flush_before_park`]: known after the first time.
    static PARKS: Cell<bool> = const { Cell::new(false) };
}

/// Lends this thread's worker. On a runtime's worker thread what was touched is flushed at the end of the tick; on any other thread at once.
pub fn with_worker<R>(work: impl FnOnce(&mut Worker) -> R) -> R {
    WORKER.with(|cell| match cell.try_borrow_mut() {
        Ok(mut worker) => {
            let result = work(&mut worker);
            if PARKS.get() {
                worker.tick.batch_done(Instant::now());
            } else {
                worker.tick.flush();
            }
            result
        }
        // Called from within itself, which only an embedder's policy could do.
        Err(_) => {
            let mut worker = Worker::default();
            let result = work(&mut worker);
            worker.tick.flush();
            result
        }
    })
}

/// The end of a tick: give this to `tokio::runtime::Builder::on_thread_park`. A runtime without it works too, with a flush per batch.
pub fn flush_before_park() {
    PARKS.set(true);
    WORKER.with(|cell| {
        if let Ok(mut worker) = cell.try_borrow_mut() {
            worker.tick.flush();
        }
    });
}
