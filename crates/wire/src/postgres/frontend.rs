//! What clients say once a session has begun.

use super::{Malformed, frame, long, short, text};

/// A message of a client, as far as somebody who stands between must know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frontend<'a> {
    /// A text with statements, run at once.
    Query(&'a str),
    /// A statement gets a name.
    Parse {
        /// Its name; empty for the one without.
        name: &'a str,
        /// The text.
        query: &'a str,
        /// The types of its parameters, as sent.
        types: &'a [u8],
    },
    /// A statement gets parameters and becomes a portal.
    Bind {
        /// The portal's name.
        portal: &'a str,
        /// The statement's.
        statement: &'a str,
        /// Formats and values of parameters, formats of results, as sent.
        rest: &'a [u8],
    },
    /// What a statement or portal gives is asked.
    Describe(Named<'a>),
    /// A portal is run.
    Execute {
        /// Its name.
        portal: &'a str,
        /// Rows at most; 0 for all.
        rows: u32,
    },
    /// A statement or portal is forgotten.
    Close(Named<'a>),
    /// A function is called past all statements.
    FunctionCall,
    /// What was said is to be answered; what was begun by itself ends.
    Sync,
    /// What was said is to be answered.
    Flush,
    /// Data for a COPY.
    CopyData,
    /// They end.
    CopyDone,
    /// They are given up.
    CopyFail,
    /// Proof of who the client is.
    Password,
    /// The session ends.
    Terminate,
}

/// A statement or a portal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named<'a> {
    /// A statement.
    Statement(&'a str),
    /// A portal.
    Portal(&'a str),
}

/// Whether a message is carried on without being read whole.
pub fn is_opaque(tag: u8) -> bool {
    matches!(tag, b'd')
}

impl<'a> Frontend<'a> {
    /// Reads a message's body.
    pub fn read(tag: u8, body: &'a [u8]) -> Result<Self, Malformed> {
        let whole = |rest: &[u8]| match rest {
            [] => Ok(()),
            _ => Err(Malformed("a message goes on after its end")),
        };
        match tag {
            b'Q' => {
                let (query, rest) = text(body)?;
                whole(rest)?;
                Ok(Self::Query(query))
            }
            b'P' => {
                let (name, rest) = text(body)?;
                let (query, types) = text(rest)?;
                let (count, given) = short(types)?;
                if given.len() != usize::from(count) * 4 {
                    return Err(Malformed("the types of parameters are cut off"));
                }
                Ok(Self::Parse { name, query, types })
            }
            b'B' => {
                let (portal, rest) = text(body)?;
                let (statement, rest) = text(rest)?;
                Ok(Self::Bind { portal, statement, rest })
            }
            b'D' => Ok(Self::Describe(named(body)?)),
            b'C' => Ok(Self::Close(named(body)?)),
            b'E' => {
                let (portal, rest) = text(body)?;
                let (rows, rest) = long(rest)?;
                whole(rest)?;
                Ok(Self::Execute { portal, rows })
            }
            b'F' => Ok(Self::FunctionCall),
            b'S' => whole(body).map(|()| Self::Sync),
            b'H' => whole(body).map(|()| Self::Flush),
            b'd' => Ok(Self::CopyData),
            b'c' => whole(body).map(|()| Self::CopyDone),
            b'f' => Ok(Self::CopyFail),
            b'p' => Ok(Self::Password),
            b'X' => whole(body).map(|()| Self::Terminate),
            _ => Err(Malformed("there is no such message")),
        }
    }
}

impl<'a> Frontend<'a> {
    /// The names of statements and portals in it.
    pub fn names(&self) -> Vec<&'a str> {
        match self {
            Self::Parse { name, .. } => vec![name],
            Self::Bind { portal, statement, .. } => vec![portal, statement],
            Self::Describe(Named::Statement(name) | Named::Portal(name))
            | Self::Close(Named::Statement(name) | Named::Portal(name)) => vec![name],
            Self::Execute { portal, .. } => vec![portal],
            Self::Query(_)
            | Self::FunctionCall
            | Self::Sync
            | Self::Flush
            | Self::CopyData
            | Self::CopyDone
            | Self::CopyFail
            | Self::Password
            | Self::Terminate => Vec::new(),
        }
    }
}

/// A value that is bound: whether it is as the server keeps it, and its bytes; none for NULL.
pub type Bound<'a> = (bool, Option<&'a [u8]>);

/// The values a Bind has for parameters, of the `rest` of it.
pub fn parameters(rest: &[u8]) -> Result<Vec<Bound<'_>>, Malformed> {
    let (formats, rest) = short(rest)?;
    let cut = || Malformed("the formats of parameters are cut off");
    let (given, rest) = rest.split_at_checked(usize::from(formats) * 2).ok_or_else(cut)?;
    let (given, _) = given.as_chunks::<2>();
    let (count, mut rest) = short(rest)?;
    // One format is that of all, none is text.
    if !matches!(given.len(), 0 | 1) && given.len() != usize::from(count) {
        return Err(Malformed("there are other formats than parameters"));
    }
    let mut values = Vec::with_capacity(usize::from(count));
    for at in 0..usize::from(count) {
        let format = given.get(at).or(given.first().filter(|_| given.len() == 1));
        let binary = format.is_some_and(|format| *format != [0, 0]);
        let (length, left) = long(rest)?;
        if length == u32::MAX {
            values.push((binary, None));
            rest = left;
            continue;
        }
        let (value, left) =
            left.split_at_checked(length as usize).ok_or(Malformed("a parameter is cut off"))?;
        values.push((binary, Some(value)));
        rest = left;
    }
    Ok(values)
}

