//! Going through what a text does: statement by statement, each under what those before it changed, and into what is run
//! by its name.

use super::names::{Called, Known};
use super::talk::Talk;
use super::texts::Text;
use registry::{Service, Verb};
use sql::{Catalog, CopiedOut, Effect, Kind, Path, Resolved, Statement};
use std::collections::HashSet;
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
    pub(crate) says: Arc<Says>,
    /// Names it gives to statements and cursors.
    pub(crate) named: Vec<(Called, Arc<Text>)>,
    /// What its statements are, in a word each.
    kinds: Vec<&'static str>,
    /// The catalog is another afterwards.
    pub(crate) defines: bool,
    /// The catalog it was looked up in.
    pub(crate) catalog: Arc<Catalog>,
    /// The tables it copies out, and where each was looked up.
    pub(crate) copied: Vec<(CopiedOut, Path)>,
    /// It runs something by a name, which is looked up when it runs.
    pub(crate) runs_by_name: bool,
    /// It takes names away.
    pub(crate) unnames: bool,
}

impl Gone {
    /// Whether the server may read data for it: no function and nothing that has a name can have it do so.
    pub(crate) fn copies_in(&self) -> bool {
        self.kinds.contains(&Kind::CopyFrom.as_str())
    }

    /// What its statements are, in words.
    pub(crate) fn kinds(&self) -> String {
        self.kinds.join("; ")
    }
}

/// A text, as far as it was gone through.
pub(crate) struct Going<'s> {
    service: &'s Arc<Service>,
    talk: &'s Mutex<Talk>,
    gone: Gone,
    /// Something is defined that the catalog does not have yet: names without a schema can mean anything.
    unsettled: bool,
    /// What was gone into, and under what: nothing more comes of it.
    gone_into: HashSet<(Called, u64, bool, usize)>,
}

impl<'s> Going<'s> {
    pub(crate) fn new(
        service: &'s Arc<Service>,
        catalog: &Arc<Catalog>,
        talk: &'s Mutex<Talk>,
        says: Arc<Says>,
    ) -> Self {
        let unsettled = talk.lock().unwrap_or_else(PoisonError::into_inner).defines();
        let gone = Gone {
            all: Resolved::default(),
            says,
            named: Vec::new(),
            kinds: Vec::new(),
            defines: false,
            catalog: catalog.clone(),
            copied: Vec::new(),
            runs_by_name: false,
            unnames: false,
        };
        Self { service, talk, gone, unsettled, gone_into: HashSet::new() }
    }

    /// Goes through a text that is run.
    pub(crate) fn text(&mut self, text: &Text) {
        self.gone.kinds.extend(text.statements.iter().map(|statement| statement.kind.as_str()));
        let before = self.gone.all.acts.len();
        self.add(text, 0);
        if text.statements.len() > 1 {
            let acts = self.gone.all.acts.iter_mut().skip(before);
            acts.for_each(|act| act.uncounted = Some("several statements stand in one text"));
        }
    }

    /// Goes through a prepared statement that is run.
    pub(crate) fn prepared(&mut self, known: &Known) {
        self.text(&known.read);
        self.parameters(known);
    }

    /// It cannot be known what it does.
    pub(crate) fn administers(&mut self, reason: &str) {
        self.gone.all.administers(self.service, reason.to_owned());
    }

    /// What touches nothing uses the session.
    pub(crate) fn end(mut self) -> Gone {
        let all = &mut self.gone.all;
        if all.acts.is_empty() {
            all.acts = Resolved::nothing(self.service).acts;
        }
        all.acts.sort_by(|one, other| other.verb.cmp(&one.verb).then_with(|| one.cmp(other)));
        all.acts.dedup();
        all.reasons.sort();
        all.reasons.dedup();
        self.gone
    }

