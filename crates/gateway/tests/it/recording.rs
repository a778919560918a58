//! What cannot be recorded does not happen; what is recorded late is recorded strictly from then on.

use crate::world::{Forgery, Mood, World};
use hyper::Method;
use std::sync::atomic::Ordering;
use std::time::Duration;

const UPSTREAM: &str = "from upstream";
/// Long enough for anything that does not wait for the recorder.
const A_WHILE: Duration = Duration::from_millis(400);

#[tokio::test]
async fn a_change_that_cannot_be_recorded_does_not_reach_the_upstream() {
    let world = World::start().await;
    assert_eq!(world.ask(Method::POST, "/a").await, (200, UPSTREAM.into()));
    world.recorder.mood.send_replace(Mood::Failing);
    let before = world.arrived();
    let (status, body) = world.ask(Method::POST, "/a").await;
    assert_eq!(status, 503);
    assert!(body.contains("not-recorded") && body.contains("the disk is full"), "{body}");
    assert_eq!(world.arrived(), before);
}

#[tokio::test]
async fn a_change_waits_for_its_record() {
    let world = World::start().await;
    world.recorder.mood.send_replace(Mood::Hanging);
    let asked = world.ask(Method::POST, "/a");
    tokio::pin!(asked);
    assert!(tokio::time::timeout(A_WHILE, &mut asked).await.is_err(), "answered without a record");
    assert_eq!(world.arrived(), 0, "forwarded without a record");
    world.recorder.mood.send_replace(Mood::Well);
    assert_eq!(asked.await, (200, UPSTREAM.into()));
}

#[tokio::test]
async fn a_read_is_not_released_without_its_record() {
    let world = World::start().await;
    world.recorder.mood.send_replace(Mood::Failing);
    let (status, body) = world.ask(Method::GET, "/a").await;
    assert_eq!(status, 503);
    assert!(!body.contains(UPSTREAM), "{body}");
    world.recorder.mood.send_replace(Mood::Hanging);
    let asked = world.ask(Method::GET, "/a");
    tokio::pin!(asked);
    assert!(tokio::time::timeout(A_WHILE, &mut asked).await.is_err(), "released without a record");
    world.recorder.mood.send_replace(Mood::Well);
    assert_eq!(asked.await, (200, UPSTREAM.into()));
}

/// The clause says "within 50 ms": one may go ahead, and when its record is late, the next waits.
#[tokio::test]
async fn relaxed_recording_becomes_strict_when_it_is_late() {
    let world = World::start().await;
    assert_eq!(world.ask(Method::GET, "/peek").await, (200, UPSTREAM.into()));
    world.recorder.mood.send_replace(Mood::Hanging);
    let ahead = tokio::time::timeout(A_WHILE, world.ask(Method::GET, "/peek")).await;
    assert_eq!(ahead.expect("did not go ahead"), (200, UPSTREAM.into()));
    tokio::time::sleep(Duration::from_millis(100)).await;
    let asked = world.ask(Method::GET, "/peek");
    tokio::pin!(asked);
    assert!(
        tokio::time::timeout(A_WHILE, &mut asked).await.is_err(),
        "went ahead though the record before was late"
    );
    world.recorder.mood.send_replace(Mood::Well);
    assert_eq!(asked.await, (200, UPSTREAM.into()));
}

/// Whoever waits for a record does not wait for others to be written with it: not under a strict clause, and not while
/// relaxed recording is late.
#[tokio::test]
async fn only_what_goes_ahead_lets_its_record_wait_for_others() {
    let world = World::start().await;
    let last = || *world.recorder.patience.lock().unwrap().last().unwrap();
    world.ask(Method::GET, "/a").await;
    assert_eq!(last(), Duration::ZERO);
    world.ask(Method::GET, "/peek").await;
    assert_eq!(last(), Duration::from_micros(2_500), "a twentieth of what the clause lets pass");
    world.recorder.mood.send_replace(Mood::Hanging);
    assert!(tokio::time::timeout(A_WHILE, world.ask(Method::GET, "/peek")).await.is_ok(), "did not go ahead");
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(tokio::time::timeout(A_WHILE, world.ask(Method::GET, "/peek")).await.is_err(), "did not wait");
    assert_eq!(world.recorder.patience.lock().unwrap().len(), 4);
    assert_eq!(last(), Duration::ZERO);
}

#[tokio::test]
async fn every_permit_has_an_outcome_and_denials_are_recorded() {
    let world = World::start().await;
    world.ask(Method::GET, "/a").await;
    let denied = world.ask(Method::DELETE, "/a").await;
    assert_eq!(denied.0, 403);
    assert!(
        denied.1.contains("no-such-operation") && denied.1.contains("example.org/decisions/"),
        "{}",
        denied.1
    );
    // A verdict and an outcome for the first, a verdict for the second.
    for _ in 0..200 {
        if world.recorder.written.load(Ordering::SeqCst) == 3 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{} records", world.recorder.written.load(Ordering::SeqCst));
}

/// Nobody can push a stop any more: a gateway that cannot be told to stop does not go on.
#[tokio::test]
async fn a_gateway_without_its_push_channel_stops() {
    let mut world = World::start().await;
    assert_eq!(world.ask(Method::GET, "/a").await.0, 200);
    world.changed = None;
    for _ in 0..500 {
        if tokio::net::TcpStream::connect(world.address).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it still accepts");
}

#[tokio::test]
async fn a_gateway_that_hears_nothing_refuses_until_it_hears_again() {
    let world = World::start().await;
    let heard = |ago| world.heard_ms.store(testkit::NOW - ago, Ordering::SeqCst);
    heard(policy::decide::SILENCE_MAX_MS);
    assert_eq!(world.ask(Method::GET, "/a").await.0, 200);
    heard(policy::decide::SILENCE_MAX_MS + 1);
    let (status, body) = world.ask(Method::GET, "/a").await;
    assert!(status == 503 && body.contains("control-silent"), "{status} {body}");
    assert_eq!(world.arrived(), 1);
    heard(0);
    assert_eq!(world.ask(Method::GET, "/a").await.0, 200);
}

#[tokio::test]
async fn a_certificate_that_was_not_recorded_as_it_is_is_worth_nothing() {
    for (forgery, why) in [
        (Forgery::OtherKey, "not the one in the ledger"),
        (Forgery::NoProof, "carries no proof"),
        (Forgery::BorrowedProof, "another content"),
        (Forgery::LongerLife, "another content"),
        (Forgery::OtherLog, "does not hold"),
    ] {
        let world = World::with(forgery).await;
        let (status, body) = world.ask(Method::GET, "/a").await;
        assert_eq!(status, 403, "{forgery:?}");
        assert!(body.contains("credential-not-good") && body.contains(why), "{forgery:?}: {body}");
        assert_eq!(world.arrived(), 0);
        assert_eq!(world.recorder.written.load(Ordering::SeqCst), 1, "the denial is on record");
    }
}
