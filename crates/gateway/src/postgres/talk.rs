//! What a session waits for: each message that went up has its answers, in order, and each answer belongs to one. No IO.

use super::masking::{Masks, Plan, Unmaskable};
use super::names::{Called, Known, Names};
use super::reply;
use super::rows::Limits;
use super::upstream::sound;
use crate::connections::Live;
use crate::exchange::Recorded;
use crate::limits::PORTALS_MAX;
use crate::record::Meter;
use policy::{Ending, Longest};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;
use wire::postgres::backend;
use wire::postgres::error_response::{self, ErrorResponse, Severity};
use wire::postgres::{Malformed, frame};

/// A statement or several that were permitted together and are under way.
#[derive(Default)]
pub(crate) struct Running {
    /// They rest on their contract still.
    pub(crate) _rests: Option<Live>,
    pub(crate) ended: Option<oneshot::Sender<Ending>>,
    pub(crate) meter: Arc<Meter>,
    /// What must be durable before answers are released.
    pub(crate) recorded: Recorded,
    /// The catalog is another afterwards.
    pub(crate) defines: bool,
    /// It runs something by a name, which is looked up when it runs.
    pub(crate) runs_by_name: bool,
    /// How long the transaction may be open in which it happens.
    pub(crate) longest: Option<Box<Longest>>,
    /// How many rows it may have.
    pub(crate) limits: Option<Box<Limits>>,
    /// What is masked in its results.
    pub(crate) masks: Option<Arc<Masks>>,
    /// The result that is coming, as it is masked.
    pub(crate) plan: Option<Arc<Plan>>,
}

impl Running {
    /// Whether what comes after it waits for its end.
    pub(crate) fn is_held(&self) -> bool {
        self.limits.as_ref().is_some_and(|limits| limits.held)
    }

    /// A result is described: how it is masked.
    fn describe(&mut self, body: &[u8]) -> Result<(), Malformed> {
        if let Some(masks) = &self.masks {
            self.plan = Some(Arc::new(masks.described(body)?));
        }
        Ok(())
    }

    /// It came to its end.
    pub(crate) fn finish(mut self, ending: Ending) {
        if let Some(ended) = self.ended.take() {
            let _ = ended.send(ending);
        }
    }
}

/// A message that went up, and what is to come of it.
pub(crate) enum Waiting {
    /// A text: until the server is ready. `held`: it runs as a portal of the gateway's own.
    Query { running: Option<Running>, denial: Option<ErrorResponse>, held: Option<Held> },
    /// A statement gets a name.
    Parse { name: String, known: Arc<Known>, denial: Option<ErrorResponse> },
    /// A portal is made.
    Bind { portal: String, running: Option<Running>, denial: Option<ErrorResponse> },
    /// Something is described.
    Describe(Described),
    /// A portal runs. `held`: what comes after it waits for its end.
    Execute { portal: String, denial: Option<ErrorResponse>, held: Option<Held> },
    /// A statement is forgotten.
    CloseStatement(String),
    /// A portal is.
    ClosePortal(String),
    /// Until the server is ready.
    Sync,
    /// Data that are copied in end here; nothing answers this by itself.
    CopyEnd,
}

/// What is described.
pub(crate) enum Described {
    /// A portal, for the gateway itself.
    Own(String),
    /// A portal.
    Portal,
    /// A statement.
    Statement(String),
}

/// How far something is for whose end everything waits that comes after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// It runs.
    Runs,
    /// It went beyond its limit: it must fail.
    Beyond,
    /// It ran, and nothing is asked of the server yet.
    Ran,
    /// All is said.
    Said,
}

/// What the gateway says of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// What the client says.
    Client,
    /// Nothing: something runs that everything waits for.
    Nothing,
    /// What makes it fail; and for a text what ends it.
    Fail(bool),
    /// What ends a text.
    End,
}

impl Waiting {
    fn held(&mut self) -> Option<&mut Held> {
        match self {
            Self::Query { held, .. } | Self::Execute { held, .. } => held.as_mut(),
            Self::Parse { .. }
            | Self::Bind { .. }
            | Self::Describe(_)
            | Self::CloseStatement(_)
            | Self::ClosePortal(_)
            | Self::Sync
            | Self::CopyEnd => None,
        }
    }

    /// What it runs.
    fn running(&self) -> Option<&Running> {
        match self {
            Self::Query { running, .. } | Self::Bind { running, .. } => running.as_ref(),
            Self::Parse { .. }
            | Self::Describe(_)
            | Self::Execute { .. }
            | Self::CloseStatement(_)
            | Self::ClosePortal(_)
            | Self::Sync
            | Self::CopyEnd => None,
        }
    }
}

