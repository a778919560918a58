//! `statement`: how statements to databases must look.

use super::{Fault, Terms};
use crate::norm::{Bound, Norm, Statement as Sentence, StatementBound, Test};
use crate::only::Only;
use crate::setting::{Setting, code_list};
use crate::terms::{Field, List, Whole};
use crate::value::{Span, grouped};
use serde::{Deserialize, Serialize};

/// Limits on statements to databases. What is given must hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Statement {
    /// The columns that may be named: `column`, `table.column` or `schema.table.column`.
    #[serde(default, skip_serializing_if = "List::is_empty")]
    pub columns: List<Field>,
    /// Whether a statement that changes or removes rows must say which.
    #[serde(default, skip_serializing_if = "is_no")]
    pub which_rows: bool,
    /// How long a transaction may stay open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction: Option<Span>,
    /// How many rows one of them may give, add, change or remove.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<Whole<1, 2_000_000_000>>,
    /// For which acts and machines.
    #[serde(default, skip_serializing_if = "Only::is_empty")]
    pub only: Only,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_no(flag: &bool) -> bool {
    !flag
}

impl Terms for Statement {
    fn statements(&self, of: &Setting<'_>) -> Vec<Sentence> {
        let (bearer, acts) = (of.bearer(&self.only), of.for_acts(&self.only));
        let bound = |bound| {
            Norm::Statement(StatementBound { rule: of.bare_rule(true, &self.only, Test::always()), bound })
        };
        let mut sentences = Vec::new();
        if !self.columns.is_empty() {
            let noun = if self.columns.as_slice().len() == 1 { "column" } else { "columns" };
            let columns = code_list(self.columns.as_slice(), "and");
            let blanks = [
                ("bearer", bearer.as_str()),
                ("acts", acts.as_str()),
                ("noun", noun),
                ("columns", columns.as_str()),
            ];
            let names = self.columns.iter().map(ToString::to_string).collect();
            sentences.push(of.limit("statement.columns", &blanks, bound(Bound::Columns(names))));
        }
        let blanks = [("bearer", bearer.as_str()), ("acts", acts.as_str())];
        if self.which_rows {
            sentences.push(of.limit("statement.which-rows", &blanks, bound(Bound::WhichRows)));
        }
        if let Some(span) = self.transaction {
            let text = span.to_string();
            let blanks = [("bearer", bearer.as_str()), ("acts", acts.as_str()), ("span", text.as_str())];
            sentences.push(of.limit("statement.transaction", &blanks, bound(Bound::Transaction(span))));
        }
        if let Some(rows) = self.rows {
            let most = grouped(rows.get().into());
            let noun = if rows.get() == 1 { "row" } else { "rows" };
            let blanks = [
                ("bearer", bearer.as_str()),
                ("acts", acts.as_str()),
                ("most", most.as_str()),
                ("noun", noun),
            ];
            sentences.push(of.limit("statement.rows", &blanks, bound(Bound::Rows(rows.get()))));
        }
        sentences
    }

    fn faults(&self, _of: &Setting<'_>) -> Vec<Fault> {
        let empty = self.columns.is_empty()
            && !self.which_rows
            && self.transaction.is_none()
            && self.rows.is_none();
        let help = "write `columns`, `which-rows = true`, `transaction` or `rows`";
        empty.then(|| Fault::new("kind", "writ::empty", "the clause limits nothing", help)).into_iter().collect()
    }
}
