//! Machine credentials: SPIFFE IDs, X.509-SVIDs and JWT-SVIDs, what they must look like and how they are made,
//! and evidence by which a machine is recognised.
//!
//! In scope: the SPIFFE ID grammar, the profile of authority and leaf certificates, reading a
//! presented certificate, building one from a signing request.
//! Out of scope: keys at rest, whether somebody may have a certificate (`registry::admit`), TLS.

pub mod evidence;
pub mod issue;
pub mod jwt;
pub mod spiffe;
pub mod svid;

pub use evidence::{ProcessEvidence, Recognised, Unrecognised, recognise, wants_digest};
pub use issue::{Certified, IssueError, Terms};
pub use jwt::{JwtClaims, JwtError, JwtPublicKey};
pub use spiffe::{SpiffeId, TrustDomain};
pub use svid::{Svid, SvidError};
