//! No unrecorded act: a real gateway and a real upstream, with a recorder that fails or hangs.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod recording;
mod world;
