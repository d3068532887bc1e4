//! As much of SQL as an empty database needs: what kind of statement it is, and the few questions
//! that drivers ask before they let a program go on. Nothing is parsed beyond that.

/// What a statement is answered with.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A table of one column, with one row at most.
    Rows {
        column: String,
        row: Option<String>,
    },
    /// Done: the words that PostgreSQL says (`INSERT 0 1`).
    Done(&'static str),
    Nothing,
}

/// Whose questions are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    Postgres,
    MySql,
}

impl Server {
    pub fn version(self) -> &'static str {
        match self {
            Self::Postgres => "16.4",
            Self::MySql => "8.0.39",
        }
    }

    /// What the column of an expression is called.
    fn unnamed(self, expression: &str) -> &str {
        match self {
            Self::Postgres => "?column?",
            Self::MySql => expression,
        }
    }
}

/// The outcome of a statement at an empty database.
pub fn outcome(server: Server, statement: &str) -> Outcome {
    let text = without_comments(statement);
    let verb: String = text
        .chars()
        .take_while(char::is_ascii_alphabetic)
        .take(12)
        .collect();
    let done = match verb.to_ascii_uppercase().as_str() {
        "" => return Outcome::Nothing,
        "SELECT" | "SHOW" | "WITH" | "VALUES" | "TABLE" | "EXPLAIN" | "DESCRIBE" | "DESC"
        | "FETCH" => return asked(server, text),
        // With `RETURNING` rows come back: none, of a table that is not there.
        "INSERT" | "UPDATE" | "DELETE" | "MERGE" if returns(text) => {
            return Outcome::Rows {
                column: "id".to_owned(),
                row: None,
            };
        }
        "INSERT" => "INSERT 0 1",
        "UPDATE" => "UPDATE 0",
        "DELETE" => "DELETE 0",
        "MERGE" => "MERGE 0",
        "BEGIN" | "START" => "BEGIN",
        "COMMIT" | "END" => "COMMIT",
        "ROLLBACK" | "ABORT" => "ROLLBACK",
        "SET" => "SET",
        "CREATE" => "CREATE TABLE",
        "DROP" => "DROP TABLE",
        "ALTER" => "ALTER TABLE",
        "TRUNCATE" => "TRUNCATE TABLE",
        "LISTEN" => "LISTEN",
        "NOTIFY" => "NOTIFY",
        "DISCARD" => "DISCARD ALL",
        "DEALLOCATE" => "DEALLOCATE",
        "GRANT" => "GRANT",
        _ => "DO",
    };
    Outcome::Done(done)
}

/// Parameters of a prepared statement: the highest of `$1`, `$2` …, or how many `?` there are.
/// Texts in quotes count for none.
pub fn parameters(server: Server, statement: &str) -> usize {
    let mut count = 0;
    let mut rest = statement;
    while let Some(at) = rest.find(['\'', '"', '`', '$', '?']) {
        let mark = rest.as_bytes()[at];
        rest = &rest[at + 1..];
        match (mark, server) {
            (b'$', Server::Postgres) => {
                let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
                count = count.max(rest[..digits].parse().unwrap_or(0));
            }
            (b'?', Server::MySql) => count += 1,
            (quote @ (b'\'' | b'"' | b'`'), _) => {
                let end = rest.bytes().position(|b| b == quote);
                rest = end.map_or("", |end| &rest[end + 1..]);
            }
            _ => {}
        }
    }
    // Both protocols count them in sixteen bits.
    count.min(usize::from(u16::MAX))
}

fn returns(text: &str) -> bool {
    text.to_ascii_uppercase().contains("RETURNING")
}

fn without_comments(mut text: &str) -> &str {
    loop {
        text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '(' || c == ';');
        let end = if text.starts_with("--") {
            text.find('\n')
        } else if text.starts_with("/*") && !text.starts_with("/*!") {
            text.find("*/").map(|at| at + 1)
        } else {
            return text;
        };
        text = end.map_or("", |end| &text[end + 1..]);
    }
}

