//! From what a statement names to what it does: names are looked up in the catalog, views are followed to what they read,
//! and everything is found again among the resources of the service.

use crate::builtin::{Builtin, builtin, is_sensitive};
use crate::catalog::{Catalog, Operator, Path, Relation, SYSTEM_NUMBERS};
use crate::setting::Setting;
use crate::statement::{Call, Effect, Mention, Qualified, Statement, Touch};
use registry::database::SESSION;
use registry::{Fit, Name, Objects, Resource, Service, Verb};
use std::collections::{BTreeSet, HashSet};

/// Views over views are followed this far.
const DEPTH_MAX: usize = 32;
/// What every table has beside its columns.
const SYSTEM_COLUMNS: &[&str] = &["cmax", "cmin", "ctid", "tableoid", "xmax", "xmin"];
/// Types that are only short for a column with a sequence.
const SERIALS: &[&str] = &["serial", "serial2", "serial4", "serial8", "smallserial", "bigserial"];

/// Schemas only the server's own superuser puts something into.
fn is_system(schema: &str) -> bool {
    matches!(schema, "pg_catalog" | "information_schema")
}

/// An act on a resource of a service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Act {
    /// What is done.
    pub verb: Verb,
    /// To which resource.
    pub resource: Name,
    /// To what of it.
    pub object: Object,
    /// Which columns are read or written.
    pub columns: Columns,
    /// For what changes or removes rows: whether it says which.
    pub restricted: bool,
    /// Columns of which more is learned than what stands in their own place in the result, or whether they equal a value,
    /// as `schema.table.column`; also by the names they have in what the table is part of.
    pub used: BTreeSet<String>,
    /// Why it cannot be told how many rows it has before they are had for good.
    pub uncounted: Option<&'static str>,
}

impl Act {
    /// An act on the session with a database, which every database has (`Service::problem`).
    fn on_session(service: &Service, verb: Verb) -> Option<Self> {
        let session = service.resources.iter().find(|resource| resource.name.as_str() == SESSION)?;
        Some(Self {
            verb,
            resource: session.name.clone(),
            object: Object::Session,
            columns: Columns::Some(BTreeSet::new()),
            restricted: false,
            used: BTreeSet::new(),
            uncounted: None,
        })
    }
}

/// What is done to a relation.
#[derive(Clone)]
struct Done {
    verb: Verb,
    columns: Columns,
    /// Columns of which more is learned than the result has in their place.
    used: Columns,
    restricted: bool,
}

impl Resolved {
    /// What touches nothing.
    pub fn nothing(service: &Service) -> Self {
        Self { acts: Act::on_session(service, Verb::Use).into_iter().collect(), ..Self::default() }
    }

    /// Adds what else is done.
    pub fn add(&mut self, more: &Self) {
        self.acts.extend(more.acts.iter().cloned());
        self.reasons.extend(more.reasons.iter().cloned());
        self.moves_path |= more.moves_path;
    }

    /// It counts as administration, too.
    pub fn administers(&mut self, service: &Service, why: String) {
        self.reasons.push(why);
        self.acts.extend(Act::on_session(service, Verb::Administer));
    }
}

/// What an act is on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Object {
    /// A table, function or type.
    Of {
        /// Its schema.
        schema: String,
        /// Its name.
        name: String,
    },
    /// A channel.
    Channel(String),
    /// The session.
    Session,
}

/// Columns of a relation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Columns {
    /// These; none for what has no columns, or where only the number of rows is told.
    Some(BTreeSet<String>),
    /// All of them.
    All,
}

/// What a statement does, and why it counts as administration where it does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolved {
    /// Acts, the worst first; at least one.
    pub acts: Vec<Act>,
    /// Why there is one of administration among them.
    pub reasons: Vec<String>,
    /// From here on names are looked up elsewhere.
    pub moves_path: bool,
}

impl Resolved {
    /// What follows from parameters of types that are named by number.
    pub fn add_parameters(
        &mut self,
        numbers: impl Iterator<Item = u32>,
        service: &Service,
        catalog: &Catalog,
    ) {
        for number in numbers.filter(|number| *number >= SYSTEM_NUMBERS) {
            match catalog.numbered(number) {
                Some((schema, name)) => {
                    let of = Qualified { schema: Some(schema.clone()), name: name.clone() };
                    let statement = Statement { types: vec![of], ..Statement::default() };
                    let mut found = statement.resolve(service, catalog, &Path::Unknown);
                    found.acts.retain(|act| act.verb != Verb::Use);
                    self.add(&found);
                }
                None => self.administers(service, format!("nobody knows the type {number} of a parameter")),
            }
        }
    }
}

