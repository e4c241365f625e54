//! What a node says of itself.

use crate::node::{Node, eventually};

/// A figure of `/metrics`, summed over its labels.
pub(crate) fn metric(node: &Node, name: &str) -> u64 {
    let metrics = node.get("/metrics").body;
    let values = metrics.lines().filter_map(|line| {
        let (key, value) = line.split_once(' ')?;
        (key.split('{').next() == Some(name)).then(|| value.parse::<f64>().unwrap())
    });
    let values: Vec<_> = values.collect();
    assert!(!values.is_empty(), "there is no {name}: {metrics}");
    values.iter().sum::<f64>() as u64
}

/// Waits until a figure is so large.
pub(crate) fn until_metric(node: &Node, name: &str, value: u64) {
    let mut last = 0;
    let reached = || {
        last = metric(node, name);
        (last == value).then_some(())
    };
    eventually(&format!("{name} is {value}"), reached);
}

/// Resident memory in MiB.
pub(crate) fn memory_mib(node: &Node) -> f64 {
    metric(node, "pointsman_memory_bytes") as f64 / f64::from(1 << 20)
}
