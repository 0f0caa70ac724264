//! The two HTTP probes, so that one test can be about both.
//!
//! Knows their names and that each answers at `/p`; what they answer is the tests' business.

use crate::Setup;

/// A test guest that answers HTTP itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// Its name in `guests/GUESTS`.
    pub guest: &'static str,
    /// The minor version of WASI: 2 or 3.
    pub wasi: u8,
}

/// The probe for WASI 0.2.
pub const P2: Probe = Probe {
    guest: "probe-http",
    wasi: 2,
};

/// The probe for WASI 0.3.
pub const P3: Probe = Probe {
    guest: "probe-service",
    wasi: 3,
};

impl Probe {
    /// A server with the probe at `/p` and these lines in its section.
    pub fn setup(self, lines: &str) -> Setup {
        Setup::new().guest("/p", self.guest, lines)
    }

    /// Is it the one for WASI 0.3?
    pub fn is_p3(self) -> bool {
        self.wasi == 3
    }
}

/// Makes a test for either probe of each function named, all of which are `fn name(probe: Probe)`: `name::p2` and `name::p3`.
#[macro_export]
macro_rules! both {
    ($($name:ident),* $(,)?) => {
        $(
            mod $name {
                #[test]
                fn p2() {
                    super::$name($crate::probe::P2);
                }

                #[test]
                fn p3() {
                    super::$name($crate::probe::P3);
                }
            }
        )*
    };
}