impl Statement {
    /// What it does in a database.
    pub fn resolve(&self, service: &Service, catalog: &Catalog, path: &Path) -> Resolved {
        let mut resolving = Resolving {
            statement: self,
            service,
            catalog,
            path,
            found: Resolved::default(),
            depth: 0,
            named: HashSet::new(),
            columns: HashSet::new(),
            types: HashSet::new(),
        };
        resolving.run();
        resolving.found
    }
}

/// By which name its columns are mentioned.
fn known_as(touch: &Touch) -> &str {
    touch.alias.as_deref().unwrap_or(&touch.relation.name)
}

/// The resource a relation is part of: the one that names it, else one it fits.
pub fn resource_of<'a>(service: &'a Service, schema: &str, name: &str) -> Option<(&'a Resource, Fit)> {
    let mut found = None;
    for resource in &service.resources {
        match resource.objects.as_ref().and_then(|objects| objects.table(schema, name)) {
            Some(Fit::Name) => return Some((resource, Fit::Name)),
            Some(Fit::Pattern) if found.is_none() => found = Some((resource, Fit::Pattern)),
            Some(Fit::Pattern) | None => {}
        }
    }
    found
}

struct Resolving<'a> {
    statement: &'a Statement,
    service: &'a Service,
    catalog: &'a Catalog,
    path: &'a Path,
    found: Resolved,
    /// Views within views.
    depth: usize,
    /// By which names tables are mentioned.
    named: HashSet<String>,
    /// All columns of the tables that are touched.
    columns: HashSet<String>,
    /// The types of those, and those that are named.
    types: HashSet<u32>,
}

impl<'a> Resolving<'a> {
    fn run(&mut self) {
        let statement = self.statement;
        self.found.reasons.extend(statement.administers.iter().cloned());
        self.found.moves_path = statement.effect == Effect::SearchPath;
        for touch in &statement.touches {
            self.named.insert(known_as(touch).to_owned());
            for schema in self.schemas(&touch.relation) {
                let relation = self.catalog.relation(schema, &touch.relation.name);
                self.types.extend(relation.into_iter().flat_map(|relation| relation.types.iter().copied()));
                self.columns
                    .extend(relation.into_iter().flat_map(|relation| relation.columns.iter().cloned()));
            }
        }
        let named = statement.types.iter().flat_map(|name| self.catalog.types(&name.name));
        self.types.extend(named.map(|of| of.number));
        statement.touches.iter().for_each(|touch| self.touch(touch));
        statement.calls.iter().for_each(|call| self.call(call));
        statement.fields.iter().for_each(|field| self.field(field));
        statement.operators.iter().for_each(|operator| self.operator(operator));
        statement.types.iter().for_each(|name| self.type_of(name));
        statement.listens.iter().for_each(|channel| self.channel(Verb::Listen, channel));
        statement.notifies.iter().for_each(|channel| self.channel(Verb::Notify, channel));
        self.found.reasons.sort();
        self.found.reasons.dedup();
        let administers = !self.found.reasons.is_empty();
        if administers || self.found.acts.is_empty() {
            let verb = if administers { Verb::Administer } else { Verb::Use };
            self.found.acts.extend(Act::on_session(self.service, verb));
        }
        self.found.acts.iter_mut().for_each(|act| act.uncounted = act.uncounted.or(statement.uncounted));
        self.found.acts.sort_by(|one, other| other.verb.cmp(&one.verb).then_with(|| one.cmp(other)));
        self.found.acts.dedup();
    }

    fn administers(&mut self, why: String) {
        self.found.reasons.push(why);
    }

    /// An act on what has no columns.
    fn act(&mut self, verb: Verb, resource: &Resource, object: Object) {
        let columns = Columns::Some(BTreeSet::new());
        let (resource, used) = (resource.name.clone(), BTreeSet::new());
        self.found.acts.push(Act {
            verb,
            resource,
            object,
            columns,
            restricted: false,
            used,
            uncounted: None,
        });
    }