    fn talk(&self) -> MutexGuard<'s, Talk> {
        self.talk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn parameters(&mut self, known: &Known) {
        let Gone { all, catalog, .. } = &mut self.gone;
        all.add_parameters(known.types.iter().copied(), self.service, catalog);
    }

    fn add(&mut self, text: &Text, depth: usize) {
        if depth > EXECUTE_DEPTH_MAX {
            return self.administers("EXECUTE runs EXECUTE too often");
        }
        for statement in &text.statements {
            let path = if self.unsettled { &Path::Unknown } else { &self.gone.says.path };
            let resolved = match text.resolve_only(self.service, &self.gone.catalog, path) {
                Some(resolved) => resolved,
                None => Arc::new(statement.resolve(self.service, &self.gone.catalog, path)),
            };
            self.gone.all.add(&resolved);
            if let Some(copied) = &statement.copied_out {
                let copied = (copied.clone(), path.clone());
                if !self.gone.copied.contains(&copied) {
                    self.gone.copied.push(copied);
                }
            }
            if resolved.moves_path {
                let says = Arc::make_mut(&mut self.gone.says);
                says.path = Path::Unknown;
                says.moved += 1;
            }
            match &statement.effect {
                Effect::Execute(name) => {
                    self.gone.runs_by_name = true;
                    let before = self.gone.all.acts.len();
                    self.by_name(&[Called::statement(name)], depth);
                    if statement.kind == Kind::Explain {
                        let acts =
                            self.gone.all.acts.iter_mut().skip(before).filter(|act| act.verb != Verb::Read);
                        acts.for_each(|act| {
                            act.uncounted = Some("EXPLAIN does not say how many rows it changed")
                        });
                    }
                }
                Effect::Unname => self.gone.unnames = true,
                Effect::Fetch(name) => {
                    self.gone.runs_by_name = true;
                    // Rows of a portal of the protocol are limited and masked as the portal is, and not here.
                    if self.talk().bound(name).is_some() {
                        self.administers("a portal of the protocol is fetched from with FETCH");
                    }
                    self.by_name(&Called::cursors(name), depth);
                }
                Effect::Prepare(name, inner) => self.name(Called::statement(name), inner),
                Effect::Declare { name, held, query } => {
                    let called =
                        if *held { Called::Held(name.clone()) } else { Called::Cursor(name.clone()) };
                    self.name(called, query);
                }
                Effect::Purpose(purpose) => {
                    Arc::make_mut(&mut self.gone.says).purpose =
                        Some(purpose.clone()).filter(|purpose| !purpose.is_empty());
                }
                Effect::Define => {
                    (self.gone.defines, self.unsettled) = (true, true);
                    // What is bound already would look up its names anew.
                    Arc::make_mut(&mut self.gone.says).moved += 1;
                }
                // Where names are looked up is known only as long as nobody changed it: going back is no change.
                Effect::Reset
                | Effect::None
                | Effect::Transaction
                | Effect::SearchPath
                | Effect::ApplicationName => {}
            }
        }
    }

    fn name(&mut self, called: Called, query: &Statement) {
        self.gone.named.push((called, Arc::new(Text::of(vec![query.clone()]))));
    }

    /// Adds everything a name can mean.
    fn by_name(&mut self, names: &[Called], depth: usize) {
        let mut any = false;
        for name in names {
            let known = self.talk().names.meanings(name);
            let here =
                self.gone.named.iter().filter(|(other, _)| other == name).map(|(_, text)| text.clone());
            let here: Vec<Arc<Text>> = here.collect();
            any |= !known.is_empty() || !here.is_empty();
            if !self.gone_into.insert((name.clone(), self.gone.says.moved, self.unsettled, here.len())) {
                continue;
            }
            for known in known {
                self.add(&known.read, depth + 1);
                self.parameters(&known);
            }
            for text in here {
                self.add(&text, depth + 1);
            }
        }
        if !any {
            self.administers("a name is used that this session is not known to have given");
        }
    }
}
