//! The catalog of a database, as far as names are resolved by it. Read with [`QUERIES`] by whoever has a connection.

use crate::statement::{CopiedOut, Statement, Unreadable, read};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// A row of text, as the simple protocol gives it.
pub type Row = Vec<Option<String>>;

/// What is asked, in this order, while no schema is looked up but the system's ([`ALONE`]); the rows make a [`Catalog`].
pub const QUERIES: [&str; 5] = [RELATIONS, COLUMNS, CHILDREN, FUNCTIONS, OTHERS];
/// Said before [`QUERIES`], so that definitions name everything in full.
pub const ALONE: &str = "SET LOCAL search_path TO ''";

/// The longest search path that is followed.
const PATH_MAX: usize = 64;
/// What asks for the schemas names are looked up in, in order.
pub const PATH: &str = "SELECT pg_catalog.unnest(pg_catalog.current_schemas(true))";

/// Tables, views, sequences; indexes with the table they are of. Of each: has it rules; triggers; what follows from
/// another table's changes; code in defaults, checks, policies; and what a view is.
const RELATIONS: &str = "SELECT c.oid, n.nspname, c.relname, c.relkind, \
    EXISTS (SELECT 1 FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid AND r.ev_type <> '1'), \
    EXISTS (SELECT 1 FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal), \
    (SELECT i.indrelid FROM pg_catalog.pg_index i WHERE i.indexrelid = c.oid), \
    EXISTS (SELECT 1 FROM pg_catalog.pg_constraint f WHERE f.contype = 'f' AND f.confrelid = c.oid \
        AND (f.confdeltype IN ('c', 'n', 'd') OR f.confupdtype IN ('c', 'n', 'd'))), \
    EXISTS (SELECT 1 FROM pg_catalog.pg_depend d WHERE d.refclassid IN ('pg_catalog.pg_proc'::pg_catalog.regclass, \
        'pg_catalog.pg_operator'::pg_catalog.regclass) AND ( \
        (d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass \
            AND d.objid IN (SELECT x.oid FROM pg_catalog.pg_attrdef x WHERE x.adrelid = c.oid)) \
        OR (d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass \
            AND d.objid IN (SELECT x.oid FROM pg_catalog.pg_constraint x WHERE x.conrelid = c.oid)) \
        OR (d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass \
            AND d.objid IN (SELECT x.oid FROM pg_catalog.pg_policy x WHERE x.polrelid = c.oid)))), \
    CASE WHEN c.relkind IN ('v', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema') \
        THEN pg_catalog.pg_get_viewdef(c.oid) END \
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p', 'S', 'i', 'I') AND n.nspname !~ '^pg_(toast|temp)'";

/// The columns of everything that is not the system's.
const COLUMNS: &str = "SELECT a.attrelid, a.attnum, a.attname, a.atttypid, a.attgenerated <> '' FROM pg_catalog.pg_attribute a \
    JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'v', 'm', 'f', 'p') \
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1, 2";

/// What is part of what: partitions and children.
const CHILDREN: &str = "SELECT i.inhparent, i.inhrelid FROM pg_catalog.pg_inherits i";

/// Functions: of those of one name the one that can do most.
const FUNCTIONS: &str = "SELECT n.nspname, p.proname, pg_catalog.max(p.provolatile) FROM pg_catalog.pg_proc p \
    JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace GROUP BY 1, 2";

/// Operators that are not the system's; types, of an array what it is of; casts by functions that are not the system's.
/// What an extension brings is taken for what its installer vouched for, but for its functions.
const OTHERS: &str = "SELECT 'o', n.nspname, o.oprname, o.oprleft::text || ' ' || o.oprright::text, o.oid FROM pg_catalog.pg_operator o \
    JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace WHERE n.nspname <> 'pg_catalog' \
    AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d WHERE d.deptype = 'e' AND d.objid = o.oid \
        AND d.classid = 'pg_catalog.pg_operator'::pg_catalog.regclass) \
    UNION ALL SELECT 't', n.nspname, t.typname, CASE WHEN EXISTS (SELECT 1 FROM pg_catalog.pg_depend d \
        WHERE d.deptype = 'e' AND d.objid IN (t.oid, e.oid) AND d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass) \
        THEN 'e' ELSE coalesce(e.typtype, t.typtype)::text END, t.oid FROM pg_catalog.pg_type t \
    JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace \
    LEFT JOIN pg_catalog.pg_type e ON t.typcategory = 'A' AND e.oid = t.typelem WHERE n.nspname !~ '^pg_(toast|temp)' \
    UNION ALL SELECT 'c', fn.nspname, p.proname, '', c.casttarget FROM pg_catalog.pg_cast c \
    JOIN pg_catalog.pg_proc p ON p.oid = c.castfunc JOIN pg_catalog.pg_namespace fn ON fn.oid = p.pronamespace \
    WHERE fn.nspname <> 'pg_catalog' AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d WHERE d.deptype = 'e' \
        AND d.objid = c.oid AND d.classid = 'pg_catalog.pg_cast'::pg_catalog.regclass)";

