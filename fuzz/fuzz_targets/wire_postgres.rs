//! `wire_postgres` under libFuzzer; what it asserts is in `crates/fuzzing`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::wire_postgres(data));
