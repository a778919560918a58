//! The process dies; nothing acknowledged is lost.
