//! `/metrics`. The hot path counts in the router's own counters; they are copied here when somebody asks.

use std::fmt;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use pointsman_contract::health::Health;

use super::App;
use super::status::resident_bytes;

/// One server's metrics; several servers of a process do not share them.
pub(crate) struct Metrics {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, describe);
        Self { recorder, handle }
    }
}

fn describe() {
    describe_gauge!("pointsman_build_info", "Version of this server; always 1");
    describe_gauge!("pointsman_ready", "Whether the node takes clients");
    describe_gauge!("pointsman_connections", "Links open now");
    describe_gauge!("pointsman_http_connections", "Connections of the HTTP port now, links included");
    describe_counter!("pointsman_http_connections_refused_total", "Connections closed at once: all places were taken");
    describe_gauge!("pointsman_sessions", "Sessions now, those without a link included");
    describe_gauge!("pointsman_subscriptions", "Subscriptions of all sessions now");
    describe_gauge!("pointsman_backplane_up", "Whether the backplane works");
    describe_gauge!("pointsman_memory_bytes", Unit::Bytes, "Resident memory of the process");
    describe_gauge!("pointsman_uptime_seconds", Unit::Seconds, "Since the start");
    describe_counter!("pointsman_messages_received_total", "Publications from clients and the API");
    describe_counter!("pointsman_messages_delivered_total", "Messages handed to sessions, one per receiver");
    describe_counter!("pointsman_messages_unmatched_total", "Publications that nobody had subscribed to");
    describe_counter!("pointsman_messages_refused_total", "Publications refused");
    describe_counter!("pointsman_messages_dropped_total", "Messages dropped, by reason; receivers are told a gap");
    describe_counter!("pointsman_bytes_received_total", "Payload bytes of publications");
    describe_counter!("pointsman_bytes_delivered_total", "Encoded bytes handed to sessions");
    describe_counter!("pointsman_requests_total", "Requests made");
    describe_counter!("pointsman_replies_late_total", "Replies that came for nobody or too late");
    describe_counter!("pointsman_slow_consumer_disconnects_total", "Links closed since they did not read");
}

#[allow(clippy::cast_precision_loss, reason = "a gauge is a float; 2^53 of anything is out of reach here")]
fn set(app: &App) {
    let counts = app.router.stats();
    let up = !matches!(*app.backplane.health().borrow(), Health::Down { .. });
    gauge!("pointsman_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    gauge!("pointsman_ready").set(f64::from(u8::from(!app.sessions.is_draining() && up)));
    gauge!("pointsman_connections").set(app.sessions.links() as f64);
    gauge!("pointsman_http_connections").set(app.places.taken() as f64);
    counter!("pointsman_http_connections_refused_total").absolute(app.places.refused() as u64);
    gauge!("pointsman_sessions").set(app.sessions.sessions.len() as f64);
    gauge!("pointsman_subscriptions").set(app.router.subscription_count() as f64);
    gauge!("pointsman_backplane_up", "kind" => app.backplane_kind).set(f64::from(u8::from(up)));
    gauge!("pointsman_memory_bytes").set(resident_bytes() as f64);
    gauge!("pointsman_uptime_seconds").set(app.started.elapsed().as_secs_f64());
    counter!("pointsman_messages_received_total").absolute(counts.received_messages);
    counter!("pointsman_messages_delivered_total").absolute(counts.delivered_messages);
    counter!("pointsman_messages_unmatched_total").absolute(counts.unmatched_messages);
    counter!("pointsman_messages_refused_total").absolute(counts.refused_messages);
    counter!("pointsman_messages_dropped_total", "reason" => "slow_consumer").absolute(counts.dropped_slow_consumer);
    counter!("pointsman_messages_dropped_total", "reason" => "policy").absolute(counts.dropped_policy);
    counter!("pointsman_messages_dropped_total", "reason" => "backplane").absolute(counts.dropped_backplane);
    counter!("pointsman_bytes_received_total").absolute(counts.received_bytes);
    counter!("pointsman_bytes_delivered_total").absolute(counts.delivered_bytes);
    counter!("pointsman_requests_total").absolute(counts.requests);
    counter!("pointsman_replies_late_total").absolute(counts.late_replies);
    counter!("pointsman_slow_consumer_disconnects_total").absolute(counts.slow_disconnects);
}

pub(super) async fn metrics(State(app): State<Arc<App>>) -> Response {
    metrics::with_local_recorder(&app.metrics.recorder, || set(&app));
    app.metrics.handle.run_upkeep();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], app.metrics.handle.render()).into_response()
}
