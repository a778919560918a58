//! Going through what a text does: statement by statement, each under what those before it changed, and into what is run
//! by its name.

use super::names::Known;
use super::talk::Talk;
use super::texts::Text;
use registry::Service;
use sql::{Catalog, Effect, Path, Resolved};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A named statement can run another by its name, this many times over.
const EXECUTE_DEPTH_MAX: usize = 4;

/// What the session changes as it goes on.
#[derive(Clone, Debug)]
pub(crate) struct Says {
    /// Where names are looked up.
    pub(crate) path: Path,
    /// What statements are for.
    pub(crate) purpose: Option<String>,
    /// How often the path changed.
    pub(crate) moved: u64,
}

/// What was gone through, and where that leads.
pub(crate) struct Gone {
    /// What it does, the worst first.
    pub(crate) all: Resolved,
    /// What the session is afterwards.
    pub(crate) says: Says,
    /// Names it gives to statements and cursors.
    pub(crate) named: Vec<(String, Arc<Text>)>,
    /// What its statements are, in words.
    pub(crate) kinds: String,
    /// The catalog is another afterwards.
    pub(crate) defines: bool,
}

/// A text, as far as it was gone through.
pub(crate) struct Going<'s> {
    service: &'s Arc<Service>,
    catalog: &'s Arc<Catalog>,
    talk: &'s Mutex<Talk>,
    all: Resolved,
    says: Says,
    named: Vec<(String, Arc<Text>)>,
    kinds: Vec<&'static str>,
    defines: bool,
}

/// Queries that have names as cursors are kept beside those that have as statements.
fn cursor(name: &str) -> String {
    format!("\u{1}cursor {name}")
}

impl<'s> Going<'s> {
    pub(crate) fn new(
        service: &'s Arc<Service>,
        catalog: &'s Arc<Catalog>,
        talk: &'s Mutex<Talk>,
        says: Says,
    ) -> Self {
        let (all, named, kinds) = (Resolved::default(), Vec::new(), Vec::new());
        Self { service, catalog, talk, all, says, named, kinds, defines: false }
    }

    /// Goes through a text that is run.
    pub(crate) fn text(&mut self, text: &Text) {
        self.kinds.extend(text.statements.iter().map(|statement| statement.kind.as_str()));
        self.add(text, 0);
    }

    /// Goes through a prepared statement that is run.
    pub(crate) fn prepared(&mut self, known: &Known) {
        self.text(&known.read);
        self.parameters(known);
    }

    /// It cannot be known what it does.
    pub(crate) fn administers(&mut self, reason: &str) {
        self.all.administers(self.service, reason.to_owned());
    }

    /// What touches nothing uses the session.
    pub(crate) fn end(self) -> Gone {
        let Self { service, mut all, says, named, kinds, defines, .. } = self;
        if all.acts.is_empty() {
            all.acts = Resolved::nothing(service).acts;
        }
        all.acts.sort_by(|one, other| other.verb.cmp(&one.verb).then_with(|| one.cmp(other)));
        all.acts.dedup();
        all.reasons.sort();
        all.reasons.dedup();
        Gone { all, says, named, kinds: kinds.join("; "), defines }
    }

    fn talk(&self) -> MutexGuard<'s, Talk> {
        self.talk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn parameters(&mut self, known: &Known) {
        self.all.add_parameters(known.types.iter().copied(), self.service, self.catalog);
    }

    fn add(&mut self, text: &Text, depth: usize) {
        if depth > EXECUTE_DEPTH_MAX {
            return self.administers("EXECUTE runs EXECUTE too often");
        }
        for statement in &text.statements {
            let resolved = match text.resolve_only(self.service, self.catalog, &self.says.path) {
                Some(resolved) => resolved,
                None => Arc::new(statement.resolve(self.service, self.catalog, &self.says.path)),
            };
            self.all.add(&resolved);
            if resolved.moves_path {
                self.says.path = Path::Unknown;
                self.says.moved += 1;
            }
            match &statement.effect {
                Effect::Execute(name) => self.by_name(name, depth),
                Effect::Fetch(name) => {
                    // A portal of the protocol was judged when it was bound.
                    if self.talk().bound(name) != Some(self.says.moved) {
                        self.by_name(&cursor(name), depth);
                    }
                }
                Effect::Prepare(name, inner) => {
                    self.named.push((name.clone(), Arc::new(Text::of(vec![inner.as_ref().clone()]))));
                }
                Effect::Declare(name, inner) => {
                    self.named.push((cursor(name), Arc::new(Text::of(vec![inner.as_ref().clone()]))));
                }
                Effect::Purpose(purpose) => {
                    self.says.purpose = Some(purpose.clone()).filter(|purpose| !purpose.is_empty());
                }
                Effect::Define => self.defines = true,
                // Where names are looked up is known only as long as nobody changed it: going back is no change.
                Effect::Reset
                | Effect::None
                | Effect::Transaction
                | Effect::SearchPath
                | Effect::ApplicationName => {}
            }
        }
    }

    /// Adds everything a name can mean.
    fn by_name(&mut self, name: &str, depth: usize) {
        let known = self.talk().names.meanings(name);
        let here = self.named.iter().filter(|(other, _)| other == name).map(|(_, text)| text.clone());
        let here: Vec<Arc<Text>> = here.collect();
        if known.is_empty() && here.is_empty() {
            return self.administers("a name is used that this session is not known to have given");
        }
        for known in known {
            self.add(&known.read, depth + 1);
            self.parameters(&known);
        }
        for text in here {
            self.add(&text, depth + 1);
        }
    }
}
