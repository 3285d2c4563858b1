// axe finds nothing that is serious or critical: names, roles, contrast, structure.

import axe from 'axe-core';

export const name = 'accessibility';

const IMPACTS = ['serious', 'critical'];

export async function check({ tab }) {
  await tab.evaluate(axe.source);
  // Style sheets are not fetched once more, which a policy may forbid.
  const { violations } = await tab.evaluate(() => window.axe.run({ resultTypes: ['violations'], preload: false }));
  return violations
    .filter(({ impact }) => IMPACTS.includes(impact))
    .flatMap(({ id, impact, nodes }) =>
      nodes.map(({ html, failureSummary }) => {
        return `${id} (${impact}) at ${html.slice(0, 160)}: ${failureSummary.replace(/\s+/g, ' ')}`;
      }),
    );
}
