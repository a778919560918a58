//! Values of rows as they are masked, whatever they are.

use contract::norm::{Detector, Method};
use mask::{Finder, Key, Kind, Value, masked};
use std::ops::Range;
use zeroize::Zeroizing;

/// How many bytes four characters of UTF-8 have at most.
const SHOWN_BYTES_MAX: usize = 16;

/// Values that are masked. The first byte says how; the rest is the value. All that is found in a text is masked, what is
/// around it stays as it is, and of what is cut no more than four characters are shown.
pub fn mask_text(data: &[u8]) {
    let Some((how, value)) = data.split_first() else { return };
    let key = Key::new(Zeroizing::new([7; 32]));
    let method = *Method::ALL.get(usize::from(*how) % Method::ALL.len()).unwrap();
    let finder = Finder::new(Detector::ALL.iter().map(|detector| (*detector, Method::Null)).collect());
    let found: Vec<Range<usize>> = finder.find(value).into_iter().map(|found| found.range).collect();
    assert!(found.windows(2).all(|pair| matches!(pair, [one, next] if one.end <= next.start)));
    let plain = finder.masked(value, &key, |_| {}).unwrap_or_else(|| value.to_vec());
    assert_eq!(plain.len(), value.len());
    for (at, (now, before)) in plain.iter().zip(value).enumerate() {
        let masked = found.iter().any(|range| range.contains(&at));
        assert_eq!(*now, if masked { b'*' } else { *before }, "byte {at}");
    }
    if !value.contains(&b'\\') {
        let escaped = finder.masked_escaped(value, &key, |_| {});
        assert_eq!(escaped, finder.masked(value, &key, |_| {}), "nothing is escaped");
    } else if let Some(masked) = finder.masked_escaped(value, &key, |_| {}) {
        let changed = masked.iter().zip(value).filter(|(now, before)| now != before);
        assert!(masked.len() == value.len() && changed.into_iter().all(|(now, _)| *now == b'*'));
    }
    for kind in
        [Kind::Text, Kind::Integer(8), Kind::Integer(4), Kind::Decimal, Kind::Uuid, Kind::Json, Kind::Bytes]
    {
        for binary in [false, true] {
            let value = Value { kind, binary, bytes: value };
            let _ = value.printed();
            let one = masked(method, value, &key);
            assert_eq!(one, masked(method, value, &key), "the same stands for the same");
            let shown = one.iter().flatten().count();
            assert!(method != Method::Truncate || shown <= SHOWN_BYTES_MAX, "{shown} bytes are shown");
        }
    }
}
