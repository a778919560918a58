//! Other trust domains whose machines ours can recognise (SPIFFE Federation): where each publishes its keys, for whose
//! machines they count, and what it published last. What one trust domain publishes says nothing about another: bundles
//! replace each other whole and are never merged.
//!
//! What was asked for is compared with what is known when the answer comes: an answer that was vouched for by a bundle
//! of before counts no more. Out of scope: the form of a bundle (`credential::bundle`), and fetching it.

use crate::admit::{Context, Refusal, RefusalKind, is_invisible, line, only_writ, party_of};
use crate::secret::{FAILURE_CHARS_MAX, is_same_failure};
use crate::{Event, Millis, PartyId, State};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

/// Trust domains at most.
pub const FEDERATIONS_MAX: usize = 64;
/// Parties of one relationship at most.
pub const PARTIES_MAX: usize = 64;
/// The longest name of a trust domain, in bytes (SPIFFE-ID §2.1).
pub const TRUST_DOMAIN_BYTES_MAX: usize = 255;
/// The longest SPIFFE ID, in bytes (SPIFFE-ID §2.3).
pub const SPIFFE_ID_BYTES_MAX: usize = 2048;
/// The largest bundle, in bytes of certificates and keys.
pub const BUNDLE_BYTES_MAX: usize = 64 * 1024;
/// How often a trust domain is asked that does not say how often, in seconds (SPIFFE Federation §4.1).
pub const REFRESH_DEFAULT_S: u64 = 300;
/// How often it is asked at most, and again after it could not be read.
pub const REFRESH_MIN_S: u64 = 60;
/// How often it is asked at least: what is taken back must not count for long.
pub const REFRESH_MAX_S: u64 = 86_400;

/// What makes it possible to recognise another trust domain's machines.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct FederationRelationship {
    /// The name of the trust domain: `partner.example`.
    #[n(0)]
    pub trust_domain: String,
    /// Where it publishes its bundle; given by hand unless set.
    #[n(1)]
    pub endpoint: Option<BundleEndpoint>,
    /// Whose machines recognise its machines.
    #[n(2)]
    pub parties: Vec<PartyId>,
    /// What it published last.
    #[n(3)]
    pub bundle: TrustBundle,
}

/// Where a trust domain publishes its bundle (SPIFFE Federation §5.1).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct BundleEndpoint {
    /// The address, which begins with `https://`.
    #[n(0)]
    pub url: String,
    /// By what its server is recognised.
    #[n(1)]
    pub profile: EndpointProfile,
}

/// By what the server of a bundle endpoint is recognised (SPIFFE Federation §5.2).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum EndpointProfile {
    /// `https_web`: a public authority says that the host is the one of the address.
    #[n(0)]
    Web,
    /// `https_spiffe`: it has this SPIFFE ID, in a trust domain whose bundle is here.
    #[n(1)]
    Spiffe(#[n(0)] String),
}

/// The keys of a trust domain (SPIFFE Trust Domain and Bundle §3).
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct TrustBundle {
    /// Roots of its X.509-SVIDs (DER).
    #[n(0)]
    pub roots: Vec<ByteVec>,
    /// Keys of its JWT-SVIDs: a JWK Set.
    #[n(1)]
    pub jwks: String,
    /// Its number: it grows whenever the trust domain publishes something else.
    #[n(2)]
    pub sequence: Option<u64>,
    /// How often the trust domain wants to be asked, in seconds.
    #[n(3)]
    pub refresh_hint_s: Option<u64>,
}

/// Where the bundle of a relationship that is established comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BundleFrom {
    /// Somebody gave it: it counts, whatever was there before.
    Hand,
    /// It is the one of before.
    Before,
    /// It was read where it is published: it must follow the one of before.
    Read,
}

/// A relationship and how it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Federation {
    /// The relationship.
    pub relationship: FederationRelationship,
    /// Since when this bundle counts.
    pub since_ms: Millis,
    /// Since when it cannot be read, and why.
    pub unread: Option<(Millis, String)>,
}

