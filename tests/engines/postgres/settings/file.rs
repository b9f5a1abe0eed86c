//! One generated file: its statements, one on each line.

/// How a file is committed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Style {
    /// All or nothing.
    Transaction,
    NoTransaction,
}

#[derive(Clone, Debug)]
pub struct File {
    pub seed: u64,
    /// The schema of all its objects.
    pub schema: String,
    pub lines: Vec<String>,
}

/// Pseudo-random numbers from a seed. Source: Vigna, "splitmix64".
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound).unwrap()).unwrap()
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }
}

/// Statements that may be anywhere. `S` is the file's schema, `#` a number of the statement's own.
const ANYWHERE: &[&str] = &[
    "insert into S.log (what) values ('#')",
    "insert into S.log (what) select current_setting('work_mem') || current_setting('datestyle') || nullif(current_setting('my.own', true), '')",
    "insert into S.log (what) select n::text from generate_series(1, 3) n; -- with a comment",
    "insert into log (what) values ('by the search path #')",
    "insert into S.d values (#)",
    "insert into S.d select n from generate_series(1, 2) n",
    "update S.d set a = a + 1",
    "insert into d values (#)",
    "insert into S.child values (1)",
    "set search_path = S",
    "set search_path = S, public",
    "set search_path = ''",
    "reset search_path",
    "select set_config('search_path', 'S, pg_catalog', false)",
    "set role settings_a",
    "set role settings_b",
    "set role none",
    "reset role",
    "set session authorization settings_a",
    "reset session authorization",
    "set work_mem = '#MB'",
    "set datestyle = 'german'",
    "select set_config('my.own', '#', false)",
    "reset work_mem",
    "reset all",
    "set default_transaction_isolation = 'repeatable read'",
    "set synchronous_commit = off",
    "set client_min_messages = error",
    "set check_function_bodies = off",
    "set client_encoding = 'UTF8'",
    "set lock_timeout = '3s'",
    "listen c",
    "notify c, '#'",
    "unlisten *",
    "show search_path",
    "select generate_series(1, 300), 'many rows'",
    "create table S.x# (a int default #)",
    "create table if not exists S.x1 (a int)",
    "create view S.v# as select current_user",
    "create index on S.t (a)",
    "select nextval('S.numbers')",
    "do $$ begin insert into S.log (what) values ('in a block #'); perform set_config('my.own', 'block', true); end $$",
    "do $$ begin insert into S.log (what) values ('lost'); perform 1 / 0; exception when others then null; end $$",
    "do $$ begin set local work_mem = '77kB'; insert into S.d values (#); end $$",
    "select S.changes_settings()",
    "insert into S.log (what) select count(*)::text from S.t",
    "truncate S.t",
    "comment on table S.t is 'begin; end; case'",
];

/// Statements that only make sense in a single transaction.
const IN_A_TRANSACTION: &[&str] = &[
    "set local search_path = S",
    "set local role settings_b",
    "set local work_mem = '#MB'",
    "select set_config('my.own', 'local #', true)",
    "set constraints all deferred",
    "set constraints all immediate",
    "set constraints S.later immediate",
    "insert into S.log (what) select count(*)::text from pg_listening_channels()",
    "savepoint a",
    "rollback to a",
    "release a",
    "savepoint schemaward_step",
    "lock table S.t in share row exclusive mode",
    "lock table S.d in access exclusive mode nowait",
    "create temp table tt (a int) on commit drop",
    "create temp table kept (a int default #)",
    "insert into tt values (#)",
    "insert into S.log (what) select a::text from tt",
    "declare cur cursor for select n from generate_series(1, 9) n",
    "declare held cursor with hold for select current_user",
    "fetch 2 from cur",
    "move 1 in cur",
    "close cur",
    "prepare p as insert into S.log (what) values ('prepared #')",
    "execute p",
    "deallocate all",
    "discard temp",
    "discard plans",
    "insert into S.log (what) select (lastval() > 0)::text",
    "select pg_advisory_xact_lock(#)",
    "insert into S.log (what) select count(*)::text from pg_cursors",
    "insert into S.log (what) select count(*)::text from pg_prepared_statements",
];

/// Statements for the beginning of a transaction.
const FIRST: &[&str] = &[
    "set transaction isolation level repeatable read",
    "set transaction isolation level serializable",
    "set transaction_isolation = 'serializable'",
    "set local lock_timeout = '4s'",
    "set local search_path = S",
    "lock table S.t in share row exclusive mode",
    "set constraints all deferred",
    "set role settings_a",
    "show work_mem",
];

/// Statements that fail, at once or at the commit.
const MISTAKES: &[&str] = &[
    "select 1 / 0",
    "select * from S.nowhere",
    "insert into S.child values (99)",
    "insert into S.log (what) select 'x' where 1 / (select 0) = 1",
    "set transaction isolation level serializable",
    "create table S.t (b int)",
    "alter table S.t drop column nowhere",
    "execute nothing",
    "set role settings_nobody",
    "do $$ begin raise exception 'no' using errcode = 'XX123'; end $$",
    "insert into S.t values ('x')",
    "update S.d set a = -1",
];

impl File {
    pub fn generate(seed: u64, style: Style) -> Self {
        let mut random = Random(seed);
        let schema = format!("c{seed}");
        let mut lines = Vec::new();
        if style == Style::Transaction && random.one_in(2) {
            lines.extend((0..=random.below(4)).map(|_| random.one(FIRST).to_owned()));
        }
        for _ in 0..=random.below(14) {
            let of = if style == Style::Transaction && random.one_in(2) { IN_A_TRANSACTION } else { ANYWHERE };
            lines.push(random.one(of).to_owned());
        }
        if random.one_in(3) {
            let at = random.below(lines.len() + 1);
            lines.insert(at, random.one(MISTAKES).to_owned());
        }
        let filled = |(n, line): (usize, String)| {
            line.replace("S.", &format!("{schema}."))
                .replace("= S", &format!("= {schema}"))
                .replace("'S,", &format!("'{schema},"))
                .replace('#', &(n + 1).to_string())
        };
        let lines = lines.into_iter().enumerate().map(filled).collect();
        Self { seed, schema, lines }
    }

    /// The file's text, one statement on each line after a first line.
    pub fn text(&self, first: &str) -> String {
        let mut text = format!("{first}\n");
        for line in &self.lines {
            text.push_str(line);
            text.push_str(if line.contains("; --") { "\n" } else { ";\n" });
        }
        text
    }
}
