//! Signing and notices: order, quorum, recorded authority, and an error of its own for every wrong signature.

use crate::world::{DAY, World, sign};
use registry::signature::{INSTRUMENT, NOTICE};
use registry::{
    Actor, Command, Event, InstrumentId, InstrumentKind, InstrumentStatus, InstrumentTerms, NoticeKind,
    PersonId, ProofRecord, Side,
};

struct Deal {
    world: World,
    people: [PersonId; 4],
    instrument: InstrumentId,
    parties: (registry::PartyId, registry::PartyId),
    service: registry::ServiceId,
    machine: registry::IdentityId,
}

impl Deal {
    /// Machine of acme owned by person 1 (deputy 2), service of forge owned by person 4.
    fn new(terms: InstrumentTerms) -> Self {
        let (mut world, acme, forge, people) = World::new();
        let machine = world.active(acme, &people);
        let service = world.service(forge, people[3]);
        let instrument = world.draft_with(1, (forge, service), (acme, machine), terms);
        Self { world, people, instrument, parties: (acme, forge), service, machine }
    }

    fn next_version(&mut self, version: u32, terms: InstrumentTerms) {
        let (acme, forge) = self.parties;
        self.instrument = self.world.draft_with(version, (forge, self.service), (acme, self.machine), terms);
    }

    fn signature(&self, n: u8) -> Command {
        let envelope = &self.world.state.instruments[&self.instrument].envelope;
        Command::SignInstrument {
            instrument: self.instrument,
            person: self.people[usize::from(n) - 1],
            signature: sign(n, INSTRUMENT, envelope),
        }
    }

    fn sign(&mut self, n: u8) {
        let command = self.signature(n);
        self.world.ok(command);
    }

    fn notice(&self, n: u8, kind: NoticeKind) -> Command {
        self.notice_on(n, kind, "breach")
    }

    fn notice_on(&self, n: u8, kind: NoticeKind, ground: &str) -> Command {
        let person = self.people[usize::from(n) - 1];
        let text = self.world.state.instruments[&self.instrument].notice(kind, ground, person);
        let signature = sign(n, NOTICE, &text);
        Command::GiveNotice { instrument: self.instrument, kind, person, ground: ground.into(), signature }
    }

    fn grant(&mut self, n: u8, until_ms: Option<u64>) {
        let person = self.people[usize::from(n) - 1];
        self.world.ok(Command::GrantAuthority { person, kinds: vec![InstrumentKind::Contract], until_ms });
    }

    fn status(&self) -> InstrumentStatus {
        self.world.state.instruments[&self.instrument].status
    }
}

#[test]
fn the_side_that_signs_first_signs_first() {
    let mut deal = Deal::new(InstrumentTerms { first: Some(Side::Consumer), ..InstrumentTerms::default() });
    let early = deal.signature(4);
    assert!(deal.world.refused(early).contains("the consumer of `deal` signs first"));
    deal.sign(1);
    deal.sign(4);
    assert_eq!(deal.status(), InstrumentStatus::InForce);
}

#[test]
fn a_quorum_needs_that_many_people() {
    let terms = InstrumentTerms { quorum: vec![(Side::Consumer, 2)], ..InstrumentTerms::default() };
    let mut deal = Deal::new(terms);
    deal.sign(4);
    deal.sign(1);
    assert_eq!(deal.status(), InstrumentStatus::Drafted, "one of two");
    let deputy = deal.signature(2);
    assert!(deal.world.refused(deputy).contains("does not sign"), "no authority yet");
    deal.grant(2, None);
    deal.sign(2);
    assert_eq!(deal.status(), InstrumentStatus::InForce);
}

#[test]
fn a_recorded_signatory_signs_for_the_party_until_the_authority_ends_or_is_withdrawn() {
    let mut deal = Deal::new(InstrumentTerms::default());
    let until = deal.world.now_ms + DAY;
    deal.grant(3, Some(until));
    deal.world.now_ms = until;
    let late = deal.signature(3);
    let why = deal.world.refused(late);
    assert!(why.contains("authority of"), "expired authority has its own error");
    // Day 1,001 after 1970, as people write it.
    assert!(why.contains("ended on 1972-09-28 00:00:00 UTC"), "{why}");
    deal.grant(3, None);
    deal.sign(3);
    // Withdrawn before the other side signs: the signature no longer counts.
    deal.world.ok(Command::WithdrawAuthority { person: deal.people[2], reason: "left the board".into() });
    let again = deal.signature(3);
    let why = deal.world.refused(again);
    assert!(why.contains("authority of") && why.contains("was withdrawn on 1972-09-28"), "{why}");
    deal.sign(4);
    assert_eq!(deal.status(), InstrumentStatus::Drafted);
    deal.sign(1);
    assert_eq!(deal.status(), InstrumentStatus::InForce);
    let none = Command::WithdrawAuthority { person: deal.people[2], reason: "again".into() };
    assert!(deal.world.refused(none).contains("no authority"));
}

