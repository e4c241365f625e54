//! The JSON form (protocol.md#P11).

mod decode;
mod encode;
mod limits;
mod publish;
mod server;
mod value;

pub use decode::{decode_client, is_valid};
pub use encode::{encode_client, encode_message, encode_reply, encode_server};
pub(crate) use limits::is_message_id;
pub use server::{decode_server, inspect_message};

#[cfg(test)]
mod tests;
