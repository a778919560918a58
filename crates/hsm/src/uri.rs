//! Which token and which key on it, as PKCS#11 URIs (RFC 7512). Attributes that are not known here are refused: one
//! that is passed over could have meant another token.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// The longest URI, in bytes.
const URI_BYTES_MAX: usize = 4096;

/// What may stand unescaped in a value (RFC 7512, section 2.3), and is plain to read.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A token, and how to log in: `pkcs11:token=LABEL?module-path=/LIBRARY.so&pin-source=/FILE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenUri {
    /// Its label.
    pub token: String,
    /// Its serial number, if several tokens have the label.
    pub serial: Option<String>,
    /// The library that speaks to it.
    pub module: PathBuf,
    /// The file with the user's PIN.
    pub pin_source: PathBuf,
}

/// A key on a token: `pkcs11:token=LABEL;id=%01%02;type=private`. Says nothing that is secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUri {
    /// The label of its token.
    pub token: String,
    /// Its id (`CKA_ID`).
    pub id: Vec<u8>,
}

/// A URI that does not say what it has to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadUri(String);

/// One attribute.
type Attribute<'a> = (&'a str, Vec<u8>);

/// The attributes of the path and of the query.
fn parts(text: &str) -> Result<(Vec<Attribute<'_>>, Vec<Attribute<'_>>), BadUri> {
    let rest = text.strip_prefix("pkcs11:").filter(|_| text.len() <= URI_BYTES_MAX);
    let rest = rest.ok_or_else(|| {
        BadUri("a token is given as `pkcs11:token=LABEL?module-path=/LIBRARY.so&pin-source=/FILE`".into())
    })?;
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    Ok((attributes(path, ';')?, attributes(query, '&')?))
}

fn attributes(text: &str, separator: char) -> Result<Vec<Attribute<'_>>, BadUri> {
    let mut found: Vec<Attribute<'_>> = Vec::new();
    for part in text.split(separator).filter(|part| !part.is_empty()) {
        let (name, value) =
            part.split_once('=').ok_or_else(|| BadUri(format!("`{part}` is not of the form name=value")))?;
        if found.iter().any(|(before, _)| *before == name) {
            return Err(BadUri(format!("`{name}` is said twice")));
        }
        found.push((name, percent_decode_str(value).collect()));
    }
    Ok(found)
}

fn utf8(name: &str, value: Vec<u8>) -> Result<String, BadUri> {
    String::from_utf8(value).map_err(|_| BadUri(format!("`{name}` is not UTF-8")))
}

impl FromStr for TokenUri {
    type Err = BadUri;

    fn from_str(text: &str) -> Result<Self, BadUri> {
        let (path, query) = parts(text)?;
        let (mut token, mut serial, mut module, mut pin_source) = (None, None, None, None);
        for (name, value) in path.into_iter().chain(query) {
            let value = utf8(name, value)?;
            match name {
                "token" => token = Some(value),
                "serial" => serial = Some(value),
                "module-path" => module = Some(PathBuf::from(value)),
                // As a path, or as a URI of a file (section 2.4).
                "pin-source" => {
                    let file = value.strip_prefix("file://").or_else(|| value.strip_prefix("file:"));
                    pin_source = Some(PathBuf::from(file.unwrap_or(&value)));
                }
                "pin-value" => {
                    return Err(BadUri(
                        "`pin-value` would show the PIN to everybody on this machine: put it in a file and say pin-source=/FILE".into(),
                    ));
                }
                other => {
                    return Err(BadUri(format!(
                        "`{other}` is not known here; known are token, serial, module-path and pin-source"
                    )));
                }
            }
        }
        let missing = |name: &str, what: &str| BadUri(format!("it lacks `{name}`: {what}"));
        let module: PathBuf = module.ok_or_else(|| {
            missing(
                "module-path",
                "the library that speaks to the token, for example /usr/lib/softhsm/libsofthsm2.so",
            )
        })?;
        if !module.is_absolute() {
            return Err(BadUri("`module-path` begins with /: a library is not looked for".into()));
        }
        Ok(Self {
            token: token.ok_or_else(|| missing("token", "the label of the token"))?,
            serial,
            module,
            pin_source: pin_source.ok_or_else(|| missing("pin-source", "the file with the PIN"))?,
        })
    }
}

impl FromStr for KeyUri {
    type Err = BadUri;

    fn from_str(text: &str) -> Result<Self, BadUri> {
        let (path, query) = parts(text)?;
        let (mut token, mut id) = (None, None);
        for (name, value) in path.into_iter().chain(query) {
            match name {
                "token" => token = Some(utf8(name, value)?),
                "id" => id = Some(value),
                "type" if value == b"private" => {}
                other => return Err(BadUri(format!("`{other}` says nothing about a key here"))),
            }
        }
        match (token, id) {
            (Some(token), Some(id)) if !id.is_empty() => Ok(Self { token, id }),
            (_, _) => Err(BadUri("a key on a token has `token` and `id`".into())),
        }
    }
}

impl fmt::Display for KeyUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pkcs11:token={};id=", utf8_percent_encode(&self.token, PLAIN))?;
        for byte in &self.id {
            write!(f, "%{byte:02X}")?;
        }
        f.write_str(";type=private")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_keys_are_read_as_the_rfc_writes_them() {
        let read: TokenUri = "pkcs11:token=The%20Software%20PKCS%2311%20Softtoken;serial=a1?pin-source=file:/etc/token&module-path=/usr/lib/p11.so".parse().unwrap();
        assert_eq!(read.token, "The Software PKCS#11 Softtoken");
        assert_eq!(read.serial.as_deref(), Some("a1"));
        assert_eq!((read.module, read.pin_source), ("/usr/lib/p11.so".into(), "/etc/token".into()));
        let key = KeyUri { token: "Büro; 1".into(), id: vec![0, 255, b'a'] };
        assert_eq!(key.to_string(), "pkcs11:token=B%C3%BCro%3B%201;id=%00%FF%61;type=private");
        assert_eq!(key.to_string().parse(), Ok(key));
    }

    #[test]
    fn what_is_missing_or_unknown_is_named() {
        let why = |text: &str| text.parse::<TokenUri>().unwrap_err().to_string();
        for (text, part) in [
            ("softhsm", "pkcs11:token=LABEL"),
            ("pkcs11:token=a", "lacks `module-path`"),
            ("pkcs11:token=a?module-path=/p.so", "lacks `pin-source`"),
            ("pkcs11:?module-path=/p.so&pin-source=/p", "lacks `token`"),
            ("pkcs11:token=a?module-path=p.so&pin-source=/p", "begins with /"),
            ("pkcs11:token=a?pin-value=1234", "in a file"),
            ("pkcs11:token=a;slot-id=3", "`slot-id` is not known"),
            ("pkcs11:token=a;token=b", "said twice"),
            ("pkcs11:token", "name=value"),
            ("pkcs11:token=%FF", "not UTF-8"),
        ] {
            assert!(why(text).contains(part), "{text}: {}", why(text));
        }
        for text in
            ["pkcs11:token=a", "pkcs11:id=%01", "pkcs11:token=a;id=", "pkcs11:token=a;id=%01;type=cert"]
        {
            assert!(text.parse::<KeyUri>().is_err(), "{text}");
        }
    }
}
