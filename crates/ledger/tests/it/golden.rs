//! Vectors from the specifications. They may be added to, never changed.

use ledger::note::{Note, NoteError, NoteSigner, VerifierKey};
use ledger::proof_file::ProofFile;
use ledger::tile::{Row, TilePath, decode_bundle, encode_bundle};
use ledger::tree::range_root;
use ledger::{Checkpoint, Edge, Hash, proof};

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// The eight leaves and roots of the Certificate Transparency reference tests (RFC 6962).
#[test]
fn rfc_6962_roots() {
    let leaves =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    let roots = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut edge = Edge::default();
    assert_eq!(edge.root().0.to_vec(), hex(roots[0]));
    for (leaf, root) in leaves.iter().zip(&roots[1..]) {
        edge.append(Hash::of_leaf(&hex(leaf)));
        assert_eq!(edge.root().0.to_vec(), hex(root));
    }
}

/// The verifier key printed in signed-note.
#[test]
fn signed_note_key() {
    let text = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    let key = VerifierKey::parse(text).unwrap();
    assert_eq!(key.to_string(), text);
    assert_eq!(key.name(), "example.com/foo");
    for wrong in [
        "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/fop+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+AukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a",
        "",
    ] {
        assert!(VerifierKey::parse(wrong).is_err(), "{wrong}");
    }
}

/// The note in the documentation of Go's `note` package, which signed-note describes.
#[test]
fn signed_note_example() {
    let key =
        VerifierKey::parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW").unwrap();
    let text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
    let note = format!(
        "{text}\n\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
    );
    let parsed = Note::parse(&note).unwrap();
    assert_eq!(parsed.verify(std::slice::from_ref(&key)).unwrap(), text);
    assert_eq!(parsed.to_string(), note);
    let changed = Note::parse(&note.replace("answer", "Answer")).unwrap();
    assert_eq!(changed.verify(&[key]), Err(NoteError::BadSignature("PeterNeumann".into())));
    let other = NoteSigner::from_seed("PeterNeumann", &[1; 32]).unwrap().verifier();
    assert_eq!(parsed.verify(&[other]), Err(NoteError::NoKnownKey));
}

#[test]
fn malformed_notes() {
    let signed = NoteSigner::from_seed("log", &[7; 32]).unwrap().sign("text\n").unwrap().to_string();
    for wrong in [
        signed.replace("\n\n", "\n"),
        signed.replace('\u{2014}', "-"),
        signed.trim_end().to_owned(),
        signed.replace("text", "te\rxt"),
        "text\n\n".to_owned(),
        format!("{signed}{}", "x".repeat(70_000)),
    ] {
        assert!(Note::parse(&wrong).is_err(), "{wrong:?}");
    }
    assert!(NoteSigner::from_seed("a b", &[7; 32]).is_err());
    assert!(NoteSigner::from_seed("a+b", &[7; 32]).is_err());
    assert!(NoteSigner::from_seed("log", &[7; 32]).unwrap().sign("no newline").is_err());
}

#[test]
fn many_signatures_and_unknown_keys() {
    let text = "log\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";
    let lines = (0..20u8).map(|n| {
        let note = NoteSigner::from_seed(&format!("w{n}"), &[n; 32]).unwrap().sign(text).unwrap().to_string();
        note.lines().last().unwrap().to_owned()
    });
    let note = format!("{text}\n{}\n", lines.collect::<Vec<_>>().join("\n"));
    let known = NoteSigner::from_seed("w17", &[17; 32]).unwrap().verifier();
    assert_eq!(Note::parse(&note).unwrap().verify(&[known]).unwrap(), text);
}

#[test]
fn checkpoints() {
    let signer = NoteSigner::from_seed("example.com/log", &[3; 32]).unwrap();
    let mut edge = Edge::default();
    edge.append(Hash::of_leaf(b"one"));
    let checkpoint = Checkpoint::of("example.com/log", &edge);
    let note = checkpoint.sign(&signer).unwrap().to_string();
    assert_eq!(Checkpoint::open(&note, &signer.verifier()).unwrap(), checkpoint);
    let root = Hash::of_empty();
    for wrong in [
        format!("example.com/log\n01\n{root}\n"),
        format!("example.com/log\n-1\n{root}\n"),
        format!("\n1\n{root}\n"),
        format!("example.com/log\n1\n{root}\nextension\n"),
        "example.com/log\n1\nAAAA\n".to_owned(),
        format!("example.com/log\n1\n{root}"),
    ] {
        assert_eq!(Checkpoint::parse(&wrong), None, "{wrong:?}");
    }
    // Another log's checkpoint, signed by this key, is not this log's.
    let foreign = Checkpoint { origin: "example.com/other".into(), ..checkpoint };
    assert!(Checkpoint::open(&foreign.sign(&signer).unwrap().to_string(), &signer.verifier()).is_err());
}

