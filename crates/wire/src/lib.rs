//! Bytes to operations, one folder per protocol. Sans IO: what a request means and which requests
//! could mean two things; not sockets, not verdicts.

pub mod ext_authz;
pub mod http;
pub mod http2;
pub mod postgres;
