//! What gateways write down, and what instruments compile to.

use crate::text;
use ledger::entry::{decode_canonical, encode_body};
use policy::{Bundle, CompileError, Inputs, Outcome, VerdictRecord};

/// Records have one spelling; what is kept beside them is committed to as it is read.
pub fn policy_record(data: &[u8]) {
    if let Ok(record) = decode_canonical::<VerdictRecord>(data) {
        assert_eq!(encode_body(&record).unwrap(), data);
    }
    if let Ok(outcome) = decode_canonical::<Outcome>(data) {
        assert_eq!(encode_body(&outcome).unwrap(), data);
        let _ = outcome.ending.as_str();
    }
    if let Some(inputs) = Inputs::decode(data) {
        let (bytes, commitment) = inputs.commit();
        assert_eq!(Inputs::decode(&bytes), Some(inputs));
        assert_eq!(commitment, contract::canonical::digest_bytes(&bytes));
    }
}

/// Whatever document can be read compiles, or is at fault itself: the compiler never makes an invalid policy, and never
/// decides an example differently than it is printed. Twice gives the same bytes.
pub fn policy_compile(data: &[u8]) {
    let Some(Ok(instrument)) = text(data).map(contract::read) else { return };
    match Bundle::compile(&instrument) {
        Ok(bundle) => {
            assert_eq!(bundle, Bundle::unchecked(&instrument));
            assert_eq!(bundle.hash(), Bundle::unchecked(&instrument).hash());
        }
        Err(CompileError::Idle { clause, .. }) => assert!(instrument.clause(clause).is_some()),
        Err(CompileError::Invalid(why)) => panic!("the compiler is at fault: {why}"),
    }
}
