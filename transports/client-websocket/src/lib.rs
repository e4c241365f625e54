//! The WebSocket adapter.
