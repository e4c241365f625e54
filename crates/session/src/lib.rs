//! The one driver of every link: handshake, heartbeat, flush, attach, resend, slow consumers, drain.
