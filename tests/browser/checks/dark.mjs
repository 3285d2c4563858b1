// The page is light where the reader's system is, and dark where that is.

import { brightness } from '../harness/pixels.mjs';
import { view } from '../harness/view.mjs';

export const name = 'dark';

export async function check({ browser, open }) {
  const seen = async (theme) => {
    const { tab } = await open(view(theme, 1280));
    return brightness(browser, await tab.screenshot());
  };
  const problems = [];
  const light = await seen('light');
  if (light < 0.8) {
    problems.push(`In the light theme the background has brightness ${light.toFixed(2)} of 1`);
  }
  const dark = await seen('dark');
  if (dark > 0.2) {
    problems.push(`In the dark theme the background has brightness ${dark.toFixed(2)} of 1`);
  }
  return problems;
}
