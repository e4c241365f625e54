//! Single operations, by name.

mod codec;
mod outbox;
mod route;
mod websocket;

/// What is done once per iteration.
pub type Operation = Box<dyn FnMut()>;

/// An operation that can be repeated.
pub struct Workload {
    /// Its name on the command line and in `instructions.json`.
    pub name: String,
    /// What one operation is.
    pub about: &'static str,
    /// Allocations that one operation may make in the steady state.
    pub allocations: u64,
    /// Repetitions that `gate` uses: large operations need few.
    pub iterations: u64,
    make: Box<dyn Fn() -> Operation>,
}

impl std::fmt::Debug for Workload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Workload").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Workload {
    fn new(name: impl Into<String>, about: &'static str, make: impl Fn() -> Operation + 'static) -> Self {
        Self { name: name.into(), about, allocations: 0, iterations: 2_000, make: Box::new(make) }
    }

    fn allocations(mut self, allocations: u64) -> Self {
        self.allocations = allocations;
        self
    }

    fn iterations(mut self, iterations: u64) -> Self {
        self.iterations = iterations;
        self
    }

    /// Sets it up.
    #[must_use]
    pub fn prepare(&self) -> Operation {
        (self.make)()
    }
}

/// All of them.
#[must_use]
pub fn all() -> Vec<Workload> {
    let mut all = codec::workloads();
    all.extend(route::workloads());
    all.extend(outbox::workloads());
    all.extend(websocket::workloads());
    all
}

/// One of them.
#[must_use]
pub fn find(name: &str) -> Option<Workload> {
    all().into_iter().find(|workload| workload.name == name)
}
