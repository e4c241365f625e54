//! What numbers and message ids may be.

use std::borrow::Cow;

use crate::frame::FrameError;

/// Numbers beyond this are not exact in JavaScript.
pub(super) const NUMBER_MAX: u64 = (1 << 53) - 1;

pub(super) fn message_id(text: Option<Cow<'_, str>>, id: Option<u64>) -> Result<Option<Cow<'_, str>>, FrameError> {
    match text {
        Some(text) if !is_message_id(&text) => {
            Err(FrameError::bad(id, "`message_id` is 1 to 128 bytes of printable ASCII"))
        }
        text => Ok(text),
    }
}

/// protocol.md#P5.1
pub(crate) fn is_message_id(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}
