//! What a compiled program is found by: everything that its native code depends on.

use sha2::{Digest, Sha256};
use std::fmt;
use std::hash::{Hash, Hasher};

/// Grows when the files of the cache change their meaning.
const FORMAT: &[u8] = b"mod_wasm cache 1\0";

/// A hash over the content of a program, its form, the version of Wasmtime, its settings and the
/// features of the processor. As text, 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// The key of a program for an engine. `form` tells a module from a component.
    pub fn new(engine: &wasmtime::Engine, form: &str, program: &[u8]) -> Key {
        let mut hash = Feed(Sha256::new_with_prefix(FORMAT));
        form.hash(&mut hash);
        engine.precompile_compatibility_hash().hash(&mut hash);
        hash.0.update(Sha256::digest(program));
        Key(hex(&hash.0.finalize()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Which of sixteen locks it has: a hexadecimal digit.
    pub fn stripe(&self) -> char {
        self.0.chars().next().unwrap_or('0')
    }
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
        let key = Key::new(&plain, "module", b"program");
        assert_eq!(key, Key::new(&engine(&Config::new()), "module", b"program"));
        assert_eq!(key.as_str().len(), 64);
        let interrupted = engine(Config::new().epoch_interruption(true));
        for other in [
            Key::new(&plain, "module", b"Program"),
            Key::new(&plain, "component", b"program"),
            Key::new(&interrupted, "module", b"program"),
        ] {
            assert_ne!(key, other);
        }
    }
}
