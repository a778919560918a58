//! Results of statements whose answers are masked: which of their columns, and each row as it is released. No IO.
//!
//! A column is known by where the server says it is from, not by what it is called: whatever could get into a result under
//! another name is refused before (`contract::norm::Masking::allows`). A column nobody knows is emptied.

use crate::record::Meter;
use contract::norm::Method;
use mask::{Finder, Key, Kind, Value, masked};
use policy::{Masked, Permit};
use registry::Service;
use sql::{Catalog, CopiedOut, Origin, Path, resource_of};
use std::borrow::Cow;
use std::sync::Arc;
use wire::postgres::backend::{self, FieldDescription};
use wire::postgres::{Malformed, error_response, frame};

/// What is masked in the answers of a statement.
pub(crate) struct Masks {
    fields: Vec<Masked>,
    finder: Finder,
    key: Key,
    service: Arc<Service>,
    catalog: Arc<Catalog>,
    /// The tables the statement copies out, and where their names were looked up.
    copied: Vec<(CopiedOut, Path)>,
    /// What is copied goes up with its columns written out.
    written_out: bool,
}

/// What becomes of the columns of one result.
pub(crate) struct Plan {
    columns: Vec<Column>,
    /// Its lines are looked through as they are.
    lines: bool,
    finder: Finder,
    key: Key,
    /// Of the statement, which counts what is masked.
    meter: Arc<Meter>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Column {
    kind: Kind,
    binary: bool,
    /// It is masked, whatever it has.
    method: Option<Method>,
    /// Something could be found in it.
    scanned: bool,
}

/// Why a result cannot be released.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unmaskable {
    /// It is not what the protocol says.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Where its columns are from is not known.
    #[error("what is copied out cannot be masked: give the columns, as text")]
    Copy,
    /// It does not have the columns that were described.
    #[error("a row has other columns than its result")]
    Columns,
}

impl Masks {
    /// What these acts have masked; none where they have nothing.
    pub(crate) fn of(
        permits: &[Permit],
        key: impl FnOnce() -> Key,
        service: &Arc<Service>,
        catalog: &Arc<Catalog>,
        copied: &[(CopiedOut, Path)],
        alone: bool,
    ) -> Option<Arc<Self>> {
        let mut fields: Vec<Masked> = Vec::new();
        let mut found = Vec::new();
        for masked in permits.iter().flat_map(Permit::masks) {
            for detector in &masked.masking.detect {
                found.push((*detector, masked.masking.method));
            }
            if !masked.masking.fields.is_empty() && !fields.contains(masked) {
                fields.push(masked.clone());
            }
        }
        if fields.is_empty() && found.is_empty() {
            return None;
        }
        // Of several methods for one thing the strictest.
        found.sort_by_key(|(detector, method)| (*detector, strictness(*method)));
        found.dedup_by_key(|(detector, _)| *detector);
        let (service, catalog, copied) = (service.clone(), catalog.clone(), copied.to_vec());
        let (finder, written_out) = (Finder::new(found), alone && copied.len() == 1);
        Some(Arc::new(Self { fields, finder, key: key(), service, catalog, copied, written_out }))
    }

