//! Through a statement: every relation, function, operator, type and column it names, however deep. A kind of node that is
//! not listed here is not taken to be harmless.

use crate::condition::Target;
use crate::statement::{Call, CopiedOut, Kind, Mention, Qualified, Statement, Touch, constant};
use crate::tree::{Node, Tree};
use pg_query::protobuf::{AExprKind, CmdType, MergeMatchKind, OnConflictAction, SubLinkType};
use registry::Verb;

/// Nodes that are no more than their parts.
const PLAIN: &[&str] = &[
    "AArrayExpr",
    "AConst",
    "AIndices",
    "AStar",
    "Alias",
    "AlterSeqStmt",
    "AlterTableCmd",
    "AlterTableStmt",
    "BitString",
    "BoolExpr",
    "Boolean",
    "BooleanTest",
    "CaseWhen",
    "CoalesceExpr",
    "CollateClause",
    "ColumnDef",
    "CommonTableExpr",
    "Constraint",
    "CreateSeqStmt",
    "CreateStmt",
    "CreateTableAsStmt",
    "CteCycleClause",
    "CteSearchClause",
    "CtecycleClause",
    "CtesearchClause",
    "CurrentOfExpr",
    "DefElem",
    "Float",
    "GroupingFunc",
    "GroupingSet",
    "IndexElem",
    "IndexStmt",
    "InferClause",
    "Integer",
    "IntoClause",
    "List",
    "MinMaxExpr",
    "MultiAssignRef",
    "NamedArgExpr",
    "Null",
    "OnConflictClause",
    "ParamRef",
    "RangeFunction",
    "RangeSubselect",
    "ReturningOption",
    "ResTarget",
    "RowExpr",
    "SetToDefault",
    "SqlValueFunction",
    "String",
    "TypeCast",
    "ViewStmt",
    "WindowDef",
    "WithClause",
];

/// What was found so far.
pub(crate) struct Walk {
    found: Statement,
    /// Names that mean a common table expression where the walk is.
    named: Vec<String>,
    /// The result of the next query is that of the statement.
    outermost: bool,
}

impl Walk {
    /// Through a whole statement.
    pub(crate) fn statement(node: &Node) -> Self {
        // What a table is made from is no result.
        let outermost =
            matches!(node.name, "SelectStmt" | "InsertStmt" | "UpdateStmt" | "DeleteStmt" | "MergeStmt")
                && node.field("into_clause").is_none();
        let mut walk = Self { found: Statement::default(), named: Vec::new(), outermost };
        walk.node(node);
        walk
    }

    /// Through some parts of one.
    pub(crate) fn parts(parts: &[Tree]) -> Self {
        let mut walk = Self { found: Statement::default(), named: Vec::new(), outermost: false };
        walk.trees(parts);
        walk
    }

    pub(crate) fn into_statement(self, kind: Kind) -> Statement {
        Statement { kind, ..self.found }
    }

    fn trees(&mut self, trees: &[Tree]) {
        trees.iter().for_each(|tree| self.tree(tree));
    }

    fn tree(&mut self, tree: &Tree) {
        match tree {
            Tree::Node(node) => self.node(node),
            Tree::List(items) => self.trees(items),
            Tree::Text(_) | Tree::Number(_) | Tree::Yes => {}
        }
    }

    fn field(&mut self, node: &Node, name: &str) {
        if let Some(tree) = node.field(name) {
            self.tree(tree);
        }
    }

    /// All fields but those that were seen to already.
    fn rest(&mut self, node: &Node, seen: &[&str]) {
        for (name, tree) in &node.fields {
            if !seen.contains(name) {
                self.tree(tree);
            }
        }
    }

