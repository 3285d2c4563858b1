// The texts that the scenario names are there for a reader, character by character.

import { missing, readable } from '../harness/text.mjs';
import { view } from '../harness/view.mjs';

export const name = 'shown';

export async function check({ page, open }) {
  const { tab } = await open(view('light', 1280));
  return missing(page.shows, await readable(tab)).map((text) => `The page does not show ${text}`);
}
