//! Two versions of an instrument, word by word, part beside part. What is compared is everything that is
//! signed: title, parties, the frame, headings, clauses.

use crate::document::Instrument;
use crate::words::{self, Part, Place};
use similar::{Algorithm, DiffOp, capture_diff_slices};
use std::collections::{BTreeMap, BTreeSet};

/// From this likeness on (in thousandths) two clauses of a kind are two versions of one clause.
const ALIKE_MIN: u64 = 500;
/// Below this likeness words that stay are accidents: all of the text is shown as exchanged.
const WOVEN_MIN: u64 = 250;

/// A stretch of words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// In the old version only.
    Gone(String),
    /// In the new version only.
    New(String),
    /// In both.
    Same(String),
}

/// A sentence of either version, or of both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its words.
    pub text: Vec<Piece>,
    /// The mark beside it; empty where a part bears none.
    pub mark: Vec<Piece>,
}

/// A part of either version, or of both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Where it stands in the old version.
    pub old: Option<Place>,
    /// Where it stands in the new version.
    pub new: Option<Place>,
    /// Whether it changed its place among the parts that are in both.
    pub moved: bool,
    /// Its sentences.
    pub lines: Vec<Line>,
}

impl Row {
    /// Whether no word of it changed, nor its place; its number may have.
    pub fn is_same(&self) -> bool {
        let same = |pieces: &[Piece]| pieces.iter().all(|piece| matches!(piece, Piece::Same(_)));
        !self.moved && self.lines.iter().all(|line| same(&line.text) && same(&line.mark))
    }

    /// `3.1`, `3.1 → 3.2`, `3.1 → 5.2, moved`, `3.1 deleted`, `3.1 inserted`.
    pub fn label(&self) -> String {
        match (self.old, self.new) {
            (Some(old), Some(new)) if old == new && !self.moved => new.to_string(),
            (Some(old), Some(new)) if self.moved => format!("{old} → {new}, moved"),
            (Some(old), Some(new)) => format!("{old} → {new}"),
            (Some(old), None) => format!("{old} deleted"),
            (None, Some(new)) => format!("{new} inserted"),
            (None, None) => String::new(),
        }
    }
}

/// The rows of a redline, in the order of the new version.
pub fn redline(old: &Instrument, new: &Instrument) -> Vec<Row> {
    let (old, new) = (words::parts(old), words::parts(new));
    let text = |part: &Part| -> String {
        let said: Vec<&str> = part.sentences.iter().map(|(text, _)| text.as_str()).collect();
        said.join(" ")
    };
    let keyed = |parts: &[Part]| -> Vec<Item> {
        parts
            .iter()
            .map(|part| Item { kind: part.kind, place: part.place.to_string(), text: text(part) })
            .collect()
    };
    let row = |step: &Step| {
        let (before, after) = (step.old.and_then(|at| old.get(at)), step.new.and_then(|at| new.get(at)));
        Row {
            old: before.map(|part| part.place),
            new: after.map(|part| part.place),
            moved: step.moved,
            lines: lines(
                before.map_or(&[], |part| part.sentences.as_slice()),
                after.map_or(&[], |part| part.sentences.as_slice()),
            ),
        }
    };
    align(&keyed(&old), &keyed(&new)).iter().map(row).collect()
}

