//! How a transaction of ours begins and continues. Texts only.

/// The mode is said in full: a role may have other defaults.
pub(super) const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
/// For the rest of a transaction: the role that the connection began with, operators found in `pg_catalog`, and every row or
/// none (see [`super::settings::ALL_ROWS`]). What a file has set comes back at the transaction's end. The role is the user who
/// connected unless the URL's options or ALTER ROLE … SET role name another: RESET ROLE means the same, SET ROLE NONE would be
/// the user. A file listens to nothing after its statement: the driver does not understand a notification among answers.
pub(super) const AS_OURSELVES: &str = "SET LOCAL SESSION AUTHORIZATION DEFAULT;SET LOCAL role TO DEFAULT;\
                                       SET LOCAL search_path = pg_catalog;SET LOCAL row_security = off;UNLISTEN *";
