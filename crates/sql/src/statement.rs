//! A statement as far as its text tells: what it names, and what it does to it.

use crate::setting::{PURPOSE, Setting};
use crate::tree::{Node, Tree, tree};
use crate::walk::Walk;
use pg_query::protobuf::{
    AlterTableType, DiscardMode, DropBehavior, ObjectType, TransactionStmtKind, VariableSetKind,
};
use registry::Verb;

/// The longest text of a query, in bytes: it is recorded whole.
pub const TEXT_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Words and signs in one text at most, about: its tree takes some hundred bytes for each.
pub const WORDS_MAX: usize = 100_000;
/// Tables times columns a statement mentions at most.
const MENTIONS_MAX: usize = 1_000_000;
/// Of definitions.
const DEFINED: &str = "how many rows a definition changes nobody says";
/// `WITH HOLD` (`parsenodes.h`).
const CURSOR_OPT_HOLD: i64 = 0x0020;
/// Statements in one text at most.
pub const STATEMENTS_MAX: usize = 1_000;

/// A text that says nothing PostgreSQL's parser understands, or nothing Writ looks into.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is no SQL.
    #[error("it cannot be read: {0}")]
    Syntax(String),
    /// It is longer than is looked into.
    #[error("it is longer than {TEXT_BYTES_MAX} bytes")]
    Long,
    /// It has more parts than are looked into.
    #[error("it has more than some {WORDS_MAX} words and signs")]
    Large,
    /// It has more statements than are looked into.
    #[error("it has more than {STATEMENTS_MAX} statements")]
    Many,
}

/// One statement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statement {
    /// What kind it is.
    pub kind: Kind,
    /// Relations it names, and what it does to each.
    pub(crate) touches: Vec<Touch>,
    /// Functions and procedures it calls.
    pub(crate) calls: Vec<Call>,
    /// Operators it uses.
    pub(crate) operators: Vec<Qualified>,
    /// Types it names.
    pub(crate) types: Vec<Qualified>,
    /// Columns it reads.
    pub(crate) mentions: Vec<Mention>,
    /// Names after a dot: columns, or functions of a whole row where there is no such column.
    pub(crate) fields: Vec<String>,
    /// All columns of whatever it joins are read: `NATURAL JOIN`.
    pub(crate) natural: bool,
    /// Channels it listens to.
    pub(crate) listens: Vec<String>,
    /// Channels it notifies.
    pub(crate) notifies: Vec<String>,
    /// Why it can do anything; empty when it cannot.
    pub(crate) administers: Vec<String>,
    /// What it does to the session.
    pub effect: Effect,
    /// The table it copies out.
    pub copied_out: Option<CopiedOut>,
    /// Why it cannot be told how many rows it changes before they are changed for good.
    pub(crate) uncounted: Option<&'static str>,
}

/// What a statement does to the session it is said in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    #[default]
    None,
    /// Begins, ends or structures a transaction.
    Transaction,
    /// Names are looked up along another path from now on, until nobody knows when.
    SearchPath,
    /// Settings are what they were when the session began.
    Reset,
    /// A query gets a name under which its rows are fetched.
    Declare {
        /// The name.
        name: String,
        /// It lives on when the transaction ends.
        held: bool,
        /// What it does.
        query: Box<Statement>,
    },
    /// Rows of a named query are fetched.
    Fetch(String),
    /// Sets the name under which the server's own records have the session.
    ApplicationName,
    /// Declares what what follows is for; empty: for nothing said.
    Purpose(String),
    /// Names a statement: its name, and what that does.
    Prepare(String, Box<Statement>),
    /// Runs a named statement.
    Execute(String),
    /// Names of statements or cursors are taken away.
    Unname,
    /// The catalog is not as it was.
    Define,
}

/// What PostgreSQL calls a statement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "they are PostgreSQL's own words")]
pub enum Kind {
    Select,
    Insert,
    Update,
    Delete,
    Merge,
    CopyFrom,
    CopyTo,
    Explain,
    Transaction,
    Set,
    Show,
    Prepare,
    Execute,
    Deallocate,
    Cursor,
    Listen,
    Notify,
    Lock,
    Truncate,
    Define,
    Call,
    #[default]
    Other,
}

