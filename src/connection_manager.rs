//! Who is connected, and telling them something: the server's side of a client's connection manager.

use std::sync::Arc;

use pointsman_contract::refusal::Refusal;
use pointsman_protocol::codes::{CloseCode, ErrorCode};
use pointsman_protocol::subject;
use pointsman_session::close::CloseReason;
use pointsman_session::context::SessionContext;
use pointsman_session::session::{Session, SessionId, SessionInfo};

use crate::publisher::Publisher;

/// The sessions of this node: lists and closes them, and broadcasts to a user or to a channel. Links add sessions by themselves.
#[derive(Debug, Clone)]
pub struct ConnectionManager {
    sessions: Arc<SessionContext>,
    publisher: Arc<Publisher>,
}

impl ConnectionManager {
    pub(crate) fn new(sessions: Arc<SessionContext>, publisher: Arc<Publisher>) -> Self {
        Self { sessions, publisher }
    }

    /// Sessions now, those without a link included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sessions.sessions.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sessions.sessions.is_empty()
    }

    /// At most `limit` sessions in the order they were made, after the one whose key is `after` (0: from the first).
    #[must_use]
    pub fn page(&self, after: u64, limit: usize) -> Vec<SessionInfo> {
        self.sessions.sessions.page(after, limit)
    }

    /// A session by its public name.
    #[must_use]
    pub fn get(&self, id: SessionId) -> Option<Arc<Session>> {
        self.sessions.sessions.get(id)
    }

    /// At most `limit` subscriptions of a session: number, pattern, group.
    #[must_use]
    pub fn subscriptions(&self, session: &SessionInfo, limit: usize) -> Vec<(u64, String, Option<String>)> {
        self.sessions.port().subscriptions(session.key, limit)
    }

    /// Closes a session with 3504; its client does not come back by itself. `false` if there is none of that name.
    #[must_use]
    pub fn remove(&self, id: SessionId) -> bool {
        let found = self.get(id);
        if let Some(session) = &found {
            session.close(CloseReason::server(CloseCode::Kicked, "an operator closed this session"));
        }
        found.is_some()
    }

    /// Publishes JSON to everybody who is subscribed to a channel (another word for subject).
    ///
    /// # Errors
    /// A channel that is no subject, or a body that is too large.
    pub fn broadcast_to_channel(&self, channel: &str, json: &[u8]) -> Result<(), Refusal> {
        self.publisher.publish_json(channel, json)
    }

    /// Publishes JSON to all sessions of a user that subscribed to `$USER.<user>.<subject>` or to a pattern over it.
    ///
    /// # Errors
    /// A user whose name is no plain token, or what [`broadcast_to_channel`](Self::broadcast_to_channel) says.
    pub fn broadcast_to_user(&self, user: &str, subject: &str, json: &[u8]) -> Result<(), Refusal> {
        self.broadcast_to_channel(&user_subject(user, subject)?, json)
    }
}

/// Where a user's sessions hear (protocol.md#P2.4).
///
/// # Errors
/// A user whose name is no plain token: it would name somebody else's subjects.
pub(crate) fn user_subject(user: &str, subject: &str) -> Result<String, Refusal> {
    subject::validate_token(user)
        .map_err(|error| Refusal::new(ErrorCode::BadSubject, format!("`{user}` cannot be a user's name: {error}")))?;
    Ok(format!("$USER.{user}.{subject}"))
}
