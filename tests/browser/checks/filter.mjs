// A form that filters keeps its state in the URL, with and without scripts.

import { missing, readable } from '../harness/text.mjs';
import { view as way } from '../harness/view.mjs';
import { painted } from '../harness/visit.mjs';

export const name = 'filter';

/** How long the daemon may take to answer, in milliseconds. */
const PATIENCE = 10_000;

export async function check({ page, open }) {
  const problems = [];
  for (const each of [way('light', 1280), way('light', 375, false)]) {
    problems.push(...(await submit(page, await open(each))).map((problem) => `${each.name}: ${problem}`));
  }
  return problems;
}

async function submit({ fields, shows, hides }, { tab, response, view }) {
  const problems = [];
  const before = await readable(tab);
  problems.push(...missing([...shows, ...hides], before).map((text) => `Without a filter, ${text} is not shown`));
  const form = tab.locator('form').filter({ has: tab.locator(`[name="${Object.keys(fields)[0]}"]`) });
  for (const [field, value] of Object.entries(fields)) {
    const control = form.locator(`[name="${field}"]`);
    if (await control.evaluate((element) => element.matches('select'))) {
      await control.selectOption(value);
    } else {
      await control.fill(value);
    }
  }
  const button = form.locator('button[type="submit"], button:not([type]), input[type="submit"]').first();
  if ((await button.count()) === 0) {
    return [...problems, 'The form has no button that sends it'];
  }
  const another = (answer) => answer.request().isNavigationRequest() && answer.request() !== response.request();
  const [answer] = await Promise.all([
    tab.waitForResponse(another, { timeout: PATIENCE }).catch(() => null),
    button.press('Enter'),
  ]);
  if (!answer) {
    return [...problems, 'The form leads to no other page'];
  }
  await tab.waitForLoadState('load');
  await painted(tab, view);

  if (answer.request().method() !== 'GET') {
    problems.push(`The form is sent by ${answer.request().method()}`);
  }
  const query = new URL(tab.url()).searchParams;
  const after = await readable(tab);
  problems.push(...missing(shows, after).map((text) => `The filter hides ${text}`));
  const left = hides.filter((text) => !missing([text], after).length);
  problems.push(...left.map((text) => `The filter leaves ${text}`));
  for (const [field, value] of Object.entries(fields)) {
    if (query.get(field) !== value) {
      problems.push(`The URL has ${field}=${query.get(field)}, and not ${value}`);
    }
    const control = tab.locator(`form [name="${field}"]`).first();
    const kept = await control.inputValue();
    if (kept !== value) {
      problems.push(`After the filter is applied, the field ${field} has ${JSON.stringify(kept)}, and not ${value}`);
    }
  }
  return problems;
}
