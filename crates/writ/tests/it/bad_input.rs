//! Requests made to be misread, over a real TLS connection.
