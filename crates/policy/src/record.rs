//! What a gateway writes down of every decision and its outcome. Eternal bytes: numbers of fields
//! are never reused. Nothing personal: how the request looked is committed to, and kept beside.

use crate::decide::{Applied, Cited, Denial, Permit, Tried};
use contract::Number;
use contract::norm::SqlTouch;
use minicbor::{Decode, Encode};
use registry::{IdentityId, InstrumentId, Name, ServiceId};
use sha2::{Digest, Sha256};

/// The kind of a decision-log entry that holds a [`VerdictRecord`].
pub const VERDICT: &str = "decision/verdict";
/// The kind of a decision-log entry that holds an [`Outcome`].
pub const OUTCOME: &str = "decision/outcome";
/// Most records are shorter: their bytes are written without being moved.
const USUAL_BYTES: usize = 512;

/// The bytes of what is written down.
pub fn encode<T: Encode<()>>(value: &T) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = Vec::with_capacity(USUAL_BYTES);
    minicbor::encode(value, &mut bytes)?;
    Ok(bytes)
}

/// What could not be written.
pub type EncodeError = minicbor::encode::Error<std::convert::Infallible>;

/// One decision.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct VerdictRecord {
    /// Whether it was permitted.
    #[n(0)]
    pub permitted: bool,
    /// `permitted`, or the denial's reason.
    #[n(1)]
    pub reason: String,
    /// Who asked; absent when the certificate named nobody known.
    #[n(2)]
    pub identity: Option<IdentityId>,
    /// The certificate's serial number.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub serial: [u8; 16],
    /// Which service; absent when there is none of the host name.
    #[n(4)]
    pub service: Option<ServiceId>,
    /// The act; absent when the request is no known operation.
    #[n(5)]
    pub action: Option<Name>,
    /// On what.
    #[n(6)]
    pub resource: Option<Name>,
    /// The instrument the verdict rests on.
    #[n(7)]
    pub instrument: Option<InstrumentId>,
    /// Its version.
    #[n(8)]
    pub version: Option<u32>,
    /// The clauses it rests on.
    #[n(9)]
    pub clauses: Vec<String>,
    /// The quotas it counts against.
    #[n(10)]
    pub counted: Vec<String>,
    /// The compiled rule.
    #[cbor(n(11), with = "minicbor::bytes")]
    pub bundle: Option<[u8; 32]>,
    /// The control ledger's size it was decided under.
    #[n(12)]
    pub as_of_size: u64,
    /// The control ledger's root at that size.
    #[cbor(n(13), with = "minicbor::bytes")]
    pub as_of_root: [u8; 32],
    /// Commitment to the [`Inputs`].
    #[cbor(n(14), with = "minicbor::bytes")]
    pub inputs: [u8; 32],
    /// The charter and guardrails that permitted it too.
    #[n(15)]
    #[cbor(default)]
    pub above: Vec<AppliedRecord>,
    /// The time it was decided at, milliseconds since 1970; 0 in entries that do not say it.
    #[n(16)]
    #[cbor(default)]
    pub decided_ms: u64,
    /// For how long nothing had been heard from the control ledger then, in milliseconds.
    #[n(17)]
    #[cbor(skip_if = "is_zero")]
    pub silence_ms: u64,
    /// The one contract that could permit it, where it was said under one.
    #[n(18)]
    pub under: Option<InstrumentId>,
    /// What else the same statement does; permitted together with it.
    #[n(19)]
    #[cbor(default, skip_if = "Vec::is_empty")]
    pub beside: Vec<ActRecord>,
    /// For a statement: the verdict that opened its session, in the same log.
    #[n(20)]
    pub session: Option<u64>,
    /// The quotas its rows count against; how many those are its outcome says.
    #[n(21)]
    #[cbor(default, skip_if = "Vec::is_empty")]
    pub rows_counted: Vec<RowsRecord>,
    /// What drafts on trial would have said; it had no effect.
    #[n(22)]
    #[cbor(default, skip_if = "Vec::is_empty")]
    pub tried: Vec<TriedRecord>,
}

/// What a draft on trial would have said of what was permitted.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct TriedRecord {
    /// Which.
    #[n(0)]
    pub instrument: InstrumentId,
    /// Its version.
    #[n(1)]
    pub version: u32,
    /// The compiled rule.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub bundle: [u8; 32],
    /// `permitted`, or the reason it would have been denied for.
    #[n(3)]
    pub reason: String,
    /// The clauses that would have permitted or denied it, the first of them.
    #[n(4)]
    pub clauses: Vec<String>,
    /// Its quotas that it counts against.
    #[n(5)]
    pub counted: Vec<String>,
    /// How many rows it would have had at most, and by which clause; whether it had more its outcome says.
    #[n(6)]
    pub most: Option<MostRecord>,
}