impl Kind {
    /// In capitals, as a record names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Select => "SELECT",
            Self::Insert => "INSERT",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Merge => "MERGE",
            Self::CopyFrom => "COPY FROM",
            Self::CopyTo => "COPY TO",
            Self::Explain => "EXPLAIN",
            Self::Transaction => "TRANSACTION",
            Self::Set => "SET",
            Self::Show => "SHOW",
            Self::Prepare => "PREPARE",
            Self::Execute => "EXECUTE",
            Self::Deallocate => "DEALLOCATE",
            Self::Cursor => "CURSOR",
            Self::Listen => "LISTEN",
            Self::Notify => "NOTIFY",
            Self::Lock => "LOCK",
            Self::Truncate => "TRUNCATE",
            Self::Define => "DEFINE",
            Self::Call => "CALL",
            Self::Other => "OTHER",
        }
    }
}

/// A name with what stands before it, as written; identifiers are folded by the parser.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Qualified {
    pub(crate) schema: Option<String>,
    pub(crate) name: String,
}

impl Qualified {
    /// The parts of a name; a database before a schema must be the one the server is asked for anyway.
    pub(crate) fn of(parts: &[Tree]) -> Option<Self> {
        let words: Option<Vec<&str>> = parts.iter().map(Tree::word).collect();
        match words?.as_slice() {
            [name] => Some(Self { schema: None, name: (*name).to_owned() }),
            [.., schema, name] => Some(Self { schema: Some((*schema).to_owned()), name: (*name).to_owned() }),
            [] => None,
        }
    }

    pub(crate) fn of_range(range: &Node) -> Self {
        let schema = Some(range.text("schemaname")).filter(|schema| !schema.is_empty());
        Self { schema: schema.map(str::to_owned), name: range.text("relname").to_owned() }
    }
}

impl std::fmt::Display for Qualified {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// What is done to a relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Touch {
    pub(crate) relation: Qualified,
    /// By which other name its columns are mentioned.
    pub(crate) alias: Option<String>,
    pub(crate) verb: Verb,
    /// The columns that are written; none: those the statement reads, or all.
    pub(crate) written: Option<Vec<String>>,
    /// For what changes or removes rows: whether it says which.
    pub(crate) restricted: bool,
}

/// A function that is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) function: Qualified,
    /// Its arguments, as far as they are plain text.
    pub(crate) literals: Vec<Option<String>>,
}

/// A column that is read: `*` for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mention {
    pub(crate) of: Option<String>,
    pub(crate) column: String,
    /// Nothing more is learned of it than what stands in its own place in the result, or whether it equals a value.
    pub(crate) plain: bool,
}

/// A table whose rows are copied out as text, and which of its columns; none: all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopiedOut {
    pub(crate) relation: Qualified,
    pub(crate) columns: Vec<String>,
}

impl CopiedOut {
    /// Whether it says which columns.
    pub fn names_columns(&self) -> bool {
        !self.columns.is_empty()
    }
}

/// Reads a text: the statements in it, in order.
pub fn read(text: &str) -> Result<Vec<Statement>, Unreadable> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(Unreadable::Long);
    }
    // Whatever is a word or a sign of its own begins after something that is neither a letter nor a digit.
    let words = text.as_bytes().windows(2).filter(|pair| {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80;
        matches!(pair, [before, here] if !(here.is_ascii_whitespace() || is_word(*before) && is_word(*here)))
    });
    if words.count() > WORDS_MAX {
        return Err(Unreadable::Large);
    }
    let parsed = pg_query::parse(text, 0).map_err(|error| Unreadable::Syntax(error.to_string()))?;
    if parsed.protobuf.stmts.len() > STATEMENTS_MAX {
        return Err(Unreadable::Many);
    }
    let statement = |raw: &pg_query::protobuf::RawStmt| {
        let planted = raw.stmt.as_ref().map(|node| tree(node.as_ref())).transpose();
        let planted = planted.map_err(|error| Unreadable::Syntax(error.to_string()))?.flatten();
        let node = planted.as_ref().and_then(Tree::as_node);
        Ok(node.map_or_else(Statement::default, Statement::of))
    };
    parsed.protobuf.stmts.iter().map(statement).collect()
}

impl Statement {
    /// A statement nobody can look into, and why.
    fn opaque(why: &str) -> Self {
        Self { administers: vec![why.to_owned()], ..Self::default() }
    }

    fn only(kind: Kind, effect: Effect) -> Self {
        Self { kind, effect, ..Self::default() }
    }

