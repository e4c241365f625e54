//! The binary.

use std::process::ExitCode;

/// Frees memory to the system sooner after a burst of connections, and is faster than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    pointsman::cli::run()
}
