//! The path and query of a request, read in the one way that every server reads them.
//! What servers read differently (dot segments, empty segments, encoded slashes) is refused.

use percent_encoding::percent_decode_str;

/// The longest path and query, in bytes.
pub const TARGET_BYTES_MAX: usize = 8 * 1024;

/// A request target whose meaning is not in doubt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Decoded path segments; the last is empty when the path ends in `/`.
    pub segments: Vec<String>,
    /// Decoded query parameters, in order.
    pub query: Vec<(String, String)>,
}

impl Target {
    /// Reads a path and an optional query.
    pub fn parse(path: &str, query: Option<&str>) -> Result<Self, TargetError> {
        if path.len() + query.map_or(0, str::len) > TARGET_BYTES_MAX {
            return Err(TargetError::TooLong);
        }
        let rest = path.strip_prefix('/').ok_or(TargetError::NotAPath)?;
        let raw: Vec<&str> = rest.split('/').collect();
        let last = raw.len() - 1;
        let mut segments = Vec::with_capacity(raw.len());
        for (at, segment) in raw.into_iter().enumerate() {
            let decoded = decode(segment)?;
            match decoded.as_str() {
                "." | ".." => return Err(TargetError::DotSegment),
                "" if at != last => return Err(TargetError::EmptySegment),
                text if text.contains(['/', '\\', ';', '%']) => return Err(TargetError::Separator),
                _ => segments.push(decoded),
            }
        }
        if query.is_some_and(|query| query.contains(';')) {
            return Err(TargetError::Separator);
        }
        let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let query = pairs
            .map(|pair| {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                Ok((decode(&key.replace('+', " "))?, decode(&value.replace('+', " "))?))
            })
            .collect::<Result<_, TargetError>>()?;
        Ok(Self { segments, query })
    }
}

fn decode(text: &str) -> Result<String, TargetError> {
    let bytes = text.as_bytes();
    let stray = bytes.iter().enumerate().filter(|(_, b)| **b == b'%').any(|(at, _)| {
        !bytes.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| TargetError::Encoding)?;
    if stray || decoded.chars().any(char::is_control) {
        return Err(TargetError::Encoding);
    }
    Ok(decoded.into_owned())
}

/// Why a target could mean two things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// `.` or `..`, also encoded.
    #[error("the path has a `.` or `..` segment: send the path it stands for")]
    DotSegment,
    /// `//`.
    #[error("the path has an empty segment (`//`): send single slashes")]
    EmptySegment,
    /// Broken percent-encoding, not UTF-8, or a control character.
    #[error("the path or query is not percent-encoded UTF-8, or holds a control character")]
    Encoding,
    /// Not beginning with `/`.
    #[error("the request target is not a path")]
    NotAPath,
    /// An encoded `/`, a backslash, a `;` or an encoded `%` (decoded twice by some) inside a segment,
    /// or a `;` in the query.
    #[error("the path or query holds an encoded `/` or `%`, a `\\` or a `;`, which servers read differently")]
    Separator,
    /// Longer than [`TARGET_BYTES_MAX`].
    #[error("the path and query are longer than {TARGET_BYTES_MAX} bytes")]
    TooLong,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, query: Option<&str>, expected: Result<&[&str], TargetError>) {
        let found = Target::parse(path, query).map(|target| target.segments);
        assert_eq!(found, expected.map(|e| e.iter().map(|s| (*s).to_owned()).collect()), "{path}");
    }

    #[test]
    fn one_reading_or_none() {
        check("/", None, Ok(&[""]));
        check("/a/b", None, Ok(&["a", "b"]));
        check("/a/b/", None, Ok(&["a", "b", ""]));
        check("/a%20b", None, Ok(&["a b"]));
        check("/%61", None, Ok(&["a"]));
        for path in ["/a/../b", "/a/%2e%2e/b", "/a/%2E./b", "/./a", "/.."] {
            check(path, None, Err(TargetError::DotSegment));
        }
        for path in ["//a", "/a//b"] {
            check(path, None, Err(TargetError::EmptySegment));
        }
        for path in ["/a%2fb", "/a%2Fb", "/a%5cb", "/a\\b", "/a;x=1/b", "/..%2f", "/a%252fb", "/%252e%252e/b"]
        {
            check(path, None, Err(TargetError::Separator));
        }
        for path in ["/a%00", "/a%zz", "/a%2", "/%ff", "/a%0d%0ab"] {
            check(path, None, Err(TargetError::Encoding));
        }
        check("a", None, Err(TargetError::NotAPath));
        check("*", None, Err(TargetError::NotAPath));
        check(&format!("/{}", "a".repeat(TARGET_BYTES_MAX)), None, Err(TargetError::TooLong));
    }

    #[test]
    fn query_is_decoded_in_order() {
        let target = Target::parse("/a", Some("service=git%2Dupload-pack&x=a+b&&flag")).unwrap();
        let expected = [("service", "git-upload-pack"), ("x", "a b"), ("flag", "")];
        assert_eq!(target.query, expected.map(|(k, v)| (k.to_owned(), v.to_owned())));
    }
}
