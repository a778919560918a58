//! `sql_read` under libFuzzer; what it asserts is in `crates/fuzzing`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::sql_read(data));
