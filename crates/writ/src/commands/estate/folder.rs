//! Reading a folder: regular files below it and nothing else, every read bounded.

use super::places::{Found, Spans, json};
use crate::output;
use anyhow::{Context as _, bail};
use api::Finding;
use rustix::fs::OFlags;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::Read as _;
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Component, Path, PathBuf};

/// Files and folders looked at, at most.
const ENTRIES_MAX: usize = 50_000;
/// Folders within folders at most.
const DEPTH_MAX: usize = 32;
/// The longest file, in bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// All files together, in bytes.
const TOTAL_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// The tables of an estate.
const TABLES: [&str; 5] = ["party", "person", "authority", "service", "identity"];
/// The code of what is wrong with a folder's files.
const CODE: &str = "writ::estate";

/// A folder, read: what is sent, and where each part of it stands.
#[derive(Default)]
pub(super) struct Folder {
    estate: Value,
    /// Name and text of each file.
    files: Vec<(String, String)>,
    /// For each row and document, in the order it is sent: its file and the places in it.
    places: HashMap<String, Vec<(usize, Spans)>>,
    warnings: Vec<String>,
    findings: Vec<Found>,
    bytes: u64,
}

impl Folder {
    /// All tables and documents below `root`.
    pub(super) fn read(root: &Path) -> anyhow::Result<Self> {
        let mut paths = Vec::new();
        let mut folder = Self::default();
        folder.walk(root, 0, &mut 0, &mut paths)?;
        paths.sort();
        let mut tables = Map::new();
        for path in paths {
            let text = folder.text(&path)?;
            folder.files.push((path.display().to_string(), text));
            if is_document(&path) {
                folder.document(&mut tables);
            } else {
                folder.tables(root, &path, &mut tables);
            }
        }
        folder.estate = Value::Object(tables);
        Ok(folder)
    }

    /// What is sent.
    pub(super) fn estate(&self) -> &Value {
        &self.estate
    }

    /// What to tell beside the result.
    pub(super) fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// What is wrong with the files themselves.
    pub(super) fn findings(&self) -> &[Found] {
        &self.findings
    }

    /// Where a finding about a part of what was sent stands.
    pub(super) fn place(&self, mut finding: Finding) -> Found {
        let at = |pointer: &str| {
            let mut steps = pointer.split('/').skip(1);
            let (file, spans) = self.places.get(steps.next()?)?.get(steps.next()?.parse::<usize>().ok()?)?;
            Some((*file, spans.at(steps)))
        };
        if let Some((file, span)) = at(&finding.other) {
            let (name, text) = self.file(file);
            let (line, _) = line_and_column(text, span.start);
            finding.message = format!("{} (the other: {name}:{line})", finding.message);
        }
        let (file, span) = at(&finding.pointer).unwrap_or_default();
        // Findings in documents bring the place with them.
        if !finding.pointer.starts_with("/document/") {
            (finding.start, finding.end) = (span.start, span.end);
        }
        if finding.label.is_empty() {
            finding.label = "here".to_owned();
        }
        Found { file, finding }
    }

    /// Shows findings with file, line and caret; or as JSON.
    pub(super) fn show(&self, found: Vec<Found>, json: bool) {
        if !json {
            for Found { file, finding } in found {
                let (name, text) = self.file(file);
                output::findings(name, text, vec![finding]);
            }
        } else if !found.is_empty() {
            let rows: Vec<Value> = found.iter().map(|found| self.as_json(found)).collect();
            output::json(&serde_json::json!({ "findings": rows }));
        }
    }

    fn as_json(&self, Found { file, finding }: &Found) -> Value {
        let (name, text) = self.file(*file);
        let (line, column) = line_and_column(text, finding.start);
        serde_json::json!({
            "file": name, "line": line, "column": column, "start": finding.start, "end": finding.end,
            "code": finding.code, "message": finding.message, "help": finding.help,
        })
    }

    fn file(&self, at: usize) -> (&str, &str) {
        self.files.get(at).map_or(("", ""), |(name, text)| (name, text))
    }

