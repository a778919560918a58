//! HTTP: from a request's head to a named operation, and the documents we answer with.

pub mod head;
pub mod problem;
pub mod route;
pub mod target;

pub use head::{Ambiguity, meaning_changed_by, strip_for_forwarding};
pub use problem::Problem;
pub use route::{Repeated, Route};
pub use target::{Target, TargetError};