    fn node(&mut self, node: &Node) {
        match node.name {
            "SelectStmt" => self.select(node),
            "InsertStmt" => self.insert(node),
            "UpdateStmt" | "DeleteStmt" => self.change(node),
            "MergeStmt" => self.merge(node),
            "CopyStmt" => self.copy(node),
            "RangeVar" => self.range(node),
            "JoinExpr" => self.join(node),
            "RangeTableSample" => self.sample(node),
            "ColumnRef" => self.column(node, false),
            "AIndirection" => {
                // `(t).x` is a column of `t`, or the function `x` of it.
                let fields = node.list("indirection").iter().filter_map(Tree::word);
                self.found.fields.extend(fields.map(str::to_owned));
                self.rest(node, &[]);
            }
            "NullTest" => match node.node("arg").filter(|arg| arg.name == "ColumnRef") {
                Some(column) => self.column(column, true),
                None => self.rest(node, &[]),
            },
            "FuncCall" => self.call(node),
            "AExpr" => self.operator(node),
            "SortBy" => {
                self.operators(node.list("use_op"));
                self.rest(node, &["use_op"]);
            }
            "CaseExpr" => {
                if node.field("arg").is_some() {
                    self.equals();
                }
                self.rest(node, &[]);
            }
            "SubLink" => {
                self.operators(node.list("oper_name"));
                let any = node.number("sub_link_type") == SubLinkType::AnySublink as i64;
                if any && node.list("oper_name").is_empty() {
                    self.equals();
                }
                self.rest(node, &["oper_name"]);
            }
            "TypeName" => {
                self.found.types.extend(Qualified::of(node.list("names")));
                self.rest(node, &["names"]);
            }
            "CreateStmt" | "IndexStmt" | "AlterTableStmt" => self.define(node, "relation"),
            "ViewStmt" => self.define(node, "view"),
            "CreateSeqStmt" | "AlterSeqStmt" => self.define(node, "sequence"),
            "IntoClause" => self.define(node, "rel"),
            "Constraint" => {
                self.found.touches.extend(node.node("pktable").map(|range| touch(range, Verb::Define)));
                self.rest(node, &["pktable"]);
            }
            "TableLikeClause" => self.found.touches.extend(node.node("relation").map(read_all)),
            name if PLAIN.contains(&name) => self.rest(node, &[]),
            name => self.found.administers.push(format!("`{name}` in a statement is not looked into")),
        }
    }

    /// The names a WITH gives; they mean something until the statement ends.
    fn with(&mut self, node: &Node) {
        let Some(with) = node.node("with_clause") else { return };
        let ctes = || with.list("ctes").iter().filter_map(Tree::as_node);
        if with.is("recursive") {
            self.named.extend(ctes().map(|cte| cte.text("ctename").to_owned()));
            ctes().for_each(|cte| self.node(cte));
        } else {
            for cte in ctes() {
                self.node(cte);
                self.named.push(cte.text("ctename").to_owned());
            }
        }
    }

    fn scoped(&mut self, node: &Node, inside: impl FnOnce(&mut Self)) {
        let outside = self.named.len();
        self.with(node);
        inside(self);
        self.named.truncate(outside);
    }

    fn select(&mut self, node: &Node) {
        let result = std::mem::take(&mut self.outermost);
        self.scoped(node, |walk| {
            let before = walk.found.touches.len();
            walk.field(node, "from_clause");
            walk.lock(node.list("locking_clause"), before);
            walk.sorted(node);
            let seen = ["with_clause", "from_clause", "locking_clause", "sort_clause"];
            if result {
                // What they are told apart by, or grouped by where they stand, puts them in an order.
                let sorts = [node.list("sort_clause"), node.list("group_clause")].concat();
                walk.result(node.list("target_list"), &sorts, node.list("distinct_clause").is_empty());
                walk.rest(node, &[&seen[..], &["target_list"]].concat());
            } else {
                walk.rest(node, &seen);
            }
        });
    }

    /// What a statement gives back: a column that stands there by itself comes back as a column of its table, which the
    /// server says. Not so what the rows are ordered by: a number is a place in the list, a name that of one in it.
    fn result(&mut self, targets: &[Tree], sorts: &[Tree], plain: bool) {
        let by = |target: &Node, sort: &Tree| {
            let by = sort.as_node().map(|sort| sort.node("node").unwrap_or(sort));
            by.is_some_and(|by| match by.name {
                "ColumnRef" => match by.list("fields") {
                    [only] => only.word().is_some_and(|name| name == target.text("name")),
                    _ => false,
                },
                "AConst" => true,
                // GROUPING SETS, ROLLUP, CUBE
                name => name == "GroupingSet",
            })
        };
        for tree in targets {
            let target = tree.as_node().filter(|target| target.name == "ResTarget");
            let column = target.and_then(|target| target.node("val")).filter(|val| val.name == "ColumnRef");
            match (target, column) {
                (Some(target), Some(column)) => {
                    let plain = plain && !sorts.iter().any(|sort| by(target, sort));
                    self.column(column, plain);
                }
                _ => self.tree(tree),
            }
        }
    }

    /// ORDER BY: a name alone is first that of a column of the result.
    fn sorted(&mut self, select: &Node) {
        let given: Vec<&str> = targets_of(select.list("target_list"));
        for item in select.list("sort_clause") {
            let sorted =
                item.as_node().and_then(|sort| sort.node("node")).filter(|by| by.name == "ColumnRef");
            let alone = sorted.and_then(|column| match column.list("fields") {
                [only] => only.word(),
                _ => None,
            });
            if !alone.is_some_and(|name| given.contains(&name)) {
                self.tree(item);
            }
        }
    }