/// What becomes of a message of the server.
pub(crate) enum Step {
    /// It passes.
    Pass,
    /// It waits until this is durable, and is looked at again.
    Wait(Recorded),
    /// This passes in its place; nothing, where it is empty.
    Replace(Vec<u8>),
    /// The session ends.
    End(&'static str),
}

/// What becomes of a row, or of data that are copied out.
pub(crate) enum Row {
    /// It passes.
    Pass,
    /// It passes as this has it.
    Mask(Arc<Plan>),
    /// It does not pass.
    Drop,
    /// The session ends.
    End(ErrorResponse),
}

/// Of one statement, and of what passes between both sides for it.
#[derive(Clone, Copy, Default)]
struct Counted {
    rows: u64,
    bytes_up: u64,
    bytes_down: u64,
}

impl Counted {
    /// Tells a statement what it did.
    fn tell(self, running: &Running) {
        let Self { rows, bytes_up, bytes_down } = self;
        running.meter.rows.fetch_add(rows, Ordering::Relaxed);
        running.meter.up.fetch_add(bytes_up, Ordering::Relaxed);
        running.meter.down.fetch_add(bytes_down, Ordering::Relaxed);
    }
}

/// What was so when a portal was bound.
#[derive(Clone, Copy)]
struct PortalBound {
    /// How often the search path had changed.
    moved: u64,
    /// How often names had been given or taken away, where it runs something by a name.
    names: Option<u64>,
}

/// What is said and not answered yet, and what has names.
#[derive(Default)]
pub(crate) struct Talk {
    waiting: VecDeque<Waiting>,
    /// The server reads nothing until the next Sync.
    skipping: bool,
    /// Statements that have names.
    pub(crate) names: Names,
    portals: HashMap<String, Running>,
    /// Portals that may be there.
    bound: HashMap<String, PortalBound>,
    /// What is masked in what was done in the transaction that is open.
    masked: Option<Arc<Masks>>,
    /// The end of a text that runs as a portal: told when it is kept.
    complete: Vec<u8>,
    /// The server reads data to copy in, and passes over every Sync until they end.
    copying: bool,
    /// What of the answer that is coming is not told to its statement yet.
    counted: Counted,
    /// Something was defined in the transaction that is open.
    defines: bool,
    /// Something was defined, for good, since this was last asked.
    defined: bool,
    /// Since when a transaction is open, explicitly or for what is under way.
    open_since: Option<Instant>,
    /// Until when it may be, and by which clause.
    deadline: Option<(Instant, Longest)>,
}

impl Talk {
    /// How many answers are waited for.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Statements under way and portals open.
    pub(crate) fn running(&self) -> usize {
        self.waiting.iter().filter_map(Waiting::running).count() + self.portals.len()
    }

    /// How often the search path had changed when a portal was bound, if there may be one of this name.
    pub(crate) fn bound(&self, portal: &str) -> Option<u64> {
        self.bound.get(portal).map(|bound| bound.moved)
    }

    /// Whether a portal runs something by a name, and names were given or taken away since it was bound.
    pub(crate) fn names_changed(&self, portal: &str) -> bool {
        let then = self.bound.get(portal).and_then(|bound| bound.names);
        then.is_some_and(|then| then != self.names.changes())
    }

    /// A statement gets a name in the protocol; says whether there is room for it.
    pub(crate) fn names_statement(&mut self, name: &str, known: &Arc<Known>) -> bool {
        // What has none cannot be run by its name.
        if !name.is_empty() {
            self.names.changed();
        }
        self.names.name(&Called::statement(name), known)
    }

    /// A portal is about to be bound; says whether there is room for it.
    pub(crate) fn bind(&mut self, portal: &str, moved: u64, runs_by_name: bool) -> bool {
        let room = self.bound.len() < PORTALS_MAX || self.bound.contains_key(portal);
        if room {
            let names = runs_by_name.then(|| self.names.changes());
            self.bound.insert(portal.to_owned(), PortalBound { moved, names });
        }
        room
    }

    /// Whether a portal of this name is being bound.
    fn binds(waiting: &VecDeque<Waiting>, name: &str) -> bool {
        waiting.iter().any(|waiting| matches!(waiting, Waiting::Bind { portal, .. } if portal == name))
    }

    /// Whether a statement may be running.
    pub(crate) fn is_busy(&self) -> bool {
        self.waiting.iter().any(|waiting| !matches!(waiting, Waiting::CopyEnd))
    }

    /// Whether something is being defined, or was in the transaction that is open: the catalog is another for this session.
    pub(crate) fn defines(&self) -> bool {
        let waiting = self.waiting.iter().filter_map(Waiting::running);
        self.defines || self.defined || waiting.chain(self.portals.values()).any(|running| running.defines)
    }

    /// Whether nothing is under way, and no transaction is open.
    pub(crate) fn is_idle(&self) -> bool {
        !self.is_busy() && self.open_since.is_none()
    }

    /// The session ends: what passed of an answer is told to its statement. Says whether one may be running.
    pub(crate) fn part(&mut self) -> bool {
        let counted = std::mem::take(&mut self.counted);
        if let Some(running) = self.current() {
            counted.tell(running);
        }
        self.is_busy()
    }