/// The sentences of two versions of a part.
fn lines(old: &[(String, &'static str)], new: &[(String, &'static str)]) -> Vec<Line> {
    let items = |said: &[(String, &'static str)]| -> Vec<Item> {
        said.iter().map(|(text, _)| Item { kind: "", place: String::new(), text: text.clone() }).collect()
    };
    let of = |side: &[(String, &'static str)], at: Option<usize>| {
        at.and_then(|at| side.get(at)).map(|(text, mark)| (text.clone(), *mark))
    };
    let line = |before: Option<(String, &str)>, after: Option<(String, &str)>| match (before, after) {
        (Some((old, old_mark)), Some((new, new_mark))) => {
            Line { text: woven(&old, &new), mark: exchanged(old_mark, new_mark) }
        }
        (old, new) => {
            let (old, old_mark) = old.unwrap_or_default();
            let (new, new_mark) = new.unwrap_or_default();
            Line { text: exchanged(&old, &new), mark: exchanged(old_mark, new_mark) }
        }
    };
    let mut lines = Vec::new();
    for step in align(&items(old), &items(new)) {
        if step.moved {
            // Sentences of a clause have their order from its kind: one that changed it is another.
            lines.push(line(of(old, step.old), None));
            lines.push(line(None, of(new, step.new)));
        } else {
            lines.push(line(of(old, step.old), of(new, step.new)));
        }
    }
    lines
}

/// Something that has a counterpart in the other version, or none.
struct Item {
    kind: &'static str,
    place: String,
    text: String,
}

/// Two counterparts, or one that has none.
struct Step {
    old: Option<usize>,
    new: Option<usize>,
    moved: bool,
}

/// Finds counterparts: in the order of the new version, what is gone behind what stood before it.
fn align(old: &[Item], new: &[Item]) -> Vec<Step> {
    let partners = partners(old, new);
    let order: Vec<usize> = (0..new.len()).filter_map(|at| partners.get(&at).copied()).collect();
    let kept = rising(&order);
    let paired: BTreeSet<usize> = partners.values().copied().collect();
    let mut gone = (0..old.len()).filter(|at| !paired.contains(at)).peekable();
    let mut steps = Vec::new();
    for at in 0..new.len() {
        let partner = partners.get(&at).copied();
        let moved = partner.is_some_and(|old| !kept.contains(&old));
        if let Some(stands) = partner.filter(|_| !moved) {
            while let Some(before) = gone.next_if(|gone| *gone < stands) {
                steps.push(Step { old: Some(before), new: None, moved: false });
            }
        }
        steps.push(Step { old: partner, new: Some(at), moved });
    }
    steps.extend(gone.map(|at| Step { old: Some(at), new: None, moved: false }));
    steps
}

/// For each new item its old counterpart: the most alike first, each once. An item that is the only one
/// of its kind in both versions needs no likeness, nor one that kept its kind and place and was left over.
fn partners(old: &[Item], new: &[Item]) -> BTreeMap<usize, usize> {
    let bags =
        |items: &[Item]| -> Vec<BTreeMap<String, u64>> { items.iter().map(|item| bag(&item.text)).collect() };
    let (old_bags, new_bags) = (bags(old), bags(new));
    // Words that every clause has say nothing of which clause it is.
    let mut spread: BTreeMap<&str, u64> = BTreeMap::new();
    for word in old_bags.iter().chain(&new_bags).flat_map(BTreeMap::keys) {
        *spread.entry(word).or_default() += 1;
    }
    let single = |items: &[Item], kind: &str| items.iter().filter(|item| item.kind == kind).count() == 1;
    let mut candidates = Vec::new();
    for (n, (item, new_bag)) in new.iter().zip(&new_bags).enumerate() {
        for (o, (other, old_bag)) in old.iter().zip(&old_bags).enumerate() {
            if item.kind != other.kind {
                continue;
            }
            let likeness =
                if item.text == other.text { 1_000 } else { likeness(old_bag, new_bag, &spread).min(999) };
            let here = item.place == other.place;
            let only = single(old, item.kind) && single(new, item.kind);
            if likeness >= ALIKE_MIN || only {
                candidates.push((1_000 - likeness, !here, n.abs_diff(o), n, o));
            } else if here && !item.place.is_empty() {
                candidates.push((1_001 - likeness + 1_000, !here, 0, n, o));
            }
        }
    }
    candidates.sort_unstable();
    let (mut partners, mut taken) = (BTreeMap::new(), BTreeSet::new());
    for (_, _, _, n, o) in candidates {
        if !partners.contains_key(&n) && taken.insert(o) {
            partners.insert(n, o);
        }
    }
    partners
}

/// How often each word occurs.
fn bag(text: &str) -> BTreeMap<String, u64> {
    let mut bag = BTreeMap::new();
    for token in tokens(text).into_iter().filter(|token| !is_filling(token)) {
        *bag.entry(token.to_lowercase()).or_default() += 1;
    }
    bag
}

/// What two texts have in common, in thousandths; rare words count for more.
fn likeness(old: &BTreeMap<String, u64>, new: &BTreeMap<String, u64>, spread: &BTreeMap<&str, u64>) -> u64 {
    let weight = |word: &str| 1_000 / spread.get(word).copied().unwrap_or(1).max(1);
    let total =
        |bag: &BTreeMap<String, u64>| bag.iter().map(|(word, count)| weight(word) * count).sum::<u64>();
    let shared =
        |(word, count): (&String, &u64)| weight(word) * new.get(word).copied().unwrap_or(0).min(*count);
    let all = total(old) + total(new);
    (2_000 * old.iter().map(shared).sum::<u64>()).checked_div(all).unwrap_or(1_000)
}

/// A longest rising run of `order`, as a set: what stayed in order.
fn rising(order: &[usize]) -> BTreeSet<usize> {
    // For each position: the length of the longest run that ends there, and where it came from.
    let mut runs: Vec<(usize, Option<usize>)> = Vec::new();
    for (at, value) in order.iter().enumerate() {
        let before = order.iter().zip(&runs).enumerate().take(at).filter(|(_, (other, _))| *other < value);
        let best = before
            .map(|(from, (_, (length, _)))| (*length, from))
            .max_by_key(|(length, from)| (*length, std::cmp::Reverse(*from)));
        runs.push(best.map_or((1, None), |(length, from)| (length + 1, Some(from))));
    }
    let end = runs.iter().enumerate().max_by_key(|(at, (length, _))| (*length, std::cmp::Reverse(*at)));
    let mut at = end.map(|(at, _)| at);
    let mut kept = BTreeSet::new();
    while let Some(position) = at {
        kept.extend(order.get(position).copied());
        at = runs.get(position).and_then(|(_, from)| *from);
    }
    kept
}

/// All of one for all of the other; the same if they are equal.
fn exchanged(old: &str, new: &str) -> Vec<Piece> {
    if old == new {
        return if old.is_empty() { Vec::new() } else { vec![Piece::Same(old.to_owned())] };
    }
    let gone = (!old.is_empty()).then(|| Piece::Gone(old.to_owned()));
    gone.into_iter().chain((!new.is_empty()).then(|| Piece::New(new.to_owned()))).collect()
}

/// Two versions of a sentence, stretch by stretch.
fn woven(old: &str, new: &str) -> Vec<Piece> {
    let even = BTreeMap::new();
    if old == new || likeness(&bag(old), &bag(new), &even) < WOVEN_MIN {
        return exchanged(old, new);
    }
    let (before, after) = (tokens(old), tokens(new));
    let mut weave = Weave::default();
    for change in capture_diff_slices(Algorithm::Myers, &before, &after) {
        let gone = before.get(change.old_range()).unwrap_or_default().concat();
        let come = after.get(change.new_range()).unwrap_or_default().concat();
        match change {
            DiffOp::Equal { .. } => weave.same(&come),
            DiffOp::Delete { .. } | DiffOp::Insert { .. } | DiffOp::Replace { .. } => {
                weave.change(&gone, &come)
            }
        }
    }
    weave.end()
}

/// Pieces as they are woven: what changed waits until it is known where the change ends.
#[derive(Default)]
struct Weave {
    gone: String,
    new: String,
    /// Blanks behind a change: part of it if another change follows.
    filling: String,
    pieces: Vec<Piece>,
}

impl Weave {
    fn change(&mut self, gone: &str, new: &str) {
        let filling = std::mem::take(&mut self.filling);
        for (side, text) in [(&mut self.gone, gone), (&mut self.new, new)] {
            side.push_str(&filling);
            side.push_str(text);
        }
    }

    fn same(&mut self, text: &str) {
        let changing = !self.gone.is_empty() || !self.new.is_empty();
        if changing && is_filling(text) {
            self.filling.push_str(text);
            return;
        }
        self.flush();
        match self.pieces.last_mut() {
            Some(Piece::Same(last)) => last.push_str(text),
            Some(Piece::Gone(_) | Piece::New(_)) | None => self.pieces.push(Piece::Same(text.to_owned())),
        }
    }

    fn flush(&mut self) {
        let (gone, new) = (std::mem::take(&mut self.gone), std::mem::take(&mut self.new));
        self.pieces.extend((!gone.is_empty()).then_some(Piece::Gone(gone)));
        self.pieces.extend((!new.is_empty()).then_some(Piece::New(new)));
        let filling = std::mem::take(&mut self.filling);
        self.pieces.extend((!filling.is_empty()).then_some(Piece::Same(filling)));
    }

    fn end(mut self) -> Vec<Piece> {
        self.flush();
        self.pieces
    }
}

/// Whether nothing in it can be read aloud.
fn is_filling(text: &str) -> bool {
    !text.contains(char::is_alphanumeric)
}

/// The words of a sentence. A figure (`6,000`, `99.9%`, `10.0.0.0/8`), an address, and whatever stands in
/// marks is one word: half of it would be another figure, or a mark that is not closed.
fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (token, behind) = rest.split_at(token_length(rest, first));
        tokens.push(token);
        rest = behind;
    }
    tokens
}

