//! What waits to be sent: frames are encoded where they are made and gathered into wire messages.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use pointsman_protocol::frame::ClientFrame;
use tokio::sync::oneshot;

use crate::encoding::Encoding;
use crate::error::InvalidMessage;
use crate::pending::NotDone;
use crate::publication::FRAME_OVERHEAD;
use crate::registered::Registered;

/// Frames are gathered into wire messages of about this size.
const CHUNK_BYTES: usize = 64 * 1024;

/// What the client's task has to note when it sends a wire message.
#[derive(Debug)]
pub(crate) enum Action {
    Subscribe(Registered),
    /// The application asked for it and waits.
    Unsubscribe {
        sid: u64,
    },
    /// The application has dropped it.
    Abandon {
        sid: u64,
    },
    UnsubscribeAll,
    Flush(oneshot::Sender<Result<(), NotDone>>),
}

/// A wire message that is being gathered.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    pub(crate) bytes: Vec<u8>,
    pub(crate) frames: usize,
    pub(crate) actions: Vec<Action>,
    /// No id of it, or of an earlier one, is this large.
    pub(crate) ids_end: u64,
}

/// Wire messages that wait, the oldest first.
#[derive(Debug)]
pub(crate) struct Chunks {
    encoding: Encoding,
    queue: VecDeque<Chunk>,
    messages: usize,
    bytes: usize,
    /// Bytes of a wire message at most.
    frame_bytes: usize,
}

impl Chunks {
    pub(crate) fn new(encoding: Encoding) -> Self {
        Self { encoding, queue: VecDeque::new(), messages: 0, bytes: 0, frame_bytes: usize::MAX }
    }

    /// Frames that wait, and their bytes.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        (self.messages, self.bytes)
    }

    /// Appends a frame to the last wire message, or to a new one. Its ids are below `ids_end`.
    pub(crate) fn append(
        &mut self,
        frame: &ClientFrame<'_>,
        estimate: usize,
        ids_end: u64,
    ) -> Result<(), InvalidMessage> {
        // The closing bracket of a JSON array takes one byte more.
        let frame_bytes = self.frame_bytes.saturating_sub(1);
        let limit = frame_bytes.min(CHUNK_BYTES);
        if let Some(chunk) = self.queue.back_mut()
            && chunk.bytes.len().saturating_add(estimate) <= limit
        {
            let before = chunk.bytes.len();
            self.encoding.append(frame, &mut chunk.bytes);
            if chunk.bytes.len() <= limit {
                chunk.frames += 1;
                chunk.ids_end = ids_end;
                self.messages += 1;
                self.bytes += chunk.bytes.len() - before;
                return Ok(());
            }
            chunk.bytes.truncate(before);
        }
        let mut bytes = Vec::with_capacity(estimate);
        self.encoding.append(frame, &mut bytes);
        if bytes.len() > frame_bytes {
            return Err(InvalidMessage::FrameTooLarge { bytes: bytes.len(), max: frame_bytes });
        }
        self.messages += 1;
        self.bytes += bytes.len();
        self.queue.push_back(Chunk { bytes, frames: 1, actions: Vec::new(), ids_end });
        Ok(())
    }

    /// Something to be noted when everything appended so far is sent.
    pub(crate) fn act(&mut self, action: Action, ids_end: u64) {
        if let Some(chunk) = self.queue.back_mut() {
            chunk.actions.push(action);
        } else {
            self.queue.push_back(Chunk { actions: vec![action], ids_end, ..Chunk::default() });
        }
    }

    /// Keeps of the last wire message's actions only some.
    pub(crate) fn retain_actions(&mut self, keep: impl FnMut(&Action) -> bool) {
        if let Some(chunk) = self.queue.back_mut() {
            chunk.actions.retain(keep);
        }
    }

    pub(crate) fn take_flushes(&mut self) -> Vec<oneshot::Sender<Result<(), NotDone>>> {
        let mut flushes = Vec::new();
        for chunk in &mut self.queue {
            for action in std::mem::take(&mut chunk.actions) {
                match action {
                    Action::Flush(told) => flushes.push(told),
                    action => chunk.actions.push(action),
                }
            }
        }
        flushes
    }

    pub(crate) fn pop(&mut self) -> Option<Chunk> {
        let chunk = self.queue.pop_front()?;
        self.messages -= chunk.frames;
        self.bytes -= chunk.bytes.len();
        Some(chunk)
    }

    pub(crate) fn clear(&mut self) {
        self.queue.clear();
        (self.messages, self.bytes) = (0, 0);
    }

    /// Sets the largest wire message. Those that are larger are taken apart; gives the ids of frames that are too large by themselves.
    pub(crate) fn set_frame_bytes(&mut self, frame_bytes: usize) -> Vec<(Option<u64>, InvalidMessage)> {
        self.frame_bytes = frame_bytes;
        let mut dropped = Vec::new();
        if self.queue.iter().any(|chunk| chunk.bytes.len() >= frame_bytes) {
            for chunk in std::mem::take(&mut self.queue) {
                if chunk.bytes.len() < frame_bytes {
                    self.queue.push_back(chunk);
                } else {
                    self.split(chunk, &mut dropped);
                }
            }
        }
        dropped
    }

    fn split(&mut self, chunk: Chunk, dropped: &mut Vec<(Option<u64>, InvalidMessage)>) {
        self.messages -= chunk.frames;
        self.bytes -= chunk.bytes.len();
        // What stands before in the queue is left as it is.
        self.queue.push_back(Chunk::default());
        let message = self.encoding.seal(chunk.bytes, chunk.frames);
        self.encoding.decode_client(&message, &mut |frame| {
            if let Ok(frame) = frame
                && let Err(error) = self.append(&frame, FRAME_OVERHEAD, chunk.ids_end)
            {
                dropped.push((id_of(&frame), error));
            }
            ControlFlow::Continue(())
        });
        for action in chunk.actions {
            self.act(action, chunk.ids_end);
        }
        self.queue.pop_back_if(|last| last.frames == 0 && last.actions.is_empty());
    }
}

fn id_of(frame: &ClientFrame<'_>) -> Option<u64> {
    match frame {
        ClientFrame::Publish(publish) => publish.id,
        ClientFrame::Request(request) => Some(request.id),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