    /// The plan for a result that is described.
    pub(crate) fn described(&self, body: &[u8], meter: &Arc<Meter>) -> Result<Plan, Malformed> {
        let fields = backend::row_description(body)?;
        let column = |field: &FieldDescription<'_>| {
            let method = self.method(&self.catalog.origin(field.table, field.column));
            self.column(field.kind, field.binary, method)
        };
        Ok(self.plan(fields.iter().map(column).collect(), meter))
    }

    /// What is sent up in place of a statement that copies out a table without saying which columns: the catalog can be
    /// of before they changed, and then the server refuses it.
    pub(crate) fn copy_written_out(&self) -> Option<String> {
        let (copied, path) = self.copied.first().filter(|_| self.written_out)?;
        self.catalog.copy_written_out(copied, path)
    }

    /// The plan for what is copied out, from what the server says of it.
    pub(crate) fn copied_out(&self, body: &[u8], meter: &Arc<Meter>) -> Result<Plan, Unmaskable> {
        let (binary, columns) = backend::copy_out(body)?;
        let [copied] = self.copied.as_slice() else {
            // Nothing masked is in a copy of anything but a table: a statement that copies such is refused.
            let readable = !binary || self.finder.is_empty();
            if readable && self.copied.is_empty() {
                return Ok(Plan { lines: !self.finder.is_empty(), ..self.plan(Vec::new(), meter) });
            }
            return Err(Unmaskable::Copy);
        };
        let (copied, path) = copied;
        let known =
            self.catalog.copied_out(copied, path).filter(|_| copied.names_columns() || self.written_out);
        let known = known.filter(|known| !binary && known.len() == usize::from(columns));
        let known = known.ok_or(Unmaskable::Copy)?;
        let column = |(origin, kind): &(Origin<'_>, u32)| self.column(*kind, false, self.method(origin));
        Ok(self.plan(known.iter().map(column).collect(), meter))
    }

    fn plan(&self, columns: Vec<Column>, meter: &Arc<Meter>) -> Plan {
        let (finder, key, meter) = (self.finder.clone(), self.key.clone(), meter.clone());
        Plan { columns, lines: false, finder, key, meter }
    }

    fn column(&self, kind: u32, binary: bool, method: Option<Method>) -> Column {
        let scanned = method.is_none() && !self.finder.is_empty() && can_hold_text(kind);
        Column { kind: kind_of(kind), binary, method, scanned }
    }

    /// What becomes of a column: the strictest of what is said.
    fn method(&self, origin: &Origin<'_>) -> Option<Method> {
        match origin {
            // Nothing masked is in it: a statement that computes with it is refused.
            Origin::Computed | Origin::System => None,
            Origin::Unknown => (!self.fields.is_empty()).then_some(Method::Null),
            Origin::Column { tables, column } => {
                // What is part of a table has its masks, in whichever resource each of them is.
                let covers = |masked: &&Masked| {
                    let of = |(schema, name): &(String, String)| {
                        let resource = resource_of(&self.service, schema, name);
                        resource.is_some_and(|(resource, _)| resource.name == masked.resource)
                    };
                    let named = |(schema, name): &(String, String)| {
                        masked.masking.covers(&format!("{schema}.{name}.{column}"))
                    };
                    tables.iter().any(of) && tables.iter().any(named)
                };
                let methods = self.fields.iter().filter(covers).map(|masked| masked.masking.method);
                methods.min_by_key(|method| strictness(*method))
            }
        }
    }

    /// The body of an error or a notice as it is released: what would be masked in a row is not told in any of its fields.
    pub(crate) fn told(&self, body: &[u8]) -> Result<Vec<u8>, Malformed> {
        error_response::without_details(body, &self.withheld(), |said| {
            self.finder.masked(said, &self.key, |_| {})
        })
    }

    /// What stands in place of the details of an error.
    fn withheld(&self) -> String {
        match self.fields.first() {
            Some(Masked { cited, .. }) => {
                format!(
                    "withheld: clause {} of `{}` has fields masked that could stand here",
                    cited.clause, cited.name
                )
            }
            None => "withheld: what could stand here is masked".to_owned(),
        }
    }
}

/// The less is left of a value, the earlier.
fn strictness(method: Method) -> u8 {
    match method {
        Method::Drop | Method::Null => 0,
        Method::Hash => 1,
        Method::Tokenise => 2,
        Method::Truncate => 3,
    }
}

impl Plan {
    /// Whether every row passes as it is.
    pub(crate) fn is_plain(&self) -> bool {
        !self.lines && self.columns.iter().all(|column| column.method.is_none() && !column.scanned)
    }

    /// Appends a DataRow as it is released.
    pub(crate) fn row(&self, body: &[u8], out: &mut Vec<u8>) -> Result<(), Unmaskable> {
        let fields = backend::fields(body)?;
        if fields.len() != self.columns.len() {
            return Err(Unmaskable::Columns);
        }
        let released: Vec<Option<Cow<'_, [u8]>>> = fields
            .into_iter()
            .zip(&self.columns)
            .map(|(field, column)| self.released(column, field?))
            .collect();
        backend::put_row(out, released.iter().map(Option::as_deref));
        Ok(())
    }

    /// Appends CopyData as it is released: lines of fields as `COPY` writes them to text.
    pub(crate) fn copied(&self, body: &[u8], out: &mut Vec<u8>) -> Result<(), Unmaskable> {
        let mut done = Ok(());
        frame::message(out, b'd', |out| {
            for line in body.split_inclusive(|byte| *byte == b'\n') {
                let (line, end) = match line.strip_suffix(b"\n") {
                    Some(line) => (line, &b"\n"[..]),
                    None => (line, &b""[..]),
                };
                if self.lines {
                    let found = self.masked_escaped(line);
                    out.extend_from_slice(found.as_deref().unwrap_or(line));
                } else if let Err(error) = self.line(line, out) {
                    done = Err(error);
                }
                out.extend_from_slice(end);
            }
        });
        done
    }