#[test]
fn every_wrong_signature_has_its_own_error() {
    let mut deal = Deal::new(InstrumentTerms::default());
    let person = deal.people[0];
    let old = deal.world.state.instruments[&deal.instrument].envelope.clone();
    let submit = |deal: &Deal, signature: String| Command::SignInstrument {
        instrument: deal.instrument,
        person,
        signature,
    };
    let errors = [
        (sign(2, INSTRUMENT, &old), "but the person's key is"),
        (sign(1, INSTRUMENT, &old.replace('1', "7")), "what was signed is not this document"),
        (sign(1, NOTICE, &old), "namespace"),
        ("no signature".to_owned(), "not an SSH signature"),
    ];
    for (signature, expected) in errors {
        let command = submit(&deal, signature);
        let reason = deal.world.refused(command);
        assert!(reason.contains(expected), "{reason}");
    }
    deal.next_version(2, InstrumentTerms::default());
    let replay = submit(&deal, sign(1, INSTRUMENT, &old));
    assert!(deal.world.refused(replay).contains("under `deal` version 1: it cannot be used again"));
}

#[test]
fn a_proven_narrower_version_takes_effect_on_one_signature_where_the_clause_says_so() {
    let terms = InstrumentTerms { narrowed_by: vec![Side::Provider], ..InstrumentTerms::default() };
    let mut deal = Deal::new(terms.clone());
    deal.sign(1);
    deal.sign(4);
    let proof = |deal: &Deal, narrows| Command::RecordProofs {
        instrument: deal.instrument,
        proofs: vec![ProofRecord {
            question: "narrower".into(),
            about: String::new(),
            verdict: "proven".into(),
            solver: "cvc5".into(),
            script: [0; 32],
        }],
        narrows,
    };
    deal.next_version(2, terms.clone());
    let claimed = proof(&deal, Some(1));
    assert!(deal.world.refused(claimed.clone()).contains("only Writ itself"), "nobody else says so");
    deal.sign(4);
    assert_eq!(deal.status(), InstrumentStatus::Drafted, "not proven");
    deal.next_version(3, terms.clone());
    let proven = proof(&deal, Some(1));
    deal.world.try_as(Actor::System, proven).unwrap();
    let consumer = deal.signature(1);
    let events = deal.world.ok(consumer);
    assert_eq!(events.len(), 1, "the clause names the provider alone");
    deal.sign(4);
    assert_eq!(deal.status(), InstrumentStatus::InForce);
    deal.next_version(4, terms);
    let proven = proof(&deal, Some(3));
    deal.world.try_as(Actor::System, proven).unwrap();
    deal.sign(4);
    assert_eq!(deal.status(), InstrumentStatus::InForce, "the provider alone");
}

/// An answer that is not given any more, by a better solver or under other guardrails, is no answer.
#[test]
fn a_proof_that_is_taken_back_lets_nobody_sign_alone() {
    let terms = InstrumentTerms { narrowed_by: vec![Side::Provider], ..InstrumentTerms::default() };
    let mut deal = Deal::new(terms.clone());
    deal.sign(1);
    deal.sign(4);
    deal.next_version(2, terms);
    for narrows in [Some(1), None] {
        let proofs = Vec::new();
        let command = Command::RecordProofs { instrument: deal.instrument, proofs, narrows };
        deal.world.try_as(Actor::System, command).unwrap();
        assert_eq!(deal.world.state.instruments[&deal.instrument].narrows, narrows);
    }
    deal.sign(4);
    assert_eq!(deal.status(), InstrumentStatus::Drafted, "both sides sign");
    deal.sign(1);
    assert_eq!(deal.status(), InstrumentStatus::InForce);
}

#[test]
fn notices_need_a_power_and_fit_once() {
    let mut deal = Deal::new(InstrumentTerms::default());
    let draft = deal.notice(4, NoticeKind::Suspension);
    assert!(deal.world.refused(draft).contains("drafted"));
    deal.sign(1);
    deal.sign(4);
    for kind in [
        NoticeKind::Suspension,
        NoticeKind::Termination,
        NoticeKind::NoRenewal,
        NoticeKind::TerminationForCause,
    ] {
        let notice = deal.notice(4, kind);
        assert!(deal.world.refused(notice).contains("by notice"), "{kind} without a clause");
    }
    let terms = InstrumentTerms {
        suspended_by: vec![Side::Provider],
        suspension_grounds: vec!["breach".into()],
        suspension_notice_ms: Some(1_000),
        convenience_ms: Some(DAY),
        ..InstrumentTerms::default()
    };
    deal.next_version(2, terms);
    deal.sign(1);
    deal.sign(4);
    let consumer = deal.notice(1, NoticeKind::Suspension);
    assert!(deal.world.refused(consumer).contains("by notice"), "the clause names the provider");
    let suspension = deal.notice(4, NoticeKind::Suspension);
    deal.world.ok(suspension.clone());
    let now_ms = deal.world.now_ms;
    let found = &deal.world.state.instruments[&deal.instrument];
    assert!(!found.is_suspended(now_ms) && found.is_suspended(now_ms + 1_000));
    let resumption = deal.notice(4, NoticeKind::Resumption);
    deal.world.ok(resumption);
    assert_eq!(deal.status(), InstrumentStatus::InForce);
    assert!(deal.world.refused(suspension).contains("does not fit"), "a notice is good once");
    let outsider = deal.notice(2, NoticeKind::Termination);
    assert!(deal.world.refused(outsider).contains("cannot speak"));
    let end = deal.notice(1, NoticeKind::Termination);
    deal.world.ok(end);
    assert!(deal.world.state.instruments[&deal.instrument].is_over(now_ms + DAY));
}

