//! What one action of `ALTER TABLE` does, and what it adds.

use super::cursor::Cursor;
use super::ddl::{Change, Column, Constraint, ConstraintKind, Element, Part};
use super::name::Identifier;

impl Cursor<'_> {
    pub(super) fn change(mut self) -> Option<Change> {
        let verb = self.next()?;
        match verb.text.to_ascii_lowercase().as_str() {
            "add" => Some(Change::Add(self.added())),
            "drop" => self.dropped(),
            "rename" => self.renamed(),
            "change" => {
                self.eat(&["column"]);
                let if_exists = self.eat_all(&["if", "exists"]);
                let from = self.identifier()?;
                Some(Change::Redefine { from, to: Some(self.identifier()?), if_exists })
            }
            "modify" => {
                self.eat(&["column"]);
                let if_exists = self.eat_all(&["if", "exists"]);
                Some(Change::Redefine { from: self.identifier()?, to: None, if_exists })
            }
            "alter" => {
                self.eat(&["column"]);
                let column = self.identifier()?;
                if self.eat(&["type"]) || self.eat_all(&["set", "data", "type"]) {
                    Some(Change::ChangeType(column))
                } else {
                    self.eat_all(&["set", "not", "null"]).then_some(Change::SetNotNull(column))
                }
            }
            "attach" if self.eat(&["partition"]) => Some(Change::Attach(self.name()?)),
            "detach" if self.eat(&["partition"]) => {
                Some(Change::Detach { partition: self.name()?, concurrently: self.has("concurrently") })
            }
            _ => None,
        }
    }

    /// Whether a table has keys and partitions that are not constraints; in other dialects these words name columns.
    fn knows_keys(&self) -> bool {
        self.dialect.grammar().alter_drops_keys()
    }

    fn part(&mut self) -> Option<Part> {
        if self.knows_keys() && self.eat(&["index", "key"]) {
            Some(Part::Index)
        } else if self.eat_all(&["foreign", "key"]) || self.eat(&["constraint", "check"]) {
            Some(Part::Constraint)
        } else {
            self.eat(&["column"]).then_some(Part::Column)
        }
    }

    fn dropped(mut self) -> Option<Change> {
        if self.eat_all(&["primary", "key"]) {
            return Some(Change::DropPrimaryKey);
        }
        if self.knows_keys() && self.sees(&["partition", "period", "system"]) {
            return None;
        }
        let what = self.part().unwrap_or(Part::Column);
        let if_exists = self.eat_all(&["if", "exists"]);
        Some(Change::Drop { what, name: self.identifier()?, if_exists })
    }

    fn renamed(mut self) -> Option<Change> {
        let what = self.part();
        if what.is_none() && !self.follow_to() {
            self.eat(&["to", "as", "="]);
            return Some(Change::RenameTo(self.name()?));
        }
        let if_exists = self.eat_all(&["if", "exists"]);
        let from = self.identifier()?;
        self.eat(&["to"]).then_some(())?;
        let to = self.identifier()?;
        Some(Change::Rename { what: what.unwrap_or(Part::Column), from, to, if_exists })
    }

    /// Whether a name and `TO` follow, as in `RENAME a TO b` of a column.
    fn follow_to(&self) -> bool {
        !self.sees(&["to", "as", "="]) && self.rest().get(1).is_some_and(|token| token.is("to"))
    }

    /// Parses what follows `ADD`.
    fn added(self) -> Box<[Element]> {
        let mut column = self;
        column.eat(&["column"]);
        let if_not_exists = column.eat_all(&["if", "not", "exists"]);
        if column.eat(&["("]) {
            return column.parts(1).map(|part| part.element(if_not_exists)).collect();
        }
        Box::new([self.element(false)])
    }

    fn element(mut self, if_not_exists: bool) -> Element {
        let mut if_not_exists = if_not_exists;
        let mut name = None;
        if self.eat(&["constraint"]) {
            if_not_exists |= self.eat_all(&["if", "not", "exists"]);
            if !self.sees(&["primary", "unique", "foreign", "check"]) {
                name = self.identifier();
            }
            return self.constraint(name, if_not_exists).map_or(Element::Other, Element::Constraint);
        }
        if self.sees(&["primary", "unique", "foreign", "check", "exclude", "not"]) {
            return self.constraint(name, if_not_exists).map_or(Element::Other, Element::Constraint);
        }
        let special = self.knows_keys() && self.eat(&["fulltext", "spatial", "vector"]);
        if special || self.knows_keys() && self.sees(&["index", "key"]) {
            self.eat(&["index", "key"]);
            if_not_exists |= self.eat_all(&["if", "not", "exists"]);
            let name = if self.sees(&["(", "using"]) { None } else { self.identifier() };
            return Element::Index { name, if_not_exists, special };
        }
        if self.knows_keys() && self.sees(&["partition", "period", "system"]) {
            return Element::Other;
        }
        self.eat(&["column"]);
        if_not_exists |= self.eat_all(&["if", "not", "exists"]);
        let Some(name) = self.identifier() else { return Element::Other };
        let makes_up = ["default", "generated", "auto_increment", "identity", "serial", "bigserial", "smallserial"];
        Element::Column(Column {
            name,
            if_not_exists,
            not_null: self.follow("not", "null") || self.follow("primary", "key"),
            has_default: makes_up.iter().any(|word| self.has(word)),
            definition: self.at..self.end,
        })
    }

    fn constraint(&mut self, symbol: Option<Identifier>, mut if_not_exists: bool) -> Option<Constraint> {
        let mut name = symbol;
        let kind = if self.eat_all(&["primary", "key"]) {
            ConstraintKind::PrimaryKey
        } else if self.eat(&["unique"]) {
            self.eat(&["index", "key"]);
            if_not_exists |= self.eat_all(&["if", "not", "exists"]);
            if !self.sees(&["(", "using", "nulls"]) {
                name = self.identifier();
            }
            ConstraintKind::Unique
        } else if self.eat_all(&["foreign", "key"]) {
            if_not_exists |= self.eat_all(&["if", "not", "exists"]);
            ConstraintKind::ForeignKey({ *self }.table_after("references"))
        } else if self.eat(&["check"]) {
            ConstraintKind::Check
        } else if self.eat(&["exclude"]) {
            ConstraintKind::Exclude
        } else if self.eat_all(&["not", "null"]) {
            ConstraintKind::NotNull
        } else {
            return None;
        };
        // USING INDEX TABLESPACE only says where a new index goes.
        let using_index = self.follow("using", "index") && !self.follow("index", "tablespace");
        Some(Constraint { kind, name, if_not_exists, not_valid: self.follow("not", "valid"), using_index })
    }
}