/// How many rows a statement may have.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct MostRecord {
    /// So many.
    #[n(0)]
    pub rows: u64,
    /// The clause.
    #[n(1)]
    pub clause: String,
}

/// Clauses that are named of each draft on trial at most: what has no effect must not make a record too long.
const TRIED_CLAUSES_MAX: usize = 16;
/// What stands in [`VerdictRecord::reason`] of what was permitted.
const PERMITTED: &str = "permitted";

impl From<&Tried> for TriedRecord {
    fn from(tried: &Tried) -> Self {
        let Tried { instrument, version, bundle, said } = tried;
        let none = Self {
            instrument: *instrument,
            version: *version,
            bundle: *bundle,
            reason: PERMITTED.into(),
            clauses: Vec::new(),
            counted: Vec::new(),
            most: None,
        };
        match said {
            Ok(applied) => {
                let most = applied.conditions.as_ref().and_then(|conditions| conditions.most.as_ref());
                let most =
                    most.map(|most| MostRecord { rows: most.rows, clause: most.cited.clause.to_string() });
                let clauses = numbers(applied.clauses.get(..TRIED_CLAUSES_MAX).unwrap_or(&applied.clauses));
                Self { clauses, counted: numbers(&applied.counted), most, ..none }
            }
            Err(denial) => {
                let clauses =
                    denial.cited.as_ref().map(|cited| cited.clause.to_string()).into_iter().collect();
                Self { reason: denial.reason.as_str().into(), clauses, ..none }
            }
        }
    }
}

impl TriedRecord {
    /// Whether it would have been permitted.
    pub fn permits(&self) -> bool {
        self.reason == PERMITTED
    }

    /// What it would have said of acts that happen together: no, if it says no to one of them.
    fn together(self, other: Self) -> Self {
        if !self.permits() {
            return self;
        }
        if !other.permits() {
            return other;
        }
        let (mut clauses, mut counted) = (self.clauses, self.counted);
        clauses
            .extend(other.clauses.into_iter().filter(|clause| !clauses.contains(clause)).collect::<Vec<_>>());
        clauses.truncate(TRIED_CLAUSES_MAX);
        counted.extend(other.counted);
        let most = [self.most, other.most].into_iter().flatten().min_by_key(|most| most.rows);
        Self { clauses, counted, most, ..self }
    }
}

/// A quota of rows.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RowsRecord {
    /// Of which instrument.
    #[n(0)]
    pub instrument: InstrumentId,
    /// The clause.
    #[n(1)]
    pub clause: String,
}

/// A further act of a statement.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ActRecord {
    /// The act.
    #[n(0)]
    pub action: Name,
    /// On what.
    #[n(1)]
    pub resource: Name,
    /// The clauses of the contract that permitted it.
    #[n(2)]
    pub clauses: Vec<String>,
    /// The quotas it counts against and what stands before it does not.
    #[n(3)]
    pub counted: Vec<String>,
    /// The charter and guardrails that permitted it too.
    #[n(4)]
    pub above: Vec<AppliedRecord>,
}

impl From<&Permit> for ActRecord {
    fn from(permit: &Permit) -> Self {
        Self {
            action: permit.request().action.clone(),
            resource: permit.request().resource.clone(),
            clauses: numbers(&permit.contract().clauses),
            counted: numbers(&permit.contract().counted),
            above: permit.above().iter().map(AppliedRecord::from).collect(),
        }
    }
}

/// What entries that do not say it mean is not written.
fn is_zero(silence_ms: &u64) -> bool {
    *silence_ms == 0
}

/// An instrument that permitted beside the contract.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct AppliedRecord {
    /// Which.
    #[n(0)]
    pub instrument: InstrumentId,
    /// Its version.
    #[n(1)]
    pub version: u32,
    /// The clauses that permitted.
    #[n(2)]
    pub clauses: Vec<String>,
    /// The quotas it counts against.
    #[n(3)]
    pub counted: Vec<String>,
    /// The compiled rule.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub bundle: [u8; 32],
}

impl From<&Applied> for AppliedRecord {
    fn from(applied: &Applied) -> Self {
        Self {
            instrument: applied.instrument,
            version: applied.version,
            clauses: numbers(&applied.clauses),
            counted: numbers(&applied.counted),
            bundle: applied.bundle,
        }
    }
}

