// Opens all pages of a scenario in all views, runs all checks, and reports.

import { mkdir } from 'node:fs/promises';

import { chromium } from 'playwright-core';

import { ALL, FILTER_CHECKS, PAGE_CHECKS, VISIT_CHECKS } from '../checks/index.mjs';
import { VIEWS } from './view.mjs';
import { visit } from './visit.mjs';

/** Nothing leaves the machine, whatever a page asks for. */
const ISOLATED = '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1';

/**
 * The report on a scenario:
 *
 * {
 *   "browser": "156.0.8078.108",
 *   "runs": {"console": 24, …},             how often each check was made
 *   "problems": [{"check": "console", "page": "objects", "view": "dark-375", "problem": "…"}],
 *   "screenshots": ["/somewhere/objects-dark-375.png", …],
 *   "bytes": {"objects": {"html": 8192, "assets": 4096}, …}
 * }
 *
 * `only` are the names of the checks to make.
 */
export async function tour(scenario, only = ALL) {
  await mkdir(scenario.screenshots, { recursive: true });
  const browser = await chromium.launch({ executablePath: scenario.browser, args: [ISOLATED] });
  try {
    const report = { browser: browser.version(), runs: {}, problems: [], screenshots: [], bytes: {} };
    const chosen = (checks) => checks.filter(({ name }) => only.includes(name));
    for (const page of scenario.pages) {
      await inAllViews(browser, scenario, page, report, chosen(VISIT_CHECKS));
      await onPage(browser, scenario, page, report, chosen(PAGE_CHECKS));
    }
    for (const filter of scenario.filters) {
      await onPage(browser, scenario, filter, report, chosen(FILTER_CHECKS));
    }
    return report;
  } finally {
    await browser.close();
  }
}

/** Opens a page in each view, and runs checks on what there is then. */
async function inAllViews(browser, scenario, page, report, checks) {
  for (const view of checks.length > 0 ? VIEWS : []) {
    const visited = await visit(browser, { base: scenario.base, path: page.path, view });
    const subject = { ...visited, page, screenshots: scenario.screenshots, report };
    for (const check of checks) {
      await run(check, report, page.name, view.name, () => check.check(subject));
    }
    await visited.context.close();
  }
}

/** Runs checks that open the page themselves, as often as they like. */
async function onPage(browser, scenario, page, report, checks) {
  for (const check of checks) {
    const opened = [];
    const open = async (view, prepare) => {
      const visited = await visit(browser, { base: scenario.base, path: page.path, view, prepare });
      opened.push(visited);
      return visited;
    };
    await run(check, report, page.name, '', () => check.check({ page, base: scenario.base, browser, open }));
    await Promise.all(opened.map((visited) => visited.context.close()));
  }
}

/** How long a check may take, in milliseconds; nothing is measured with it. */
const PATIENCE = 120_000;

/** Makes one check. One that cannot be made is a problem too, never silence. */
async function run({ name }, report, page, view, check) {
  report.runs[name] = (report.runs[name] ?? 0) + 1;
  let problems, timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('it does not end')), PATIENCE);
  });
  try {
    problems = await Promise.race([check(), late]);
  } catch (error) {
    problems = [`the check failed: ${error.stack}`];
  } finally {
    clearTimeout(timer);
  }
  for (const problem of problems) {
    report.problems.push({ check: name, page, view, problem });
  }
}
