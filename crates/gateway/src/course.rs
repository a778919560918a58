//! What was permitted, from its verdict to its outcome. Nothing of its own runs for it: whoever ends it says how, and
//! the log says where its verdict is; whichever comes second queues the outcome.
//!
//! ```text
//! verdict queued ─┬─▶ durable ──▶ ended ──┐
//!                 └─▶ ended ──▶ durable ──┴─▶ outcome queued ─▶ durable: the seat is free
//! ```

use crate::Clock;
use crate::limits::OUTCOME_PATIENCE;
use crate::metrics::Metrics;
use crate::record::{Meter, RecordError, Recorder, patience};
use contract::Recording;
use policy::record::{OUTCOME, VERDICT};
use policy::{Ending, Outcome};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// A strict record that took longer than this makes relaxed recording strict too.
const LATE: Duration = Duration::from_secs(1);
const UNRECORDED_PERMIT: &str = "a permit could not be recorded";

/// What all of them share.
pub(crate) struct Courses {
    recorder: Arc<dyn Recorder>,
    clock: Clock,
    metrics: Metrics,
    pace: Pace,
    /// A gateway that stops waits until none is left.
    tasks: TaskTracker,
}

/// What was permitted and is about to begin.
pub(crate) struct Beginning {
    /// As its clause asks; relaxed recording only as [`Courses::relaxes`] says.
    pub(crate) recording: Recording,
    /// It goes ahead before its verdict is durable.
    pub(crate) relaxed: bool,
    pub(crate) meter: Arc<Meter>,
    /// Cancelled where its verdict could not be recorded.
    pub(crate) cut: CancellationToken,
    /// When it was decided, in milliseconds since 1970.
    pub(crate) now_ms: u64,
    /// Given back when all of it is written.
    pub(crate) seat: OwnedSemaphorePermit,
}

impl Courses {
    pub(crate) fn new(
        recorder: Arc<dyn Recorder>,
        clock: Clock,
        metrics: Metrics,
        tasks: TaskTracker,
    ) -> Self {
        Self { recorder, clock, metrics, pace: Pace::default(), tasks }
    }

    /// Whether what a clause lets be recorded later may be: not while the recorder is late.
    pub(crate) fn relaxes(&self, recording: Recording) -> bool {
        match recording {
            Recording::Strict => false,
            Recording::Within(span) => self.pace.keeps(Duration::from_millis(span.as_ms()), Instant::now()),
        }
    }

    /// Queues a verdict, or says why that cannot be: then nothing goes ahead, whenever else it may be recorded. What
    /// does not go ahead by itself is told when its verdict is durable.
    pub(crate) fn begin(
        self: &Arc<Self>,
        (body, addendum): (Vec<u8>, Vec<u8>),
        beginning: Beginning,
    ) -> Result<(UnderWay, Option<Recorded>), RecordError> {
        let Beginning { recording, relaxed, meter, cut, now_ms, seat } = beginning;
        let patience = if relaxed { patience(recording) } else { Duration::ZERO };
        let (waits, recorded) = (!relaxed).then(oneshot::channel).unzip();
        let course = Arc::new(Course {
            all: self.clone(),
            meter,
            now_ms,
            stage: Mutex::new(Stage::Begun),
            _seat: seat,
            _task: self.tasks.token(),
        });
        let (landing, since) = (course.clone(), Instant::now());
        let done = move |verdict: Result<u64, RecordError>| {
            landing.all.landed(recording, since, &verdict);
            match &verdict {
                Ok(index) => landing.recorded(*index),
                Err(error) => {
                    landing.all.unrecorded(error, UNRECORDED_PERMIT);
                    landing.unrecorded();
                }
            }
            let failed = verdict.is_err();
            if let Some(waits) = waits {
                let _ = waits.send(verdict);
            }
            if failed {
                // Whoever waits has heard why; what went ahead without waiting is cut.
                cut.cancel();
            }
        };
        self.pace.begin(since);
        if let Err(error) = self.recorder.submit(VERDICT, body, addendum, patience, Box::new(done)) {
            self.pace.forget();
            self.unrecorded(&error, UNRECORDED_PERMIT);
            course.unrecorded();
            return Err(error);
        }
        Ok((UnderWay(Some(course)), recorded.map(Recorded)))
    }

