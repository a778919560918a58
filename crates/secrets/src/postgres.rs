//! Two roles of a PostgreSQL server that take turns: the idle one gets a new password and is tried; when the overlap is
//! over the other loses its login, and what is still open in its name is ended. Passwords reach the server as SCRAM
//! verifiers, so that no log of it holds one.

use crate::web::{ANSWER_TIME_MAX, Roots};
use crate::{SourceError, chain};
use postgres_protocol::escape::{escape_identifier, escape_literal};
use postgres_protocol::password::scram_sha_256;
use tokio_postgres::config::{ChannelBinding, Host, SslMode};
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;
use zeroize::Zeroizing;

/// A server, and who may change its roles.
pub(crate) struct Server<'a> {
    pub(crate) roots: &'a Roots,
    /// `postgresql://USER@HOST:PORT/DATABASE`.
    pub(crate) url: &'a str,
    pub(crate) password: Zeroizing<String>,
}

impl Server<'_> {
    /// Gives a role another password, and tries it.
    pub(crate) async fn renew(&self, role: &str, password: &str) -> Result<(), SourceError> {
        let admin = self.connect(None).await?;
        let verifier = scram_sha_256(password.as_bytes());
        let change = format!(
            "ALTER ROLE {} WITH LOGIN PASSWORD {} VALID UNTIL 'infinity'",
            escape_identifier(role),
            escape_literal(&verifier)
        );
        within(admin.batch_execute(&change), &format!("give the role `{role}` another password")).await?;
        let tried = self.connect(Some((role, password))).await?;
        within(tried.batch_execute("SELECT 1"), &format!("use the new password of `{role}`")).await
    }

    /// Takes a role its login, and ends what is open in its name.
    pub(crate) async fn retire(&self, role: &str) -> Result<(), SourceError> {
        let admin = self.connect(None).await?;
        let end = format!("ALTER ROLE {} WITH NOLOGIN PASSWORD NULL", escape_identifier(role));
        within(admin.batch_execute(&end), &format!("take the role `{role}` its login")).await?;
        let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1";
        let cutting = format!("end what `{role}` has open; grant pg_signal_backend or the role itself");
        within(admin.execute(cut, &[&role]), &cutting).await.map(drop)
    }

    /// Connects as the administrator, or as somebody else.
    async fn connect(&self, other: Option<(&str, &str)>) -> Result<Client, SourceError> {
        let bad = |_| SourceError::new(format!("`{}` is not the address of a PostgreSQL server", self.url));
        let mut config: Config = self.url.parse().map_err(bad)?;
        match other {
            Some((user, password)) => config.user(user).password(password),
            None => config.password(self.password.as_bytes()),
        };
        let local = config.get_hosts().iter().all(|host| match host {
            Host::Tcp(name) => matches!(name.as_str(), "localhost" | "127.0.0.1" | "::1"),
            Host::Unix(_) => true,
        });
        // Over a network never without TLS, and its certificate is verified. On this machine there is nobody in between,
        // and the certificate of a fresh installation would not verify.
        config.ssl_mode(if local { SslMode::Disable } else { SslMode::Require });
        if !local {
            // Nothing but SCRAM, bound to this very connection: nobody hears a password.
            config.channel_binding(ChannelBinding::Require);
        }
        config.connect_timeout(ANSWER_TIME_MAX).application_name("writ");
        let user = config.get_user().unwrap_or_default().to_owned();
        let tls = MakeRustlsConnect::new(self.roots.0.clone());
        let (client, connection) = within(config.connect(tls), &format!("log in as `{user}`")).await?;
        tokio::spawn(connection);
        Ok(client)
    }
}

/// Waits for the server, and says what it was to do where it does not.
async fn within<T>(
    asked: impl Future<Output = Result<T, tokio_postgres::Error>>,
    doing: &str,
) -> Result<T, SourceError> {
    match tokio::time::timeout(ANSWER_TIME_MAX, asked).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => {
            let said = error
                .as_db_error()
                .map(|said| said.message().chars().filter(|c| !c.is_control()).collect::<String>());
            Err(SourceError::new(format!(
                "the server did not {doing}: {}",
                said.unwrap_or_else(|| chain(&error))
            )))
        }
        Err(_) => Err(SourceError::new(format!("the server did not {doing} within {ANSWER_TIME_MAX:?}"))),
    }
}

/// Which role's turn it is: the one that is not in use.
pub(crate) fn turn<'a>(roles: &'a (String, String), in_use: Option<&str>) -> &'a str {
    if in_use == Some(roles.0.as_str()) { &roles.1 } else { &roles.0 }
}