    /// One on what has.
    fn act_on(&mut self, done: &Done, resource: &Resource, (schema, name): (&str, &str)) {
        let object = Object::Of { schema: schema.to_owned(), name: name.to_owned() };
        let Done { verb, columns, restricted, .. } = done.clone();
        let used = self.used(&done.used, schema, name);
        self.found.acts.push(Act {
            verb,
            resource: resource.name.clone(),
            object,
            columns,
            restricted,
            used,
            uncounted: None,
        });
    }

    /// Columns by all names they have: those of the table, and of what it is part of.
    fn used(&self, used: &Columns, schema: &str, name: &str) -> BTreeSet<String> {
        let known = self.catalog.relation(schema, name);
        let columns: Vec<&str> = match used {
            Columns::Some(columns) => columns.iter().map(String::as_str).collect(),
            Columns::All => {
                known.into_iter().flat_map(|relation| &relation.columns).map(String::as_str).collect()
            }
        };
        // All are those too that nobody knows of yet.
        let any = (*used == Columns::All).then_some("*");
        let of = |(schema, name): &(String, String)| {
            let columns = columns.iter().copied().chain(any);
            columns.map(|column| format!("{schema}.{name}.{column}")).collect::<Vec<String>>()
        };
        self.catalog.with_ancestors(schema, name).iter().flat_map(of).collect()
    }

