//! What else can happen on a real socket.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use pointsman_client::{
    Client, ConnectError, ConnectionState, Encoding, LinkError, Message, Received, ReconnectPolicy, UrlError,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as WireMessage;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

const DEADLINE: Duration = Duration::from_secs(30);
const READY: &str = concat!(
    r#"{"op":"ready","version":1,"session":"s","secret":"x","generation":1,"resumed":false,"received":0,"skipped":0,"#,
    r#""node":"n","server":"fake/1","heartbeat_ms":25000,"keep_ms":30000,"#,
    r#""limits":{"frame_bytes":65536,"payload_bytes":65536,"subject_bytes":256,"subscriptions":10,"requests":10,"#,
    r#""resend_frames":256,"resend_bytes":262144},"features":[],"refused":[]}"#
);

/// Runs a client and a server that hears it; both have to come to their end.
async fn both<C, S, A>(client: impl FnOnce(SocketAddr) -> C, server: impl FnOnce(TcpListener) -> S) -> A
where
    C: Future<Output = A>,
    S: Future<Output = ()>,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let both = async { tokio::join!(client(address), server(listener)).0 };
    timeout(DEADLINE, both).await.expect("it hangs")
}

async fn accept(listener: &TcpListener) -> WebSocketStream<TcpStream> {
    let (stream, _) = listener.accept().await.unwrap();
    #[allow(clippy::result_large_err, reason = "the type is given by the callback")]
    let choose = |request: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
        let offered: &HeaderValue = request.headers().get("sec-websocket-protocol").unwrap();
        response.headers_mut().insert("sec-websocket-protocol", offered.clone());
        Ok(response)
    };
    tokio_tungstenite::accept_hdr_async(stream, choose).await.unwrap()
}

async fn text(stream: &mut WebSocketStream<TcpStream>) -> String {
    match stream.next().await.unwrap().unwrap() {
        WireMessage::Text(text) => text.to_string(),
        other => panic!("{other:?}"),
    }
}

fn json(address: SocketAddr) -> pointsman_client::ClientBuilder {
    let policy = ReconnectPolicy { min_delay: Duration::from_millis(1), ..ReconnectPolicy::default() };
    Client::builder(&format!("ws://{address}")).encoding(Encoding::Json).reconnect(policy)
}

