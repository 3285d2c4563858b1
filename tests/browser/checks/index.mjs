// All checks. Each is a module with a `name` and a `check`, which returns what is wrong, in sentences; none if nothing is.

import * as accessibility from './accessibility.mjs';
import * as answer from './answer.mjs';
import * as consoleIsQuiet from './console.mjs';
import * as dark from './dark.mjs';
import * as filter from './filter.mjs';
import * as hiddenCharacters from './hidden_characters.mjs';
import * as keyboard from './keyboard.mjs';
import * as links from './links.mjs';
import * as markup from './markup.mjs';
import * as policy from './policy.mjs';
import * as requests from './requests.mjs';
import * as screenshot from './screenshot.mjs';
import * as scroll from './scroll.mjs';
import * as shown from './shown.mjs';
import * as weight from './weight.mjs';
import * as withoutScripts from './without_scripts.mjs';

/** For each page and view, on one visit. The last two judge what happened during all others. */
export const VISIT_CHECKS = [
  answer,
  screenshot,
  scroll,
  markup,
  hiddenCharacters,
  weight,
  accessibility,
  requests,
  consoleIsQuiet,
];

/** Once for each page, which they open themselves. */
export const PAGE_CHECKS = [shown, withoutScripts, dark, keyboard, links, policy];

/** Once for each form that filters. */
export const FILTER_CHECKS = [filter];

/** The names of all. */
export const ALL = [...VISIT_CHECKS, ...PAGE_CHECKS, ...FILTER_CHECKS].map(({ name }) => name);
