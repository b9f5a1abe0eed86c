//! The fence, by whose value a run knows that no other has taken over.

/// The fence's value that this run has raised it to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Fence(pub i64);