/// A database's relations, functions, operators and types.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    relations: HashMap<String, HashMap<String, Relation>>,
    functions: HashMap<String, Vec<Function>>,
    operators: HashMap<String, Vec<Operator>>,
    types: HashMap<String, Vec<Type>>,
    /// Types by their numbers.
    numbered: HashMap<u32, (String, String)>,
    /// Relations by theirs.
    origins: HashMap<u32, (String, String)>,
}

/// Numbers below this are the system's (`FirstNormalObjectId`).
pub(crate) const SYSTEM_NUMBERS: u32 = 16_384;

/// An operator that is not the system's: where it is, and which types that are not the system's either it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Operator {
    pub(crate) schema: String,
    pub(crate) types: Vec<u32>,
}

/// A type: where it is, what kind, and the functions by which something is made one of its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Type {
    pub(crate) schema: String,
    pub(crate) kind: char,
    pub(crate) number: u32,
    pub(crate) casts: Vec<(String, String)>,
}

/// A table or what is used like one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Relation {
    pub(crate) kind: char,
    pub(crate) columns: HashSet<String>,
    /// The same with their numbers, in their order.
    pub(crate) numbered: Vec<Column>,
    /// The types of its columns.
    pub(crate) types: HashSet<u32>,
    /// It has rules other than what makes it a view.
    pub(crate) rules: bool,
    pub(crate) triggers: bool,
    /// What is changed or removed in it is changed or removed elsewhere too.
    pub(crate) cascades: bool,
    /// Its defaults, checks or policies are code.
    pub(crate) code: bool,
    /// For an index: the table.
    pub(crate) of: Option<(String, String)>,
    /// For a view: its query.
    pub(crate) view: Option<Arc<Result<Vec<Statement>, Unreadable>>>,
    /// Partitions and children.
    pub(crate) children: Vec<(String, String)>,
    /// What it is a partition or child of.
    pub(crate) parents: Vec<(String, String)>,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) number: i16,
    pub(crate) name: String,
    /// The number of its type.
    pub(crate) kind: u32,
    /// It is computed from others, and not copied.
    pub(crate) generated: bool,
}

/// Where a column of a result is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin<'c> {
    /// No table: it is computed.
    Computed,
    /// A table of the server itself.
    System,
    /// This column of these tables: the one it is from, and those that is part of or that are part of it.
    Column {
        /// Schemas and names of the tables.
        tables: Vec<(String, String)>,
        /// The column.
        column: &'c str,
    },
    /// A table or column nobody knows.
    Unknown,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) schema: String,
    pub(crate) volatile: bool,
}

/// What the catalog said cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the catalog's answer to query {0} is not of the form asked for")]
pub struct CatalogError(usize);

