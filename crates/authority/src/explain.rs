//! Why somebody gets a credential, or does not: which rule, clause, or owner decides. The functions that admit and that
//! issue are asked; what is said beside their answers explains it.

use crate::Authority;
use credential::issue::DEFAULT_LIFE_MS;
use credential::{ProcessEvidence, Unrecognised};
use policy::Rules;
use registry::{
    CredentialClause, Identity, IdentityId, InstrumentId, Millis, Office, Person, Standing, State,
    WorkloadRule,
};

/// How a finding bears on the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bearing {
    /// It lets it happen.
    For,
    /// It stops it.
    Against,
    /// It shapes it, or is good to know.
    Beside,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// How it bears on the answer.
    pub bearing: Bearing,
    /// What, as a sentence without its full stop.
    pub what: String,
}

/// An explanation: the answer, and what it rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// What was asked about.
    pub about: String,
    /// The answer.
    pub answer: String,
    /// What it rests on, in the order in which it is looked at.
    pub found: Vec<Found>,
}

#[derive(Default)]
struct Findings(Vec<Found>);

impl Findings {
    fn say(&mut self, bearing: Bearing, what: impl Into<String>) {
        self.0.push(Found { bearing, what: what.into() });
    }

    fn stopped(&self) -> bool {
        self.0.iter().any(|found| found.bearing == Bearing::Against)
    }
}

impl Authority {
    /// Why a process is given what it is given. `evidence` is what a host finds out about it now.
    pub fn explain_process(&self, pid: i32, evidence: &ProcessEvidence) -> Explained {
        let about = format!("process {pid}");
        let mut findings = Findings::default();
        findings.say(Bearing::Beside, shown(evidence));
        let rules = self.rules();
        let state = rules.state();
        let answer = match credential::recognise(state, evidence) {
            Err(why) => {
                for (identity, rule) in fitting(state, evidence) {
                    findings.say(
                        Bearing::Beside,
                        format!("the rule {rule} of `{}` fits", state.identity_label(identity)),
                    );
                }
                findings.say(Bearing::Against, why.to_string());
                match why {
                    Unrecognised::Ambiguous(..) => {
                        "gets nothing: two machines have equal claim to it".to_owned()
                    }
                    Unrecognised::Nearest(_) | Unrecognised::NoRules => {
                        "gets nothing: it is no machine".to_owned()
                    }
                    Unrecognised::NotActive(..) => "gets nothing: its machine may not act".to_owned(),
                }
            }
            Ok(recognised) => {
                let labels: Vec<String> = recognised
                    .iter()
                    .map(|found| format!("`{}`", state.identity_label(found.identity)))
                    .collect();
                for found in &recognised {
                    let label = state.identity_label(found.identity);
                    findings
                        .say(Bearing::For, format!("the rule {} of `{label}` fits", written(&found.rule)));
                    self.explain_machine(&rules, found.identity, &mut findings);
                }
                let first = "the first is its default";
                match (labels.as_slice(), findings.stopped()) {
                    (_, true) => format!("is {}, but gets nothing", labels.join(" and ")),
                    ([_, _, ..], false) => format!("gets credentials of {}; {first}", labels.join(" and ")),
                    (_, false) => format!("gets credentials of {}", labels.join("")),
                }
            }
        };
        Explained { about, answer, found: findings.0 }
    }

    /// Why a machine is issued credentials, of which kind, or why not.
    pub fn explain_identity(&self, identity: IdentityId) -> Explained {
        let rules = self.rules();
        let mut findings = Findings::default();
        self.explain_machine(&rules, identity, &mut findings);
        recognised_by(rules.state(), identity, self.now_ms(), &mut findings);
        let answer = if findings.stopped() { "is issued nothing" } else { "is issued credentials" };
        let about = format!("`{}`", rules.state().identity_label(identity));
        Explained { about, answer: answer.to_owned(), found: findings.0 }
    }

