//! Whether a condition says which rows of a table. Only what is known to do so counts: a column of the table, alone, compared
//! with something that is not made from the table's own columns. `WHERE true`, `WHERE id = id`, `WHERE id IS NOT NULL`,
//! `WHERE (id = 1) IS NOT NULL` are conditions in form only. What holds for every row by what is in the table (`id > 0`) cannot
//! be told here: limits on rows are for that.

use crate::statement::constant;
use crate::tree::{Node, Tree};
use pg_query::protobuf::{AExprKind, BoolExprType, NullTestType, SubLinkType};

/// The table whose rows are meant.
pub(crate) struct Target<'a> {
    /// By which name its columns are mentioned.
    pub(crate) name: &'a str,
    /// Nothing else is read from beside it: a column without a table's name is one of its columns.
    pub(crate) alone: bool,
}

/// Operators that compare a column with something, one row at a time.
const COMPARE: &[&str] = &["=", "<", ">", "<=", ">="];
/// Functions after which a column is still that column.
const SAME: &[&str] = &["lower", "upper", "btrim", "ltrim", "rtrim", "date", "date_trunc"];

impl Target<'_> {
    /// Whether a condition says which of its rows.
    pub(crate) fn is_restricted_by(&self, condition: &Tree) -> bool {
        let Some(node) = condition.as_node() else { return false };
        match node.name {
            "BoolExpr" => {
                let arguments = node.list("args");
                let of = |kind: BoolExprType| node.number("boolop") == kind as i64;
                if of(BoolExprType::AndExpr) {
                    arguments.iter().any(|argument| self.is_restricted_by(argument))
                } else if of(BoolExprType::OrExpr) {
                    !arguments.is_empty() && arguments.iter().all(|argument| self.is_restricted_by(argument))
                } else {
                    // NOT of a column that is a yes or no; of anything else it can mean every row but one.
                    arguments.iter().all(|argument| self.is_column(argument))
                }
            }
            "NullTest" => {
                node.number("nulltesttype") == NullTestType::IsNull as i64
                    && node.field("arg").is_some_and(|argument| self.is_column(argument))
            }
            "BooleanTest" => node.field("arg").is_some_and(|argument| self.is_column(argument)),
            "ColumnRef" => self.is_column(condition),
            "AExpr" => self.compares(node),
            "SubLink" => {
                node.number("sub_link_type") == SubLinkType::AnySublink as i64
                    && node.list("oper_name").iter().all(|name| name.word() == Some("="))
                    && node.field("testexpr").is_some_and(|tested| self.is_column(tested))
                    && node.field("subselect").is_some_and(|query| !self.is_mentioned(query))
            }
            "CurrentOfExpr" => true,
            _ => false,
        }
    }

    fn compares(&self, node: &Node) -> bool {
        let (Some(left), Some(right)) = (node.field("lexpr"), node.field("rexpr")) else { return false };
        let kind = node.number("kind");
        let is = |wanted: AExprKind| kind == wanted as i64;
        let operator = match node.list("name") {
            [name] => name.word().unwrap_or_default(),
            [schema, name] if schema.word() == Some("pg_catalog") => name.word().unwrap_or_default(),
            _ => return false,
        };
        let sided = |one: &Tree, other: &Tree| self.is_column(one) && !self.is_mentioned(other);
        if is(AExprKind::AexprOp) {
            COMPARE.contains(&operator) && (sided(left, right) || sided(right, left))
        } else if is(AExprKind::AexprIn) || is(AExprKind::AexprOpAny) {
            operator == "=" && sided(left, right)
        } else if is(AExprKind::AexprBetween)
            || is(AExprKind::AexprBetweenSym)
            || is(AExprKind::AexprNotDistinct)
        {
            sided(left, right)
        } else if is(AExprKind::AexprLike) || is(AExprKind::AexprIlike) {
            // A pattern of nothing but wildcards fits everything.
            let says = |pattern: String| pattern.chars().any(|c| !matches!(c, '%' | '_' | '\\'));
            self.is_column(left)
                && matches!(operator, "~~" | "~~*")
                && right.as_node().and_then(constant).is_some_and(says)
        } else {
            false
        }
    }

    /// Whether it is a column of the table, or several as a row, and nothing is computed from it.
    fn is_column(&self, tree: &Tree) -> bool {
        let Some(node) = tree.as_node() else { return false };
        match node.name {
            "ColumnRef" => self.is_own(node),
            "RowExpr" => {
                !node.list("args").is_empty() && node.list("args").iter().all(|part| self.is_column(part))
            }
            "TypeCast" | "CollateClause" => {
                node.field("arg").is_some_and(|argument| self.is_column(argument))
            }
            "FuncCall" => {
                let name = node.list("funcname").last().and_then(Tree::word).unwrap_or_default();
                let (columns, others): (Vec<&Tree>, Vec<&Tree>) =
                    node.list("args").iter().partition(|argument| self.is_column(argument));
                SAME.contains(&name)
                    && columns.len() == 1
                    && !others.iter().any(|other| self.is_mentioned(other))
            }
            // A field of a document: `data ->> 'id'`.
            "AExpr" => {
                let operator = node.list("name").last().and_then(Tree::word).unwrap_or_default();
                matches!(operator, "->" | "->>" | "#>" | "#>>")
                    && node.field("lexpr").is_some_and(|document| self.is_column(document))
                    && node.field("rexpr").is_some_and(|path| !self.is_mentioned(path))
            }
            _ => false,
        }
    }

    /// Whether a column is the table's own, for sure.
    fn is_own(&self, column: &Node) -> bool {
        match column.list("fields") {
            [only] => self.alone && only.word().is_some_and(|name| name != self.name),
            [.., table, column] => table.word() == Some(self.name) && column.word().is_some(),
            [] => false,
        }
    }

    /// Whether something could be made from the table's own columns.
    fn is_mentioned(&self, tree: &Tree) -> bool {
        let mut mentioned = false;
        tree.visit(&mut |node| {
            mentioned |= match node.name {
                "ColumnRef" => match node.list("fields") {
                    // Without a table's name it could be anybody's column.
                    [_] | [] => true,
                    [.., table, _] => table.word() == Some(self.name),
                },
                "SetToDefault" => true,
                _ => false,
            };
        });
        // A query of its own has tables of its own; a name without a table can be one of theirs.
        mentioned && !self.is_query_of_others(tree)
    }

    /// Whether it is a query in which no column is said to be of the table.
    fn is_query_of_others(&self, tree: &Tree) -> bool {
        let mut queries = false;
        let mut own = false;
        tree.visit(&mut |node| {
            queries |= node.name == "SelectStmt" && !node.list("from_clause").is_empty();
            own |= node.name == "ColumnRef"
                && matches!(node.list("fields"), [.., table, _] if table.word() == Some(self.name));
        });
        queries && !own
    }
}
