//! The client's task on memory links and a controlled clock.

use std::sync::atomic::Ordering;

use pointsman_protocol::frame::{CloseFrame, Delivery, ErrorFrame, Refused};
use tokio::sync::mpsc;

use super::*;
use crate::backoff::ReconnectPolicy;
use crate::builder::connect_by;
use crate::client::Client;
use crate::error::{AcknowledgeError, FlushError, InvalidMessage, PublishError, RequestError, SubscribeError};
use crate::inbox::{Gap, GapReason, Received, SubscriptionEnd};
use crate::link::memory::{MemoryDial, Peer, new_session, resumed};
use crate::message::Message;
use crate::outgoing::OutgoingLimits;
use crate::subscribe_options::SubscribeOptions;
use crate::subscription::Subscription;

mod calls;
mod links;
mod outgoing;
mod sessions;
mod subscriptions;

type Peers = mpsc::Receiver<Peer>;

async fn connected(settings: Settings) -> (Client, Arc<MemoryDial>, Peers, Peer) {
    let (dial, mut peers) = MemoryDial::new();
    let server = async {
        let mut peer = peers.recv().await.unwrap();
        peer.welcome(new_session("one")).await;
        peer
    };
    let (client, peer) = tokio::join!(connect_by(Arc::<MemoryDial>::clone(&dial), settings), server);
    (client.unwrap(), dial, peers, peer)
}

async fn subscribed(client: &Client, peer: &mut Peer, pattern: &str) -> Subscription {
    let server = async {
        loop {
            for frame in peer.receive().await.unwrap() {
                if let ClientFrame::Subscribe { id: Some(id), .. } = frame {
                    peer.send(&[ServerFrame::Ok { id }]).await;
                    return;
                }
            }
        }
    };
    tokio::join!(client.subscribe(pattern), server).0.unwrap()
}

fn delivery(sids: &[u64], payloads: &[&str]) -> ServerFrame<'static> {
    let one = |payload: &&str| Delivery {
        subject: "a".into(),
        reply: None,
        headers: Vec::new().into(),
        payload: payload.as_bytes().to_vec().into(),
        body: pointsman_protocol::frame::BodyKind::Unknown,
    };
    ServerFrame::Message { sids: sids.to_vec(), messages: payloads.iter().map(one).collect() }
}

fn close(code: u16, retry_after_ms: Option<u32>) -> ServerFrame<'static> {
    ServerFrame::Close(CloseFrame { code, reason: "why".into(), message: "because".into(), retry_after_ms })
}

async fn payload(subscription: &mut Subscription) -> String {
    match subscription.next().await {
        Some(Received::Message(message)) => String::from_utf8(message.payload.to_vec()).unwrap(),
        other => panic!("{other:?}"),
    }
}

async fn gap(subscription: &mut Subscription) -> Gap {
    match subscription.next().await {
        Some(Received::Gap(gap)) => gap,
        other => panic!("{other:?}"),
    }
}

/// Waits until the state is as wanted.
async fn until(client: &Client, wanted: impl FnMut(&ConnectionState) -> bool) -> ConnectionState {
    client.state().wait_for(wanted).await.unwrap().clone()
}

fn published(frames: &[ClientFrame<'_>]) -> Vec<String> {
    let payload = |frame: &ClientFrame<'_>| match frame {
        ClientFrame::Publish(publish) => Some(String::from_utf8(publish.payload.to_vec()).unwrap()),
        _ => None,
    };
    frames.iter().filter_map(payload).collect()
}