/// The examples of tlog-tiles.
#[test]
fn tile_paths() {
    let path = TilePath { row: Row::Hashes(0), index: 1_234_067, width: 256 };
    assert_eq!(path.to_string(), "tile/0/x001/x234/067");
    assert_eq!(TilePath::parse("tile/0/x001/x234/067"), Some(path));
    let partial = TilePath { row: Row::Entries, index: 273, width: 112 };
    assert_eq!(partial.to_string(), "tile/entries/273.p/112");
    assert_eq!(TilePath::parse("tile/entries/273.p/112"), Some(partial));
    for wrong in [
        "tile/0/67",
        "tile/0/0067",
        "tile/64/067",
        "tile/00/067",
        "tile/0/x000/067",
        "tile/0/067.p/256",
        "tile/0/067.p/0",
        "tile/0/067.p/01",
        "tile/0/x067",
        "tile/0/001/067",
        "tile/-1/067",
        "tile/0/",
        "tile/0/06a",
    ] {
        assert_eq!(TilePath::parse(wrong), None, "{wrong}");
    }
}

#[test]
fn tiles_of_a_size() {
    let count = |paths: &[TilePath], row, full| {
        paths.iter().filter(|path| path.row == row && (path.width == 256) == full).count()
    };
    let paths = TilePath::between(0, 70_000);
    assert_eq!(count(&paths, Row::Hashes(0), true), 273);
    assert!(paths.contains(&TilePath { row: Row::Hashes(0), index: 273, width: 112 }));
    assert_eq!(count(&paths, Row::Hashes(1), true), 1);
    assert!(paths.contains(&TilePath { row: Row::Hashes(1), index: 1, width: 17 }));
    assert!(paths.contains(&TilePath { row: Row::Hashes(2), index: 0, width: 1 }));
    let paths = TilePath::between(0, 256);
    assert_eq!(paths.iter().filter(|path| matches!(path.row, Row::Hashes(_))).count(), 2);
    assert!(paths.contains(&TilePath { row: Row::Hashes(1), index: 0, width: 1 }));
    assert!(TilePath::between(0, 0).is_empty());
}

#[test]
fn bundles() {
    let entries: [&[u8]; 3] = [b"", b"ab", &[9; 300]];
    let bundle = encode_bundle(entries).unwrap();
    assert_eq!(&bundle[..6], &[0, 0, 0, 2, b'a', b'b']);
    assert_eq!(decode_bundle(&bundle).unwrap(), entries);
    assert_eq!(decode_bundle(&bundle[..bundle.len() - 1]), None);
    assert_eq!(encode_bundle([&[0u8; 65_536][..]]), None);
}

#[test]
fn proof_files() {
    let signer = NoteSigner::from_seed("example.com/log", &[3; 32]).unwrap();
    let entries: Vec<Vec<u8>> = (0..70u8).map(|n| vec![n; 10]).collect();
    let leaves: Vec<Hash> = entries.iter().map(|entry| Hash::of_leaf(entry)).collect();
    let root = range_root(leaves.as_slice(), 0, 70).unwrap();
    let checkpoint = Checkpoint { origin: "example.com/log".into(), size: 70, root };
    let file = ProofFile {
        extra: Vec::new(),
        index: 33,
        path: proof::inclusion(leaves.as_slice(), 33, 70).unwrap(),
        checkpoint: checkpoint.sign(&signer).unwrap().to_string(),
    };
    let text = file.to_string();
    assert!(text.starts_with("c2sp.org/tlog-proof@v1\nindex 33\n"));
    let read = ProofFile::parse(&text).unwrap();
    assert_eq!(read, file);
    assert_eq!(read.verify(&entries[33], &signer.verifier()).unwrap(), checkpoint);
    assert!(read.verify(&entries[34], &signer.verifier()).is_err());
    let extra = text.replace("index 33", "extra AAAA\nindex 33");
    let carrying = ProofFile { extra: vec![0; 3], ..file };
    assert_eq!(ProofFile::parse(&extra).unwrap(), carrying);
    assert_eq!(carrying.to_string(), extra);
    for bad in ["extra ", "extra AAA", "extra AAB="] {
        assert_eq!(ProofFile::parse(&extra.replace("extra AAAA", bad)), None, "{bad}");
    }
    assert_eq!(ProofFile::parse(&text.replace("index 33", "index 033")), None);
    assert_eq!(ProofFile::parse(&text.replace("@v1", "@v2")), None);
}
