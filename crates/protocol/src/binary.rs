//! The postcard form (protocol.md#P12). The hot frames are written and read by hand, byte for byte as the derived schema would; a property test
//! holds them to it.

mod read;
mod schema;
mod write;

pub use read::{decode_client, decode_server, inspect_message};
pub use write::{encode_client, encode_message, encode_reply, encode_server};

#[cfg(test)]
mod tests;
