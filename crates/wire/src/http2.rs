//! HTTP/2 as far as a unix socket needs it: clients of the gRPC C core name the socket's path as `:authority`,
//! which no HTTP/2 server accepts. See [`authority`].

pub mod authority;
pub mod hpack;
