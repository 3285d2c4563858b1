//! Links between the pages of a list.

use maud::{Markup, html};

/// Links to the first, the previous, the next and the last of `pages` pages; nothing if there is only one.
pub(super) fn links(number: usize, pages: usize, to: impl Fn(usize) -> String) -> Markup {
    html! {
        @if pages > 1 {
            nav.pages aria-label="Pages of the list" {
                ul {
                    @if number > 1 {
                        li { a href=(to(1)) { "First" } }
                        li { a href=(to((number - 1).min(pages))) rel="prev" { "Previous" } }
                    }
                    li { "Page " (number) " of " (pages) }
                    @if number < pages {
                        li { a href=(to(number + 1)) rel="next" { "Next" } }
                        li { a href=(to(pages)) { "Last" } }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paging_links_to_the_neighbours() {
        let links = |number, pages| {
            let html = links(number, pages, |page| format!("?page={page}")).into_string();
            let hrefs = html
                .split("href=\"?page=")
                .skip(1)
                .filter_map(|rest| rest.split('"').next())
                .map(str::to_owned);
            hrefs.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(links(1, 1), "");
        assert_eq!(links(1, 3), "2 3");
        assert_eq!(links(2, 3), "1 1 3 3");
        assert_eq!(links(3, 3), "1 2");
        assert_eq!(links(9, 3), "1 3");
    }
}
