//! Names of resources: `kbs[+plugin]://[host[:port]]/<segments>[?query]`, or just the path.

use std::fmt;
use std::str::FromStr;

/// What to ask a KBS for. Host and port of a URI are dropped: which KBS is asked is not for the name to say.
///
/// ```text
/// default/key/1    /default/key/1    kbs:///default/key/1    kbs://host:8080/default/key/1
/// kbs+nebula-ca:///credential?name=pod&ip=10.0.0.2/24
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ResourceUri {
    plugin: String,
    path: String,
    query: Option<String>,
}

impl ResourceUri {
    /// The plugin that is asked, `resource` unless the URI names another.
    pub fn plugin(&self) -> &str {
        &self.plugin
    }

    /// The path without leading slash, for a resource `repository/type/tag`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The path of the request: `<plugin>/<path>[?query]`.
    pub(crate) fn request_path(&self) -> String {
        let query = self
            .query
            .as_ref()
            .map(|query| format!("?{query}"))
            .unwrap_or_default();
        format!("{}/{}{query}", self.plugin, self.path)
    }
}

impl FromStr for ResourceUri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        let (plugin, rest) = match text.split_once("://") {
            Some((scheme, rest)) => {
                let plugin = match scheme.strip_prefix("kbs").ok_or(UriError::Scheme)? {
                    "" => RESOURCE,
                    plugin => plugin.strip_prefix('+').ok_or(UriError::Scheme)?,
                };
                (
                    plugin,
                    rest.split_once('/')
                        .map(|(_host, path)| path)
                        .ok_or(UriError::Path)?,
                )
            }
            None => (RESOURCE, text.strip_prefix('/').unwrap_or(text)),
        };
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (rest, None),
        };
        let segments: Vec<_> = path.split('/').collect();
        if !is_segment(plugin) || !segments.iter().all(|segment| is_segment(segment)) {
            return Err(UriError::Path);
        }
        if plugin == RESOURCE && segments.len() != 3 {
            return Err(UriError::Path);
        }
        if query
            .as_deref()
            .is_some_and(|query| !query.chars().all(|c| c.is_ascii_graphic() && c != '#'))
        {
            return Err(UriError::Query);
        }
        Ok(Self {
            plugin: plugin.to_owned(),
            path: path.to_owned(),
            query,
        })
    }
}

impl fmt::Display for ResourceUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("kbs")?;
        if self.plugin != RESOURCE {
            write!(f, "+{}", self.plugin)?;
        }
        write!(f, ":///{}", self.path)?;
        match &self.query {
            Some(query) => write!(f, "?{query}"),
            None => Ok(()),
        }
    }
}

/// Why a name is no name of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// Another scheme than `kbs` or `kbs+<plugin>`.
    #[error("a resource URI begins with kbs:// or kbs+<plugin>://")]
    Scheme,
    /// Not three segments, or characters that no segment has.
    #[error(
        "a resource is named repository/type/tag or kbs:///repository/type/tag, of letters, digits and - _ . only"
    )]
    Path,
    /// Characters that no query has.
    #[error("the query of the resource URI has characters that must be percent-encoded")]
    Query,
}

/// A leading dot is refused: such names are hidden files to a KBS, or `..`.
fn is_segment(segment: &str) -> bool {
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !segment.is_empty() && segment.len() <= 255 && !segment.starts_with('.') && segment.chars().all(known)
}

const RESOURCE: &str = "resource";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_resource_has_one_request_path_however_it_is_named() {
        for name in [
            "default/key/1",
            "/default/key/1",
            "kbs:///default/key/1",
            "kbs://kbs.example:8080/default/key/1",
            "kbs+resource:///default/key/1",
        ] {
            let uri: ResourceUri = name.parse().unwrap();
            assert_eq!(uri.request_path(), "resource/default/key/1", "{name}");
            assert_eq!(uri.to_string(), "kbs:///default/key/1");
        }
    }

    #[test]
    fn a_uri_may_name_a_plugin_and_a_query() {
        let uri: ResourceUri = "kbs+nebula-ca://h/credential?name=pod&ip=10.0.0.2/24"
            .parse()
            .unwrap();
        assert_eq!((uri.plugin(), uri.path()), ("nebula-ca", "credential"));
        assert_eq!(uri.request_path(), "nebula-ca/credential?name=pod&ip=10.0.0.2/24");
        assert_eq!(uri.to_string().parse(), Ok(uri));
    }

    #[test]
    fn names_that_could_mean_something_else_are_refused() {
        for name in [
            "",
            "/",
            "a/b",
            "a/b/c/d",
            "a//c",
            "a/../c",
            "a/./c",
            "a/b/..",
            "../../x",
            "a/b/c/",
            "a/b/%2e",
            "a/b/c d",
            "a/b/c\n",
            "a/b/ü",
            "a\\b/c/d",
            "kbs:///a/b",
            "kbs://a/b/c",
            "kbs+:///a/b/c",
        ] {
            assert_eq!(name.parse::<ResourceUri>(), Err(UriError::Path), "{name:?}");
        }
        for name in ["http://h/a/b/c", "kbsx:///a/b/c", "://a/b/c"] {
            assert_eq!(name.parse::<ResourceUri>(), Err(UriError::Scheme), "{name:?}");
        }
        assert_eq!("a/b/c?x y".parse::<ResourceUri>(), Err(UriError::Query));
        assert_eq!("a/b/c?x#y".parse::<ResourceUri>(), Err(UriError::Query));
    }

    proptest! {
        #[test]
        fn whatever_is_accepted_is_read_back_the_same(name in "(kbs(\\+[a-z]{0,3})?://)?[a-z./?%=+]{0,20}|\\PC{0,20}") {
            if let Ok(uri) = name.parse::<ResourceUri>() {
                prop_assert_eq!(uri.to_string().parse(), Ok(uri.clone()));
                prop_assert!(!uri.request_path().contains(".."));
            }
        }
    }
}
