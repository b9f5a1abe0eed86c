//! From the ledger's state and a migration set to the ordered steps between them. Pure.