    /// Why a certificate counts, or does not.
    pub fn explain_certificate(&self, serial: &[u8; 16]) -> Explained {
        let now_ms = self.now_ms();
        let rules = self.rules();
        let state = rules.state();
        let mut findings = Findings::default();
        let about = format!("certificate {}", contract::canonical::hex(serial));
        match state.credentials.get(serial) {
            None => findings.say(
                Bearing::Against,
                "no live certificate has this serial number: it expired, or it was never issued",
            ),
            Some(found) => {
                let label = state.identity_label(found.identity);
                findings.say(
                    Bearing::For,
                    format!("it was issued to `{label}`, recognised by {}", found.attestation),
                );
                let until = time(found.not_after_ms);
                match found.not_after_ms <= now_ms {
                    true => findings.say(Bearing::Against, format!("it expired on {until}")),
                    false => findings.say(Bearing::For, format!("it is good until {until}")),
                }
                if let Some(reason) = &found.revoked {
                    findings.say(Bearing::Against, format!("it was revoked: {reason}"));
                } else if let Err((_, why)) = policy::decide::standing(&rules, found.identity, serial, now_ms)
                {
                    findings.say(Bearing::Against, why);
                }
                if let Some(scope) = &found.scope {
                    findings.say(Bearing::Beside, format!("it is good for: {scope}"));
                }
            }
        }
        let answer = if findings.stopped() { "does not count" } else { "counts" };
        Explained { about, answer: answer.to_owned(), found: findings.0 }
    }

    fn explain_machine(&self, rules: &Rules, identity: IdentityId, findings: &mut Findings) {
        let (state, now_ms) = (rules.state(), self.now_ms());
        let Some(machine) = state.identities.get(&identity) else {
            return findings.say(Bearing::Against, "the machine is not registered");
        };
        let label = state.identity_label(identity);
        match machine.standing(now_ms) {
            Standing::Good => findings.say(Bearing::For, format!("`{label}` is {}", machine.state)),
            Standing::Refused(why) => findings.say(Bearing::Against, format!("`{label}` {why}")),
        }
        let departed = machine.departed_ms.is_some();
        for office in [Office::Owner, Office::Deputy] {
            let (there, what) = seat(state, machine, office);
            // While somebody is left, the other one's absence has its own steps.
            let excused = departed && !state.accountable(machine).is_empty();
            let bearing = match (there, excused) {
                (true, _) => Bearing::For,
                (false, true) => Bearing::Beside,
                (false, false) => Bearing::Against,
            };
            findings.say(bearing, what);
        }
        if let (Err(refusal), false) =
            (registry::admit::may_be_issued(state, identity, now_ms), findings.stopped())
        {
            findings.say(Bearing::Against, refusal.reason);
        }
        ladder(state, machine, now_ms, findings);
        terms(rules, machine, now_ms, findings);
    }
}

/// Whether an office is held, in words.
fn seat(state: &State, machine: &Identity, office: Office) -> (bool, String) {
    let seat = machine.seat(office);
    let person = state.people.get(&seat.person);
    let name = person.map_or_else(|| seat.person.to_string(), |person| person.name.to_string());
    let office = office.as_str();
    match (person.and_then(|person: &Person| person.left_ms), seat.accepted_ms) {
        (Some(left), _) => (false, format!("its {office} `{name}` left on {}", time(left))),
        (None, None) => (false, format!("its {office} `{name}` has not accepted by signature")),
        (None, Some(accepted)) => (true, format!("its {office} `{name}` accepted on {}", time(accepted))),
    }
}

/// What was done and what comes after a departure.
fn ladder(state: &State, machine: &Identity, now_ms: Millis, findings: &mut Findings) {
    let Some(departed) = machine.departed_ms else { return };
    let ladder = state.ladder(machine, now_ms);
    for (step, (instrument, rung)) in &ladder {
        let when = time(departed.saturating_add(rung.after_ms));
        let by = format!("clause {} of `{}`", rung.clause, instrument_label(state, *instrument));
        let done = if machine.steps.contains(step) { "was taken" } else { "is due" };
        findings.say(Bearing::Beside, format!("the step `{step}` {done} on {when} ({by})"));
    }
    if let Some(until) = machine.grace_until_ms {
        findings.say(Bearing::Beside, format!("it stops on {} unless somebody takes over", time(until)));
    }
}