impl Catalog {
    /// From the answers to [`QUERIES`].
    pub fn of(answers: [Vec<Row>; 5]) -> Result<Self, CatalogError> {
        let [relations, columns, children, functions, others] = answers;
        let mut catalog = Self::default();
        let mut names: HashMap<String, (String, String)> = HashMap::with_capacity(relations.len());
        let mut indexes = Vec::new();
        for row in relations {
            let [Some(oid), Some(schema), Some(name), Some(kind), rules, triggers, of, cascades, code, view] =
                <[_; 10]>::try_from(row).map_err(|_| CatalogError(0))?
            else {
                return Err(CatalogError(0));
            };
            let yes = |flag: Option<String>| flag.as_deref() == Some("t");
            let relation = Relation {
                kind: kind.chars().next().ok_or(CatalogError(0))?,
                rules: yes(rules),
                triggers: yes(triggers),
                cascades: yes(cascades),
                code: yes(code),
                view: view.map(|text| Arc::new(read(&text))),
                ..Relation::default()
            };
            if let Some(of) = of {
                indexes.push((schema.clone(), name.clone(), of));
            }
            catalog.origins.insert(oid.parse().map_err(|_| CatalogError(0))?, (schema.clone(), name.clone()));
            names.insert(oid, (schema.clone(), name.clone()));
            catalog.relations.entry(schema).or_default().insert(name, relation);
        }
        for (schema, name, of) in indexes {
            let of = names.get(&of).cloned();
            if let Some(index) = catalog.find_mut(&(schema, name)) {
                index.of = of;
            }
        }
        for row in columns {
            let [Some(oid), Some(number), Some(column), Some(of), Some(generated)] =
                <[_; 5]>::try_from(row).map_err(|_| CatalogError(1))?
            else {
                return Err(CatalogError(1));
            };
            let of: u32 = of.parse().map_err(|_| CatalogError(1))?;
            if let Some(relation) = names.get(&oid).and_then(|name| catalog.find_mut(name)) {
                let number = number.parse().map_err(|_| CatalogError(1))?;
                let generated = generated == "t";
                relation.numbered.push(Column { number, name: column.clone(), kind: of, generated });
                relation.columns.insert(column);
                relation.types.insert(of);
            }
        }
        for row in children {
            let [Some(parent), Some(child)] = <[_; 2]>::try_from(row).map_err(|_| CatalogError(2))? else {
                return Err(CatalogError(2));
            };
            let (Some(parent), Some(child)) = (names.get(&parent), names.get(&child)) else { continue };
            if let Some(relation) = catalog.find_mut(parent) {
                relation.children.push(child.clone());
            }
            if let Some(relation) = catalog.find_mut(child) {
                relation.parents.push(parent.clone());
            }
        }
        for row in functions {
            let [Some(schema), Some(name), Some(volatility)] =
                <[_; 3]>::try_from(row).map_err(|_| CatalogError(3))?
            else {
                return Err(CatalogError(3));
            };
            let function = Function { schema, volatile: volatility == "v" };
            catalog.functions.entry(name).or_default().push(function);
        }
        let mut casts = Vec::new();
        for row in others {
            let [Some(what), Some(schema), Some(name), Some(kind), Some(oid)] =
                <[_; 5]>::try_from(row).map_err(|_| CatalogError(4))?
            else {
                return Err(CatalogError(4));
            };
            let oid: u32 = oid.parse().map_err(|_| CatalogError(4))?;
            match what.as_str() {
                "o" => {
                    let numbers = kind.split(' ').filter_map(|number| number.parse::<u32>().ok());
                    let types = numbers.filter(|number| *number >= SYSTEM_NUMBERS).collect();
                    catalog.operators.entry(name).or_default().push(Operator { schema, types });
                }
                "c" => casts.push((oid, (schema, name))),
                _ => {
                    let kind = kind.chars().next().ok_or(CatalogError(4))?;
                    catalog.numbered.insert(oid, (schema.clone(), name.clone()));
                    catalog.types.entry(name).or_default().push(Type {
                        schema,
                        kind,
                        number: oid,
                        casts: Vec::new(),
                    });
                }
            }
        }
        for (to, function) in casts {
            let Some((schema, name)) = catalog.numbered.get(&to) else { continue };
            let of = catalog.types.get_mut(name).into_iter().flatten().find(|of| of.schema == *schema);
            if let Some(of) = of {
                of.casts.push(function);
            }
        }
        Ok(catalog)
    }

    fn find_mut(&mut self, (schema, name): &(String, String)) -> Option<&mut Relation> {
        self.relations.get_mut(schema)?.get_mut(name)
    }

    pub(crate) fn relation(&self, schema: &str, name: &str) -> Option<&Relation> {
        self.relations.get(schema)?.get(name)
    }

    /// The schemas that have a relation of this name.
    pub(crate) fn schemas_with(&self, name: &str) -> Vec<&str> {
        let with = self.relations.iter().filter(|(_, relations)| relations.contains_key(name));
        let mut found: Vec<&str> = with.map(|(schema, _)| schema.as_str()).collect();
        found.sort_unstable();
        found
    }

