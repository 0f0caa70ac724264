//! Values of settings that are a choice of words. Must not know how they are written.

/// What becomes of a CGI program's request body whose length nobody has said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum BodyWithoutLength {
    /// It is read whole before the program starts, which is then told its length.
    #[default]
    Spool,
    /// The program reads it as it comes, and is told no length.
    Stream,
    /// The client gets 411.
    Refuse,
}
