// Tab reaches everything that can be clicked or typed into, in the order of the page, and shows where it is.

import { view } from '../harness/view.mjs';

export const name = 'keyboard';

/** Around an element, where a focus ring may be, in CSS pixels. */
const MARGIN = 6;

const OPERABLE =
  'a[href], button, input, select, textarea, summary, [contenteditable], [tabindex]:not([tabindex^="-"])';

export async function check({ open }) {
  const problems = [];
  for (const way of [view('light', 1280), view('dark', 375)]) {
    const { tab } = await open(way);
    problems.push(...(await walk(tab)).map((problem) => `${way.name}: ${problem}`));
  }
  return problems;
}

/** Presses Tab until the focus leaves the page. */
async function walk(tab) {
  const operable = await tab.evaluateHandle(list, OPERABLE);
  const descriptions = await operable.evaluate((elements) => elements.map((e) => e.outerHTML.slice(0, 120)));
  const problems = [];
  const order = [];
  const kinds = new Set();
  // What scrolls has the focus too, where nothing in it can have it.
  for (let presses = 0; presses < 2 * descriptions.length + 20; presses += 1) {
    await tab.keyboard.press('Tab');
    const focus = await operable.evaluate(focused);
    if (!focus || (focus.index >= 0 && order.includes(focus.index))) {
      break;
    }
    if (focus.index < 0) {
      continue;
    }
    order.push(focus.index);
    const element = descriptions[focus.index];
    if (focus.covered) {
      problems.push(`Something covers the focused element, or it is not on the screen: ${element}`);
    } else if (!kinds.has(focus.kind)) {
      kinds.add(focus.kind);
      if (!(await showsFocus(tab, focus.box))) {
        problems.push(`Nothing on the screen shows that this has the focus: ${element}`);
      }
    }
  }
  for (const [index, element] of descriptions.entries()) {
    if (!order.includes(index)) {
      problems.push(`Tab does not reach ${element}`);
    }
  }
  for (const [at, index] of order.entries()) {
    if (at > 0 && index < order[at - 1]) {
      problems.push(`Tab reaches ${descriptions[index]} after ${descriptions[order[at - 1]]}`);
    }
  }
  return problems;
}

/** Runs in the page: what can be operated, in the order of the page. */
function list(selector) {
  return [...document.querySelectorAll(selector)].filter((element) => {
    const inGroup = element.matches('input[type="radio"]') && element.name && !element.checked;
    const usable = !element.disabled && element.type !== 'hidden' && !element.closest('[inert]') && !inGroup;
    return usable && element.checkVisibility({ visibilityProperty: true });
  });
}

/** Runs in the page: where the focus is. */
function focused(operable) {
  const element = document.activeElement;
  if (!element || element === document.body || element === document.documentElement) {
    return null;
  }
  // A link that is wrapped has several boxes.
  const { left, top, width, height } = element.getClientRects()[0] ?? new DOMRect();
  const there = document.elementFromPoint(left + width / 2, top + height / 2);
  const label = element.labels?.[0];
  const seen = there && (element.contains(there) || there.contains(element) || label?.contains(there));
  return {
    index: operable.indexOf(element),
    covered: !seen,
    // Elements of one kind look alike when they have the focus.
    kind: [element.parentElement, element].map((e) => `${e.localName}.${e.className}`).join(' ') + (element.type ?? ''),
    box: { x: left, y: top, width, height },
  };
}

/** Whether the surroundings of the focused element look different without the focus. */
async function showsFocus(tab, box) {
  const { width, height } = tab.viewportSize();
  const [x, y] = [Math.max(0, box.x - MARGIN), Math.max(0, box.y - MARGIN)];
  const clip = {
    x,
    y,
    width: Math.min(width, box.x + box.width + MARGIN) - x,
    height: Math.min(height, box.y + box.height + MARGIN) - y,
  };
  const picture = () => tab.screenshot({ clip, animations: 'disabled', caret: 'hide' });
  const focused = await picture();
  const element = await tab.evaluateHandle(() => document.activeElement);
  await element.evaluate((element) => element.blur());
  const blurred = await picture();
  await element.evaluate((element) => element.focus());
  return !focused.equals(blurred);
}
