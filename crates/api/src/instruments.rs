//! Charters, contracts and guardrails.

pub(crate) mod draft;
pub(crate) mod end;
pub(crate) mod examine;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod notice;
pub(crate) mod rehearse;
pub(crate) mod seal;
pub(crate) mod sign;
pub(crate) mod trial;
