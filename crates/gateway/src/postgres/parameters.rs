//! What is bound to the parameters of a statement, as it is recorded. No IO.

use super::names::Known;
use crate::limits::PARAMETERS_BYTES_MAX;
use policy::{Parameter, Parameters};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use wire::postgres::Malformed;
use wire::postgres::frontend::{self, Bound};

/// What a Bind gives to a statement that can mean these; none where it gives nothing.
pub(crate) fn bound(rest: &[u8], meanings: &[Arc<Known>]) -> Result<Option<Parameters>, Malformed> {
    let given = frontend::parameters(rest)?;
    if given.is_empty() {
        return Ok(None);
    }
    // Their types are known where there is no doubt which statement it is.
    let types = match meanings {
        [only] => only.described.get().unwrap_or(&only.types).as_slice(),
        _ => &[],
    };
    let mut found = Parameters::default();
    let mut bytes = 0;
    for (at, (binary, value)) in given.iter().enumerate() {
        bytes += value.map_or(0, <[u8]>::len);
        if bytes > PARAMETERS_BYTES_MAX {
            found.cut = Some(digest(&given));
            break;
        }
        let kind = types.get(at).copied().filter(|kind| *kind != 0);
        found.values.push(Parameter { kind, binary: *binary, value: value.map(<[u8]>::to_vec) });
    }
    Ok(Some(found))
}

/// Of all values, each with its length; NULL has none.
fn digest(given: &[Bound<'_>]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for (_, value) in given {
        hash.update(
            value.map_or(u32::MAX, |value| u32::try_from(value.len()).unwrap_or(u32::MAX)).to_be_bytes(),
        );
        hash.update(value.unwrap_or_default());
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bind(values: &[Option<&[u8]>]) -> Vec<u8> {
        let mut rest = vec![0, 1, 0, 1];
        rest.extend(u16::try_from(values.len()).unwrap().to_be_bytes());
        for value in values {
            rest.extend(value.map_or(u32::MAX, |value| value.len() as u32).to_be_bytes());
            rest.extend(value.unwrap_or_default());
        }
        rest
    }

    #[test]
    fn values_are_kept_as_far_as_there_is_room() {
        let known = Arc::new(Known { types: vec![23, 0], ..Known::default() });
        let found =
            bound(&bind(&[Some(&[0, 0, 0, 7]), None]), std::slice::from_ref(&known)).unwrap().unwrap();
        assert_eq!(found.values.iter().map(|value| value.kind).collect::<Vec<_>>(), [Some(23), None]);
        assert!(found.values.iter().all(|value| value.binary) && found.cut.is_none());
        assert_eq!(found.values[1].value, None);
        // What the server said of them later is better known.
        known.described.set(vec![20, 25]).unwrap();
        let found = bound(&bind(&[None, None]), std::slice::from_ref(&known)).unwrap().unwrap();
        assert_eq!(found.values[1].kind, Some(25));
        let long = vec![b'x'; PARAMETERS_BYTES_MAX];
        let cut = bound(&bind(&[Some(b"1"), Some(&long)]), &[]).unwrap().unwrap();
        assert_eq!((cut.values.len(), cut.cut.is_some()), (1, true));
        let other = bound(&bind(&[Some(b"2"), Some(&long)]), &[]).unwrap().unwrap();
        assert_ne!(cut.cut, other.cut);
        assert_eq!(bound(&bind(&[]), &[]), Ok(None));
        assert!(bound(&[0, 0, 0, 1], &[]).is_err());
    }
}
