//! Keys and tokens: what has a form of its own, so that whoever leaks it can be told (prefixes their issuers document).

use crate::finder::form;
use regex::bytes::Regex;
use std::ops::Range;
use std::sync::LazyLock;

/// One form for each.
const FORMS: &[&str] = &[
    // AWS access keys
    r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    // GitHub, GitLab
    r"\bgh[pousr]_[A-Za-z0-9]{36,255}",
    r"\bgithub_pat_[A-Za-z0-9_]{22,255}",
    r"\bgl(?:pat|dt|rt|ptt|cbt)-[A-Za-z0-9_-]{20,}",
    // Slack, Stripe, SendGrid, DigitalOcean, Google, npm, PyPI
    r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}",
    r"\b(?:sk|rk|whsec)_(?:live_|test_)?[A-Za-z0-9]{16,}",
    r"\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}",
    r"\bdo[por]_v1_[0-9a-f]{64}",
    r"\bAIza[0-9A-Za-z_-]{35}",
    r"\bnpm_[A-Za-z0-9]{36}",
    r"\bpypi-[A-Za-z0-9_-]{50,}",
    // models' providers
    r"\bsk-[A-Za-z0-9_-]{20,}",
    // Vault
    r"\bhv[sbr]\.[A-Za-z0-9_-]{24,}",
    // JSON Web Tokens (RFC 7519), signed
    r"\beyJ[A-Za-z0-9_-]{8,512}\.eyJ[A-Za-z0-9_-]{8,4096}\.[A-Za-z0-9_-]{16,}",
    // private keys (RFC 7468), whatever stands for the ends of lines
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?s:.*?)(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\z)",
    // passwords in addresses (RFC 3986 section 3.2.1)
    r"\b[a-zA-Z][a-zA-Z0-9+.-]{0,31}://[^\s:/@]{0,256}:[^\s/@]{1,256}@",
];

static SECRET: LazyLock<Regex> = LazyLock::new(|| form(&FORMS.join("|")));

/// Keys and tokens.
pub(crate) fn secrets(text: &[u8]) -> Vec<Range<usize>> {
    SECRET.find_iter(text).map(|found| found.range()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        secrets(text.as_bytes()).into_iter().map(|range| &text[range]).collect()
    }

    /// None of these is anybody's: they are put together here, so that nobody who looks for leaks finds one.
    #[test]
    fn what_has_a_form_of_its_own() {
        let long = "a1B2".repeat(16);
        for secret in [
            format!("AKIA{}", "ABCD".repeat(4)),
            format!("ghp_{}", &long[..36]),
            format!("github_pat_{}", &long[..40]),
            format!("glpat-{}", &long[..20]),
            format!("xoxb-{}", &long[..24]),
            format!("sk_live_{}", &long[..24]),
            format!("sk-{}", &long[..48]),
            format!("AIza{}", &long[..35]),
            format!("hvs.{}", &long[..24]),
            format!("eyJ{}.eyJ{}.{}", &long[..20], &long[..20], &long[..40]),
            format!("-----BEGIN EC PRIVATE KEY-----\n{long}\n-----END EC PRIVATE KEY-----"),
            format!("-----BEGIN PRIVATE KEY-----\\n{long}"),
            format!("-----BEGIN PGP PRIVATE KEY BLOCK-----\n{long}\n-----END PGP PRIVATE KEY BLOCK-----"),
        ] {
            assert_eq!(found(&secret), [secret.as_str()]);
        }
        assert_eq!(found("see postgresql://app:hunter2@db/x"), ["postgresql://app:hunter2@"]);
    }

    #[test]
    fn not_other_words() {
        for text in [
            "https://example.org:8443/a@b",
            "AKIA",
            "sk-1",
            "eyJ.eyJ.x",
            "risk-assessment",
            "-----BEGIN CERTIFICATE-----",
        ] {
            assert_eq!(found(text), Vec::<&str>::new(), "{text}");
        }
    }
}