    /// FOR UPDATE and its like: as an update of what is locked (PostgreSQL asks for the same right).
    fn lock(&mut self, clauses: &[Tree], from: usize) {
        for clause in clauses.iter().filter_map(Tree::as_node) {
            let named: Vec<&str> = clause
                .list("locked_rels")
                .iter()
                .filter_map(|range| Some(range.as_node()?.text("relname")))
                .collect();
            let known = |touch: &Touch| touch.alias.clone().unwrap_or_else(|| touch.relation.name.clone());
            let here = || self.found.touches.iter().skip(from).filter(|touch| touch.verb == Verb::Read);
            // A name of a subquery locks what that reads.
            let plain = named.iter().all(|name| here().any(|touch| known(touch) == *name));
            let locked: Vec<Touch> = here()
                .filter(|touch| !plain || named.is_empty() || named.contains(&known(touch).as_str()))
                .map(|touch| Touch {
                    verb: Verb::Update,
                    written: Some(Vec::new()),
                    restricted: true,
                    ..touch.clone()
                })
                .collect();
            self.found.touches.extend(locked);
        }
    }

    /// The server tells how many rows a statement changed, and not how many one within it did.
    fn counted(&mut self, outermost: bool) {
        if !outermost {
            self.found.uncounted = Some("how many rows are changed within a query nobody says");
        }
    }

    fn insert(&mut self, node: &Node) {
        let result = std::mem::take(&mut self.outermost);
        self.counted(result);
        self.scoped(node, |walk| {
            let Some(range) = node.node("relation") else { return };
            let columns = targets(node.list("cols"));
            let written = if columns.is_empty() { None } else { Some(columns) };
            walk.found.touches.push(Touch { written, ..touch(range, Verb::Insert) });
            if let Some(conflict) = node.node("on_conflict_clause") {
                if conflict.number("action") == OnConflictAction::OnconflictUpdate as i64 {
                    let written = Some(targets(conflict.list("target_list")));
                    // Rows that are listed are certain rows; those of a query can be all.
                    let values =
                        node.node("select_stmt").is_some_and(|query| !query.list("values_lists").is_empty());
                    walk.found.touches.push(Touch {
                        written,
                        restricted: values,
                        ..touch(range, Verb::Update)
                    });
                }
                let before = walk.found.mentions.len();
                walk.node(conflict);
                // What is computed from the row that is there is read; what would be inserted is not.
                let read = |mention: &Mention| mention.of.as_deref() != Some("excluded");
                if walk.found.mentions.iter().skip(before).any(read) {
                    walk.found.touches.push(touch(range, Verb::Read));
                }
            }
            walk.returning(node, range, result);
            walk.rest(node, &["with_clause", "relation", "on_conflict_clause", "returning_clause"]);
        });
    }

    /// UPDATE and DELETE.
    fn change(&mut self, node: &Node) {
        let result = std::mem::take(&mut self.outermost);
        self.counted(result);
        self.scoped(node, |walk| {
            let Some(range) = node.node("relation") else { return };
            let alone = node.list("from_clause").is_empty() && node.list("using_clause").is_empty();
            let name = known_as(range);
            let target = Target { name: &name, alone };
            let restricted =
                node.field("where_clause").is_some_and(|condition| target.is_restricted_by(condition));
            let changed = if node.name == "UpdateStmt" {
                let written = Some(targets(node.list("target_list")));
                Touch { written, restricted, ..touch(range, Verb::Update) }
            } else {
                Touch { restricted, ..touch(range, Verb::Delete) }
            };
            walk.found.touches.push(changed);
            walk.renamed(range);
            let before = walk.found.mentions.len();
            walk.returning(node, range, result);
            walk.rest(node, &["with_clause", "relation", "returning_clause"]);
            // What is compared or computed with is read.
            if walk.found.mentions.len() > before {
                walk.found.touches.push(touch(range, Verb::Read));
            }
        });
    }

