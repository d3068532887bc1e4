//! Writes small SQLite databases (www.sqlite.org/fileformat2.html): tables of one page each,
//! no indexes. Enough for a browser's profile that a real reader opens.

const PAGE: usize = 4096;
/// Bytes of the header that opens the first page.
const HEADER: usize = 100;
/// Bytes of a page's own header where it is a leaf of a table.
const LEAF: usize = 8;

/// A table and its rows, which together fit into one page.
pub struct Table {
    pub name: &'static str,
    pub sql: &'static str,
    pub rows: Vec<Vec<Cell>>,
}

/// A value. The column of an `INTEGER PRIMARY KEY` is stored as null.
pub enum Cell {
    Null,
    Integer(i64),
    Text(String),
    Blob(Vec<u8>),
}

/// The bytes of a database with these tables. Rows beyond a page's room are left out.
pub fn database(tables: &[Table]) -> Vec<u8> {
    let schema: Vec<Vec<Cell>> = tables
        .iter()
        .zip(2..)
        .map(|(table, root)| {
            vec![
                Cell::Text("table".into()),
                Cell::Text(table.name.into()),
                Cell::Text(table.name.into()),
                Cell::Integer(root),
                Cell::Text(table.sql.into()),
            ]
        })
        .collect();
    let mut file = leaf(&schema, HEADER);
    for table in tables {
        file.extend(leaf(&table.rows, 0));
    }
    let pages = (file.len() / PAGE) as u32;
    file[..HEADER].copy_from_slice(&header(pages));
    file
}

/// Section 1.3 of the format.
fn header(pages: u32) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..16].copy_from_slice(b"SQLite format 3\0");
    header[16..18].copy_from_slice(&(PAGE as u16).to_be_bytes());
    // Journal versions, no reserved bytes, and the three fractions that must be these.
    header[18..24].copy_from_slice(&[1, 1, 0, 64, 32, 32]);
    let words = [
        (24, 1), // changes so far, and below the same number again: the page count is valid
        (28, pages),
        (40, 1), // changes of the schema
        (44, 4), // schema format
        (56, 1), // UTF-8
        (92, 1),
        (96, 3_046_001), // version that wrote it
    ];
    for (at, word) in words {
        header[at..at + 4].copy_from_slice(&u32::to_be_bytes(word));
    }
    header
}

/// A leaf page of a table (section 1.6): pointers grow down from `start`, cells up from the end.
fn leaf(rows: &[Vec<Cell>], start: usize) -> Vec<u8> {
    let mut page = vec![0; PAGE];
    let mut end = PAGE;
    let mut count = 0;
    for (row, id) in rows.iter().zip(1..) {
        let record = record(row);
        let mut cell = Vec::new();
        varint(&mut cell, record.len() as u64);
        varint(&mut cell, id);
        cell.extend(record);
        let pointer = start + LEAF + 2 * count;
        if pointer + 2 + cell.len() > end {
            break;
        }
        end -= cell.len();
        page[end..end + cell.len()].copy_from_slice(&cell);
        page[pointer..pointer + 2].copy_from_slice(&(end as u16).to_be_bytes());
        count += 1;
    }
    page[start] = 0x0d;
    page[start + 3..start + 5].copy_from_slice(&(count as u16).to_be_bytes());
    page[start + 5..start + 7].copy_from_slice(&(end as u16).to_be_bytes());
    page
}

/// Section 2.1: the kinds of all values, then the values.
fn record(row: &[Cell]) -> Vec<u8> {
    let (mut kinds, mut values) = (Vec::new(), Vec::new());
    for cell in row {
        let kind = match cell {
            Cell::Null => 0,
            Cell::Integer(0) => 8,
            Cell::Integer(1) => 9,
            Cell::Integer(number) => {
                values.extend(number.to_be_bytes());
                6
            }
            Cell::Text(text) => {
                values.extend(text.as_bytes());
                13 + 2 * text.len() as u64
            }
            Cell::Blob(bytes) => {
                values.extend(bytes);
                12 + 2 * bytes.len() as u64
            }
        };
        varint(&mut kinds, kind);
    }
    // The length counts itself; records here are far below the 127 kinds of a second byte.
    let mut record = Vec::new();
    varint(&mut record, kinds.len() as u64 + 1);
    record.extend(kinds);
    record.extend(values);
    record
}

/// Seven bits a byte, the highest first. Nothing here needs the ninth byte's eighth bit.
fn varint(to: &mut Vec<u8>, number: u64) {
    let bytes = (64 - number.leading_zeros()).div_ceil(7).max(1);
    for nth in (0..bytes).rev() {
        let more = if nth == 0 { 0 } else { 0x80 };
        to.push((number >> (7 * nth)) as u8 & 0x7f | more);
    }
}

#[cfg(test)]
mod tests {
    use super::{Cell, PAGE, Table, database, varint};

    #[test]
    fn a_database_has_a_page_for_the_schema_and_one_for_each_table() {
        let table = |name| Table {
            name,
            sql: "CREATE TABLE a (b TEXT)",
            rows: vec![vec![Cell::Text("x".repeat(300))]],
        };
        let file = database(&[table("a"), table("b")]);
        assert_eq!(file.len(), 3 * PAGE);
        assert!(file.starts_with(b"SQLite format 3\0"));
        assert_eq!(file[28..32], [0, 0, 0, 3]);
        // One cell on each leaf.
        assert_eq!(file[PAGE + 3..PAGE + 5], [0, 1]);
        assert!(file[PAGE..].ends_with(&[b'x'; 300]));
    }

    #[test]
    fn a_page_that_is_full_stays_a_page() {
        let rows = (0..100).map(|_| vec![Cell::Blob(vec![7; 500])]).collect();
        let sql = "CREATE TABLE a (b BLOB)";
        let name = "a";
        assert_eq!(database(&[Table { name, sql, rows }]).len(), 2 * PAGE);
    }

    #[test]
    fn varints_are_those_of_the_format() {
        let coded = |number| {
            let mut bytes = Vec::new();
            varint(&mut bytes, number);
            bytes
        };
        assert_eq!(coded(0), [0]);
        assert_eq!(coded(127), [127]);
        assert_eq!(coded(128), [0x81, 0]);
        assert_eq!(coded(16_383), [0xff, 0x7f]);
    }
}
