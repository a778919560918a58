//! `credential_logged` under libFuzzer; what it asserts is in `crates/fuzzing`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::credential_logged(data));
