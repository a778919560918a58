//! The three things the write-ahead log asks of a file, so that a test can refuse any of them.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

/// A file of the write-ahead log.
pub trait WalFile: Send + Sync {
    /// Makes the file `length` bytes long, new bytes zero, durably. May run out of space.
    fn extend(&self, length: u64) -> io::Result<()>;
    /// Overwrites bytes that [`WalFile::extend`] made.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Returns when everything written is durable.
    fn sync(&self) -> io::Result<()>;
    /// Reads exactly `buffer.len()` bytes.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;
    /// The file's length.
    fn length(&self) -> io::Result<u64>;
}

/// Opens the files of a log.
pub trait Disk: Send + Sync {
    /// Opens the file, or creates it empty; a created file survives a crash (its directory is flushed).
    fn open(&self, path: &Path) -> io::Result<Box<dyn WalFile>>;
}

/// The file system.
#[derive(Debug, Default, Clone, Copy)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn open(&self, path: &Path) -> io::Result<Box<dyn WalFile>> {
        let file =
            OpenOptions::new().create(true).truncate(false).read(true).write(true).mode(0o600).open(path)?;
        if let Some(parent) = path.parent() {
            File::open(parent)?.sync_all()?;
        }
        Ok(Box::new(file))
    }
}

/// How many zero bytes are written at once when a file grows.
static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

impl WalFile for File {
    fn extend(&self, length: u64) -> io::Result<()> {
        let mut at = self.metadata()?.len();
        while at < length {
            let step = (length - at).min(ZEROS.len() as u64) as usize;
            self.write_all_at(ZEROS.get(..step).unwrap_or_default(), at)?;
            at += step as u64;
        }
        // A failed flush is never "no space": what it left behind is not known.
        self.sync_all().map_err(io::Error::other)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.read_exact_at(buffer, offset)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}
