//! Panics on demand, for the test that a panic of ours costs one request and nothing else. Compiled only with the feature
//! `test-panic`, which no product is built with.
#![expect(clippy::panic, reason = "that is what this file is for")]

use directives::Settings;
use httpd::Request;

/// Panics if the section says so, while it is laid over those around it.
pub fn while_merging(section: &Settings) {
    if section
        .env()
        .any(|variable| variable == ("TEST_PANIC", "merge"))
    {
        panic!("asked for in merge");
    }
}

/// Panics if the request's `X-Test-Panic` names this place.
pub fn here(request: &Request, place: &str) {
    let wanted = request
        .headers_in()
        .is_some_and(|headers| headers.get(c"X-Test-Panic") == Some(place.as_bytes()));
    if wanted {
        panic!("asked for in {place}");
    }
}