/// A question that is one expression has its answer where a driver depends on it; every other is
/// one for the rows of a table.
fn asked(server: Server, text: &str) -> Outcome {
    let text = text.trim_end().trim_end_matches(';').trim_end();
    let lower = text.to_ascii_lowercase();
    let words: Vec<&str> = lower.split_whitespace().collect();
    let rows = |column: &str, row: &str| Outcome::Rows {
        column: column.to_owned(),
        row: Some(row.to_owned()),
    };
    match words[..] {
        ["show", "transaction", "isolation", "level"] => {
            return rows("transaction_isolation", "read committed");
        }
        ["show", name] if server == Server::Postgres => {
            let known = PARAMETERS
                .iter()
                .find(|(known, _)| known.eq_ignore_ascii_case(name));
            return rows(name, known.map_or("on", |(_, value)| value));
        }
        ["select", one] => {
            let one = one.trim_start_matches("pg_catalog.");
            if one.bytes().all(|b| b.is_ascii_digit()) {
                return rows(server.unnamed(one), one);
            }
            match one {
                "version()" if server == Server::Postgres => {
                    let version = server.version();
                    let text = format!(
                        "PostgreSQL {version} on x86_64-pc-linux-gnu, compiled by gcc (Debian 12.2.0-14) 12.2.0, 64-bit"
                    );
                    return rows("version", &text);
                }
                "version()" | "@@version" => return rows(one, server.version()),
                "current_schema()" | "current_schema" => return rows("current_schema", "public"),
                "now()" | "current_timestamp" => {}
                _ if one.starts_with("@@") && !one.contains(',') => return rows(one, "1"),
                _ => {}
            }
        }
        _ => {}
    }
    Outcome::Rows {
        column: server.unnamed("id").to_owned(),
        row: None,
    }
}

/// What a PostgreSQL server tells of itself, at the start and when asked.
pub const PARAMETERS: &[(&str, &str)] = &[
    ("application_name", ""),
    ("client_encoding", "UTF8"),
    ("DateStyle", "ISO, MDY"),
    ("default_transaction_read_only", "off"),
    ("in_hot_standby", "off"),
    ("integer_datetimes", "on"),
    ("IntervalStyle", "postgres"),
    ("is_superuser", "off"),
    ("server_encoding", "UTF8"),
    ("server_version", "16.4"),
    ("standard_conforming_strings", "on"),
    ("TimeZone", "Etc/UTC"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn statements_are_told_apart() {
        let postgres = |text| outcome(Server::Postgres, text);
        let rows = |column: &str, row: Option<&str>| Outcome::Rows {
            column: column.to_owned(),
            row: row.map(str::to_owned),
        };
        assert_eq!(
            postgres("  -- a word\n insert into t values (1)"),
            Outcome::Done("INSERT 0 1")
        );
        assert_eq!(
            postgres("insert into t values (1) returning id"),
            rows("id", None)
        );
        assert_eq!(postgres("/* x */ SELECT * FROM t"), rows("?column?", None));
        assert_eq!(postgres("SELECT 1;"), rows("?column?", Some("1")));
        assert_eq!(postgres("show TimeZone"), rows("timezone", Some("Etc/UTC")));
        assert_eq!(postgres(" ; "), Outcome::Nothing);
        assert_eq!(
            outcome(Server::MySql, "select @@max_allowed_packet"),
            rows("@@max_allowed_packet", Some("1"))
        );
    }

    #[test]
    fn parameters_are_counted_outside_of_texts() {
        assert_eq!(parameters(Server::Postgres, "select $2, '$9', $1 ?"), 2);
        assert_eq!(
            parameters(Server::MySql, "insert into t values (?, '?', ?, $7)"),
            2
        );
        assert_eq!(parameters(Server::MySql, "select 'open ?"), 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn no_text_panics(text in "(select |/\\*|--|insert )?.{0,60}") {
            for server in [Server::Postgres, Server::MySql] {
                outcome(server, &text);
                parameters(server, &text);
            }
        }
    }
}
