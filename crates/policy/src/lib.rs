//! The decision: may this machine do this act, now, under which clause.
//!
//! In scope: compiling instruments to Cedar, the index from a request to its guardrails, charter and
//! contracts, quotas, the decision, and the record of it.
//! Out of scope: authentication, bytes on the wire, writing the record (gateway, binary).
//!
//! Fails closed in four layers: every bundle passes strict validation before it can be signed;
//! every attribute a policy reads is always present; any evaluation error denies; standing,
//! credential, guardrails, charter and contract are separate questions, all of which must say yes.

pub mod attribute;
pub mod compile;
pub mod decide;
pub mod quota;
pub mod record;
pub mod replay;
pub mod rules;

pub use compile::{Bundle, COMPILER, CompileError};
pub use decide::{
    Allowance, Applied, Channel, Cited, Conditions, Denial, Longest, Masked, Most, Permit, Reason, Request,
    Tried, Verdict, decide, decide_together, still_permits, would_deny,
};
pub use quota::Counters;
pub use record::{
    ActRecord, AppliedRecord, Ending, Inputs, MaskedRecord, MostRecord, Outcome, Parameter, Parameters,
    TouchInputs, TriedRecord, VerdictRecord,
};
pub use rules::{AsOf, Documents, Rules};
