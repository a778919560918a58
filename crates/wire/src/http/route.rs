//! From method, path and query to the operation a service declared.

use crate::http::target::Target;

/// A form of request. `T` is what it stands for.
#[derive(Clone, Debug)]
pub struct Route<T> {
    /// Methods, upper case.
    pub methods: Vec<String>,
    /// Path pattern: literal segments, `*` for one segment, `**` at the end for any rest.
    pub path: String,
    /// Query parameters that must be there exactly once with these values.
    pub query: Vec<(String, String)>,
    /// What it stands for.
    pub operation: T,
}

/// The routes of a service, in order.
#[derive(Clone, Debug)]
pub struct Router<T>(Vec<Route<T>>);

impl<T> Router<T> {
    /// A router that tries `routes` in order.
    pub fn new(routes: Vec<Route<T>>) -> Self {
        Self(routes)
    }

    /// The first operation whose form the request has.
    pub fn find(&self, method: &str, target: &Target) -> Option<&T> {
        self.0
            .iter()
            .find(|route| {
                route.methods.iter().any(|known| known == method)
                    && path_matches(&route.path, &target.segments)
                    && route.query.iter().all(|(key, value)| has_once(&target.query, key, value))
            })
            .map(|route| &route.operation)
    }
}

fn path_matches(pattern: &str, segments: &[String]) -> bool {
    let mut rest = segments.iter();
    let mut parts = pattern.split('/').skip(1).peekable();
    while let Some(part) = parts.next() {
        if part == "**" && parts.peek().is_none() {
            return true;
        }
        match rest.next() {
            Some(segment) if part == "*" && !segment.is_empty() => {}
            Some(segment) if part != "*" && segment == part => {}
            Some(_) | None => return false,
        }
    }
    rest.next().is_none()
}

/// A parameter given twice is read differently by different servers, so it matches nothing.
fn has_once(query: &[(String, String)], key: &str, value: &str) -> bool {
    let mut found = query.iter().filter(|(name, _)| name == key);
    found.next().is_some_and(|(_, given)| given == value) && found.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, path: &str, expected: bool) {
        let route = Route { methods: vec!["GET".into()], path: pattern.into(), query: vec![], operation: () };
        let target = Target::parse(path, None).unwrap();
        assert_eq!(Router::new(vec![route]).find("GET", &target).is_some(), expected, "{pattern} {path}");
    }

    #[test]
    fn patterns() {
        check("/a/b", "/a/b", true);
        check("/a/b", "/a/b/", false);
        check("/a/b/", "/a/b/", true);
        check("/a/*", "/a/b", true);
        check("/a/*", "/a/", false);
        check("/a/*", "/a/b/c", false);
        check("/a/**", "/a/b/c", true);
        check("/a/**", "/a", false);
        check("/**", "/", true);
        check("/app.git/**", "/app.gitx/a", false);
    }

    #[test]
    fn query_must_match_once() {
        let route = Route {
            methods: vec!["GET".into()],
            path: "/r".into(),
            query: vec![("service".into(), "x".into())],
            operation: (),
        };
        let router = Router::new(vec![route]);
        let found = |query| router.find("GET", &Target::parse("/r", Some(query)).unwrap()).is_some();
        assert!(found("service=x"));
        assert!(found("a=b&service=x"));
        assert!(!found("service=y"));
        assert!(!found("service=x&service=y"));
        assert!(!found("service=y&service=x"));
        assert!(!found(""));
    }
}
