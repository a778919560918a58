//! What is held where statements go to a database and rows come back: what is masked, and how statements must look.

use super::Rule;
use crate::terms::closed;
use crate::value::Span;
use serde::Serialize;

/// What becomes of fields in answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Masking {
    /// For answers to these requests.
    pub rule: Rule,
    /// The fields.
    pub fields: Vec<String>,
    /// What is looked for in texts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub detect: Vec<Detector>,
    /// What becomes of them.
    pub method: Method,
}

closed! {
    /// What becomes of a masked field.
    Method ("method of masking") {
        /// It is left out.
        Drop = "drop" "left out";
        /// Its digest is given.
        Hash = "hash" "replaced by a keyed digest";
        /// Nothing is given in its place.
        Null = "null" "emptied";
        /// A stable stand-in is given.
        Tokenise = "tokenise" "replaced by a stable stand-in";
        /// Its last four characters are given.
        Truncate = "truncate" "cut to the last 4 characters";
    }
}

closed! {
    /// What is found in a text by its form and its check digits.
    Detector ("thing to look for") {
        /// A mail address.
        Email = "email" "mail address";
        /// An account number by ISO 13616, with its check digits.
        Iban = "iban" "IBAN";
        /// A number that a state gives to a person, with its check digits.
        NationalId = "national-id" "national identity number";
        /// A payment card's number, with its check digit.
        PaymentCard = "payment-card" "payment card number";
        /// A key or token by which somebody could act.
        Secret = "secret" "key or token";
    }
}

impl Masking {
    /// Whether a field is changed: `schema.table.column`, where fields can be written with fewer levels.
    pub fn covers(&self, field: &str) -> bool {
        self.fields.iter().any(|known| ends_with(field, known))
    }

    /// Whether what a statement does can be answered with these fields masked: none of them gets into the answer or
    /// elsewhere but in its own place.
    pub fn allows(&self, touched: &SqlTouch) -> bool {
        !touched.used.iter().any(|column| match column.strip_suffix(".*") {
            // All columns of a table, also those nobody knows of: any that the clause names with the table.
            Some(table) => {
                // One that is named without a table can be in any.
                let of_table =
                    |field: &String| field.rsplit_once('.').is_none_or(|(of, _)| ends_with(table, of));
                self.fields.iter().any(of_table)
            }
            None => self.covers(column),
        })
    }
}

/// How statements to databases must look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct StatementBound {
    /// For statements that do this.
    pub rule: Rule,
    /// What must hold.
    pub bound: Bound,
}

/// What must hold of statements to databases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// They name no other columns than these.
    Columns(Vec<String>),
    /// What changes or removes rows says which.
    WhichRows,
    /// No transaction is open for longer.
    Transaction(Span),
    /// None gives, adds, changes or removes more rows.
    Rows(u32),
}

/// What a statement does to what it touches.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SqlTouch {
    /// Each column as `schema.table.column`; none if they can be any.
    pub columns: Option<Vec<String>>,
    /// Whether what it changes or removes is certain rows; also where it does neither.
    pub which_rows: bool,
    /// Columns of which more is learned than what the answer has in their place: what is computed from them, ordered by
    /// them, copied from them. A column that is only compared with a value for equality is none of these.
    pub used: Vec<String>,
    /// Why it cannot be told in time how many rows it changes; none where it can.
    pub uncounted: Option<String>,
}

impl SqlTouch {
    /// What no clause about statements could mind.
    pub fn plain() -> Self {
        Self { columns: Some(Vec::new()), which_rows: true, used: Vec::new(), uncounted: None }
    }
}

impl StatementBound {
    /// Whether a statement is within it. How long its transaction will be and how many its rows nobody knows beforehand.
    pub fn allows(&self, touched: &SqlTouch) -> bool {
        match &self.bound {
            Bound::Columns(named) => {
                let within = |column: &String| named.iter().any(|name| ends_with(column, name));
                touched.columns.as_ref().is_some_and(|columns| columns.iter().all(within))
            }
            Bound::WhichRows => touched.which_rows,
            Bound::Rows(_) => touched.uncounted.is_none(),
            Bound::Transaction(_) => true,
        }
    }

    /// Whether a transaction may be open for so long, in milliseconds.
    pub fn allows_transaction(&self, ms: u64) -> bool {
        match &self.bound {
            Bound::Transaction(longest) => ms <= longest.as_ms(),
            Bound::Columns(_) | Bound::WhichRows | Bound::Rows(_) => true,
        }
    }

    /// Whether a statement may have so many rows.
    pub fn allows_rows(&self, rows: u64) -> bool {
        match &self.bound {
            Bound::Rows(most) => rows <= u64::from(*most),
            Bound::Columns(_) | Bound::WhichRows | Bound::Transaction(_) => true,
        }
    }
}

/// Whether `schema.table.column` is what a name with fewer levels means.
fn ends_with(column: &str, name: &str) -> bool {
    column.strip_suffix(name).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A statement that uses all columns of a table, also those nobody knows of, uses what a clause names without a table.
    #[test]
    fn a_field_without_a_table_is_in_every_table() {
        let masking = |field: &str| Masking {
            rule: Rule::any(),
            fields: vec![field.to_owned()],
            detect: Vec::new(),
            method: Method::Null,
        };
        let touched = |used: &str| SqlTouch { used: vec![used.to_owned()], ..SqlTouch::plain() };
        for (field, used, allowed) in [
            ("email", "public.customers.*", false),
            ("customers.email", "public.customers.*", false),
            ("public.customers.email", "public.customers.*", false),
            ("customers.email", "public.orders.*", true),
            ("email", "public.customers.email", false),
            ("email", "public.customers.name", true),
            ("mail", "public.customers.email", true),
        ] {
            assert_eq!(masking(field).allows(&touched(used)), allowed, "{field}, {used}");
        }
    }
}