    /// What the server is answering to.
    fn current(&self) -> Option<&Running> {
        match self.waiting.front()? {
            Waiting::Query { running, .. } => running.as_ref(),
            Waiting::Execute { portal, .. } => self.portals.get(portal),
            Waiting::Parse { .. }
            | Waiting::Bind { .. }
            | Waiting::Describe(_)
            | Waiting::CloseStatement(_)
            | Waiting::ClosePortal(_)
            | Waiting::Sync
            | Waiting::CopyEnd => None,
        }
    }

    fn current_mut(&mut self) -> Option<&mut Running> {
        match self.waiting.front_mut()? {
            Waiting::Query { running, .. } => running.as_mut(),
            Waiting::Execute { portal, .. } => self.portals.get_mut(portal),
            Waiting::Parse { .. }
            | Waiting::Bind { .. }
            | Waiting::Describe(_)
            | Waiting::CloseStatement(_)
            | Waiting::ClosePortal(_)
            | Waiting::Sync
            | Waiting::CopyEnd => None,
        }
    }

    /// Whether something was defined since this was last asked.
    pub(crate) fn take_defined(&mut self) -> bool {
        std::mem::take(&mut self.defined)
    }

    /// Until when the transaction that is open may be, and by which clause.
    pub(crate) fn deadline(&self) -> Option<(Instant, Longest)> {
        self.deadline.clone()
    }

    /// Something is done in a transaction that may be open for so long.
    fn within(&mut self, longest: Option<&Longest>, now: Instant) {
        let since = *self.open_since.get_or_insert(now);
        let Some(longest) = longest else { return };
        let until = since + Duration::from_millis(longest.ms);
        if self.deadline.as_ref().is_none_or(|(before, _)| until < *before) {
            self.deadline = Some((until, longest.clone()));
        }
    }

    /// A message goes up.
    pub(crate) fn say(&mut self, waiting: Waiting, now: Instant) {
        if let Some(running) = waiting.running() {
            if running.masks.is_some() {
                self.masked.clone_from(&running.masks);
            }
            let longest = running.longest.clone();
            self.within(longest.as_deref(), now);
        }
        if self.copying {
            match waiting {
                Waiting::Sync => return,
                Waiting::CopyEnd => self.copying = false,
                Waiting::Query { .. }
                | Waiting::Parse { .. }
                | Waiting::Bind { .. }
                | Waiting::Describe(_)
                | Waiting::Execute { .. }
                | Waiting::CloseStatement(_)
                | Waiting::ClosePortal(_) => {}
            }
        }
        self.skipping &= !matches!(waiting, Waiting::Sync);
        if self.skipping {
            return self.forget(waiting);
        }
        self.waiting.push_back(waiting);
    }

    /// A message that the server did not read.
    fn forget(&mut self, waiting: Waiting) {
        if let Waiting::Parse { name, known, .. } = waiting {
            self.names.settle(&Called::Statement(name), &known, false);
        }
    }

    /// Whether the rows that come are masked.
    pub(crate) fn masks_rows(&self) -> bool {
        let plan = self.current().and_then(|running| running.plan.as_ref());
        plan.is_some_and(|plan| !plan.is_plain())
    }

    /// A row of a result comes, or copied data.
    pub(crate) fn row(&mut self, bytes: usize, copied: bool, now_ms: u64) -> Row {
        let mut becomes = Row::Pass;
        let executes = matches!(self.waiting.front(), Some(Waiting::Execute { .. }));
        if let Some(running) = self.current_mut() {
            if let Some(limits) = &mut running.limits
                && !limits.take(now_ms)
            {
                return match limits.broken.clone() {
                    Some(error) if copied || !limits.held => {
                        Row::End(ErrorResponse { severity: Severity::Fatal, ..error })
                    }
                    Some(_) | None => Row::Drop,
                };
            }
            becomes = match (&running.masks, &running.plan) {
                (None, _) => Row::Pass,
                (Some(_), None) => {
                    return Row::End(reply::fatal(reply::SESSION, "a row came before its description"));
                }
                (Some(_), Some(plan)) if plan.is_plain() => Row::Pass,
                (Some(_), Some(plan)) => Row::Mask(plan.clone()),
            };
        } else if executes {
            return Row::End(reply::fatal(reply::SESSION, "a row came of what was not permitted"));
        }
        self.counted.rows += 1;
        self.counted.bytes_down += bytes as u64;
        becomes
    }

    /// What the gateway says next.
    pub(crate) fn next(&mut self) -> Next {
        let Some(last) = self.waiting.back_mut() else { return Next::Client };
        let is_text = matches!(last, Waiting::Query { .. });
        let Some(held) = last.held() else { return Next::Client };
        match *held {
            Held::Runs => Next::Nothing,
            Held::Said => Next::Client,
            Held::Beyond => {
                *held = Held::Said;
                Next::Fail(is_text)
            }
            Held::Ran => {
                *held = Held::Said;
                Next::End
            }
        }
    }

