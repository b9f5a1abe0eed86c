//! The controller: observe (reads) → decide (pure) → act (writes).
