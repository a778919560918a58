//! The files of an estate: what is wrong with them is shown where it stands, and nothing outside the folder is read.

use crate::curl::CONTRACT;
use crate::estate::{edit, folder, verbs};
use crate::harness::{PATIENCE, Writ, text};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// The findings of a plan: file, line, column, message.
fn findings(writ: &Writ, folder: &Path) -> Vec<(String, u64, u64, String)> {
    let output = writ.run(&["plan", folder.to_str().unwrap(), "--json"]);
    assert_eq!(output.status.code(), Some(5), "{}{}", text(&output.stdout), text(&output.stderr));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let row = |finding: &Value| {
        let file = Path::new(finding["file"].as_str().unwrap()).file_name().unwrap();
        let number = |key: &str| finding[key].as_u64().unwrap();
        let message = finding["message"].as_str().unwrap().to_owned();
        (file.to_string_lossy().into_owned(), number("line"), number("column"), message)
    };
    found["findings"].as_array().unwrap().iter().map(row).collect()
}

fn place(file: &str, line: u64, column: u64, message: &str) -> (String, u64, u64, String) {
    (file.to_owned(), line, column, message.to_owned())
}

/// A folder with one file of that text.
fn of(writ: &Writ, name: &str, toml: &str) -> PathBuf {
    let folder = writ.path(name);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("a.toml"), toml).unwrap();
    folder
}

#[test]
fn a_document_at_fault_is_shown_with_caret_and_as_json() {
    let writ = Writ::start_empty();
    let folder = folder(&writ);
    edit(&folder, "files.writ.md", "resources = [\"public\"]", "resources = [\"pubic\"]");
    writ.ok(&["fmt", folder.join("files.writ.md").to_str().unwrap()]);
    let text = fs::read_to_string(folder.join("files.writ.md")).unwrap();
    let line = text.lines().position(|line| line.starts_with("resources = [\"pubic\"]")).unwrap() as u64 + 1;
    assert_eq!(
        findings(&writ, &folder),
        [place("files.writ.md", line, 14, "the service `files` has no resource `pubic` here")]
    );
    for command in ["plan", "apply"] {
        let shown = writ.fails(&[command, folder.to_str().unwrap()], 5);
        assert!(shown.contains(&format!("files.writ.md:{line}:14")), "{shown}");
        assert!(shown.contains("resources = [\"pubic\"]") && shown.contains("`public`"), "{shown}");
    }
}

#[test]
fn what_only_databases_can_be_held_to_needs_one() {
    let writ = Writ::start_empty();
    let folder = folder(&writ);
    let document = |clause: &str| format!("{CONTRACT}\n```clause\n{clause}\n```\n");
    for clause in [
        "kind = \"statement\"\nwhich-rows = true",
        "kind = \"masking\"\nfields = [\"iban\"]\nmethod = \"null\"",
    ] {
        fs::write(folder.join("files.writ.md"), document(clause)).unwrap();
        writ.ok(&["fmt", folder.join("files.writ.md").to_str().unwrap()]);
        let found = findings(&writ, &folder);
        let [(.., message)] = found.as_slice() else { panic!("{found:?}") };
        assert!(message.ends_with("a database, and nothing it is about is one"), "{message}");
    }
}

