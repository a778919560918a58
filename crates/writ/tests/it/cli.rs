//! What people meet on the command line.