    pub(crate) fn functions(&self, name: &str) -> &[Function] {
        self.functions.get(name).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn operators(&self, name: &str) -> &[Operator] {
        self.operators.get(name).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn types(&self, name: &str) -> &[Type] {
        self.types.get(name).map_or(&[], Vec::as_slice)
    }

    /// A relation and all it is a partition or child of.
    pub(crate) fn with_ancestors(&self, schema: &str, name: &str) -> Vec<(String, String)> {
        self.with_relatives(schema, name, |relation| &relation.parents)
    }

    fn with_relatives(
        &self,
        schema: &str,
        name: &str,
        next: impl Fn(&Relation) -> &Vec<(String, String)>,
    ) -> Vec<(String, String)> {
        let mut found = vec![(schema.to_owned(), name.to_owned())];
        let mut at = 0;
        while let Some((schema, name)) = found.get(at).cloned() {
            let more = self.relation(&schema, &name).map_or(&[][..], |relation| next(relation));
            let more: Vec<_> = more.iter().filter(|more| !found.contains(more)).cloned().collect();
            found.extend(more);
            at += 1;
        }
        found
    }

    /// Where a column of a result is from, by the numbers of table and column in its description.
    pub fn origin(&self, table: u32, column: i16) -> Origin<'_> {
        if table == 0 {
            return Origin::Computed;
        }
        if table < SYSTEM_NUMBERS {
            return Origin::System;
        }
        let Some((schema, name)) = self.origins.get(&table) else { return Origin::Unknown };
        // What every table has beside its columns.
        if column < 0 {
            return Origin::System;
        }
        let known = self
            .relation(schema, name)
            .and_then(|relation| relation.numbered.iter().find(|known| known.number == column));
        let Some(known) = known else { return Origin::Unknown };
        Origin::Column { tables: self.family(schema, name), column: &known.name }
    }

    /// A relation, what it is part of, and what is part of it.
    fn family(&self, schema: &str, name: &str) -> Vec<(String, String)> {
        let mut tables = self.with_ancestors(schema, name);
        tables.extend(self.with_relatives(schema, name, |relation| &relation.children).into_iter().skip(1));
        tables
    }

    /// The columns a statement copies out, in their order, each as where it is from and the number of its type.
    pub fn copied_out(&self, copied: &CopiedOut, path: &Path) -> Option<Vec<(Origin<'_>, u32)>> {
        let (schema, name, columns) = self.copied(copied, path)?;
        let tables = self.family(schema, name);
        let origin = columns
            .into_iter()
            .map(|column| (Origin::Column { tables: tables.clone(), column: &column.name }, column.kind));
        Some(origin.collect())
    }

    /// The same statement with its columns written out; none where it has them.
    pub fn copy_written_out(&self, copied: &CopiedOut, path: &Path) -> Option<String> {
        let (schema, name, columns) = self.copied(copied, path).filter(|_| !copied.names_columns())?;
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let columns: Vec<String> = columns.iter().map(|column| quoted(&column.name)).collect();
        // One without columns has nothing to write out.
        let columns = if columns.is_empty() { String::new() } else { format!(" ({})", columns.join(", ")) };
        Some(format!("COPY {}.{}{columns} TO STDOUT", quoted(schema), quoted(name)))
    }

    fn copied<'c>(&'c self, copied: &CopiedOut, path: &Path) -> Option<(&'c str, &'c str, Vec<&'c Column>)> {
        let CopiedOut { relation, columns } = copied;
        let schemas = match &relation.schema {
            Some(schema) => vec![schema.as_str()],
            None => path.meant(self.schemas_with(&relation.name).into_iter()),
        };
        // Where it could be any of several, nobody knows which columns it has.
        let [schema] = schemas.as_slice() else { return None };
        let (schema, found) = self.relations.get_key_value(*schema)?;
        let (name, known) = found.get_key_value(&relation.name)?;
        let numbered = known.numbered.iter();
        let columns: Vec<&Column> = if columns.is_empty() {
            numbered.filter(|column| !column.generated).collect()
        } else {
            let named = |name: &String| known.numbered.iter().find(|column| column.name == *name);
            columns.iter().map(named).collect::<Option<_>>()?
        };
        Some((schema, name, columns))
    }

    /// The name of the type of this number.
    pub(crate) fn numbered(&self, number: u32) -> Option<&(String, String)> {
        self.numbered.get(&number)
    }
}

/// Where names without a schema are looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Path {
    /// In these schemas, in this order.
    Known(Vec<String>),
    /// The session changed it: every schema is possible.
    Unknown,
}

impl Path {
    /// From the answer to [`PATH`].
    pub fn of(rows: Vec<Row>) -> Self {
        let schemas: Option<Vec<String>> = rows.into_iter().map(|row| row.into_iter().next()?).collect();
        match schemas {
            Some(schemas) if schemas.len() <= PATH_MAX => Self::Known(schemas),
            Some(_) | None => Self::Unknown,
        }
    }

    /// Of some schemas, those a name without one can mean, in order.
    pub(crate) fn among<'s>(&self, schemas: impl Iterator<Item = &'s str>) -> Vec<&'s str> {
        match self {
            Self::Unknown => schemas.collect(),
            Self::Known(path) => {
                let there: HashSet<&str> = schemas.collect();
                path.iter().filter_map(|schema| there.get(schema.as_str()).copied()).collect()
            }
        }
    }

    /// The one of them it does mean; all, where nobody knows the path.
    pub(crate) fn meant<'s>(&self, schemas: impl Iterator<Item = &'s str>) -> Vec<&'s str> {
        let mut among = self.among(schemas);
        if let Self::Known(_) = self {
            among.truncate(1);
        }
        among
    }

    /// Where something new without a schema is made.
    pub(crate) fn first(&self) -> Option<&str> {
        match self {
            Self::Known(path) => path.iter().map(String::as_str).find(|schema| !schema.starts_with("pg_")),
            Self::Unknown => None,
        }
    }
}