#[test]
fn a_row_at_fault_names_its_file_line_and_key() {
    let writ = Writ::start_empty();
    let head = "[[party]]\nname = \"acme\"\nlegal_name = \"Acme\"\njurisdiction = \"x\"\n";
    for (name, toml, expected) in [
        ("syntax", "[[party]\n".to_owned(), (1, "not TOML")),
        ("table", "[[partys]]\n".to_owned(), (1, "`partys` is no table of an estate")),
        ("shape", "party = 5\n".to_owned(), (1, "`party` is not a list of tables")),
        (
            "missing",
            "[[party]]\nname = \"a\"\njurisdiction = \"x\"\n".to_owned(),
            (1, "the key `legal_name` is missing"),
        ),
        ("unknown", format!("{head}colour = \"red\"\n"), (5, "the key `colour` is not known here")),
        ("kind", "[[party]]\nname = \"a\"\nlegal_name = 5\n".to_owned(), (3, "invalid type: integer `5`")),
        ("name", head.replace("acme", "Acme Ltd"), (2, "`Acme Ltd` is not a name")),
        ("number", format!("{head}x = 99999999999999999999\n"), (5, "this number is too large")),
        (
            "key-file",
            format!("{head}[[person]]\nparty = \"acme\"\nname = \"a\"\nkey-file = 5\n"),
            (8, "`key-file` is not the name of a file"),
        ),
        (
            "no-key-file",
            format!("{head}[[person]]\nparty = \"acme\"\nname = \"a\"\nkey-file = \"a.pub\"\n"),
            (8, "cannot read"),
        ),
        (
            "no-key",
            format!("{head}[[person]]\nparty = \"acme\"\nname = \"a\"\nkey = \"none\"\n"),
            (8, "not an SSH public key"),
        ),
        (
            "nobody",
            format!("{head}[[authority]]\nparty = \"acme\"\nperson = \"a\"\nkinds = []\n"),
            (7, "there is no person `a`"),
        ),
    ] {
        let found = findings(&writ, &of(&writ, name, &toml));
        let [(file, line, _, message)] = found.as_slice() else { panic!("{name}: {found:?}") };
        assert_eq!((file.as_str(), *line), ("a.toml", expected.0), "{name}: {message}");
        assert!(message.starts_with(expected.1), "{name}: {message}");
    }
    // In a service, down to the value.
    let folder = folder(&writ);
    edit(&folder, "estate.toml", "class = \"public\"", "class = \"pubic\"");
    let found = findings(&writ, &folder);
    let text = fs::read_to_string(folder.join("estate.toml")).unwrap();
    let line = text.lines().position(|line| line.contains("pubic")).unwrap() as u64 + 1;
    assert_eq!(
        found,
        [place(
            "estate.toml",
            line,
            30,
            "there is no classification `pubic`; one of: confidential, internal, public, restricted"
        )]
    );
}

#[test]
fn rows_that_stand_twice_are_findings() {
    let writ = Writ::start_empty();
    let row = |place: &str| {
        format!("[[party]]\nname = \"acme\"\nlegal_name = \"Acme\"\njurisdiction = \"{place}\"\n")
    };
    let folder = of(&writ, "twice", &format!("{}{}", row("x"), row("x")));
    fs::write(folder.join("b.toml"), row("y")).unwrap();
    let found = findings(&writ, &folder);
    let [(first_file, first_line, _, first), (second_file, second_line, _, second)] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!((first_file.as_str(), *first_line), ("a.toml", 5));
    assert!(
        first.starts_with("the party `acme` stands here a second time") && first.contains("a.toml:1"),
        "{first}"
    );
    assert_eq!((second_file.as_str(), *second_line), ("b.toml", 1));
    assert!(
        second.contains("contradict each other in `jurisdiction`") && second.contains("a.toml:1"),
        "{second}"
    );
    // The same for documents.
    let folder = crate::estate::folder(&writ);
    fs::copy(folder.join("files.writ.md"), folder.join("copy.writ.md")).unwrap();
    let found = findings(&writ, &folder);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].3.starts_with("a second document of the name `files`")
            && found[0].3.contains("copy.writ.md:1"),
        "{found:?}"
    );
}

#[test]
fn dates_are_dates() {
    let writ = Writ::start_empty();
    let folder = folder(&writ);
    edit(&folder, "estate.toml", "review = \"2035-01-01\"", "review = 2035-01-01");
    assert_eq!(verbs(&writ.json(&["plan", folder.to_str().unwrap()])).len(), 8);
    edit(&folder, "estate.toml", "review = 2035-01-01", "review = \"soon\"");
    let found = findings(&writ, &folder);
    assert_eq!(found.len(), 1);
    assert!(found[0].3.starts_with("`soon` is not a date"), "{found:?}");
}

/// Ends soon, whatever it says; gives its error.
fn soon(writ: &Writ, folder: &Path) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_writ"))
        .args(["plan", folder.to_str().unwrap()])
        .env("WRIT_DATA", writ.data())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if started.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("it hangs");
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let output = child.wait_with_output().unwrap();
    assert_ne!(output.status.code(), Some(0));
    text(&output.stderr)
}

