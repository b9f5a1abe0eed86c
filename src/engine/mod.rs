//! Databases: sessions, locks, the ledger and the run. One file per engine behind one trait.