    /// The schemas a relation's name can mean.
    fn schemas<'q>(&self, relation: &'q Qualified) -> Vec<&'q str>
    where
        'a: 'q,
    {
        match &relation.schema {
            Some(schema) => {
                let known = self.catalog.relation(schema, &relation.name).is_some();
                if known { vec![schema.as_str()] } else { Vec::new() }
            }
            None => self.path.meant(self.catalog.schemas_with(&relation.name).into_iter()),
        }
    }

    fn touch(&mut self, touch: &'a Touch) {
        let schemas = self.schemas(&touch.relation);
        let name = touch.relation.name.as_str();
        if touch.verb == Verb::Define {
            return self.define(touch, &schemas);
        }
        if schemas.is_empty() {
            return self
                .administers(format!("`{}` is nothing the database is known to have", touch.relation));
        }
        for schema in schemas {
            let Some(relation) = self.catalog.relation(schema, name) else { continue };
            let none = || Columns::Some(BTreeSet::new());
            let (columns, used) = match (&touch.written, touch.verb) {
                (Some(written), _) => (Columns::Some(written.iter().cloned().collect()), none()),
                (None, Verb::Read) => {
                    let columns = self.read_columns(touch, relation, |_| true);
                    // What a view reads goes on under names of the view.
                    let used = match self.depth {
                        // What would be inserted (`excluded`) is no row of the table.
                        0 => self.read_columns(touch, relation, |mention| {
                            let excluded =
                                mention.of.as_deref() == Some("excluded") && known_as(touch) != "excluded";
                            !mention.plain && !excluded
                        }),
                        _ => columns.clone(),
                    };
                    (columns, used)
                }
                // Whole rows, none of their columns in particular.
                (None, Verb::Delete | Verb::Truncate | Verb::Lock) => (none(), none()),
                (None, _) => (Columns::All, none()),
            };
            let done = Done { verb: touch.verb, columns, used, restricted: touch.restricted };
            self.relation(&done, (schema, name), relation, self.depth);
        }
    }

    /// What is made has no entry in the catalog yet; what is changed or removed has.
    fn define(&mut self, touch: &'a Touch, schemas: &[&str]) {
        let name = touch.relation.name.as_str();
        let new = touch.relation.schema.as_deref().or_else(|| self.path.first());
        let mut objects: Vec<(String, String)> = Vec::new();
        for schema in schemas {
            let relation = self.catalog.relation(schema, name);
            let of = relation.and_then(|relation| relation.of.clone());
            objects.push(of.unwrap_or_else(|| ((*schema).to_owned(), name.to_owned())));
        }
        match new {
            Some(schema) if schemas.is_empty() || touch.relation.schema.is_none() => {
                objects.push((schema.to_owned(), name.to_owned()));
            }
            Some(_) => {}
            None => self.administers(format!("where `{name}` will be is not known")),
        }
        objects.sort();
        objects.dedup();
        for (schema, name) in objects {
            match self.resource(&schema, &name) {
                Some((resource, _)) => {
                    // A definition can make one column of another.
                    let (columns, used) = (Columns::All, Columns::All);
                    let done = Done { verb: Verb::Define, columns, used, restricted: false };
                    self.act_on(&done, resource, (&schema, &name));
                }
                None => self.administers(format!("`{schema}.{name}` is part of no resource")),
            }
        }
    }

    fn relation(&mut self, done: &Done, (schema, name): (&str, &str), relation: &Relation, depth: usize) {
        let Some((resource, fit)) = self.resource(schema, name) else {
            return self.administers(format!("`{schema}.{name}` is part of no resource"));
        };
        let verb = done.verb;
        self.act_on(done, resource, (schema, name));
        // Whoever names it vouches for it.
        if fit == Fit::Name {
            return;
        }
        let system = is_system(schema);
        if system && is_sensitive(schema, name) {
            return self.administers(format!("`{schema}.{name}` must be named to be part of a resource"));
        }
        if system {
            if verb != Verb::Read {
                self.administers(format!("`{schema}.{name}` is the server's own"));
            }
            return;
        }
        let writes = !matches!(verb, Verb::Read | Verb::Lock);
        match relation.kind {
            'f' => self.administers(format!("`{schema}.{name}` is a table of another server")),
            'v' | 'm' if verb == Verb::Read => self.view((schema, name), relation, depth),
            'v' | 'm' => {
                self.administers(format!(
                    "`{schema}.{name}` is a view: what is written through it is not followed"
                ));
            }
            _ if relation.code => {
                self.administers(format!("`{schema}.{name}` has code in its defaults, checks or policies"));
            }
            _ if writes && relation.rules => {
                self.administers(format!("`{schema}.{name}` has a rule that can do anything else instead"));
            }
            _ if writes && relation.triggers => {
                self.administers(format!("`{schema}.{name}` has a trigger that can do anything beside"));
            }
            _ if relation.cascades && matches!(verb, Verb::Update | Verb::Delete | Verb::Truncate) => {
                self.administers(format!("what is changed in `{schema}.{name}` is changed elsewhere too"));
            }
            _ => self.children(done, (schema, name), relation, depth),
        }
    }

    /// What is done to a table is done to its partitions and children.
    fn children(&mut self, done: &Done, (schema, name): (&str, &str), parent: &Relation, depth: usize) {
        if depth >= DEPTH_MAX {
            return self.administers(format!("`{schema}.{name}` has too many generations of children"));
        }
        let catalog = self.catalog;
        let done = Done { columns: Columns::All, ..done.clone() };
        for (schema, name) in &parent.children {
            if let Some(child) = catalog.relation(schema, name) {
                self.relation(&done, (schema, name), child, depth + 1);
            }
        }
    }

    /// What a view does is done: its query names everything in full.
    fn view(&mut self, (schema, name): (&str, &str), view: &Relation, depth: usize) {
        if depth >= DEPTH_MAX {
            return self.administers(format!("`{schema}.{name}` is a view over too many views"));
        }
        let path = Path::Known(vec!["pg_catalog".to_owned()]);
        let statements = match view.view.as_deref() {
            Some(Ok(statements)) => statements,
            Some(Err(error)) => {
                return self
                    .administers(format!("`{schema}.{name}` is a view that cannot be looked into: {error}"));
            }
            None => {
                return self.administers(format!("`{schema}.{name}` is a view nobody knows the query of"));
            }
        };
        for statement in statements {
            let found = Resolved::default();
            let (service, catalog) = (self.service, self.catalog);
            let mut inside = Resolving {
                statement,
                service,
                catalog,
                path: &path,
                found,
                depth: depth + 1,
                named: HashSet::new(),
                columns: HashSet::new(),
                types: HashSet::new(),
            };
            inside.run();
            // What touches nothing is nothing more.
            let of_use = |act: &Act| act.verb == Verb::Use;
            inside.found.acts.retain(|act| !of_use(act));
            self.found.add(&inside.found);
        }
    }

    /// The columns of a relation the statement mentions, or could.
    fn read_columns(&self, touch: &Touch, relation: &Relation, counts: impl Fn(&Mention) -> bool) -> Columns {
        let statement = self.statement;
        let own = known_as(touch);
        // Names that can stand for a table's row under another name than its own.
        let general = |of: &str| matches!(of, "new" | "old" | "excluded");
        let mut columns = BTreeSet::new();
        for mention in &statement.mentions {
            let Mention { of, column, .. } = mention;
            let is_own = of.as_deref() == Some(own);
            let concerns = of.as_deref().is_none_or(|of| is_own || general(of) || !self.named.contains(of));
            if !concerns {
                continue;
            }
            // A view has none but its own, nor has what is called like one.
            let system = relation.kind != 'v'
                && SYSTEM_COLUMNS.contains(&column.as_str())
                && (of.is_some() || !self.named.contains(column.as_str()));
            let there = relation.columns.contains(column) || system;
            let whole = match of {
                // `t`, or what no table of the statement is known to have: it may have it by now.
                None => {
                    !there
                        && (self.named.contains(column.as_str())
                            || general(column)
                            || !self.is_column(column))
                }
                // `t.x` that is no column, but a function of all of `t`.
                Some(_) => is_own && !there,
            };
            let any = if column == "*" { counts(mention) } else { whole };
            if any {
                return Columns::All;
            }
            if relation.columns.contains(column) && counts(mention) {
                columns.insert(column.clone());
            }
        }
        if statement.natural { Columns::All } else { Columns::Some(columns) }
    }

    fn resource(&self, schema: &str, name: &str) -> Option<(&'a Resource, Fit)> {
        resource_of(self.service, schema, name)
    }

    fn function_resource(&self, schema: &str, name: &str) -> Option<&'a Resource> {
        let has = |objects: &Objects| objects.function(schema, name);
        self.service.resources.iter().find(|resource| resource.objects.as_ref().is_some_and(has))
    }

    fn runs(&mut self, schema: &str, name: &str, what: &str) {
        match self.function_resource(schema, name) {
            Some(resource) => {
                let object = Object::Of { schema: schema.to_owned(), name: name.to_owned() };
                self.act(Verb::Call, resource, object);
            }
            None => self.administers(format!("the {what} `{schema}.{name}` is part of no resource")),
        }
    }

    /// Whether a table that is touched has such a column.
    fn is_column(&self, name: &str) -> bool {
        self.columns.contains(name) || SYSTEM_COLUMNS.contains(&name)
    }

    /// A name after a dot. Where no relation has such a column it can be a function of a whole row.
    fn field(&mut self, name: &'a str) {
        if !self.is_column(name) && !self.catalog.functions(name).is_empty() {
            self.function(&Qualified { schema: None, name: name.to_owned() }, &[None]);
        }
    }

    fn call(&mut self, call: &'a Call) {
        self.function(&call.function, &call.literals);
    }

    fn function(&mut self, function: &Qualified, literals: &[Option<String>]) {
        let named = self.catalog.functions(&function.name);
        let schemas: Vec<&str> = match &function.schema {
            Some(schema) => {
                named.iter().map(|known| known.schema.as_str()).filter(|known| known == schema).collect()
            }
            // Which of several is meant depends on the types of arguments: any can be.
            None => self.path.among(named.iter().map(|known| known.schema.as_str())),
        };
        if schemas.is_empty() {
            return self.administers(format!("`{function}` is no function the database is known to have"));
        }
        for schema in schemas {
            let volatile = named.iter().any(|known| known.schema == schema && known.volatile);
            if !is_system(schema) {
                self.runs(schema, &function.name, "function");
                continue;
            }
            match builtin(&function.name, volatile) {
                Builtin::Harmless => {}
                Builtin::Reaching => {
                    let why = format!("the function `{}` reaches further than its arguments", function.name);
                    self.administers(why);
                }
                Builtin::Sequence => self.sequence(&function.name, literals),
                Builtin::Setting => self.setting(literals),
                Builtin::Notify => match literals.first() {
                    Some(Some(channel)) => self.channel(Verb::Notify, channel),
                    Some(None) | None => self.administers("which channel is notified is not said".to_owned()),
                },
            }
        }
    }

    /// `nextval('orders_id_seq')`.
    fn sequence(&mut self, function: &str, literals: &[Option<String>]) {
        let plain =
            |part: &&str| part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        let parts: Option<Vec<&str>> = literals.first().and_then(|literal| {
            let parts: Vec<&str> = literal.as_deref()?.split('.').collect();
            parts.iter().all(plain).then_some(parts)
        });
        let named = match parts.as_deref() {
            Some([name]) => Qualified { schema: None, name: (*name).to_owned() },
            Some([schema, name]) => {
                Qualified { schema: Some((*schema).to_owned()), name: (*name).to_owned() }
            }
            Some(_) | None => {
                return self.administers(format!("which sequence `{function}` steps is not plainly said"));
            }
        };
        let schemas = self.schemas(&named);
        if schemas.is_empty() {
            return self.administers(format!("`{named}` is nothing the database is known to have"));
        }
        for schema in schemas {
            let Some(relation) = self.catalog.relation(schema, &named.name) else { continue };
            let none = || Columns::Some(BTreeSet::new());
            let done = Done { verb: Verb::Update, columns: none(), used: none(), restricted: true };
            self.relation(&done, (schema, &named.name), relation, self.depth);
        }
    }

    /// `set_config('statement_timeout', '1s', true)`: as SET.
    fn setting(&mut self, literals: &[Option<String>]) {
        let [Some(name), value, ..] = literals else {
            return self.administers("which setting `set_config` changes is not said".to_owned());
        };
        let values = value.as_ref().map(|value| vec![value.clone()]);
        match Setting::of(&name.to_ascii_lowercase(), values.as_deref()) {
            Ok(Setting::Harmless) => {}
            Ok(Setting::SearchPath) => self.found.moves_path = true,
            // Within a query it cannot be replaced, and it cannot be known whether it runs.
            Ok(Setting::ApplicationName | Setting::Purpose(_)) => {
                self.administers(format!("`{name}` is set with SET"));
            }
            Err(why) => self.administers(why),
        }
    }

    fn operator(&mut self, operator: &'a Qualified) {
        let catalog = self.catalog;
        let others = catalog.operators(&operator.name);
        let schemas: Vec<&str> = match &operator.schema {
            Some(schema) if schema == "pg_catalog" => Vec::new(),
            Some(schema) => vec![schema.as_str()],
            None => self.path.among(others.iter().map(|other| other.schema.as_str())),
        };
        // One for types of its own is meant only where there are values of those.
        let fits = |other: &&Operator| other.types.iter().all(|number| self.types.contains(number));
        let meant: Vec<&str> = schemas
            .into_iter()
            .filter(|schema| {
                operator.schema.is_some() || others.iter().filter(fits).any(|other| other.schema == *schema)
            })
            .collect();
        for schema in meant {
            self.runs(schema, &operator.name, "operator");
        }
    }

    fn type_of(&mut self, name: &'a Qualified) {
        if name.schema.is_none() && SERIALS.contains(&name.name.as_str()) {
            return;
        }
        let catalog = self.catalog;
        let known = catalog.types(&name.name);
        let schemas: Vec<&str> = match &name.schema {
            Some(schema) => vec![schema.as_str()],
            None => self.path.meant(known.iter().map(|of| of.schema.as_str())),
        };
        if schemas.is_empty() {
            return self.administers(format!("`{name}` is no type the database is known to have"));
        }
        for schema in schemas {
            let Some(of) = known.iter().find(|of| of.schema == schema) else {
                self.administers(format!("`{name}` is no type the database is known to have"));
                continue;
            };
            // A list of words has no code of its own, nor what an extension brought; a row can have some in its fields.
            if of.kind != 'e' && !is_system(schema) {
                self.runs(schema, &name.name, "type");
            }
            for (schema, function) in &of.casts {
                self.runs(schema, function, "cast");
            }
        }
    }

    fn channel(&mut self, verb: Verb, channel: &str) {
        let has = |resource: &&Resource| {
            resource
                .objects
                .as_ref()
                .is_some_and(|objects| objects.channels.iter().any(|known| known == channel))
        };
        match self.service.resources.iter().find(has) {
            Some(resource) => {
                let object = Object::Channel(channel.to_owned());
                self.act(verb, resource, object);
            }
            None => self.administers(format!("the channel `{channel}` is part of no resource")),
        }
    }
}