#[tokio::test]
async fn json_goes_both_ways() {
    // protocol.md#P11
    let client = |address| async move {
        let client = json(address).token("t").connect().await.unwrap();
        let mut subscription = client.subscribe("a.>").await.unwrap();
        client.publish_json("a.b", &serde_json::json!({"n": 1})).unwrap();
        client.publish("a.c", "plain").unwrap();
        let Some(Received::Message(message)) = subscription.next().await else { panic!("no message") };
        assert_eq!(message.json::<Vec<u8>>().unwrap(), [1, 2]);
        assert_eq!((message.headers.get("k"), message.reply.as_deref()), (Some("v"), Some("_R.x")));
        client.respond(&message, vec![0xff]).unwrap();
        client.close().await;
    };
    let server = |listener: TcpListener| async move {
        let mut stream = accept(&listener).await;
        assert_eq!(text(&mut stream).await, r#"{"op":"connect","version":1,"token":"t","echo":true,"subscribe":[]}"#);
        stream.send(WireMessage::text(READY)).await.unwrap();
        assert_eq!(text(&mut stream).await, r#"{"op":"subscribe","id":1,"sid":1,"pattern":"a.>"}"#);
        stream.send(WireMessage::text(r#"{"op":"ok","id":1}"#)).await.unwrap();
        let publishes = text(&mut stream).await;
        assert_eq!(
            publishes,
            r#"[{"op":"publish","subject":"a.b","data":{"n":1}},{"op":"publish","subject":"a.c","text":"plain"}]"#
        );
        let delivery = r#"[{"op":"message","sids":[1],"messages":[{"subject":"a.x","data":[1, 2],"headers":{"k":"v"},"reply":"_R.x","new":0}]}]"#;
        stream.send(WireMessage::text(delivery)).await.unwrap();
        assert_eq!(text(&mut stream).await, r#"{"op":"publish","subject":"_R.x","base64":"/w=="}"#);
        let Some(Ok(WireMessage::Close(Some(frame)))) = stream.next().await else { panic!("no goodbye") };
        assert_eq!(frame.code, CloseCode::Normal);
        while let Some(Ok(_)) = stream.next().await {}
    };
    both(client, server).await;
}

#[tokio::test]
async fn what_is_no_server_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = Client::connect(&address.to_string()).await.unwrap_err();
    assert!(matches!(error, ConnectError::Link(LinkError::Unreachable { .. })), "{error:?}");
    assert!(error.to_string().contains(&address.to_string()), "{error}");

    let error = Client::connect("wss://example.org").await.unwrap_err();
    assert!(matches!(error, ConnectError::Url(UrlError::Tls { .. })), "{error:?}");

    let client =
        |address: SocketAddr| async move { Client::connect(&format!("http://{address}/x")).await.unwrap_err() };
    let server = |listener: TcpListener| async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        let read = stream.read(&mut request).await.unwrap();
        assert!(request[..read].starts_with(b"GET /x HTTP/1.1\r\n"));
        let answer = b"HTTP/1.1 404 Not Found\r\ncontent-length: 9\r\n\r\nno link. ";
        stream.write_all(answer).await.unwrap();
    };
    let error = both(client, server).await;
    assert!(matches!(error, ConnectError::Link(LinkError::NotOpened { .. })), "{error:?}");
    assert!(error.to_string().contains("HTTP 404 Not Found no link."), "{error}");
}

#[tokio::test]
async fn a_server_without_the_subprotocol_is_refused() {
    // protocol.md#P1.2
    let client = |address: SocketAddr| async move { Client::connect(&format!("ws://{address}")).await.unwrap_err() };
    let server = |listener: TcpListener| async move {
        let (stream, _) = listener.accept().await.unwrap();
        let _refused = tokio_tungstenite::accept_async(stream).await;
    };
    let error = both(client, server).await;
    assert!(matches!(error, ConnectError::Link(LinkError::NotOpened { .. })), "{error:?}");
}

#[tokio::test]
async fn a_close_without_a_close_frame_of_the_protocol_is_understood() {
    // protocol.md#P10
    let client = |address| async move {
        let client = json(address).connect().await.unwrap();
        let state = client.state().wait_for(ConnectionState::is_closed).await.unwrap().clone();
        let ConnectionState::Closed { cause, .. } = state else { panic!("{state:?}") };
        cause.to_string()
    };
    let server = |listener: TcpListener| async move {
        // Come back.
        let mut stream = accept(&listener).await;
        text(&mut stream).await;
        stream.send(WireMessage::text(READY)).await.unwrap();
        let frame = CloseFrame { code: CloseCode::Away, reason: "restart".into() };
        stream.send(WireMessage::Close(Some(frame))).await.unwrap();
        // Stop.
        let mut stream = accept(&listener).await;
        let connect = text(&mut stream).await;
        assert!(connect.contains(r#""attach":{"session":"s","secret":"x","generation":2,"received":0}"#), "{connect}");
        stream.send(WireMessage::text(READY)).await.unwrap();
        let frame = CloseFrame { code: CloseCode::from(3504), reason: "by an operator".into() };
        stream.send(WireMessage::Close(Some(frame))).await.unwrap();
        while let Some(Ok(_)) = stream.next().await {}
    };
    let cause = both(client, server).await;
    assert_eq!(cause, "the server closed the link: by an operator (kicked, 3504)");
}

#[tokio::test]
async fn a_message_of_the_wrong_type_costs_the_session() {
    // protocol.md#P1.2
    let client = |address| async move {
        let client = json(address).connect().await.unwrap();
        let mut state = client.state();
        let reconnecting = |state: &ConnectionState| matches!(state, ConnectionState::Reconnecting { .. });
        let state = state.wait_for(reconnecting).await.unwrap().clone();
        let ConnectionState::Reconnecting { cause, .. } = state else { panic!("{state:?}") };
        assert!(matches!(cause, LinkError::Protocol { .. }), "{cause}");
        let connected = |state: &ConnectionState| state.is_connected();
        client.state().wait_for(connected).await.unwrap();
        client.close().await;
    };
    let server = |listener: TcpListener| async move {
        let mut stream = accept(&listener).await;
        text(&mut stream).await;
        stream.send(WireMessage::text(READY)).await.unwrap();
        stream.send(WireMessage::binary(vec![1])).await.unwrap();
        let mut stream = accept(&listener).await;
        assert!(!text(&mut stream).await.contains("attach"));
        stream.send(WireMessage::text(READY)).await.unwrap();
        while let Some(Ok(_)) = stream.next().await {}
    };
    both(client, server).await;
}

#[tokio::test]
async fn a_stuck_server_stops_neither_reading_nor_the_bound() {
    // The server reads nothing while it goes on sending: the client has to take deliveries in, and its queue must stay bounded.
    const MESSAGES: usize = 2000;
    let client = |address| async move {
        let client = json(address).outgoing_max(1000, 1024 * 1024).connect().await.unwrap();
        let mut subscription = client.subscribe("a").await.unwrap();
        let payload = "x".repeat(16 * 1024);
        let mut received = 0;
        let mut full = 0;
        while received < MESSAGES {
            if client.publish("b", payload.clone()).is_err() {
                full += 1;
                assert!(client.pending().1 <= 1024 * 1024 + 2 * payload.len());
                subscription.next().await.unwrap();
                received += 1;
            }
        }
        assert!(full > 0);
    };
    let server = |listener: TcpListener| async move {
        let mut stream = accept(&listener).await;
        text(&mut stream).await;
        stream.send(WireMessage::text(READY)).await.unwrap();
        text(&mut stream).await;
        stream.send(WireMessage::text(r#"{"op":"ok","id":1}"#)).await.unwrap();
        let text = "y".repeat(16 * 1024);
        for _ in 0..MESSAGES {
            let delivery = format!(r#"{{"op":"message","sids":[1],"messages":[{{"subject":"a","text":"{text}"}}]}}"#);
            stream.send(WireMessage::text(delivery)).await.unwrap();
        }
        // The client hangs up.
        let mut raw = stream.into_inner();
        let mut sink = vec![0; 64 * 1024];
        while raw.read(&mut sink).await.is_ok_and(|read| read > 0) {}
    };
    both(client, server).await;
}

#[tokio::test]
async fn a_large_message_arrives_whole_and_small_ones_keep_no_large_one_alive() {
    let client = |address| async move {
        let client = json(address).connect().await.unwrap();
        let mut subscription = client.subscribe("a").await.unwrap();
        let large = subscription.next_message().await.unwrap();
        assert_eq!(large.payload.len(), 1_000_002);
        assert_eq!(subscription.next_message().await.unwrap(), Message::new("a", "2"));
        client.close().await;
    };
    let server = |listener: TcpListener| async move {
        let mut stream = accept(&listener).await;
        text(&mut stream).await;
        stream.send(WireMessage::text(READY)).await.unwrap();
        text(&mut stream).await;
        stream.send(WireMessage::text(r#"{"op":"ok","id":1}"#)).await.unwrap();
        let large = "y".repeat(1_000_000);
        let delivery = format!(
            r#"{{"op":"message","sids":[1],"messages":[{{"subject":"a","data":"{large}"}},{{"subject":"a","data":2}}]}}"#
        );
        stream.send(WireMessage::text(delivery)).await.unwrap();
        while let Some(Ok(_)) = stream.next().await {}
    };
    both(client, server).await;
}
