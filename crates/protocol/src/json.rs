//! The JSON form (protocol.md#P11).

mod decode;
mod encode;
mod publish;
mod server;
mod value;

pub(crate) use decode::is_message_id;
pub use decode::{decode_client, is_valid};
pub use encode::{encode_client, encode_message, encode_reply, encode_server};
pub use server::{decode_server, inspect_message};

#[cfg(test)]
mod tests;