    /// For how many rows to ask the server of a portal, and whether what comes after that waits for its end.
    pub(crate) fn ask(&self, portal: &str, asked: u32) -> (u32, bool) {
        let bound = self.waiting.iter().rev().find_map(|waiting| match waiting {
            Waiting::Bind { portal: bound, running, .. } if bound == portal => Some(running.as_ref()),
            Waiting::Bind { .. }
            | Waiting::Query { .. }
            | Waiting::Parse { .. }
            | Waiting::Describe(_)
            | Waiting::Execute { .. }
            | Waiting::CloseStatement(_)
            | Waiting::ClosePortal(_)
            | Waiting::Sync
            | Waiting::CopyEnd => None,
        });
        let running = bound.flatten().or_else(|| self.portals.get(portal));
        match running.and_then(|running| running.limits.as_ref()) {
            Some(limits) if limits.held => (limits.ask(asked), true),
            Some(_) | None => (asked, false),
        }
    }

    /// Data to copy in passed.
    pub(crate) fn copied(&mut self, bytes: usize) {
        self.counted.bytes_up += bytes as u64;
    }

    /// A message of the server came, not a row and not copied data.
    pub(crate) fn hear(&mut self, tag: u8, body: &[u8], now: Instant) -> Step {
        if let b'S' = tag {
            return match backend::parameter_status(body) {
                Ok((name, value)) if sound(name, value).is_some() => {
                    Step::End("the server would not read statements as they were looked into")
                }
                Ok(_) => Step::Pass,
                Err(_) => Step::End("the server said what is not its protocol"),
            };
        }
        while let Some(Waiting::CopyEnd) = self.waiting.front() {
            self.waiting.pop_front();
        }
        if let Some(
            Waiting::Query { running: Some(running), .. } | Waiting::Bind { running: Some(running), .. },
        ) = self.waiting.front_mut()
            && let Some(recorded) = running.recorded.take()
        {
            return Step::Wait(Some(recorded));
        }
        if let Some(Waiting::Query { held: Some(_), .. }) = self.waiting.front()
            && matches!(tag, b'1' | b'2' | b'3' | b'n')
        {
            // Answers to what the gateway said of its own.
            return Step::Replace(Vec::new());
        }
        match tag {
            b'E' => self.failed(body),
            b'C' => self.complete(body),
            b'I' => self.over(None),
            b's' => {
                if self.is_beyond(None) {
                    return Step::Replace(Vec::new());
                }
                let counted = std::mem::take(&mut self.counted);
                let Some(Waiting::Execute { portal, denial: None, .. }) = self.waiting.pop_front() else {
                    return Step::End("the server suspended what does not run");
                };
                if let Some(running) = self.portals.get(&portal) {
                    counted.tell(running);
                }
                Step::Pass
            }
            b'1' => match self.waiting.pop_front() {
                Some(Waiting::Parse { name, known, denial: None }) => {
                    self.names.settle(&Called::Statement(name), &known, true);
                    Step::Pass
                }
                _ => Step::End("the server parsed what was denied"),
            },
            b'2' => match self.waiting.pop_front() {
                Some(Waiting::Bind { portal, running, denial: None }) => {
                    let before = running.and_then(|running| self.portals.insert(portal, running));
                    self.end_of(before);
                    Step::Pass
                }
                _ => Step::End("the server bound what was denied"),
            },
            b'3' => {
                match self.waiting.pop_front() {
                    Some(Waiting::CloseStatement(name)) => self.names.close(&Called::Statement(name)),
                    Some(Waiting::ClosePortal(name)) => {
                        if !Self::binds(&self.waiting, &name) {
                            self.bound.remove(&name);
                        }
                        let portal = self.portals.remove(&name);
                        self.end_of(portal);
                    }
                    _ => return Step::End("the server closed what nobody asked it to"),
                }
                Step::Pass
            }
            // The description of a result; within a query it is not waited for by itself.
            b'T' | b'n' => {
                if let Some(Waiting::Describe(of)) =
                    self.waiting.pop_front_if(|waiting| matches!(waiting, Waiting::Describe(_)))
                {
                    let Described::Own(portal) = of else { return Step::Pass };
                    // The gateway asked for it; the client may have, too, and is answered by itself.
                    let described = match self.portals.get_mut(&portal) {
                        Some(running) if tag == b'T' => running.describe(body),
                        Some(_) | None => Ok(()),
                    };
                    return match described {
                        Ok(()) => Step::Replace(Vec::new()),
                        Err(Malformed(why)) => Step::End(why),
                    };
                }
                match self.current_mut() {
                    Some(running) if tag == b'T' => match running.describe(body) {
                        Ok(()) => Step::Pass,
                        Err(Malformed(why)) => Step::End(why),
                    },
                    Some(_) | None => Step::Pass,
                }
            }
            b'Z' => self.ready(body, now),
            b'G' => {
                self.copy_in();
                Step::Pass
            }
            b'H' => {
                let Some(running) = self.current_mut() else { return Step::Pass };
                let Some(masks) = &running.masks else { return Step::Pass };
                match masks.copied_out(body) {
                    Ok(plan) => {
                        running.plan = Some(Arc::new(plan));
                        Step::Pass
                    }
                    Err(Unmaskable::Malformed(Malformed(why))) => Step::End(why),
                    Err(Unmaskable::Copy | Unmaskable::Columns) => {
                        Step::End("what is copied out cannot be masked: say which columns, as text")
                    }
                }
            }
            b'N' => match self.masks() {
                Some(masks) => withheld(b'N', body, &masks),
                None => Step::Pass,
            },
            b't' => {
                if let Some(Waiting::Describe(Described::Statement(name))) = self.waiting.front()
                    && let [known] = self.names.meanings(&Called::statement(name)).as_slice()
                    && let Ok(types) = backend::parameter_description(body)
                {
                    // Said again it is the same.
                    let _ = known.described.set(types);
                }
                Step::Pass
            }
            b'A' | b'c' | b'V' => Step::Pass,
            _ => Step::End("the server said what does not belong into a session"),
        }
    }