fn named(body: &[u8]) -> Result<Named<'_>, Malformed> {
    let (kind, rest) = body.split_first().ok_or(Malformed("a message is cut off"))?;
    let (name, rest) = text(rest)?;
    match (kind, rest) {
        (b'S', []) => Ok(Named::Statement(name)),
        (b'P', []) => Ok(Named::Portal(name)),
        _ => Err(Malformed("there are statements and portals, nothing else")),
    }
}

/// Appends a text to be run at once.
pub fn query(out: &mut Vec<u8>, text: &str) {
    frame::message(out, b'Q', |out| frame::put_text(out, text));
}

/// Appends a statement that gets a name. `types` is as [`Frontend::Parse`] has it.
pub fn parse(out: &mut Vec<u8>, name: &str, text: &str, types: &[u8]) {
    frame::message(out, b'P', |out| {
        frame::put_text(out, name);
        frame::put_text(out, text);
        out.extend(types);
    });
}

/// Appends the binding of a statement without parameters.
pub fn bind(out: &mut Vec<u8>, portal: &str, statement: &str) {
    frame::message(out, b'B', |out| {
        frame::put_text(out, portal);
        frame::put_text(out, statement);
        out.extend([0; 6]);
    });
}

/// Appends the running of a portal.
pub fn execute(out: &mut Vec<u8>, portal: &str, rows: u32) {
    frame::message(out, b'E', |out| {
        frame::put_text(out, portal);
        out.extend(rows.to_be_bytes());
    });
}

/// Appends the description of a portal's result being asked for.
pub fn describe_portal(out: &mut Vec<u8>, portal: &str) {
    frame::message(out, b'D', |out| {
        out.push(b'P');
        frame::put_text(out, portal);
    });
}

/// Appends the forgetting of a statement and of a portal of one name, where there are such.
pub fn close(out: &mut Vec<u8>, name: &str) {
    for kind in [b'P', b'S'] {
        frame::message(out, b'C', |out| {
            out.push(kind);
            frame::put_text(out, name);
        });
    }
}

/// Appends the end of what belongs together.
pub fn sync(out: &mut Vec<u8>) {
    frame::message(out, b'S', |_| {});
}

/// Appends "answer what was said".
pub fn flush(out: &mut Vec<u8>) {
    frame::message(out, b'H', |_| {});
}

/// Appends a proof of who the client is.
pub fn password(out: &mut Vec<u8>, proof: &[u8]) {
    frame::message(out, b'p', |out| out.extend(proof));
}

/// Appends the end of the session.
pub fn terminate(out: &mut Vec<u8>) {
    frame::message(out, b'X', |_| {});
}

/// Appends the first step of SASL: the mechanism and what is said.
pub fn sasl_initial(out: &mut Vec<u8>, mechanism: &str, said: &[u8]) {
    frame::message(out, b'p', |out| {
        frame::put_text(out, mechanism);
        out.extend(u32::try_from(said.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend(said);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::frame::{HEADER_BYTES, Header};

    #[test]
    fn what_is_written_is_read() {
        let mut out = Vec::new();
        parse(&mut out, "s", "SELECT 1", &[0, 1, 0, 0, 0, 23]);
        let header = Header::read(&out).unwrap().unwrap();
        assert_eq!((header.tag, header.total()), (b'P', out.len()));
        let read = Frontend::read(header.tag, &out[HEADER_BYTES..]).unwrap();
        assert_eq!(read, Frontend::Parse { name: "s", query: "SELECT 1", types: &[0, 1, 0, 0, 0, 23] });
    }

    #[test]
    fn what_goes_on_after_its_end_is_refused() {
        let refused = |tag, body: &[u8]| assert!(Frontend::read(tag, body).is_err(), "{}", char::from(tag));
        refused(b'Q', b"SELECT 1\0DELETE FROM users\0");
        refused(b'Q', b"SELECT 1");
        refused(b'Q', b"\xff\0");
        refused(b'P', b"s\0SELECT 1\0\0\x01");
        refused(b'P', b"s\0SELECT 1\0\0\0\0");
        refused(b'E', b"\0\0\0\0\0\0");
        refused(b'D', b"X\0");
        refused(b'C', b"Sx\0y");
        refused(b'S', b"x");
        refused(b'?', b"");
        assert!(Header::read(&[b'Q', 0, 0, 0, 3]).is_err());
        assert!(Header::read(&[b'Q', 0x40, 0, 0, 0]).is_err());
        assert_eq!(Header::read(&[b'Q', 0, 0, 0]), Ok(None));
    }
}