impl TrustBundle {
    /// How often its trust domain is asked, in seconds.
    pub fn refresh_s(&self) -> u64 {
        self.refresh_hint_s.unwrap_or(REFRESH_DEFAULT_S).clamp(REFRESH_MIN_S, REFRESH_MAX_S)
    }

    /// Why another bundle cannot follow this one, if so: what was taken back must not return by an old copy.
    fn not_followed_by(&self, next: &Self) -> Option<String> {
        let same = (&self.roots, &self.jwks) == (&next.roots, &next.jwks);
        match (self.sequence, next.sequence) {
            (Some(had), Some(has)) if has < had => Some(format!(
                "its number went back from {had} to {has}: it is an old copy, or not of this trust domain"
            )),
            (Some(had), Some(has)) if has == had && !same => {
                Some(format!("it has other keys under the number {had} that it had before"))
            }
            (Some(had), None) => Some(format!("it had the number {had} and has none now")),
            (Some(_) | None, Some(_)) | (None, None) => None,
        }
    }

    fn problem(&self) -> Option<String> {
        let bytes = self.jwks.len() + self.roots.iter().map(|root| root.len()).sum::<usize>();
        (bytes > BUNDLE_BYTES_MAX)
            .then(|| format!("a bundle of {bytes} bytes; at most {BUNDLE_BYTES_MAX} are read"))
    }
}

impl FederationRelationship {
    /// What is wrong with its words, if something is.
    pub fn problem(&self) -> Option<String> {
        let name = &self.trust_domain;
        if !is_trust_domain(name) {
            return Some(format!("`{name}` is not the name of a trust domain: a–z, 0–9, `.`, `-` and `_`"));
        }
        if self.parties.is_empty() || self.parties.len() > PARTIES_MAX {
            return Some(format!("say for whose machines it counts: between 1 and {PARTIES_MAX} parties"));
        }
        match &self.endpoint {
            None => {}
            Some(BundleEndpoint { url, .. }) if !url.starts_with("https://") => {
                return Some(format!("`{url}` does not begin with https://"));
            }
            Some(BundleEndpoint { url, profile }) => {
                if let Some(problem) = crate::address::problem(url) {
                    return Some(problem);
                }
                match profile {
                    EndpointProfile::Web => {}
                    EndpointProfile::Spiffe(id) => {
                        if id.len() > SPIFFE_ID_BYTES_MAX || !id.starts_with("spiffe://") {
                            return Some(format!("`{id}` is not a SPIFFE ID"));
                        }
                        let of = id.trim_start_matches("spiffe://").split('/').next();
                        if of == Some(name) && self.bundle.roots.is_empty() {
                            return Some("its server is recognised by its bundle, and there are no roots in it: get the bundle in another way first".into());
                        }
                    }
                }
            }
        }
        self.bundle.problem()
    }
}

/// Whether a text is the name of a trust domain (SPIFFE-ID §2.1).
pub fn is_trust_domain(text: &str) -> bool {
    let sound = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-_".contains(&b);
    (1..=TRUST_DOMAIN_BYTES_MAX).contains(&text.len()) && text.bytes().all(sound)
}

impl State {
    /// The trust domains whose machines a party's machines recognise, by name.
    pub fn federated_with(&self, party: PartyId) -> impl Iterator<Item = &FederationRelationship> {
        let all = self.federations.values().map(|federation| &federation.relationship);
        all.filter(move |relationship| relationship.parties.contains(&party))
    }
}

