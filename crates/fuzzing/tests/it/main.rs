//! Every kept input through its target, and nothing kept that no target reads.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where it fails")]

use fuzzing::{TARGETS, WITH_PDF};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Files in the corpus of one target at most, and their bytes together: a corpus is read with every run of the tests.
const FILES_MAX: usize = 45;
const BYTES_MAX: u64 = 112 * 1024;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

fn names(folder: &Path) -> Vec<String> {
    let items = std::fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<String> = items.map(|item| item.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn every_kept_input_keeps_its_property() {
    let mut broken = Vec::new();
    for (target, run) in TARGETS {
        let corpus = fuzz().join("corpus").join(target);
        let files = names(&corpus);
        assert!(!files.is_empty(), "{target} has no corpus: keep at least one input in {}", corpus.display());
        let bytes: u64 = files.iter().map(|file| corpus.join(file).metadata().unwrap().len()).sum();
        assert!(
            files.len() <= FILES_MAX && bytes <= BYTES_MAX,
            "{target}: {} files, {bytes} bytes",
            files.len()
        );
        for folder in ["corpus", "regressions"].map(|kept| fuzz().join(kept).join(target)) {
            for file in names(&folder) {
                let data = std::fs::read(folder.join(&file)).unwrap();
                if std::panic::catch_unwind(|| run(&data)).is_err() {
                    broken.push(folder.join(&file));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn targets_binaries_and_folders_are_the_same() {
    let targets: BTreeSet<String> =
        TARGETS.iter().map(|(name, _)| *name).chain(WITH_PDF.iter().copied()).map(str::to_owned).collect();
    let kept = |folder: &str| names(&fuzz().join(folder)).into_iter().collect::<BTreeSet<String>>();
    assert_eq!(kept("corpus"), targets, "a corpus for every target, a target for every corpus");
    assert!(kept("regressions").is_subset(&targets), "{:?}", kept("regressions"));
    let files: BTreeSet<String> = targets.iter().map(|name| format!("{name}.rs")).collect();
    assert_eq!(kept("fuzz_targets"), files);
    let manifest = std::fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    let listed: BTreeSet<String> = manifest
        .lines()
        .filter_map(|line| line.strip_prefix("path = \"fuzz_targets/")?.strip_suffix(".rs\""))
        .map(str::to_owned)
        .collect();
    assert_eq!(listed, targets);
}

/// Changes of each kept input that are tried with every run; `WRIT_FUZZ_ROUNDS` tries more.
const ROUNDS: u64 = 8;

/// Where no fuzzer is at hand: each kept input with bytes turned, cut out, doubled and put together with others.
/// The same changes with every run.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test that is asked to run longer")]
fn every_kept_input_a_little_changed_keeps_its_property() {
    let rounds =
        std::env::var("WRIT_FUZZ_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(ROUNDS);
    let mut broken = Vec::new();
    for (target, run) in TARGETS {
        let corpus = fuzz().join("corpus").join(target);
        let inputs: Vec<Vec<u8>> =
            names(&corpus).iter().map(|file| std::fs::read(corpus.join(file)).unwrap()).collect();
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
        for input in &inputs {
            for _ in 0..rounds {
                let data = dice.changed(input, &inputs);
                if std::panic::catch_unwind(|| run(&data)).is_err() {
                    broken.push(format!("{target}: {}", String::from_utf8_lossy(&data)));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{} broken, the first: {}", broken.len(), broken[0]);
}

/// Marsaglia's xorshift: the same numbers everywhere.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }

    fn changed(&mut self, input: &[u8], others: &[Vec<u8>]) -> Vec<u8> {
        let mut data = input.to_vec();
        for _ in 0..=self.below(3) {
            let (at, to) = (self.below(data.len() + 1), self.below(data.len() + 1));
            let (start, end) = (at.min(to), at.max(to));
            match self.below(6) {
                0 if start < data.len() => data[start] ^= 1 << self.below(8),
                1 if start < data.len() => data[start] = b" \n\"=[]{}.0a\x80\xff"[self.below(13)],
                2 => drop(data.drain(start..end.min(start + 16))),
                3 => {
                    let piece = data[start..end.min(start + 64)].to_vec();
                    data.splice(end..end, piece);
                }
                4 => {
                    let other = &others[self.below(others.len())];
                    let from = self.below(other.len() + 1);
                    data.splice(start..start, other[from..other.len().min(from + 48)].iter().copied());
                }
                _ => data.truncate(end.max(1)),
            }
        }
        data
    }
}