/// How the request looked: kept beside the log, erasable.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Inputs {
    /// Random: makes the commitment say nothing once this is erased.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub nonce: [u8; 16],
    /// The method.
    #[n(1)]
    pub method: String,
    /// The host.
    #[n(2)]
    pub host: String,
    /// Path and query as received.
    #[n(3)]
    pub target: String,
    /// The address it came from.
    #[n(4)]
    pub peer: String,
    /// The verdict in words.
    #[n(5)]
    pub detail: String,
    /// The purpose it declared.
    #[n(6)]
    pub purpose: Option<String>,
    /// The algorithm of the certificate's key.
    #[n(7)]
    #[cbor(default)]
    pub key_algorithm: String,
    /// For a statement to a database: what each of its acts touches, in their order.
    #[n(8)]
    #[cbor(default, skip_if = "Vec::is_empty")]
    pub touches: Vec<TouchInputs>,
    /// [`Parameters`] that were bound to it, sealed.
    #[cbor(n(9), with = "minicbor::bytes")]
    pub parameters: Option<Vec<u8>>,
    /// Which text of its session it was, where those have numbers: what went up has it, and so the server's own log.
    #[n(10)]
    pub trace: Option<u64>,
}

/// What was bound to the parameters of a statement.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Parameters {
    /// One for each, as far as there is room for them.
    #[n(0)]
    pub values: Vec<Parameter>,
    /// SHA-256 of all of them as they were sent, where there was none for all.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub cut: Option<[u8; 32]>,
}

/// A value that was bound.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Parameter {
    /// The number of its type in the database, where it is known.
    #[n(0)]
    pub kind: Option<u32>,
    /// It is as the server keeps it, and not as it prints it.
    #[n(1)]
    pub binary: bool,
    /// Its bytes; none for NULL.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub value: Option<Vec<u8>>,
}

/// What an act of a statement touches.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct TouchInputs {
    /// Each column as `schema.table.column`; none if they can be any.
    #[n(0)]
    pub columns: Option<Vec<String>>,
    /// Whether what it changes or removes is certain rows; also where it does neither.
    #[n(1)]
    pub which_rows: bool,
    /// Columns it uses for more than to give them back or to compare them with a value.
    #[n(2)]
    #[cbor(default, skip_if = "Vec::is_empty")]
    pub used: Vec<String>,
    /// Why it cannot be told in time how many rows it changes.
    #[n(3)]
    pub uncounted: Option<String>,
}

impl From<&SqlTouch> for TouchInputs {
    fn from(touch: &SqlTouch) -> Self {
        let SqlTouch { columns, which_rows, used, uncounted } = touch.clone();
        Self { columns, which_rows, used, uncounted }
    }
}

impl From<&TouchInputs> for SqlTouch {
    fn from(touch: &TouchInputs) -> Self {
        let TouchInputs { columns, which_rows, used, uncounted } = touch.clone();
        Self { columns, which_rows, used, uncounted }
    }
}

impl Inputs {
    /// Reads what is kept beside the log.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        minicbor::decode(bytes).ok()
    }

    /// The bytes kept beside the log, and the commitment that goes into it.
    pub fn commit(&self) -> (Vec<u8>, [u8; 32]) {
        let bytes = encode(self).unwrap_or_default();
        let digest = Sha256::digest(&bytes).into();
        (bytes, digest)
    }
}

/// How a permitted request ended.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Outcome {
    /// The index of its verdict in the same log.
    #[n(0)]
    pub verdict: u64,
    /// The upstream's status; 0 when it gave none.
    #[n(1)]
    pub status: u16,
    /// Bytes of the request's body; of a statement as it was sent, and of data copied in.
    #[n(2)]
    pub bytes_up: u64,
    /// Bytes of the response's body; of rows, and of data copied out.
    #[n(3)]
    pub bytes_down: u64,
    /// How it ended.
    #[n(4)]
    pub ending: Ending,
    /// From permit to end, in milliseconds.
    #[n(5)]
    pub duration_ms: u64,
    /// Rows that were returned or changed, where there are such.
    #[n(6)]
    pub rows: Option<u64>,
    /// The SQLSTATE of a statement that failed.
    #[n(7)]
    pub error: Option<String>,
    /// Rows that were given to the machine: what quotas of rows count. Rows that were only changed are none of them.
    #[n(8)]
    pub given: Option<u64>,
    /// What was masked in them.
    #[n(9)]
    #[cbor(default, skip_if = "Vec::is_empty")]
    pub masked: Vec<MaskedRecord>,
}

/// What was masked in the rows of a statement, and how often.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct MaskedRecord {
    /// What was found, as clauses spell it; or [`MASKED_FIELD`].
    #[n(0)]
    pub what: String,
    /// How many fields of rows were masked whole; of what was found in others, how often it was masked.
    #[n(1)]
    pub count: u64,
}

