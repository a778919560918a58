//! TOML as JSON, and where each value stands in its file.

use api::Finding;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::ops::Range;
use toml::Spanned;
use toml::de::DeValue;

/// A finding, and the file it is in.
#[derive(Clone)]
pub(super) struct Found {
    pub(super) file: usize,
    pub(super) finding: Finding,
}

/// Where a value stands, and the values in it: by key, or by index.
#[derive(Default)]
pub(super) struct Spans {
    whole: Range<usize>,
    inner: BTreeMap<String, Spans>,
}

impl Spans {
    /// The place of the value that `steps` lead to, or of the last one on the way.
    pub(super) fn at<'s>(&self, steps: impl Iterator<Item = &'s str>) -> Range<usize> {
        let mut here = self;
        for step in steps {
            let Some(next) = here.inner.get(&step.replace("~1", "/").replace("~0", "~")) else { break };
            here = next;
        }
        here.whole.clone()
    }

    /// Lets a value stand where another key has it.
    pub(super) fn rename(&mut self, from: &str, to: &str) {
        if let Some(spans) = self.inner.remove(from) {
            self.inner.insert(to.to_owned(), spans);
        }
    }
}

/// A TOML value as JSON with its places; dates become text. Fails at what JSON has no number for.
pub(super) fn json(value: Spanned<DeValue<'_>>) -> Result<(Value, Spans), (Range<usize>, String)> {
    let whole = value.span();
    let mut inner = BTreeMap::new();
    let value = match value.into_inner() {
        DeValue::String(text) => Value::String(text.into_owned()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Value::from(number),
            Err(_) => return Err((whole, "this number is too large".to_owned())),
        },
        DeValue::Float(number) => match number.as_str().parse::<f64>() {
            Ok(number) if number.is_finite() => Value::from(number),
            Ok(_) | Err(_) => return Err((whole, "this is no number".to_owned())),
        },
        DeValue::Boolean(yes) => Value::Bool(yes),
        DeValue::Datetime(when) => Value::String(when.to_string()),
        DeValue::Array(items) => {
            let mut array = Vec::new();
            for (at, item) in items.into_iter().enumerate() {
                let (item, spans) = json(item)?;
                array.push(item);
                inner.insert(at.to_string(), spans);
            }
            Value::Array(array)
        }
        DeValue::Table(table) => {
            let mut object = Map::new();
            for (key, item) in table {
                let (name, at) = (key.get_ref().to_string(), key.span());
                let (item, mut spans) = json(item)?;
                // A table in a header of its own stands where its key does.
                if spans.whole.is_empty() {
                    spans.whole = at;
                }
                object.insert(name.clone(), item);
                inner.insert(name, spans);
            }
            Value::Object(object)
        }
    };
    Ok((value, Spans { whole, inner }))
}