    /// A statement; one that mentions too much is not looked into further.
    fn of(node: &Node) -> Self {
        let statement = Self::of_any(node);
        if statement.touches.len().saturating_mul(statement.mentions.len() + statement.fields.len())
            > MENTIONS_MAX
        {
            return Self { kind: statement.kind, ..Self::opaque("it mentions too many tables and columns") };
        }
        statement
    }

    fn of_any(node: &Node) -> Self {
        let walked = |kind| Walk::statement(node).into_statement(kind);
        match node.name {
            "SelectStmt" => {
                let statement = walked(Kind::Select);
                match node.field("into_clause") {
                    Some(_) => Self { kind: Kind::Define, effect: Effect::Define, ..statement },
                    None => statement,
                }
            }
            "InsertStmt" => walked(Kind::Insert),
            "UpdateStmt" => walked(Kind::Update),
            "DeleteStmt" => walked(Kind::Delete),
            "MergeStmt" => walked(Kind::Merge),
            "CopyStmt" => Self::copy(node),
            "ExplainStmt" => Self::explain(node),
            "TransactionStmt" => Self::transaction(node),
            "VariableSetStmt" => Self::set(node),
            "VariableShowStmt" => Self::only(Kind::Show, Effect::None),
            "PrepareStmt" => Self::prepare(node),
            "ExecuteStmt" => {
                let statement = Walk::parts(node.list("params")).into_statement(Kind::Execute);
                Self { effect: Effect::Execute(node.text("name").to_owned()), ..statement }
            }
            "DeallocateStmt" => Self::only(Kind::Deallocate, Effect::Unname),
            "DeclareCursorStmt" => {
                let query =
                    node.field("query").map_or_else(|| Self::opaque("a cursor over nothing"), Self::inner);
                let effect = Effect::Declare {
                    name: node.text("portalname").to_owned(),
                    held: node.number("options") & CURSOR_OPT_HOLD != 0,
                    query: Box::new(query.clone()),
                };
                Self { kind: Kind::Cursor, effect, ..query }
            }
            "FetchStmt" => Self::only(Kind::Cursor, Effect::Fetch(node.text("portalname").to_owned())),
            "ClosePortalStmt" => Self::only(Kind::Cursor, Effect::Unname),
            "ListenStmt" => {
                let channel = node.text("conditionname").to_owned();
                Self { listens: vec![channel], ..Self::only(Kind::Listen, Effect::None) }
            }
            "UnlistenStmt" => Self::only(Kind::Listen, Effect::None),
            "NotifyStmt" => {
                let channel = node.text("conditionname").to_owned();
                Self { notifies: vec![channel], ..Self::only(Kind::Notify, Effect::None) }
            }
            "DiscardStmt" => {
                let all = node.number("target") == DiscardMode::DiscardAll as i64;
                Self::only(Kind::Set, if all { Effect::Reset } else { Effect::Unname })
            }
            "LockStmt" => Self::on_tables(node, Kind::Lock, Verb::Lock),
            "TruncateStmt" => {
                let truncate = Self::on_tables(node, Kind::Truncate, Verb::Truncate).without_cascade(node);
                Self { uncounted: Some("nobody counts what TRUNCATE removes"), ..truncate }
            }
            "CallStmt" => Self::call(node),
            "CreateTableAsStmt" => walked(Kind::Define).defining(),
            "CreateStmt" | "IndexStmt" | "CreateSeqStmt" | "AlterSeqStmt" => walked(Kind::Define).defining(),
            "ViewStmt" => walked(Kind::Define).defining(),
            "AlterTableStmt" => Self::alter_table(node),
            "DropStmt" => Self::drop(node),
            "DoStmt" => Self::opaque("DO runs code that nobody can look into"),
            // Not known to be harmless.
            name => Self::opaque(&format!("{} is administration", spoken(name))),
        }
    }

    fn defining(self) -> Self {
        Self { effect: Effect::Define, ..self }
    }

    /// A statement within another.
    fn inner(tree: &Tree) -> Self {
        tree.as_node().map_or_else(|| Self::opaque("a statement without a statement"), Self::of)
    }

