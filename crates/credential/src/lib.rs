//! Machine credentials: SPIFFE IDs, X.509-SVIDs and JWT-SVIDs, what they must look like and how they are made,
//! and evidence by which a machine is recognised.
//!
//! In scope: the SPIFFE ID grammar, the profile of authority and leaf certificates, reading a
//! presented certificate, building one from a signing request, the proof of its issuance it carries, the port
//! [`Signer`].
//! Out of scope: keys at rest, whether somebody may have a certificate (`registry::admit`), TLS.

pub mod bundle;
pub mod device;
pub mod evidence;
pub mod foreign;
pub mod issue;
pub mod jwt;
pub mod logged;
pub mod signer;
pub mod spiffe;
pub mod svid;
pub mod tbs;
pub mod terms;

pub use evidence::{ProcessEvidence, Recognised, Unrecognised, recognise, wants_digest};
pub use issue::{Certified, IssueError, Terms};
pub use jwt::{JwtClaims, JwtError, JwtPublicKey};
/// The key by which a ledger's proofs are checked.
pub use ledger::VerifierKey as LedgerKey;
pub use logged::{Logged, NotLogged};
pub use signer::Signer;
pub use spiffe::{SpiffeId, TrustDomain};
pub use svid::{Svid, SvidError};
pub use terms::{ClauseRef, IssuanceTerms, KeyAlgorithm};