    fn find(&mut self, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        let file = self.files.len().saturating_sub(1);
        let finding = Finding {
            code: CODE.to_owned(),
            message: message.into(),
            start: span.start,
            end: span.end,
            label: "here".to_owned(),
            help: help.into(),
            ..Finding::default()
        };
        self.findings.push(Found { file, finding });
    }

    /// Adds what is sent of the file read last, and remembers its place.
    fn add(&mut self, tables: &mut Map<String, Value>, table: &str, row: Value, spans: Spans) {
        let file = self.files.len().saturating_sub(1);
        if let Value::Array(rows) = tables.entry(table).or_insert_with(|| Value::Array(Vec::new())) {
            rows.push(row);
            self.places.entry(table.to_owned()).or_default().push((file, spans));
        }
    }

    fn document(&mut self, tables: &mut Map<String, Value>) {
        let (name, text) = self.file(self.files.len().saturating_sub(1));
        let row = serde_json::json!({ "path": name, "text": text });
        self.add(tables, "document", row, Spans::default());
    }

    fn tables(&mut self, root: &Path, path: &Path, tables: &mut Map<String, Value>) {
        let text = self.file(self.files.len().saturating_sub(1)).1.to_owned();
        let read = match toml::de::DeTable::parse(&text) {
            Ok(read) => read.into_inner(),
            Err(error) => {
                let message = format!("not TOML: {}", error.message().lines().next().unwrap_or_default());
                return self.find(error.span().unwrap_or(0..0), message, "");
            }
        };
        for (key, rows) in read {
            let (at, kind) = (key.span(), key.into_inner());
            if !TABLES.contains(&kind.as_ref()) {
                let message = format!("`{kind}` is no table of an estate");
                self.find(at, message, format!("the tables are: {}", TABLES.join(", ")));
                continue;
            }
            let toml::de::DeValue::Array(rows) = rows.into_inner() else {
                self.find(
                    at,
                    format!("`{kind}` is not a list of tables"),
                    format!("write `[[{kind}]]` for each"),
                );
                continue;
            };
            for row in rows {
                let whole = row.span();
                match json(row) {
                    Ok((Value::Object(mut row), mut spans)) => {
                        if kind == "person" {
                            self.key(root, path, &mut row, &mut spans);
                        }
                        self.add(tables, &kind, Value::Object(row), spans);
                    }
                    Ok(_) => self.find(whole, format!("`{kind}` holds something else than a table"), ""),
                    Err((span, message)) => self.find(span, message, ""),
                }
            }
        }
    }

    /// `key-file` names a `.pub` file by its path from the TOML file; it lies below the folder.
    fn key(&mut self, root: &Path, toml: &Path, person: &mut Map<String, Value>, spans: &mut Spans) {
        let Some(named) = person.remove("key-file") else { return };
        let span = spans.at(["key-file"].into_iter());
        let help = "write, for example, `key-file = \"keys/ada.pub\"`: a file below the folder";
        let Value::String(named) = named else {
            return self.find(span, "`key-file` is not the name of a file", help);
        };
        if person.contains_key("key") {
            return self.find(span, "a key by value and by file", "leave one of `key` and `key-file`");
        }
        let Some(path) = below(root, toml, Path::new(&named)) else {
            return self.find(span, format!("the key file `{named}` does not lie below the folder"), help);
        };
        match self.text(&path) {
            Ok(text) => {
                person.insert("key".to_owned(), Value::String(text));
                spans.rename("key-file", "key");
            }
            Err(error) => self.find(span, format!("{error:#}"), help),
        }
    }