    /// What is masked in what the server is answering.
    fn masks(&self) -> Option<Arc<Masks>> {
        let of_bind = match self.waiting.front() {
            Some(Waiting::Bind { running, .. }) => running.as_ref(),
            _ => None,
        };
        let masks = self.current().or(of_bind).and_then(|running| running.masks.as_ref());
        // What is checked when a transaction ends tells of what was done in it.
        masks.or(self.masked.as_ref()).cloned()
    }

    /// Whether what runs has more rows than it may: then it is made to fail, and until then nothing of it is told. `had`
    /// is how many rows the server says it had; none, where it has more than it was asked for.
    fn is_beyond(&mut self, had: Option<u64>) -> bool {
        let Some(limits) = self.current_mut().and_then(|running| running.limits.as_mut()) else {
            return false;
        };
        if let Some(rows) = had {
            limits.had(rows);
        }
        let Some(error) = limits.broken.clone().filter(|_| limits.held) else { return false };
        match self.waiting.front_mut() {
            Some(
                Waiting::Query { denial, held: Some(held), .. }
                | Waiting::Execute { denial, held: Some(held), .. },
            ) => {
                *denial = Some(error);
                *held = Held::Beyond;
                true
            }
            Some(_) | None => false,
        }
    }

    /// The server reads data now. It passes over every Sync until they end.
    fn copy_in(&mut self) {
        let end = self.waiting.iter().position(|waiting| matches!(waiting, Waiting::CopyEnd));
        let mut at = 0;
        self.waiting.retain(|waiting| {
            let before = end.is_none_or(|end| at < end);
            at += 1;
            !(before && matches!(waiting, Waiting::Sync))
        });
        self.copying = end.is_none();
    }

    fn failed(&mut self, body: &[u8]) -> Step {
        self.copying = false;
        let masks = self.masks();
        let code = error_response::read(body).map(|(code, _)| code).unwrap_or_default();
        let counted = std::mem::take(&mut self.counted);
        let failed = |running: &Option<Running>| {
            if let Some(running) = running {
                let _ = running.meter.error.set(code.clone());
                counted.tell(running);
            }
        };
        let denial = match self.waiting.front_mut() {
            // The server is ready again only after this.
            Some(Waiting::Query { running, denial, held }) => {
                self.complete.clear();
                failed(running);
                if let Some(held) = held
                    && *held == Held::Runs
                {
                    *held = Held::Ran;
                }
                return told(denial.take(), body, masks.as_deref());
            }
            Some(Waiting::Sync | Waiting::CopyEnd) | None => return told(None, body, masks.as_deref()),
            Some(Waiting::Parse { denial, .. }) => denial.take(),
            Some(Waiting::Bind { portal, running, denial }) => {
                let (portal, running, denial) = (std::mem::take(portal), running.take(), denial.take());
                if !self.portals.contains_key(&portal) {
                    self.bound.remove(&portal);
                }
                failed(&running);
                self.end_of(running);
                denial
            }
            Some(Waiting::Execute { portal, denial, .. }) => {
                let (portal, denial) = (std::mem::take(portal), denial.take());
                // A savepoint could bring it back; what it was permitted as is over.
                self.bound.remove(&portal);
                let running = self.portals.remove(&portal);
                failed(&running);
                self.end_of(running);
                denial
            }
            Some(Waiting::Describe(_) | Waiting::CloseStatement(_) | Waiting::ClosePortal(_)) => None,
        };
        // Everything up to the next Sync is not read by the server, and what was permitted of it did not happen.
        while let Some(waiting) = self.waiting.pop_front_if(|waiting| !matches!(waiting, Waiting::Sync)) {
            self.forget(waiting);
        }
        self.skipping = self.waiting.is_empty();
        told(denial, body, masks.as_deref())
    }

