// One page, opened in one view, with everything that happened meanwhile.

import { contextOptions } from './view.mjs';

/** How long anything may take before the harness gives up, in milliseconds; nothing is measured with it. */
const PATIENCE = 30_000;

/**
 * Opens a page in a context of its own. `prepare` is handed the context before anything is loaded.
 *
 * The visit has the browser's `tab`, the `view`, the `response` of the document, and what happened: `said` (console),
 * `thrown` (errors of scripts), `requests`, `responses` and `dialogs`.
 */
export async function visit(browser, { base, path, view, prepare = async () => {} }) {
  const context = await browser.newContext(contextOptions(view));
  context.setDefaultTimeout(PATIENCE);
  await prepare(context);
  const tab = await context.newPage();
  const happened = { said: [], thrown: [], requests: [], responses: [], dialogs: [] };
  tab.on('console', (message) => happened.said.push({ level: message.type(), text: message.text() }));
  tab.on('pageerror', (error) => happened.thrown.push(String(error)));
  tab.on('request', (request) => happened.requests.push(request));
  tab.on('response', (response) => happened.responses.push(response));
  tab.on('dialog', async (dialog) => {
    happened.dialogs.push(dialog.message());
    await dialog.dismiss();
  });
  const url = new URL(path, base).href;
  const response = await tab.goto(url, { waitUntil: 'load' });
  await painted(tab, view);
  return { tab, context, view, base, url, response, ...happened };
}

/** Waits until what was loaded is on the screen. Where no scripts run, nobody can say when that is. */
export async function painted(tab, { scripts }) {
  if (scripts) {
    await tab.evaluate(async () => {
      await document.fonts.ready;
      await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    });
  }
}
