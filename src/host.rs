//! The host's own figures as `metrics.updated`, for `pointsman dev`: published through the router like anybody else's.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use sysinfo::{CpuRefreshKind, DiskRefreshKind, Disks, MemoryRefreshKind, Networks, RefreshKind, System};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::http::App;
use crate::status_events::now_ms;

/// The subject of these events.
const SUBJECT: &str = "metrics.updated";
/// How often.
const PERIOD: Duration = Duration::from_secs(1);
/// Disks told of; hosts with more are rare, and a message must stay small.
const DISKS_MAX: usize = 16;

#[derive(Serialize)]
struct MetricsUpdated<'a> {
    at: u64,
    host: &'a str,
    cpu: Cpu,
    memory: Memory,
    disks: Vec<Disk>,
    network: Network,
    /// Absent where the system does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    load: Option<[f64; 3]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uptime_seconds: Option<u64>,
    router: Router,
}

#[derive(Serialize)]
struct Cpu {
    /// 0 to 1.
    total: f64,
    cores: Vec<f64>,
}

#[derive(Serialize)]
#[allow(clippy::struct_field_names, reason = "units stand in the names of the fields as sent")]
struct Memory {
    used_bytes: u64,
    total_bytes: u64,
    swap_used_bytes: u64,
    swap_total_bytes: u64,
}

#[derive(Serialize)]
struct Disk {
    name: String,
    used_bytes: u64,
    total_bytes: u64,
    read_bytes_per_second: u64,
    written_bytes_per_second: u64,
}

#[derive(Serialize)]
struct Network {
    received_bytes_per_second: u64,
    sent_bytes_per_second: u64,
}

#[derive(Serialize)]
struct Router {
    connections: usize,
    subscriptions: usize,
    messages_received_total: u64,
    messages_delivered_total: u64,
    messages_dropped_total: u64,
}

/// What the system is asked through; keeps what rates are computed from.
struct Host {
    name: String,
    system: System,
    disks: Disks,
    networks: Networks,
    asked: Instant,
}

impl Host {
    fn new() -> Result<Self, sysinfo::Error> {
        let what = RefreshKind::nothing()
            .with_cpu(CpuRefreshKind::nothing().with_usage())
            .with_memory(MemoryRefreshKind::everything());
        Ok(Self {
            name: System::host_name().unwrap_or_else(|_| "this host".into()),
            system: System::new_with_specifics(what)?,
            disks: Disks::new_with_refreshed_list_specifics(DiskRefreshKind::everything())?,
            networks: Networks::new_with_refreshed_list()?,
            asked: Instant::now(),
        })
    }

    fn ask(&mut self, router: Router) -> serde_json::Result<Vec<u8>> {
        self.system.refresh_cpu_usage();
        self.system.refresh_memory();
        self.disks.refresh_specifics(true, DiskRefreshKind::everything());
        self.networks.refresh(true);
        let seconds = self.asked.elapsed().as_secs_f64().max(0.001);
        self.asked = Instant::now();
        let event = MetricsUpdated {
            at: now_ms(),
            host: &self.name,
            cpu: Cpu {
                total: share(self.system.global_cpu_usage()),
                cores: self.system.cpus().iter().map(|cpu| share(cpu.usage())).collect(),
            },
            memory: Memory {
                used_bytes: self.system.used_memory(),
                total_bytes: self.system.total_memory(),
                swap_used_bytes: self.system.used_swap(),
                swap_total_bytes: self.system.total_swap(),
            },
            disks: self.disks(seconds),
            network: self.network(seconds),
            load: System::load_average().ok().map(|load| [load.one, load.five, load.fifteen]),
            uptime_seconds: System::uptime().ok(),
            router,
        };
        serde_json::to_vec(&event)
    }

    /// One entry per device, though it may be mounted in several places.
    fn disks(&self, seconds: f64) -> Vec<Disk> {
        let mut disks: Vec<Disk> = Vec::new();
        for disk in self.disks.iter().filter(|disk| disk.total_space() > 0) {
            let name = disk.name().to_string_lossy().into_owned();
            if disks.len() < DISKS_MAX && !disks.iter().any(|known| known.name == name) {
                let usage = disk.usage();
                disks.push(Disk {
                    name,
                    used_bytes: disk.total_space().saturating_sub(disk.available_space()),
                    total_bytes: disk.total_space(),
                    read_bytes_per_second: per_second(usage.read_bytes, seconds),
                    written_bytes_per_second: per_second(usage.written_bytes, seconds),
                });
            }
        }
        disks
    }

    fn network(&self, seconds: f64) -> Network {
        let sum = |bytes: fn(&sysinfo::NetworkData) -> u64| self.networks.values().map(bytes).sum();
        Network {
            received_bytes_per_second: per_second(sum(sysinfo::NetworkData::received), seconds),
            sent_bytes_per_second: per_second(sum(sysinfo::NetworkData::transmitted), seconds),
        }
    }
}

/// Percent as a share, in thousandths: more digits would be noise.
fn share(percent: f32) -> f64 {
    (f64::from(percent) * 10.0).round() / 1000.0
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a rate is rounded; the cast saturates"
)]
fn per_second(bytes: u64, seconds: f64) -> u64 {
    (bytes as f64 / seconds).round() as u64
}

/// The host and a message with its figures; none the first time, which is the beginning of the first second.
type Asked = (Host, Option<serde_json::Result<Vec<u8>>>);

fn ask(known: Option<Host>, router: Router) -> Result<Asked, sysinfo::Error> {
    match known {
        None => Ok((Host::new()?, None)),
        Some(mut host) => {
            let json = host.ask(router);
            Ok((host, Some(json)))
        }
    }
}

/// Publishes once a second until `stop`, or until the node drains. Asking the system reads files, so it happens beside the runtime's workers.
pub(crate) async fn publish(app: Arc<App>, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut host: Option<Host> = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        if app.sessions.is_draining() {
            return;
        }
        let router = router_figures(&app);
        let known = host.take();
        let json = match tokio::task::spawn_blocking(move || ask(known, router)).await {
            Ok(Ok((asked, json))) => {
                host = Some(asked);
                json
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "this system does not tell its figures; `metrics.updated` is not published");
                return;
            }
            Err(error) => {
                tracing::warn!(%error, "the host could not be asked for its figures");
                None
            }
        };
        let published = match json {
            Some(Ok(json)) => app.publisher.publish_json(SUBJECT, &json).map_err(|refusal| refusal.to_string()),
            Some(Err(error)) => Err(error.to_string()),
            None => Ok(()),
        };
        if let Err(error) = published {
            tracing::warn!(error, "the host's figures could not be published");
        }
    }
}

fn router_figures(app: &App) -> Router {
    let counts = app.router.stats();
    Router {
        connections: app.sessions.links(),
        subscriptions: app.router.subscription_count(),
        messages_received_total: counts.received_messages,
        messages_delivered_total: counts.delivered_messages,
        messages_dropped_total: counts.dropped_slow_consumer + counts.dropped_policy + counts.dropped_backplane,
    }
}