    fn explain(node: &Node) -> Self {
        // What is only planned reads the catalog and statistics alone; that it may be run is asked for all the same.
        let mut query = node.field("query").map_or_else(|| Self::opaque("EXPLAIN of nothing"), Self::inner);
        if query.touches.iter().any(|touch| touch.verb != Verb::Read) {
            query.uncounted = Some("EXPLAIN does not say how many rows it changed");
        }
        let effect = match query.effect {
            Effect::Define => Effect::Define,
            Effect::Execute(name) => Effect::Execute(name),
            Effect::None
            | Effect::Transaction
            | Effect::SearchPath
            | Effect::Reset
            | Effect::Declare { .. }
            | Effect::Fetch(_)
            | Effect::ApplicationName
            | Effect::Purpose(_)
            | Effect::Unname
            | Effect::Prepare(..) => Effect::None,
        };
        Self { kind: Kind::Explain, effect, ..query }
    }

    fn copy(node: &Node) -> Self {
        let from = node.is("is_from");
        let kind = if from { Kind::CopyFrom } else { Kind::CopyTo };
        if node.is("is_program") {
            return Self { kind, ..Self::opaque("COPY … PROGRAM runs a program on the server") };
        }
        if !node.text("filename").is_empty() {
            return Self { kind, ..Self::opaque("COPY with a file reads or writes the server's files") };
        }
        let mut statement = match node.field("query") {
            // Nothing in the copy says where its columns are from.
            Some(query) => Self::inner(query).using_all(),
            None => Walk::statement(node).into_statement(kind),
        };
        statement.kind = kind;
        if from {
            statement.uncounted = Some("what COPY adds is counted when it is there already");
        }
        statement
    }

    /// All it mentions goes elsewhere than into a result that says where its columns are from.
    fn using_all(mut self) -> Self {
        self.mentions.iter_mut().for_each(|mention| mention.plain = false);
        self
    }

    fn transaction(node: &Node) -> Self {
        let two_phase = [
            TransactionStmtKind::TransStmtPrepare,
            TransactionStmtKind::TransStmtCommitPrepared,
            TransactionStmtKind::TransStmtRollbackPrepared,
        ];
        if two_phase.iter().any(|kind| *kind as i64 == node.number("kind")) {
            return Self::opaque("a transaction in two phases outlives the session");
        }
        Self::only(Kind::Transaction, Effect::Transaction)
    }

    fn set(node: &Node) -> Self {
        let name = node.text("name").to_ascii_lowercase();
        let kind = node.number("kind");
        let is = |wanted: VariableSetKind| kind == wanted as i64;
        if is(VariableSetKind::VarResetAll) {
            return Self::only(Kind::Set, Effect::Reset);
        }
        if is(VariableSetKind::VarSetMulti) {
            // SET TRANSACTION, SET SESSION CHARACTERISTICS: isolation and read-only; a snapshot is somebody's data.
            return match name.as_str() {
                "transaction" | "session characteristics" => Self::only(Kind::Set, Effect::Transaction),
                _ => Self::opaque("this SET is administration"),
            };
        }
        let values: Option<Vec<String>> =
            node.list("args").iter().map(|value| value.as_node().and_then(constant)).collect();
        let values = if is(VariableSetKind::VarSetValue) { values } else { Some(Vec::new()) };
        // A purpose is a text: numbers are all one where texts are remembered (`normal`).
        let texts = node
            .list("args")
            .iter()
            .filter_map(Tree::as_node)
            .all(|value| value.node("val").is_some_and(|value| value.name == "String"));
        let values = if name == PURPOSE && !texts { None } else { values };
        match Setting::of(&name, values.as_deref()) {
            Ok(setting) => Self::only(Kind::Set, setting.effect()),
            Err(why) => Self { kind: Kind::Set, ..Self::opaque(&why) },
        }
    }

    fn prepare(node: &Node) -> Self {
        let query = node.field("query").map_or_else(|| Self::opaque("PREPARE of nothing"), Self::inner);
        let types = Walk::parts(node.list("argtypes")).into_statement(Kind::Prepare);
        let statement = Self { types: [types.types, query.types].concat(), ..query };
        let effect = Effect::Prepare(node.text("name").to_owned(), Box::new(statement.clone()));
        Self { kind: Kind::Prepare, effect, ..statement }
    }

