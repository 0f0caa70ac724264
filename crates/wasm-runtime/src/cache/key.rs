//! What a compiled program is found by: everything that its native code depends on.

use crate::program::Digest;
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::hash::{Hash, Hasher};

/// Grows when the files of the cache change their meaning.
const FORMAT: &[u8] = b"mod_wasm cache 2\0";

/// A hash over the content of a program, the versions of this library and of Wasmtime, the engine's settings and the features
/// of the processor. As text, 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// The key of a program of this content for an engine. The settings of the engine for concurrent calls, which a program may
    /// turn out to need, are those of `engine` but for that, so they need no part in it.
    pub fn new(engine: &wasmtime::Engine, program: &Digest) -> Key {
        let mut hash = Feed(Sha256::new_with_prefix(FORMAT));
        env!("CARGO_PKG_VERSION").hash(&mut hash);
        engine.precompile_compatibility_hash().hash(&mut hash);
        hash.0.update(program);
        Key(hex(&hash.0.finalize()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where its lock lies: as many digits as the offset of a file has room for.
    pub fn lock_offset(&self) -> i64 {
        lock_offset(&self.0)
    }
}

/// What tells whether code that another process compiles is for this engine: everything that the key of a program depends on but
/// the program. The helper opens the library anew, which may have been replaced since the server started.
pub fn engine_mark(engine: &wasmtime::Engine) -> String {
    Key::new(engine, &[0; 32]).0
}

/// Where the lock of the key with these digits lies.
pub fn lock_offset(digits: &str) -> i64 {
    let digits = digits.get(..15).unwrap_or("0");
    i64::from_str_radix(digits, 16).unwrap_or(0)
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Takes what a `Hash` feeds to a hasher.
struct Feed(Sha256);

impl Hasher for Feed {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest = self.0.clone().finalize();
        digest
            .iter()
            .take(8)
            .fold(0, |all, byte| all << 8 | u64::from(*byte))
    }
}

#[cfg(test)]
mod tests {

    use super::Key;
    use wasmtime::{Config, Engine};

    #[test]
    fn all_that_native_code_depends_on_makes_another_key() {
        let engine = |config: &Config| Engine::new(config).unwrap();
        let plain = engine(&Config::new());
        let key = Key::new(&plain, &[1; 32]);
        assert_eq!(key, Key::new(&engine(&Config::new()), &[1; 32]));
        assert_eq!(key.as_str().len(), 64);
        assert!(key.lock_offset() >= 0);
        let interrupted = engine(Config::new().epoch_interruption(true));
        for other in [Key::new(&plain, &[2; 32]), Key::new(&interrupted, &[1; 32])] {
            assert_ne!(key, other);
        }
    }
}
