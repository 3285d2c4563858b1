// What a reader sees of a page.

/** The text of a page as it is rendered, with all that can be unfolded unfolded, on one line. */
export async function readable(tab) {
  const text = await tab.evaluate(() => {
    for (const details of document.querySelectorAll('details')) {
      details.open = true;
    }
    return document.body.innerText;
  });
  return onOneLine(text);
}

/** Those of `texts` that `readable` does not hold. */
export function missing(texts, readable) {
  return texts.filter((text) => !readable.includes(onOneLine(text)));
}

function onOneLine(text) {
  return text.replace(/\s+/gu, ' ');
}