    fn complete(&mut self, body: &[u8]) -> Step {
        let told = error_response::tag(body).ok().and_then(backend::rows_of_tag);
        match (self.over(told), self.waiting.front()) {
            // A text that was run as it came would be kept by now: that it is, is heard next.
            (Step::Pass, Some(Waiting::Query { held: Some(Held::Ran), .. })) => {
                self.complete.clear();
                frame::message(&mut self.complete, b'C', |out| out.extend_from_slice(body));
                Step::Replace(Vec::new())
            }
            (step, _) => step,
        }
    }

    /// A statement came to its end; of how many rows, the server says.
    fn over(&mut self, told: Option<u64>) -> Step {
        if self.is_beyond(Some(told.unwrap_or(0))) {
            return Step::Replace(Vec::new());
        }
        let mut counted = std::mem::take(&mut self.counted);
        counted.rows = told.unwrap_or(counted.rows);
        match self.waiting.front_mut() {
            Some(Waiting::Query { running, held, .. }) => {
                if let Some(running) = running {
                    counted.tell(running);
                    // What comes next is described anew.
                    running.plan = None;
                }
                if let Some(held) = held {
                    *held = Held::Ran;
                }
                Step::Pass
            }
            Some(Waiting::Execute { .. }) => {
                let Some(Waiting::Execute { portal, denial: None, .. }) = self.waiting.pop_front() else {
                    return Step::End("the server ran what was denied");
                };
                if let Some(running) = self.portals.remove(&portal) {
                    counted.tell(&running);
                    self.end_of(Some(running));
                }
                Step::Pass
            }
            _ => Step::End("the server completed what does not run"),
        }
    }

    fn ready(&mut self, body: &[u8], now: Instant) -> Step {
        match self.waiting.pop_front() {
            Some(Waiting::Query { denial: Some(_), .. }) => {
                return Step::End("the server did not refuse what was denied");
            }
            Some(Waiting::Query { running, .. }) => self.end_of(running),
            Some(Waiting::Sync) => {}
            _ => return Step::End("the server is ready for something else than was asked"),
        }
        // Outside a transaction no portal lives on.
        if body == b"I" {
            (self.open_since, self.deadline) = (None, None);
            self.masked = self.waiting.iter().rev().find_map(|waiting| waiting.running()?.masks.clone());
            self.defined |= std::mem::take(&mut self.defines);
            // Portals that are being bound may be there; the others are gone.
            let waiting = &self.waiting;
            self.bound.retain(|name, _| Self::binds(waiting, name));
        }
        // What was said meanwhile is in the transaction that is open, or in one of its own.
        let next = self.waiting.iter().filter_map(Waiting::running);
        let next: Vec<Option<Box<Longest>>> = next.map(|running| running.longest.clone()).collect();
        next.iter().for_each(|longest| self.within(longest.as_deref(), now));
        if body == b"I" {
            let portals = std::mem::take(&mut self.portals);
            portals.into_values().for_each(|running| self.end_of(Some(running)));
            if self.waiting.is_empty() {
                self.names.end_cursors();
            }
        }
        if self.complete.is_empty() {
            return Step::Pass;
        }
        let mut told = std::mem::take(&mut self.complete);
        frame::message(&mut told, b'Z', |out| out.extend_from_slice(body));
        Step::Replace(told)
    }

