//! What was bound to the parameters of a statement, for people: each value as the server would print it.

use crate::Shared;
use crate::error::ApiError;
use crate::view::ParametersView;
use policy::{Inputs, Parameter, Parameters};

/// Of a decision about a statement; none where nothing was bound to it.
pub(crate) fn parameters(
    ports: &Shared,
    index: u64,
    inputs: &Inputs,
) -> Result<Option<ParametersView>, ApiError> {
    let Some(sealed) = &inputs.parameters else { return Ok(None) };
    let opened = (ports.unseal)(sealed);
    let read = opened.and_then(|bytes| minicbor::decode::<Parameters>(&bytes).ok());
    let Some(Parameters { values, cut }) = read else {
        return Err(ApiError::new(
            axum::http::StatusCode::CONFLICT,
            format!("what was bound in decision {index} is sealed with another key"),
            "restore `addenda.key` in the key directory from a copy, or ask without it",
        ));
    };
    let cut = cut.map(|digest| contract::canonical::hex(&digest));
    Ok(Some(ParametersView { values: values.iter().map(printed).collect(), cut }))
}

/// As the server prints it; bytes where it is not known what they are.
fn printed(parameter: &Parameter) -> Option<String> {
    let value = parameter.value.as_deref()?;
    let known = match (parameter.binary, parameter.kind) {
        (false, _) => std::str::from_utf8(value).ok().map(str::to_owned),
        (true, Some(kind)) => binary(kind, value),
        (true, None) => None,
    };
    Some(known.unwrap_or_else(|| format!("\\x{}", contract::canonical::hex(value))))
}

/// A value as PostgreSQL keeps it (`pg_type.dat`, the functions `*_send`).
fn binary(kind: u32, value: &[u8]) -> Option<String> {
    Some(match kind {
        // bool
        16 => if value == [0] { "f" } else { "t" }.to_owned(),
        // int8, int2, int4, oid
        20 => i64::from_be_bytes(value.try_into().ok()?).to_string(),
        21 => i16::from_be_bytes(value.try_into().ok()?).to_string(),
        23 => i32::from_be_bytes(value.try_into().ok()?).to_string(),
        26 => u32::from_be_bytes(value.try_into().ok()?).to_string(),
        // float4, float8
        700 => f32::from_be_bytes(value.try_into().ok()?).to_string(),
        701 => f64::from_be_bytes(value.try_into().ok()?).to_string(),
        // name, text, json, xml, unknown, char, varchar
        19 | 25 | 114 | 142 | 705 | 1042 | 1043 => std::str::from_utf8(value).ok()?.to_owned(),
        // jsonb: after its version
        3802 => std::str::from_utf8(value.strip_prefix(&[1])?).ok()?.to_owned(),
        // uuid
        2950 => {
            let [a, b, c, d, e] = [(0, 4), (4, 6), (6, 8), (8, 10), (10, 16)]
                .map(|(from, to)| value.get(from..to).map(contract::canonical::hex));
            [a?, b?, c?, d?, e?].join("-")
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: u32, binary: bool, value: &[u8]) -> Option<String> {
        printed(&Parameter { kind: Some(kind), binary, value: Some(value.to_vec()) })
    }

    #[test]
    fn values_are_told_as_the_server_prints_them() {
        assert_eq!(of(23, true, &[0, 0, 0, 42]).as_deref(), Some("42"));
        assert_eq!(of(20, true, &(-1_i64).to_be_bytes()).as_deref(), Some("-1"));
        assert_eq!(of(16, true, &[1]).as_deref(), Some("t"));
        assert_eq!(of(701, true, &0.5_f64.to_be_bytes()).as_deref(), Some("0.5"));
        assert_eq!(of(25, true, "größe".as_bytes()).as_deref(), Some("größe"));
        assert_eq!(of(3802, true, b"\x01{}").as_deref(), Some("{}"));
        let uuid: Vec<u8> = (0..16).collect();
        assert_eq!(of(2950, true, &uuid).as_deref(), Some("00010203-0405-0607-0809-0a0b0c0d0e0f"));
        // What is no value of its type, or of a type nobody knows, is told as it is.
        assert_eq!(of(23, true, &[1]).as_deref(), Some("\\x01"));
        assert_eq!(of(2950, true, &[1]).as_deref(), Some("\\x01"));
        assert_eq!(of(1700, true, &[1]).as_deref(), Some("\\x01"));
        assert_eq!(of(0, false, b"7").as_deref(), Some("7"));
        assert_eq!(printed(&Parameter { kind: None, binary: true, value: None }), None);
    }
}
