//! Machine credentials: SPIFFE IDs and X.509-SVIDs, what they must look like and how they are made.
//!
//! In scope: the SPIFFE ID grammar, the profile of authority and leaf certificates, reading a
//! presented certificate, building one from a signing request.
//! Out of scope: keys at rest, whether somebody may have a certificate (`registry::admit`), TLS.

pub mod issue;
pub mod spiffe;
pub mod svid;

pub use issue::{Certified, IssueError, Terms};
pub use spiffe::{SpiffeId, TrustDomain};
pub use svid::{Svid, SvidError};
