//! The catalog of a database, as far as names are resolved by it. Read with [`QUERIES`] by whoever has a connection.

use std::collections::{HashMap, HashSet};

/// A row of text, as the simple protocol gives it.
pub type Row = Vec<Option<String>>;

/// What is asked, in this order; the rows make a [`Catalog`].
pub const QUERIES: [&str; 5] = [RELATIONS, COLUMNS, DEPENDENCIES, FUNCTIONS, OTHERS];

/// The longest search path that is followed.
const PATH_MAX: usize = 64;
/// What asks for the schemas names are looked up in, in order.
pub const PATH: &str = "SELECT pg_catalog.unnest(pg_catalog.current_schemas(true))";

/// Tables, views, sequences; indexes with the table they are of.
const RELATIONS: &str = "SELECT c.oid, n.nspname, c.relname, c.relkind, \
    EXISTS (SELECT 1 FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid AND r.ev_type <> '1'), \
    EXISTS (SELECT 1 FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal), \
    (SELECT i.indrelid FROM pg_catalog.pg_index i WHERE i.indexrelid = c.oid) \
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p', 'S', 'i', 'I') AND n.nspname !~ '^pg_(toast|temp)'";

/// The columns of everything that is not the system's.
const COLUMNS: &str = "SELECT a.attrelid, a.attnum, a.attname FROM pg_catalog.pg_attribute a \
    JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'v', 'm', 'f', 'p') \
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1, 2";

/// What views and rules rest on.
const DEPENDENCIES: &str = "SELECT DISTINCT r.ev_class, d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass, \
    d.refobjid, p.proname, n.nspname FROM pg_catalog.pg_rewrite r \
    JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid \
    LEFT JOIN pg_catalog.pg_proc p ON d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND p.oid = d.refobjid \
    LEFT JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
    WHERE d.refobjid <> r.ev_class AND d.refclassid IN ('pg_catalog.pg_class'::pg_catalog.regclass, \
    'pg_catalog.pg_proc'::pg_catalog.regclass, 'pg_catalog.pg_operator'::pg_catalog.regclass)";

/// Functions: of those of one name the one that can do most.
const FUNCTIONS: &str = "SELECT n.nspname, p.proname, pg_catalog.max(p.provolatile) FROM pg_catalog.pg_proc p \
    JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace GROUP BY 1, 2";

/// Operators that are not the system's, and types; of an array, what it is of.
const OTHERS: &str = "SELECT 'o', n.nspname, o.oprname, '' FROM pg_catalog.pg_operator o \
    JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace WHERE n.nspname <> 'pg_catalog' \
    UNION ALL SELECT 't', n.nspname, t.typname, coalesce(e.typtype, t.typtype)::text FROM pg_catalog.pg_type t \
    JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace \
    LEFT JOIN pg_catalog.pg_type e ON t.typcategory = 'A' AND e.oid = t.typelem WHERE n.nspname !~ '^pg_(toast|temp)'";

/// A database's relations, functions, operators and types.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    relations: HashMap<String, HashMap<String, Relation>>,
    functions: HashMap<String, Vec<Function>>,
    operators: HashMap<String, Vec<String>>,
    types: HashMap<String, Vec<(String, char)>>,
}

/// A table or what is used like one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Relation {
    pub(crate) kind: char,
    pub(crate) columns: Vec<String>,
    /// It has rules other than what makes it a view.
    pub(crate) rules: bool,
    pub(crate) triggers: bool,
    /// For an index: the table.
    pub(crate) of: Option<(String, String)>,
    /// For a view: what it reads.
    pub(crate) reads: Vec<(String, String)>,
    /// For a view: functions and operators it runs; a name is empty where nobody knows it.
    pub(crate) runs: Vec<(String, String)>,
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
        let [relations, columns, dependencies, functions, others] = answers;
        let mut catalog = Self::default();
        let mut names: HashMap<String, (String, String)> = HashMap::with_capacity(relations.len());
        let mut indexes = Vec::new();
        for row in relations {
            let [Some(oid), Some(schema), Some(name), Some(kind), rules, triggers, of] =
                <[_; 7]>::try_from(row).map_err(|_| CatalogError(0))?
            else {
                return Err(CatalogError(0));
            };
            let yes = |flag: Option<String>| flag.as_deref() == Some("t");
            let kind = kind.chars().next().ok_or(CatalogError(0))?;
            let relation = Relation { kind, rules: yes(rules), triggers: yes(triggers), ..Relation::default() };
            if let Some(of) = of {
                indexes.push((schema.clone(), name.clone(), of));
            }
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
            let [Some(oid), _, Some(column)] = <[_; 3]>::try_from(row).map_err(|_| CatalogError(1))? else {
                return Err(CatalogError(1));
            };
            if let Some(relation) = names.get(&oid).and_then(|name| catalog.find_mut(name)) {
                relation.columns.push(column);
            }
        }
        for row in dependencies {
            let [Some(view), is_relation, Some(on), function, schema] =
                <[_; 5]>::try_from(row).map_err(|_| CatalogError(2))?
            else {
                return Err(CatalogError(2));
            };
            let read = names.get(&on).cloned();
            let Some(view) = names.get(&view).and_then(|name| catalog.find_mut(name)) else { continue };
            if is_relation.as_deref() == Some("t") {
                // What is read and not known (TOAST, another session's) is nothing a name can reach.
                view.reads.extend(read);
            } else {
                view.runs.push((schema.unwrap_or_default(), function.unwrap_or_default()));
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
        for row in others {
            let [Some(what), Some(schema), Some(name), Some(kind)] =
                <[_; 4]>::try_from(row).map_err(|_| CatalogError(4))?
            else {
                return Err(CatalogError(4));
            };
            if what == "o" {
                catalog.operators.entry(name).or_default().push(schema);
            } else {
                let kind = kind.chars().next().ok_or(CatalogError(4))?;
                catalog.types.entry(name).or_default().push((schema, kind));
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

    pub(crate) fn operators(&self, name: &str) -> &[String] {
        self.operators.get(name).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn types(&self, name: &str) -> &[(String, char)] {
        self.types.get(name).map_or(&[], Vec::as_slice)
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

    /// Where something new without a schema is made.
    pub(crate) fn first(&self) -> Option<&str> {
        match self {
            Self::Known(path) => {
                path.iter().map(String::as_str).find(|schema| !schema.starts_with("pg_"))
            }
            Self::Unknown => None,
        }
    }
}
