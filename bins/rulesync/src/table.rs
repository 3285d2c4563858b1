//! Tables for people, as kubectl shows them. What they show may be anybody's text.

use rulesync_core::finding::Printable;

use crate::terminal::HEADING;

/// Returns a table with a title above each column. The last `numbers` columns are numbers, and stand at the right.
pub(crate) fn table<const COLUMNS: usize>(
    title: [&str; COLUMNS],
    numbers: usize,
    rows: impl IntoIterator<Item = [String; COLUMNS]>,
) -> String {
    let rows: Vec<[String; COLUMNS]> =
        rows.into_iter().map(|row| row.map(|cell| Printable(cell).to_string())).collect();
    let title = title.map(str::to_owned);
    let mut width = [0; COLUMNS];
    for row in rows.iter().chain([&title]) {
        for (width, cell) in width.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let line = |row: &[String; COLUMNS]| {
        let mut line = String::new();
        for (index, (cell, width)) in row.iter().zip(width).enumerate() {
            let gap = if index == 0 { "" } else { "  " };
            line.push_str(&if index + numbers < COLUMNS {
                format!("{gap}{cell:width$}")
            } else {
                format!("{gap}{cell:>width$}")
            });
        }
        line.trim_end().to_owned()
    };
    let mut table = format!("{HEADING}{}{HEADING:#}\n", line(&title));
    for row in &rows {
        table.push_str(&line(row));
        table.push('\n');
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_has_columns_as_wide_as_their_widest_cell() {
        let rows = [
            ["a".to_owned(), "\u{1b}b".to_owned(), "1".to_owned()],
            ["äöü".to_owned(), String::new(), "23".to_owned()],
        ];
        let shown = anstream::adapter::strip_str(&table(["ONE", "TWO", "N"], 1, rows)).to_string();
        assert_eq!(shown, "ONE  TWO       N\na    \\u{1b}b   1\näöü           23\n");
    }
}
