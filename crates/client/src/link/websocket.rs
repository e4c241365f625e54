//! The WebSocket link (protocol.md#P1.2).

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::{Sink, Stream};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes, protocol::WebSocketConfig};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::address::Address;
use crate::encoding::Encoding;
use crate::error::{Close, LinkError};
use crate::link::{Dial, Link, Opening};

/// A message of the server is at most so large; its own limits are far below.
const RECEIVE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// What is gathered before it is written.
const WRITE_BYTES: usize = 64 * 1024;

/// Opens WebSocket links to an address.
#[derive(Debug)]
pub(crate) struct WebSocketDial {
    pub(crate) address: Address,
    pub(crate) encoding: Encoding,
}

impl Dial for WebSocketDial {
    fn dial(&self) -> Opening<'_> {
        Box::pin(self.open())
    }
}

impl WebSocketDial {
    async fn open(&self) -> Result<Box<dyn Link>, LinkError> {
        let unreachable =
            |source| LinkError::Unreachable { address: self.address.authority.clone(), source: Arc::new(source) };
        let socket = TcpStream::connect((self.address.host.as_str(), self.address.port)).await.map_err(unreachable)?;
        // Wire messages are written whole, so waiting for more would only delay them.
        socket.set_nodelay(true).map_err(unreachable)?;
        let url = self.address.url();
        let not_opened = |error: &Error| LinkError::NotOpened { address: url.clone(), message: answer_of(error) };
        let mut request = url.as_str().into_client_request().map_err(|error| not_opened(&error))?;
        let subprotocol = HeaderValue::from_static(self.encoding.subprotocol());
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, subprotocol);
        let config = WebSocketConfig::default()
            .write_buffer_size(WRITE_BYTES)
            .max_message_size(Some(RECEIVE_BYTES_MAX))
            .max_frame_size(Some(RECEIVE_BYTES_MAX));
        let (stream, _response) =
            client_async_with_config(request, socket, Some(config)).await.map_err(|error| match error {
                Error::Io(error) => LinkError::lost(error),
                error => not_opened(&error),
            })?;
        Ok(Box::new(WebSocketLink { stream, encoding: self.encoding, close_sent: false }))
    }
}

/// What was answered instead of an upgrade, with the beginning of its explanation.
fn answer_of(error: &Error) -> String {
    const BODY_BYTES: usize = 200;
    let Error::Http(response) = error else { return error.to_string() };
    let body = response.body().as_deref().unwrap_or_default();
    // A page says nothing to somebody who looks for a link.
    let body = if body.starts_with(b"<") { &[] } else { body.get(..BODY_BYTES).unwrap_or(body) };
    let text = String::from_utf8_lossy(body);
    format!("HTTP {} {}", response.status(), text.trim()).trim_end().to_owned()
}

#[derive(Debug)]
struct WebSocketLink {
    stream: WebSocketStream<TcpStream>,
    encoding: Encoding,
    close_sent: bool,
}

impl WebSocketLink {
    fn error_of(error: Error) -> LinkError {
        match error {
            Error::Io(error) => LinkError::lost(error),
            Error::ConnectionClosed | Error::AlreadyClosed => ended(),
            Error::Protocol(error) => LinkError::lost(io::Error::new(io::ErrorKind::UnexpectedEof, error)),
            error => LinkError::protocol(error.to_string()),
        }
    }
}

fn ended() -> LinkError {
    LinkError::lost(io::ErrorKind::UnexpectedEof.into())
}

impl Link for WebSocketLink {
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, LinkError>> {
        loop {
            let message = match ready!(Pin::new(&mut self.stream).poll_next(cx)) {
                None => return Poll::Ready(Err(ended())),
                Some(message) => message.map_err(Self::error_of)?,
            };
            return Poll::Ready(match (message, self.encoding) {
                (Message::Binary(bytes), Encoding::Postcard) => Ok(bytes),
                (Message::Text(text), Encoding::Json) => Ok(text.into()),
                (Message::Binary(_) | Message::Text(_), _) => {
                    let name = self.encoding.subprotocol();
                    Err(LinkError::protocol(format!("a message of the wrong type for the subprotocol {name}")))
                }
                (Message::Close(Some(frame)), _) => {
                    Err(LinkError::Closed(Close::bare(frame.code.into(), &frame.reason)))
                }
                (Message::Close(None), _) => Err(ended()),
                (Message::Ping(_) | Message::Pong(_) | Message::Frame(_), _) => continue,
            });
        }
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        Pin::new(&mut self.stream).poll_ready(cx).map_err(Self::error_of)
    }

    fn send(&mut self, message: Bytes) -> Result<(), LinkError> {
        let message = match self.encoding {
            Encoding::Postcard => Message::Binary(message),
            Encoding::Json => Message::Text(
                Utf8Bytes::try_from(message).map_err(|_| LinkError::protocol("a JSON message that is not UTF-8"))?,
            ),
        };
        Pin::new(&mut self.stream).start_send(message).map_err(Self::error_of)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        Pin::new(&mut self.stream).poll_flush(cx).map_err(Self::error_of)
    }

    fn poll_close(&mut self, code: u16, cx: &mut Context<'_>) -> Poll<()> {
        if !self.close_sent {
            let Ok(()) = ready!(self.poll_ready(cx)) else { return Poll::Ready(()) };
            let frame = CloseFrame { code: CloseCode::from(code), reason: Utf8Bytes::default() };
            if Pin::new(&mut self.stream).start_send(Message::Close(Some(frame))).is_err() {
                return Poll::Ready(());
            }
            self.close_sent = true;
        }
        let Ok(()) = ready!(self.poll_flush(cx)) else { return Poll::Ready(()) };
        // Deliveries that were on their way are not for anybody any more.
        loop {
            match ready!(Pin::new(&mut self.stream).poll_next(cx)) {
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Poll::Ready(()),
            }
        }
    }
}
