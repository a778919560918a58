//! What the server says: each answer belongs to what waits first.

use super::{CopyIn, Talk};
use crate::course::Recorded;
use crate::postgres::masking::{Masks, Unmaskable};
use crate::postgres::names::Called;
use crate::postgres::upstream::sound;
use crate::postgres::waiting::{Described, Held, Running, Waiting};
use policy::Longest;
use std::sync::Arc;
use tokio::time::Instant;
use wire::postgres::backend;
use wire::postgres::error_response::{self, ErrorResponse};
use wire::postgres::{Malformed, frame};

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

impl Talk {
    /// A message of the server came, not a row and not copied data.
    pub(crate) fn hear(&mut self, tag: u8, body: &[u8], now: Instant) -> Step {
        let step = self.heard(tag, body, now);
        // Nothing is said after what copies in before that is answered: it is the last that waits.
        if self.waiting.is_empty() {
            self.copy = CopyIn::Not;
        }
        step
    }

    fn heard(&mut self, tag: u8, body: &[u8], now: Instant) -> Step {
        if let b'S' = tag {
            return match backend::parameter_status(body) {
                Ok((name, value)) if sound(name, value).is_some() => {
                    Step::End("the server would not read statements as they were looked into")
                }
                Ok((name, value)) => {
                    self.reported.retain(|(known, _)| known != name);
                    self.reported.push((name.to_owned(), value.to_owned()));
                    Step::Pass
                }
                Err(_) => Step::End("the server said what is not its protocol"),
            };
        }
        if let Some(
            Waiting::Query { running: Some(running), .. } | Waiting::Bind { running: Some(running), .. },
        ) = self.waiting.front_mut()
            && let Some(recorded) = running.recorded.take()
        {
            return Step::Wait(recorded);
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
                    running.meter.fail(None);
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
                    self.bound.bound(&portal);
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
                        self.bound.close(&name);
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
                match self.current() {
                    Some(running) if tag == b'T' => match running.describe(body) {
                        Ok(()) => Step::Pass,
                        Err(Malformed(why)) => Step::End(why),
                    },
                    Some(_) | None => Step::Pass,
                }
            }
            b'Z' => self.ready(body, now),
            b'G' => match (self.copy, self.waiting.len()) {
                (CopyIn::Asked | CopyIn::Said, 1) => {
                    self.copy = CopyIn::Reads;
                    Step::Pass
                }
                (CopyIn::Not | CopyIn::Asked | CopyIn::Reads | CopyIn::Said, _) => {
                    Step::End("the server reads data of which nothing was said")
                }
            },
            b'H' => {
                let Some(running) = self.current() else { return Step::Pass };
                let Some(masks) = &running.masks else { return Step::Pass };
                match masks.copied_out(body, &running.meter) {
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
        let running = match self.waiting.front() {
            Some(Waiting::Execute { portal, .. }) => self.portals.get(portal),
            waiting => waiting.and_then(Waiting::running),
        };
        // What is checked when a transaction ends tells of what was done in it.
        running.and_then(|running| running.masks.as_ref()).or(self.masked.as_ref()).cloned()
    }

    fn failed(&mut self, body: &[u8]) -> Step {
        let alone = self.waiting.len() == 1;
        let masks = self.masks();
        let code = error_response::read(body).map(|(code, _)| code).unwrap_or_default();
        let counted = std::mem::take(&mut self.counted);
        let failed = |running: &Running| {
            running.meter.fail(Some(code.clone()));
            counted.tell(running);
        };
        let denial = match self.waiting.front_mut() {
            // The server is ready again only after this.
            Some(Waiting::Query { running, denial, held }) => {
                self.complete.clear();
                running.iter().for_each(failed);
                if alone {
                    self.copy = CopyIn::Not;
                }
                if let Some(held) = held
                    && *held == Held::Runs
                {
                    *held = Held::Ran;
                }
                return told(denial.take(), body, masks.as_deref());
            }
            Some(Waiting::Sync) | None => return told(None, body, masks.as_deref()),
            Some(Waiting::Parse { denial, .. }) => denial.take(),
            Some(Waiting::Bind { portal, running, denial }) => {
                let (portal, running, denial) = (std::mem::take(portal), running.take(), denial.take());
                if running.is_some() {
                    self.bound.failed(&portal);
                }
                running.iter().for_each(failed);
                self.end_of(running);
                denial
            }
            Some(Waiting::Execute { portal, denial, held }) => {
                // What stood in its place failed, where it does not fit any more.
                let ran = denial.is_none() || held.is_some();
                let (portal, denial) = (std::mem::take(portal), denial.take());
                // A savepoint can bring it back: it is what it was permitted as for as long as it may be there.
                if let Some(running) = self.portals.get(&portal).filter(|_| ran) {
                    failed(running);
                }
                denial
            }
            Some(Waiting::Describe(_) | Waiting::CloseStatement(_) | Waiting::ClosePortal(_)) => None,
        };
        // Everything up to the next Sync is not read by the server, and what was permitted of it did not happen.
        while let Some(waiting) = self.waiting.pop_front_if(|waiting| !matches!(waiting, Waiting::Sync)) {
            // Of what failed itself this is taken away already.
            if let Waiting::Bind { portal, running: Some(_), .. } = &waiting {
                self.bound.failed(portal);
            }
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
                    self.copy = CopyIn::Not;
                }
                Step::Pass
            }
            Some(Waiting::Execute { .. }) => {
                let Some(Waiting::Execute { portal, denial: None, .. }) = self.waiting.pop_front() else {
                    return Step::End("the server ran what was denied");
                };
                if let Some(running) = self.portals.remove(&portal) {
                    counted.tell(&running);
                    // Brought back by a savepoint it did run.
                    running.meter.fail(None);
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
            let portals = std::mem::take(&mut self.portals);
            portals.into_values().for_each(|running| self.end_of(Some(running)));
            (self.open_since, self.deadline) = (None, None);
            self.masked = self.waiting.iter().rev().find_map(|waiting| waiting.running()?.masks.clone());
            self.defined |= std::mem::take(&mut self.defines);
            self.bound.close_all();
        }
        // What was said meanwhile is in the transaction that is open, or in one of its own.
        let next = self.waiting.iter().filter_map(Waiting::running);
        let next: Vec<Option<Box<Longest>>> = next.map(|running| running.longest.clone()).collect();
        next.iter().for_each(|longest| self.within(longest.as_deref(), now));
        if body == b"I" && self.waiting.is_empty() {
            self.names.end_cursors();
        }
        if self.complete.is_empty() {
            return Step::Pass;
        }
        let mut told = std::mem::take(&mut self.complete);
        frame::message(&mut told, b'Z', |out| out.extend_from_slice(body));
        Step::Replace(told)
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
    match masks.told(body) {
        Ok(body) => {
            let mut out = Vec::new();
            frame::message(&mut out, tag, |out| out.extend(body));
            Step::Replace(out)
        }
        Err(Malformed(why)) => Step::End(why),
    }
}