/// The length of the word at the beginning of `text`, in bytes; never 0.
fn token_length(text: &str, first: char) -> usize {
    let mark = if text.starts_with("**") { "**" } else { "`" };
    let inner = text.strip_prefix(mark).and_then(|inner| inner.find(mark));
    if let Some(inner) = inner {
        return inner + 2 * mark.len();
    }
    if first.is_whitespace() {
        return text.find(|c: char| !c.is_whitespace()).unwrap_or(text.len());
    }
    if !first.is_alphanumeric() {
        return first.len_utf8();
    }
    let mut before = first;
    let mut letters = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = letters.next() {
        let joins = matches!(c, ',' | '.' | ':' | '-' | '\'' | '’' | '@' | '/' | '_' | '+');
        let joined = joins && letters.peek().is_some_and(|(_, next)| next.is_alphanumeric());
        // Between letters a comma, colon or slash parts two words.
        let figure = before.is_ascii_digit() && letters.peek().is_some_and(|(_, next)| next.is_ascii_digit());
        let joined = joined && (figure || !matches!(c, ',' | ':' | '/'));
        let share = c == '%' && before.is_ascii_digit();
        if !(c.is_alphanumeric() || joined || share) {
            return at;
        }
        before = c;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_and_marks_are_one_word() {
        assert_eq!(
            tokens("not more than 6,000 calls, to **roll back** `a b`, 99.9%."),
            [
                "not",
                " ",
                "more",
                " ",
                "than",
                " ",
                "6,000",
                " ",
                "calls",
                ",",
                " ",
                "to",
                " ",
                "**roll back**",
                " ",
                "`a b`",
                ",",
                " ",
                "99.9%",
                "."
            ]
        );
        assert_eq!(
            tokens("at soc@a.example, 10.64.0.0/10; 00:00:00"),
            ["at", " ", "soc@a.example", ",", " ", "10.64.0.0/10", ";", " ", "00:00:00"]
        );
        assert_eq!(tokens("a ** b `c"), ["a", " ", "*", "*", " ", "b", " ", "`", "c"]);
    }

    #[test]
    fn a_change_is_one_stretch() {
        let pieces = woven(
            "not more than 6,000 calls in 1 hour of a day",
            "not more than 600 acts in 1 hour of a day",
        );
        let same = |text: &str| Piece::Same(text.to_owned());
        assert_eq!(
            pieces,
            [
                same("not more than "),
                Piece::Gone("6,000 calls".to_owned()),
                Piece::New("600 acts".to_owned()),
                same(" in 1 hour of a day")
            ]
        );
        assert_eq!(woven("may read", "shall not delete"), exchanged("may read", "shall not delete"));
    }

    #[test]
    fn the_longest_run_in_order_stays() {
        assert_eq!(rising(&[3, 0, 1, 2]), BTreeSet::from([0, 1, 2]));
        assert_eq!(rising(&[]), BTreeSet::new());
    }
}