    /// LOCK and TRUNCATE: a list of tables.
    fn on_tables(node: &Node, kind: Kind, verb: Verb) -> Self {
        let touch = |range: &Tree| {
            let relation = Qualified::of_range(range.as_node()?);
            Some(Touch { relation, alias: None, verb, written: None, restricted: false })
        };
        let touches: Option<Vec<Touch>> = node.list("relations").iter().map(touch).collect();
        match touches {
            Some(touches) => Self { touches, ..Self::only(kind, Effect::None) },
            None => Self::opaque("it names no tables"),
        }
    }

    fn without_cascade(mut self, node: &Node) -> Self {
        if node.number("behavior") == DropBehavior::DropCascade as i64 {
            self.administers.push("CASCADE reaches what it does not name".to_owned());
        }
        self
    }

    fn call(node: &Node) -> Self {
        node.field("funccall").map_or_else(
            || Self::opaque("CALL of nothing"),
            |call| Walk::parts(std::slice::from_ref(call)).into_statement(Kind::Call),
        )
    }

    fn alter_table(node: &Node) -> Self {
        use AlterTableType as At;
        let harmless = [
            At::AtAddColumn,
            At::AtColumnDefault,
            At::AtDropNotNull,
            At::AtSetNotNull,
            At::AtSetStatistics,
            At::AtDropColumn,
            At::AtAddIndex,
            At::AtAddConstraint,
            At::AtValidateConstraint,
            At::AtAddIndexConstraint,
            At::AtDropConstraint,
            At::AtAlterColumnType,
            At::AtAddIdentity,
            At::AtSetIdentity,
            At::AtDropIdentity,
        ];
        let mut statement = Walk::statement(node).into_statement(Kind::Define).defining();
        statement.uncounted = Some(DEFINED);
        for command in node.list("cmds").iter().filter_map(Tree::as_node) {
            if !harmless.iter().any(|kind| *kind as i64 == command.number("subtype")) {
                statement
                    .administers
                    .push("this ALTER TABLE changes more than columns and constraints".to_owned());
            }
            if command.number("behavior") == DropBehavior::DropCascade as i64 {
                statement.administers.push("CASCADE reaches what it does not name".to_owned());
            }
        }
        statement
    }

    fn drop(node: &Node) -> Self {
        let of_tables = [
            ObjectType::ObjectTable,
            ObjectType::ObjectView,
            ObjectType::ObjectMatview,
            ObjectType::ObjectIndex,
            ObjectType::ObjectSequence,
        ];
        if !of_tables.iter().any(|kind| *kind as i64 == node.number("remove_type")) {
            return Self::opaque(
                "DROP of anything but tables, views, indexes and sequences is administration",
            );
        }
        let touch = |object: &Tree| {
            let Tree::List(parts) = object else {
                return Qualified::of(object.as_node()?.list("items")).map(defined);
            };
            Qualified::of(parts).map(defined)
        };
        let touches: Option<Vec<Touch>> = node.list("objects").iter().map(touch).collect();
        match touches {
            Some(touches) => {
                let uncounted = Some(DEFINED);
                Self { touches, uncounted, ..Self::only(Kind::Define, Effect::Define) }.without_cascade(node)
            }
            None => Self::opaque("DROP of something without a name"),
        }
    }
}

fn defined(relation: Qualified) -> Touch {
    Touch { relation, alias: None, verb: Verb::Define, written: None, restricted: false }
}

/// The value of a constant, or of an identifier that stands for one: as text.
pub(crate) fn constant(node: &Node) -> Option<String> {
    match node.name {
        "AConst" => match node.node("val") {
            Some(value) => match value.name {
                "String" => Some(value.text("sval").to_owned()),
                "Integer" => Some(value.number("ival").to_string()),
                "Float" => Some(value.text("fval").to_owned()),
                "Boolean" => Some(if value.is("boolval") { "true" } else { "false" }.to_owned()),
                _ => None,
            },
            None => None,
        },
        // A cast to a type with a length could cut it.
        "TypeCast" => {
            let of = node.node("type_name")?;
            let name = of.list("names").last().and_then(Tree::word)?;
            let plain = matches!(name, "text" | "regclass") && of.list("typmods").is_empty();
            if plain { constant(node.node("arg")?) } else { None }
        }
        _ => None,
    }
}

/// `CreateRoleStmt` as `CREATE ROLE`.
fn spoken(name: &str) -> String {
    let mut words = String::new();
    for letter in name.strip_suffix("Stmt").unwrap_or(name).chars() {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(letter.to_ascii_uppercase());
    }
    words
}