/// What stands in [`MaskedRecord::what`] of fields that were masked whole: a clause names them, or nobody can tell what is in
/// them.
pub const MASKED_FIELD: &str = "field";

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Ending {
    /// Both sides said all they had to say.
    #[n(0)]
    Complete,
    /// The exchange was cut: the machine went away, or was stopped.
    #[n(1)]
    Cut,
    /// The upstream could not be reached or broke off.
    #[n(2)]
    UpstreamFailed,
}

impl Ending {
    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Cut => "cut",
            Self::UpstreamFailed => "upstream failed",
        }
    }
}

fn numbers(numbers: &[Number]) -> Vec<String> {
    numbers.iter().map(Number::to_string).collect()
}

impl VerdictRecord {
    /// The record of a permit.
    pub fn of_permit(permit: &Permit, inputs: [u8; 32]) -> Self {
        let (request, contract) = (permit.request(), permit.contract());
        Self {
            permitted: true,
            reason: PERMITTED.into(),
            identity: Some(request.identity),
            serial: request.serial,
            service: Some(request.service),
            action: Some(request.action.clone()),
            resource: Some(request.resource.clone()),
            instrument: Some(contract.instrument),
            version: Some(contract.version),
            clauses: numbers(&contract.clauses),
            counted: numbers(&contract.counted),
            bundle: Some(contract.bundle),
            as_of_size: permit.as_of().size,
            as_of_root: permit.as_of().root,
            inputs,
            above: permit.above().iter().map(AppliedRecord::from).collect(),
            decided_ms: request.now_ms,
            silence_ms: request.silence_ms,
            under: request.under,
            beside: Vec::new(),
            session: None,
            rows_counted: Vec::new(),
            tried: permit.tried().iter().map(TriedRecord::from).collect(),
        }
    }

    /// The record of permits that belong together; none of none.
    pub fn of_permits(permits: &[Permit], inputs: [u8; 32]) -> Option<Self> {
        let (first, rest) = permits.split_first()?;
        let mut rows_counted: Vec<RowsRecord> = Vec::new();
        for Cited { instrument, clause, .. } in
            permits.iter().flat_map(Permit::allowances).map(|allowance| &allowance.cited)
        {
            let counted = RowsRecord { instrument: *instrument, clause: clause.to_string() };
            if !rows_counted.contains(&counted) {
                rows_counted.push(counted);
            }
        }
        let beside = rest.iter().map(ActRecord::from).collect();
        let whole = Self::of_permit(first, inputs);
        let mut tried = whole.tried;
        for said in rest.iter().flat_map(Permit::tried).map(TriedRecord::from) {
            match tried.iter_mut().find(|before| before.instrument == said.instrument) {
                Some(before) => *before = before.clone().together(said),
                None => tried.push(said),
            }
        }
        Some(Self { beside, rows_counted, tried, ..whole })
    }

    /// Every quota it counts against, by instrument.
    pub fn counts(&self) -> impl Iterator<Item = (InstrumentId, &str)> {
        let own = self.instrument.map(|instrument| (instrument, &self.counted));
        let beside = self.beside.iter().filter_map(|act| Some((self.instrument?, &act.counted)));
        let above = self.above.iter().chain(self.beside.iter().flat_map(|act| &act.above));
        let above = above.map(|applied| (applied.instrument, &applied.counted));
        let all = above.chain(own).chain(beside);
        all.flat_map(|(instrument, counted)| counted.iter().map(move |number| (instrument, number.as_str())))
    }

    /// Every quota of a draft on trial it counts against.
    pub fn tried_counts(&self) -> impl Iterator<Item = (InstrumentId, &str)> {
        self.tried
            .iter()
            .flat_map(|tried| tried.counted.iter().map(|number| (tried.instrument, number.as_str())))
    }

    /// The record of a denial, of which the gateway adds what it knows of the request.
    pub fn of_denial(denial: &Denial, serial: [u8; 16], inputs: [u8; 32]) -> Self {
        let cited = denial.cited.as_ref();
        Self {
            permitted: false,
            reason: denial.reason.as_str().into(),
            identity: None,
            serial,
            service: None,
            action: None,
            resource: None,
            instrument: cited.map(|cited| cited.instrument),
            version: cited.map(|cited| cited.version),
            clauses: cited.map(|cited| cited.clause.to_string()).into_iter().collect(),
            counted: Vec::new(),
            bundle: cited.map(|cited| cited.bundle),
            as_of_size: denial.as_of.size,
            as_of_root: denial.as_of.root,
            inputs,
            above: Vec::new(),
            decided_ms: 0,
            silence_ms: 0,
            under: None,
            beside: Vec::new(),
            session: None,
            rows_counted: Vec::new(),
            tried: Vec::new(),
        }
    }
}
