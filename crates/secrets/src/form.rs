//! The form of a value: text with fields in braces.

use crate::SourceError;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// The longest value, in bytes.
pub(crate) const VALUE_BYTES_MAX: usize = 8 * 1024;

/// The parts of a value, by their names.
pub(crate) type Fields = BTreeMap<String, Zeroizing<String>>;

/// Puts the parts in their places. A part that is missing is named; others are left out.
pub(crate) fn fill(form: &str, fields: &Fields) -> Result<Zeroizing<String>, SourceError> {
    let mut value = Zeroizing::new(String::with_capacity(VALUE_BYTES_MAX));
    let mut rest = form;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        let part = fields.get(name).ok_or_else(|| {
            let there: Vec<&str> = fields.keys().map(String::as_str).collect();
            SourceError::new(format!("its source gave no `{name}`; it gave: {}", there.join(", ")))
        })?;
        value.push_str(before);
        value.push_str(part);
        rest = after;
    }
    value.push_str(rest);
    if hyper::header::HeaderValue::from_str(&value).is_err() {
        return Err(SourceError::new("the value has line ends or other characters that no header can have"));
    }
    if value.len() > VALUE_BYTES_MAX {
        return Err(SourceError::new(format!("the value is longer than {VALUE_BYTES_MAX} bytes")));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_go_where_the_form_has_them() {
        let part = |name: &str, value: &str| (name.to_owned(), Zeroizing::new(value.to_owned()));
        let fields = Fields::from([part("user", "a"), part("password", "{b}"), part("more", "c")]);
        assert_eq!(
            *fill("{user}:{password}@x", &fields).unwrap(),
            "a:{b}@x",
            "what is in a part stays as it is"
        );
        assert_eq!(
            fill("{token}", &fields).unwrap_err().to_string(),
            "its source gave no `token`; it gave: more, password, user"
        );
        let long = Fields::from([part("value", &"x".repeat(VALUE_BYTES_MAX + 1))]);
        assert!(fill("{value}", &long).is_err());
        let lined = Fields::from([part("value", "from a file\n")]);
        assert!(fill("{value}", &lined).unwrap_err().to_string().contains("line ends"));
    }
}