    fn end_of(&mut self, running: Option<Running>) {
        if let Some(running) = running {
            self.defines |= running.defines;
            running.finish(Ending::Complete);
        }
    }
}

/// An error of the server passes: as a denial where something was denied, without its details where those could tell what
/// is masked.
fn told(denial: Option<ErrorResponse>, body: &[u8], masks: Option<&Masks>) -> Step {
    match (denial, masks) {
        (Some(denial), _) => {
            let mut out = Vec::new();
            denial.write(&mut out);
            Step::Replace(out)
        }
        (None, Some(masks)) => withheld(b'E', body, masks),
        (None, None) => Step::Pass,
    }
}

fn withheld(tag: u8, body: &[u8], masks: &Masks) -> Step {
    match error_response::without_details(body, &masks.withheld()) {
        Ok(body) => {
            let mut out = Vec::new();
            frame::message(&mut out, tag, |out| out.extend(body));
            Step::Replace(out)
        }
        Err(Malformed(why)) => Step::End(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(text: &str) -> Arc<Known> {
        Arc::new(Known { text: text.to_owned(), ..Known::default() })
    }

    fn running(longest: Option<Longest>) -> (Option<Running>, oneshot::Receiver<Ending>) {
        let (ended, ending) = oneshot::channel();
        let meter = Arc::new(Meter::of_statement());
        let running =
            Running { ended: Some(ended), meter, longest: longest.map(Box::new), ..Running::default() };
        (Some(running), ending)
    }

    fn parse(name: &str, known: &Arc<Known>) -> Waiting {
        Waiting::Parse { name: name.to_owned(), known: known.clone(), denial: None }
    }

    fn passes(talk: &mut Talk, tags: &[u8]) {
        for tag in tags {
            let body: &[u8] = match tag {
                b'Z' => b"I",
                b'C' => b"SELECT 1\0",
                b'E' => b"C42601\0Mno\0\0",
                _ => b"",
            };
            let step = talk.hear(*tag, body, Instant::now());
            assert!(matches!(step, Step::Pass), "{}", char::from(*tag));
        }
    }

    fn names(talk: &Talk, name: &str) -> Vec<String> {
        talk.names.meanings(&Called::statement(name)).iter().map(|known| known.text.clone()).collect()
    }

    #[tokio::test]
    async fn a_name_means_all_it_can_until_the_server_has_said() {
        let (mut talk, now) = (Talk::default(), Instant::now());
        let (one, two) = (known("one"), known("two"));
        assert!(talk.names.name(&Called::statement("s"), &one));
        talk.say(parse("s", &one), now);
        talk.say(Waiting::Sync, now);
        passes(&mut talk, b"1Z");
        // Closed and given anew before the server has answered to either.
        talk.say(Waiting::CloseStatement("s".to_owned()), now);
        assert!(talk.names.name(&Called::statement("s"), &two));
        talk.say(parse("s", &two), now);
        talk.say(Waiting::Sync, now);
        assert_eq!(names(&talk, "s"), ["one", "two"]);
        passes(&mut talk, b"3");
        assert_eq!(names(&talk, "s"), ["two"]);
        passes(&mut talk, b"1Z");
        assert_eq!(names(&talk, "s"), ["two"]);
        // What the server passes over was never named.
        let three = known("three");
        talk.say(Waiting::CloseStatement("other".to_owned()), now);
        assert!(talk.names.name(&Called::statement("t"), &three));
        talk.say(parse("t", &three), now);
        talk.say(Waiting::Sync, now);
        passes(&mut talk, b"EZ");
        assert!(names(&talk, "t").is_empty());
        assert_eq!(talk.names.bytes(), "two".len());
    }

    #[tokio::test]
    async fn after_an_error_nothing_counts_up_to_sync() {
        let (mut talk, now) = (Talk::default(), Instant::now());
        let (first, mut first_ended) = running(None);
        let (second, mut second_ended) = running(None);
        let (third, mut third_ended) = running(None);
        let bind = |running| Waiting::Bind { portal: String::new(), running, denial: None };
        let execute = || Waiting::Execute { portal: String::new(), denial: None, held: None };
        talk.say(bind(first), now);
        talk.say(execute(), now);
        passes(&mut talk, b"2E");
        // Said after the error, before the client knows of it.
        talk.say(bind(second), now);
        talk.say(Waiting::Sync, now);
        talk.say(bind(third), now);
        talk.say(execute(), now);
        talk.say(Waiting::Sync, now);
        passes(&mut talk, b"Z2CZ");
        assert_eq!(first_ended.try_recv().ok(), Some(Ending::Complete));
        assert_eq!(third_ended.try_recv().ok(), Some(Ending::Complete));
        assert!(second_ended.try_recv() == Err(oneshot::error::TryRecvError::Closed), "it never ran");
        assert!(!talk.is_busy());
    }

    #[tokio::test]
    async fn what_the_server_passes_over_did_not_happen() {
        let (mut talk, now) = (Talk::default(), Instant::now());
        let (failed, mut failed_ended) = running(None);
        let (skipped, mut skipped_ended) = running(None);
        let bind = |running| Waiting::Bind { portal: String::new(), running, denial: None };
        talk.say(bind(failed), now);
        talk.say(Waiting::Execute { portal: String::new(), denial: None, held: None }, now);
        talk.say(bind(skipped), now);
        talk.say(Waiting::Execute { portal: String::new(), denial: None, held: None }, now);
        talk.say(Waiting::Sync, now);
        passes(&mut talk, b"EZ");
        assert_eq!(failed_ended.try_recv().ok(), Some(Ending::Complete));
        assert!(skipped_ended.try_recv() == Err(oneshot::error::TryRecvError::Closed), "it never ran");
    }

    #[tokio::test]
    async fn what_passed_is_told_to_its_statement() {
        let (mut talk, now) = (Talk::default(), Instant::now());
        let meter = |running: &Option<Running>| running.as_ref().unwrap().meter.clone();
        let counts = |meter: &Meter| {
            [&meter.rows, &meter.up, &meter.down].map(|counter| counter.load(Ordering::Relaxed))
        };
        let (first, _ended) = running(None);
        let (second, _ended) = running(None);
        let (of_first, of_second) = (meter(&first), meter(&second));
        talk.say(Waiting::Query { running: first, denial: None, held: None }, now);
        talk.say(Waiting::Bind { portal: String::new(), running: second, denial: None }, now);
        talk.say(Waiting::Execute { portal: String::new(), denial: None, held: None }, now);
        let _ = talk.row(10, false, 0);
        talk.copied(5);
        passes(&mut talk, b"CZ2");
        // It is suspended once, goes on, and its session ends meanwhile.
        let _ = talk.row(20, false, 0);
        passes(&mut talk, b"s");
        talk.say(Waiting::Execute { portal: String::new(), denial: None, held: None }, now);
        let _ = talk.row(30, false, 0);
        assert!(talk.part());
        assert_eq!(counts(&of_first), [1, 5, 10]);
        assert_eq!(counts(&of_second), [2, 0, 50]);
    }

    #[tokio::test]
    async fn portals_are_known_until_they_are_closed() {
        let (mut talk, now) = (Talk::default(), Instant::now());
        let bind = || Waiting::Bind { portal: "p".to_owned(), running: running(None).0, denial: None };
        assert!(talk.bind("p", 1, false));
        talk.say(bind(), now);
        talk.say(Waiting::ClosePortal("p".to_owned()), now);
        // Bound anew before the server has answered.
        assert!(talk.bind("p", 2, false));
        talk.say(bind(), now);
        passes(&mut talk, b"23");
        assert_eq!(talk.bound("p"), Some(2));
        talk.say(Waiting::ClosePortal("p".to_owned()), now);
        passes(&mut talk, b"23");
        assert_eq!(talk.bound("p"), None);
        for at in 0..PORTALS_MAX {
            assert!(talk.bind(&at.to_string(), 0, false));
        }
        assert!(talk.bind("0", 0, false));
        assert!(!talk.bind("one more", 0, false));
    }

    #[tokio::test]
    async fn a_session_is_idle_outside_transactions_only() {
        let (mut talk, now) = (Talk::default(), Instant::now());
        assert!(talk.is_idle());
        talk.say(Waiting::Query { running: running(None).0, denial: None, held: None }, now);
        assert!(!talk.is_idle());
        assert!(matches!(talk.hear(b'Z', b"T", now), Step::Pass));
        assert!(!talk.is_idle(), "a transaction is open");
        talk.say(Waiting::Query { running: running(None).0, denial: None, held: None }, now);
        passes(&mut talk, b"Z");
        assert!(talk.is_idle());
    }

    #[tokio::test]
    async fn what_was_denied_is_refused_by_the_server_or_the_session_ends() {
        let (mut talk, now) = (Talk::default(), Instant::now());
        let denied = || Some(reply::moved());
        talk.say(Waiting::Query { running: None, denial: denied(), held: None }, now);
        assert!(matches!(talk.hear(b'E', b"C42601\0Mno\0\0", now), Step::Replace(_)));
        passes(&mut talk, b"Z");
        for (waiting, tag) in [
            (Waiting::Query { running: None, denial: denied(), held: None }, b'Z'),
            (Waiting::Bind { portal: String::new(), running: None, denial: denied() }, b'2'),
            (Waiting::Parse { name: String::new(), known: known(""), denial: denied() }, b'1'),
            (Waiting::Execute { portal: String::new(), denial: denied(), held: None }, b'C'),
            (Waiting::Execute { portal: String::new(), denial: denied(), held: None }, b's'),
        ] {
            let mut talk = Talk::default();
            talk.say(waiting, now);
            assert!(matches!(talk.hear(tag, b"I", now), Step::End(_)), "{}", char::from(tag));
        }
        let setting = talk.hear(b'S', b"standard_conforming_strings\0off\0", now);
        assert!(matches!(setting, Step::End(_)));
    }

    #[tokio::test]
    async fn a_sync_among_data_is_passed_over() {
        let (mut talk, now) = (Talk::default(), Instant::now());
        let execute = || Waiting::Execute { portal: String::new(), denial: None, held: None };
        // Whether it was said before the server began to read data, or after.
        for early in [true, false] {
            talk.say(execute(), now);
            if early {
                talk.say(Waiting::Sync, now);
            }
            passes(&mut talk, b"G");
            if !early {
                talk.say(Waiting::Sync, now);
            }
            talk.say(Waiting::CopyEnd, now);
            talk.say(Waiting::Sync, now);
            passes(&mut talk, b"CZ");
            assert!(!talk.is_busy());
        }
    }

    #[tokio::test]
    async fn a_limit_counts_for_what_was_said_ahead() {
        let longest = || {
            let cited = policy::Cited {
                instrument: registry::InstrumentId::from_entropy([1; 10]),
                name: String::new(),
                title: String::new(),
                version: 1,
                clause: contract::Number::READING,
                sentence: String::new(),
                bundle: [0; 32],
            };
            Some(Longest { ms: 1_000, cited })
        };
        let (mut talk, now) = (Talk::default(), Instant::now());
        let query = |longest| Waiting::Query { running: running(longest).0, denial: None, held: None };
        talk.say(query(None), now);
        talk.say(query(None), now);
        talk.say(query(longest()), now);
        // The first ends outside a transaction; the second opens one in which the third is.
        assert!(matches!(talk.hear(b'Z', b"I", now), Step::Pass));
        let later = now + Duration::from_millis(500);
        assert!(matches!(talk.hear(b'Z', b"T", later), Step::Pass));
        let (until, _) = talk.deadline().unwrap();
        assert_eq!(until, now + Duration::from_secs(1));
        assert!(matches!(talk.hear(b'Z', b"T", later), Step::Pass));
        assert!(talk.deadline().is_some(), "it is open still");
    }
}
