//! The bundle endpoint of `writ up`: where it listens and which certificate it shows. Its own, by SPIFFE ID, or one of the
//! web from files that something else renews.

use anyhow::{Context as _, bail};
use authority::Authority;
use gateway::{BundleEndpoint, ServerIdentity};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How often the files of a certificate of the web are read again.
const FILES_EVERY: Duration = Duration::from_secs(60);

/// What `writ up` is told about it.
pub(crate) struct Options {
    pub(crate) listen: SocketAddr,
    /// The files of a certificate of the web and of its key (PEM).
    pub(crate) web: Option<(PathBuf, PathBuf)>,
}

/// An endpoint that is bound, and what keeps its certificate fresh.
pub(crate) struct Bound {
    listener: TcpListener,
    web: Option<Web>,
}

struct Web {
    certificate: PathBuf,
    key: PathBuf,
    shown: watch::Sender<Option<Arc<ServerIdentity>>>,
}

impl Bound {
    /// Binds the address and reads the files: what cannot work fails before anything is made.
    pub(crate) async fn bind(options: Options) -> anyhow::Result<Self> {
        let Options { listen, web } = options;
        let web = match web {
            None => None,
            Some((certificate, key)) => {
                let (shown, _) = watch::channel(Some(Arc::new(identity(&certificate, &key)?)));
                Some(Web { certificate, key, shown })
            }
        };
        let listener = TcpListener::bind(listen).await.with_context(|| {
            format!("the bundle endpoint cannot listen on {listen}: choose another with --bundle-endpoint")
        })?;
        Ok(Self { listener, web })
    }

    pub(crate) fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Whether it shows a certificate of the web, and not Writ's own.
    pub(crate) fn is_of_the_web(&self) -> bool {
        self.web.is_some()
    }

    /// Serves until `stop`. `own` is the certificate that shows Writ's SPIFFE ID.
    pub(crate) async fn run(
        self,
        authority: Authority,
        own: watch::Receiver<Option<Arc<ServerIdentity>>>,
        stop: CancellationToken,
    ) -> anyhow::Result<()> {
        let shown = self.web.as_ref().map_or(own, |web| web.shown.subscribe());
        let document = Arc::new(move || authority.bundle_document());
        let endpoint = BundleEndpoint::new(self.listener, shown, document)?;
        let renewing = async {
            match self.web {
                Some(web) => web.follow(&stop).await,
                None => stop.cancelled().await,
            }
        };
        tokio::join!(endpoint.run(stop.clone()), renewing);
        Ok(())
    }
}

impl Web {
    /// Reads the files again from time to time. What cannot be read leaves in place what was.
    async fn follow(self, stop: &CancellationToken) {
        let mut tick = tokio::time::interval(FILES_EVERY);
        while stop.run_until_cancelled(tick.tick()).await.is_some() {
            match identity(&self.certificate, &self.key) {
                Ok(identity) => drop(self.shown.send_replace(Some(Arc::new(identity)))),
                Err(error) => {
                    tracing::warn!(
                        error = format!("{error:#}"),
                        "the bundle endpoint goes on with the certificate of before"
                    );
                }
            }
        }
    }
}

fn identity(certificate: &Path, key: &Path) -> anyhow::Result<ServerIdentity> {
    let unreadable = |file: &Path| format!("`{}` cannot be read as PEM", file.display());
    let chain = CertificateDer::pem_file_iter(certificate).with_context(|| unreadable(certificate))?;
    let chain: Vec<Vec<u8>> = chain
        .map(|der| der.map(|der| der.to_vec()))
        .collect::<Result<_, _>>()
        .with_context(|| unreadable(certificate))?;
    if chain.is_empty() {
        bail!("`{}` holds no certificate", certificate.display());
    }
    let secret = PrivateKeyDer::from_pem_file(key).with_context(|| unreadable(key))?;
    ServerIdentity::of_files(chain, secret).with_context(|| {
        format!("`{}` and `{}` are not a certificate and its key", certificate.display(), key.display())
    })
}