    fn line(&self, line: &[u8], out: &mut Vec<u8>) -> Result<(), Unmaskable> {
        let mut fields = line.split(|byte| *byte == b'\t');
        for (at, column) in self.columns.iter().enumerate() {
            let field = fields.next().ok_or(Unmaskable::Columns)?;
            if at > 0 {
                out.push(b'\t');
            }
            if field == b"\\N" || column.method.is_none() && !column.scanned {
                out.extend_from_slice(field);
                continue;
            }
            let value = match field.contains(&b'\\') {
                true => self.value(column, &unescaped(field)),
                false => self.value(column, field),
            };
            match value {
                Some(value) => escape(&value, out),
                None => out.extend_from_slice(b"\\N"),
            }
        }
        // A table without columns has empty lines.
        let whole = fields.next().is_none() || self.columns.is_empty();
        if whole { Ok(()) } else { Err(Unmaskable::Columns) }
    }

    fn released<'v>(&self, column: &Column, bytes: &'v [u8]) -> Option<Cow<'v, [u8]>> {
        match column.method.is_some() || column.scanned {
            true => self.value(column, bytes).map(Cow::Owned),
            false => Some(Cow::Borrowed(bytes)),
        }
    }

    fn value(&self, column: &Column, bytes: &[u8]) -> Option<Vec<u8>> {
        let Column { kind, binary, .. } = *column;
        if let Some(method) = column.method {
            self.meter.withheld.field();
            return masked(method, Value { kind, binary, bytes }, &self.key);
        }
        if !column.scanned {
            return Some(bytes.to_vec());
        }
        // What is written as it prints, or is kept as it prints.
        let is_text = !binary || matches!(kind, Kind::Text);
        if !binary && kind == Kind::Json {
            return Some(self.masked_escaped(bytes).unwrap_or_else(|| bytes.to_vec()));
        }
        if is_text && kind != Kind::Bytes {
            return Some(self.masked(bytes).unwrap_or_else(|| bytes.to_vec()));
        }
        if binary && kind == Kind::Json {
            // After its version, which is one byte.
            let (version, document) = bytes.split_at_checked(1)?;
            let found = self.masked_escaped(document);
            return Some(found.map_or_else(|| bytes.to_vec(), |found| [version, &found].concat()));
        }
        // Of anything else nothing can be taken out.
        let Some(text) = (Value { kind, binary, bytes }).printed() else {
            self.meter.withheld.field();
            return None;
        };
        let found = self.finder.find(&text);
        found.iter().for_each(|found| self.meter.withheld.found(found.detector));
        found.is_empty().then(|| bytes.to_vec())
    }

    fn masked(&self, text: &[u8]) -> Option<Vec<u8>> {
        self.finder.masked(text, &self.key, |what| self.meter.withheld.found(what))
    }

    fn masked_escaped(&self, text: &[u8]) -> Option<Vec<u8>> {
        self.finder.masked_escaped(text, &self.key, |what| self.meter.withheld.found(what))
    }
}

/// `text`, by its number.
const TEXT: u32 = 25;

/// What a type of the server is, by its number (`pg_type.dat`).
fn kind_of(number: u32) -> Kind {
    match number {
        // "char", name, text, unknown, char, varchar
        18 | 19 | TEXT | 705 | 1042 | 1043 => Kind::Text,
        20 => Kind::Integer(8),
        21 => Kind::Integer(2),
        23 => Kind::Integer(4),
        1700 => Kind::Decimal,
        2950 => Kind::Uuid,
        114 | 3802 => Kind::Json,
        17 => Kind::Bytes,
        _ => Kind::Other,
    }
}

/// Whether something that is looked for could be in a value: not in what is too short for it, or a time.
fn can_hold_text(number: u32) -> bool {
    // bool, "char", int2, int4, oid, float4, float8, macaddr, inet, cidr, date, time, timestamp, timestamptz, interval,
    // timetz, uuid
    !matches!(
        number,
        16 | 18 | 21 | 23 | 26 | 700 | 701 | 829 | 869 | 650 | 1082 | 1083 | 1114 | 1184 | 1186 | 1266 | 2950
    )
}

