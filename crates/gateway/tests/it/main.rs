//! No unrecorded act: a real gateway and a real upstream, with a recorder that fails or hangs.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops where it fails")]

mod recording;
mod world;
