//! The clause library: the wording of every kind, versioned and addressed by its hash. People review
//! `library.toml`; clauses fill its blanks and write no English of their own.

use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The version of the wording; part of every envelope.
pub const LIBRARY: &str = "writ-clauses/7";

const SOURCE: &str = include_str!("library.toml");

/// Wording by kind of clause and name of the sentence.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Library(BTreeMap<String, BTreeMap<String, String>>);

static CURRENT: LazyLock<Library> =
    LazyLock::new(|| toml::from_str(SOURCE).unwrap_or_else(|_| Library(BTreeMap::new())));

impl Library {
    /// The wording this version of Writ uses.
    pub fn current() -> &'static Self {
        &CURRENT
    }

    /// Kinds and their sentences.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &BTreeMap<String, String>)> {
        self.0.iter().map(|(kind, sentences)| (kind.as_str(), sentences))
    }

    /// The address of a kind's wording: SHA-256 over its sentences in order of their names.
    pub fn hash_of(&self, kind: &str) -> Option<[u8; 32]> {
        let sentences = self.0.get(kind)?;
        let mut hash = Sha256::new_with_prefix(LIBRARY);
        for part in sentences.iter().flat_map(|(name, text)| [name, text]) {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Some(hash.finalize().into())
    }

    /// The address of the whole wording.
    pub fn hash(&self) -> [u8; 32] {
        let mut hash = Sha256::new_with_prefix(LIBRARY);
        for kind in self.0.keys() {
            hash.update((kind.len() as u64).to_be_bytes());
            hash.update(kind);
            hash.update(self.hash_of(kind).unwrap_or_default());
        }
        hash.finalize().into()
    }

    /// The sentence `kind.name` with its blanks filled. A blank that is not given, or a sentence that
    /// does not exist, stays visible; tests see to it that no document ever shows one.
    pub fn fill(&self, key: &str, blanks: &[(&str, &str)]) -> String {
        let template = key.split_once('.').and_then(|(kind, name)| self.0.get(kind)?.get(name));
        let Some(template) = template else { return format!("{{{key}}}") };
        let mut out = String::with_capacity(template.len() * 2);
        let mut rest = template.as_str();
        while let Some((before, behind)) = rest.split_once('{') {
            out.push_str(before);
            let Some((name, after)) = behind.split_once('}') else { break };
            match blanks.iter().find(|(blank, _)| *blank == name) {
                Some((_, text)) => out.push_str(text),
                None => {
                    out.push('{');
                    out.push_str(name);
                    out.push('}');
                }
            }
            rest = after;
        }
        out.push_str(rest);
        out
    }
}
