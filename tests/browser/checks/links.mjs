// Links to our own pages are relative, lead somewhere, and stay below the base, which may be a prefix of a proxy.

import { view } from '../harness/view.mjs';

export const name = 'links';

/** More are not followed: pages of lists repeat themselves. */
const FOLLOWED = 200;

export async function check({ base, open }) {
  const { tab, context } = await open(view('light', 1280));
  const links = await tab.evaluate(() => {
    const all = [...document.querySelectorAll('a[href], link[href], script[src], form[action]')];
    return all.map((element) => {
      const written = element.getAttribute('href') ?? element.getAttribute('src') ?? element.getAttribute('action');
      return { written, url: new URL(written, document.baseURI).href, form: element.matches('form[method="post" i]') };
    });
  });
  const problems = [];
  const own = new Map();
  for (const { written, url, form } of links) {
    if (/^\s*\//.test(written)) {
      problems.push(`A link is not relative, so that it fails behind a proxy with a prefix: ${written}`);
    }
    if (new URL(url).origin === new URL(base).origin) {
      if (!url.startsWith(base)) {
        problems.push(`A link leads out of ${base}: ${written}`);
      }
      if (!form) {
        own.set(url.split('#')[0], written);
      }
    }
  }
  for (const [url, written] of [...own].slice(0, FOLLOWED)) {
    const response = await context.request.head(url, { maxRedirects: 0 });
    if (response.status() !== 200) {
      problems.push(`A link leads to ${response.status()}: ${written}`);
    }
  }
  return problems;
}
