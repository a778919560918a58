//! `mask_text` under libFuzzer; what it asserts is in `crates/fuzzing`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::mask_text(data));
