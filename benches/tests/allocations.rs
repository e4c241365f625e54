//! In the steady state a message allocates nothing.

use pointsman_benches::workload;

/// Operations at least until buffers, pools and resend rings have their size.
const WARM_UP: u64 = 300;
const OPERATIONS: u64 = 50;

#[test]
fn no_workload_allocates_more_than_it_says() {
    let mut wrong = Vec::new();
    for workload in workload::all() {
        let mut operation = workload.prepare();
        (0..WARM_UP.max(workload.iterations)).for_each(|_| operation());
        let counted = allocation_counter::measure(|| (0..OPERATIONS).for_each(|_| operation()));
        // A share of a table that grows once in a while is none per operation.
        let per_operation = counted.count_total as f64 / OPERATIONS as f64;
        if per_operation > workload.allocations as f64 {
            wrong.push(format!("{}: {per_operation} allocations, allowed are {}", workload.name, workload.allocations));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
