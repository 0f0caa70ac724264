//! Where an outgoing request goes: the three parts of a URL that WASI wants apart.

/// Scheme, authority and path of a URL. Nothing is checked: a test may ask for what is not allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// What stands before `://`.
    pub scheme: String,
    /// Host and port as given.
    pub authority: String,
    /// Path with query; `/` if there is none.
    pub path: String,
}

impl Target {
    /// Takes a URL apart.
    ///
    /// # Errors
    /// A line that says so, if it has no `://`.
    pub fn parse(url: &str) -> Result<Self, String> {
        let (scheme, rest) = url
            .split_once("://")
            .ok_or_else(|| format!("not a URL: {url}"))?;
        let at = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(at);
        let slash = if path.starts_with('/') { "" } else { "/" };
        Ok(Self {
            scheme: scheme.to_owned(),
            authority: authority.to_owned(),
            path: format!("{slash}{path}"),
        })
    }

    /// Where a `Location` leads from here: a URL of its own, or a path on the same server.
    ///
    /// # Errors
    /// As [`Target::parse`].
    pub fn join(&self, location: &str) -> Result<Self, String> {
        if location.starts_with('/') {
            return Ok(Self {
                path: location.to_owned(),
                ..self.clone()
            });
        }
        Self::parse(location)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        let target =
            Target::parse("http://[::1]:8080/a/b?c=//d").unwrap_or_else(|e| unreachable!("{e}"));
        assert_eq!(
            (
                target.scheme.as_str(),
                target.authority.as_str(),
                target.path.as_str()
            ),
            ("http", "[::1]:8080", "/a/b?c=//d")
        );
        assert_eq!(Target::parse("https://a").map(|t| t.path), Ok("/".into()));
        assert_eq!(
            Target::parse("https://a?b").map(|t| t.path),
            Ok("/?b".into())
        );
        assert!(Target::parse("no url").is_err());
        assert_eq!(
            target.join("/x").map(|t| t.authority),
            Ok("[::1]:8080".into())
        );
        assert_eq!(
            target.join("http://b/x").map(|t| t.authority),
            Ok("b".into())
        );
    }
}