    fn walk(
        &mut self,
        folder: &Path,
        depth: usize,
        seen: &mut usize,
        paths: &mut Vec<PathBuf>,
    ) -> anyhow::Result<()> {
        if depth > DEPTH_MAX {
            bail!("`{}` lies deeper than {DEPTH_MAX} folders", folder.display());
        }
        let unread = || format!("cannot read the folder `{}`", folder.display());
        for entry in fs::read_dir(folder).with_context(unread)? {
            let entry = entry.with_context(unread)?;
            let path = entry.path();
            *seen += 1;
            if *seen > ENTRIES_MAX {
                bail!("there are more than {ENTRIES_MAX} files and folders below the folder");
            }
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            let kind = entry.file_type().with_context(unread)?;
            let wanted = is_document(&path) || has_end(&path, ".toml");
            if kind.is_dir() {
                self.walk(&path, depth + 1, seen, paths)?;
            } else if kind.is_file() && wanted {
                paths.push(path);
            } else if kind.is_file() {
                self.look_alike(&path);
            } else if wanted || (kind.is_symlink() && path.is_dir()) {
                let what = if kind.is_symlink() { "a symbolic link" } else { "no regular file" };
                bail!("`{}` is {what}: an estate is made of regular files and folders", path.display());
            }
        }
        Ok(())
    }

    /// Warns of a document that is left out because of its name.
    fn look_alike(&mut self, path: &Path) {
        let mut start = [0; 4];
        let read =
            has_end(path, ".md") && open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok();
        if read && start == *b"+++\n" {
            let name = path.display();
            self.warnings
                .push(format!("`{name}` is left out: the name of an instrument's file ends in `.writ.md`"));
        }
    }

    /// The text of a regular file, within the bounds.
    fn text(&mut self, path: &Path) -> anyhow::Result<String> {
        let name = path.display();
        let file = open(path).with_context(|| format!("cannot read `{name}`"))?;
        let mut bytes = Vec::new();
        file.take(FILE_BYTES_MAX + 1)
            .read_to_end(&mut bytes)
            .with_context(|| format!("cannot read `{name}`"))?;
        let length = bytes.len() as u64;
        if length > FILE_BYTES_MAX {
            bail!("`{name}` has more than {FILE_BYTES_MAX} bytes, the most for one file: divide it");
        }
        self.bytes += length;
        if self.bytes > TOTAL_BYTES_MAX {
            bail!(
                "the files below the folder have more than {TOTAL_BYTES_MAX} bytes together, the most for one estate"
            );
        }
        String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            anyhow::anyhow!("`{name}` is not UTF-8: byte {at} is the first that does not belong to it")
        })
    }
}

/// Opens a regular file: never follows a link, never waits for a pipe's other end.
fn open(path: &Path) -> std::io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(std::io::Error::other("it is no regular file")) }
}

/// Where a path that a file names leads, if that is below the folder and no link is on the way.
fn below(root: &Path, file: &Path, named: &Path) -> Option<PathBuf> {
    let mut path = file.parent().unwrap_or(root).strip_prefix(root).ok()?.to_owned();
    for part in named.components() {
        match part {
            Component::Normal(part) => path.push(part),
            Component::CurDir => {}
            Component::ParentDir => path.pop().then_some(())?,
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    let links =
        path.ancestors().skip(1).any(|folder| root.join(folder).is_symlink() && folder != Path::new(""));
    (!links).then(|| root.join(path))
}

fn is_document(path: &Path) -> bool {
    has_end(path, ".writ.md")
}

fn has_end(path: &Path, end: &str) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(end))
}

/// Line and column of a byte, both from 1; the column counts characters.
fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at.min(text.len())).unwrap_or_default();
    let line = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before.get(line..).unwrap_or_default().chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_lies_below_the_folder() {
        let below = |named: &str| below(Path::new("/e"), Path::new("/e/team/a.toml"), Path::new(named));
        assert_eq!(below("keys/a.pub"), Some("/e/team/keys/a.pub".into()));
        assert_eq!(below("../keys/./a.pub"), Some("/e/keys/a.pub".into()));
        assert_eq!(below("../../etc/passwd"), None);
        assert_eq!(below("/etc/passwd"), None);
    }

    #[test]
    fn places_are_told_as_editors_count() {
        assert_eq!(line_and_column("ab\ncdé f", 8), (2, 5));
        assert_eq!(line_and_column("", 5), (1, 1));
    }
}