    fn merge(&mut self, node: &Node) {
        let result = std::mem::take(&mut self.outermost);
        self.counted(result);
        self.scoped(node, |walk| {
            let Some(range) = node.node("relation") else { return };
            let name = known_as(range);
            let target = Target { name: &name, alone: false };
            let joined =
                node.field("join_condition").is_some_and(|condition| target.is_restricted_by(condition));
            walk.found.touches.push(touch(range, Verb::Read));
            walk.renamed(range);
            for clause in node.list("merge_when_clauses").iter().filter_map(Tree::as_node) {
                let is = |kind: CmdType| clause.number("command_type") == kind as i64;
                let written = Some(targets(clause.list("target_list")));
                // What the source has nothing for is every other row.
                let others = MergeMatchKind::MergeWhenNotMatchedBySource as i64;
                let restricted = joined && clause.number("match_kind") != others;
                if is(CmdType::CmdUpdate) {
                    walk.found.touches.push(Touch { written, restricted, ..touch(range, Verb::Update) });
                } else if is(CmdType::CmdInsert) {
                    let written = written.filter(|columns| !columns.is_empty());
                    walk.found.touches.push(Touch { written, ..touch(range, Verb::Insert) });
                } else if is(CmdType::CmdDelete) {
                    walk.found.touches.push(Touch { restricted, ..touch(range, Verb::Delete) });
                } else if !is(CmdType::CmdNothing) {
                    walk.found.administers.push("this MERGE does what is not looked into".to_owned());
                }
                walk.rest(clause, &[]);
            }
            walk.returning(node, range, result);
            walk.rest(node, &["with_clause", "relation", "merge_when_clauses", "returning_clause"]);
        });
    }

    fn returning(&mut self, node: &Node, range: &Node, result: bool) {
        if let Some(returning) = node.node("returning_clause") {
            self.found.touches.push(touch(range, Verb::Read));
            // Old and new rows under names of their own.
            self.found.natural |= !returning.list("options").is_empty();
            if result {
                self.result(returning.list("exprs"), &[], true);
                self.rest(returning, &["exprs"]);
            } else {
                self.rest(returning, &[]);
            }
        }
    }

    /// COPY of a table. One of a query is that query.
    fn copy(&mut self, node: &Node) {
        let Some(range) = node.node("relation") else { return };
        let columns: Vec<String> =
            node.list("attlist").iter().filter_map(|name| name.word().map(str::to_owned)).collect();
        if node.is("is_from") {
            let written = if columns.is_empty() { None } else { Some(columns) };
            self.found.touches.push(Touch { written, ..touch(range, Verb::Insert) });
        } else {
            self.found.touches.push(touch(range, Verb::Read));
            // As text without anything special, which is a field for each column.
            let plain = node.list("options").is_empty();
            self.found.copied_out =
                plain.then(|| CopiedOut { relation: Qualified::of_range(range), columns: columns.clone() });
            let columns = if columns.is_empty() { vec!["*".to_owned()] } else { columns };
            let of = Some(range.text("relname").to_owned());
            let mention = |column| Mention { of: of.clone(), column, plain };
            self.found.mentions.extend(columns.into_iter().map(mention));
        }
        self.rest(node, &["relation", "attlist"]);
    }

    /// A relation that is read from.
    fn range(&mut self, node: &Node) {
        let relation = Qualified::of_range(node);
        if relation.schema.is_none() && self.named.contains(&relation.name) {
            return;
        }
        self.found.touches.push(touch(node, Verb::Read));
        self.renamed(node);
    }

    /// Columns that are given other names could be any.
    fn renamed(&mut self, range: &Node) {
        if let Some(alias) = range.node("alias")
            && !alias.list("colnames").is_empty()
        {
            let of = Some(alias.text("aliasname").to_owned());
            self.found.mentions.push(Mention { of, column: "*".to_owned(), plain: false });
        }
    }

    fn join(&mut self, node: &Node) {
        // What a joined table is called can stand for any column of any of its tables.
        self.found.natural |= node.is("is_natural") || node.field("alias").is_some();
        let using = node.list("using_clause").iter().filter_map(Tree::word);
        if node.is("is_natural") || !node.list("using_clause").is_empty() {
            self.equals();
        }
        let mention = |column: &str| Mention { of: None, column: column.to_owned(), plain: false };
        self.found.mentions.extend(using.map(mention));
        self.rest(node, &[]);
    }

    fn sample(&mut self, node: &Node) {
        match Qualified::of(node.list("method")) {
            Some(method)
                if matches!(method.name.as_str(), "bernoulli" | "system") && method.schema.is_none() => {}
            Some(_) | None => self.found.administers.push("a method of sampling is code".to_owned()),
        }
        self.rest(node, &["method"]);
    }

