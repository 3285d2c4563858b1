// Characters that hide, or that turn other text around, show as what they are: whoever reads a rule must see what it
// says. Fields of forms are left alone, because they hold what the reader wrote.

export const name = 'hidden_characters';

/** Controls; zero-width space, marks of direction; separators of lines; embeddings, overrides, isolates; BOM; tags. */
const HIDDEN =
  '[\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u009f\\u00ad\\u061c\\u200b\\u200e\\u200f' +
  '\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\u{e0000}-\\u{e007f}]';

export async function check({ tab }) {
  return tab.evaluate((pattern) => {
    const hidden = new RegExp(pattern, 'u');
    const written = (text) => {
      const codes = [...text].filter((character) => hidden.test(character));
      return codes.map((character) => `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}`);
    };
    const problems = [];
    const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (hidden.test(node.data) && !node.parentElement.matches('textarea, option')) {
        problems.push(`${written(node.data)} in the text of ${node.parentElement.outerHTML.slice(0, 160)}`);
      }
    }
    for (const element of document.querySelectorAll('[title], [aria-label], [alt], [placeholder]')) {
      for (const name of ['title', 'aria-label', 'alt', 'placeholder']) {
        const value = element.getAttribute(name) ?? '';
        if (hidden.test(value)) {
          problems.push(`${written(value)} in the attribute ${name} of ${element.outerHTML.slice(0, 160)}`);
        }
      }
    }
    return problems;
  }, HIDDEN);
}
