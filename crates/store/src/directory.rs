//! Heads and objects as files, and the lock on a data directory.

use ledger::{Heads, Objects, StoreError};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// A data directory that this process alone uses for as long as the value lives.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Creates the directory if need be (readable by its owner only) and locks it.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        create_dir(path)?;
        let lock = path.join("lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&lock)
            .map_err(|source| io_error("open", &lock, source))?;
        match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: file }),
            Err(rustix::io::Errno::WOULDBLOCK) => {
                Err(StoreError::Locked { path: path.display().to_string() })
            }
            Err(errno) => Err(io_error("lock", &lock, errno.into())),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A directory of heads and objects below this one.
    pub fn directory(&self, name: &str) -> Result<Directory, StoreError> {
        Directory::open(&self.path.join(name))
    }

    /// Writes a file for others to read (tokens, addresses), durably and readable by its owner only.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        write_durably(&self.path.join(name), bytes)
    }

    /// Reads such a file; none when there is none.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        read_optional(&self.path.join(name))
    }

    /// Removes such a file, durably. That there is none is no error.
    pub fn remove(&self, name: &str) -> Result<(), StoreError> {
        remove_durably(&self.path.join(name))
    }
}

/// Heads and objects in a directory. Compare-and-swap holds within this process, which the lock
/// on the data directory makes the only one.
#[derive(Debug)]
pub struct Directory {
    root: PathBuf,
    swap: Mutex<()>,
}

impl Directory {
    /// Opens (and creates) the directory.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        create_dir(root)?;
        Ok(Self { root: root.to_owned(), swap: Mutex::new(()) })
    }

    /// Opens a directory that must exist, for reading.
    pub fn open_existing(root: &Path) -> Result<Self, StoreError> {
        match fs::metadata(root) {
            Ok(found) if found.is_dir() => Ok(Self { root: root.to_owned(), swap: Mutex::new(()) }),
            Ok(_) => Err(io_error("open the directory", root, io::Error::from(io::ErrorKind::NotADirectory))),
            Err(source) => Err(io_error("open the directory", root, source)),
        }
    }

    /// Where an object lies.
    pub(crate) fn object_path(&self, name: &str) -> Result<PathBuf, StoreError> {
        self.path("objects", name)
    }

    fn path(&self, kind: &str, name: &str) -> Result<PathBuf, StoreError> {
        let plain = !name.is_empty()
            && name.split('/').all(|part| {
                !part.is_empty()
                    && !part.starts_with('.')
                    && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
            });
        if plain {
            Ok(self.root.join(kind).join(name))
        } else {
            Err(StoreError::Damaged { path: name.to_owned(), reason: "not a name for an object".into() })
        }
    }
}

impl Heads for Directory {
    fn get(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        read_optional(&self.path("heads", name)?)
    }

    fn swap(&self, name: &str, expected: Option<&[u8]>, new: &[u8]) -> Result<bool, StoreError> {
        let path = self.path("heads", name)?;
        let _guard = self.swap.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if read_optional(&path)?.as_deref() != expected {
            return Ok(false);
        }
        write_durably(&path, new)?;
        Ok(true)
    }
}

impl Objects for Directory {
    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.path("objects", name)?;
        match read_optional(&path)? {
            Some(there) if there == bytes => Ok(()),
            Some(_) => Err(StoreError::Damaged {
                path: name.to_owned(),
                reason: "an object of this name with other bytes exists".into(),
            }),
            None => write_durably(&path, bytes),
        }
    }

    fn get(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        read_optional(&self.path("objects", name)?)
    }

    fn get_range(&self, name: &str, offset: u64, length: usize) -> Result<Vec<u8>, StoreError> {
        let path = self.path("objects", name)?;
        let file = File::open(&path).map_err(|source| io_error("open", &path, source))?;
        let mut bytes = vec![0; length];
        file.read_exact_at(&mut bytes, offset).map_err(|source| io_error("read", &path, source))?;
        Ok(bytes)
    }
}

/// Writes a whole file so that a crash leaves either the old one or the new one: temporary file,
/// flush, rename, flush of the directory.
pub(crate) fn write_durably(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let parent = path.parent().unwrap_or(Path::new("."));
    create_dir(parent)?;
    // Of its own, so that two writers of one name never share a file half written.
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    let temporary = path.with_extension(format!("{}-{number}.new", std::process::id()));
    let write = || -> io::Result<()> {
        let mut file =
            OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        File::open(parent)?.sync_all()
    };
    write().map_err(|source| io_error("write", path, source))
}

/// Removes a file, and returns when that is durable.
pub(crate) fn remove_durably(path: &Path) -> Result<(), StoreError> {
    let removed = match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        removed => removed,
    };
    let synced = removed.and_then(|()| File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all());
    synced.map_err(|source| io_error("remove", path, source))
}

/// Makes a directory and what leads to it, each durable in its parent.
pub(crate) fn create_dir(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::DirBuilderExt as _;
    if path.is_dir() {
        return Ok(());
    }
    let parent = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        Some(_) | None => Path::new("."),
    };
    create_dir(parent)?;
    let made = fs::DirBuilder::new().mode(0o700).create(path);
    match made {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(io_error("create", path, error)),
        Ok(()) | Err(_) => {
            let synced = File::open(parent).and_then(|parent| parent.sync_all());
            synced.map_err(|source| io_error("create", path, source))
        }
    }
}

pub(crate) fn read_optional(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(io_error("read", path, source)),
    }
}

pub(crate) fn io_error(doing: &'static str, path: &Path, source: io::Error) -> StoreError {
    StoreError::Io { doing, path: path.display().to_string(), source }
}
