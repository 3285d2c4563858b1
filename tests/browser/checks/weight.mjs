// Pages are small, as they are before compression.

export const name = 'weight';

/** Of the page itself, in bytes. */
const HTML = 100_000;

/** Of all that it loads, in bytes. */
const ASSETS = 60_000;

/** What a page loads once; its requests for what changes have no end. */
const LOADED = ['stylesheet', 'script', 'image', 'font', 'media', 'manifest', 'other'];

export async function check({ response, responses, page, report }) {
  const html = (await response.body()).length;
  const loaded = responses.filter((response) => LOADED.includes(response.request().resourceType()));
  const sizes = await Promise.all(loaded.map(async (response) => (await response.body()).length));
  const assets = sizes.reduce((sum, size) => sum + size, 0);
  report.bytes[page.name] = { html, assets };
  const problems = [];
  if (html > HTML) {
    problems.push(`The page has ${html} bytes, more than ${HTML}`);
  }
  if (assets > ASSETS) {
    problems.push(`What the page loads has ${assets} bytes, more than ${ASSETS}`);
  }
  return problems;
}