/// What its credentials must be, and which clause says so.
fn terms(rules: &Rules, machine: &Identity, now_ms: Millis, findings: &mut Findings) {
    let state = rules.state();
    let clauses: Vec<(InstrumentId, &CredentialClause)> =
        rules.credential_clauses(machine.id, now_ms).collect();
    let by = |(instrument, clause): &(InstrumentId, &CredentialClause)| {
        format!("clause {} of `{}`", clause.clause, instrument_label(state, *instrument))
    };
    let shortest = clauses.iter().min_by_key(|(_, clause)| clause.life_max_ms);
    let shortest = shortest.filter(|(_, clause)| clause.life_max_ms < DEFAULT_LIFE_MS);
    let life = shortest.map_or(DEFAULT_LIFE_MS, |(_, clause)| clause.life_max_ms);
    match (state.shortened_ms(machine, now_ms).filter(|shorter| *shorter < life), shortest) {
        (Some(shorter), _) => findings.say(
            Bearing::Beside,
            format!(
                "its certificates live for {} at most, since nobody took over after a departure",
                span(shorter)
            ),
        ),
        (None, Some(clause)) => {
            findings.say(
                Bearing::Beside,
                format!("its certificates live for {} at most ({})", span(life), by(clause)),
            );
        }
        (None, None) => findings.say(
            Bearing::Beside,
            format!("its certificates live for {}; no clause asks for less", span(life)),
        ),
    }
    for clause in &clauses {
        let of = |what: &str, allowed: &[String]| format!("{what} {} ({})", allowed.join(" or "), by(clause));
        if !clause.1.key_algorithms.is_empty() {
            findings.say(Bearing::Beside, of("its keys are", &clause.1.key_algorithms));
        }
        if !clause.1.audiences.is_empty() {
            findings.say(Bearing::Beside, of("its tokens are for", &clause.1.audiences));
        }
        if let Some(percent) = clause.1.renew_at_percent {
            findings.say(
                Bearing::Beside,
                format!("it renews at {percent}% of their life or before ({})", by(clause)),
            );
        }
    }
    if let Err(none) = credential::IssuanceTerms::strictest(clauses.into_iter(), life) {
        findings.say(Bearing::Against, none.to_string());
    }
}

fn recognised_by(state: &State, identity: IdentityId, now_ms: Millis, findings: &mut Findings) {
    for rule in state.workloads.get(&identity).into_iter().flatten() {
        findings.say(Bearing::Beside, format!("a process is it that fits {}", written(rule)));
    }
    for rule in state.joins.get(&identity).into_iter().flatten() {
        findings.say(Bearing::Beside, format!("it joins with tokens of {rule}"));
    }
    let barred = state.barred.values().filter(|of| **of == identity).count();
    if barred > 0 {
        findings.say(
            Bearing::Beside,
            format!("{barred} of its instances were stopped and get nothing (`writ identity readmit`)"),
        );
    }
    let live = state
        .credentials
        .values()
        .filter(|one| one.identity == identity && one.revoked.is_none() && one.not_after_ms > now_ms)
        .count();
    let standing = state.identities.get(&identity).map(|machine| machine.standing(now_ms));
    let counts = if matches!(standing, Some(Standing::Refused(_))) && live > 0 {
        ", and count for nothing"
    } else {
        ""
    };
    findings.say(Bearing::Beside, format!("{live} of its certificates are in time and not revoked{counts}"));
}

fn fitting(state: &State, evidence: &ProcessEvidence) -> Vec<(IdentityId, String)> {
    let rules =
        state.workloads.iter().flat_map(|(identity, rules)| rules.iter().map(move |rule| (*identity, rule)));
    let fits = rules.filter(|(_, rule)| rule.selectors.iter().all(|selector| evidence.fits(selector)));
    fits.map(|(identity, rule)| (identity, written(rule))).collect()
}

fn written(rule: &WorkloadRule) -> String {
    let selectors: Vec<String> = rule.selectors.iter().map(ToString::to_string).collect();
    match rule.priority {
        0 => selectors.join(","),
        priority => format!("{} (priority {priority})", selectors.join(",")),
    }
}

fn shown(evidence: &ProcessEvidence) -> String {
    let known = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!("{name}:{value}"));
    let parts = [
        Some(format!("uid:{}", evidence.uid)),
        Some(format!("gid:{}", evidence.gid)),
        known("path", &evidence.path),
        known("unit", &evidence.unit),
        known("cgroup", &evidence.cgroup),
        evidence.sha256.map(|digest| format!("sha256:{}", contract::canonical::hex(&digest))),
    ];
    format!("it is {}", parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
}

fn instrument_label(state: &State, instrument: InstrumentId) -> String {
    let found = state.instruments.get(&instrument);
    found.map_or_else(|| instrument.to_string(), |found| format!("{}, version {}", found.name, found.version))
}

fn span(ms: Millis) -> String {
    contract::Span::from_ms(ms).to_string()
}

fn time(ms: Millis) -> String {
    contract::value::instant(ms)
}