/// Establishes a relationship, or puts another in its place.
pub(crate) fn establish(
    state: &State,
    mut relationship: FederationRelationship,
    from: BundleFrom,
) -> Result<Vec<Event>, Refusal> {
    let refuse = |kind, reason: String, help: &str| Err(Refusal { kind, reason, help: help.to_owned() });
    let before = state.federations.get(&relationship.trust_domain).map(|known| &known.relationship.bundle);
    match (from, before) {
        (BundleFrom::Hand, _) | (BundleFrom::Read, None) => {}
        (BundleFrom::Before, Some(before)) => relationship.bundle.clone_from(before),
        (BundleFrom::Before, None) => {
            let reason = format!("there is no bundle of `{}` yet", relationship.trust_domain);
            return refuse(RefusalKind::Conflict, reason, "give it, or where it is read");
        }
        (BundleFrom::Read, Some(before)) => {
            if let Some(problem) = before.not_followed_by(&relationship.bundle) {
                let help = "if that is right, give the bundle with --bundle: numbers start over then";
                return refuse(
                    RefusalKind::Conflict,
                    format!("its bundle does not follow the one of before: {problem}"),
                    help,
                );
            }
        }
    }
    if let Some(problem) = relationship.problem() {
        return refuse(RefusalKind::Invalid, problem, "");
    }
    let name = &relationship.trust_domain;
    if state.trust_domain.as_deref() == Some(name) {
        let reason = format!("`{name}` is the trust domain of this ledger");
        return refuse(RefusalKind::Conflict, reason, "its own keys are not given from outside");
    }
    for party in &relationship.parties {
        party_of(state, *party)?;
    }
    if state.federations.len() >= FEDERATIONS_MAX && !state.federations.contains_key(name) {
        let reason = format!("there are {FEDERATIONS_MAX} trust domains already");
        return refuse(RefusalKind::Conflict, reason, "end one first");
    }
    Ok(vec![Event::FederationEstablished(Box::new(relationship))])
}

/// Ends a relationship.
pub(crate) fn end(state: &State, trust_domain: String, reason: String) -> Result<Vec<Event>, Refusal> {
    known(state, &trust_domain)?;
    Ok(vec![Event::FederationEnded { trust_domain, reason: line(reason)? }])
}

/// What a trust domain publishes, or why it could not be read. Only what changed is on record.
pub(crate) fn read(
    state: &State,
    asked: FederationRelationship,
    read: Result<TrustBundle, String>,
    context: &Context,
) -> Result<Vec<Event>, Refusal> {
    only_writ(context)?;
    let federation = known(state, &asked.trust_domain)?;
    let trust_domain = asked.trust_domain.clone();
    if federation.relationship != asked || asked.endpoint.is_none() {
        return Err(Refusal {
            kind: RefusalKind::Conflict,
            reason: format!("what is known of `{trust_domain}` changed while its bundle was read"),
            help: "read it again".into(),
        });
    }
    let before = &federation.relationship.bundle;
    let unread = federation.unread.as_ref().map(|(_, why)| why.as_str());
    let accepted = read.and_then(|next| match before.not_followed_by(&next).or_else(|| next.problem()) {
        Some(problem) => Err(problem),
        None => Ok(next),
    });
    Ok(match accepted {
        Ok(next) if next == *before && unread.is_none() => Vec::new(),
        Ok(next) => {
            let bundle = (next != *before).then_some(next);
            vec![Event::FederatedBundleRead { trust_domain, bundle }]
        }
        Err(reason) => {
            // Part of it is what somebody else wrote.
            let plain = |c| if is_invisible(c) { char::REPLACEMENT_CHARACTER } else { c };
            let reason: String = reason.chars().map(plain).take(FAILURE_CHARS_MAX).collect();
            let known = unread.is_some_and(|known| is_same_failure(known, &reason));
            if known { Vec::new() } else { vec![Event::FederatedBundleUnread { trust_domain, reason }] }
        }
    })
}

fn known<'s>(state: &'s State, trust_domain: &str) -> Result<&'s Federation, Refusal> {
    state.federations.get(trust_domain).ok_or_else(|| Refusal {
        kind: RefusalKind::NotFound,
        reason: format!("there is no federation with `{trust_domain}`"),
        help: "list them: `writ federation list`".into(),
    })
}
