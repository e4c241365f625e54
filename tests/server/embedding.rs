//! The server inside another program.

use std::sync::Arc;

use pointsman::assembly::Plan;
use pointsman::builtin::Builtin;
use pointsman::server::Server;
use pointsman::settings::Settings;
use pointsman::settings::load::{Sources, load};
use pointsman::start_failure::StartFailure;
use pointsman_backplane_memory::hub::Hub;
use pointsman_backplane_memory::memory::MemoryBackplane;
use pointsman_client::{Client, Received, SubscribeOptions, Subscription};
use pointsman_contract::backplane::{Backplane, BackplaneContext, BackplaneRole};
use pointsman_contract::component::{Component, ConfigError, Registry, StartError};
use pointsman_session::session::SessionId;
use serde::Deserialize;

fn plan(changes: &serde_json::Value, builtin: &Builtin) -> Plan {
    let mut flags = Settings::dev();
    flags.insert("http".into(), serde_json::json!({ "listen": "127.0.0.1:0" }));
    flags.insert("nats".into(), serde_json::json!({ "listen": "" }));
    flags.extend(changes.as_object().unwrap().clone());
    let loaded = load(&Sources { flags, ..Sources::default() }).unwrap();
    Plan::new(&loaded, builtin).unwrap()
}

async fn data(subscription: &mut Subscription) -> serde_json::Value {
    match subscription.next().await {
        Some(Received::Message(message)) => message.json().unwrap(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_program_lists_closes_and_tells_its_clients() {
    let auth = serde_json::json!({ "auth": { "tokens": [{ "name": "ada", "token": "t", "user": "ada" }] } });
    let server = Arc::new(Server::start(plan(&auth, &Builtin::default())).await.unwrap());
    let stop = Arc::new(tokio::sync::Notify::new());
    let running = tokio::spawn({
        let (server, stop) = (Arc::clone(&server), Arc::clone(&stop));
        async move { server.run(stop.notified()).await }
    });
    let ada = Client::builder(&server.address().to_string()).token("t").connect().await.unwrap();
    let other = Client::builder(&server.address().to_string()).token("t").connect().await.unwrap();
    let mut mine = ada.subscribe("$USER.ada.>").await.unwrap();
    let mut also_mine = other.subscribe_with(SubscribeOptions::new("$USER.ada.mail")).await.unwrap();
    let mut channel = ada.subscribe("news.*").await.unwrap();

    let connections = server.connections();
    assert_eq!(connections.len(), 2);
    connections.broadcast_to_user("ada", "mail", b"1").unwrap();
    connections.broadcast_to_channel("news.today", b"2").unwrap();
    assert_eq!((data(&mut mine).await, data(&mut also_mine).await), (1.into(), 1.into()));
    assert_eq!(data(&mut channel).await, 2);
    assert!(connections.broadcast_to_user("a.b", "mail", b"1").is_err(), "that would be somebody else's subject");
    assert!(connections.broadcast_to_channel("news.*", b"1").is_err());

    let page = connections.page(0, 10);
    assert_eq!(connections.subscriptions(&page[0], 10).len(), 2);
    assert!(connections.remove(page[0].id));
    assert!(!connections.remove(SessionId::parse(&"0".repeat(32)).unwrap()));
    assert!(mine.next().await.is_none_or(|received| matches!(received, Received::Gap(_))));

    stop.notify_one();
    running.await.unwrap().unwrap();
    assert!(server.connections().is_empty(), "nothing is left");
}

/// A kind that joins the servers of a test.
#[derive(Debug)]
struct Tunnel(String);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TunnelConfig {
    url: String,
}

impl Component for Tunnel {
    const KIND: &'static str = "tunnel";
    type Role = BackplaneRole;
    type Config = TunnelConfig;

    fn validate(config: TunnelConfig) -> Result<Self, ConfigError> {
        match config.url.strip_prefix("tunnel://") {
            Some(name) => Ok(Self(name.to_owned())),
            None => Err(ConfigError::new("url", "write it as tunnel://name")),
        }
    }

    async fn start(self, cx: BackplaneContext) -> Result<Arc<dyn Backplane>, StartError> {
        if self.0 == "closed" {
            return Err(StartError { message: "the tunnel is closed; open it".into(), source: None });
        }
        static HUB: std::sync::OnceLock<Arc<Hub>> = std::sync::OnceLock::new();
        Ok(MemoryBackplane::join(Arc::clone(HUB.get_or_init(Arc::default)), cx))
    }
}

fn with_tunnel() -> Builtin {
    Builtin { backplanes: Registry::new().with::<Tunnel>(), ..Builtin::default() }
}

#[tokio::test]
async fn a_kind_of_ones_own_joins_two_servers() {
    let builtin = with_tunnel();
    let tunnel = serde_json::json!({ "backplane": "tunnel://north" });
    let mut servers = Vec::new();
    for _ in 0..2 {
        servers.push(Arc::new(Server::start(plan(&tunnel, &builtin)).await.unwrap()));
    }
    let stop = tokio_util::sync::CancellationToken::new();
    let running: Vec<_> = servers
        .iter()
        .map(|server| {
            let (server, stop) = (Arc::clone(server), stop.clone());
            tokio::spawn(async move { server.run(stop.cancelled()).await })
        })
        .collect();
    let here = Client::connect(&servers[0].address().to_string()).await.unwrap();
    let there = Client::connect(&servers[1].address().to_string()).await.unwrap();
    let mut subscription = there.subscribe("far.>").await.unwrap();
    for n in 0..100 {
        here.publish_json("far.away", &n).unwrap();
    }
    for n in 0..100 {
        assert_eq!(data(&mut subscription).await, n);
    }
    // A request finds its responder on the other node, and the reply its way back.
    let mut requests = there.subscribe("sum").await.unwrap();
    let asking = tokio::spawn({
        let here = here.clone();
        async move { here.request("sum", "[1,2]").await }
    });
    let Some(Received::Message(request)) = requests.next().await else { panic!("no request") };
    there.respond(&request, "3").unwrap();
    assert_eq!(asking.await.unwrap().unwrap().payload, "3");
    stop.cancel();
    for server in running {
        server.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_component_that_does_not_start_says_why() {
    let closed = serde_json::json!({ "backplane": "tunnel://closed" });
    let failure = Server::start(plan(&closed, &with_tunnel())).await.unwrap_err();
    assert!(matches!(failure, StartFailure::Backplane(_)));
    assert!(failure.to_string().contains("open it"), "{failure}");
}