    fn column(&mut self, node: &Node, plain: bool) {
        let parts = node.list("fields");
        let names: Vec<&str> = parts.iter().map(|part| part.word().unwrap_or("*")).collect();
        let of = names.len().checked_sub(2).and_then(|at| names.get(at)).map(|of| (*of).to_owned());
        if let Some(column) = names.last() {
            // `t.x` is a column of `t`, or the function `x` of it.
            if of.is_some() && *column != "*" {
                self.found.fields.push((*column).to_owned());
            }
            self.found.mentions.push(Mention { of, column: (*column).to_owned(), plain });
        }
    }

    fn call(&mut self, node: &Node) {
        match Qualified::of(node.list("funcname")) {
            Some(function) => {
                let literals =
                    node.list("args").iter().map(|tree| tree.as_node().and_then(constant)).collect();
                self.found.calls.push(Call { function, literals });
            }
            None => self.found.administers.push("a function without a name".to_owned()),
        }
        self.rest(node, &["funcname"]);
    }

    fn operator(&mut self, node: &Node) {
        let between = [
            AExprKind::AexprBetween,
            AExprKind::AexprNotBetween,
            AExprKind::AexprBetweenSym,
            AExprKind::AexprNotBetweenSym,
        ];
        if between.iter().any(|kind| *kind as i64 == node.number("kind")) {
            let plain = |name: &str| Qualified { schema: None, name: name.to_owned() };
            self.found.operators.extend([plain("<="), plain(">=")]);
        } else {
            self.operators(node.list("name"));
        }
        match compared(node) {
            Some((column, value)) => {
                self.column(column, true);
                self.tree(value);
            }
            None => self.rest(node, &["name"]),
        }
    }

    /// What is compared without an operator being written.
    fn equals(&mut self) {
        self.found.operators.push(Qualified { schema: None, name: "=".to_owned() });
    }

    fn operators(&mut self, name: &[Tree]) {
        self.found.operators.extend(Qualified::of(name));
    }

    /// Something that is made, changed or removed, and what that is made from.
    fn define(&mut self, node: &Node, relation: &str) {
        if let Some(range) = node.node(relation) {
            let mut defined = touch(range, Verb::Define);
            if range.text("relpersistence") == "t" {
                defined.relation.schema = Some("pg_temp".to_owned());
            }
            self.found.touches.push(defined);
        }
        for parent in node.list("inh_relations").iter().filter_map(Tree::as_node) {
            self.found.touches.push(touch(parent, Verb::Define));
        }
        self.rest(node, &[relation, "inh_relations"]);
    }
}

/// A column that is compared with a value, whether they are equal, and the value.
fn compared(node: &Node) -> Option<(&Node, &Tree)> {
    let kinds = [
        AExprKind::AexprOp,
        AExprKind::AexprIn,
        AExprKind::AexprOpAny,
        AExprKind::AexprDistinct,
        AExprKind::AexprNotDistinct,
    ];
    let equals = node.list("name").iter().all(|name| matches!(name.word(), Some("=" | "<>" | "pg_catalog")));
    if !equals || !kinds.iter().any(|kind| *kind as i64 == node.number("kind")) {
        return None;
    }
    let column = |tree: &Tree| tree.as_node().is_some_and(|node| node.name == "ColumnRef");
    let (left, right) = (node.field("lexpr")?, node.field("rexpr")?);
    let sides = if column(left) { (left, right) } else { (right, left) };
    let (of, value) = (sides.0.as_node().filter(|node| node.name == "ColumnRef")?, sides.1);
    let mut constant = true;
    value.visit(&mut |part| {
        constant &= matches!(
            part.name,
            "AConst"
                | "ParamRef"
                | "TypeCast"
                | "TypeName"
                | "List"
                | "AArrayExpr"
                | "String"
                | "Integer"
                | "Float"
                | "Boolean"
        );
    });
    constant.then_some((of, value))
}

fn touch(range: &Node, verb: Verb) -> Touch {
    let alias = range.node("alias").map(|alias| alias.text("aliasname").to_owned());
    Touch { relation: Qualified::of_range(range), alias, verb, written: None, restricted: false }
}

/// By which name its columns are mentioned.
fn known_as(range: &Node) -> String {
    let alias = range.node("alias").map(|alias| alias.text("aliasname").to_owned());
    alias.unwrap_or_else(|| range.text("relname").to_owned())
}

fn read_all(range: &Node) -> Touch {
    touch(range, Verb::Read)
}

/// The columns a list of targets names.
fn targets(list: &[Tree]) -> Vec<String> {
    targets_of(list).into_iter().map(str::to_owned).collect()
}

fn targets_of(list: &[Tree]) -> Vec<&str> {
    list.iter().filter_map(Tree::as_node).map(|target| target.text("name")).collect()
}