/// A field of COPY without its backslashes.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(field.len());
    let mut bytes = field.iter();
    while let Some(byte) = bytes.next() {
        plain.push(match byte {
            b'\\' => match bytes.next() {
                Some(b'b') => 8,
                Some(b't') => b'\t',
                Some(b'n') => b'\n',
                Some(b'v') => 11,
                Some(b'f') => 12,
                Some(b'r') => b'\r',
                Some(other) => *other,
                None => b'\\',
            },
            other => *other,
        });
    }
    plain
}

/// A value as COPY writes it.
fn escape(value: &[u8], out: &mut Vec<u8>) {
    for byte in value {
        match byte {
            8 => out.extend(b"\\b"),
            b'\t' => out.extend(b"\\t"),
            b'\n' => out.extend(b"\\n"),
            11 => out.extend(b"\\v"),
            12 => out.extend(b"\\f"),
            b'\r' => out.extend(b"\\r"),
            b'\\' => out.extend(b"\\\\"),
            other => out.push(*other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contract::norm::Detector;
    use policy::MaskedRecord;
    use policy::record::MASKED_FIELD;

    const KEEP: Column = Column { kind: Kind::Text, binary: false, method: None, scanned: false };
    const EMPTY: Column = Column { method: Some(Method::Null), ..KEEP };
    const LAST: Column = Column { method: Some(Method::Truncate), ..KEEP };
    const LOOK: Column = Column { scanned: true, ..KEEP };

    fn plan(columns: &[Column], lines: bool) -> Plan {
        let finder = Finder::new(vec![(Detector::Email, Method::Null)]);
        Plan {
            columns: columns.to_vec(),
            lines,
            finder,
            key: Key::new(zeroize::Zeroizing::new([7; 32])),
            meter: Arc::default(),
        }
    }

    fn copied(columns: &[Column], lines: bool, text: &str) -> Result<String, Unmaskable> {
        let mut out = Vec::new();
        plan(columns, lines).copied(text.as_bytes(), &mut out)?;
        Ok(String::from_utf8(out[frame::HEADER_BYTES..].to_vec()).unwrap())
    }

    #[test]
    fn a_row_keeps_its_nulls_and_has_the_columns_that_were_described() {
        let row = |values: &[Option<&[u8]>]| {
            let mut message = Vec::new();
            backend::put_row(&mut message, values.iter().copied());
            message
        };
        let before = row(&[Some(b"kept"), None, Some(b"gone"), Some(b"12345678"), Some(b"to a@b.example")]);
        let mut out = Vec::new();
        let columns = [KEEP, LAST, EMPTY, LAST, LOOK];
        plan(&columns, false).row(&before[frame::HEADER_BYTES..], &mut out).unwrap();
        assert_eq!(out, row(&[Some(b"kept"), None, None, Some(b"5678"), Some(b"to ***********")]));
        // Every value that was masked is counted; there is nothing in NULL.
        let counted = plan(&columns, false);
        counted.row(&before[frame::HEADER_BYTES..], &mut Vec::new()).unwrap();
        let MaskedRecord { what, count } = counted.meter.withheld.records().remove(0);
        assert_eq!((what.as_str(), count), (MASKED_FIELD, 2));
        assert_eq!(counted.meter.withheld.records()[1], MaskedRecord { what: "email".into(), count: 1 });
        for columns in [&columns[..4], &[&columns[..], &[KEEP]].concat()] {
            let mut out = Vec::new();
            let refused = plan(columns, false).row(&before[frame::HEADER_BYTES..], &mut out);
            assert_eq!((refused, out.is_empty()), (Err(Unmaskable::Columns), true));
        }
    }

    #[test]
    fn copied_lines_are_masked_between_their_escapes() {
        let columns = [KEEP, LAST, LOOK];
        let lines = "a\\tb\t12\\t345\tx\n\\N\t\\N\t\\N\n1\t2\ta@b.example\\n\n";
        assert_eq!(
            copied(&columns, false, lines).unwrap(),
            "a\\tb\t\\t345\tx\n\\N\t\\N\t\\N\n1\t\t***********\\n\n"
        );
        assert_eq!(copied(&columns, false, "1\t2\n"), Err(Unmaskable::Columns));
        assert_eq!(copied(&columns, false, "1\t2\t3\t4\n"), Err(Unmaskable::Columns));
        assert_eq!(copied(&[], false, "\n\n").unwrap(), "\n\n");
        assert_eq!(copied(&[], true, "1\t2\ta@b.example\n").unwrap(), "1\t2\t***********\n");
    }
}
