//! What a session waits for: each message that went up has its answers, in order, and each answer belongs to one. No IO.

mod hear;
mod held;
mod portals;

pub(crate) use hear::Step;
pub(crate) use held::{Next, Row};
pub(crate) use portals::Binding;

use super::masking::Masks;
use super::names::{Called, Names};
use super::waiting::{Counted, Running, Waiting};
use policy::{Ending, Longest};
use portals::Portals;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How far copying in is. While the server reads data it passes over every Sync, and once it failed over no more: which of them
/// it answers is known only because nothing goes up meanwhile but data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum CopyIn {
    /// Nothing is copied in.
    #[default]
    Not,
    /// What was said last may have the server read data: it says so, or that it is over.
    Asked,
    /// It reads.
    Reads,
    /// All is said: the same as asked.
    Said,
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
    bound: Portals,
    /// What is masked in what was done in the transaction that is open.
    masked: Option<Arc<Masks>>,
    /// The end of a text that runs as a portal: told when it is kept.
    complete: Vec<u8>,
    /// Whether the server reads data to copy in.
    copy: CopyIn,
    /// What of the answer that is coming is not told to its statement yet.
    counted: Counted,
    /// What the server said of itself since the session began.
    reported: Vec<(String, String)>,
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

    /// What was so when a portal was bound, if there may be one of this name.
    pub(crate) fn bound(&self, portal: &str) -> Option<Binding> {
        self.bound.get(portal)
    }

    /// Whether that is known only once the server has answered.
    pub(crate) fn is_unsettled(&self, portal: &str) -> bool {
        self.bound.is_unsettled(portal)
    }

    /// A portal is about to be bound; says whether there is room for it.
    pub(crate) fn bind(&mut self, portal: &str, moved: u64, runs_by_name: bool) -> bool {
        self.names_portal(portal);
        let names = runs_by_name.then(|| self.names.changes());
        self.bound.bind(portal, Binding { moved, names })
    }

    /// A portal is bound or closed: what fetches from a cursor of its name would fetch from another.
    pub(crate) fn names_portal(&mut self, name: &str) {
        if self.names.is_cursor(name) {
            self.names.unname();
        }
    }

    /// Whether a statement may be running.
    pub(crate) fn is_busy(&self) -> bool {
        !self.waiting.is_empty()
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

    /// What the server said of itself meanwhile.
    pub(crate) fn take_reported(&mut self) -> Vec<(String, String)> {
        std::mem::take(&mut self.reported)
    }

    /// The session ends: what passed of an answer is told to its statement. Says whether one may be running.
    pub(crate) fn part(&mut self) -> bool {
        let counted = std::mem::take(&mut self.counted);
        if let Some(running) = self.current() {
            counted.tell(running);
        }
        // What failed came to its end then.
        let failed = self.portals.extract_if(|_, running| running.meter.has_failed());
        let failed: Vec<Running> = failed.map(|(_, running)| running).collect();
        failed.into_iter().for_each(|running| running.finish(Ending::Complete));
        self.is_busy()
    }

    /// What the server is answering to.
    fn current(&mut self) -> Option<&mut Running> {
        match self.waiting.front_mut()? {
            Waiting::Query { running, .. } => running.as_mut(),
            Waiting::Execute { portal, .. } => self.portals.get_mut(portal),
            Waiting::Parse { .. }
            | Waiting::Bind { .. }
            | Waiting::Describe(_)
            | Waiting::CloseStatement(_)
            | Waiting::ClosePortal(_)
            | Waiting::Sync => None,
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

    /// Whether there is such a time.
    pub(crate) fn has_deadline(&self) -> bool {
        self.deadline.is_some()
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
        if matches!(waiting, Waiting::Sync | Waiting::Query { .. }) {
            self.bound.end_part();
        }
        self.skipping &= !matches!(waiting, Waiting::Sync);
        if self.skipping {
            if let Waiting::Bind { portal, running: Some(_), .. } = &waiting {
                self.bound.unread(portal);
            }
            return self.forget(waiting);
        }
        let copies_in = match &waiting {
            Waiting::Query { running, .. } => running.as_ref().is_some_and(|running| running.copies_in),
            Waiting::Execute { portal, denial: None, .. } => self.copies_in(portal),
            Waiting::Execute { .. }
            | Waiting::Parse { .. }
            | Waiting::Bind { .. }
            | Waiting::Describe(_)
            | Waiting::CloseStatement(_)
            | Waiting::ClosePortal(_)
            | Waiting::Sync => false,
        };
        if copies_in {
            self.copy = CopyIn::Asked;
        }
        self.waiting.push_back(waiting);
    }

    /// Whether the server may read data for a portal.
    pub(crate) fn copies_in(&self, portal: &str) -> bool {
        self.runs(portal).is_some_and(|running| running.copies_in)
    }

    /// What a portal runs, as far as it was permitted.
    fn runs(&self, portal: &str) -> Option<&Running> {
        let bound = self.waiting.iter().rev().find_map(|waiting| waiting.binds(portal));
        bound.flatten().or_else(|| self.portals.get(portal))
    }

    /// Whether the server reads data: what else is said it passes over.
    pub(crate) fn reads_data(&self) -> bool {
        self.copy == CopyIn::Reads
    }

    /// All data are said.
    pub(crate) fn end_data(&mut self) {
        self.copy = CopyIn::Said;
    }

    /// A statement gets no name: the server did not read that.
    fn forget(&mut self, waiting: Waiting) {
        if let Waiting::Parse { name, known, .. } = waiting {
            self.names.settle(&Called::Statement(name), &known, false);
        }
    }

    /// Data to copy in passed.
    pub(crate) fn copied(&mut self, bytes: usize) {
        self.counted.bytes_up += bytes as u64;
    }

    fn end_of(&mut self, running: Option<Running>) {
        if let Some(running) = running {
            self.defines |= running.defines;
            running.finish(Ending::Complete);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::tests::{Endings, under_way};
    use crate::limits::PORTALS_MAX;
    use crate::postgres::names::Known;
    use crate::postgres::reply;
    use crate::record::Meter;
    use std::sync::atomic::Ordering;

    fn known(text: &str) -> Arc<Known> {
        Arc::new(Known { text: text.to_owned(), ..Known::default() })
    }

    fn running(longest: Option<Longest>) -> (Option<Running>, Endings) {
        let meter = Arc::new(Meter::of_statement());
        let (under_way, endings) = under_way(&meter);
        let longest = longest.map(Box::new);
        (Some(Running { under_way: Some(under_way), meter, longest, ..Running::default() }), endings)
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
        let (first, first_ended) = running(None);
        let (second, second_ended) = running(None);
        let (third, third_ended) = running(None);
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
        assert_eq!(first_ended(), [Ending::Complete]);
        assert_eq!(third_ended(), [Ending::Complete]);
        assert_eq!(second_ended(), [Ending::Cut], "it never ran");
        assert!(!talk.is_busy());
    }

    #[tokio::test]
    async fn what_the_server_passes_over_did_not_happen() {
        let (mut talk, now) = (Talk::default(), Instant::now());
        let (failed, failed_ended) = running(None);
        let (skipped, skipped_ended) = running(None);
        let bind = |running| Waiting::Bind { portal: String::new(), running, denial: None };
        talk.say(bind(failed), now);
        talk.say(Waiting::Execute { portal: String::new(), denial: None, held: None }, now);
        talk.say(bind(skipped), now);
        talk.say(Waiting::Execute { portal: String::new(), denial: None, held: None }, now);
        talk.say(Waiting::Sync, now);
        passes(&mut talk, b"EZ");
        assert_eq!(failed_ended(), [Ending::Complete]);
        assert_eq!(skipped_ended(), [Ending::Cut], "it never ran");
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
        assert_eq!(talk.bound("p"), Some(Binding { moved: 2, names: None }));
        talk.say(Waiting::ClosePortal("p".to_owned()), now);
        passes(&mut talk, b"23");
        assert_eq!(talk.bound("p"), None);
        for at in 0..PORTALS_MAX {
            assert!(talk.bind(&at.to_string(), 0, false));
        }
        assert!(talk.bind("0", 0, false));
        assert!(!talk.bind("one more", 0, false));
    }

    /// The client says the next part of its pipeline before it hears that the one before failed.
    #[tokio::test]
    async fn what_is_bound_after_an_error_is_there() {
        for tags in [&b"2E"[..], b"E"] {
            let (mut talk, now) = (Talk::default(), Instant::now());
            let bind = || Waiting::Bind { portal: String::new(), running: running(None).0, denial: None };
            let execute = || Waiting::Execute { portal: String::new(), denial: None, held: None };
            for anew in [false, true] {
                assert!(talk.bind("", anew.into(), false));
                [bind(), execute(), Waiting::Sync].into_iter().for_each(|said| talk.say(said, now));
            }
            passes(&mut talk, tags);
            assert_eq!(talk.bound("").unwrap().moved, 1, "it is being bound anew");
            passes(&mut talk, b"Z2EZ");
            assert_eq!(talk.bound(""), None, "no transaction is open");
        }
    }

    /// What a portal was permitted as stays what it is, whatever is said of it that the server does not do.
    #[tokio::test]
    async fn a_portal_is_what_the_server_bound() {
        let now = Instant::now();
        let bind = |running| Waiting::Bind { portal: "p".to_owned(), running, denial: None };
        let execute = || Waiting::Execute { portal: "p".to_owned(), denial: None, held: None };
        // In a transaction that is open, in which nothing can be read up to a savepoint after an error.
        let in_transaction = |talk: &mut Talk| {
            assert!(matches!(talk.hear(b'Z', b"T", now), Step::Pass));
        };
        for pipelined in [false, true] {
            for (fails, said) in [("the portal", &b"E"[..]), ("what is before it", b"E")] {
                let mut talk = Talk::default();
                let (first, ended) = running(None);
                assert!(talk.bind("p", 1, false));
                talk.say(bind(first), now);
                talk.say(Waiting::Sync, now);
                passes(&mut talk, b"2");
                in_transaction(&mut talk);
                if pipelined {
                    // It fails, and what is said after it in the same flight is bound anew.
                    talk.say(execute(), now);
                    talk.say(Waiting::Sync, now);
                }
                if fails != "the portal" {
                    talk.say(parse("other", &known("other")), now);
                }
                let (second, never) = running(None);
                assert!(talk.bind("p", 2, false));
                talk.say(bind(second), now);
                assert_eq!(talk.bound("p").unwrap().moved, 2);
                assert!(!talk.is_unsettled("p"), "if that fails nothing runs");
                talk.say(Waiting::Sync, now);
                assert!(talk.is_unsettled("p"), "it may be one or the other");
                if pipelined {
                    passes(&mut talk, b"E");
                    in_transaction(&mut talk);
                }
                passes(&mut talk, said);
                in_transaction(&mut talk);
                assert!(!talk.is_unsettled("p"));
                assert_eq!(talk.bound("p").unwrap().moved, 1, "{fails}");
                if fails != "the portal" {
                    assert_eq!(never(), [Ending::Cut], "it never ran");
                }
                // Brought back by a savepoint it runs as what it was permitted as, and is counted.
                assert!(ended().is_empty(), "it may run yet");
                let meter = talk.portals["p"].meter.clone();
                assert_eq!(meter.has_failed(), pipelined);
                talk.say(execute(), now);
                talk.say(Waiting::Sync, now);
                assert!(matches!(talk.row(9, false, 0), Row::Pass));
                passes(&mut talk, b"C");
                assert_eq!(ended(), [Ending::Complete]);
                assert!(!meter.has_failed(), "it did run");
            }
        }
    }

    /// What is said while the server reads nothing is not bound.
    #[tokio::test]
    async fn what_is_skipped_is_not_bound() {
        let (mut talk, now) = (Talk::default(), Instant::now());
        let bind = || Waiting::Bind { portal: "p".to_owned(), running: running(None).0, denial: None };
        talk.say(parse("s", &known("s")), now);
        passes(&mut talk, b"E");
        assert!(talk.bind("p", 1, false));
        talk.say(bind(), now);
        assert_eq!(talk.bound("p"), None);
        talk.say(Waiting::Sync, now);
        assert!(talk.bind("p", 2, false));
        talk.say(bind(), now);
        assert_eq!(talk.bound("p").unwrap().moved, 2);
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
    async fn nothing_is_said_while_data_are_copied_in() {
        let now = Instant::now();
        let copying = || {
            let (running, _) = running(None);
            running.map(|running| Running { copies_in: true, ..running })
        };
        let text = || Waiting::Query { running: copying(), denial: None, held: None };
        let execute = || Waiting::Execute { portal: String::new(), denial: None, held: None };
        // What the server says, and whether something else can be said then.
        for (extended, answers) in [
            // A text of two copies.
            (false, &[(b'G', true), (b'C', false), (b'G', true), (b'C', false), (b'Z', true)][..]),
            (true, &[(b'G', true), (b'C', true), (b'Z', true)]),
            // It fails as it reads, after it read, and before.
            (false, &[(b'G', true), (b'E', true), (b'Z', true)]),
            (true, &[(b'G', true), (b'E', true), (b'Z', true)]),
            (true, &[(b'E', true), (b'Z', true)]),
            // It reads a file.
            (false, &[(b'C', false), (b'Z', true)]),
        ] {
            let mut talk = Talk::default();
            if extended {
                talk.say(Waiting::Bind { portal: String::new(), running: copying(), denial: None }, now);
                assert!(talk.copies_in(""));
                talk.say(execute(), now);
                passes(&mut talk, b"2");
            } else {
                talk.say(text(), now);
            }
            assert_eq!(talk.next(), Next::Nothing);
            for (tag, speaks) in answers {
                if *tag == b'Z' && extended {
                    talk.say(Waiting::Sync, now);
                }
                passes(&mut talk, &[*tag]);
                assert_eq!(talk.next() == Next::Client, *speaks, "{}", char::from(*tag));
                assert_eq!(talk.reads_data(), *tag == b'G');
                if talk.reads_data() && !matches!(answers, [_, (b'E', _), ..]) {
                    talk.end_data();
                    assert_eq!(talk.next(), Next::Nothing);
                }
            }
            assert!(!talk.is_busy());
        }
        // Of what comes first the error is: the other copies in all the same.
        let mut talk = Talk::default();
        talk.say(Waiting::Query { running: running(None).0, denial: None, held: None }, now);
        talk.say(text(), now);
        passes(&mut talk, b"EZ");
        assert_eq!(talk.next(), Next::Nothing);
        passes(&mut talk, b"G");
        // Nothing else is let copy in.
        assert!(matches!(talk.hear(b'G', b"", now), Step::End(_)));
        let mut talk = Talk::default();
        talk.say(Waiting::Query { running: running(None).0, denial: None, held: None }, now);
        assert!(matches!(talk.hear(b'G', b"", now), Step::End(_)));
    }

    /// What fetches from a cursor fits no more once a portal has its name, or it is closed.
    #[tokio::test]
    async fn a_portal_takes_the_name_of_a_cursor() {
        for close in [false, true] {
            let (mut talk, now) = (Talk::default(), Instant::now());
            assert!(talk.names.name(&Called::Cursor("z".to_owned()), &known("cursor")));
            assert!(talk.bind("y", 0, true));
            talk.say(Waiting::Bind { portal: "y".to_owned(), running: running(None).0, denial: None }, now);
            let fits = |talk: &Talk| talk.bound("y").unwrap().names == Some(talk.names.changes());
            assert!(fits(&talk));
            assert!(talk.bind("other", 0, false));
            assert!(fits(&talk));
            if close {
                talk.names_portal("z");
            } else {
                assert!(talk.bind("z", 0, false));
            }
            assert!(!fits(&talk));
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