    /// A verdict is durable, or failed.
    fn landed(&self, recording: Recording, since: Instant, verdict: &Result<u64, RecordError>) {
        let took = since.elapsed();
        self.metrics.record_seconds.observe(took.as_secs_f64());
        self.pace.landed(recording, verdict.is_ok().then_some(took));
    }

    fn unrecorded(&self, error: &RecordError, what: &'static str) {
        self.metrics.unrecorded.inc();
        tracing::error!(%error, "{what}");
    }
}

/// How far recording is behind.
#[derive(Default)]
struct Pace {
    /// Since when each verdict waits that is not durable yet, oldest first: they become so in the order they were queued.
    waiting: Mutex<VecDeque<Instant>>,
    /// One came too late: until one is in time again, all recording is strict.
    late: AtomicBool,
}

impl Pace {
    /// Whether what begins now will be durable within this, as far as can be known.
    fn keeps(&self, within: Duration, now: Instant) -> bool {
        let oldest = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).front().copied();
        !self.late.load(Ordering::Relaxed) && oldest.is_none_or(|since| now.duration_since(since) <= within)
    }

    fn begin(&self, since: Instant) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push_back(since);
    }

    /// What began last was not queued.
    fn forget(&self) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_back();
    }

    /// The oldest is durable after so long, or failed.
    fn landed(&self, recording: Recording, took: Option<Duration>) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let in_time = match (recording, took) {
            (_, None) => Some(false),
            // Only what was in time for a relaxed clause shows that relaxing is safe again.
            (Recording::Within(span), Some(took)) => Some(took <= Duration::from_millis(span.as_ms())),
            (Recording::Strict, Some(took)) => (took > LATE).then_some(false),
        };
        if let Some(in_time) = in_time {
            self.late.store(!in_time, Ordering::Relaxed);
        }
    }
}

/// Will be told when a verdict is durable.
pub(crate) struct Recorded(oneshot::Receiver<Result<u64, RecordError>>);

impl Recorded {
    /// Waits for that; gives the verdict's index.
    pub(crate) async fn landed(self) -> Result<u64, RecordError> {
        self.0.await.unwrap_or_else(|_| Err(RecordError::stopped()))
    }
}

/// What is under way. Dropped without a word it was cut.
pub(crate) struct UnderWay(Option<Arc<Course>>);

impl UnderWay {
    /// It ended like this.
    pub(crate) fn end(mut self, ending: Ending) {
        if let Some(course) = self.0.take() {
            course.ended(ending);
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if let Some(course) = self.0.take() {
            course.ended(Ending::Cut);
        }
    }
}

struct Course {
    all: Arc<Courses>,
    meter: Arc<Meter>,
    now_ms: u64,
    stage: Mutex<Stage>,
    _seat: OwnedSemaphorePermit,
    _task: TaskTrackerToken,
}

enum Stage {
    /// Its verdict is queued.
    Begun,
    /// Its verdict is durable, under this index.
    Recorded(u64),
    /// It ended before its verdict was durable, of which it does not know the index yet.
    Ended(Outcome),
    /// Its outcome is queued, or there is none: its verdict was not recorded.
    Over,
}

impl Course {
    /// Goes on to what is next; where an outcome is complete by that, it is queued.
    fn step(self: &Arc<Self>, next: impl FnOnce(Stage) -> (Stage, Option<Outcome>)) {
        let outcome = {
            let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
            let (after, outcome) = next(std::mem::replace(&mut *stage, Stage::Over));
            *stage = after;
            outcome
        };
        if let Some(outcome) = outcome {
            self.write(&outcome);
        }
    }

    /// The verdict is durable.
    fn recorded(self: &Arc<Self>, verdict: u64) {
        self.step(|stage| match stage {
            Stage::Begun => (Stage::Recorded(verdict), None),
            Stage::Ended(outcome) => (Stage::Over, Some(Outcome { verdict, ..outcome })),
            before @ (Stage::Recorded(_) | Stage::Over) => (before, None),
        });
    }

    fn unrecorded(self: &Arc<Self>) {
        self.step(|_| (Stage::Over, None));
    }

    fn ended(self: &Arc<Self>, ending: Ending) {
        let duration_ms = (self.all.clock)().saturating_sub(self.now_ms);
        let outcome = self.meter.outcome(ending, duration_ms);
        self.step(|stage| match stage {
            Stage::Begun => (Stage::Ended(outcome), None),
            Stage::Recorded(verdict) => (Stage::Over, Some(Outcome { verdict, ..outcome })),
            before @ (Stage::Ended(_) | Stage::Over) => (before, None),
        });
    }

