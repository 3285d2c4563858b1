// A picture of the whole page, for people to look at. Finds nothing wrong by itself.

import path from 'node:path';

export const name = 'screenshot';

export async function check({ tab, page, view, screenshots, report }) {
  const file = path.join(screenshots, `${page.name}-${view.name}.png`);
  await tab.screenshot({ path: file, fullPage: true, animations: 'disabled', caret: 'initial' });
  report.screenshots.push(file);
  return [];
}
