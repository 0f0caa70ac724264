//! The words of an indexed query (RFC 3875, section 4.4), which mod_cgi and mod_cgid give to a script as its arguments. Must
//! not know whether a program wants them.

/// The words of `query`, decoded. Empty if it is no indexed query, which is one without `=`, or if one of its words cannot
/// be an argument: then, as the RFC demands, there are none at all.
#[must_use]
pub fn query_words(query: &[u8]) -> Vec<String> {
    if query.is_empty() || query.contains(&b'=') {
        return Vec::new();
    }
    let words: Option<Vec<String>> = query.split(|&byte| byte == b'+').map(decoded).collect();
    words.unwrap_or_default()
}

/// `word` without its `%xx`; none if it is encoded badly, or cannot be an argument of a WASI program.
fn decoded(word: &[u8]) -> Option<String> {
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        let digits = str::from_utf8(digits).ok()?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = after;
    }
    String::from_utf8(bytes)
        .ok()
        .filter(|word| !word.contains('\0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(query: &str) -> Vec<String> {
        query_words(query.as_bytes())
    }

    #[test]
    fn words_stand_between_plus_signs() {
        assert_eq!(words("one"), ["one"]);
        assert_eq!(words("one+two++-s"), ["one", "two", "", "-s"]);
        assert_eq!(
            words("a%20b+%2B%3d+%C3%A9+%2f.."),
            ["a b", "+=", "é", "/.."]
        );
        assert_eq!(words("a&b;c|d"), ["a&b;c|d"]);
    }

    #[test]
    fn a_query_with_fields_has_no_words() {
        for query in ["", "a=b", "one+two=", "=", "-d+x=y"] {
            assert!(words(query).is_empty(), "{query}");
        }
    }

    #[test]
    fn one_bad_word_spoils_all() {
        for query in ["a+%", "a+%4", "%zz+a", "%+1", "a+%00", "%ff+a", "%-1"] {
            assert!(words(query).is_empty(), "{query}");
        }
    }
}