    fn write(self: &Arc<Self>, outcome: &Outcome) {
        const WHAT: &str = "an outcome could not be recorded";
        let course = self.clone();
        let done = move |recorded: Result<u64, RecordError>| {
            if let Err(error) = recorded {
                course.all.unrecorded(&error, WHAT);
            }
        };
        let recorder = &self.all.recorder;
        let queued = policy::record::encode(outcome)
            .map_err(|error| RecordError(error.to_string()))
            .and_then(|body| recorder.submit(OUTCOME, body, Vec::new(), OUTCOME_PATIENCE, Box::new(done)));
        if let Err(error) = queued {
            self.all.unrecorded(&error, WHAT);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use policy::record;
    use tokio::sync::Semaphore;

    /// What a recorder was told, and has not said yet.
    #[derive(Default)]
    struct Held {
        waiting: Mutex<VecDeque<(&'static str, Vec<u8>, crate::Done)>>,
        written: Mutex<Vec<(&'static str, Vec<u8>)>>,
        full: AtomicBool,
    }

    impl Held {
        /// Everything that waits becomes durable, and what is queued because of it.
        fn write(&self) {
            while self.next(Ok) {}
        }

        fn next(&self, said: impl FnOnce(u64) -> Result<u64, RecordError>) -> bool {
            let Some((kind, body, done)) = self.waiting.lock().unwrap().pop_front() else { return false };
            let index = {
                let mut written = self.written.lock().unwrap();
                written.push((kind, body));
                written.len() as u64 - 1
            };
            done(said(index));
            true
        }

        fn outcomes(&self) -> Vec<Outcome> {
            let written = self.written.lock().unwrap();
            let outcomes = written.iter().filter(|(kind, _)| *kind == record::OUTCOME);
            outcomes.map(|(_, body)| minicbor::decode(body).unwrap()).collect()
        }
    }

    impl Recorder for Held {
        fn submit(
            &self,
            kind: &'static str,
            body: Vec<u8>,
            _: Vec<u8>,
            _: Duration,
            done: crate::Done,
        ) -> Result<(), RecordError> {
            if self.full.load(Ordering::Relaxed) {
                return Err(RecordError("there is no room".into()));
            }
            self.waiting.lock().unwrap().push_back((kind, body, done));
            Ok(())
        }

        fn origin(&self) -> &'static str {
            "example.org/decisions"
        }
    }

    struct World {
        log: Arc<Held>,
        courses: Arc<Courses>,
        room: Arc<Semaphore>,
        tasks: TaskTracker,
        cut: CancellationToken,
    }

    impl World {
        fn new() -> Self {
            let (log, tasks) = (Arc::<Held>::default(), TaskTracker::new());
            let metrics = Metrics::register(&mut prometheus_client::registry::Registry::default());
            let courses = Courses::new(log.clone(), Arc::new(|| 1_000), metrics, tasks.clone());
            let room = Arc::new(Semaphore::new(1));
            Self { log, courses: Arc::new(courses), room, tasks, cut: CancellationToken::new() }
        }

        fn begin(
            &self,
            recording: Recording,
            relaxed: bool,
            meter: &Arc<Meter>,
        ) -> Result<(UnderWay, Option<Recorded>), RecordError> {
            let seat = self.room.clone().try_acquire_owned().unwrap();
            let (meter, cut) = (meter.clone(), self.cut.clone());
            let beginning = Beginning { recording, relaxed, meter, cut, now_ms: 400, seat };
            self.courses.begin((Vec::new(), Vec::new()), beginning)
        }

        fn begun(&self) -> (UnderWay, Option<Recorded>) {
            self.begin(within(1_000), true, &Arc::default()).unwrap()
        }
    }

    fn within(ms: u64) -> Recording {
        Recording::Within(contract::Span::parse(&format!("{ms} ms")).unwrap())
    }

    /// How what was begun ended, so far.
    pub(crate) type Endings = Box<dyn Fn() -> Vec<Ending>>;

    /// Something under way that nothing else knows of.
    pub(crate) fn under_way(meter: &Arc<Meter>) -> (UnderWay, Endings) {
        let world = World::new();
        let (under_way, _) = world.begin(within(1_000), true, meter).unwrap();
        let endings = move || {
            world.log.write();
            world.log.outcomes().into_iter().map(|outcome| outcome.ending).collect()
        };
        (under_way, Box::new(endings))
    }

    #[tokio::test]
    async fn an_outcome_follows_its_verdict_whichever_was_known_first() {
        for early in [true, false] {
            let world = World::new();
            world.log.waiting.lock().unwrap().push_back(("other", Vec::new(), Box::new(|_| ())));
            let (under_way, recorded) = world.begun();
            assert!(recorded.is_none(), "what goes ahead waits for nobody");
            if early {
                under_way.end(Ending::Complete);
                assert_eq!(world.log.waiting.lock().unwrap().len(), 2, "its verdict has no index yet");
                world.log.write();
            } else {
                world.log.write();
                under_way.end(Ending::Complete);
                assert_eq!(world.tasks.len(), 1, "a gateway that stops would wait for it");
                assert_eq!(world.room.available_permits(), 0);
                world.log.write();
            }
            let outcomes = world.log.outcomes();
            assert_eq!(outcomes.len(), 1);
            assert_eq!((outcomes[0].verdict, outcomes[0].ending), (1, Ending::Complete));
            assert_eq!(outcomes[0].duration_ms, 600);
            assert_eq!((world.room.available_permits(), world.tasks.len()), (1, 0));
        }
    }

    #[tokio::test]
    async fn what_is_dropped_without_a_word_was_cut() {
        let world = World::new();
        drop(world.begun());
        world.log.write();
        assert_eq!(world.log.outcomes()[0].ending, Ending::Cut);
    }

    #[tokio::test]
    async fn what_went_ahead_is_cut_where_its_verdict_fails() {
        let world = World::new();
        let (under_way, _) = world.begun();
        world.log.next(|_| Err(RecordError("the disk is full".into())));
        assert!(world.cut.is_cancelled());
        assert!(!world.courses.relaxes(within(1_000)));
        under_way.end(Ending::Cut);
        world.log.write();
        assert!(world.log.outcomes().is_empty(), "there is no verdict it could name");
        assert_eq!((world.room.available_permits(), world.tasks.len()), (1, 0));
    }

    #[tokio::test]
    async fn what_is_refused_at_once_does_not_go_ahead() {
        let world = World::new();
        world.log.full.store(true, Ordering::Relaxed);
        assert!(world.begin(within(1_000), true, &Arc::default()).is_err());
        assert_eq!(world.courses.metrics.unrecorded.get(), 1);
        assert_eq!((world.room.available_permits(), world.tasks.len()), (1, 0));
        assert!(world.courses.relaxes(within(1_000)), "nothing waits for the log");
    }

    #[tokio::test]
    async fn whoever_does_not_go_ahead_is_told() {
        let world = World::new();
        let (_under_way, recorded) = world.begin(Recording::Strict, false, &Arc::default()).unwrap();
        world.log.write();
        assert_eq!(recorded.unwrap().landed().await.unwrap(), 0);
    }

    #[test]
    fn nothing_is_relaxed_while_what_came_before_is_late() {
        const MS: Duration = Duration::from_millis(1);
        let (pace, now) = (Pace::default(), Instant::now());
        assert!(pace.keeps(50 * MS, now));
        pace.begin(now);
        pace.begin(now + 10 * MS);
        assert!(pace.keeps(50 * MS, now + 50 * MS));
        assert!(!pace.keeps(50 * MS, now + 51 * MS), "it would be late too");
        assert!(pace.keeps(1_000 * MS, now + 51 * MS), "so much time there is");
        pace.landed(within(100), Some(51 * MS));
        assert!(
            pace.keeps(50 * MS, now + 60 * MS) && !pace.keeps(50 * MS, now + 61 * MS),
            "the second waits"
        );
        pace.landed(within(50), Some(51 * MS));
        assert!(!pace.keeps(1_000 * MS, now), "until one is in time");
        for (recording, took, again) in [
            (Recording::Strict, Some(MS), false),
            (within(50), Some(50 * MS), true),
            (Recording::Strict, Some(LATE), true),
            (Recording::Strict, Some(LATE + MS), false),
            (within(50), Some(MS), true),
            (within(50), None, false),
        ] {
            pace.begin(now);
            pace.landed(recording, took);
            assert_eq!(pace.keeps(50 * MS, now), again, "{recording:?} {took:?}");
        }
        // What was not queued is not waited for.
        pace.landed(within(50), Some(MS));
        pace.begin(now);
        pace.forget();
        assert!(pace.keeps(50 * MS, now + LATE));
    }
}