#[test]
fn only_regular_files_below_the_folder_are_read() {
    let writ = Writ::start_empty();
    let outside = writ.path("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("x.toml"), "").unwrap();
    let fresh = |name: &str| of(&writ, name, "");

    let folder = fresh("fifo");
    assert!(Command::new("mkfifo").arg(folder.join("x.toml")).status().unwrap().success());
    let told = soon(&writ, &folder);
    assert!(told.contains("x.toml` is no regular file"), "{told}");

    let folder = fresh("link");
    symlink(outside.join("x.toml"), folder.join("x.toml")).unwrap();
    assert!(soon(&writ, &folder).contains("x.toml` is a symbolic link"));
    let folder = fresh("folder-link");
    symlink(&outside, folder.join("more")).unwrap();
    assert!(soon(&writ, &folder).contains("more` is a symbolic link"));

    let folder = fresh("large");
    fs::write(folder.join("x.toml"), vec![b'#'; 1024 * 1024 + 1]).unwrap();
    let told = soon(&writ, &folder);
    assert!(told.contains("more than 1048576 bytes, the most for one file"), "{told}");

    let folder = fresh("total");
    for n in 0..65 {
        fs::write(folder.join(format!("{n}.toml")), vec![b'#'; 1024 * 1024]).unwrap();
    }
    let told = soon(&writ, &folder);
    assert!(told.contains("more than 67108864 bytes together"), "{told}");

    let folder = fresh("deep");
    fs::create_dir_all((0..40).fold(folder.clone(), |folder, _| folder.join("d"))).unwrap();
    let told = soon(&writ, &folder);
    assert!(told.contains("deeper than 32 folders"), "{told}");

    let folder = fresh("latin");
    fs::write(folder.join("x.toml"), b"# caf\xe9\n").unwrap();
    let told = soon(&writ, &folder);
    assert!(told.contains("x.toml` is not UTF-8: byte 5"), "{told}");

    let keys = |key: &str| format!("[[person]]\nparty = \"p\"\nname = \"n\"\nkey-file = \"{key}\"\n");
    let absolute = outside.join("x.toml").display().to_string();
    for (name, key) in
        [("absolute", absolute.as_str()), ("up", "../outside/x.toml"), ("through", "more/x.toml")]
    {
        let folder = of(&writ, name, &keys(key));
        if name == "through" {
            symlink(&outside, folder.join(".more")).unwrap();
            fs::write(folder.join("a.toml"), keys(".more/x.toml")).unwrap();
        }
        let found = findings(&writ, &folder);
        assert!(found[0].3.contains("does not lie below the folder"), "{name}: {found:?}");
    }
}

#[test]
fn a_document_of_another_name_is_warned_of() {
    let writ = Writ::start_empty();
    let folder = folder(&writ);
    fs::rename(folder.join("files.writ.md"), folder.join("files.md")).unwrap();
    fs::write(folder.join("README.md"), "# Our estate\n").unwrap();
    let output = writ.run(&["plan", folder.to_str().unwrap()]);
    assert!(output.status.success());
    let told = text(&output.stderr);
    assert!(told.contains("warning: ") && told.contains("files.md` is left out"), "{told}");
    assert!(!told.contains("README"), "{told}");
}

#[test]
fn the_example_of_the_readme_runs() {
    let mut writ = Writ::start_empty();
    let folder = writ.path("estate");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/estate");
    assert!(Command::new("cp").arg("-r").arg(example).arg(&folder).status().unwrap().success());
    fs::create_dir_all(folder.join("keys")).unwrap();
    for who in ["curator", "editor", "producer"] {
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(folder.join("keys").join(who))
            .status();
        assert!(made.unwrap().success());
    }
    let path = folder.to_str().unwrap();
    assert_eq!(verbs(&writ.json(&["plan", path])).len(), 9);
    writ.ok(&["apply", path]);
    assert!(writ.ok(&["plan", path]).starts_with("the registry is what the folder says"));
    writ.assert_verifies();
}

/// A command whose output nobody reads: both streams lead into a pipe that is closed at once.
fn unread(writ: &Writ, arguments: &[&str]) -> Option<i32> {
    let (reader, out) = std::io::pipe().unwrap();
    drop(reader);
    let child = Command::new(env!("CARGO_BIN_EXE_writ"))
        .args(arguments)
        .env("WRIT_DATA", writ.data())
        .stdout(out.try_clone().unwrap())
        .stderr(out)
        .status();
    child.unwrap().code()
}

#[test]
fn what_nobody_reads_changes_no_exit_code() {
    let writ = Writ::start_empty();
    let folder = of(&writ, "wrong", "[[party]\n");
    assert_eq!(unread(&writ, &["plan", folder.to_str().unwrap()]), Some(5));
    assert_eq!(unread(&writ, &["plan", "/nowhere"]), Some(1));
    assert_eq!(unread(&writ, &["party", "list"]), Some(0));
    assert_eq!(unread(&writ, &["identity", "show", "acme/nobody"]), Some(1));
    assert_eq!(unread(&writ, &["--data", "/nowhere", "party", "list"]), Some(4));
    // Neither does what is logged there.
    let log = ["--log", "trace", "party", "list"];
    assert_eq!(unread(&writ, &log), Some(0));
}
