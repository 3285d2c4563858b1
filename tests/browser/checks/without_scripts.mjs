// Where no script runs, the page has the same headings, and shows what it must.

import { missing, readable } from '../harness/text.mjs';
import { view } from '../harness/view.mjs';

export const name = 'without_scripts';

export async function check({ page, open }) {
  const headings = async ({ tab }) => tab.locator('h1:visible, h2:visible, h3:visible').allInnerTexts();
  const wanted = await headings(await open(view('light', 1280)));
  const plain = await open(view('light', 1280, false));
  const there = await headings(plain);
  const problems = missing(page.shows, await readable(plain.tab)).map((text) => {
    return `Without scripts, the page does not show ${text}`;
  });
  if (wanted.length === 0) {
    problems.push('The page has no heading');
  }
  if (there.join('\n') !== wanted.join('\n')) {
    problems.push(`Without scripts, the headings are ${JSON.stringify(there)}, and not ${JSON.stringify(wanted)}`);
  }
  return problems;
}
