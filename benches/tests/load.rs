//! The load generator and its yardstick, against each other.
#![allow(clippy::unwrap_used, reason = "tests state their expectations")]

use std::path::PathBuf;
use std::time::Duration;

use pointsman_benches::client::Form;
use pointsman_benches::scenario::{self, Pace, Scenario};
use pointsman_benches::server::{Program, Server};

#[test]
fn everything_that_is_sent_arrives_and_is_counted() {
    for (form, per_message, pace) in [
        (Form::Json, 1, Pace::Bursts(100)),
        (Form::Postcard, 16, Pace::Bursts(512)),
        (Form::Json, 1, Pace::PerSecond(200)),
    ] {
        let scenario = Scenario {
            receivers: 20,
            pace,
            per_message,
            payload: 128,
            duration: Duration::from_millis(300),
            slow_reader: None,
        };
        let program = Program::Raw(PathBuf::from(env!("CARGO_BIN_EXE_raw")), per_message);
        let server = Server::start(&program, None, &[]).unwrap();
        let outcome = scenario::run(&server, form, &scenario).unwrap();
        assert!(outcome.complete, "{form:?} {pace:?}: {outcome:?}");
        assert!(outcome.deliveries > 0 && outcome.deliveries.is_multiple_of(20), "{outcome:?}");
        assert_eq!(outcome.latency.is_some(), matches!(pace, Pace::PerSecond(_)));
    }
}
