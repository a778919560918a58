//! From method, path and query to the operation a service declared.

use crate::http::target::Target;

/// A form of request. `T` is what it stands for.
#[derive(Clone, Copy, Debug)]
pub struct Route<'a, T> {
    /// Methods, upper case.
    pub methods: &'a [String],
    /// Path pattern: literal segments, `*` for one segment, `**` at the end for any rest.
    pub path: &'a str,
    /// Query parameters that must be there with these values.
    pub query: &'a [(String, String)],
    /// What it stands for.
    pub operation: T,
}

/// The first operation, in order, whose form the request has. A parameter that a route looks at, given
/// twice, is read differently by different servers: then the answer is [`Repeated`].
pub fn find<'a, T>(
    routes: impl IntoIterator<Item = Route<'a, T>>,
    method: &str,
    target: &Target,
) -> Result<Option<T>, Repeated> {
    for route in routes {
        if !route.methods.iter().any(|known| known == method) || !path_matches(route.path, &target.segments) {
            continue;
        }
        let mut matches = true;
        for (key, value) in route.query {
            let mut given = target.query.iter().filter(|(name, _)| name == key);
            let first = given.next();
            if given.next().is_some() {
                return Err(Repeated);
            }
            matches &= first.is_some_and(|(_, given)| given == value);
        }
        if matches {
            return Ok(Some(route.operation));
        }
    }
    Ok(None)
}

/// A query parameter that decides what the request is was given more than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a query parameter that decides what this request is was given twice")]
pub struct Repeated;

fn path_matches(pattern: &str, segments: &[String]) -> bool {
    let mut rest = segments.iter();
    let mut parts = pattern.split('/').skip(1).peekable();
    while let Some(part) = parts.next() {
        if part == "**" && parts.peek().is_none() {
            // At least one segment, which may be empty: `/a/**` has `/a/` but not `/a`.
            return rest.next().is_some();
        }
        match rest.next() {
            Some(segment) if part == "*" && !segment.is_empty() => {}
            Some(segment) if part != "*" && segment == part => {}
            Some(_) | None => return false,
        }
    }
    rest.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, path: &str, expected: bool) {
        let route = Route { methods: &["GET".to_owned()], path: pattern, query: &[], operation: () };
        let target = Target::parse(path, None).unwrap();
        assert_eq!(find([route], "GET", &target).unwrap().is_some(), expected, "{pattern} {path}");
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
        let (methods, query) = (["GET".to_owned()], [("service".to_owned(), "x".to_owned())]);
        let found = |text| {
            let route = Route { methods: &methods, path: "/r", query: &query, operation: () };
            let target = Target::parse("/r", Some(text)).unwrap();
            find([route], "GET", &target).map(|found| found.is_some())
        };
        assert_eq!(found("service=x"), Ok(true));
        assert_eq!(found("a=b&service=x"), Ok(true));
        assert_eq!(found("service=y"), Ok(false));
        assert_eq!(found(""), Ok(false));
        assert_eq!(found("service=x&service=y"), Err(Repeated));
        assert_eq!(found("service=y&%73ervice=x"), Err(Repeated));
    }
}
