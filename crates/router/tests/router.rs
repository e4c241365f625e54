//! The router through its port: what is published comes out of the right outboxes, and nowhere else.
#![allow(clippy::unwrap_used, reason = "tests state their expectations")]

#[path = "router/support.rs"]
mod support;

#[path = "router/delivery.rs"]
mod delivery;
#[path = "router/limits.rs"]
mod limits;
#[path = "router/model.rs"]
mod model;
#[path = "router/requests.rs"]
mod requests;
