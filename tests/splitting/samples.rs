//! Files with what separates statements and what does not. Left out: an `E'…'` that continues on the next line with a
//! `\'`. psql reads line by line and splits it wrongly; the server reads it as Schemaward does.

pub const POSTGRES: &[&str] = &[
    "select 1; select ';', 'it''s;', E'\\';'; -- ;\n/* ; /* ; */ ; */ select $a$ ; $$ ; $a$;",
    "\u{feff}create function f() returns int language sql begin atomic select case when true then 1 end; select 2; end;\r\nselect 2;",
    "create rule r as on insert to t do also (select 1; select 2);\nselect 'd'\n'e\\'; select U&'\\0061;' uescape '!';",
    "select \";\" as \"a\"\";\"; select 1 as a$b$; select B'1', x'41', n';'; select $1",
];

pub const MYSQL: &[&str] = &[
    "select 1; select ';', 'it''s;', 'a\\';', \"b\"\";\", `c``;`; -- ;\n# ;\n/* ; */ select 1--1; select 2",
    "/*!40101 SET NAMES utf8 */;\n/*!50003 CREATE*/ /*!50020 DEFINER=`a`@`b`*/ /*!50003 PROCEDURE p() SELECT 1 */;\nselect 2;",
    "DELIMITER //\r\ncreate procedure p()\r\nbegin\r\n  -- ;\r\n  select 1;\r\nend//\r\ndelimiter ;\r\nselect 1;\r\n",
    "delimiter $$\nselect '$$', a$$ select 2 $$\ndelimiter ;;\ncreate trigger t before insert on x for each row begin set @a = 1; end;;\n\
     DELIMITER ;\nselect 3;",
    "create procedure p() begin if a then select 1; else select 2; end if; end;\nselect 3;",
    "select 1\\G\nselect 2\\g\nselect \\N; select 'größe', '😀';",
    "--select 1;\nselect 2\n--1; select 3;\n--select 4;\n",
    "select 1 /* a */ ; select /* ' */ 2; select '/*'; select 3 /* \" */;\n-- it's\nselect 4;\n#it's\nselect 5;",
];

pub const SQLITE: &[&str] = &[
    "select 1; select ';', 'it''s;', \";\", [;], `;`; -- ;\n/* ; */ select 'a\\';",
    "create trigger t after insert on x begin select case when 1 then 2 end; delete from y; end; select 1;",
    "explain create temp trigger t after insert on x begin select 1; end ; create table trigger (a); select 2 /* never closed ;",
];