#[test]
fn a_notice_names_a_ground_its_clause_knows() {
    let terms = InstrumentTerms {
        suspended_by: vec![Side::Provider, Side::Consumer],
        suspension_grounds: vec!["breach".into(), "law".into()],
        cure_ms: Some(DAY),
        clauses: vec!["1.1".into(), "2.3".into()],
        ..InstrumentTerms::default()
    };
    let mut deal = Deal::new(terms);
    deal.sign(1);
    deal.sign(4);
    let whim = deal.notice_on(4, NoticeKind::Suspension, "because it wishes so");
    assert!(deal.world.refused(whim).contains("is none of them"));
    let breach = deal.notice_on(4, NoticeKind::Suspension, "breach: clause 1.1, unpaid since May");
    deal.world.ok(breach);
    let other_side = deal.notice(1, NoticeKind::Resumption);
    assert!(deal.world.refused(other_side).contains("suspended by the other side"));
    let resumption = deal.notice(4, NoticeKind::Resumption);
    deal.world.ok(resumption);
    let unknown = deal.notice_on(1, NoticeKind::TerminationForCause, "9.9 was breached");
    assert!(deal.world.refused(unknown).contains("names the clause that was breached"));
    let cause = deal.notice_on(1, NoticeKind::TerminationForCause, "2.3 was breached");
    deal.world.ok(cause);
    let ends = |deal: &Deal| deal.world.state.instruments[&deal.instrument].ends_by_notice_ms;
    assert_eq!(ends(&deal), Some(deal.world.now_ms + DAY));
    let not_theirs = deal.notice(4, NoticeKind::Withdrawal);
    assert!(deal.world.refused(not_theirs).contains("gave no notice"));
    let cured = deal.notice(1, NoticeKind::Withdrawal);
    deal.world.ok(cured);
    assert_eq!(ends(&deal), None, "put right in time");
}

#[test]
fn an_amendment_needs_no_fewer_people_and_no_other_order() {
    let strict = InstrumentTerms {
        quorum: vec![(Side::Consumer, 2)],
        first: Some(Side::Consumer),
        ..InstrumentTerms::default()
    };
    let mut deal = Deal::new(strict);
    deal.grant(2, None);
    deal.sign(1);
    deal.sign(2);
    deal.sign(4);
    assert_eq!(deal.status(), InstrumentStatus::InForce);
    deal.next_version(2, InstrumentTerms::default());
    let early = deal.signature(4);
    assert!(deal.world.refused(early).contains("signs first"), "the order of the version in force");
    deal.sign(1);
    let early = deal.signature(4);
    assert!(deal.world.refused(early).contains("signs first"), "one of two");
    deal.sign(2);
    deal.sign(4);
    assert_eq!(deal.status(), InstrumentStatus::InForce);
}

#[test]
fn a_version_whose_term_is_to_come_leaves_the_one_before_in_force() {
    let mut deal = Deal::new(InstrumentTerms::default());
    deal.sign(1);
    deal.sign(4);
    let first = deal.instrument;
    let begins = deal.world.now_ms + DAY;
    deal.world.start_ms = Some(begins);
    deal.next_version(2, InstrumentTerms::default());
    deal.sign(1);
    deal.sign(4);
    let state = &deal.world.state;
    assert_eq!(state.instruments[&first].status, InstrumentStatus::InForce);
    let name = state.instruments[&first].name.clone();
    let binding = |now_ms| state.binding_version(&name, now_ms).map(|found| found.version);
    assert_eq!((binding(begins - 1), binding(begins)), (Some(1), Some(2)));
}

#[test]
fn a_term_is_renewed_when_nobody_can_object_any_more() {
    let terms = InstrumentTerms {
        renewal_ms: Some(50 * DAY),
        renewal_notice_ms: Some(10 * DAY),
        ..InstrumentTerms::default()
    };
    let mut deal = Deal::new(terms.clone());
    deal.sign(1);
    deal.sign(4);
    let renew = Command::RenewInstrument { instrument: deal.instrument };
    assert!(deal.world.refused(renew.clone()).contains("not to be renewed now"));
    deal.world.now_ms += 90 * DAY + 1;
    let late = deal.notice(1, NoticeKind::NoRenewal);
    assert!(deal.world.refused(late).contains("too late"));
    let events = deal.world.ok(renew.clone());
    assert!(matches!(events[..], [Event::InstrumentRenewed { .. }]));
    let objection = deal.notice(1, NoticeKind::NoRenewal);
    deal.world.ok(objection);
    deal.world.now_ms += 50 * DAY;
    assert!(deal.world.refused(renew).contains("not to be renewed now"), "somebody objected");
}
