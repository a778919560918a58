//! Whether a condition says which rows. `WHERE true`, `WHERE 1 = 1`, `WHERE id = id`, `WHERE id IS NOT NULL` and
//! `WHERE name LIKE '%'` are conditions in form only. What is always true by what is in the table cannot be told here: limits
//! on rows are for that.

use crate::statement::constant;
use crate::tree::{Node, Tree};
use pg_query::protobuf::{AExprKind, BoolExprType, NullTestType};

/// Whether a condition compares a column with something that can differ from it.
pub(crate) fn restricts(condition: &Tree) -> bool {
    let Some(node) = condition.as_node() else { return false };
    match node.name {
        "BoolExpr" => {
            let arguments = node.list("args");
            let of = |kind: BoolExprType| node.number("boolop") == kind as i64;
            if of(BoolExprType::AndExpr) {
                arguments.iter().any(restricts)
            } else if of(BoolExprType::OrExpr) {
                arguments.iter().all(restricts)
            } else {
                // NOT (id IS NULL) is IS NOT NULL.
                arguments.iter().all(|argument| restricts(argument) && !is_null_test(argument))
            }
        }
        "NullTest" => node.number("nulltesttype") == NullTestType::IsNull as i64 && mentions_column(condition),
        "AExpr" => compares(node),
        "CurrentOfExpr" => true,
        // EXISTS (SELECT 1): what does not name a column of anything holds for all rows or for none.
        _ => mentions_column(condition),
    }
}

fn is_null_test(tree: &Tree) -> bool {
    tree.as_node().is_some_and(|node| node.name == "NullTest")
}

fn compares(node: &Node) -> bool {
    let (left, right) = (node.field("lexpr"), node.field("rexpr"));
    let kind = node.number("kind");
    let like = [AExprKind::AexprLike, AExprKind::AexprIlike, AExprKind::AexprSimilar];
    if like.iter().any(|of| *of as i64 == kind)
        && let Some(pattern) = right.and_then(Tree::as_node).and_then(constant)
        && pattern.chars().all(|c| c == '%')
    {
        return false;
    }
    let same = match (left, right) {
        (Some(left), Some(right)) => without_places(left) == without_places(right),
        (Some(_), None) | (None, Some(_)) | (None, None) => false,
    };
    !same && [left, right].into_iter().flatten().any(mentions_column)
}

fn mentions_column(tree: &Tree) -> bool {
    let mut found = false;
    tree.visit(&mut |node| found |= node.name == "ColumnRef" || node.name == "CurrentOfExpr");
    found
}

/// The same without where in the text it stands, and without what qualifies a column: `t.id` is `id`.
fn without_places(tree: &Tree) -> Tree {
    match tree {
        Tree::Node(node) => {
            let keep = |(name, _): &&(&'static str, Tree)| *name != "location";
            let mut fields: Vec<(&'static str, Tree)> =
                node.fields.iter().filter(keep).map(|(name, tree)| (*name, without_places(tree))).collect();
            if node.name == "ColumnRef"
                && let Some((_, Tree::List(parts))) = fields.first_mut()
                && parts.len() > 1
            {
                parts.drain(..parts.len() - 1);
            }
            Tree::Node(Node { name: node.name, fields })
        }
        Tree::List(items) => Tree::List(items.iter().map(without_places).collect()),
        Tree::Text(_) | Tree::Number(_) | Tree::Yes => tree.clone(),
    }
}
