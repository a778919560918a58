//! The decision: may this machine do this act, now, under which clause.
//!
//! In scope: compiling clauses to Cedar, the index from a pair (machine, service) to its contracts,
//! quotas, the decision, and the record of it.
//! Out of scope: authentication, bytes on the wire, writing the record (gateway, binary).
//!
//! Fails closed in four layers: every bundle passes strict validation before it can be signed;
//! every attribute a policy reads is always present; any evaluation error denies; standing,
//! credential and contract are separate questions, all of which must say yes.

pub mod compile;
pub mod decide;
pub mod quota;
pub mod record;
pub mod rules;

pub use compile::{Bundle, COMPILER, CompileError};
pub use decide::{Cited, Denial, Permit, Reason, Request, Verdict, decide};
pub use quota::Counters;
pub use record::{Ending, Inputs, Outcome, VerdictRecord};
pub use rules::{AsOf, Documents, Rules};
